# SPDX-License-Identifier: GPL-3.0-or-later
"""Width and height of a picture as its header states them, for all formats that Blender opens; nothing is decoded.

Pillow knows most formats. Layouts of the others: OpenEXR ("OpenEXR File Layout", openexr.com), Radiance RGBE (G. Ward,
"Real Pixels", Graphics Gems II), DPX (SMPTE ST 268:2003), Cineon (Kodak, draft 4.5), TIFF 6.0, DDS (Microsoft).
"""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from rdharmony_gen.spec.user_files import MAX_TEXTURE_PX

MAX_HEADER = 2**20
"""Bytes within which a size must be stated."""

Size = tuple[int, int]


def picture_size(source: Path | io.BytesIO) -> Size | None:
    """Width and height in pixels; None if the file is no picture, or of no format that is known here."""
    try:
        if isinstance(source, Path):
            with open(source, "rb") as file:
                return _of(file)
        return _of(source)
    except (OSError, SyntaxError, ValueError, NotImplementedError, struct.error):
        # what Pillow raises for damaged files and for kinds of a format that it cannot read, and `struct` for headers
        # that are cut off; `texture_problem` tells the user
        return None


def texture_problem(name: str, source: Path | io.BytesIO) -> str:
    """What forbids a texture, as the end of a sentence about the file that has it; nothing if it can be used."""
    size = picture_size(source)
    if size is None:
        return f"has the texture {name}, which is no image whose size can be told; save it as PNG, JPEG or EXR"
    return too_large(name, size) if max(size) > MAX_TEXTURE_PX else ""


def too_large(name: str, size: Size) -> str:
    """The sentence about a texture beyond the limit."""
    return f"has the texture {name} of {size[0]}x{size[1]} pixels, more than {MAX_TEXTURE_PX}; make it smaller"


def _of(file: BinaryIO) -> Size | None:
    head = file.read(MAX_HEADER)
    match head[:4]:
        case b"\x76\x2f\x31\x01":
            return _exr(head)
        case b"#?RA" | b"#?RG":
            return _rgbe(head)
        case b"SDPX" | b"XPDS":
            return _pair(">II" if head[:1] == b"S" else "<II", head, 772)
        case b"\x80\x2a\x5f\xd7" | b"\xd7\x5f\x2a\x80":
            return _pair(">II" if head[:1] == b"\x80" else "<II", head, 200)
        case b"DDS ":
            return _pair("<II", head, 12)[::-1]
        case b"II*\0" | b"MM\0*":
            return _tiff(file, "<" if head[:1] == b"I" else ">")
    return _pillow(file)


def _pair(layout: str, data: bytes, at: int) -> Size:
    first, second = struct.unpack_from(layout, data, at)
    return first, second


def _pillow(file: BinaryIO) -> Size:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the caller has a bound of its own
    try:
        file.seek(0)
        with Image.open(file) as image:
            return image.size
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _exr(head: bytes) -> Size | None:
    """The largest window of all parts: each is a list of attributes that ends with an empty name."""
    several = bool(struct.unpack_from("<I", head, 4)[0] & 0x1000)
    at, sides = 8, [(0, 0)]
    while True:
        name, at = _word(head, at)
        if not name:
            if not several or head[at] == 0:
                break
            continue
        kind, at = _word(head, at)
        length = struct.unpack_from("<I", head, at)[0]
        if kind == b"box2i" and name in (b"dataWindow", b"displayWindow"):
            left, top, right, bottom = struct.unpack_from("<4i", head, at + 4)
            sides.append((right - left + 1, bottom - top + 1))
        at += 4 + length
    width, height = (max(side) for side in zip(*sides, strict=True))
    return (width, height) if width and height else None


def _word(head: bytes, at: int) -> tuple[bytes, int]:
    """Bytes up to the next zero, and where it goes on after that."""
    end = head.index(b"\0", at)
    return head[at:end], end + 1


def _rgbe(head: bytes) -> Size | None:
    """The line of the resolution follows the first empty line, rows mostly first."""
    found = re.match(rb"[-+]([XY]) +(\d{1,9}) +[-+][XY] +(\d{1,9})", head[head.index(b"\n\n") + 2 :][:80])
    if not found:
        return None
    first, second = int(found[2]), int(found[3])
    return (first, second) if found[1] == b"X" else (second, first)


def _tiff(file: BinaryIO, order: str) -> Size | None:
    """From the first directory: Pillow does not open pictures of floating-point colours."""
    file.seek(4)
    file.seek(struct.unpack(f"{order}I", file.read(4))[0])
    count = struct.unpack(f"{order}H", file.read(2))[0]
    found = {}
    for _ in range(count):
        tag, kind, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
        if tag in (256, 257):
            found[tag] = struct.unpack(f"{order}H" if kind == 3 else f"{order}I", value[:2] if kind == 3 else value)[0]
    return (found[256], found[257]) if len(found) == 2 else None
