# SPDX-License-Identifier: Apache-2.0
"""Which triplets a folder holds: five layouts are told apart by what is inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from harmonize_core.errors import ConfigError, DatasetError, InputError
from harmonize_core.formats import hyoutube, iharmony4, plain, rdharmony, shards
from harmonize_core.formats.images import read_lines
from harmonize_core.formats.triplet import Domain, TripletPaths

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """How triplets can lie in a folder."""

    name: str
    shows: str
    """What the folder is recognised by."""
    is_layout: Callable[[Path], bool]
    splits: Callable[[Path], list[str]]
    list_triplets: Callable[[Path, str | None], list[TripletPaths]]
    list_file: str | None = None
    """Where a split is listed, below the root, with {} for its name; None: not in a file."""


def _frames(root: Path, split: str | None) -> list[TripletPaths]:
    return [frame for clip in hyoutube.list_clips(root, split) for frame in clip.frames]


def _clip_splits(root: Path) -> list[str]:
    return sorted(file.name.removesuffix("_list.txt") for file in root.glob("*_list.txt"))


LAYOUTS = (
    Layout(
        "rdharmony",
        "SHuman/SHuman_all_labeled.txt",
        rdharmony.is_layout,
        rdharmony.splits,
        rdharmony.list_triplets,
        "splits/{}.txt",
    ),
    Layout(
        "iharmony4",
        f"<subset>/ with {', '.join(iharmony4.FOLDERS)}",
        iharmony4.is_layout,
        iharmony4.splits,
        iharmony4.list_triplets,
        "IHD_{}.txt",
    ),
    Layout("hyoutube", "test_list.txt of clips", hyoutube.is_layout, _clip_splits, _frames, "{}_list.txt"),
    Layout("plain", "composite/, mask/ and real/", plain.is_layout, plain.splits, plain.list_triplets, "{}.txt"),
    Layout("shards", "train-000000.tar", shards.is_layout, shards.splits, shards.list_triplets),
)
"""In the order they are looked for."""


def layout_of(root: Path, split: str | None = None, domain: Domain | None = None) -> str:
    """Name of the layout of a folder, one of `LAYOUTS`.

    RdHarmony as released shares a root with iHarmony4: there, the layout that lists `split` and fits `domain` is meant,
    and the rendered one where neither tells.

    Raises:
        InputError: `root` is not a folder.
        DatasetError: it holds no known layout.
    """
    return _layout(root, split, domain).name


def domain_of(root: Path, split: str | None = None) -> Domain:
    """Where the pictures of a data set come from: its layout says it, or the labels of its shards.

    Raises:
        InputError, DatasetError: as `list_triplets`.
    """
    layout = _layout(root, split)
    if layout.name == "shards":
        return list_triplets(root)[0].domain
    return "rendered" if layout.name == "rdharmony" else "photographic"


def list_triplets(root: Path, split: str | None = None, domain: Domain | None = None) -> list[TripletPaths]:
    """The triplets of `split` (None: all) in a fixed order, in whichever layout `root` is (see `layout_of`).

    `split` is one of the set's own splits, or a list file, below the root or absolute: a composite a line, by its path
    below the root or by its file name, with or without suffix, where no other has it; what follows a tab is ignored.

    Raises:
        InputError: `root` is not a folder, or a list file is missing.
        DatasetError: no such layout, no such split, a broken list, or a split without triplets.
    """
    root = Path(root)
    layout = _layout(root, split, domain)
    known = _resolved(layout, root, split)
    if isinstance(known, Path):
        triplets = _listed(root, layout.list_triplets(root, None), known)
    else:
        triplets = layout.list_triplets(root, known)
    if not triplets:
        where = "the data set" if split is None else f"its split {split!r}"
        raise DatasetError(f"{root} should hold triplets but {where} is empty; make the data set again")
    return triplets


def resolve_split(root: Path, split: str | None, domain: Domain | None = None) -> str | Path | None:
    """What `split` means: one of the set's own splits by its name, also where its list file is named, or a list file.

    Raises:
        InputError, DatasetError: as `list_triplets`.
    """
    return _resolved(_layout(root, split, domain), Path(root), split)


def splits_of(root: Path, domain: Domain | None = None) -> list[str]:
    """Names of the splits that `root` lists, sorted; empty when it has none."""
    return _layout(root, domain=domain).splits(Path(root))


def scored_split(root: Path) -> str | None:
    """The split that is scored where none is named: test, or everything where there is none."""
    return "test" if "test" in splits_of(root) else None


def thin(triplets: Sequence[T], limit: int) -> list[T]:
    """At most `limit` triplets, spread evenly over the list, so that every scene and style keeps its share; 0: all.

    Raises:
        ConfigError: a limit below 0.
    """
    if limit < 0:
        raise ConfigError(f"--limit should be a number of triplets, or 0 for all of them, but is {limit}")
    if limit == 0 or len(triplets) <= limit:
        return list(triplets)
    return [triplets[(2 * i + 1) * len(triplets) // (2 * limit)] for i in range(limit)]


def _layout(root: Path, split: str | None = None, domain: Domain | None = None) -> Layout:
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root} should be the folder of a data set but {_what_is(root)}; check the path")
    found = [layout for layout in LAYOUTS if layout.is_layout(root)]
    if not found:
        known = "; ".join(f"{layout.shows} ({layout.name})" for layout in LAYOUTS)
        raise DatasetError(f"{root} should be the root of a data set, but none of these is there: {known}")
    if len(found) > 1 and domain:
        found.sort(key=lambda layout: (layout.name == "rdharmony") != (domain == "rendered"))
    if len(found) > 1 and split:
        found.sort(key=lambda layout: split not in layout.splits(root) and not _own_list(layout, root, root / split))
    return found[0]


def _resolved(layout: Layout, root: Path, split: str | None) -> str | Path | None:
    if split is None or split in layout.splits(root):
        return split
    file = root / split  # an absolute path stays what it is
    if not file.is_file():
        if file.suffix != ".txt" and len(Path(split).parts) == 1:
            return split  # meant as a name: the layout says what there is
        splits = ", ".join(layout.splits(root)) or "none"
        raise InputError(f"there is no list {file}; give a file below {root}, an absolute path, or a split ({splits})")
    return _own_list(layout, root, file) or file


def _own_list(layout: Layout, root: Path, file: Path) -> str | None:
    """The split that the set itself lists in `file`."""
    if layout.list_file is None:
        return None
    files = {(root / layout.list_file.format(split)).resolve(): split for split in layout.splits(root)}
    return files.get(file.resolve())


def _listed(root: Path, triplets: Sequence[TripletPaths], file: Path) -> list[TripletPaths]:
    """Those of `triplets` that a list file names, in its order."""
    found: dict[str, list[TripletPaths]] = {}
    for triplet in triplets:
        path = PurePosixPath(triplet.composite.relative_to(root).as_posix())
        for name in {str(path), str(path.with_suffix("")), path.name, path.stem}:
            found.setdefault(name, []).append(triplet)
    chosen = []
    for number, line in enumerate(read_lines(file), 1):
        name = str(PurePosixPath(line.partition("\t")[0].strip().replace("\\", "/")))
        if name == ".":
            continue
        meant = found.get(name, [])
        if len(meant) != 1:
            what = f"both {meant[0].composite} and {meant[1].composite}" if meant else f"no composite of {root}"
            raise DatasetError(f"{file}:{number} names {name!r}, which is {what}; correct the list")
        chosen += meant
    return chosen


def _what_is(path: Path) -> str:
    return "is a file" if path.exists() else "does not exist"
