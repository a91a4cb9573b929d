# SPDX-License-Identifier: Apache-2.0
"""make-real: same bytes for the same seed, untouched backgrounds, no leak over the split, implausible looks refused."""

import csv
import hashlib

import numpy as np
import pytest

from harmonize_core.data import sources, toy
from harmonize_core.data.rng import generator
from harmonize_core.errors import ConfigError
from harmonize_core.formats.images import read_image, read_mask
from harmonize_core.formats.triplet import load_triplet
from harmonize_core.make_real import MakeRealOptions, make_real
from harmonize_core.make_real.recolour import Look, recolour, sample_look, statistics, why_implausible

NEUTRAL = Look(strength=0, exposure_ev=0, gains=(1, 1, 1), gamma=1, contrast=1, saturation=1)


def digests(root):
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = toy.write_photographs(tmp_path_factory.mktemp("photos"), count=5)
    rows = [
        {"file": f"toy{i}.png", "mask": f"toy{i}_mask.png", "category": "thing", "split": "val" if i > 2 else "train"}
        for i in range(5)
    ]
    with open(folder / "manifest.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_same_seed_same_bytes_and_a_killed_run_is_completed(photos, tmp_path):
    options = MakeRealOptions(per_photo=3, seed=5)
    make_real(photos, photos, tmp_path / "a", options)
    make_real(photos, photos, tmp_path / "b", options)
    whole = digests(tmp_path / "a")
    assert digests(tmp_path / "b") == whole
    for name in list(whole)[::2]:
        if not name.endswith("make_real.json"):
            (tmp_path / "b" / name).unlink()
    make_real(photos, photos, tmp_path / "b", options)
    assert digests(tmp_path / "b") == whole
    make_real(photos, photos, tmp_path / "c", MakeRealOptions(per_photo=3, seed=6))
    assert digests(tmp_path / "c") != whole


def test_lists_follow_the_manifest_and_lend_no_colours_over_the_split(photos, tmp_path):
    result = make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=2))
    train, test = sources.list_triplets(tmp_path, "train"), sources.list_triplets(tmp_path, "test")
    assert len(train) + len(test) == result.composites
    assert len(test) == result.held_out > 0
    assert not {t.group for t in train} & {t.group for t in test}
    log = [line for line in (tmp_path / "composites.jsonl").read_text().splitlines() if line]
    held_out = {"toy3", "toy4"}
    for line in log:
        composite, donor = line.split('"')[3].split("_")[0], line.split('"donor": "')[1].split('"')[0]
        assert (composite in held_out) == (donor in held_out)


def test_only_the_foreground_changes(photos, tmp_path):
    make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=2))
    for paths in sources.list_triplets(tmp_path):
        t = load_triplet(paths)
        difference = np.abs(t.composite - t.real).max(axis=2)
        assert difference[t.mask >= 0.5].mean() > 5 / 255
        assert np.median(difference[t.mask < 0.5]) <= 2 / 255
    original = read_image(photos / "toy0.png")
    assert np.abs(read_image(tmp_path / "Photos/real_images/toy0.jpg") - original).mean() < 2 / 255


def test_a_folder_without_manifest_is_matched_by_name(tmp_path):
    folder = toy.write_photographs(tmp_path / "in", count=2)
    result = make_real(folder, folder, tmp_path / "out", MakeRealOptions(per_photo=1))
    assert result.photos == 2
    assert sources.splits_of(tmp_path / "out") == ["train"]


def test_another_seed_in_the_same_folder_is_refused(photos, tmp_path):
    make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=1, seed=1))
    with pytest.raises(ConfigError, match="made with other options"):
        make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=1, seed=2))


def test_a_neutral_look_changes_nothing_and_full_strength_takes_the_donors_statistics(photos):
    image, mask = read_image(photos / "toy0.png"), read_mask(photos / "toy0_mask.png")
    donor = statistics(read_image(photos / "toy1.png"), read_mask(photos / "toy1_mask.png"))
    own = statistics(image, mask)
    np.testing.assert_allclose(recolour(image, own, donor, NEUTRAL), image, atol=2e-3)
    moved = recolour(image, own, donor, Look(1, 0, (1, 1, 1), 1, 1, 1))
    # reading the statistics of an unclipped result needs no detour: sRGB is odd and unbounded
    np.testing.assert_allclose(statistics(moved, mask).mean, donor.mean, atol=0.03)


def test_implausible_results_are_named():
    rng = generator(0, "plausible")
    image = rng.uniform(0.3, 0.7, (40, 40, 3)).astype(np.float32)
    mask = np.ones((40, 40), np.float32)
    assert why_implausible(image, image, mask) == "unchanged"
    assert why_implausible(image, image * 3, mask) == "cut-off"
    assert why_implausible(image * 0.15, image * 0.03, mask) == "too dark or too bright"
    assert why_implausible(image, np.full_like(image, 0.6), mask) == "contrast lost"
    assert why_implausible(image, image * 1.2, mask) is None


def test_looks_vary():
    looks = [sample_look(generator(n, "look")) for n in range(50)]
    assert len({look.exposure_ev for look in looks}) > 40
    assert all(0 <= look.strength <= 1 and abs(look.exposure_ev) <= 1.2 for look in looks)


def test_large_photographs_are_shrunk(tmp_path):
    folder = toy.write_photographs(tmp_path / "in", count=2, size=200)
    make_real(folder, folder, tmp_path / "out", MakeRealOptions(per_photo=1, max_side=100))
    assert read_image(tmp_path / "out/Photos/real_images/toy0.jpg").shape == (100, 100, 3)
