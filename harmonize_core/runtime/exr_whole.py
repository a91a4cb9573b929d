# SPDX-License-Identifier: Apache-2.0
"""Whether an OpenEXR file is all there, without reading its pixels.

Blender 5.0 crashes at one that is cut off, and others fill what they cannot read with black and say nothing to Python.
Source: OpenEXR, "File Layout": the table of chunks' offsets after the headers, and the place and size in front of every
chunk; "Technical Introduction", levels of tiled files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from harmonize_core.errors import InputError

from .exr_reader import HEAD, PARTS, CannotRead, Part, read_parts

_TILED, _DEEP = 0x200, 0x800
"""Flags of a file."""

_LINES = {
    **dict.fromkeys(("NONE", "RLE", "ZIPS"), 1),
    **dict.fromkeys(("ZIP", "PXR24"), 16),
    **dict.fromkeys(("PIZ", "B44", "B44A", "DWAA"), 32),
    "DWAB": 256,
}
"""Scan lines that each compression packs together."""


def check_whole(path: Path) -> None:
    """See that every chunk of a file is in its place and ends inside it. Deep pixels are not looked into.

    Raises:
        InputError: missing, damaged, cut off, or no EXR file.
    """
    try:
        _, parts, flags, at = read_parts(path, HEAD)
        kinds = [_kind(part, flags) for part in parts]
        if any(kind is None for kind in kinds):
            return
        numbered, size = bool(flags & PARTS), path.stat().st_size
        with open(path, "rb", buffering=0) as file:
            for number, (part, kind) in enumerate(zip(parts, kinds, strict=True)):
                places = list(_tiles(part, size) if kind == "tiledimage" else _blocks(part, size))
                file.seek(at)
                offsets = struct.unpack(f"<{len(places)}Q", file.read(8 * len(places)))
                at += 8 * len(places)
                for offset, place in zip(offsets, places, strict=True):
                    wanted = (number, *place) if numbered else place
                    file.seek(offset)
                    *found, length = struct.unpack(f"<{len(wanted) + 1}i", file.read(4 * len(wanted) + 4))
                    if tuple(found) != wanted or length <= 0 or file.tell() + length > size:
                        raise ValueError(f"chunk {place}")
    except CannotRead:  # of a sort that this package does not read; Blender may
        return
    except (struct.error, ValueError, OSError, OverflowError) as error:
        raise InputError(f"{path} is damaged or no EXR file; check that it was copied whole") from error


def _kind(part: Part, flags: int) -> str | None:
    """How the pixels of a part are kept; None where that is not known here."""
    said = "tiledimage" if flags & _TILED else part.text.get("type", "scanlineimage")
    known = said in ("tiledimage", "scanlineimage") and not flags & _DEEP
    return said if known and part.compression in _LINES else None


def _blocks(part: Part, size: int) -> Iterator[tuple[int, ...]]:
    """The first line of each chunk of scan lines, in the order of the table; `size` of the file is the most."""
    top, bottom = part.data[1], part.data[3]
    lines = _LINES[part.compression]
    _check_count(-(-(bottom - top + 1) // lines), size)
    return ((line,) for line in range(top, bottom + 1, lines))


def _tiles(part: Part, size: int) -> Iterator[tuple[int, ...]]:
    """Column, row and both levels of each tile, in the order of the table."""
    left, top, right, bottom = part.data
    across, down, mode = struct.unpack("<IIB", part.tiles)
    levels, up = mode & 15, bool(mode >> 4)
    sizes = (right - left + 1, bottom - top + 1)
    if min(*sizes, across, down) < 1 or levels > 2:
        raise ValueError(f"tiles {part.tiles!r}")
    columns, rows = (_levels(length if levels == 2 else max(sizes), levels, up) for length in sizes)
    pairs = [(x, y) for y in range(rows) for x in range(columns)] if levels == 2 else [(n, n) for n in range(columns)]
    counts = [(-(-_at(sizes[0], x, up) // across), -(-_at(sizes[1], y, up) // down)) for x, y in pairs]
    _check_count(sum(wide * high for wide, high in counts), size)
    return (
        (x, y, *level)
        for level, (wide, high) in zip(pairs, counts, strict=True)
        for y in range(high)
        for x in range(wide)
    )


def _levels(size: int, mode: int, up: bool) -> int:
    """How many levels there are of a size: one, or until one pixel is left."""
    return 1 if mode == 0 else ((size - 1).bit_length() if up else size.bit_length() - 1) + 1


def _at(size: int, level: int, up: bool) -> int:
    """A size at a level: halved so many times, rounded as the file says."""
    return max(1, -(-size >> level) if up else size >> level)


def _check_count(chunks: int, size: int) -> None:
    """See that the table has room in a file of this size, before a list as long is made."""
    if not 0 < 8 * chunks <= size:
        raise ValueError(f"{chunks} chunks")
