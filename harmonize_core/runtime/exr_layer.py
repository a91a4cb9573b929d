# SPDX-License-Identifier: Apache-2.0
"""Rendered layers cut to what is not empty, and such layers out of half-float OpenEXR files.

Most of a character's frame is nothing. Chunks of nothing are known by their bytes and not unpacked, and of the others
only the columns that hold something become numbers, still as halves: a third of what it costs to read the whole file
(`exr_reader`, where the sources are).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_packing import unpredicted
from harmonize_core.runtime.exr_reader import LINES, CannotRead, Part, in_lines, read_parts
from harmonize_core.runtime.resize import averaged
from harmonize_core.runtime.threads import workers

Box = tuple[int, int, int, int]
Floats = NDArray[np.float32]
Octets = NDArray[np.uint8]

Chunk = tuple[int, int, Octets]
"""First row, first column that holds something, and (2, lines, C, columns): all low octets, then all high ones."""

_HALF = np.dtype("<f2")
_HALF_MAX = 65504
_EXPONENT = np.uint16(0x7C00)
"""Bits of a half that are all set in infinities and what is not a number."""


@dataclass(frozen=True)
class Cut:
    """A layer inside a box outside of which it is empty."""

    size: tuple[int, int]
    """Rows and columns of the picture."""
    box: Box
    """Top, bottom, left, right in it; bottom and right excluded. Its area is 0 where the layer shows nothing."""
    planes: NDArray[Any]
    """(4, bottom - top, right - left) floats: linear Rec.709, premultiplied, and coverage; finite."""

    @classmethod
    def of(cls, rgb_linear: Floats, alpha: Floats) -> Cut:
        """What covers anything of (H, W, 3) premultiplied colours and their coverage (H, W)."""
        rows, columns = (np.flatnonzero((alpha > 0).any(axis=axis)) for axis in (1, 0))
        size = (alpha.shape[0], alpha.shape[1])
        if not len(rows):
            return cls(size, (0, 0, 0, 0), np.zeros((4, 0, 0), np.float32))
        box = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        top, bottom, left, right = box
        planes = np.empty((4, bottom - top, right - left), np.float32)
        planes[:3] = rgb_linear[top:bottom, left:right].transpose(2, 0, 1)
        planes[3] = alpha[top:bottom, left:right]
        return cls(size, box, planes)

    @property
    def rgb_linear(self) -> NDArray[Any]:
        """(h, w, 3) of the box."""
        return self.planes[:3].transpose(1, 2, 0)

    @cached_property
    def alpha(self) -> Floats:
        """(h, w) of the box, in [0, 1]."""
        return np.clip(self.planes[3].astype(np.float32), 0, 1)

    def reduced(self, size_hw: tuple[int, int]) -> Floats:
        """The whole picture (h, w, 4) averaged to a size that is not larger."""
        lines = self.planes.transpose(1, 0, 2).astype(np.float32, order="C")
        rows = averaged(lines, self.box[0], self.size[0], size_hw[0])
        columns = averaged(rows.transpose(2, 0, 1).copy(), self.box[2], self.size[1], size_hw[1])
        return np.ascontiguousarray(columns.transpose(1, 0, 2))

    def framed(self, values: NDArray[Any]) -> Floats:
        """Values (h, w, ...) of the box in the whole picture, 0 around it."""
        top, bottom, left, right = self.box
        whole = np.zeros((*self.size, *values.shape[2:]), np.float32)
        whole[top:bottom, left:right] = values
        return whole


def read_cut(path: Path) -> Cut:
    """Read R, G, B and A of a file of halves; values that are no numbers are 0, infinite ones the largest half.

    Raises:
        CannotRead: no such channels, no halves, several parts, or packed in a way that is not read here.
        InputError: missing, damaged, or no EXR file.
    """
    data, parts, flags, at = read_parts(path)
    part = parts[0]
    names = [name for name, _ in part.channels]
    plain = len(parts) == 1 and in_lines(parts, flags) and part.data == part.display
    plain = plain and part.compression in LINES and all(kind == _HALF for _, kind in part.channels)
    if not plain or not set("RGBA") <= set(names):
        raise CannotRead(f"{path} holds no plain RGBA in halves; save it as such with ZIP compression")
    try:
        chunks = _chunks(part, data, at)
    except (struct.error, ValueError, OverflowError, zlib.error) as error:
        raise InputError(f"{path} is damaged or no EXR file; check that it was copied whole") from error
    return _put_together(part, [names.index(name) for name in "RGBA"], chunks)


def _chunks(part: Part, data: bytes, at: int) -> list[Chunk]:
    """The chunks that are not empty, unpacked by several threads."""
    left, top, right, bottom = part.data
    width, count = right - left + 1, len(part.channels)
    empty: set[bytes] = set()

    def unpacked(offset: int) -> Chunk | None:
        first, length = struct.unpack_from("<ii", data, offset)
        packed = data[offset + 8 : offset + 8 + length]
        lines = min(LINES[part.compression], bottom - first + 1)
        if length < 0 or len(packed) != length or not 0 <= first - top <= bottom - top:
            raise ValueError("chunk cut off")
        if packed in empty:
            return None
        octets = unpredicted(packed, part.compression, 2 * lines * count * width).reshape(2, lines, count, width)
        columns = np.flatnonzero(np.bitwise_or.reduce(octets.reshape(-1, width), axis=0))
        if not len(columns):
            empty.add(packed)
            return None
        start, stop = int(columns[0]), int(columns[-1]) + 1
        return first - top, start, octets[..., start:stop].copy()

    with workers(None, width * (bottom - top + 1)) as each:
        found: list[Any] = list(each(unpacked, struct.unpack_from(f"<{part.chunks}Q", data, at)))
    return [chunk for chunk in found if chunk is not None]


def _put_together(part: Part, order: list[int], chunks: list[Chunk]) -> Cut:
    left, top, right, bottom = part.data
    size = (bottom - top + 1, right - left + 1)
    if not chunks:
        return Cut(size, (0, 0, 0, 0), np.zeros((len(order), 0, 0), np.float16))
    box = (
        min(row for row, _, _ in chunks),
        max(row + octets.shape[1] for row, _, octets in chunks),
        min(column for _, column, _ in chunks),
        max(column + octets.shape[3] for _, column, octets in chunks),
    )
    paired = np.zeros((len(order), box[1] - box[0], box[3] - box[2], 2), np.uint8)
    for row, column, octets in chunks:
        rows = slice(row - box[0], row - box[0] + octets.shape[1])
        columns = slice(column - box[2], column - box[2] + octets.shape[3])
        for place in range(2):
            paired[:, rows, columns, place] = octets[place].transpose(1, 0, 2)[order]
    planes = paired.view(_HALF)[..., 0]
    if ((planes.view(np.uint16) & _EXPONENT) == _EXPONENT).any():
        planes = np.nan_to_num(planes, posinf=_HALF_MAX, neginf=0)
    return Cut(size, box, planes)
