# SPDX-License-Identifier: Apache-2.0
"""PNG chunk by chunk: 16-bit pixels, and all other chunks passed on as bytes.

Source: Portable Network Graphics (PNG) Specification (Third Edition), W3C 2025, sections 5 (chunks), 5.6 (order), 11.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR = {0: 1, 2: 3, 4: 2, 6: 4}
"""Channels by colour type; 3 is a palette."""
_OF_THE_PIXELS = {b"tRNS", b"bKGD", b"hIST", b"sPLT", b"sBIT", b"acTL", b"fcTL", b"fdAT"}
"""Chunks that count in values of the colour type or depth: they pass only where that stays."""


def read_16_bit(data: bytes) -> NDArray[Any]:
    """(H, W) or (H, W, C) of a 16-bit PNG; grey with alpha comes as two channels.

    Raises:
        ValueError: cut off, or bytes that changed.
    """
    names = [name for name, _ in _chunks(data)]
    if names[-1] != b"IEND":
        raise ValueError("its end is missing")
    pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("its pixels cannot be decoded")
    if pixels.ndim == 2:
        return pixels
    if data[25] in (0, 4):  # grey that OpenCV gave as colour because of its alpha
        return np.stack([pixels[..., 0], pixels[..., 3]], axis=-1)
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def exif(data: bytes) -> Image.Exif:
    """The camera's tags, without decoding pixels; none where there are none."""
    found = Image.Exif()
    found.load(next((payload for name, payload in _chunks(data, strict=False) if name == b"eXIf"), b""))
    return found


def extras(data: bytes, channels: int) -> dict[str, Any]:
    """All chunks but the pixels, in two lists: those before and those after them.

    Args:
        data: the file.
        channels: those that will be written; where the file has others, what counts in its values is left out.
    """
    same = _COLOR.get(data[25]) == channels and data[24] >= 8
    before: list[tuple[bytes, bytes]] = []
    after: list[tuple[bytes, bytes]] = []
    found = before
    for name, payload in _chunks(data, strict=False):
        if name == b"IDAT":
            found = after
        elif name not in (b"IHDR", b"IEND", b"PLTE") and (same or name not in _OF_THE_PIXELS):
            found.append((name, payload))
    return {"before": before, "after": after}


def write(pixels: NDArray[Any], chunks: Mapping[str, Any]) -> bytes:
    """A PNG of (H, W) or (H, W, C) uint8 or uint16 with other chunks in it; 16-bit grey with alpha becomes RGBA."""
    if pixels.dtype == np.uint16:
        if pixels.ndim == 3:
            order = [0, 0, 0, 1] if pixels.shape[2] == 2 else [2, 1, 0, 3][: pixels.shape[2]]
            pixels = np.ascontiguousarray(pixels[..., order])
        done, encoded = cv2.imencode(".png", pixels)
        if not done:
            raise OSError(f"a picture of {pixels.shape[1]}x{pixels.shape[0]} cannot be encoded as PNG")
        data = encoded.tobytes()
    else:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        data = buffer.getvalue()
    parts = [_SIGNATURE]
    placed = False
    for name, payload in _chunks(data):
        if name in (b"IDAT", b"IEND") and not placed:
            parts += [_packed(*chunk) for chunk in chunks["before"]]
            placed = True
        if name == b"IEND":
            parts += [_packed(*chunk) for chunk in chunks["after"]]
        parts.append(_packed(name, payload))
    return b"".join(parts)


def _chunks(data: bytes, *, strict: bool = True) -> Iterator[tuple[bytes, bytes]]:
    """Name and payload of each chunk up to IEND; `strict` checks the sums of the critical ones."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, payload = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if len(payload) < size:
            return
        if strict and name[:1].isupper() and data[at + 8 + size : at + 12 + size] != _sum(name, payload):
            raise ValueError(f"the check sum of {name.decode('latin-1')} is wrong")
        yield name, payload
        if name == b"IEND":
            return
        at += 12 + size


def _sum(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(payload, zlib.crc32(name)))


def _packed(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + _sum(name, payload)
