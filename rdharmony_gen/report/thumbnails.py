# SPDX-License-Identifier: GPL-3.0-or-later
"""Small copies of the set's pictures for the report: bounded in size, each made once, the same bytes every time.

A copy's name holds the digests of what it shows, so a copy that is there is the right one; only copies of pictures
that the checks found wanting are made every time.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.images import atomic_path, image_size
from rdharmony_gen.spec.layout import SetLayout, inside
from rdharmony_gen.spec.records import ViewRecord, files_of

MAKING = 2
"""Goes into every name: raise it when copies are made differently."""
QUALITY = 84
GREY = (120, 118, 112)


def opened(path: Path, size: tuple[int, int], side: int | None = None) -> Image.Image:
    """A picture as RGB; plain grey of `size` where it is missing or damaged, which the list of checks says by name.

    Args:
        path: Of the picture.
        size: Width and height that pictures of the set have; one that has others counts as damaged.
        side: Decode no finer than this longer side needs, which is faster; whole if not given.
    """
    try:
        if image_size(path) != (size[1], size[0]):
            return Image.new("RGB", size, GREY)
        with Image.open(path) as image:
            if side:
                image.draft("RGB", (2 * side, 2 * side))
            return image.convert("RGB")
    except (InputError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Image.new("RGB", size, GREY)


class Thumbnails:
    """Copies below `report/images`; every path that is returned is relative to the page."""

    def __init__(self, layout: SetLayout, size: tuple[int, int], records: Sequence[ViewRecord], bad: set[str]) -> None:
        """Know the digests of all pictures.

        Args:
            layout: Of the set.
            size: Width and height of its pictures.
            records: Its views.
            bad: Paths that the checks named.
        """
        self.layout, self.size, self.bad = layout, size, bad
        self.folder = layout.report / "images"
        self.made: set[str] = set()
        self.digests: dict[str, str] = {}
        for record in records:
            self.digests |= dict.fromkeys(files_of(record), "")
            self.digests |= {t.mask: record.view.mask_sha256 for t in record.triplets}
            self.digests |= {r.path: r.sha256 for r in record.reals} | {t.composite: t.sha256 for t in record.triplets}

    def copy(self, name: str, side: int) -> str:
        """A JPEG of a picture of the set with the given longer side, or its own if that is smaller."""
        target, there = self._target(name.replace("/", "_").rpartition(".")[0], [name], side)
        if not there:
            image = self._open(name, side)
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
            self._save(image, target)
        return f"images/{target}"

    def strip(self, record: ViewRecord, side: int) -> str:
        """All real images of a view side by side, in the order of the record."""
        view = record.view
        names = [r.path for r in record.reals]
        target, there = self._target(f"strip_{view.category}_{view.scene_id}", names, side)
        if not there:
            width, height = self.tile(side)
            sheet = Image.new("RGB", (width * len(names), height))
            for column, name in enumerate(names):
                tile = self._open(name, side).resize((width, height), Image.Resampling.LANCZOS)
                sheet.paste(tile, (column * width, 0))
            self._save(sheet, target)
        return f"images/{target}"

    def strips(self, records: Sequence[ViewRecord], side: int, *, quiet: bool) -> list[str]:
        """The strips of many views, made by several threads."""
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            made = pool.map(lambda record: self.strip(record, side), records)
            return list(tqdm(made, total=len(records), desc="report", unit="view", disable=quiet, leave=False))

    def matrix(self, record: ViewRecord, side: int) -> str:
        """All composites of a view in one picture: rows are backgrounds, columns foregrounds, real ones in between."""
        styles = [r.style for r in record.reals]
        paths = {(t.bg_style, t.fg_style): t.composite for t in record.triplets}
        paths |= {(r.style, r.style): r.path for r in record.reals}
        names = list(paths.values())
        target, there = self._target(f"matrix_{record.view.category}_{record.view.scene_id}", names, side)
        if not there:
            width, height = self.tile(side)
            sheet = Image.new("RGB", (width * len(styles), height * len(styles)))
            for (bg_style, fg_style), name in paths.items():
                if bg_style in styles and fg_style in styles:
                    tile = self._open(name, side).resize((width, height), Image.Resampling.LANCZOS)
                    sheet.paste(tile, (styles.index(fg_style) * width, styles.index(bg_style) * height))
            self._save(sheet, target)
        return f"images/{target}"

    def tile(self, side: int) -> tuple[int, int]:
        """Width and height of a picture with that longer side."""
        scale = side / max(self.size)
        return max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale))

    def remove_others(self) -> None:
        """Delete copies that an earlier report showed and this one does not."""
        for path in self.folder.glob("*.jpg"):
            if path.name not in self.made:
                path.unlink()

    def _target(self, stem: str, names: Sequence[str], side: int) -> tuple[str, bool]:
        """Name of a copy, and whether it is there and right."""
        salted = f"{MAKING}/{side}/{self.size}/" + "/".join(self.digests.get(n, n) for n in names)
        doubtful = any(n in self.bad for n in names)
        mark = "doubtful" if doubtful else hashlib.sha256(salted.encode()).hexdigest()[:10]
        target = f"{re.sub('[^A-Za-z0-9_-]', '-', stem)[:120]}_{side}_{mark}.jpg"
        self.made.add(target)
        return target, not doubtful and (self.folder / target).is_file()

    def _open(self, name: str, side: int) -> Image.Image:
        try:
            return opened(inside(self.layout.root, name), self.size, side)
        except DatasetError:
            return Image.new("RGB", self.size, GREY)

    def _save(self, image: Image.Image, target: str) -> None:
        with atomic_path(self.folder / target) as partial:
            image.save(partial, "JPEG", quality=QUALITY)
