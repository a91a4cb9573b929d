# SPDX-License-Identifier: Apache-2.0
"""A cut-out placed over a background: where it lies, and the flat composite that it makes there."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import over
from harmonize_core.formats.images import resize_area
from harmonize_core.runtime.resize import neighbours

Floats = NDArray[np.float32]
Size = tuple[int, ...]
"""Height and width first."""

STANDING = 0.7
"""Share of the background's height that a cut-out of another size takes at first."""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a cut-out lies, told so that it holds for pictures of any size."""

    x: Annotated[float, msgspec.Meta(ge=-1, le=2)] = 0.5
    """Its middle: 0 is the left edge of the background, 1 the right one."""
    y: Annotated[float, msgspec.Meta(ge=-1, le=2)] = 0.5
    """0 is the top of the background, 1 its bottom."""
    height: Annotated[float, msgspec.Meta(ge=0.02, le=4)] = 1.0
    """Of the cut-out, in heights of the background."""


def first_place(cutout_hw: Size, background_hw: Size) -> Place:
    """Pixel over pixel where both have the same size, as layers of one shot do; else standing on the lower edge."""
    if cutout_hw == background_hw:
        return Place()
    wide = background_hw[1] / background_hw[0] / (cutout_hw[1] / cutout_hw[0])
    height = min(STANDING, 0.9 * wide)
    return Place(0.5, 1 - height / 2, height)


def placed(layer: Floats, background_srgb: Floats, place: Place) -> tuple[Floats, Floats]:
    """Put a cut-out over a background, in linear light.

    Args:
        layer: (h, w, 4) the cut-out: linear colours multiplied by alpha, and alpha in [0, 1].
        background_srgb: (H, W, 3) sRGB.
        place: where.

    Returns:
        The composite (H, W, 3) float32 sRGB, the background bit for bit where nothing covers it, and the coverage
        (H, W) float32, all 0 where the cut-out lies outside.
    """
    height, width = background_srgb.shape[:2]
    rows = max(1, round(place.height * height))
    columns = max(1, round(rows * layer.shape[1] / layer.shape[0]))
    top, left = round(place.y * height - rows / 2), round(place.x * width - columns / 2)
    to = np.s_[max(top, 0) : max(min(top + rows, height), 0), max(left, 0) : max(min(left + columns, width), 0)]
    composite, mask = background_srgb.astype(np.float32, copy=True), np.zeros((height, width), np.float32)
    if not mask[to].size:
        return composite, mask
    window = (max(-top, 0), max(-left, 0), *mask[to].shape)
    seen = _seen(layer, (rows, columns), (window[0], window[1], window[2], window[3]))
    coverage = np.clip(seen[..., 3], 0, 1)
    behind = background_srgb[to]
    mixed = linear_to_srgb(over(seen[..., :3], coverage, srgb_to_linear(behind)))
    composite[to] = np.where(coverage[..., None] > 0, mixed, behind)
    mask[to] = coverage
    return composite, mask


def _seen(layer: Floats, size_hw: tuple[int, int], window: tuple[int, int, int, int]) -> Floats:
    """The window (top, left, height, width) of a cut-out resized to `size_hw`; of one that grows no more is computed.

    The same values as `resize_area` gives: OpenCV's bilinear interpolation, its middles of pixels and repeated edges.
    """
    top, left, height, width = window
    if size_hw[0] <= layer.shape[0]:  # no larger than what was sent, then
        layer = layer if layer.shape[:2] == size_hw else resize_area(layer, size_hw)
        return layer[top : top + height, left : left + width]
    across = neighbours(np.arange(left, left + width), layer.shape[1], size_hw[1])
    down = neighbours(np.arange(top, top + height), layer.shape[0], size_hw[0])
    first, last = across[0][0], across[1][-1] + 1
    rows = _between(layer[:, first:last], down, 0)
    return _between(rows, (across[0] - first, across[1] - first, across[2]), 1)


def _between(image: Floats, places: tuple[NDArray[np.intp], NDArray[np.intp], Floats], axis: int) -> Floats:
    low, high, share = places
    result = image.take(low, axis)
    result += (image.take(high, axis) - result) * (share[:, None, None] if axis == 0 else share[:, None])
    return result
