# SPDX-License-Identifier: Apache-2.0
"""Which photographs with masks a folder offers for training on the fly, and which of them are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harmonize_core.data.photos import Photo, find_photos, holds_pairs, joined
from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.triplet import TripletPaths

HELD_OUT_OF = 10
"""Where nothing else says which, about one photograph in so many is held out."""


def photographs_in(root: Path) -> list[Photo]:
    """Photographs with masks of a folder (masks beside them or in `masks/`), or of each of its folders; sorted.

    A `manifest.csv` decides about pairs, categories, series and splits (`data.photos`). If it holds nothing out, or is
    not there, about one in ten is, by a hash of the series or else of the name: the same ones whatever else is there;
    of series that are split elsewhere all follow that. Files of equal content are a series (`data.photos.joined`).

    Raises:
        InputError: `root` is no folder, or a file that a manifest names is missing.
        DatasetError: no photograph with a mask, or a manifest without its columns.
    """
    if not root.is_dir():
        found = "is a file" if root.exists() else "does not exist"
        raise InputError(f"{root} should be a folder of photographs with masks but {found}; check the path")
    photos: list[Photo] = []
    for folder in (root, *sorted(p for p in root.iterdir() if p.is_dir() and p.name != "masks")):
        masks = folder / "masks"
        masks = masks if masks.is_dir() else folder
        if not holds_pairs(folder, masks):
            continue
        found = find_photos(folder, masks)
        photos += found if folder == root else [replace(p, name=f"{folder.name}-{p.name}") for p in found]
    if not photos:
        raise DatasetError(
            f"{root} should hold photographs with masks named <photo>_mask.png, here, in masks/ or in folders, but no "
            "pair was found; rename the masks or write a manifest.csv"
        )
    photos = joined(photos)
    split = {p.image.parent for p in photos if p.held_out}  # folders whose manifest says what is held out
    sides = {p.group: p.held_out for p in photos if p.image.parent in split}
    return [p if p.image.parent in split else replace(p, held_out=sides.get(p.group, _is_held_out(p))) for p in photos]


def photographs_of(triplets: Sequence[TripletPaths], held_out: bool) -> list[Photo]:
    """The photographs of iHarmony4 triplets, each with each of its masks once; a subset is a category."""
    found: dict[tuple[str, str], Photo] = {}
    for t in triplets:
        real, mask = Path(str(t.real)), Path(str(t.mask))
        photo = Photo(mask.stem, real, mask, real.parent.parent.name, held_out, t.group)
        found.setdefault((str(real), str(mask)), photo)
    return [found[key] for key in sorted(found)]


def _is_held_out(photo: Photo) -> bool:
    digest = hashlib.blake2b((photo.series or photo.image.stem).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % HELD_OUT_OF == 0
