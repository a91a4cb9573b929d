# SPDX-License-Identifier: Apache-2.0
"""Which triplets a run takes: splits by name, list files below the root and elsewhere, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from harmonize_core.data import sources, toy
from harmonize_core.errors import ConfigError, DatasetError, InputError
from harmonize_core.train.config import ListConfig, TrainConfig, check
from harmonize_core.train.sets import Sets, open_sets


@pytest.fixture
def root(tmp_path) -> Path:
    """Four photographs of two composites; 0, 1 and 2 in the split train, 3 in test; lists as CharmNet names them."""
    root = toy.write_photographic(tmp_path / "set", size=32)
    names = (root / "IHD_train.txt").read_text().splitlines()
    (root / "IHD_nonhuman_train.txt").write_text("\n".join(names[:3]) + "\n")
    (root / "IHD_human_test.txt").write_text("\r\n".join(names[4:]) + "\r\n")
    return root


def opened(root: Path, training: str | None = None, held_out: str | None = None) -> Sets:
    lists = ListConfig(photographic=training, photographic_held_out=held_out)
    return open_sets(TrainConfig(photographic=root, lists=lists, model="issam_256"))


def names(sets: Sets, part: str = "train") -> list[str]:
    return [t.composite.stem for t in getattr(sets, part)["photographic"].triplets]


def test_a_run_trains_and_validates_on_lists_by_name(root):
    sets = opened(root, "nonhuman_train", "human_test")
    assert names(sets) == ["toy0_1_1", "toy0_1_2", "toy1_1_1"]
    assert names(sets, "held_out") == ["toy2_1_1", "toy2_1_2"]
    assert names(opened(root, "nonhuman_train"), "held_out") == ["toy3_1_1", "toy3_1_2"]  # the set's own test
    assert len(names(opened(root))) == 6
    (root / "IHD_train.txt").unlink()
    assert len(names(opened(root, "nonhuman_train"))) == 3
    with pytest.raises(DatasetError, match=r"lists only human_test, nonhuman_train, test; .*--lists.photographic"):
        opened(root)


@pytest.mark.parametrize("place", ["IHD_nonhuman_train.txt", "../mine.txt", "lists/mine.txt", "absolute"])
def test_a_list_file_lies_below_the_root_or_elsewhere(root, place):
    wanted = sources.list_triplets(root, "nonhuman_train")
    file = root.parent / "list.txt" if place == "absolute" else root / place
    file.parent.mkdir(exist_ok=True)
    file.write_text((root / "IHD_nonhuman_train.txt").read_text())
    assert sources.list_triplets(root, str(file) if place == "absolute" else place) == wanted


def test_lines_name_composites_by_path_or_by_a_name_that_no_other_has(root):
    lines = [
        "HToy/composite_images/toy2_1_1.jpg",
        "",
        "toy0_1_2",
        r"HToy\composite_images\toy1_1_1.jpg",
        "toy1_1_2.jpg\t3",
    ]
    (root.parent / "list.txt").write_text("\n".join(lines))
    found = [t.composite.stem for t in sources.list_triplets(root, "../list.txt")]
    assert found == ["toy2_1_1", "toy0_1_2", "toy1_1_1", "toy1_1_2"]


def test_rendered_triplets_are_listed_by_their_label_lines(tmp_path):
    root = toy.write_rendered(tmp_path / "set", size=32)
    labels = (root / "SHuman/SHuman_all_labeled.txt").read_text().splitlines()[:4]
    (tmp_path / "few.txt").write_text("\n".join(labels))
    sets = open_sets(TrainConfig(rendered=root, lists=ListConfig(rendered=str(tmp_path / "few.txt"))))
    assert [str(t.composite.relative_to(root)) for t in sets.train["rendered"].triplets] == [
        line.partition("\t")[0] for line in labels
    ]


def test_lists_that_are_missing_or_name_something_else_are_refused(root):
    with pytest.raises(
        InputError, match=r"there is no list .*set/IHD_women.txt; .*a split \(human_test, nonhuman_train"
    ):
        opened(root, "IHD_women.txt")
    with pytest.raises(DatasetError, match=r"should hold IHD_women\.txt"):
        opened(root, "women")
    (root.parent / "list.txt").write_text("toy0_1_1\ntoy9_1_1\n")
    with pytest.raises(DatasetError, match=r"list.txt:2 names 'toy9_1_1', which is no composite of"):
        opened(root, "../list.txt")
    twin = root / "HTwin/composite_images/toy0_1_1.jpg"
    for folder in ("composite_images", "masks", "real_images"):
        (root / "HTwin" / folder).mkdir(parents=True)
    twin.write_bytes((root / "HToy/composite_images/toy0_1_1.jpg").read_bytes())
    with pytest.raises(DatasetError, match=r"list.txt:1 names 'toy0_1_1', which is both .*HToy.* and .*HTwin"):
        opened(root, "../list.txt")
    (root.parent / "empty.txt").write_text("\n")
    with pytest.raises(DatasetError, match="empty"):
        opened(root, "../empty.txt")
    with pytest.raises(DatasetError, match="'HToy/real_images/toy0' for training and for testing"):
        opened(root, "nonhuman_train", "train")


def test_a_list_without_its_data_set_is_refused(root):
    config = TrainConfig(photographic=root, steps=1)
    check(config)
    with pytest.raises(ConfigError, match=r"--lists\.rendered-held-out needs the data set's root: --rendered"):
        check(replace(config, lists=ListConfig(rendered_held_out="test")))
