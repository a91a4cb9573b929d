# SPDX-License-Identifier: Apache-2.0
"""A smooth map of local affine colour transforms: what a network did at low resolution, applicable at any resolution.

The network sees 256x256 pixels; its result is explained, in windows that slide over the foreground, by one affine map
of the colour each, and only those maps are upsampled, so that full-resolution detail survives. This is the fast guided
filter with a colour guide (He & Sun, "Fast Guided Filter", 2015, arXiv:1505.00996) with four changes: windows are
gaussian and wide, pixels count by their mask weight, the ridge pulls to the transform of the whole foreground (which
itself is pulled to the identity) instead of to a constant, and coefficients are kept on a coarse grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime.resize import interpolation_matrix, limited, neighbours

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]
Size = tuple[int, int]

GRID = (32, 32)
"""Rows and columns of coefficients; eight pixels of a 256x256 network image apart."""

WINDOW = 0.08
"""Standard deviation of a window as a fraction of the image side (20 pixels of 256)."""

RIDGE_GLOBAL = 1e-3
"""Variance added to the colour covariance of the whole foreground: how strongly its transform prefers the identity."""

RIDGE_LOCAL = 4e-3
"""Variance added in a window: how strongly a local transform prefers the one of the whole foreground."""

SUPPORT = 40.0
"""Foreground pixels (of 256x256, weighted by the window) at which a local transform counts one half."""

_BAND_PIXELS = 1 << 16


class MaskEmpty(InputError):
    """The mask marks no foreground at all."""


@dataclass(frozen=True)
class ColorTransform:
    """Local affine transforms of display-referred sRGB colours, on a grid over the whole image.

    `coefficients` is (gh, gw, 3, 4) float32: at each grid cell a matrix (3, 3) and an offset (3,) in sRGB units, cell
    centres at half-integers. Cells away from the foreground hold the transform of the whole foreground.
    """

    coefficients: Floats

    @classmethod
    def identity(cls) -> ColorTransform:
        """The transform that changes nothing."""
        return cls(np.eye(3, 4, dtype=np.float32)[None, None])

    @property
    def is_identity(self) -> bool:
        """Whether it says so itself: nothing changes under it."""
        return self.coefficients.shape[:2] == (1, 1) and np.array_equal(self.coefficients[0, 0], np.eye(3, 4))

    def scaled(self, strength: float) -> ColorTransform:
        """Interpolate from the identity (0) to this transform (1); above 1 extrapolates, within reason."""
        identity = np.eye(3, 4, dtype=np.float32)
        return ColorTransform((identity + np.float32(strength) * (self.coefficients - identity)).astype(np.float32))

    def apply(self, rgb_srgb: Floats, where: Floats | Box | None = None, *, ceiling: float | None = 1.0) -> Floats:
        """Transform an image of any size whose frame is the one the transform was estimated on.

        Args:
            rgb_srgb: (H, W, 3) float sRGB; 1 = white, values above it are allowed.
            where: a mask (H, W) in [0, 1], a box or None, as `Look.apply`.
            ceiling: values above it are cut off, where the input has none; None: nothing is.

        Returns:
            (H, W, 3) float32 sRGB, not below 0; with a box (bottom - top, right - left, 3).

        Raises:
            InputError: as `Look.apply`.
        """
        if isinstance(where, np.ndarray):
            from harmonize_core.runtime.layers import apply_transform  # which knows transforms

            return apply_transform(self, rgb_srgb, where, ceiling=ceiling)
        box = where
        height, width = rgb_srgb.shape[:2]
        top, bottom, left, right = box or (0, height, 0, width)
        gh, gw = self.coefficients.shape[:2]
        rows = interpolation_matrix(gh, top, bottom, height)
        columns = interpolation_matrix(gw, left, right, width).T.copy()
        # (gh, 12, gw): one matrix product upsamples a band of all twelve coefficients
        grid = np.ascontiguousarray(self.coefficients.reshape(gh, gw, 12).transpose(0, 2, 1)).reshape(gh, 12 * gw)
        result = np.empty((bottom - top, right - left, 3), dtype=np.float32)
        step = max(1, _BAND_PIXELS // max(1, right - left))
        for start in range(0, bottom - top, step):
            stop = min(start + step, bottom - top)
            band = ((rows[start:stop] @ grid).reshape(-1, gw) @ columns).reshape(stop - start, 3, 4, right - left)
            source = rgb_srgb[top + start : top + stop, left:right].transpose(0, 2, 1).astype(np.float32, order="C")
            mapped = band[:, :, 3]
            for channel in range(3):
                mapped = mapped + band[:, :, channel] * source[:, None, channel]
            result[start:stop] = limited(mapped, source, ceiling).transpose(0, 2, 1)
        return result

    def apply_to(self, colors_srgb: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], size_hw: Size) -> Floats:
        """Transform single pixels (N, 3) of an image of `size_hw` at integer positions (rows, columns)."""
        gh, gw = self.coefficients.shape[:2]
        flat = self.coefficients.reshape(gh * gw, 12)
        row_low, row_high, row_part = neighbours(rows, gh, size_hw[0])
        col_low, col_high, col_part = neighbours(columns, gw, size_hw[1])
        result = np.empty((len(colors_srgb), 3), dtype=np.float32)
        for start in range(0, len(rows), _BAND_PIXELS):
            part = slice(start, start + _BAND_PIXELS)
            down, across = row_part[part, None], col_part[part, None]
            upper = flat[row_low[part] * gw + col_low[part]]
            upper = upper + across * (flat[row_low[part] * gw + col_high[part]] - upper)
            lower = flat[row_high[part] * gw + col_low[part]]
            lower = lower + across * (flat[row_high[part] * gw + col_high[part]] - lower)
            local = (upper + down * (lower - upper)).reshape(-1, 3, 4)
            source = np.asarray(colors_srgb[part], dtype=np.float32)
            mapped = np.einsum("nij,nj->ni", local[:, :, :3], source) + local[:, :, 3]
            result[part] = limited(mapped, source, 1.0)
        return result


def fit_transform(composite: Floats, harmonized: Floats, mask: Floats, grid: tuple[int, int] = GRID) -> ColorTransform:
    """The smooth map of affine colour transforms that best turns `composite` into `harmonized` on the foreground.

    Args:
        composite: (h, w, 3) sRGB in [0, 1], at the network's resolution.
        harmonized: (h, w, 3) sRGB in [0, 1], what the network made of it.
        mask: (h, w) in [0, 1], 1 = foreground: the weight of each pixel.
        grid: rows and columns of the map.

    Raises:
        MaskEmpty: no pixel has weight.
    """
    if not mask.max() > 0:
        raise MaskEmpty("the mask should mark the foreground with values above 0 but is 0 everywhere; choose another")
    rows, columns = (np.flatnonzero(mask.max(axis=axis) > 0) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    weight = np.clip(mask[box], 0, 1).astype(np.float64)
    source = composite[box].astype(np.float64)
    change = harmonized[box].astype(np.float64) - source  # ridge pulls it to 0, hence the transform to the identity
    overall = _solve(_moments(source, change, weight).sum(axis=(0, 1))[None], RIDGE_GLOBAL)[0]
    rest = change - source @ overall[:, :3].T - overall[:, 3]
    down = _window_matrix(grid[0], mask.shape[0])[:, box[0]]
    across = _window_matrix(grid[1], mask.shape[1])[:, box[1]]
    windows = np.tensordot(down, _moments(source, rest, weight), axes=(1, 0))
    windows = np.tensordot(across, windows, axes=(1, 1)).transpose(1, 0, 2)
    local = _solve(windows.reshape(-1, windows.shape[-1]), RIDGE_LOCAL)
    trust = windows[..., 0] / (windows[..., 0] + SUPPORT * mask.size / 65536)
    local = local.reshape(*grid, 3, 4) * trust[..., None, None]
    return ColorTransform((np.eye(3, 4) + overall + local).astype(np.float32))


def _moments(source: NDArray, change: NDArray, weight: NDArray) -> NDArray:
    """Per pixel, weighted: 1, colour (3), colour products (9), change (3), change times colour (9)."""
    color, moved = source.transpose(2, 0, 1).copy(), change.transpose(2, 0, 1).copy()
    planes = np.empty((25, *weight.shape))  # NumPy is many times slower over last axes of three
    planes[0], planes[1:4], planes[13:16] = 1, color, moved
    planes[4:13] = (color[:, None] * color).reshape(9, *weight.shape)
    planes[16:] = (moved[:, None] * color).reshape(9, *weight.shape)
    planes *= weight
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def _solve(moments: NDArray, ridge: float) -> NDArray:
    """Ridge regression of the change on the colour for each row of summed moments: (N, 25) to (N, 3, 4)."""
    total = np.maximum(moments[:, :1], 1e-9)
    mean = moments[:, 1:4] / total
    covariance = (moments[:, 4:13] / total).reshape(-1, 3, 3) - mean[:, :, None] * mean[:, None, :]
    mean_change = moments[:, 13:16] / total
    crossed = (moments[:, 16:25] / total).reshape(-1, 3, 3) - mean_change[:, :, None] * mean[:, None, :]
    matrix = np.linalg.solve(covariance + ridge * np.eye(3), crossed.transpose(0, 2, 1)).transpose(0, 2, 1)
    offset = mean_change - np.einsum("nij,nj->ni", matrix, mean)
    return np.concatenate([matrix, offset[:, :, None]], axis=2)


def _window_matrix(cells: int, length: int) -> NDArray:
    """Gaussian window weights (cells, length), centred on the grid cells, with peak 1."""
    centres = (np.arange(cells) + 0.5) * (length / cells)
    distance = np.subtract.outer(centres, np.arange(length) + 0.5)
    return np.exp(-0.5 * (distance / (WINDOW * length)) ** 2)
