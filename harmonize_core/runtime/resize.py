# SPDX-License-Identifier: Apache-2.0
"""Resizing without OpenCV or Pillow: exact area averaging to shrink, bilinear interpolation to grow.

Both are separable and use pixel centres at half-integers (align_corners=False), as cv2.INTER_AREA / INTER_LINEAR do.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.runtime.threads import workers

Floats = NDArray[np.float32]

_BAND = 8
"""Rows that pictures are reduced to at a time."""


def resize(image: NDArray[Any], size_hw: tuple[int, int], threads: int | None = None) -> Floats:
    """Resize (H, W) or (H, W, C) to `size_hw`; an axis that shrinks is averaged, one that grows is interpolated.

    A picture that shrinks both ways is read once, by up to `threads` threads (None: one for each core).
    """
    if all(size < length for size, length in zip(size_hw, image.shape, strict=False)):
        return _reduced(image, size_hw, threads)
    for axis, size in enumerate(size_hw):
        if size < image.shape[axis]:
            image = _shrink(image, axis, size)
    for axis, size in enumerate(size_hw):
        if size > image.shape[axis]:
            image = _grow(image, axis, size)
    return image.astype(np.float32, copy=False)


def averaged(values: NDArray[Any], start: int, length: int, size: int) -> Floats:
    """Shrink the first axis of something that is 0 but for a stretch of it, as `resize` shrinks the whole.

    Args:
        values: (n, ...) floats of the stretch.
        start: where it begins.
        length: of the whole axis.
        size: to which that shrinks.

    Returns:
        (size, ...)
    """
    step, stop = length / size, start + len(values)
    result = np.zeros((size, *values.shape[1:]), np.float32)
    for index in range(int(start / step), min(size, math.ceil(stop / step))):
        low, high = index * step, (index + 1) * step
        first, last = max(int(low), start), min(math.ceil(high), stop)
        places = np.arange(first, last)
        shares = (np.minimum(places + 1, high) - np.maximum(places, low)) / step
        result[index] = np.tensordot(shares.astype(np.float32), values[first - start : last - start], 1)
    return result


def neighbours(
    positions: NDArray[np.intp], source: int, total: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Indices of the two of `source` samples around each of some places out of `total`, and the weight of the second:
    `interpolation_matrix` for single places."""
    exact = np.clip((positions + 0.5) * (source / total) - 0.5, 0, source - 1)
    low = exact.astype(np.intp)
    return low, np.minimum(low + 1, source - 1), (exact - low).astype(np.float32)


def limited(changed: Floats, before: Floats, ceiling: float | None) -> Floats:
    """Values not below 0, and not above the ceiling but where they were before; None: as bright as they are."""
    return np.clip(changed, 0, None if ceiling is None else np.maximum(before, np.float32(ceiling)))


def interpolation_matrix(source: int, start: int, stop: int, total: int) -> Floats:
    """Bilinear weights (stop - start, source) of the samples start..stop-1 out of `total`, from `source` samples."""
    position = (np.arange(start, stop) + 0.5) * (source / total) - 0.5
    position = np.clip(position, 0, source - 1)
    low = np.minimum(position.astype(np.int64), max(source - 2, 0))
    fraction = (position - low).astype(np.float32)
    matrix = np.zeros((stop - start, source), dtype=np.float32)
    rows = np.arange(stop - start)
    matrix[rows, low] = 1 - fraction
    matrix[rows, np.minimum(low + 1, source - 1)] += fraction
    return matrix


def _reduced(image: NDArray[Any], size_hw: tuple[int, int], threads: int | None) -> Floats:
    """`_shrink` along both axes, row by row of the result."""
    edges, (height, width) = _edges(image.shape[0], size_hw[0]), size_hw
    result = np.empty((height, width, *image.shape[2:]), np.float32)

    def band(start: int) -> None:
        """Some rows of the result."""
        boxes = list(itertools.pairwise(edges[start : start + _BAND + 1]))
        lines = np.empty((len(boxes), *image.shape[1:]), np.float32)
        for line, ((first, head), (last, tail)) in zip(lines, boxes, strict=True):
            np.add.reduce(image[first:last], axis=0, dtype=np.float32, out=line)
            line -= np.float32(head) * image[first]
            if tail:
                line += np.float32(tail) * image[last]
        result[start : start + _BAND] = _shrink(lines, 1, width)

    with workers(threads, image.shape[0] * image.shape[1]) as each:
        list(each(band, range(0, height, _BAND)))
    result *= np.float32(height / image.shape[0])
    return result


def _edges(length: int, size: int) -> list[tuple[int, float]]:
    """Where each of `size` boxes begins and the last ends: a sample, and how much of it is before."""
    exact = [n * (length / size) for n in range(size)]
    return [(int(n), n - int(n)) for n in exact] + [(length, 0.0)]


def _shrink(image: Floats, axis: int, size: int) -> Floats:
    """Mean over boxes of width length/size; a pixel cut by a border counts by its parts on either side."""
    length = image.shape[axis]
    edges = np.arange(size + 1) * (length / size)
    whole = np.minimum(edges.astype(np.int64), length - 1)
    part = edges - whole
    part[-1] = 0.0
    cut = np.take(image, whole, axis=axis) * _along(part.astype(np.float32), axis, image.ndim)
    sums = np.add.reduceat(image, whole[:-1], axis=axis)
    head, tail = _pieces(cut, axis)
    return (sums - head + tail) * np.float32(size / length)


def _grow(image: Floats, axis: int, size: int) -> Floats:
    weights = interpolation_matrix(image.shape[axis], 0, size, size)
    return np.moveaxis(np.tensordot(weights, image, axes=(1, axis)), 0, axis)


def _pieces(cut: Floats, axis: int) -> tuple[Floats, Floats]:
    index = [slice(None)] * cut.ndim
    index[axis] = slice(None, -1)
    head = cut[tuple(index)]
    index[axis] = slice(1, None)
    return head, cut[tuple(index)]


def _along(vector: Floats, axis: int, ndim: int) -> Floats:
    shape = [1] * ndim
    shape[axis] = -1
    return vector.reshape(shape)
