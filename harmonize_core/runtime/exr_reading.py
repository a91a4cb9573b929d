# SPDX-License-Identifier: Apache-2.0
"""OpenEXR files in NumPy alone: scan-line files of one or several parts, stored plain or with ZIP.

That is what Blender writes unless told otherwise, and its Python before 4.5 has no library for more than the first
layer. Source: "OpenEXR File Layout" (openexr.com: header, chunks; the predictor and interleaving of ZIP).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError

Pixels = NDArray[Any]

_MAGIC = 20000630
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_COMPRESSIONS = ("NONE", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB")
_LINES = {0: 1, 2: 1, 3: 16}
"""Scan lines in a chunk, by the compressions that are read."""
_KINDS = (np.dtype("<u4"), np.dtype("<f2"), np.dtype("<f4"))


@dataclass(frozen=True)
class ExrPart:
    """One part of a file."""

    name: str
    """Empty in files of one part."""
    display_hw: tuple[int, int]
    """Rows and columns of the whole picture."""
    origin: tuple[int, int]
    """Row and column of it where the stored pixels begin."""
    channels: dict[str, Pixels]
    """(H, W) of what is stored, top row first: float16, float32 or uint32."""
    text: dict[str, str]
    """Attributes that are text."""


def read_exr(path: Path, wanted: Callable[[str], bool] = lambda _: True) -> tuple[ExrPart, ...]:
    """Read channels of all parts.

    Args:
        path: the file.
        wanted: whether a channel is needed, by its name in the file (of its part); others are left out.

    Raises:
        InputError: missing, damaged or cut off; tiled, deep, or compressed otherwise than with ZIP.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path") from error
    try:
        return _parts(path, data, wanted)
    except (struct.error, zlib.error, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged or no EXR file ({error}); render or copy it again") from error


def _parts(path: Path, data: bytes, wanted: Callable[[str], bool]) -> tuple[ExrPart, ...]:
    magic, version = struct.unpack_from("<ii", data)
    if magic != _MAGIC:
        raise ValueError("it does not start as an EXR file does")
    if version & (_TILED | _DEEP):
        raise InputError(f"{path} is tiled or deep, but scan lines were expected; save it as a plain EXR")
    several = bool(version & _MULTIPART)
    headers, at = [], 8
    while True:
        header, at = _header(data, at)
        if not header:
            break
        headers.append(header)
        if not several:
            break
    blocks = [_Block.of(path, header) for header in headers]
    counts = [-(-block.size[0] // block.lines) for block in blocks]
    at += 8 * sum(counts)
    parts = []
    for header, block in zip(headers, blocks, strict=True):
        top, bottom, left, right = _window(header["displayWindow"][1])
        pixels = {name: np.zeros(block.size, kind) for name, kind, _ in block.places if wanted(name)}
        texts = {n: v.decode("utf-8", "replace") for n, (kind, v) in header.items() if kind == "string"}
        origin = (block.window[0] - top, block.window[2] - left)
        parts.append(ExrPart(texts.get("name", ""), (bottom - top, right - left), origin, pixels, texts))
    for _ in range(sum(counts)):
        index, at = struct.unpack_from("<i", data, at)[0] if several else 0, at + 4 * several
        row, length = struct.unpack_from("<ii", data, at)
        at += 8
        if length < 0 or at + length > len(data):
            raise ValueError("it is cut off")
        blocks[index].read(data[at : at + length], row, parts[index].channels)
        at += length
    return tuple(parts)


@dataclass(frozen=True)
class _Block:
    """How the pixels of a part are packed."""

    compression: int
    window: tuple[int, int, int, int]
    """Of the data: top, bottom, left, right."""
    places: tuple[tuple[str, np.dtype[Any], int], ...]
    """Name, type and offset in a line of each channel."""
    width: int
    """Bytes of a line."""

    @classmethod
    def of(cls, path: Path, header: dict[str, tuple[str, bytes]]) -> _Block:
        compression = header["compression"][1][0]
        if compression not in _LINES:
            name = _COMPRESSIONS[compression] if compression < len(_COMPRESSIONS) else compression
            raise InputError(f"{path} is compressed with {name}, but ZIP or none was expected; render it with ZIP")
        window = _window(header["dataWindow"][1])
        places, offset = [], 0
        for name, kind, step in _channels(header["channels"][1]):
            if step != (1, 1):
                raise InputError(f"{path} stores {name} at a lower resolution; save it again as R, G, B")
            places.append((name, kind, offset))
            offset += kind.itemsize * (window[3] - window[2])
        return cls(compression, window, tuple(places), offset)

    @property
    def size(self) -> tuple[int, int]:
        top, bottom, left, right = self.window
        return bottom - top, right - left

    @property
    def lines(self) -> int:
        return _LINES[self.compression]

    def read(self, packed: bytes, row: int, channels: dict[str, Pixels]) -> None:
        """Put the lines of a chunk, which begins with a row of the picture, where they belong."""
        start = row - self.window[0]
        count = min(self.lines, self.size[0] - start)
        if start < 0 or count <= 0:
            raise ValueError(f"it has lines from {row} on, outside of its window")
        raw = packed
        if self.compression and len(packed) < count * self.width:
            raw = _unpredicted(zlib.decompress(packed))
        lines = np.frombuffer(raw, np.uint8).reshape(count, self.width)
        for name, kind, offset in self.places:
            if name in channels:
                part = np.ascontiguousarray(lines[:, offset : offset + kind.itemsize * self.size[1]])
                channels[name][start : start + count] = part.view(kind)


def _unpredicted(data: bytes) -> bytes:
    """Bytes from differences around 128, then the two halves interleaved."""
    steps = np.frombuffer(data, np.uint8).copy()
    steps[1:] -= np.uint8(128)
    values = np.cumsum(steps, dtype=np.uint8)
    result = np.empty_like(values)
    half = (len(values) + 1) // 2
    result[::2], result[1::2] = values[:half], values[half:]
    return result.tobytes()


def _header(data: bytes, at: int) -> tuple[dict[str, tuple[str, bytes]], int]:
    """The attributes of a part as (type, value) by name, and where the next thing begins."""
    found = {}
    while data[at] != 0:
        name, at = _word(data, at)
        kind, at = _word(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        if size < 0 or at + 4 + size > len(data):
            raise ValueError("its header is cut off")
        found[name] = (kind, data[at + 4 : at + 4 + size])
        at += 4 + size
    return found, at + 1


def _channels(value: bytes) -> Iterator[tuple[str, np.dtype[Any], tuple[int, int]]]:
    at = 0
    while value[at] != 0:
        name, at = _word(value, at)
        kind, _, across, down = struct.unpack_from("<iBxxxii", value, at)
        yield name, _KINDS[kind], (across, down)
        at += 16


def _word(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8"), end + 1


def _window(value: bytes) -> tuple[int, int, int, int]:
    """Top, bottom, left, right; bottom and right excluded."""
    left, top, right, bottom = struct.unpack("<iiii", value)
    return top, bottom + 1, left, right + 1
