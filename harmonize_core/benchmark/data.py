# SPDX-License-Identifier: Apache-2.0
"""The data a table needs, cut from one root: base and novel categories of photographs, rendered triplets of the novel.

`ROOT/photographic` and `ROOT/photographic_hr` are in iHarmony4 layout with train and test lists, `ROOT/rendered` in
RdHarmony layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.benchmark.tables import Plan, TestSet
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets, thin
from harmonize_core.errors import ConfigError, DatasetError
from harmonize_core.formats.images import read_lines
from harmonize_core.formats.triplet import Domain, TripletPaths
from harmonize_core.train.sets import Sets


@dataclass(frozen=True)
class SeedsData:
    """All triplets that the tables train and test on."""

    root: Path
    train: dict[str, list[TripletPaths]]
    """base, novel and rendered."""
    test: dict[TestSet, list[TripletPaths]]
    test_hr: list[TripletPaths]
    """Pictures for the high-resolution tables: of photographic_hr, or the ordinary ones where there is none."""
    hr_own: bool
    """Whether photographic_hr exists."""

    def sets(self, plan: Plan, stage: int, size: int, limit: int, seed: int) -> Sets:
        """Training data of a plan at the network's input size; `stage` 1 of two-stage is its second half."""
        base, novel, rendered = (self.train[name] for name in ("base", "novel", "rendered"))
        photographic: Sequence[TripletPaths] = {
            "all": [*base, *novel],
            "base": base,
            "novel": novel,
            "base-part": thin(base, len(novel)),
            "rendered-part": [],
            "fusion": base,
            "two-stage": base if stage else [],
            "oracle": [*base, *novel],
        }[plan]
        drawn: Sequence[TripletPaths] = []
        if plan == "rendered-part":
            drawn = thin(rendered, len(novel))
        elif plan == "fusion" or (plan == "two-stage" and not stage):
            drawn = rendered
        domains: dict[Domain, Sequence[TripletPaths]] = {"rendered": drawn, "photographic": photographic}
        train = {d: TripletDataset(thin(t, limit), size=size, seed=seed) for d, t in domains.items() if t}
        if not train:
            raise DatasetError(f"{self.root} holds no triplets for the training plan {plan!r}; see --novel")
        return Sets(train, {})


def open_data(root: Path, novel: Sequence[str], *, hr: bool, domains: bool) -> SeedsData:
    """List everything below `root`.

    Args:
        root: with `photographic`, and `rendered` where `domains`.
        novel: words, any of which makes a photograph one of the novel category when its name holds it; or one list
            file of composite paths.
        hr: whether high-resolution pictures are needed.
        domains: whether novel photographs and rendered triplets are needed.

    Raises:
        ConfigError: nothing is novel, or everything.
        InputError: a folder is missing.
        DatasetError: a broken layout or an empty split.
    """
    photographic = root / "photographic"
    train, test = (list_triplets(photographic, split) for split in ("train", "test"))
    is_novel = _chooser(novel)
    cut = {name: [t for t in train if is_novel(t) == wanted] for name, wanted in (("base", False), ("novel", True))}
    tests: dict[TestSet, list[TripletPaths]] = {
        "all": test,
        "base": [t for t in test if not is_novel(t)],
        "novel": [t for t in test if is_novel(t)],
    }
    cut["rendered"] = list_triplets(root / "rendered", "train") if domains else []
    if domains:
        empty = [name for name, triplets in [*cut.items(), *tests.items()] if not triplets]
        if empty:
            raise ConfigError(
                f"the tables on categories need triplets of base and novel ones in both lists of {photographic}, but "
                f"{empty[0]} is empty with --novel {' '.join(novel) or '(nothing)'}; name words that stand in the file "
                "names of the novel photographs"
            )
    folder = root / "photographic_hr"
    own = hr and folder.is_dir()
    return SeedsData(root, cut, tests, list_triplets(folder, "test") if own else test, own)


def _chooser(novel: Sequence[str]):
    if len(novel) == 1 and Path(novel[0]).is_file():
        listed = {Path(line).name for line in read_lines(Path(novel[0]))}
        return lambda triplet: triplet.composite.name in listed
    return lambda triplet: any(word in triplet.composite.name for word in novel)
