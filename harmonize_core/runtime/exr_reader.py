# SPDX-License-Identifier: Apache-2.0
"""Channels of an OpenEXR file with NumPy alone: scan lines, one part or several, as Blender writes its passes.

Source: OpenEXR, "File Layout" and "Technical Introduction" (openexr.com): header attributes, chunks, and the
compressions NONE, RLE, ZIPS and ZIP with their byte predictor. Blender's Python has no reader for files of several
layers (`Image.pixels` of them is empty), and extensions must not bring libraries of their own into its process.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_packing import unpacked

Floats = NDArray[np.float32]
Window = tuple[int, int, int, int]
"""First column, first row, last column, last row; all of them inside."""

HEAD = 1 << 22
"""Bytes of a file in which its headers and the offsets of its chunks are looked for."""

_MAGIC = 20000630
PARTS = 0x1000
"""Flag of a file: of several parts, maybe."""
_TILED_OR_DEEP = 0x200 | 0x800
_NAMES = ("NONE", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB")
LINES = {"NONE": 1, "RLE": 1, "ZIPS": 1, "ZIP": 16}
"""Scan lines that are packed together, for the compressions that are read here."""
_KINDS = (np.dtype("<u4"), np.dtype("<f2"), np.dtype("<f4"))
_MOST_PIXELS = 1 << 28


class CannotRead(InputError):
    """An EXR file of a sort that is not read here (tiles, deep pixels, lossy compression); others may read it."""


@dataclass(frozen=True)
class Part:
    """One header: what is in a part and how it is packed."""

    name: str
    channels: tuple[tuple[str, np.dtype], ...]
    """Names and kinds of numbers, in the file's order."""
    data: Window
    display: Window
    compression: str
    chunks: int
    text: dict[str, str]
    tiles: bytes = b""
    """The attribute that tells how large tiles are and how many levels they have; empty where there are none."""


@dataclass(frozen=True)
class Exr:
    """What was asked for of a file."""

    channels: dict[str, NDArray]
    """(H, W) by full name, such as "ViewLayer.Combined.R"; float32, or uint32 where the file has integers. Outside the
    data window they are 0."""
    text: dict[str, str]
    """Attributes of all parts that are strings."""


def read_exr(path: Path, wanted: Callable[[str], bool]) -> Exr:
    """Read some channels of a file, in the size of its display window.

    Args:
        path: the file.
        wanted: says of a channel's full name whether it is to be read; a part's name stands before a channel's where
            that does not say it itself.

    Raises:
        CannotRead: packed in a way that is not read here.
        InputError: missing, damaged, or no EXR file.
    """
    data, parts, flags, at = read_parts(path)
    try:
        return _read(path, data, parts, flags, at, wanted)
    except (struct.error, IndexError, KeyError, ValueError, OverflowError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"{path} is damaged or no EXR file; check that it was copied whole") from error


def channel_names(path: Path) -> tuple[list[str], dict[str, str]]:
    """Full names of all channels, and the attributes that are strings; only the head of the file is looked at.

    Raises:
        InputError: missing, damaged, or no EXR file.
    """
    _, parts, _, _ = read_parts(path, HEAD)
    text = {name: value for part in parts for name, value in part.text.items()}
    return [_full(part, channel) for part in parts for channel, _ in part.channels], text


def read_parts(path: Path, most: int = -1) -> tuple[bytes, list[Part], int, int]:
    """The file, or so many bytes of it, with all headers, its flags, and where the offsets of its chunks begin.

    Raises:
        InputError: missing, damaged, or no EXR file.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(most)
        return (data, *_headers(data))
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path") from error
    except (struct.error, IndexError, KeyError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged or no EXR file; check that it was copied whole") from error


def in_lines(parts: list[Part], flags: int) -> bool:
    """Whether all pixels lie in scan lines, and neither in tiles nor deep; each of several parts says it itself."""
    return not flags & _TILED_OR_DEEP and all(part.text.get("type") in (None, "scanlineimage") for part in parts)


def _read(path: Path, data: bytes, parts: list[Part], flags: int, at: int, wanted: Callable[[str], bool]) -> Exr:
    if not in_lines(parts, flags):
        raise CannotRead(f"{path} holds tiles or deep pixels; save it as scan lines with ZIP compression")
    found: dict[str, NDArray] = {}
    text: dict[str, str] = {}
    for index, part in enumerate(parts):
        text.update(part.text)
        offsets = struct.unpack_from(f"<{part.chunks}Q", data, at)
        at += 8 * part.chunks
        names = [_full(part, channel) for channel, _ in part.channels]
        if not any(wanted(name) for name in names):
            continue
        if part.compression not in LINES:
            raise CannotRead(f"{path} is compressed with {part.compression}; save it with ZIP compression")
        planes = _planes(part, names, wanted)
        for offset in offsets:
            if flags & PARTS:
                (number,) = struct.unpack_from("<i", data, offset)
                if number != index:
                    raise ValueError(f"chunk of part {number} in part {index}")
                offset += 4
            first, size = struct.unpack_from("<ii", data, offset)
            packed = data[offset + 8 : offset + 8 + size]
            if size < 0 or len(packed) != size:
                raise ValueError("chunk cut off")
            _fill(planes, part, names, first, packed)
        found.update({name: displayed(plane, part.data, part.display) for name, plane in planes.items()})
    return Exr(found, text)


def _planes(part: Part, names: list[str], wanted: Callable[[str], bool]) -> dict[str, NDArray]:
    left, top, right, bottom = part.data
    shape = (bottom - top + 1, right - left + 1)
    if not (0 < shape[0] * shape[1] <= _MOST_PIXELS and shape[0] > 0):
        raise ValueError(f"data window {part.data}")
    keep = (np.float32 if kind.kind == "f" else np.uint32 for _, kind in part.channels)
    return {name: np.zeros(shape, kind) for name, kind in zip(names, keep, strict=True) if wanted(name)}


def _fill(planes: dict[str, NDArray], part: Part, names: list[str], first: int, packed: bytes) -> None:
    """Unpack one chunk into the wanted channels: lines one below the other, in each line channel after channel."""
    left, top, right, bottom = part.data
    lines, width = min(LINES[part.compression], bottom - first + 1), right - left + 1
    sizes = [kind.itemsize * width for _, kind in part.channels]
    if not 0 <= first - top <= bottom - top:
        raise ValueError(f"line {first}")
    rows = np.frombuffer(unpacked(packed, part.compression, lines * sum(sizes)), np.uint8).reshape(lines, -1)
    start = 0
    for name, (_, kind), size in zip(names, part.channels, sizes, strict=True):
        if name in planes:
            own = np.ascontiguousarray(rows[:, start : start + size]).view(kind)
            planes[name][first - top : first - top + lines] = own
        start += size


def displayed(plane: NDArray, data: Window, display: Window) -> NDArray:
    """The data window's pixels (h, w, ...) in the display window.

    Raises:
        ValueError: there is no such window.
    """
    if data == display:
        return plane
    left, top, right, bottom = display
    shape = (bottom - top + 1, right - left + 1)
    if not (0 < shape[0] * shape[1] <= _MOST_PIXELS and shape[0] > 0):
        raise ValueError(f"display window {display}")
    placed = np.zeros((*shape, *plane.shape[2:]), plane.dtype)
    across, down = data[0] - left, data[1] - top
    rows = slice(max(0, down), max(0, min(shape[0], down + plane.shape[0])))
    columns = slice(max(0, across), max(0, min(shape[1], across + plane.shape[1])))
    placed[rows, columns] = plane[
        rows.start - down : max(rows.start, rows.stop) - down,
        columns.start - across : max(columns.start, columns.stop) - across,
    ]
    return placed


def _headers(data: bytes) -> tuple[list[Part], int, int]:
    """All headers, the flags of the file, and where the offsets of its chunks begin."""
    magic, version = struct.unpack_from("<II", data, 0)
    if magic != _MAGIC:
        raise ValueError("no EXR file")
    at, parts = 8, []
    while True:
        attributes, at = _attributes(data, at)
        if not attributes:
            break
        parts.append(_part(attributes))
        if not version & PARTS:
            break
    if not parts:
        raise ValueError("no header")
    return parts, version, at


def _attributes(data: bytes, at: int) -> tuple[dict[str, tuple[str, bytes]], int]:
    """Name, kind and bytes of one header's attributes, and where it ends."""
    found = {}
    while data[at]:
        name, at = _text(data, at)
        kind, at = _text(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        if size < 0 or at + 4 + size > len(data):
            raise ValueError("attribute cut off")
        found[name] = (kind, data[at + 4 : at + 4 + size])
        at += 4 + size
    return found, at + 1


def _part(attributes: dict[str, tuple[str, bytes]]) -> Part:
    (number,) = attributes["compression"][1]
    compression = _NAMES[number] if number < len(_NAMES) else f"method {number}"
    data = struct.unpack("<4i", attributes["dataWindow"][1])
    lines = LINES.get(compression, 32)
    counted = -(-(data[3] - data[1] + 1) // lines)
    chunks = struct.unpack("<i", attributes["chunkCount"][1])[0] if "chunkCount" in attributes else counted
    if not 0 < chunks <= _MOST_PIXELS:
        raise ValueError(f"{chunks} chunks")
    text = {name: value.decode() for name, (kind, value) in attributes.items() if kind == "string"}
    channels = tuple(_channels(attributes["channels"][1]))
    display = struct.unpack("<4i", attributes["displayWindow"][1])
    tiles = attributes.get("tiles", ("", b""))[1]
    return Part(text.get("name", ""), channels, data, display, compression, chunks, text, tiles)


def _channels(data: bytes) -> Iterator[tuple[str, np.dtype]]:
    at = 0
    while data[at]:
        name, at = _text(data, at)
        kind, _, across, down = struct.unpack_from("<iiii", data, at)
        if (across, down) != (1, 1):
            raise CannotRead(f"the channel {name} is stored at a lower resolution; save the file as RGB")
        yield name, _KINDS[kind]
        at += 16


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


def _full(part: Part, channel: str) -> str:
    """A channel's name with the part's before it, where it does not say that itself."""
    known = not part.name or channel.startswith(f"{part.name}.") or channel.count(".") >= 2
    return channel if known else f"{part.name}.{channel}"
