# SPDX-License-Identifier: Apache-2.0
"""The data a table needs, cut from one root: base and novel categories of photographs, rendered triplets of the novel.

`ROOT/photographic` and `ROOT/photographic_hr` are in iHarmony4 layout with train and test lists, `ROOT/rendered` and
`ROOT/rendered_hr` in RdHarmony layout.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harmonize_core.benchmark.tables import Plan, Table, TestSet, is_high_resolution
from harmonize_core.data.dataset import Movable, SampleSource, TripletDataset
from harmonize_core.data.sources import list_triplets, scored_split, thin
from harmonize_core.errors import ConfigError, DatasetError
from harmonize_core.formats.images import image_size, read_lines
from harmonize_core.formats.triplet import Domain, TripletPaths
from harmonize_core.train.sets import Sets, refuse_leak

HR_FOLDERS = ("photographic_hr", "rendered_hr")
"""Where pictures for the high-resolution tables are looked for, the first with large ones is taken."""


@dataclass(frozen=True)
class LargePictures:
    """Test pictures that a high-resolution table need not enlarge."""

    folder: str
    """Below the root."""
    triplets: list[TripletPaths]
    too_small: int
    """Test pictures of that folder that were left out: their shorter side is below the table's."""

    def describe(self) -> str:
        """Where the pictures are from and how many were left out."""
        left_out = f", {self.too_small} smaller ones left out" if self.too_small else ""
        return f"pictures of {self.folder} of at least that size{left_out}"


@dataclass(frozen=True)
class SeedsData:
    """All triplets that the tables train and test on."""

    root: Path
    train: dict[str, list[TripletPaths]]
    """base, novel and rendered."""
    test: dict[TestSet, list[TripletPaths]]
    large: dict[int, LargePictures] = field(default_factory=dict)
    """By the side of the high-resolution table that they are for."""
    roots: tuple[Path, ...] = ()
    """Of triplets that do not lie below `root`."""

    def sets(self, plan: Plan, stage: int, size: int, limit: int, seed: int) -> Sets:
        """Training data of a plan at the network's input size; `stage` 1 of two-stage is its second half."""
        domains = self.training(plan, stage)
        train: dict[Domain, SampleSource[Movable]] = {
            d: TripletDataset(thin(t, limit), size=size, seed=seed) for d, t in domains.items() if t
        }
        if not train:
            raise DatasetError(f"{self.root} holds no triplets for the training plan {plan!r}; see --novel")
        return Sets(train, {})

    def training(self, plan: Plan, stage: int = 0) -> dict[Domain, Sequence[TripletPaths]]:
        """The triplets of a plan, of both domains."""
        base, novel, rendered = (self.train[name] for name in ("base", "novel", "rendered"))
        photographic: Sequence[TripletPaths] = {
            "all": [*base, *novel],
            "base": base,
            "novel": novel,
            "base-part": thin(base, len(novel)),
            "rendered-part": [],
            "rendered": [],
            "fusion": base,
            "two-stage": base if stage else [],
            "oracle": [*base, *novel],
        }[plan]
        drawn: Sequence[TripletPaths] = []
        if plan == "rendered-part":
            drawn = thin(rendered, len(novel))
        elif plan in ("rendered", "fusion") or (plan == "two-stage" and not stage):
            drawn = rendered
        return {"rendered": drawn, "photographic": photographic}

    def tested(self, table: Table, where: TestSet) -> list[TripletPaths]:
        """All pictures that a column of a table may be measured on."""
        return self.large[table.size].triplets if is_high_resolution(table) else self.test[where]

    def names(self, sets: Sets) -> list[str]:
        """The composites that a run learns from, by their paths below the root they are from."""
        return [self._name(triplet) for dataset in sets.train.values() for triplet in dataset.triplets]

    def _name(self, triplet: TripletPaths) -> str:
        for root in self.roots:
            with contextlib.suppress(ValueError):
                return triplet.composite.relative_to(root).as_posix()
        return triplet.composite.relative_to(self.root).as_posix()

    def digests(self) -> dict[str, str]:
        """SHA-256 of the names in each list, so that results of other lists are not taken for these."""
        lists = {**self.train, "test": self.test["all"], **{f"test-{s}": p.triplets for s, p in self.large.items()}}
        return {
            name: hashlib.sha256("\n".join(map(self._name, triplets)).encode()).hexdigest()
            for name, triplets in lists.items()
            if triplets
        }


def open_data(root: Path, novel: Sequence[str], tables: Sequence[Table]) -> SeedsData:
    """List everything below `root` that the tables need.

    Args:
        root: with `photographic`; `rendered` where a table has columns of novel categories; `photographic_hr` or
            `rendered_hr` where one is of high resolution.
        novel: words, any of which makes a photograph one of the novel category when its name holds it, and list files
            of composite paths of that category, for training and for testing.
        tables: what is to be made.

    Raises:
        ConfigError: nothing is novel, or everything; no picture is large enough for a table.
        InputError: a folder is missing.
        DatasetError: a broken layout, an empty split, or a photograph that is trained and tested on.
    """
    photographic = root / "photographic"
    train, test = (list_triplets(photographic, split) for split in ("train", "test"))
    refuse_leak(photographic, train, test)
    is_novel = chooser(novel)
    cut = {name: [t for t in train if is_novel(t) == wanted] for name, wanted in (("base", False), ("novel", True))}
    tests: dict[TestSet, list[TripletPaths]] = {
        "all": test,
        "base": [t for t in test if not is_novel(t)],
        "novel": [t for t in test if is_novel(t)],
    }
    domains = any(where == "novel" for table in tables for where, _ in table.columns)
    cut["rendered"] = list_triplets(root / "rendered", "train") if domains else []
    if domains:
        empty = [name for name, triplets in [*cut.items(), *tests.items()] if not triplets]
        if empty:
            raise ConfigError(
                f"the tables on categories need triplets of base and novel ones in both lists of {photographic}, but "
                f"{empty[0]} is empty with --novel {' '.join(novel) or '(nothing)'}; name words that stand in the file "
                "names of the novel photographs"
            )
    sides = {table.size for table in tables if is_high_resolution(table)}
    return SeedsData(root, cut, tests, {side: _large(root, side, train) for side in sorted(sides)})


def _large(root: Path, side: int, train: Sequence[TripletPaths]) -> LargePictures:
    """Pictures of at least side x side: of the first folder that holds some, none of them trained on."""
    found = []
    for name in HR_FOLDERS:
        folder = root / name
        if not folder.is_dir():
            continue
        triplets = list_triplets(folder, scored_split(folder))
        refuse_leak(f"{root / 'photographic'} and {folder}", train, triplets)
        large = [t for t in triplets if min(image_size(t.real)) >= side]
        if large:
            return LargePictures(name, large, len(triplets) - len(large))
        found.append(f"{name} holds {len(triplets)} test pictures, all smaller")
    raise ConfigError(
        f"{root} should hold test pictures of at least {side}x{side} for the tables at {side} px, but "
        f"{' and '.join(found) or 'has neither photographic_hr nor rendered_hr'}; render some (rdharmony make "
        f"{root / 'rendered_hr'} --size {side}x{side}), add larger photographs, or choose other --tables"
    )


def chooser(novel: Sequence[str]) -> Callable[[TripletPaths], bool]:
    """Whether a triplet is of the novel category: words in its composite's name, or files that list it."""
    files = [Path(entry) for entry in novel if Path(entry).is_file()]
    words = [entry for entry in novel if not Path(entry).is_file()]
    listed = {Path(line).name for file in files for line in read_lines(file)}
    return lambda t: t.composite.name in listed or any(word in t.composite.name for word in words)
