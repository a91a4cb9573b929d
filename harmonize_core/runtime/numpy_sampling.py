# SPDX-License-Identifier: Apache-2.0
"""Resize and GridSample in NumPy, as ONNX defines them (onnx/onnx@v1.17 docs/Operators.md)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Taps = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Indices (T, n) and weights (T, n): result i is the sum over t of weights[t, i] * values[indices[t, i]]."""

Coordinates = Literal["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
COORDINATES: dict[str, Callable[[Array, float, int, int], Array]] = {
    "half_pixel": lambda i, scale, size, out: (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, scale, size, out: (i + 0.5) / scale - 0.5 if out > 1 else 0 * i,
    "align_corners": lambda i, scale, size, out: i * ((size - 1) / (out - 1)) if out > 1 else 0 * i,
    "asymmetric": lambda i, scale, size, out: i / scale,
}
"""Index of the result, scale, size and size of the result to the place in the picture."""

ROUNDING: dict[str, Callable[[Array], Array]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
}


def taps(mode: str, coordinates: str, rounding: str, cubic: float, scale: float, size: int, out: int) -> Taps:
    """Where each value of a resized axis comes from.

    Args:
        mode: "nearest", "linear" or "cubic".
        coordinates: a name of `COORDINATES`.
        rounding: of "nearest", a name of `ROUNDING`.
        cubic: the parameter a of Keys, "Cubic convolution interpolation", IEEE TASSP 1981, equation 4.
        scale: result per picture.
        size: of the axis.
        out: of the result's.
    """
    at = COORDINATES[coordinates](np.arange(out, dtype=np.float64), scale, size, out)
    if mode == "nearest":
        indices = ROUNDING[rounding](at)[None]
        weights = np.ones_like(indices)
    elif mode == "linear":
        at = np.clip(at, 0, size - 1)
        low = np.floor(at)
        indices, weights = np.stack([low, low + 1]), np.stack([1 - (at - low), at - low])
    else:
        low = np.floor(at)
        indices = low + np.arange(-1, 3)[:, None]
        far = np.abs(at - indices)
        near = ((cubic + 2) * far - (cubic + 3)) * far * far + 1
        rest = ((far - 5) * far + 8) * far * cubic - 4 * cubic
        weights = np.where(far <= 1, near, np.where(far < 2, rest, 0))
    return np.clip(indices, 0, size - 1).astype(np.int64), weights.astype(np.float32)


def resize_rows(x: Array, found: Taps) -> Array:
    """(..., H, W) to (..., n, W)."""
    indices, weights = found
    if len(indices) == 1:
        return x[..., indices[0], :]
    total = x[..., indices[0], :]
    total *= weights[0][:, None]
    for index, weight in zip(indices[1:], weights[1:], strict=True):
        total += x[..., index, :] * weight[:, None]
    return total


def resize_columns(x: Array, found: Taps) -> Array:
    """(..., H, W) to (..., H, n), as a product with the matrix of the weights."""
    indices, weights = found
    if len(indices) == 1:
        return x[..., indices[0]]
    matrix = np.zeros((x.shape[-1], indices.shape[1]), np.float32)
    np.add.at(matrix, (indices, np.arange(indices.shape[1])), weights)
    return x @ matrix


def grid_sample(x: Array, grid: Array, border: bool, corners: bool, nearest: bool) -> Array:
    """Values of pictures, or of volumes, at given places.

    Args:
        x: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, H', W', 2) places, column and row, or (N, D', H', W', 3) with the depth last; -1 to 1 over
            the picture.
        border: outside, the picture's edge; else zero.
        corners: -1 and 1 are the middles of the outermost pixels, not their outer edges.
        nearest: the nearest pixel, halves to the even one; else linear between the neighbours.

    Returns:
        (N, C, H', W') or (N, C, D', H', W').
    """
    sizes = x.shape[2:]
    firsts, rests = [], []
    for axis, size in enumerate(sizes):
        at = grid[..., len(sizes) - 1 - axis]
        at = (at + 1) * np.float32((size - 1) / 2) if corners else ((at + 1) * np.float32(size) - 1) / 2
        at = np.clip(at, 0, size - 1) if border else np.clip(at, -2, size + 1)
        first = np.round(at) if nearest else np.floor(at)
        firsts.append(first.astype(np.int64))
        rests.append(at - first)
    result = np.zeros((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    for steps in itertools.product((0,) if nearest else (0, 1), repeat=len(sizes)):
        flat, weight = np.zeros(grid.shape[:-1], np.int64), np.ones(grid.shape[:-1], np.float32)
        for first, rest, step, size in zip(firsts, rests, steps, sizes, strict=True):
            index = first + step
            flat = flat * size + np.clip(index, 0, size - 1)
            weight = weight * ((index >= 0) & (index < size))
            if not nearest:
                weight = weight * (rest if step else 1 - rest)
        for i, picture in enumerate(x.reshape(*x.shape[:2], -1)):
            result[i] += picture[:, flat[i]] * weight[i]
    return result
