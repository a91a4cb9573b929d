# SPDX-License-Identifier: Apache-2.0
"""The parts of a picture that are worked on at a time: as many pixels as stay in a core's second-level cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import decode, encode, srgb_to_linear
from harmonize_core.errors import InputError

Floats = NDArray[np.float32]
Pixels = NDArray[Any]
Box = tuple[int, int, int, int]

PIXELS = 1 << 14
"""Of a piece."""

ROWS = 64
"""Of a piece at most."""

COLUMNS = 1024
"""Of a piece at most."""

GAP = 32
"""Columns without foreground that do not interrupt a piece."""


@dataclass(frozen=True)
class Piece:
    """Some rows, and runs of columns that are worked on side by side as one array (rows, width)."""

    rows: slice
    runs: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and width."""
        return self.rows.stop - self.rows.start, sum(run.stop - run.start for run in self.runs)

    def gather(self, image: Pixels, into: Pixels) -> None:
        """Copy from an image (H, W, C) into planes (C, rows, width) of any type."""
        for run, columns in self._parts():
            np.copyto(into[:, :, columns], image[self.rows, run].transpose(2, 0, 1), casting="unsafe")

    def scatter(self, planes: Pixels, image: Pixels, where: NDArray[np.bool_] | None) -> None:
        """Write planes (C, rows, width) into an image (H, W, C), where the flags (rows, width) say so or everywhere."""
        for run, columns in self._parts():
            for channel, plane in enumerate(planes):
                flags = True if where is None else where[:, columns]
                np.copyto(image[self.rows, run, channel], plane[:, columns], casting="unsafe", where=flags)

    def places(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(rows,) and (width,): where in the image each row and each column is."""
        return np.arange(self.rows.start, self.rows.stop), self.columns()

    def columns(self) -> NDArray[np.intp]:
        """(width,) where in the image each column is."""
        return np.concatenate([np.arange(run.start, run.stop) for run in self.runs])

    def moved(self, down: int, across: int) -> Piece:
        """The same in an image of which this one is a part."""
        rows = slice(self.rows.start + down, self.rows.stop + down)
        return Piece(rows, tuple(slice(run.start + across, run.stop + across) for run in self.runs))

    def _parts(self) -> Iterator[tuple[slice, slice]]:
        done = 0
        for run in self.runs:
            yield run, slice(done, done + run.stop - run.start)
            done += run.stop - run.start


class Desk:
    """Arrays to work on pieces with, for one thread; what is in them is lost with the next piece."""

    def __init__(self) -> None:
        self._arrays: dict[str, Floats] = {}

    def planes(self, name: str, count: int, pixels: int) -> Floats:
        """(count, pixels) under a name."""
        array = self._arrays.get(name)
        if array is None or array.size < count * pixels:
            array = self._arrays[name] = np.empty(count * max(pixels, PIXELS), np.float32)
        return array[: count * pixels].reshape(count, pixels)

    def read(self, image: Pixels, piece: Piece) -> tuple[Floats, float]:
        """Linear light (3, N) of a piece of a picture of sRGB values (H, W, 3), and the brightest of the values."""
        height, width = piece.shape
        light = self.planes("light", image.shape[2], height * width)
        if image.dtype.kind == "u":
            codes = np.empty((image.shape[2], height, width), image.dtype)
            piece.gather(image, codes)
            np.take(light_of(image.dtype), codes.reshape(light.shape), out=light, mode="clip")
            return light, 1.0
        codes = self.planes("codes", *light.shape)
        piece.gather(image, codes.reshape(-1, height, width))
        brightest = float(codes.max())
        if codes.min() < 0:
            light[...] = srgb_to_linear(codes)
        else:
            decode(codes, light)
        return light, brightest

    def write(
        self, light: Floats, image: Pixels, piece: Piece, ceiling: Floats | None, where: NDArray[np.bool_] | None
    ) -> None:
        """The other way round, with values up to a ceiling (broadcast to (3, N)); `light` is used up.

        Whole numbers end at their largest, with or without a ceiling.
        """
        codes = self.planes("codes", *light.shape)
        encode(light, codes)
        if ceiling is not None:
            np.minimum(codes, ceiling, out=codes)
        if image.dtype.kind == "u":
            np.clip(codes, 0, 1, out=codes)
            codes *= np.float32(np.iinfo(image.dtype).max)
            codes += np.float32(0.5)
        piece.scatter(codes.reshape(len(codes), *piece.shape), image, where)


def floats_of(picture: Pixels) -> Floats:
    """Values up to 1, or whole numbers up to their largest, as floats up to 1 in an array of their own."""
    if picture.dtype.kind != "u":
        return picture.astype(np.float32)
    largest = np.iinfo(picture.dtype).max
    return (np.arange(largest + 1, dtype=np.float32) / np.float32(largest)).take(picture)


@lru_cache
def light_of(dtype: np.dtype[Any]) -> Floats:
    """The linear light of each value of an unsigned integer type.

    Raises:
        InputError: a type of more than 16 bits.
    """
    if dtype.itemsize > 2:
        raise InputError(f"the composite should hold floats, uint8 or uint16 but holds {dtype}; divide by its maximum")
    largest = np.iinfo(dtype).max
    return srgb_to_linear(np.arange(largest + 1, dtype=np.float32) / np.float32(largest))


def pieces_in(box: Box) -> Iterator[Piece]:
    """All of (top, bottom, left, right)."""
    top, bottom, left, right = box
    for row in range(top, bottom, ROWS):
        yield from _cut(slice(row, min(row + ROWS, bottom)), np.arange(left, right))


def pieces_over(coverage: Floats, rows: slice) -> Iterator[Piece]:
    """What is above 0 in some rows, up to `ROWS`, of coverage (H, W), with the small gaps in it."""
    covered = np.flatnonzero(coverage[rows].max(axis=0) > 0)
    if len(covered):
        runs = _runs(covered, GAP)
        yield from _cut(rows, np.concatenate([np.arange(run.start, run.stop) for run in runs]))


def _cut(rows: slice, columns: NDArray[np.intp]) -> Iterator[Piece]:
    for start in range(0, len(columns), COLUMNS):
        part = columns[start : start + COLUMNS]
        height = max(1, PIXELS // len(part))
        for top in range(rows.start, rows.stop, height):
            yield Piece(slice(top, min(top + height, rows.stop)), _runs(part, 0))


def _runs(columns: NDArray[np.intp], gap: int) -> tuple[slice, ...]:
    """Columns in ascending order as slices, with gaps of up to so many filled."""
    ends = np.flatnonzero(np.diff(columns) > gap + 1)
    firsts, lasts = columns[np.concatenate([[0], ends + 1])], columns[np.concatenate([ends, [-1]])]
    return tuple(slice(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True))
