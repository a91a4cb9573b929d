# SPDX-License-Identifier: Apache-2.0
"""Pictures to try the page with: photographs that come with the package, spoilt by a stated grade when asked for.

Nothing is stored for them. Their licences and authors are in `harmonize_core/photos` and shown beside them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harmonize_core.color import srgb_to_linear
from harmonize_core.formats.images import read_image, read_mask, resize_area, to_uint8
from harmonize_core.runtime.look import GRADE, Look
from harmonize_core.web.placing import first_place, placed
from harmonize_core.web.uploads import Upload, Uploads

Floats = NDArray[np.float32]

THUMB = 480

PHOTOS = Path(__file__).parents[1] / "photos"


@dataclass(frozen=True)
class Example:
    """A composite with its mask or, with a `plate`, a cut-out with its background."""

    title: str
    photo: str
    grade: tuple[float, float, float]
    """What is done to the foreground: exposure in stops, temperature, tint (`Look.grade`)."""
    plate: str | None = None

    @property
    def credit(self) -> str:
        """Who made the pictures, and under which licences."""
        names = [self.photo, *([self.plate] if self.plate else [])]
        return "; ".join(f"{row['author']}, {row['licence']}" for row in map(_row, names))

    def add_to(self, uploads: Uploads) -> dict[str, Upload]:
        """Put its pictures among those that were sent; by what they are: picture, mask, cutout."""
        foreground, mask = self._photo()
        stem = self.title.lower().replace(" ", "_")
        if self.plate is None:
            composite = self._look().over(foreground, mask, separated=False)
            return {
                "picture": uploads.add_written(f"{stem}.png", partial(_write, composite)),
                "mask": uploads.add_written(f"{stem}_mask.png", partial(_write, mask)),
            }
        rows, columns = (np.flatnonzero((mask > 0).any(axis=axis)) for axis in (1, 0))
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        colors = self._look().apply(foreground) * (mask[..., None] > 0)  # one colour where nothing is: no matte
        return {
            "picture": uploads.add_written("background.png", partial(_write, read_image(PHOTOS / f"{self.plate}.jpg"))),
            "cutout": uploads.add_written(f"{stem}.png", partial(_write, np.dstack([colors, mask])[part])),
        }

    def small(self) -> Floats:
        """What it looks like: (h, w, 3) sRGB, `THUMB` pixels wide."""
        foreground, mask = (_narrow(image) for image in self._photo())
        if self.plate is None:
            return self._look().over(foreground, mask, separated=False)
        plate = _narrow(read_image(PHOTOS / f"{self.plate}.jpg"))
        layer = np.dstack([srgb_to_linear(self._look().apply(foreground)) * mask[..., None], mask])
        return placed(layer, plate, first_place(layer.shape[:2], (plate.shape[0], plate.shape[1])))[0]

    def _photo(self) -> tuple[Floats, Floats]:
        return read_image(PHOTOS / f"{self.photo}.jpg"), read_mask(PHOTOS / f"{self.photo}_mask.png")

    def _look(self) -> Look:
        return Look(np.array([*self.grade, *[0] * (GRADE - len(self.grade))], np.float32), Look.identity().map)


EXAMPLES = {
    "moose": Example("Moose in lamplight", "gc_world_animals_moose", (0.2, 0.7, -0.05)),
    "bear": Example("Bear in blue shade", "gc_world_animals_polar_bear", (-0.8, -0.4, 0.0)),
    "macaw": Example(
        "Macaw at night", "gc_world_animals_scarlet_macaw", (0.0, 0.0, 0.0), "plates/plate_pala_cincinnati-bridge"
    ),
}
"""By the name that the page asks for."""


def listed() -> list[dict[str, Any]]:
    """What the page shows of them."""
    return [
        {"name": name, "title": one.title, "credit": one.credit, "cutout": one.plate is not None}
        for name, one in EXAMPLES.items()
    ]


def _row(name: str) -> dict[str, str]:
    manifest = (PHOTOS / name).parent / "manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as file:
        return next(row for row in csv.DictReader(file) if row["id"] == Path(name).name)


def _narrow(image: Floats) -> Floats:
    return resize_area(image, (round(THUMB * image.shape[0] / image.shape[1]), THUMB))


def _write(values: Floats, path: Path) -> None:
    Image.fromarray(to_uint8(values)).save(path, "PNG")
