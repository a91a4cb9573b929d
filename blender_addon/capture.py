# SPDX-License-Identifier: GPL-3.0-or-later
"""A small picture of the shot at one frame, for estimates while the artist works: from what is rendered already.

The layers that the last run rendered (of this frame, or of the nearest one that has any) are read at the size that a
network looks at, over the small background of this frame. `view_capture` takes the characters from the 3D view instead.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime import ColorTransform, harmonize_layers
from harmonize_core.runtime.exr_layer import Cut, read_cut
from harmonize_core.runtime.exr_reader import CannotRead
from harmonize_core.runtime.grade_fit import Show
from harmonize_core.runtime.pieces import floats_of

from .bridge import pixels
from .layers import BACKGROUND, SHADOWS
from .options import ShotOptions
from .pictures import with_shadow
from .plates import Plate, plate_frame
from .shot_files import ShotFiles
from .small_pictures import LONGEST, kept_layer, kept_plate, key, small_size

Floats = NDArray[np.float32]
Size = tuple[int, int]

PLATE_LONGEST = 2 * LONGEST
"""Of a background when it is read; it is fitted into the frame, and maybe cropped, after that."""

KEPT = 192
"""Small pictures that are kept, as half floats, so that playing a range again reads nothing (some 100 MiB at most)."""


@dataclass(frozen=True)
class Capture:
    """The characters as the scene's light shows them, and what is behind them, at one frame."""

    rgb_linear: Floats
    """(h, w, 3) scene-linear, premultiplied by `alpha`."""
    alpha: Floats
    """(h, w) coverage in [0, 1]."""
    plate: Floats
    """(h, w, 3) sRGB in [0, 1], shadows in it."""

    def composite(self, shown: Show) -> Floats:
        """(h, w, 3) sRGB: the characters behind the view transform `shown`, over the background."""
        straight = self.rgb_linear / np.maximum(self.alpha, 1e-6)[..., None]
        seen = shown(straight.reshape(-1, 3)).reshape(straight.shape)
        premultiplied = srgb_to_linear(np.clip(seen, 0, 1)) * self.alpha[..., None]
        return harmonize_layers(ColorTransform.identity(), premultiplied, self.alpha, self.plate)

    def colors(self, most: int) -> Floats:
        """(N, 3) scene-linear colours of the characters, spread evenly over them."""
        straight = self.rgb_linear[self.alpha > 0.5] / self.alpha[self.alpha > 0.5, None]
        return np.ascontiguousarray(straight[:: max(1, len(straight) // most)])


@dataclass
class Store:
    """Small pictures by file and date, the ones used last."""

    read: int = 0
    """How many pictures had to be read."""
    _kept: OrderedDict[object, NDArray[np.float16]] = field(default_factory=OrderedDict)

    def get(self, key: object, read: Callable[[], Floats]) -> Floats:
        """The picture of a key; read where it is not kept."""
        if key not in self._kept:
            self._kept[key] = read().astype(np.float16)
            self.read += 1
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key].astype(np.float32)

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()


def from_layers(options: ShotOptions, frame: int, store: Store) -> Capture:
    """What was rendered last, for a frame.

    Raises:
        InputError: nothing was rendered yet, or a picture cannot be read.
    """
    files = ShotFiles(options)
    at = nearest_rendered(options, frame)
    layers = [small_layer(files.layer_path(name, at), store) for name in options.cast.over]
    together = np.sum(layers, axis=0)
    alpha = np.clip(together[..., 3], 0, 1)
    plate = small_plate(options, frame, (alpha.shape[0], alpha.shape[1]), store)
    if SHADOWS in options.cast.under:
        shadow = small_layer(files.layer_path(SHADOWS, at), store)
        plate = floats_of(with_shadow(plate, Cut.of(shadow[..., :3], np.clip(shadow[..., 3], 0, 1))))
    return Capture(np.ascontiguousarray(together[..., :3]), alpha, plate)


def read_ahead(options: ShotOptions, frame: int, store: Store) -> bool:
    """Read one picture that `from_layers` needs for a frame and that is not kept yet; False where there is none.

    Raises:
        InputError: it is missing or damaged.
    """
    files, before = ShotFiles(options), store.read
    for name in [n for n in files.names if n != BACKGROUND]:
        path = files.layer_path(name, frame)
        if path.is_file():
            small_layer(path, store)
        if store.read > before:
            return True
    first = small_layer(files.layer_path(options.cast.over[0], nearest_rendered(options, frame)), store)
    size = (first.shape[0], first.shape[1])
    if options.plate.kind in ("still", "sequence") or kept_plate(options, frame, size) is not None:
        small_plate(options, frame, size, store)
    return store.read > before


def nearest_rendered(options: ShotOptions, frame: int) -> int:
    """The frame itself or the nearest one whose layers are on disk.

    Raises:
        InputError: there is none.
    """
    first = options.cast.over[0]
    if (options.work_folder / f"{first}_{frame:04d}.exr").is_file():
        return frame
    found = [re.fullmatch(rf"{re.escape(first)}_(-?\d+)", path.stem) for path in options.work_folder.glob("*.exr")]
    frames = [int(match[1]) for match in found if match]
    if not frames:
        raise InputError(
            "Nothing is rendered yet: press Harmonize Frame, or let a 3D view show the shot in Material Preview or "
            "EEVEE's Rendered shading"
        )
    return min(frames, key=lambda f: abs(f - frame))


def small_plate(options: ShotOptions, frame: int, size_hw: Size, store: Store) -> Floats:
    """The background of a frame as (h, w, 3) sRGB in [0, 1].

    Raises:
        InputError: the picture is missing or damaged.
    """
    plate = options.plate
    if plate.kind == "rendered":
        frame = nearest_rendered(options, frame)

    def read() -> Floats:
        known = kept_plate(options, frame, size_hw)
        if known is not None:
            return known
        if plate.kind in ("still", "sequence"):
            return _small_file(plate, frame, size_hw)
        return plate_frame(plate, frame, size_hw, options.work_folder / "plate.live.png")

    return store.get((key(options, frame), size_hw), read)


def _small_file(plate: Plate, frame: int, size_hw: Size) -> Floats:
    path = plate.path(frame)
    rgb = read_small(path, PLATE_LONGEST)[..., :3]
    if path.suffix.lower() in pixels.LINEAR_SUFFIXES:
        rgb = np.clip(linear_to_srgb(rgb), 0, 1)
    return floats_of(pixels.fit_plate(rgb, size_hw, plate.method, flip_x=plate.flip_x, flip_y=plate.flip_y))


def small_layer(path: Path, store: Store) -> Floats:
    """The numbers of a rendered layer, averaged to (h, w, 4) with the longer side `LONGEST`.

    Raises:
        InputError: missing, damaged, or no image.
    """

    def read() -> Floats:
        known = kept_layer(path)
        if known is not None:
            return known
        try:
            cut = read_cut(path)
        except CannotRead:
            return read_small(path, LONGEST)
        return cut.reduced(small_size(cut.size))

    return store.get((path, _date(path), LONGEST), read)


def read_small(path: Path, longest: int) -> Floats:
    """The numbers in an image file as `pixels.read_values`, averaged to (h, w, 4) with the longer side `longest`.

    Blender makes it small before any pixel comes to Python: a tenth of the time.

    Raises:
        InputError: missing, damaged, or no image.
    """
    with pixels.opened(path) as image:
        width, height = image.size
        size = small_size((height, width), longest)
        if width and height and size != (height, width):
            image.scale(size[1], size[0])
        return np.nan_to_num(pixels.values_of(image, path), posinf=65504, neginf=0)


def _date(path: Path) -> int:
    if not path.is_file():
        raise InputError(f"The image {path} does not exist; check the path")
    return path.stat().st_mtime_ns
