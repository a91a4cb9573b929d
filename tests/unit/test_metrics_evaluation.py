# SPDX-License-Identifier: Apache-2.0
"""Evaluations: at which size a network runs, what the table and the files say, predictions made elsewhere, videos."""

import json
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from harmonize_core import cli, metrics
from harmonize_core.data import sources, toy
from harmonize_core.errors import CheckpointError, ConfigError, DatasetError, InputError
from harmonize_core.evaluate.predictions import score_predictions
from harmonize_core.evaluate.report import summary, table, write_report
from harmonize_core.evaluate.run import evaluate, evaluate_triplets
from harmonize_core.formats import hyoutube
from harmonize_core.formats.images import read_image, write_image, write_mask
from harmonize_core.formats.triplet import load_triplet
from harmonize_core.infer.predictor import Predictor
from harmonize_core.runtime.session import Harmonizer, ModelInfo


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Eight photographs of 64 pixels, three composites each, every fourth photograph in the test split."""
    return toy.write_photographic(tmp_path_factory.mktemp("toy") / "set", photos=8, per_photo=3, size=64)


def darker(seen: list[tuple[int, ...]] | None = None, **what) -> Predictor:
    """A network of 32 pixels that takes a tenth of the light away, everywhere; `seen` collects the sizes it runs at."""

    def network(composite, mask):
        if seen is not None:
            seen.append(composite.shape[:2])
        return (0.9 * composite).astype(np.float32)

    return Predictor(Harmonizer(network, ModelInfo("darker", "none", "here", 32)), **what)


def protocol(size: int | None, **choices) -> metrics.Protocol:
    return metrics.Protocol("test", size=size, ssim_window=metrics.SsimWindow(side=7), **choices)


@pytest.mark.parametrize(
    ("what", "size", "at", "sizes"),
    [
        ({"divisor": 8}, 32, "network", {(32, 32)}),
        ({"divisor": 8}, 48, "network", {(32, 32)}),
        ({"divisor": 8}, None, "network", {(32, 32)}),
        ({"divisor": 8}, 48, "protocol", {(48, 48)}),
        ({"divisor": 8}, None, "protocol", {(64, 64)}),
        ({"divisor": 1, "any_size": True}, 50, "network", {(50, 50)}),
        ({"divisor": 1, "any_size": True}, None, "network", {(64, 64)}),
        ({}, 48, "network", {(32, 32)}),
    ],
)
def test_networks_run_at_the_size_that_the_report_names(data, what, size, at, sizes):
    seen: list[tuple[int, ...]] = []
    evaluation = evaluate(darker(seen, **what), data, protocol(size), split="test", at=at)
    assert set(seen) == sizes
    assert len(evaluation.images) == 6
    side = next(iter(sizes))[0]
    assert (f"network at {side}x{side}" if size or side == 32 else "network at full resolution") in evaluation.how


def test_the_transform_of_a_small_run_equals_the_direct_one_for_a_change_it_can_express(data):
    raw, low = (
        evaluate(darker(divisor=8), data, protocol(48, background="composite"), split="test", at=at)
        for at in ("protocol", "network")
    )
    for one, other in zip(raw.images, low.images, strict=True):
        assert one.untouched == other.untouched
        assert abs(one.model.fmse - other.model.fmse) < 0.05 * one.model.fmse


def test_a_size_that_does_not_fit_is_refused_before_anything_runs(data):
    with pytest.raises(ConfigError, match=r"cannot run at 50x50: it takes multiples of 8; use --at network"):
        evaluate(darker(divisor=8), data, protocol(50), at="protocol")
    with pytest.raises(ConfigError, match="32x32 only"):
        evaluate(darker(), data, protocol(64), at="protocol")
    with pytest.raises(CheckpointError, match="charmnet_256 names an architecture, not weights"):
        Predictor.untrained("charmnet_256")


def test_a_predictor_for_any_size_keeps_the_background_and_the_strength(data):
    triplet = load_triplet(sources.list_triplets(data)[0])
    predictor = darker(any_size=True, divisor=1)
    full, half = (predictor(triplet.composite, triplet.mask, strength) for strength in (1.0, 0.5))
    outside = triplet.mask == 0
    np.testing.assert_array_equal(full[outside], triplet.composite[outside])
    np.testing.assert_allclose(full[~outside], 0.9 * triplet.composite[~outside], rtol=1e-6)
    np.testing.assert_allclose(half[~outside], 0.95 * triplet.composite[~outside], rtol=1e-5)


def test_the_table_says_protocol_method_bins_and_intervals_and_the_files_say_the_same(data, tmp_path):
    evaluation = evaluate(darker(divisor=8), data, protocol(32), label="darker")
    text = table(evaluation)
    assert text.startswith("protocol test: 32x32 (cv2 bilinear)")
    assert "method: network at 32x32" in text
    assert "bootstrap over 8 photographs or scenes (few" in text
    ratios = [image.model.fg_ratio for image in evaluation.images]
    for low, high, name in ((0, 0.05, "0-5"), (0.05, 0.15, "5-15"), (0.15, 2, "15-100")):
        inside = sum(low <= r < high for r in ratios)
        assert (f"foreground {name} %" in text) == (0 < inside < len(ratios))
    files = write_report(evaluation, tmp_path)
    stored = json.loads((tmp_path / "summary.json").read_text())
    assert stored["means"]["model"]["fmse"] == pytest.approx(np.mean([i.model.fmse for i in evaluation.images]))
    bounds = stored["intervals"]["model"]["fmse"]
    assert bounds["low"] < stored["means"]["model"]["fmse"] < bounds["high"]
    assert f"{bounds['low']:.2f}" in text
    assert sum(g["images"] for n, g in stored["groups"].items() if n.startswith("foreground")) == len(ratios)
    assert len(files[0].read_text().splitlines()) == 1 + len(ratios)
    assert summary(evaluation) == stored


def test_perfect_and_lonely_results_are_said_in_words(data):
    whole = Predictor(Harmonizer(lambda c, m: c, ModelInfo("nothing", "none", "here", 32)))
    reals = [t for t in sources.list_triplets(data)[:1]]
    same = [type(t)(t.real, t.mask, t.real, t.domain, t.group) for t in reals]
    evaluation = evaluate_triplets(whole, same, data, protocol(32))
    assert "1 images equal the real one: their PSNR is infinite" in table(evaluation)
    assert "no interval: all images are of one photograph" in table(evaluation)
    assert json.loads(json.dumps(summary(evaluation)))["means"]["model"]["psnr"] is None


def test_damage_stops_an_evaluation_or_is_listed(data, tmp_path):
    root = shutil.copytree(data, tmp_path / "set")
    broken = sources.list_triplets(root, "test")[1].composite
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(InputError, match=rf"{broken}.*--skip-corrupt leaves such triplets out"):
        evaluate(darker(), root, protocol(32), split="test")
    evaluation = evaluate(darker(), root, protocol(32), split="test", skip_corrupt=True)
    assert len(evaluation.images) == 5
    assert f"left out: {broken} is not a readable image" in table(evaluation)


def test_under_rainnets_protocol_the_network_sees_the_real_background(data):
    seen = []

    def network(composite, mask):
        seen.append((composite, mask))
        return composite

    predictor = Predictor(Harmonizer(network, ModelInfo("same", "none", "here", 64)))
    evaluation = evaluate(predictor, data, metrics.PROTOCOLS["rainnet"].at(64), split="test")
    for (composite, mask), paths in zip(seen, sources.list_triplets(data, "test"), strict=True):
        triplet = load_triplet(paths)
        np.testing.assert_allclose(composite[mask < 0.5], triplet.real[mask < 0.5], atol=1e-6)
        np.testing.assert_allclose(composite[mask >= 0.5], triplet.composite[mask >= 0.5], atol=1e-6)
    assert "the network sees the real background" in table(evaluation).replace("\n", " ")


def test_a_mask_that_vanishes_at_the_protocols_size_leaves_the_composite(data, tmp_path):
    root = shutil.copytree(data, tmp_path / "set")
    paths = sources.list_triplets(root, "test")[0]
    tiny = np.zeros((64, 64))
    tiny[4, 4] = 1
    write_mask(paths.mask, tiny)
    seen: list[tuple[int, ...]] = []
    evaluation = evaluate(darker(seen), root, protocol(32, mask_resize="pil-nearest"), split="test")
    assert len(seen) == 3  # the three composites of the other photograph
    assert "3 masks are empty at this size" in table(evaluation)


def predictions(data: Path, folder: Path, name) -> Path:
    for t in sources.list_triplets(data, "test"):
        write_image(folder / name(t.composite.relative_to(data)), 0.9 * read_image(t.composite))
    return folder


@pytest.mark.parametrize(
    "name",
    [
        lambda path: path.with_suffix(".png"),
        lambda path: f"{path.parts[0]}/{path.stem}.png",
        lambda path: f"{path.stem}_harmonized.png",
    ],
    ids=["same folders", "subset", "flat"],
)
def test_predictions_are_found_and_score_as_the_network_that_made_them(data, tmp_path, name):
    folder = predictions(data, tmp_path / "made", name)
    scored = score_predictions(folder, data, protocol(64), split="test")
    ours = evaluate(darker(divisor=8), data, protocol(64), split="test", at="protocol")
    for one, other in zip(scored.images, ours.images, strict=True):
        assert one.composite == other.composite
        assert one.model.fmse == pytest.approx(other.model.fmse, rel=0.02)  # the files hold 8 bits


def test_predictions_that_are_missing_ambiguous_or_of_another_size_are_named(data, tmp_path):
    folder = predictions(data, tmp_path / "made", lambda path: f"{path.stem}.png")
    first = sources.list_triplets(data, "test")[0].composite.stem
    write_image(folder / f"{first}.png", np.zeros((20, 64, 3), np.float32))
    assert score_predictions(folder, data, protocol(64), split="test").images
    with pytest.raises(InputError, match="is 64x20 but its composite is 64x64"):
        score_predictions(folder, data, protocol(None), split="test")
    write_image(folder / f"{first}.jpg", np.zeros((64, 64, 3), np.float32))
    with pytest.raises(DatasetError, match="would both be the prediction"):
        score_predictions(folder, data, protocol(64), split="test")
    for path in folder.glob(f"{first}.*"):
        path.unlink()
    with pytest.raises(InputError, match=f"should hold {first}.png, the prediction of"):
        score_predictions(folder, data, protocol(64), split="test")
    twins = shutil.copytree(data, tmp_path / "twins")
    shutil.copytree(twins / "HToy", twins / "HOther")
    shutil.move(twins / "IHD_test.txt", twins / "unused")
    shutil.move(twins / "IHD_train.txt", twins / "unused2")
    flat = tmp_path / "flat"
    for t in sources.list_triplets(twins):
        write_image(flat / f"{t.composite.stem}.png", read_image(t.composite))
    with pytest.raises(DatasetError, match="into folders named as those of the composites"):
        score_predictions(flat, twins, protocol(64))


def test_videos_get_temporal_numbers_clip_by_clip(data, tmp_path):
    root = tmp_path / "videos"
    triplets = sources.list_triplets(data)
    lines = []
    for video, frames in (("a", triplets[:3]), ("b", triplets[3:6])):
        for i, t in enumerate(frames):
            for folder, path in (
                (hyoutube.real_folder(video), t.real),
                (hyoutube.mask_folder(video, "object_0"), t.mask),
                (hyoutube.composite_folder(video, "object_0"), t.composite),
            ):
                (root / folder).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / folder / hyoutube.frame_name(i, path.suffix))
        lines.append(hyoutube.clip_line(video, "object_0"))
    (root / "test_list.txt").write_text("\n".join(lines) + "\n")
    evaluation = evaluate(darker(), root, protocol(32), split="test")
    assert [(c.name, c.frames) for c in evaluation.clips] == [("a/object_0", 3), ("b/object_0", 3)]
    # the real video stands still, the composites flicker from frame to frame
    assert all(c.untouched.fr_rtc > 1 and c.untouched.tl > 10 * c.untouched.tl_real for c in evaluation.clips)
    assert all(c.model.fr_rtc == pytest.approx(0.81 * c.untouched.fr_rtc, rel=0.05) for c in evaluation.clips)
    text = table(evaluation)
    assert "fR-RTC" in text
    assert "OpenCV's DIS optical flow" in text
    assert "per_clip.csv" in {p.name for p in write_report(evaluation, tmp_path / "out")}
    assert not evaluate(darker(), root, protocol(32), split="test", limit=4).clips


def test_the_command_line_knows_every_protocol_and_scores_a_folder(data, tmp_path, capsys):
    assert set(get_args(metrics.ProtocolName)) == set(metrics.PROTOCOLS)
    folder = predictions(data, tmp_path / "made", lambda path: path)
    out = tmp_path / "out"
    command = ["score", str(folder), str(data), "--protocol", "charmnet", "--size", "48", "--out", str(out), "--quiet"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("protocol CharmNet at 48 px: 48x48")
    assert (out / "table.txt").read_text() == printed
    assert cli.main([*command[:5], "--size", "3"]) == 2
    assert "--size should be 16 to" in capsys.readouterr().err
    assert cli.main(["evaluate", "composite", str(data), "--limit", "-3"]) == 2
    assert "--limit should be a number of triplets, or 0 for all of them, but is -3" in capsys.readouterr().err
