# SPDX-License-Identifier: Apache-2.0
"""The photographs a folder offers: from its `manifest.csv`, or by matching file names with the masks' folder."""

from __future__ import annotations

import collections
import csv
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.images import IMAGE_SUFFIXES, MASK_ENDINGS, read_lines

HELD_OUT_SPLITS = ("val", "test")


@dataclass(frozen=True)
class Photo:
    """One photograph and the mask of its foreground."""

    name: str
    image: Path
    mask: Path
    category: str
    """Photographs lend their colours within a category."""
    held_out: bool
    """Goes to the test list."""
    series: str
    """Non-empty and equal for photographs of one shooting, and for one picture under several names, each with another
    mask: they never lend colours to each other and never straddle a split."""
    columns: tuple[tuple[str, str], ...] = ()
    """The manifest's line about it, column by column."""
    novel: bool = False
    """Of the category that a study holds back (`make_real/split.py`)."""

    @property
    def group(self) -> str:
        """What must not straddle a split: its shooting, or itself."""
        return self.series or self.name

    def column(self, name: str) -> str:
        """What the manifest says in a column; "" where it says nothing."""
        return dict(self.columns).get(name, "")


def find_all(folders: Sequence[tuple[Path, Path]]) -> list[Photo]:
    """The photographs of several folders, sorted by name; each folder comes with that of its masks.

    Raises:
        InputError, DatasetError: as `find_photos`; two photographs of one name.
    """
    photos = sorted((photo for pair in folders for photo in find_photos(*pair)), key=lambda photo: photo.name)
    for first, second in itertools.pairwise(photos):
        if first.name == second.name:
            raise DatasetError(
                f"photographs should have different names but {first.image} and {second.image} both become "
                f"{first.name!r}; rename one"
            )
    return joined(photos)


def find_photos(photos_dir: Path, masks_dir: Path) -> list[Photo]:
    """All photographs with a mask, sorted by name.

    `photos_dir/manifest.csv`, when present, decides: columns `file` and `mask`, optionally `category`, `split`
    (`val` or `test` = held out) and `series`. Otherwise every image `<name>.<suffix>` is matched with `<name>_mask`,
    `<name>-mask` or `<name>` in `masks_dir`, all in one category, none held out.

    Raises:
        InputError: a folder is missing, or a file the manifest names is.
        DatasetError: nothing found, or a manifest without its columns.
    """
    photos_dir, masks_dir = Path(photos_dir), Path(masks_dir)
    for folder, what in ((photos_dir, "photographs"), (masks_dir, "masks")):
        if not folder.is_dir():
            found = "is a file" if folder.exists() else "does not exist"
            raise InputError(f"{folder} should be the folder of {what} but {found}; check the path")
    manifest = photos_dir / "manifest.csv"
    photos = _from_manifest(manifest, masks_dir) if manifest.is_file() else _by_name(photos_dir, masks_dir)
    if not photos:
        raise DatasetError(
            f"{photos_dir} should hold photographs with masks named <photo>_mask.png or <photo>.png in {masks_dir} "
            f"but no pair was found; rename the masks or write a manifest.csv"
        )
    return sorted(photos, key=lambda photo: photo.name)


def joined(photos: Sequence[Photo]) -> list[Photo]:
    """The same photographs; those that are one picture under several names, with a mask each, become a series.

    Files of equal content are one picture. Where copies are of different series, these become one.
    """
    by_size: dict[int, list[Photo]] = collections.defaultdict(list)
    for photo in photos:
        by_size[photo.image.stat().st_size].append(photo)
    by_content: dict[bytes, list[Photo]] = collections.defaultdict(list)
    for photo in itertools.chain.from_iterable(found for found in by_size.values() if len(found) > 1):
        by_content[hashlib.sha256(photo.image.read_bytes()).digest()].append(photo)
    into: dict[str, str] = {}

    def series(group: str) -> str:
        while group in into:
            group = into[group]
        return group

    for same in by_content.values():
        copies = sorted(same, key=lambda photo: not photo.series)  # a name that the manifest gives is kept
        first, *others = dict.fromkeys(series(photo.group) for photo in copies)
        into |= dict.fromkeys(others, first)
    known = into.keys() | into.values()
    return [replace(photo, series=series(photo.group)) if photo.group in known else photo for photo in photos]


def holds_pairs(photos_dir: Path, masks_dir: Path) -> bool:
    """Whether `find_photos` has something to find there: a manifest that lists something, or a pair of files."""
    manifest = photos_dir / "manifest.csv"
    if manifest.is_file():
        return len(read_lines(manifest)) > 1
    return bool(_by_name(photos_dir, masks_dir))


def _from_manifest(manifest: Path, masks_dir: Path) -> list[Photo]:
    with open(manifest, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    photos = []
    for number, row in enumerate(rows, 2):
        if not row.get("file") or not row.get("mask"):
            raise DatasetError(
                f"{manifest}:{number} should name a 'file' and a 'mask' but holds {row}; add the columns"
            )
        image, mask = manifest.parent / Path(row["file"]).name, masks_dir / Path(row["mask"]).name
        for path in (image, mask):
            if not path.is_file():
                raise InputError(f"{manifest}:{number} names {path}, which does not exist; copy it or drop the line")
        photos.append(
            Photo(
                name=_safe(image.stem),
                image=image,
                mask=mask,
                category=row.get("category") or "any",
                held_out=(row.get("split") or "train") in HELD_OUT_SPLITS,
                series=row.get("series") or "",
                columns=tuple((str(key), str(value)) for key, value in row.items() if key and value),
            )
        )
    return photos


def _by_name(photos_dir: Path, masks_dir: Path) -> list[Photo]:
    masks = {f.stem: f for f in sorted(masks_dir.iterdir()) if f.suffix.lower() in IMAGE_SUFFIXES}
    photos = []
    for image in sorted(photos_dir.iterdir()):
        if image.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        found = (masks[image.stem + ending] for ending in MASK_ENDINGS if image.stem + ending in masks)
        mask = next((m for m in found if m.resolve() != image.resolve()), None)
        if mask is not None:
            photos.append(Photo(_safe(image.stem), image, mask, "any", False, ""))
    return photos


def _safe(name: str) -> str:
    """A name without the characters that the layouts give a meaning to."""
    return "".join(c if c.isalnum() else "-" for c in name)
