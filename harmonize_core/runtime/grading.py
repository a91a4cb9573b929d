# SPDX-License-Identifier: Apache-2.0
"""A look's maths on planes of colours, in place: what is worked on stays in a core's second-level cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import REC709_LUMINANCE, constant_row, power
from harmonize_core.runtime.resize import interpolation_matrix, neighbours

if TYPE_CHECKING:
    from harmonize_core.runtime.look import Look

Floats = NDArray[np.float32]

TONES = 3
"""Levels of luminance of the map: shadows, mid-tones, highlights."""

MAP = 3 * TONES + 3
"""Numbers of a map's cell: log gains of shadows (3), mid-tones (3), highlights (3), and an offset (3)."""

DARKEST = 1e-6
"""Linear light that counts as black where a power needs more than 0."""

TONE_GAMMA = 2.2
"""Of the luminance scale that shadows, mid-tones and highlights share evenly."""

ACROSS = 256
"""Columns that a map is enlarged to at a time: products this small are not shared among threads by the BLAS."""

_ZERO, _DARKEST, _ONE = (constant_row(value) for value in (0.0, DARKEST, 1.0))


@dataclass(frozen=True)
class Grading:
    """A look, made ready for pictures of one size."""

    look: Look
    size_hw: tuple[int, int]

    def change(self, light: Floats, cells: Floats | None, spare: Floats) -> None:
        """Linear colours (3, N) under the grade, then the map's cells (12, N), in place; the cells are used up.

        Args:
            light: (3, N), N up to `color.BLOCK`.
            cells: from `enlarged` or `cells_at`; None without a map.
            spare: (2, N) to compute in.
        """
        count = light.shape[1]
        slope, offset, exponent, saturation = self._grade
        light *= slope
        light += offset
        curved = (exponent != 1).any()
        np.maximum(light, (_DARKEST if curved else _ZERO)[:count], out=light)
        if curved:
            power(light, exponent)
        luma, other = spare
        if saturation != 1:
            _luminance(light, luma, other)
            light -= luma
            light *= saturation
            light += luma
            np.maximum(light, _ZERO[:count], out=light)
        if cells is None:
            return
        _luminance(light, luma, other)
        np.maximum(luma, _DARKEST[:count], out=luma)
        power(np.minimum(luma, _ONE[:count], out=luma), 1 / TONE_GAMMA)
        luma *= np.float32(TONES - 1)
        luma -= np.float32(1)
        highlights = np.maximum(luma, _ZERO[:count], out=other)
        shadows = np.subtract(highlights, luma, out=luma)
        gain = cells[3:6]
        cells[0:3] *= shadows
        gain += cells[0:3]
        cells[6:9] *= highlights
        gain += cells[6:9]
        light *= np.exp(gain, out=gain)
        light += cells[9:12]
        np.maximum(light, _ZERO[:count], out=light)

    def enlarged(self, rows: slice, columns: Sequence[slice], into: Floats) -> Floats | None:
        """The map's cells (12, rows, width) of some rows, and of runs of columns side by side; None without a map."""
        if not self.look.map.any():
            return None
        down, across, first_row, first_column = self._weights
        low = slice(first_row[rows.start], first_row[rows.stop - 1] + 2)
        band = down[rows, low] @ self._cells[:, low]
        done = 0
        for run in columns:
            for start in range(run.start, run.stop, ACROSS):
                stop = min(start + ACROSS, run.stop)
                low = slice(first_column[start], first_column[stop - 1] + 2)
                np.matmul(band[:, :, low], across[low, start:stop], out=into[:, :, done : done + stop - start])
                done += stop - start
        return into

    def cells_at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """The same (12, N) for single pixels."""
        cells = np.zeros((MAP, len(rows)), np.float32)
        down, across = (
            neighbours(places, n, total)
            for places, n, total in zip((rows, columns), self.look.map.shape[1:], self.size_hw, strict=True)
        )
        for row, row_share in ((down[0], 1 - down[2]), (down[1], down[2])):
            for column, column_share in ((across[0], 1 - across[2]), (across[1], across[2])):
                cells += self._cells[:, row, column] * (row_share * column_share)
        return cells

    @cached_property
    def _grade(self) -> tuple[Floats, Floats, Floats, np.float32]:
        """Slope, offset and power (3, 1); saturation."""
        cdl = self.look.cdl()
        slope, offset, exponent = (v[:, None].astype(np.float32) for v in (cdl.slope, cdl.offset, cdl.power))
        return slope, offset, exponent, np.float32(cdl.saturation)

    @cached_property
    def _cells(self) -> Floats:
        """The map, shadows and highlights as what they add to mid-tones: shares of the three sum to 1."""
        cells = self.look.map.astype(np.float32)
        cells[0:3] -= cells[3:6]
        cells[6:9] -= cells[3:6]
        return cells

    @cached_property
    def _weights(self) -> tuple[Floats, Floats, NDArray[np.intp], NDArray[np.intp]]:
        """How much of each cell a row (H, h) and a column (w, W) has, and the first cell of each that has any."""
        down, across = (
            interpolation_matrix(n, 0, total, total)
            for n, total in zip(self.look.map.shape[1:], self.size_hw, strict=True)
        )
        return down, np.ascontiguousarray(across.T), (down > 0).argmax(axis=1), (across > 0).argmax(axis=1)


def _luminance(light: Floats, luma: Floats, spare: Floats) -> None:
    """Of colours (3, N) into (N,)."""
    np.multiply(light[0], REC709_LUMINANCE[0], out=luma)
    for channel in (1, 2):
        luma += np.multiply(light[channel], REC709_LUMINANCE[channel], out=spare)
