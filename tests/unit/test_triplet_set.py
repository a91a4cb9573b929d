# SPDX-License-Identifier: Apache-2.0
"""Sets that the add-on exports are read by the loaders of training and by the generator's own reader."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from blender_addon import triplet_set
from harmonize_core.data.sources import list_triplets, splits_of
from harmonize_core.errors import InputError, OutputError
from harmonize_core.formats import rdharmony
from harmonize_core.formats.images import read_image, read_mask
from rdharmony_gen import cli
from rdharmony_gen.sampling.conditions import sample_condition
from rdharmony_gen.spec.records import read_manifest
from rdharmony_gen.spec.styles import STYLES
from rdharmony_gen.validate.exported import validate_exported
from rdharmony_gen.validate.recall import validate_and_remember

STYLE_NUMBERS = (1, 4, 10)


def write_frame(
    root: Path,
    number: int,
    *,
    place: str = "kitchen_shot",
    split: str = "train",
    style: str = "",
    size: tuple[int, int] = (12, 16),
    plate: bool = False,
) -> dict:
    rng = np.random.default_rng(number)
    coverage = np.clip(rng.uniform(-1, 2, size), 0, 1).astype(np.float32)
    coverage[: size[0] // 2] = 0
    reals = {s: rng.random((*size, 3), dtype=np.float32) for s in STYLE_NUMBERS}
    conditions = {s: asdict(sample_condition(3, ("test",), STYLES[s - 1])) for s in STYLE_NUMBERS}
    for condition in conditions.values():
        condition["style"] = style or condition["style"]
    exposures = {s: (0.25 * s, (1.1, 1.0, 0.9)) for s in STYLE_NUMBERS}
    view = triplet_set.View("dog", place, number, split, conditions, exposures, {"frame": number, "assets": []})
    pairs = [(a, b) for a in reals for b in reals if a != b]
    made = (((a, b), np.where(coverage[..., None] > 0, reals[b], reals[a])) for a, b in pairs)
    if plate:
        made = (found for found in made if found[0][0] == STYLE_NUMBERS[0])
    kept = STYLE_NUMBERS[:1] if plate else STYLE_NUMBERS
    triplet_set.write_view(root, view, "key", coverage, {s: reals[s] for s in kept}, made)
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


def exported(root: Path) -> Path:
    """Two shots of two sizes, one of them before a plate."""
    write_frame(root, 7)
    write_frame(root, 8)
    write_frame(root, 9, place="porch", split="test", size=(20, 10), plate=True)
    assert triplet_set.write_lists(root, "Cycles, Blender 4.5.15", "test") == (3, 14)
    return root


def test_the_generator_finds_an_exported_set_valid(tmp_path, capsys):
    found = validate_and_remember(exported(tmp_path))
    assert found.problems == ()
    assert (found.views, found.files) == (3, 3 * 2 + 3 + 3 + 1 + 6 + 6 + 2)
    cli.validate(tmp_path)
    assert "3 views" in capsys.readouterr().out


def test_an_exported_set_without_its_list_is_refused(tmp_path):
    (exported(tmp_path) / "manifest.jsonl").unlink()
    with pytest.raises(InputError, match="export a frame again"):
        validate_and_remember(tmp_path)


def drop_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda root: drop_line(root / "splits/train.txt"), "should be in the split train but is in none"),
        (lambda root: drop_line(root / "SDog/SDog_all_labeled.txt"), "is in no label file"),
        (lambda root: (root / "SDog/notes.txt").write_text("mine"), "has no place in the layout"),
        (lambda root: (root / "SDog/masks/porch_00_v009.png").unlink(), "porch_00_v009.png"),
        (
            lambda root: (root / "SDog/real_images/kitchen_shot_00_v007-4.png").write_bytes(
                (root / "SDog/real_images/kitchen_shot_00_v008-4.png").read_bytes()
            ),
            "was changed after it was made",
        ),
        (
            lambda root: write_frame(root, 10, place="porch", split="train"),
            "scene porch belongs to test but is in train",
        ),
    ],
)
def test_the_generator_names_what_is_wrong_with_an_exported_set(tmp_path, harm, said):
    harm(exported(tmp_path))
    if said.startswith("scene"):
        triplet_set.write_lists(tmp_path, "Cycles, Blender 4.5.15", "test")
    assert any(said in str(problem) for problem in validate_exported(tmp_path).problems)


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
