# SPDX-License-Identifier: Apache-2.0
"""A colour cube: new colours on a regular grid of old ones, linear between (trilinear), as grading tools apply 3D LUTs.

Colours are display-referred sRGB. Outside the grid the change is that of the nearest colour inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from harmonize_core.runtime.resize import Floats, limited

Box = tuple[int, int, int, int]

_BAND_PIXELS = 1 << 16


@dataclass(frozen=True)
class Cube:
    """Colours to colours; used as a `ColorTransform` that is the same everywhere."""

    table: Floats
    """(N, N, N, 3): by red, green and blue of the old colour, N at least 2."""
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Old colour of the first entry."""
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Old colour of the last entry."""

    def grid(self) -> Floats:
        """The table that changes nothing: (N, N, N, 3)."""
        axes = (np.linspace(a, b, len(self.table)) for a, b in zip(self.low, self.high, strict=True))
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype(np.float32)

    def scaled(self, strength: float) -> Cube:
        """From the identity (0) to this cube (1) and beyond."""
        grid = self.grid()
        return Cube(grid + np.float32(strength) * (self.table - grid), self.low, self.high)

    def apply(self, rgb_srgb: Floats, where: Floats | Box | None = None, *, ceiling: float | None = 1.0) -> Floats:
        """Change a picture (H, W, 3), its foreground or a box of it: arguments and results as `Look.apply`."""
        if isinstance(where, np.ndarray):
            from harmonize_core.runtime.layers import apply_transform  # which knows transforms

            return apply_transform(cast(Any, self), rgb_srgb, where, ceiling=ceiling)
        top, bottom, left, right = where or (0, rgb_srgb.shape[0], 0, rgb_srgb.shape[1])
        part = rgb_srgb[top:bottom, left:right]
        return self._changed(part.reshape(-1, 3), ceiling).reshape(part.shape)

    def apply_to(
        self, colors_srgb: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], size_hw: tuple[int, int]
    ) -> Floats:
        """Change single pixels (N, 3), wherever they are."""
        return self._changed(colors_srgb, 1.0)

    def _changed(self, colors: Floats, ceiling: float | None) -> Floats:
        result = np.empty(colors.shape, np.float32)
        for start in range(0, len(colors), _BAND_PIXELS):
            band = np.asarray(colors[start : start + _BAND_PIXELS], np.float32)
            result[start : start + _BAND_PIXELS] = limited(self._looked_up(band), band, ceiling)
        return result

    def _looked_up(self, colors: Floats) -> Floats:
        count = len(self.table)
        low, high = (np.array(end, np.float32) for end in (self.low, self.high))
        inside = np.clip(colors, low, high)
        exact = (inside - low) * ((count - 1) / (high - low))
        cell = np.minimum(exact.astype(np.intp), count - 2)
        upper = (exact - cell).astype(np.float32)
        flat, first = self.table.reshape(-1, 3), cell @ np.array([count * count, count, 1])
        total = colors - inside
        for corner in np.ndindex(2, 2, 2):
            share = np.where(corner, upper, 1 - upper).prod(axis=1, dtype=np.float32)
            step = corner[0] * count * count + corner[1] * count + corner[2]
            total = total + share[:, None] * flat[first + step]
        return total
