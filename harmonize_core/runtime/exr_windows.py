# SPDX-License-Identifier: Apache-2.0
"""Where cropped OpenEXR pictures lie: Blender reads the pixels of their data window as if they were all (4.2 to 5.2).

Source: OpenEXR, "Technical Introduction": data and display window; "File Layout".
"""

from __future__ import annotations

import struct
from pathlib import Path

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_reader import HEAD, CannotRead, Floats, Window, displayed, read_parts


def windows_of(path: Path) -> tuple[Window, Window]:
    """Data and display window of a file.

    Raises:
        CannotRead: its parts have different ones.
        InputError: missing, damaged, or no EXR file.
    """
    _, parts, _, _ = read_parts(path, HEAD)
    found = {(part.data, part.display) for part in parts}
    if len(found) > 1:
        raise CannotRead(f"{path} has parts that are cropped differently; save it as scan lines with ZIP compression")
    return found.pop()


def in_display(values: Floats, path: Path) -> Floats:
    """Pixels (h, w, C) of a file's data window, as another reader gave them, in its display window; 0 around them.

    Raises:
        CannotRead, InputError: as `windows_of`.
    """
    try:
        return displayed(values, *windows_of(path))
    except ValueError as error:
        raise InputError(f"{path} is damaged or no EXR file; check that it was copied whole") from error


def put_windows(path: Path, data: Window, display: Window) -> None:
    """Say in a file where in a larger picture its pixels are, as it was said in the one that it is a copy of.

    Args:
        path: a file of one part in scan lines, whose data window begins at 0.
        data: window of the same size.
        display: window.

    Raises:
        InputError: the size is another.
    """
    octets, parts, _, at = read_parts(path)
    own = parts[0].data
    if len(parts) > 1 or (own[2] - own[0], own[3] - own[1]) != (data[2] - data[0], data[3] - data[1]):
        raise InputError(f"{path} was read in another size than it has; save it as scan lines with ZIP compression")
    changed = bytearray(octets)
    for name, window in ((b"dataWindow", data), (b"displayWindow", display)):
        head = name + b"\0box2i\0" + struct.pack("<i", 16)
        struct.pack_into("<4i", changed, changed.index(head) + len(head), *window)
    for offset in struct.unpack_from(f"<{parts[0].chunks}Q", octets, at):
        (line,) = struct.unpack_from("<i", octets, offset)
        struct.pack_into("<i", changed, offset, line - own[1] + data[1])
    path.write_bytes(changed)
