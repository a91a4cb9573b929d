# SPDX-License-Identifier: Apache-2.0
"""Continuing trusted pixels into others (pull-push): over a whole picture, or for the pixels that are asked for.

Gortler et al., "The Lumigraph" (SIGGRAPH 1996), section 3.4: pictures are halved with their weights until every pixel
has one, then enlarged again, and what lacks weight is taken from the coarser picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
Part = tuple[slice, slice | Places]
"""Rows and columns of a picture."""

LEVELS = 5
"""Halvings that a `Continuation` does piece by piece: pieces are 32 pixels wide."""

RUN = 16
"""Pieces in a row that are done together: what is worked on fits in a core's second-level cache."""

Each = Callable[[Callable[[Any], object], Iterable[Any]], Iterable[object]]
"""`map`, or that of a thread pool."""


def extrapolate(image: Floats, weight: Floats) -> Floats:
    """Fill the pixels of weight 0 smoothly from those of weight 1 (pull-push); fractional weights are blended.

    Args:
        image: (H, W, C) linear.
        weight: (H, W) in [0, 1], how much each pixel is to be trusted. All zero returns the image unchanged.
    """
    height, width = weight.shape
    if not weight.any():
        return image.astype(np.float32)
    if min(height, width) <= 1:
        mean = (image * weight[..., None]).sum((0, 1)) / weight.sum()
        return (weight[..., None] * image + (1 - weight[..., None]) * mean).astype(np.float32)
    pad = ((0, height % 2), (0, width % 2))
    weighted = np.pad(image * weight[..., None], (*pad, (0, 0)))
    total = _pool(np.pad(weight, pad))
    coarse = _pool(weighted) / np.maximum(total, 1e-9)[..., None]
    filled = _grow(extrapolate(coarse, np.minimum(total * 4, 1)), height, width)
    return (weight[..., None] * image + (1 - weight[..., None]) * filled).astype(np.float32)


@dataclass(frozen=True)
class Source:
    """A picture that is read piece by piece, perhaps several times and by several threads at once."""

    size_hw: tuple[int, int]
    channels: int
    colors: Callable[[Part], Floats]
    """(C, rows, columns)"""
    weight: Callable[[Part], Floats]
    """(rows, columns) in [0, 1], how much each pixel is to be trusted; not 0 everywhere."""
    wanted: Callable[[Part], Flags]
    """(rows, columns), the pixels that will be asked for."""
    all_along: Callable[[slice], Floats]
    """(columns,) of some rows, none of them wanted: 1 where all pixels of a column are trusted wholly, 0 where none is
    trusted at all; -1 for other columns."""
    step: int = 1
    """Far from wanted pixels one in step x step pixels is read; what a first guess owes to those is little."""


class Continuation:
    """What `extrapolate` makes of the pixels without weight, for those that are asked for only.

    Halved pictures are kept, not the picture itself, and only the pieces are read that a wanted pixel depends on: those
    around it, as far as one has to go for a trusted one. What comes out does not depend on pieces or threads.
    """

    def __init__(self, source: Source, each: Each = map) -> None:
        self._source = source
        sizes = [source.size_hw]
        while len(sizes) <= LEVELS and min(sizes[-1]) > 1:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        self._sizes, self._side = sizes, 1 << (len(sizes) - 1)
        shapes = [tuple(n << (len(sizes) - 1 - k) for n in sizes[-1]) for k in range(1, len(sizes))]
        self._weights = [np.zeros(shape, np.float32) for shape in shapes]
        self._means = [np.zeros((source.channels, *shape), np.float32) for shape in shapes]
        """Levels from 1 on, in whole pieces; memory that nothing is written to is never taken."""
        if len(sizes) == 1:  # a line of pixels, too small to halve
            whole = slice(0, sizes[0][0]), slice(0, sizes[0][1])
            weight = source.weight(whole)
            self._line = (source.colors(whole) * weight).sum(axis=(1, 2)) / weight.sum()
            return
        wanted, plain = np.zeros(shapes[0], np.bool_), np.zeros(sizes[-1], np.bool_)
        list(each(lambda row: self._weigh(row, wanted, plain), range(sizes[-1][0])))
        seen, in_detail, needed = self._needed(wanted)
        averaged = needed & plain & ~in_detail
        list(each(lambda row: self._pull(row, np.flatnonzero(needed[row] & ~averaged[row])), range(sizes[-1][0])))
        list(each(lambda row: self._average(row, np.flatnonzero(averaged[row])), range(sizes[-1][0])))
        self._push(seen)

    def at(self, rows: Places, columns: Places) -> Floats:
        """(C, N) what wanted pixels are continued with."""
        if not self._means:
            return np.repeat(self._line[:, None], len(rows), axis=1)
        return self._grown(0, rows, columns)

    def _weigh(self, row: int, wanted: Flags, plain: Flags) -> None:
        """The weights of one row of pieces, halved, which pixels of the first level are wanted, and which pieces are
        trusted everywhere."""
        (height, width), side = self._sizes[0], self._side
        inside = slice(row * side, min((row + 1) * side, height))
        mixed = np.ones(self._sizes[-1][1], np.bool_)
        if inside.stop - inside.start == side:  # whole pieces
            whole = width // side
            along = self._source.all_along(inside)[: whole * side].reshape(whole, side)
            least, most = along.min(axis=1), along.max(axis=1)
            plain[row, :whole] = least == 1
            mixed[:whole] = (least < most) | (least < 0)
        pieces = np.flatnonzero(mixed)
        if plain[row].any():
            for level, weights in enumerate(self._weights, 1):
                weights[self._rows(level, row)] = plain[row].repeat(side >> level)
        if not len(pieces):
            return
        first, last = int(pieces[0]), int(pieces[-1]) + 1
        part = inside, slice(first * side, min(last * side, width))
        wanted[self._rows(1, row), first * side >> 1 : last * side >> 1] = _any(self._whole(self._source.wanted(part)))
        weight = self._whole(self._source.weight(part))
        for level, weights in enumerate(self._weights, 1):
            weight = np.minimum(_pooled(weight) * 4, 1)
            weights[self._rows(level, row), first * side >> level : last * side >> level] = weight

    def _needed(self, wanted: Flags) -> tuple[list[Flags], Flags, Flags]:
        """Which pixels of each level are looked at, and the pieces they depend on: in detail, and at all."""
        in_detail, pieces, looked_at = np.zeros(self._sizes[-1], np.bool_), np.zeros(self._sizes[-1], np.bool_), []
        for level, (weights, size) in enumerate(zip(self._weights, self._sizes[1:], strict=True), 1):
            seen = _around(wanted)
            seen[size[0] :], seen[:, size[1] :] = False, False
            looked_at.append(seen)
            in_detail, piece = pieces.copy(), seen
            for _ in range(level, len(self._weights)):
                piece = _any(piece)
            pieces |= piece
            wanted = _any(_even(seen & (weights < 1)))
        trusted = self._weights[-1] > 0
        return looked_at, in_detail & trusted, (pieces | self._needed_above(wanted)) & trusted

    def _needed_above(self, wanted: Flags) -> Flags:
        """The pieces that the levels above depend on."""
        weight, scale = self._weights[-1], 1
        pieces = np.zeros(weight.shape, np.bool_)
        while wanted.any():
            if min(weight.shape) <= 1:
                return np.ones(pieces.shape, np.bool_)
            weight, scale = np.minimum(_pooled(_even(weight)) * 4, 1), 2 * scale
            seen = _around(wanted)
            pieces |= seen.repeat(scale, axis=0).repeat(scale, axis=1)[: pieces.shape[0], : pieces.shape[1]]
            wanted = _any(_even(seen & (weight < 1)))
        return pieces

    def _pull(self, row: int, needed: Places) -> None:
        """Means of some pieces of one row of them, halved."""
        for start in range(0, len(needed), RUN):
            pieces = needed[start : start + RUN]
            part = self._rows(0, row), self._columns(pieces)
            inside = slice(part[0].start, min(part[0].stop, self._sizes[0][0])), part[1][part[1] < self._sizes[0][1]]
            means, trust = self._whole(self._source.colors(inside)), self._whole(self._source.weight(inside))
            for level, (kept, weights) in enumerate(zip(self._means, self._weights, strict=True), 1):
                means *= trust
                means = _pooled(means)
                means /= np.maximum(_pooled(trust), np.float32(1e-9))
                rows, side = self._rows(level, row), self._side >> level
                _in_pieces(kept[:, rows], side)[:, :, pieces] = _in_pieces(means, side)
                trust = _in_pieces(weights[rows], side)[:, pieces].reshape(side, -1)

    def _average(self, row: int, needed: Places) -> None:
        """The coarsest means alone, of pieces that are trusted everywhere."""
        step = min(self._source.step, self._side)
        rows = self._rows(0, row)
        for start in range(0, len(needed), RUN * step):
            pieces = needed[start : start + RUN * step]
            columns = self._columns(pieces)[step // 2 :: step]
            sums = self._source.colors((slice(rows.start + step // 2, rows.stop, step), columns)).sum(axis=1)
            means = sums.reshape(len(sums), len(pieces), -1).sum(axis=2) * np.float32((step / self._side) ** 2)
            self._means[-1][:, row, pieces] = means

    def _push(self, seen: list[Flags]) -> None:
        """From the coarsest level down, fill what lacks weight where it is looked at."""
        coarsest = self._means[-1]
        coarsest[...] = extrapolate(coarsest.transpose(1, 2, 0), self._weights[-1]).transpose(2, 0, 1)
        for level in range(len(self._means) - 1, 0, -1):
            weights, means = self._weights[level - 1], self._means[level - 1]
            flat, flat_weights = means.reshape(len(means), -1), weights.reshape(-1)
            empty = np.flatnonzero(seen[level - 1] & (weights < 1))
            for start in range(0, len(empty), 1 << 14):
                part = empty[start : start + (1 << 14)]
                weight = flat_weights[part]
                grown = self._grown(level, *np.divmod(part, weights.shape[1]))
                flat[:, part] = weight * flat[:, part] + (1 - weight) * grown

    def _grown(self, level: int, rows: Places, columns: Places) -> Floats:
        """(C, N) pixels of a level, enlarged bilinearly from the next."""
        coarse, (height, width) = self._means[level], self._sizes[level + 1]
        flat, stride = coarse.reshape(len(coarse), -1), coarse.shape[2]
        near, beside = rows >> 1, columns >> 1
        far = np.clip(near + 2 * (rows & 1) - 1, 0, height - 1) * stride
        aside = np.clip(beside + 2 * (columns & 1) - 1, 0, width - 1)
        near = near * stride
        grown = flat.take(near + beside, axis=1) * np.float32(0.5625)
        grown += np.float32(0.1875) * (flat.take(far + beside, axis=1) + flat.take(near + aside, axis=1))
        grown += np.float32(0.0625) * flat.take(far + aside, axis=1)
        return grown

    def _rows(self, level: int, row: int) -> slice:
        return slice(row * self._side >> level, (row + 1) * self._side >> level)

    def _columns(self, pieces: Places) -> Places:
        return (pieces[:, None] * self._side + np.arange(self._side)).reshape(-1)

    def _whole(self, array: NDArray) -> NDArray:
        """(..., rows, columns) with zeros up to whole pieces."""
        height, width = (-(-side // self._side) * self._side for side in array.shape[-2:])
        if array.shape[-2:] == (height, width):
            return array
        whole = np.zeros((*array.shape[:-2], height, width), array.dtype)
        whole[..., : array.shape[-2], : array.shape[-1]] = array
        return whole


def _in_pieces(planes: Floats, side: int) -> Floats:
    """(..., columns) as (..., pieces, side), without a copy where columns are next to each other."""
    return planes.reshape(*planes.shape[:-1], -1, side)


def _pooled(planes: Floats) -> Floats:
    """Mean of 2x2 blocks over the last two axes, both even."""
    rows = planes[..., ::2, :] + planes[..., 1::2, :]
    means = rows[..., ::2] + rows[..., 1::2]
    means *= np.float32(0.25)
    return means


def _any(flags: Flags) -> Flags:
    """Whether any of 2x2 blocks is set, both sides even."""
    rows = flags[::2] | flags[1::2]
    return rows[:, ::2] | rows[:, 1::2]


def _around(flags: Flags) -> Flags:
    """Flags and the eight around each."""
    rows = flags.copy()
    rows[1:] |= flags[:-1]
    rows[:-1] |= flags[1:]
    found = rows.copy()
    found[:, 1:] |= rows[:, :-1]
    found[:, :-1] |= rows[:, 1:]
    return found


def _even(array: NDArray) -> NDArray:
    """With a zero row and column where a side is odd."""
    odd = [side % 2 for side in array.shape]
    return np.pad(array, [(0, n) for n in odd]) if any(odd) else array


def _pool(array: Floats) -> Floats:
    """Mean of 2x2 blocks over the first two axes, both even."""
    return 0.25 * (array[::2, ::2] + array[1::2, ::2] + array[::2, 1::2] + array[1::2, 1::2])


def _grow(array: Floats, height: int, width: int) -> Floats:
    """Bilinear upsampling by two over the first two axes, cropped to (height, width)."""
    for axis in (0, 1):
        near = np.repeat(array, 2, axis=axis)
        ends = np.take(array, [0, -1], axis=axis)
        first, last = np.split(ends, 2, axis=axis)
        before = np.repeat(np.concatenate([first, array], axis=axis), 2, axis=axis)
        after = np.repeat(np.concatenate([array, last], axis=axis), 2, axis=axis)
        count = near.shape[axis]
        even = np.arange(count) % 2 == 0
        even = even[:, None, None] if axis == 0 else even[None, :, None]
        side = np.where(even, _head(before, count, axis), _tail(after, count, axis))
        array = 0.75 * near + 0.25 * side
    return array[:height, :width]


def _head(array: Floats, count: int, axis: int) -> Floats:
    return np.take(array, np.arange(count), axis=axis)


def _tail(array: Floats, count: int, axis: int) -> Floats:
    return np.take(array, np.arange(2, count + 2), axis=axis)
