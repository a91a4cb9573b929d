# SPDX-License-Identifier: Apache-2.0
"""Whether an OpenEXR file is all there, without reading its pixels: Blender 5.0 crashes at one that is cut off.

Source: OpenEXR, "File Layout": the table of chunks' offsets after the headers, and the size in front of every chunk.
"""

from __future__ import annotations

import struct
from pathlib import Path

from harmonize_core.errors import InputError

from .exr_reader import HEAD, PARTS, CannotRead, in_lines, read_parts

_LINES = {
    **dict.fromkeys(("NONE", "RLE", "ZIPS"), 1),
    **dict.fromkeys(("ZIP", "PXR24"), 16),
    **dict.fromkeys(("PIZ", "B44", "B44A", "DWAA"), 32),
    "DWAB": 256,
}
"""Scan lines that each compression packs together."""


def check_whole(path: Path) -> None:
    """See that the last chunk of a file ends inside it. Tiles and deep pixels are not looked into.

    Raises:
        InputError: missing, damaged, cut off, or no EXR file.
    """
    try:
        data, parts, flags, at = read_parts(path, HEAD)
        if not in_lines(parts, flags) or any(part.compression not in _LINES for part in parts):
            return
        chunks = sum(-(-(part.data[3] - part.data[1] + 1) // _LINES[part.compression]) for part in parts)
        offsets = struct.unpack_from(f"<{chunks}Q", data, at)
        last = max(offsets) + (4 if flags & PARTS else 0)
        with open(path, "rb") as file:
            file.seek(last)
            _, size = struct.unpack("<ii", file.read(8))
        if min(offsets) < at + 8 * chunks or size < 0 or last + 8 + size > path.stat().st_size:
            raise ValueError("chunk cut off")
    except CannotRead:  # of a sort that this package does not read; Blender may
        return
    except (struct.error, ValueError, OSError, OverflowError) as error:
        raise InputError(f"{path} is damaged or no EXR file; check that it was copied whole") from error
