# SPDX-License-Identifier: Apache-2.0
"""Which triplets a folder holds: the RdHarmony and the iHarmony4 layout are told apart by what is inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats import iharmony4, rdharmony
from harmonize_core.formats.images import read_lines
from harmonize_core.formats.triplet import Domain, TripletPaths


def layout_of(root: Path) -> str:
    """ "rdharmony" or "iharmony4".

    Raises:
        InputError: `root` is not a folder.
        DatasetError: it holds neither layout.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root} should be the folder of a data set but {_what_is(root)}; check the path")
    if rdharmony.is_layout(root):
        return "rdharmony"
    if iharmony4.is_layout(root):
        return "iharmony4"
    raise DatasetError(
        f"{root} should hold SHuman/SHuman_all_labeled.txt (RdHarmony layout) or subset folders with "
        f"{', '.join(iharmony4.FOLDERS)} (iHarmony4 layout) but holds neither; point to the root of a data set"
    )


def domain_of(root: Path) -> Domain:
    """Where the pictures of a data set come from, by its layout."""
    return "rendered" if layout_of(root) == "rdharmony" else "photographic"


def list_triplets(root: Path, split: str | None = None) -> list[TripletPaths]:
    """The triplets of `split` (None: all) in a fixed order, in whichever layout `root` is.

    Raises:
        InputError: `root` is not a folder.
        DatasetError: no such layout, no such split, a broken list, or a split without triplets.
    """
    root = Path(root)
    layout = rdharmony if layout_of(root) == "rdharmony" else iharmony4
    triplets = layout.list_triplets(root, split)
    if not triplets:
        where = "the data set" if split is None else f"its split {split!r}"
        raise DatasetError(f"{root} should hold triplets but {where} is empty; make the data set again")
    return triplets


def splits_of(root: Path) -> list[str]:
    """Names of the splits that `root` lists, sorted; empty when it has none."""
    root = Path(root)
    if layout_of(root) == "rdharmony":
        return sorted(p.stem for p in (root / "splits").glob("*.txt") if any(read_lines(p)))
    return [split for split in ("test", "train", "val") if iharmony4.has_split(root, split)]


def thin(triplets: Sequence[TripletPaths], limit: int) -> list[TripletPaths]:
    """At most `limit` triplets, spread evenly over the list, so that every scene and style keeps its share."""
    if limit <= 0 or len(triplets) <= limit:
        return list(triplets)
    return [triplets[(2 * i + 1) * len(triplets) // (2 * limit)] for i in range(limit)]


def _what_is(path: Path) -> str:
    return "is a file" if path.exists() else "does not exist"
