# SPDX-License-Identifier: Apache-2.0
"""Sets that the add-on exports are read by the loaders of training and by the generator's own reader."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from blender_addon import triplet_set
from harmonize_core.data.sources import list_triplets, splits_of
from harmonize_core.errors import OutputError
from harmonize_core.formats import rdharmony
from harmonize_core.formats.images import read_image, read_mask
from rdharmony_gen.sampling.conditions import sample_condition
from rdharmony_gen.spec.records import read_manifest
from rdharmony_gen.spec.styles import STYLES

STYLE_NUMBERS = (1, 4, 10)


def write_frame(root: Path, number: int, *, place: str = "kitchen_shot", split: str = "train", style: str = "") -> dict:
    rng = np.random.default_rng(number)
    coverage = np.clip(rng.uniform(-1, 2, (12, 16)), 0, 1).astype(np.float32)
    reals = {s: rng.random((12, 16, 3), dtype=np.float32) for s in STYLE_NUMBERS}
    conditions = {s: asdict(sample_condition(3, ("test",), STYLES[s - 1])) for s in STYLE_NUMBERS}
    for condition in conditions.values():
        condition["style"] = style or condition["style"]
    exposures = {s: (0.25 * s, (1.1, 1.0, 0.9)) for s in STYLE_NUMBERS}
    view = triplet_set.View("dog", place, number, split, conditions, exposures, {"frame": number, "assets": []})
    pairs = [(a, b) for a in reals for b in reals if a != b]
    made = (((a, b), np.where(coverage[..., None] > 0, reals[b], reals[a])) for a, b in pairs)
    triplet_set.write_view(root, view, "key", coverage, reals, made)
    return {"coverage": coverage, "reals": reals, "view": view}


def test_training_reads_an_exported_set(tmp_path):
    made = write_frame(tmp_path, 7)
    write_frame(tmp_path, 8, place="porch", split="test")
    assert triplet_set.write_lists(tmp_path, "Cycles, Blender 4.5.15", "test") == (2, 12)
    assert splits_of(tmp_path) == ["test", "train"]
    triplets = list_triplets(tmp_path, "train")
    assert len(triplets) == 6
    assert {t.group for t in triplets} == {"kitchen_shot_00"}
    first = next(t for t in triplets if t.composite.name == "kitchen_shot_00_v007-4_10.png")
    assert first.style_hard == 4
    ratio = float((made["coverage"] >= 0.5).mean())
    assert first.style_soft == pytest.approx([0, 0, 0, 1 - ratio, 0, 0, 0, 0, 0, ratio], abs=1e-5)
    assert np.abs(read_image(first.real) - made["reals"][4]).max() <= 0.5 / 255 + 1e-6
    assert (read_mask(first.mask) == (made["coverage"] >= 0.5)).all()
    alpha = read_mask(tmp_path / "SDog/alpha/kitchen_shot_00_v007.png")
    assert np.abs(alpha - made["coverage"]).max() <= 0.5 / 65535 + 1e-6
    outside = made["coverage"] == 0
    assert (read_image(first.composite)[outside] == read_image(first.real)[outside]).all()


def test_the_generator_reads_its_manifest(tmp_path):
    write_frame(tmp_path, 7)
    triplet_set.write_lists(tmp_path, "Cycles, Blender 4.5.15", "test")
    (record,) = read_manifest(tmp_path / "manifest.jsonl")
    assert record.view.scene_id == "kitchen_shot_00_v007"
    assert [r.style for r in record.reals] == [1, 4, 10]
    assert record.reals[0].exposure_ev == 0.25
    assert len(record.triplets) == 6
    assert all(0 < t.fg_change < 1 for t in record.triplets)


def test_a_view_is_finished_only_whole_and_with_the_same_key(tmp_path):
    view_id = ("dog", write_frame(tmp_path, 7)["view"].scene_id)
    assert triplet_set.is_finished(tmp_path, view_id, "key")
    assert not triplet_set.is_finished(tmp_path, view_id, "another")
    assert not triplet_set.is_finished(tmp_path, ("dog", "porch_00_v007"), "key")
    (tmp_path / "SDog/masks/kitchen_shot_00_v007.png").unlink()
    assert not triplet_set.is_finished(tmp_path, view_id, "key")


def test_one_number_is_one_style(tmp_path):
    write_frame(tmp_path, 7)
    write_frame(tmp_path, 8, style="as_lit")
    with pytest.raises(OutputError, match="into different folders"):
        triplet_set.write_lists(tmp_path, "", "")


def test_folders_are_those_of_the_loaders():
    assert triplet_set.CATEGORIES == rdharmony.CATEGORY_FOLDERS


@pytest.mark.parametrize(("text", "name"), [("Kitchen Shot-3", "kitchen_shot_3"), ("__", "shot"), ("Ünal 2", "nal_2")])
def test_places_have_names_that_can_be_cut(text, name):
    assert triplet_set.place_name(text) == name
