# SPDX-License-Identifier: Apache-2.0
"""What is composed while training keeps its splits: no series on both sides, and the same pictures to validate on."""

from pathlib import Path

import pytest
import torch

from harmonize_core.data import toy
from harmonize_core.data.options import DataConfig
from harmonize_core.data.photo_sets import photographs_in
from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import DatasetError
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.sets import Sets, open_sets

CPU = torch.device("cpu")


def photographs(root: Path, *folders: list[tuple[str, str]]) -> Path:
    """A folder each, with a manifest of the split and series of each of its photographs."""
    for number, lines in enumerate(folders):
        folder = toy.write_photographs(root / f"f{number}", count=len(lines), size=32, seed=number)
        rows = [f"toy{i}.png,toy{i}_mask.png,{split},{series}" for i, (split, series) in enumerate(lines)]
        (folder / "manifest.csv").write_text("\n".join(["file,mask,split,series", *rows]))
    return root


def opened(root: Path, cache: Path, *, limit: int = 0, **data) -> Sets:
    chosen = DataConfig(on_the_fly=True, cache=cache, side=32, **data)
    return open_sets(TrainConfig(photographic=root, model="harmonizer", steps=1, validate_limit=limit, data=chosen))


def names(sets: Sets) -> list[str]:
    return [t.composite.name for t in sets.held_out["photographic"].triplets]


@pytest.mark.parametrize(
    "folders",
    [
        [[("train", "walk"), ("test", "walk"), ("train", "")]],
        [[("train", "walk"), ("test", "")], [("train", ""), ("test", "walk")]],
    ],
    ids=["one folder", "two folders"],
)
def test_a_series_on_both_sides_is_refused(tmp_path, folders):
    root = photographs(tmp_path / "photos", *folders)
    with pytest.raises(DatasetError, match="'walk' for training and for testing"):
        opened(root, tmp_path / "cache")


def test_copies_of_a_picture_are_on_one_side_also_across_folders(tmp_path):
    root = photographs(tmp_path / "photos", [("train", "walk"), ("test", ""), ("train", "")])
    copies = toy.write_photographs(root / "masks of others", count=6, size=32, seed=1)
    for i in range(6):
        (copies / f"toy{i}.png").write_bytes((root / f"f0/toy{i % 3}.png").read_bytes())
    photos = {p.name: p for p in photographs_in(root)}
    assert {p.name: p.series for p in photos.values() if p.held_out} == dict.fromkeys(
        ("f0-toy1", "masks of others-toy1", "masks of others-toy4"), "f0-toy1"
    )
    assert photos["masks of others-toy3"].series == "walk"
    (root / "f0/manifest.csv").unlink()
    sides = {p.name[-1]: set() for p in photos.values()}
    for p in photographs_in(root):
        sides[str(int(p.name[-1]) % 3)].add(p.held_out)
    assert all(len(sides[i]) == 1 for i in "012")


def test_held_out_photographs_are_not_trained_on(tmp_path):
    root = photographs(tmp_path / "photos", [("train", ""), ("test", ""), ("train", "")])
    sets = opened(root, tmp_path / "cache")
    assert {t.real.stem for t in sets.train["photographic"].triplets} == {"toy0", "toy2"}
    assert {t.real.stem for t in sets.held_out["photographic"].triplets} == {"toy1"}


def test_photographs_of_triplets_are_grouped_as_their_triplets_are(tmp_path):
    root = toy.write_photographic(tmp_path / "set", photos=5, size=32)
    trained = opened(root, tmp_path / "cache").train["photographic"]
    assert {t.group for t in trained.triplets} == {t.group for t in list_triplets(root, "train", "photographic")}


def test_fixed_draws_do_not_depend_on_how_a_run_trains(tmp_path):
    lines = [("test", "walk" if i < 5 else "") for i in range(6)]
    root = photographs(tmp_path / "photos", [*lines, ("train", "other"), ("train", "")])
    plain = opened(root, tmp_path / "cache")
    other = opened(root, tmp_path / "cache", edits=("camera",), per_series=2, grade=0.0, identity=1.0, cover=(0.1, 0.9))
    assert names(plain) == names(other)
    assert sorted(names(plain)) == sorted(f"f0-toy{i}_{k}" for i in range(6) for k in range(1, 5))
    samples = [(0, index) for index in range(len(names(plain)))]
    first, second = (s.held_out["photographic"].batch(samples).to(CPU) for s in (plain, other))
    assert torch.equal(first.composite, second.composite)


def test_a_limit_takes_some_of_the_fixed_draws_spread_over_the_photographs(tmp_path):
    root = photographs(tmp_path / "photos", *[[("test", "")] * 4 + [("train", "")]] * 2)
    whole, some = opened(root, tmp_path / "cache"), opened(root, tmp_path / "cache", limit=4)
    assert len({name.rpartition("_")[0] for name in names(some)}) == 4
    assert {name[:2] for name in names(some)} == {"f0", "f1"}
    assert len(names(some)) == len(some.held_out["photographic"]) == 4
    at = [names(whole).index(name) for name in names(some)]
    expected = whole.held_out["photographic"].batch([(0, index) for index in at]).to(CPU)
    found = some.held_out["photographic"].batch([(0, index) for index in range(4)]).to(CPU)
    assert torch.equal(found.composite, expected.composite)


def test_a_broken_manifest_is_said_and_a_folder_without_pairs_passed_over(tmp_path):
    root = photographs(tmp_path / "photos", [("train", ""), ("train", "")])
    (root / "notes").mkdir()
    (root / "notes" / "readme.txt").write_text("no picture")
    assert {p.name for p in photographs_in(root)} == {"f0-toy0", "f0-toy1"}
    (root / "f0" / "manifest.csv").write_text("name,mask\ntoy0.png,toy0_mask.png\n")
    with pytest.raises(DatasetError, match="should name a 'file' and a 'mask'"):
        photographs_in(root)
