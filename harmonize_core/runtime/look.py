# SPDX-License-Identifier: Apache-2.0
"""A look: what `charmnet_hr` estimates from 256x256 pixels, and its application to pictures of any size, in NumPy.

The maths is that of `harmonize_core/models/look.py`, where the sources are; a test holds both to 1e-5. What is added
here: pictures go through in tiles, and at soft edges the foreground's colour is separated from what is behind it before
it is changed. That is done once for the box of all soft edges, since tiles would each continue other colours into a
wide one; it takes ten times the memory of what is in that box, and without soft edges there is no such box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import REC709_LUMINANCE, linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import NEARLY_OPAQUE, separate, soft_pixels
from harmonize_core.runtime.resize import interpolation_matrix, limited, neighbours

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]
Size = tuple[int, int]

Adjust = Callable[[Floats, Floats], Floats]
"""Foreground colours before and after a change, both linear (3, N), to what they shall become (`runtime.controls`)."""

GRADE = 10
"""Numbers of a grade: exposure, temperature, tint, offset (3), power (3), saturation."""

TONES = 3
"""Levels of luminance of the map: shadows, mid-tones, highlights."""

MAP = 3 * TONES + 3
"""Numbers of a map's cell: log gains of shadows (3), mid-tones (3), highlights (3), and an offset (3)."""

MIDDLE_GREY = 0.18

DARKEST = 1e-6
"""Linear light that counts as black where a power needs more than 0."""

TONE_GAMMA = 2.2
"""Of the luminance scale that shadows, mid-tones and highlights share evenly."""

TILE = 256
"""Side in pixels of the parts that a picture is worked on in."""

MARGIN = 24
"""Pixels around all soft edges that they are explained from."""


@dataclass(frozen=True)
class Cdl:
    """An ASC Color Decision List for linear light, BT.709 primaries: ((slope x + offset)^power), then saturation."""

    slope: Floats
    """(3,)"""
    offset: Floats
    """(3,)"""
    power: Floats
    """(3,)"""
    saturation: float

    def apply(self, rgb_linear: Floats) -> Floats:
        """Linear colours (3, ...), graded, not below 0."""
        slope, offset, power = (
            v.reshape(3, *(1,) * (rgb_linear.ndim - 1)) for v in (self.slope, self.offset, self.power)
        )
        graded = np.maximum(rgb_linear * slope + offset, np.float32(DARKEST)) ** power
        luma = _luminance(graded)
        return np.maximum(luma + np.float32(self.saturation) * (graded - luma), 0)


@dataclass(frozen=True)
class Look:
    """A grade of the whole foreground and a smooth map of local gains, both in linear light."""

    grade: Floats
    """(10,) exposure in stops; temperature (half the log of red over blue); tint (log of green, negated); offset (3);
    log power (3); log saturation. Zeros are the identity."""
    map: Floats
    """(12, h, w) log gains of shadows (3), mid-tones (3) and highlights (3), offset (3); zeros are the identity."""

    @classmethod
    def identity(cls) -> Look:
        """The look that changes nothing."""
        return cls(np.zeros(GRADE, np.float32), np.zeros((MAP, 1, 1), np.float32))

    def scaled(self, strength: float) -> Look:
        """From the identity (0) to this look (1) and beyond, in stops and logarithms."""
        return Look(np.float32(strength) * self.grade, np.float32(strength) * self.map)

    def global_only(self) -> Look:
        """The grade without the map."""
        return Look(self.grade, Look.identity().map)

    def cdl(self) -> Cdl:
        """The grade as the list that grading tools take; white-balance gains keep the luminance of white."""
        exposure, temperature, tint = (float(v) for v in self.grade[:3])
        gains = np.exp(np.array([temperature, -tint, -temperature]))
        slope = 2.0**exposure * gains / (gains @ REC709_LUMINANCE.astype(np.float64))
        power = np.exp(self.grade[6:9].astype(np.float64))
        scale = MIDDLE_GREY ** (1 / power - 1)
        numbers = (slope * scale, self.grade[3:6] * scale, power)
        return Cdl(*(v.astype(np.float32) for v in numbers), saturation=float(np.exp(self.grade[9])))

    def apply(self, rgb_srgb: Floats, where: Floats | Box | None = None, *, ceiling: float | None = 1.0) -> Floats:
        """Change a picture of any size whose frame is the one the look was estimated on.

        Args:
            rgb_srgb: (H, W, 3) float sRGB; 1 = white, values above it are allowed.
            where: a mask (H, W) in [0, 1]: its foreground is changed and the whole picture returned, as `over`, with
                arrays checked. A box (top, bottom, left, right) in pixels, bottom and right excluded: only this part
                is computed and returned. None: every pixel.
            ceiling: as `over`.

        Returns:
            (H, W, 3) float32 sRGB, not below 0; with a box (bottom - top, right - left, 3).

        Raises:
            InputError: a mask or picture of wrong shape, type or values; MaskEmpty when the mask is 0 everywhere.
        """
        if isinstance(where, np.ndarray):
            from harmonize_core.runtime.layers import apply_transform  # which knows looks

            return apply_transform(self, rgb_srgb, where, ceiling=ceiling)
        box = where
        height, width = rgb_srgb.shape[:2]
        top, bottom, left, right = box or (0, height, 0, width)
        result = np.empty((bottom - top, right - left, 3), dtype=np.float32)
        for tile in _tiles((top, bottom, left, right)):
            part = np.s_[tile[0] : tile[1], tile[2] : tile[3]]
            changed = linear_to_srgb(
                self._changed(_planes(srgb_to_linear(rgb_srgb[part])), self._cells(tile, (height, width)))
            )
            result[tile[0] - top : tile[1] - top, tile[2] - left : tile[3] - left] = limited(
                changed.transpose(1, 2, 0), rgb_srgb[part], ceiling
            )
        return result

    def apply_to(self, colors_srgb: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], size_hw: Size) -> Floats:
        """Change single pixels (N, 3) of an image of `size_hw` at integer positions (rows, columns)."""
        result = np.empty((len(colors_srgb), 3), dtype=np.float32)
        down, across = (
            neighbours(p, n, total) for p, n, total in zip((rows, columns), self.map.shape[1:], size_hw, strict=True)
        )
        for start in range(0, len(rows), TILE * TILE):
            part = slice(start, start + TILE * TILE)
            cells = np.zeros((MAP, len(rows[part])), np.float32)
            for row, row_share in ((down[0], 1 - down[2]), (down[1], down[2])):
                for column, column_share in ((across[0], 1 - across[2]), (across[1], across[2])):
                    cells += self.map[:, row[part], column[part]] * (row_share[part] * column_share[part])
            source = np.asarray(colors_srgb[part], dtype=np.float32)
            changed = linear_to_srgb(self._changed(srgb_to_linear(source).T, cells)).T
            result[part] = limited(changed, source, 1.0)
        return result

    def over(
        self,
        composite: Floats,
        mask: Floats,
        *,
        separated: bool = True,
        ceiling: float | None = 1.0,
        adjust: Adjust | None = None,
    ) -> Floats:
        """Change the foreground of a flat composite, in linear light.

        Args:
            composite: (H, W, 3) float sRGB.
            mask: (H, W) coverage in [0, 1], 1 = foreground.
            separated: at soft edges, change the foreground's own colour F in a F + (1 - a) B. Otherwise the mixture is
                taken for F, as PyTorch does it in training.
            ceiling: light above it is cut off, where the composite has none; None for scene-linear pictures, whose
                light has no end.
            adjust: what becomes of each changed colour of the foreground, before it is blended.

        Returns:
            (H, W, 3) float32 sRGB; where the mask is 0 it equals the composite bit for bit.
        """
        harmonized = composite.astype(np.float32, copy=True)
        size = (mask.shape[0], mask.shape[1])
        explained = _foreground(composite, mask) if separated else None
        for tile in _tiles((0, *size[:1], 0, *size[1:])):
            part = np.s_[tile[0] : tile[1], tile[2] : tile[3]]
            inside = mask[part] > 0
            if not inside.any():
                continue
            weight = np.minimum(mask[part][inside], 1).astype(np.float32)
            source = harmonized[part][inside]
            linear = srgb_to_linear(source).T
            pure = linear
            if explained is not None:
                number, colors = explained[0][part][inside], explained[1]
                pure = np.where(number < 0, linear, colors[number].T)
            changed = self._changed(pure, self._cells(tile, size)[:, inside])
            if adjust is not None:
                changed = adjust(pure, changed)
            blended = linear_to_srgb(np.maximum(linear + weight * (changed - pure), 0)).T
            harmonized[part][inside] = limited(blended, source, ceiling)
        return harmonized

    def _changed(self, rgb_linear: Floats, cells: Floats) -> Floats:
        """Linear colours (3, ...) under the grade and a map's cells (12, ...) of the same places; not below 0."""
        graded = self.cdl().apply(rgb_linear)
        level = np.clip(_luminance(graded), np.float32(DARKEST), 1) ** np.float32(1 / TONE_GAMMA) * (TONES - 1)
        shadows, highlights = np.maximum(1 - level, 0), np.maximum(level - 1, 0)
        gain = shadows * cells[0:3] + (1 - shadows - highlights) * cells[3:6] + highlights * cells[6:9]
        return np.maximum(graded * np.exp(gain) + cells[9:], 0)

    def _cells(self, tile: Box, size_hw: Size) -> Floats:
        """The map enlarged to the pixels of a tile: (12, rows, columns)."""
        top, bottom, left, right = tile
        rows = interpolation_matrix(self.map.shape[1], top, bottom, size_hw[0])
        columns = interpolation_matrix(self.map.shape[2], left, right, size_hw[1])
        return rows @ self.map @ columns.T


def _foreground(composite: Floats, mask: Floats) -> tuple[NDArray[np.int32], Floats] | None:
    """The pure foreground colours (N, 3), linear, of the soft pixels, and which of them each pixel (H, W) has, or -1.

    None where there are no such pixels, or nothing to explain them from: no background, or no foreground without it.
    """
    soft = soft_pixels(mask)
    rows, columns = (np.flatnonzero(soft.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, left = max(rows[0] - MARGIN, 0), max(columns[0] - MARGIN, 0)
    around = np.s_[top : rows[-1] + 1 + MARGIN, left : columns[-1] + 1 + MARGIN]
    coverage = np.minimum(mask[around], 1).astype(np.float32)
    if coverage.min() > 0 or coverage.max() < NEARLY_OPAQUE:
        return None
    number = np.where(soft, np.cumsum(soft, dtype=np.int32).reshape(soft.shape) - 1, np.int32(-1))
    channels = (srgb_to_linear(composite[(*around, slice(n, n + 1))]) for n in range(3))  # a third of the memory
    return number, np.concatenate([separate(channel, coverage).foreground for channel in channels], axis=1)


def _tiles(box: Box) -> Iterator[Box]:
    top, bottom, left, right = box
    for row in range(top, bottom, TILE):
        for column in range(left, right, TILE):
            yield row, min(row + TILE, bottom), column, min(column + TILE, right)


def _planes(image: Floats) -> Floats:
    """(H, W, 3) to (3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _luminance(rgb_linear: Floats) -> Floats:
    """(...,) of linear colours (3, ...)."""
    red, green, blue = REC709_LUMINANCE
    return red * rgb_linear[0] + green * rgb_linear[1] + blue * rgb_linear[2]
