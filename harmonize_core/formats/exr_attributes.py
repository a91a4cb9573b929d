# SPDX-License-Identifier: Apache-2.0
"""The header attributes of OpenEXR files as bytes, so that a file can be written again with all of them unchanged.

The numpy interface of OpenEXR 3.5 cannot write every type of attribute it reads (rational, for one, which holds the
frame rate). Attributes are therefore written as strings of the right length and their bytes put in place afterwards,
which moves nothing in the file. Source: "OpenEXR File Layout" (openexr.com, Technical Introduction and File Layout).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"\x76\x2f\x31\x01"
_MULTIPART, _LONG_NAMES = 0x1000, 0x400

STRUCTURE = frozenset(
    "channels chunkCount compression dataWindow displayWindow lineOrder name pixelAspectRatio screenWindowCenter "
    "screenWindowWidth tiles type version maxSamplesPerPixel".split()
)
"""What the library writes itself; everything else passes as bytes."""

_FIRST_LOOK, _MOST_HEADER = 1 << 16, 1 << 28
"""Bytes of a file that are read for its header, at first and at most."""


@dataclass(frozen=True)
class Attribute:
    """One attribute as it stands in a file."""

    name: bytes
    type: bytes
    value: bytes
    start: int
    """Offset of its name in the file."""

    @property
    def length(self) -> int:
        """Bytes it takes: two names with their zeros, four bytes of length, the value."""
        return len(self.name) + len(self.type) + len(self.value) + 6

    def packed(self) -> bytes:
        """As it is written."""
        return b"%s\0%s\0%s%s" % (self.name, self.type, struct.pack("<i", len(self.value)), self.value)


def read_attributes(path: Path) -> list[list[Attribute]]:
    """All attributes of a file, a list per part.

    Raises:
        ValueError: the header cannot be followed.
    """
    size, most = _FIRST_LOOK, min(_MOST_HEADER, path.stat().st_size)
    while True:
        with open(path, "rb") as file:
            head = file.read(size)
        try:
            return _parsed(head)
        except ValueError:  # a manifest of many names may be longer than what was read
            if size >= most:
                raise
            size *= 16


def _parsed(head: bytes) -> list[list[Attribute]]:
    if head[:4] != MAGIC or len(head) < 8:
        raise ValueError("it does not start as an EXR file does")
    parts: list[list[Attribute]] = []
    at = 8
    while True:
        part: list[Attribute] = []
        while head[at : at + 1] != b"\0":
            start = at
            name, at = _text(head, at)
            kind, at = _text(head, at)
            (size,) = struct.unpack_from("<i", head, at) if at + 4 <= len(head) else (-1,)
            at += 4
            if not 0 <= size <= len(head) - at:
                raise ValueError("its header is cut off")
            part.append(Attribute(name, kind, head[at : at + size], start))
            at += size
        at += 1
        if not part:
            return parts
        parts.append(part)
        if not struct.unpack_from("<I", head, 4)[0] & _MULTIPART:
            return parts


def place_holders(attributes: Sequence[Attribute]) -> dict[str, str]:
    """Strings by name that take as many bytes as the attributes, in the order `restore_attributes` expects."""
    return {name: "x" * room for _, name, room in _places(attributes)}


def restore_attributes(path: Path, parts: Sequence[Sequence[Attribute]]) -> None:
    """Put the attributes of each part where their place holders are, in a file that was just written.

    Raises:
        ValueError: the file does not hold the place holders.
    """
    written = read_attributes(path)
    with open(path, "r+b") as file:
        for part, attributes in zip(written, parts, strict=True):
            places = {attribute.name: attribute for attribute in part}
            for attribute, name, _ in _places(attributes):
                place = places.get(name.encode())
                if place is None or place.length != attribute.length:
                    raise ValueError(f"no place for the attribute {attribute.name.decode(errors='replace')}")
                file.seek(place.start)
                file.write(attribute.packed())
        if any(len(a.name) > 31 or len(a.type) > 31 for attributes in parts for a in attributes):
            file.seek(4)
            (version,) = struct.unpack("<I", file.read(4))
            file.seek(4)
            file.write(struct.pack("<I", version | _LONG_NAMES))


def _places(attributes: Sequence[Attribute]) -> list[tuple[Attribute, str, int]]:
    """Each attribute with the name of its place holder and the length of that string.

    Short attributes get the short names; only one whose name and type are a letter or two finds no place.
    """
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    found = []
    for index, attribute in enumerate(sorted(attributes, key=lambda attribute: attribute.length)):
        name, rest = letters[index % len(letters)], index // len(letters)
        while rest:
            name, rest = name + letters[rest % len(letters)], rest // len(letters)
        room = attribute.length - len(Attribute(name.encode(), b"string", b"", 0).packed())
        if room >= 0:
            found.append((attribute, name, room))
    return found


def _text(head: bytes, at: int) -> tuple[bytes, int]:
    end = head.find(b"\0", at, at + 256)
    if end < 0:
        raise ValueError("its header is cut off")
    return head[at:end], end + 1
