# SPDX-License-Identifier: Apache-2.0
"""make-real: same bytes for the same seed, untouched backgrounds, no leak over the split, implausible looks refused."""

import csv
import hashlib
import json
import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harmonize_core import cli
from harmonize_core.color import (
    lalphabeta_to_linear,
    linear_to_lalphabeta,
    linear_to_oklab,
    linear_to_srgb,
    luminance,
    srgb_to_linear,
)
from harmonize_core.data import sources, toy
from harmonize_core.data.edits import Camera, Foreground, Relight, Transfer, draw_edits
from harmonize_core.data.photos import find_all
from harmonize_core.data.plausible import why_implausible
from harmonize_core.data.rng import generator
from harmonize_core.errors import CheckpointError, ConfigError, DatasetError
from harmonize_core.formats.images import read_image, read_mask
from harmonize_core.formats.triplet import load_triplet
from harmonize_core.make_real import MakeRealOptions, SplitOptions, make_real
from harmonize_core.make_real.segment import segment_missing

NEUTRAL = Camera(0.0, (1, 1, 1), 1.0, 1.0, 0.0, 1.0, (0, 0), (0, 0))


def digests(root):
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def log_of(root):
    return [json.loads(line) for line in (root / "composites.jsonl").read_text().splitlines()]


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


@pytest.fixture
def ball():
    """A soft-edged ball of many colours in a picture of 64x64."""
    y, x = np.mgrid[:64, :64] - 31.5
    mask = np.clip(24.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return Foreground.of(generator(0, "ball").uniform(0.2, 0.8, (64, 64, 3)).astype(np.float32), mask)


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
    result = make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=4, generators=("transfer", "camera")))
    train, test = sources.list_triplets(tmp_path, "train"), sources.list_triplets(tmp_path, "test")
    assert len(train) + len(test) == result.composites
    assert len(test) == result.held_out > 0
    assert not {t.group for t in train} & {t.group for t in test}
    held_out = {"toy3", "toy4"}
    lent = [entry for entry in log_of(tmp_path) if "donor" in entry]
    assert lent
    for entry in lent:
        assert (entry["composite"].split("_")[0] in held_out) == (entry["donor"] in held_out)


def test_only_the_foreground_changes(photos, tmp_path):
    make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=4))
    for paths in sources.list_triplets(tmp_path):
        t = load_triplet(paths)
        difference = np.abs(t.composite - t.real).max(axis=2)
        assert difference[t.mask >= 0.5].mean() > 5 / 255
        assert np.median(difference[t.mask < 0.5]) <= 2 / 255
    original = read_image(photos / "toy0.png")
    assert np.abs(read_image(tmp_path / "Photos/real_images/toy0.jpg") - original).mean() < 2 / 255


def test_the_named_generators_and_no_others_are_used(photos, tmp_path):
    names = ("mkl", "camera+relight")
    make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=6, generators=names))
    used = {tuple(edit["edit"] for edit in entry["edits"]) for entry in log_of(tmp_path)}
    assert used == {("transfer",), ("camera", "relight")}
    assert {entry["generator"] for entry in log_of(tmp_path)} == set(names)
    with pytest.raises(ConfigError, match="'blur'"):
        make_real(photos, photos, tmp_path / "b", MakeRealOptions(generators=("camera+blur",)))
    assert not (tmp_path / "b").exists()


def test_a_folder_without_manifest_is_matched_by_name(tmp_path):
    folder = toy.write_photographs(tmp_path / "in", count=2)
    result = make_real(folder, folder, tmp_path / "out", MakeRealOptions(per_photo=1))
    assert result.photos == 2
    assert sources.splits_of(tmp_path / "out") == ["train"]


def test_another_seed_in_the_same_folder_is_refused(photos, tmp_path):
    make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=1, seed=1))
    with pytest.raises(ConfigError, match="made with other options"):
        make_real(photos, photos, tmp_path, MakeRealOptions(per_photo=1, seed=2))


def write_manifest(folder, rows):
    with open(folder / "manifest.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def people_and_things(root):
    """Two folders: 8 photographs of things; 12 of people, half of them of one shooting and one of no known category."""
    things = toy.write_photographs(root / "things", count=8, size=48)
    rows = [{"file": f"toy{i}.png", "mask": f"toy{i}_mask.png", "category": "thing"} for i in range(8)]
    write_manifest(things, rows)
    people = toy.write_photographs(root / "people", count=12, size=48, seed=1)
    for i in range(12):
        for ending in (".png", "_mask.png"):
            (people / f"toy{i}{ending}").rename(people / f"man{i}{ending}")
    rows = [
        {"file": f"man{i}.png", "mask": f"man{i}_mask.png", "category": "person" if i else "", "has_person": "1"}
        | {"series": "one" if i < 6 else "", "licence": "CC0-1.0"}
        for i in range(12)
    ]
    return things, write_manifest(people, rows)


def test_people_are_listed_apart_and_a_series_is_never_on_both_sides(tmp_path):
    things, people = people_and_things(tmp_path)
    split = SplitOptions(("has_person=1",), held_out=0.25, held_out_novel=0.5, per_series=4)
    make_real(things, things, tmp_path / "out", MakeRealOptions(per_photo=2, split=split), also=[people])
    lists = {
        name: {t.group for t in sources.list_triplets(tmp_path / "out", name)}
        for name in sources.splits_of(tmp_path / "out")
    }
    assert lists.keys() == {f"{side}{split}" for side in ("", "base_", "novel_") for split in ("train", "test")}
    assert not lists["train"] & lists["test"]
    for split in ("train", "test"):
        assert lists[split] == lists[f"base_{split}"] | lists[f"novel_{split}"]
        assert all("man" in group for group in lists[f"novel_{split}"])
        assert all("toy" in group for group in lists[f"base_{split}"])
    assert len(lists["base_test"]) == 2
    with open(tmp_path / "out/photos.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    told = {(row["series"], row["split"]) for row in rows if row["series"]}
    assert len(told) == 1
    assert sum(row["series"] == "one" for row in rows) == 4
    assert {row["folder"]: (row["side"], row["licence"]) for row in rows} == {
        "people": ("novel", "CC0-1.0"),
        "things": ("base", ""),
    }
    digest = hashlib.sha256((things / "toy0.png").read_bytes()).hexdigest()
    assert digest in {row["sha256"] for row in rows}
    for entry in log_of(tmp_path / "out"):
        assert entry["composite"][:3] == entry.get("donor", entry["composite"])[:3]


def test_one_picture_under_several_names_is_never_on_both_sides(tmp_path):
    """As in sets with several masks of a picture, each beside a copy of it."""
    photos = toy.write_photographs(tmp_path / "photos", count=12, size=48)
    for i in range(6, 12):
        (photos / f"toy{i}.png").write_bytes((photos / f"toy{i - 6}.png").read_bytes())
    for seed in range(4):
        out = tmp_path / f"out{seed}"
        make_real(photos, photos, out, MakeRealOptions(per_photo=1, split=SplitOptions(held_out=0.5), seed=seed))
        with open(out / "photos.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        split = {row["name"]: row["split"] for row in rows}
        assert all(split[f"toy{i}"] == split[f"toy{i + 6}"] for i in range(6))
        assert {row["series"] for row in rows} == {min(f"toy{i}", f"toy{i + 6}") for i in range(6)}


def test_series_that_share_a_picture_are_one(tmp_path):
    """A frame of a walk is listed again in another series: the rest of both must be on one side, too."""
    photos = toy.write_photographs(tmp_path / "photos", count=8, size=48)
    (photos / "toy2.png").write_bytes((photos / "toy1.png").read_bytes())
    with open(photos / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "mask", "series"])
        series = ("walk", "walk", "stroll", "stroll", "", "", "", "")
        rows.writerows([f"toy{i}.png", f"toy{i}_mask.png", name] for i, name in enumerate(series))
    assert [photo.series for photo in find_all([(photos, photos)])] == ["walk"] * 4 + [""] * 4


def test_a_series_that_the_manifest_splits_and_names_that_meet_are_refused(tmp_path):
    things, people = people_and_things(tmp_path)
    with pytest.raises(DatasetError, match="both become 'toy0'"):
        make_real(things, things, tmp_path / "out", also=[things])
    with pytest.raises(ConfigError, match="but none is novel; categories: any, person, thing"):
        make_real(people, people, tmp_path / "out", MakeRealOptions(split=SplitOptions(("dog",))), also=[things])
    rows = [
        {"file": f"man{i}.png", "mask": f"man{i}_mask.png", "split": s, "series": "x"}
        for i, s in enumerate(("train", "test"))
    ]
    with pytest.raises(DatasetError, match="series 'x' on both sides"):
        make_real(write_manifest(people, rows), people, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["reinhard", "mkl", "histogram"])
def test_a_whole_transfer_takes_the_donors_colours_and_none_keeps_its_own(ball, method):
    donor = generator(1, "donor").uniform((0.3, 0.2, 0.1), (0.6, 0.4, 0.3), (500, 3)).astype(np.float32)
    encode = linear_to_lalphabeta if method == "reinhard" else linear_to_srgb
    moved = encode(Transfer(method, 1.0).apply(ball, ball.colors, donor))
    wanted = encode(donor)
    np.testing.assert_allclose(np.average(moved, axis=0, weights=ball.weights), wanted.mean(0), atol=0.01)
    spread = np.sqrt(np.average((moved - moved.mean(0)) ** 2, axis=0, weights=ball.weights))
    if method != "reinhard":  # whose factors of the spread are limited
        np.testing.assert_allclose(spread, wanted.std(0), rtol=0.05)
    np.testing.assert_allclose(Transfer(method, 0.0).apply(ball, ball.colors, donor), ball.colors, atol=1e-3)


def test_a_neutral_camera_changes_nothing_and_a_stop_doubles_the_light(ball):
    np.testing.assert_allclose(NEUTRAL.apply(ball, ball.colors, ball.colors), ball.colors, atol=1e-4)
    brighter = Camera(1.0, (1, 1, 1), 1.0, 1.0, 0.0, 1.0, (0, 0), (0, 0)).apply(ball, ball.colors, ball.colors)
    np.testing.assert_allclose(brighter, 2 * ball.colors, atol=1e-3)


@pytest.mark.parametrize("contrast", [0.6, 1.5])
def test_the_curve_of_a_camera_never_falls_and_keeps_black_and_white(contrast):
    greys = np.linspace(0, 1, 200, dtype=np.float32)[:, None].repeat(3, 1)
    ramp = Foreground(greys, np.ones(200, np.float32), np.arange(200), np.arange(200), np.ones((200, 200), np.float32))
    out = Camera(0.0, (1, 1, 1), 1.0, contrast, 0.0, 1.0, (0, 0), (0, 0)).apply(ramp, greys, greys)[:, 1]
    assert np.diff(out).min() > -1e-5
    np.testing.assert_allclose(out[[0, -1]], [0, 1], atol=1e-3)


@pytest.mark.parametrize("angle", [0, math.pi / 2, math.pi, 4.5])
def test_relighting_brightens_the_side_of_the_light_and_keeps_the_mean(ball, angle):
    grey = np.full_like(ball.colors, 0.3)
    lit = luminance(Relight(angle, 0.2, 2.0, 0.0).apply(ball, grey, grey))
    side = (ball.columns - 31.5) * math.cos(angle) - (ball.rows - 31.5) * math.sin(angle)
    assert lit[side > 10].mean() > 1.5 * lit[side < -10].mean()
    assert np.average(lit, weights=ball.weights) == pytest.approx(0.3, rel=1e-3)


def test_lalphabeta_round_trips_and_separates_grey_from_colour():
    colors = generator(0, "colours").uniform(0.01, 1, (100, 3)).astype(np.float32)
    np.testing.assert_allclose(lalphabeta_to_linear(linear_to_lalphabeta(colors)), colors, atol=1e-5)
    greys = linear_to_lalphabeta(np.array([[0.1, 0.1, 0.1], [0.8, 0.8, 0.8]]))
    np.testing.assert_allclose(greys[:, 1:], 0, atol=2e-3)  # the published matrix is rounded to four digits


def test_implausible_results_are_named():
    rng = generator(0, "plausible")
    before = rng.uniform(0.3, 0.7, (1600, 3)).astype(np.float32)

    def why(after, start=before):
        return why_implausible(srgb_to_linear(start), srgb_to_linear(after.astype(np.float32)))

    assert why(before) == "unchanged"
    assert why(before * 3) == "cut-off"
    assert why(before * 0.03, before * 0.15) == "too dark or too bright"
    assert why(np.full_like(before, 0.6)) == "contrast lost"
    assert why(before * (0.9, 1.15, 0.9)) == "impossible light"
    assert why(before * (1.15, 1, 0.87)) is None
    assert why(before * 1.2) is None


def test_edits_vary_with_their_seed_and_make_plausible_colours_mostly(ball):
    for name in ("transfer", "camera", "relight"):
        edits = [draw_edits(name, generator(n, "edit")) for n in range(40)]
        assert len(set(edits)) == 40
        assert edits[0] == draw_edits(name, generator(0, "edit"))
        donor = ball.colors[::-1] * np.float32(0.6)
        reasons = [why_implausible(ball.colors, edit[0].apply(ball, ball.colors, donor)) for edit in edits]
        assert reasons.count(None) > 10, reasons
        assert np.isfinite(linear_to_oklab(edits[0][0].apply(ball, ball.colors * 0, donor))).all()


def test_large_photographs_are_shrunk(tmp_path):
    folder = toy.write_photographs(tmp_path / "in", count=2, size=200)
    command = ["make-real", *map(str, (folder, folder, tmp_path / "out")), "--per-photo", "1", "--quiet"]
    assert cli.main([*command, "--max-side", "100"]) == 0
    assert read_image(tmp_path / "out/Photos/real_images/toy0.jpg").shape == (100, 100, 3)


def write_network(file, size, channels=3):
    """A network that finds what is redder than ImageNet's mean red."""
    box = helper.make_tensor_value_info
    kernel = helper.make_tensor("w", TensorProto.FLOAT, (1, channels, 1, 1), [1.0] + [0.0] * (channels - 1))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["picture", "w"], ["red"]), helper.make_node("Sigmoid", ["red"], ["mask"])],
        "redness",
        [box("picture", TensorProto.FLOAT, (1, channels, size, size))],
        [box("mask", TensorProto.FLOAT, (1, 1, size, size))],
        [kernel],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return file


def test_photographs_without_masks_get_them_from_the_users_network(tmp_path):
    folder, masks = toy.write_photographs(tmp_path / "in", count=2, size=80), tmp_path / "masks"
    drawn = (folder / "toy0_mask.png").rename(tmp_path / "toy0_mask.png")
    (folder / "toy1_mask.png").unlink()
    masks.mkdir()
    drawn.rename(masks / "toy0_mask.png")
    kept = (masks / "toy0_mask.png").read_bytes()
    found = segment_missing(folder, masks, write_network(tmp_path / "u2net.onnx", 320))
    assert found.written == (masks / "toy1_mask.png",)
    assert not found.skipped
    assert (masks / "toy0_mask.png").read_bytes() == kept
    mask, image = read_mask(masks / "toy1_mask.png"), read_image(folder / "toy1.png")
    assert mask.shape == image.shape[:2]
    assert image[mask > 0.8, 0].mean() > image[mask < 0.2, 0].mean() + 0.2
    assert segment_missing(folder, masks, tmp_path / "u2net.onnx").written == ()  # nothing is left to do


def test_networks_that_do_not_fit_are_refused_by_name(tmp_path):
    folder = toy.write_photographs(tmp_path / "in", count=1)
    with pytest.raises(ConfigError, match="64x64 pixels"):
        segment_missing(folder, tmp_path / "m", write_network(tmp_path / "n.onnx", 64))
    with pytest.raises(CheckpointError, match=r"\(1, 3, S, S\)"):
        segment_missing(folder, tmp_path / "m", write_network(tmp_path / "n.onnx", 320, channels=4))
    with pytest.raises(CheckpointError, match="no model file"):
        segment_missing(folder, tmp_path / "m", tmp_path / "missing.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(CheckpointError, match="not a readable ONNX model"):
        segment_missing(folder, tmp_path / "m", tmp_path / "broken.onnx")
    assert not (tmp_path / "m").exists()
