# SPDX-License-Identifier: Apache-2.0
"""How good a network is: what removed means, how colours differ, hard situations, and which cases a sheet shows."""

import math
from dataclasses import replace

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from harmonize_core.data.toy import write_photographic, write_rendered
from harmonize_core.evaluate.case_sheets import ranked, sheet
from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.quality import contestants, measure, standing, unchanged
from harmonize_core.evaluate.run import ImageResult
from harmonize_core.evaluate.stress import SITUATIONS, large, several, small, stress
from harmonize_core.formats.triplet import Triplet
from harmonize_core.metrics import Scores, ciede2000, interval_of_mean, interval_of_ratio, lab


def test_colour_differences_are_those_of_the_published_formula():
    pairs = [  # Sharma et al. 2005, table 1: rows 1, 7, 11, 16, 23
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ]
    for first, second, expected in pairs:
        assert ciede2000(np.array(first, float), np.array(second, float)) == pytest.approx(expected, abs=1e-4)
    first, second = np.random.default_rng(0).random((2, 500, 3))
    first[:20] = first[:20, :1]  # greys have no hue
    np.testing.assert_allclose(
        ciede2000(rgb2lab(first), rgb2lab(second)), deltaE_ciede2000(rgb2lab(first), rgb2lab(second))
    )
    np.testing.assert_allclose(lab(first), rgb2lab(first), atol=0.01)  # four digits of the matrix there


def test_an_interval_of_a_ratio_is_that_of_the_mean_where_all_references_are_one():
    values, groups = [3.0, 5.0, 1.0, 7.0, 2.0], ["a", "b", "c", "d", "d"]
    assert interval_of_ratio(values, [1.0] * 5, groups, seed=0) == interval_of_mean(values, groups, seed=0)
    twice = interval_of_ratio(values, [2 * v for v in values], groups, seed=0)
    assert (twice.low, twice.high) == pytest.approx((0.5, 0.5))
    assert math.isnan(interval_of_ratio([1.0, 2.0], [1.0, 1.0], ["a", "a"], seed=0).low)


def scored(before: float, after: float, group: str) -> ImageResult:
    numbers = Scores(mse=1, fmse=before, psnr=30, fpsnr=20, ssim=1, fssim=1, fg_ratio=0.1)
    return ImageResult("x.jpg", "x", group, model=replace(numbers, fmse=after, psnr=33.0), untouched=numbers)


def test_removed_is_the_ratio_of_the_means_and_the_mean_of_ratios_stands_beside_it():
    images = [scored(1000, 200, "a"), scored(100, 110, "b")]
    found = standing(images, "m", "rendered", "native", "all")
    assert found.removed == pytest.approx(1 - 310 / 1100)
    assert found.mean_removed == pytest.approx((0.8 - 0.1) / 2)
    assert (found.fmse, found.composite_fmse, found.psnr, found.composite_psnr) == (155, 550, 33, 30)
    assert found.removed_interval.low == pytest.approx(-0.1)
    assert found.removed_interval.high == pytest.approx(0.8)
    assert standing([*images, scored(math.nan, math.nan, "c")], "m", "rendered", "native", "all") == found


def test_doing_nothing_removes_nothing_in_any_situation(tmp_path):
    held_out = HeldOut.of(write_photographic(tmp_path, photos=4, per_photo=2, size=96), limit=2)
    own = contestants(["composite", "reinhard"])
    for measured in measure(own, [held_out], ["native"]):
        found = measured.standing()
        assert found.images == 2
        assert (abs(found.removed) < 1e-9) == (measured.method == "composite")
        assert measured.standing(measured.categories()[0]).images <= 2
    rows = {row.situation: row for row in stress(own["composite"], held_out)}
    assert list(rows) == [situation.name for situation in SITUATIONS]
    measurable = [row for row in rows.values() if row.images]
    assert len(measurable) >= 7
    for row in measurable:  # 4 stops of scene-linear light there and back are float32 rounding
        assert abs(row.removed) < 1e-3, row
        assert row.composite_fmse > 0
    assert unchanged("composite", own["composite"], held_out).delta_e == 0
    assert unchanged("reinhard", own["reinhard"], held_out).delta_e > 1


def test_pictures_of_small_large_and_several_foregrounds_are_found():
    picture, mask = np.zeros((200, 300, 3), np.float32), np.zeros((200, 300), np.float32)
    mask[40:160, 40:160] = 1
    whole, rng = Triplet(picture, mask, picture), np.random.default_rng(0)
    assert small(whole, rng) is None
    assert several(whole, rng) is None
    cut = large(whole, rng)
    assert cut is not None
    assert np.mean(cut.mask) == pytest.approx(0.6, abs=0.08)
    tiny = np.zeros_like(mask)
    tiny[40:70, 40:80] = 1
    assert small(Triplet(picture, tiny, picture), rng) is not None
    two = mask.copy()
    two[100:160, 200:260] = 1
    assert several(Triplet(picture, two, picture), rng) is not None
    two[100:160, 200:260] = 0
    two[100:104, 200:204] = 1  # a crumb is no character
    assert several(Triplet(picture, two, picture), rng) is None


def test_a_limit_draws_from_all_scenes_and_not_the_same_pair_of_each(tmp_path):
    root = write_rendered(tmp_path, views=4, conditions=4, size=32)
    everything = HeldOut.of(root, "train").triplets
    groups = {t.group for t in everything}
    chosen = HeldOut.of(root, "train", limit=2 * len(groups)).triplets
    assert len(chosen) == 2 * len(groups) < len(everything)
    assert [t for t in everything if t in chosen] == list(chosen)
    assert all(sum(t.group == group for t in chosen) == 2 for group in groups)
    assert len({t.composite.stem.rpartition("-")[2] for t in chosen}) > 2
    assert HeldOut.of(root, "train", limit=2 * len(groups)).triplets == chosen
    assert {HeldOut.of(root, "train").category(t) for t in chosen} <= {"human", "toy"}


def test_sheets_rank_by_what_was_removed_and_show_no_picture_of_unknown_terms(tmp_path):
    held_out = HeldOut.of(write_photographic(tmp_path, photos=6, per_photo=2, size=96), "train")
    stems = sorted({t.real.stem for t in held_out.triplets})
    (tmp_path / "photos.csv").write_text(
        "name,category,licence,author\n"
        + "".join(
            f"{s},thing,{'package MIT; photo terms not stated' if s == stems[0] else 'CC-BY-4.0'},A\n" for s in stems
        )
    )
    held_out = HeldOut.of(tmp_path, "train")
    own = contestants(["reinhard"])["reinhard"]
    (measured,) = measure({"reinhard": own}, [held_out], ["native"])
    ranks = ranked(measured, count=2)
    shown = [case for cases in ranks.values() for case in cases]
    assert len(shown) == 6
    assert stems[0] not in {case.triplet.real.stem for case in shown}
    removed = {rank: [case.removed for case in cases] for rank, cases in ranks.items()}
    assert min(removed["best"]) >= max(removed["median"])
    assert min(removed["median"]) >= max(removed["worst"])
    assert removed["worst"][0] <= removed["worst"][1]
    assert "A, CC-BY-4.0" in held_out.credit(shown[0].triplet)
    picture = sheet(ranks["worst"], own, held_out)
    assert 0 <= picture.min() < 0.5
    assert picture.max() <= 1
