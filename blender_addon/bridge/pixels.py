# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender images as NumPy arrays: file values as they are in the file, top row first.

Blender converts float files to its working space when it loads them and premultiplies some; marking the datablock as
non-colour data with packed channels before its pixels are touched gives the values of the file (Blender API,
`Image.pixels`, `colorspace_settings`, `alpha_mode`).
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import unpremultiply
from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_layer import Cut
from harmonize_core.runtime.exr_layer import read_cut as read_halves
from harmonize_core.runtime.exr_reader import CannotRead
from harmonize_core.runtime.exr_whole import check_whole
from harmonize_core.runtime.exr_windows import in_display
from harmonize_core.runtime.pieces import Pixels, floats_of
from harmonize_core.runtime.resize import resize

from .color_spaces import plain_numbers

Floats = NDArray[np.float32]

LINEAR_SUFFIXES = (".exr", ".hdr")
"""File types whose numbers are linear light; all others are taken as sRGB."""


@dataclass(frozen=True)
class Layer:
    """One rendered layer: (H, W, 3) linear Rec.709 premultiplied, and its (H, W) coverage in [0, 1]."""

    rgb_linear: Floats
    alpha: Floats


def read_values(path: Path) -> Floats:
    """(H, W, 4) float32, the numbers in the file (k/255 for 8 bits, k/65535 for 16), alpha 1 where there is none.

    Raises:
        InputError: missing, damaged, or no image.
    """
    with opened(path) as image:
        return values_of(image, path)


@contextlib.contextmanager
def opened(path: Path) -> Generator[bpy.types.Image]:
    """A datablock of a file for a while, whose pixels are the numbers in it.

    Raises:
        InputError: missing, damaged, or no image.
    """
    image = load_image(path)
    try:
        image.alpha_mode = "CHANNEL_PACKED"
        image.colorspace_settings.name = plain_numbers()
        yield image
    finally:
        bpy.data.images.remove(image)


def load_image(path: Path) -> bpy.types.Image:
    """A datablock of its own for a file.

    Raises:
        InputError: missing, damaged, or no image.
    """
    _check_there(path)
    if path.suffix.lower() == ".exr":
        check_whole(path)
    try:
        return bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError as error:
        raise InputError(f"The image {path} cannot be opened; check that it was copied whole") from error


def read_plate(path: Path) -> Floats:
    """A background picture from a file as (H, W, 3) sRGB in [0, 1]; EXR and HDR are taken as linear light."""
    return floats_of(read_picture(path))


def read_picture(path: Path) -> Pixels:
    """The same, but as uint8 where the file has 8 bits a channel: a quarter of the memory."""
    with opened(path) as image:
        if (codes := codes_of(image, path)) is not None:
            return codes
        rgb = values_of(image, path)[..., :3]
    if path.suffix.lower() in LINEAR_SUFFIXES:
        rgb = np.clip(linear_to_srgb(_finite(rgb)), 0, 1)
    return np.ascontiguousarray(rgb)


def read_datablock(name: str) -> Pixels:
    """A background picture that lives in the .blend (packed, painted, generated), as `read_picture`."""
    image = bpy.data.images.get(name)
    if image is None:
        raise InputError(f"The background image {name!r} was removed while the add-on was working; choose it again")
    if (codes := codes_of(image, name)) is not None:
        return codes
    rgb = _finite(values_of(image, name)[..., :3])
    return np.ascontiguousarray(np.clip(linear_to_srgb(rgb), 0, 1) if image.is_float else rgb)


def read_layer(path: Path) -> Layer:
    """A rendered layer as Blender wrote it to a half-float EXR; stray values outside the sane range are removed."""
    cut = read_cut(path)
    return Layer(cut.framed(cut.rgb_linear), cut.framed(cut.alpha))


def read_cut(path: Path) -> Cut:
    """The same inside the box outside of which it is empty, for a third of the time."""
    _check_there(path)
    try:
        return read_halves(path)
    except CannotRead:  # the artist's, maybe; Blender reads every compression
        values = _finite(in_display(read_values(path), path))
        return Cut.of(values[..., :3], np.clip(values[..., 3], 0, 1))


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"The image {path} does not exist; check the path")


def _finite(values: Floats) -> Floats:
    """Without what is not a number; nearly always there is none, and looking is much cheaper than replacing."""
    return values if np.isfinite(values).all() else np.nan_to_num(values, posinf=65504, neginf=0)


def read_backdrop(path: Path) -> Floats:
    """A rendered background, premultiplied EXR or straight PNG, as (H, W, 3) sRGB in [0, 1].

    Where the characters cut holes into it, soft edges hold its own colour; what they cover wholly is black.
    """
    values = _finite(read_values(path))
    if path.suffix.lower() == ".exr":
        straight = unpremultiply(values[..., :3], values[..., 3])
        return np.clip(linear_to_srgb(np.maximum(straight, 0)), 0, 1)
    return np.ascontiguousarray(values[..., :3])


def read_view(path: Path) -> Cut:
    """A layer that `layers.write_view` wrote (sRGB, straight alpha), in linear light again, cut to what it shows."""
    straight = read_values(path)
    cut = Cut.of(straight[..., :3], straight[..., 3])
    planes = cut.planes
    planes[:3] = srgb_to_linear(planes[:3]) * planes[3]
    return cut


def fit_plate(plate: Pixels, size_hw: tuple[int, int], method: str, *, flip_x: bool, flip_y: bool) -> Pixels:
    """Place a plate in the render frame as Blender's camera background does; equal sizes pass bit for bit.

    Args:
        plate: (h, w, 3), floats or whole numbers, which become floats where sizes differ.
        size_hw: height and width of the render.
        method: "STRETCH" ignores the plate's proportions, "FIT" shows all of it with black beside it, "CROP" fills
            the frame and loses what stands out.
        flip_x: mirror left and right.
        flip_y: mirror top and bottom.
    """
    plate = plate[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    (height, width), (rows, columns) = plate.shape[:2], size_hw
    if (height, width) == size_hw:
        return np.ascontiguousarray(plate)
    plate = floats_of(plate)
    if method == "STRETCH":
        return np.clip(resize(plate, size_hw), 0, 1)
    if method == "CROP":
        scale = max(rows / height, columns / width)
        keep_h, keep_w = min(height, round(rows / scale)), min(width, round(columns / scale))
        top, left = (height - keep_h) // 2, (width - keep_w) // 2
        return np.clip(resize(plate[top : top + keep_h, left : left + keep_w], size_hw), 0, 1)
    scale = min(rows / height, columns / width)
    inner = (min(rows, round(height * scale)), min(columns, round(width * scale)))
    framed = np.zeros((rows, columns, 3), dtype=np.float32)
    top, left = (rows - inner[0]) // 2, (columns - inner[1]) // 2
    framed[top : top + inner[0], left : left + inner[1]] = np.clip(resize(plate, inner), 0, 1)
    return framed


def digest_of(image: bpy.types.Image) -> str:
    """Of the pixels of an image datablock."""
    return hashlib.sha256(values_of(image, image.name).tobytes()).hexdigest()[:16]


def values_of(image: bpy.types.Image, label: object) -> Floats:
    """The numbers of an image datablock as (H, W, 4), top row first; `label` names it in an error."""
    width, height = image.size
    if not (width and height):
        raise InputError(f"The image {label} is damaged or empty; check that it was copied whole")
    values = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(values)
    rows = values.reshape(height, width, -1)[::-1]
    if rows.shape[2] == 4:
        return rows
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = rows[..., :3] if rows.shape[2] == 3 else rows[..., :1]
    return rgba


_BAND = 8
"""Rows whose numbers stay in a core's second-level cache."""


def codes_of(image: bpy.types.Image, label: object) -> NDArray[np.uint8] | None:
    """What `values_of` gives of a picture of 8 bits a channel as the whole numbers (H, W, 3) they are; else None."""
    width, height = image.size
    if not (width and height) or image.is_float or len(image.pixels) != 4 * width * height:
        return None
    values = values_of(image, label)
    codes = np.empty((height, width, 3), np.uint8)
    scaled = np.empty((_BAND, width, 4), np.float32)
    lowest = scaled.view(np.uint8).reshape(_BAND, width, 4, 4)[..., 0 if sys.byteorder == "little" else 3]
    for top in range(0, height, _BAND):
        rows = values[top : top + _BAND]
        band = scaled[: len(rows)]
        np.multiply(rows, np.float32(255), out=band)
        band += np.float32(1 << 23)  # whose last bit is 1: what is added is rounded, and stands in the lowest bits
        for channel in range(3):
            codes[top : top + _BAND, :, channel] = lowest[: len(rows), :, channel]
    return codes
