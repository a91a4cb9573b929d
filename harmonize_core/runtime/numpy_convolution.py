# SPDX-License-Identifier: Apache-2.0
"""Convolution, its transpose and pooling in NumPy, as ONNX defines them (onnx/onnx@v1.17 docs/Operators.md).

A convolution is one matrix product per band of rows: the band's neighbourhoods are laid out as the columns of a matrix
that stays in the cache (im2col: Chellapilla et al., "High Performance Convolutional Neural Networks for Document
Processing", IWFHR 2006). Rows are padded once and kept flat, so that a neighbour is the same run of numbers further on;
a stride splits the picture into its phases first. Whatever follows point by point runs on the band while it is there.
A convolution of each channel by itself is a weighted sum of those runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[int, ...]
"""Rows and columns."""
Finish = Callable[[Array], None]
"""What follows a convolution point by point, in place."""

BAND = 2**18
"""Numbers of a band's matrix, 1 MiB: about what a core's own cache holds."""

CHUNK = 2**16
"""Numbers of the channels that a depthwise convolution works on at a time."""


@dataclass(frozen=True)
class Window:
    """What a convolution looks at: sizes (rows, columns)."""

    kernel: Pair
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    """Zeros above and to the left; negative: so many rows and columns are passed over."""
    after: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def size(self, size_hw: Pair) -> Pair:
        """Of the result, for a picture of this size; 0 or less where it is too small."""
        rows, columns = (
            (size_hw[i] + self.before[i] + self.after[i] - self.dilation[i] * (self.kernel[i] - 1) - 1)
            // self.stride[i]
            + 1
            for i in (0, 1)
        )
        return rows, columns


def convolve(x: Array, weights: Array, bias: Array | None, window: Window, finish: Finish, out: Array) -> None:
    """One picture, all channels to all channels.

    Args:
        x: (C, H, W).
        weights: (D, rows, columns, C).
        bias: (D,).
        window: geometry; its kernel is that of the weights.
        finish: what follows.
        out: (D, H', W') to write to, of `window.size((H, W))`; float32.
    """
    count, rows, columns = out.shape
    matrix = weights.reshape(count, -1)
    runs, width = _runs(x, window, (rows, columns))
    whole = width == columns and out.flags.c_contiguous
    inner = matrix.shape[1]
    band = max(1, max(BAND, matrix.size) // (max(inner, count) * width))
    flat = out.reshape(count, -1) if whole else None
    for top in range(0, rows, band):
        start, stop = top * width, min(top + band, rows) * width
        parts = [run[:, start:stop] for run in runs]
        stack = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if flat is not None:
            target = flat[:, start:stop]
            np.matmul(matrix, stack, out=target)
        else:
            target = matrix @ stack
        if bias is not None:
            target += bias[:, None]
        finish(target)
        if flat is None:
            out[:, top : top + band] = target.reshape(count, -1, width)[:, :, :columns]


def convolve_depthwise(
    x: Array, weights: Array, bias: Array | None, window: Window, finish: Finish, out: Array
) -> None:
    """One picture, each channel by itself; as `convolve`, with weights (C, rows, columns)."""
    channels, rows, columns = out.shape
    taps = weights.reshape(channels, -1, 1)
    step = max(1, CHUNK // max(1, x.shape[1] * x.shape[2]))
    for first in range(0, channels, step):
        some = slice(first, first + step)
        runs, width = _runs(x[some], window, (rows, columns))
        total = runs[0][:, : rows * width] * taps[some, 0]
        product = np.empty_like(total)
        for tap in range(1, len(runs)):
            np.multiply(runs[tap][:, : rows * width], taps[some, tap], out=product)
            total += product
        if bias is not None:
            total += bias[some, None]
        finish(total)
        out[some] = total.reshape(-1, rows, width)[:, :, :columns]


def transposed_windows(window: Window, size_hw: Pair, out_hw: Pair) -> list[tuple[Pair, Pair, list[Array], Window]]:
    """The convolutions of stride 1 that together make a transposed one.

    A result at y takes weight k from place i where i * stride + k * dilation - before = y, so the places with the same
    remainder share their weights: each remainder is a convolution of its own.

    Args:
        window: of the transposed convolution; dilation 1.
        size_hw: of the picture.
        out_hw: of the result.

    Returns:
        For each remainder: first row and column of the result, how many of them, indices of the kernel's rows and
        columns, geometry of the convolution.
    """
    axes = []
    for kernel, stride, before, size, out in zip(
        window.kernel, window.stride, window.before, size_hw, out_hw, strict=True
    ):
        found = []
        for phase in range(min(stride, out)):
            taps = np.arange((phase + before) % stride, kernel, stride)[::-1]
            count = len(range(phase, out, stride))
            start = (phase + before) // stride - (len(taps) - 1)
            found.append((phase, count, taps, -start, start + count + len(taps) - 1 - size))
        axes.append(found)
    return [
        (
            (top, left),
            (rows, columns),
            [down, across],
            Window((len(down), len(across)), before=(above, before), after=(below, after)),
        )
        for top, rows, down, above, below in axes[0]
        for left, columns, across, before, after in axes[1]
    ]


def pool(x: Array, window: Window, largest: bool, padded: bool) -> Array:
    """Means or largest values of (N, C, H, W); `padded`: zeros around the picture count in a mean."""
    (height, width), (rows, columns) = x.shape[2:], window.size(x.shape[2:])
    if window.kernel == window.stride and window.before == (0, 0) and (rows, columns) > (0, 0):
        (down, across), blocks = window.kernel, x[:, :, : rows * window.kernel[0], : columns * window.kernel[1]]
        if window.after == (0, 0):
            reduce = np.maximum.reduce if largest else np.add.reduce
            bands = reduce(blocks.reshape(*x.shape[:2], rows, down, columns * across), axis=3)
            result = reduce(bands.reshape(*x.shape[:2], rows, columns, across), axis=4)
            return result if largest else result / np.float32(down * across)
    ends = [(before, max(0, after)) for before, after in zip(window.before, window.after, strict=True)]
    fill = -np.inf if largest else 0
    around = np.pad(x, ((0, 0), (0, 0), *ends), constant_values=fill)
    result = np.full((*x.shape[:2], rows, columns), fill, x.dtype)
    counted = np.zeros((rows, columns), np.float32)
    inside = np.pad(np.ones((height, width), np.float32), ends, constant_values=1 if padded else 0)
    for down in range(window.kernel[0]):
        for across in range(window.kernel[1]):
            place = tuple(
                slice(at * step, at * step + (count - 1) * stride + 1, stride)
                for at, step, count, stride in zip(
                    (down, across), window.dilation, (rows, columns), window.stride, strict=True
                )
            )
            if largest:
                np.maximum(result, around[:, :, *place], out=result)
            else:
                result += around[:, :, *place]
                counted += inside[place]
    return result if largest else result / np.maximum(counted, 1)


def _runs(x: Array, window: Window, out_hw: Pair) -> tuple[list[Array], int]:
    """What each place of the kernel sees, row behind row: (C, H' * width + ...) each, and that width.

    Between the end of one row's results and the next there may be numbers that mean nothing.
    """
    rows, columns = out_hw
    if window.kernel == (1, 1) and window.stride == (1, 1) and x.shape[1:] == out_hw and window.before == (0, 0):
        return [x.reshape(len(x), -1)], columns
    reach = [(k - 1) * d for k, d in zip(window.kernel, window.dilation, strict=True)]
    height, width = (size + far // step for size, far, step in zip(out_hw, reach, window.stride, strict=True))
    planes: dict[Pair, Array] = {}
    runs = []
    for down in range(0, reach[0] + 1, window.dilation[0]):
        for across in range(0, reach[1] + 1, window.dilation[1]):
            (shift, phase), (right, side) = divmod(down, window.stride[0]), divmod(across, window.stride[1])
            if (phase, side) not in planes:
                planes[phase, side] = _phase(x, window, (phase, side), (height, width))
            first = shift * width + right
            runs.append(planes[phase, side][:, first : first + rows * width])
    return runs, width


def _phase(x: Array, window: Window, phase: Pair, size_hw: Pair) -> Array:
    """Every stride-th row and column of a padded picture from `phase` on, flat, a row of zeros behind: (C, ...)."""
    height, width = size_hw
    plane = np.zeros((len(x), (height + 1) * width), x.dtype)
    sources, targets = [], []
    for axis in (0, 1):
        stride, before = window.stride[axis], window.before[axis]
        first = (phase[axis] - before) % stride if before >= 0 else phase[axis] - before
        target = (first + before - phase[axis]) // stride
        count = max(0, min(len(range(first, x.shape[axis + 1], stride)), size_hw[axis] - target))
        sources.append(slice(first, first + count * stride, stride))
        targets.append(slice(target, target + count))
    plane[:, : height * width].reshape(len(x), height, width)[:, *targets] = x[:, *sources]
    return plane


def same_padding(kind: str, kernel: Pair, stride: Pair, dilation: Pair, size_hw: Sequence[int]) -> tuple[Pair, Pair]:
    """Zeros before and after for ONNX's `auto_pad` SAME_UPPER and SAME_LOWER; none for VALID."""
    if kind == "VALID":
        return (0, 0), (0, 0)
    less, more = [], []
    for k, s, d, size in zip(kernel, stride, dilation, size_hw, strict=True):
        total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        less.append(total // 2)
        more.append(total - total // 2)
    small, large = (less[0], less[1]), (more[0], more[1])
    return (small, large) if kind == "SAME_UPPER" else (large, small)
