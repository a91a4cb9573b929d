# SPDX-License-Identifier: Apache-2.0
"""Chunks of OpenEXR files unpacked: the compressions NONE, RLE, ZIPS and ZIP with their byte predictor.

Source: OpenEXR, "Technical Introduction" and "File Layout" (openexr.com); RFC 1951 (deflate).
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_DEFLATED = 1100
"""Octets that one packed octet stands for at most: 258 of 2 bits for deflate, 64 for runs."""


def unpacked(packed: bytes, compression: str, size: int) -> bytes:
    """A chunk's octets, so many of them, in the order of the picture.

    Raises:
        ValueError, zlib.error, struct.error: it is damaged.
    """
    if compression == "NONE" or len(packed) == size:
        return packed
    halves = unpredicted(packed, compression, size)
    octets = np.empty(size, np.uint8)
    octets[::2], octets[1::2] = np.split(halves, [(size + 1) // 2])
    return octets.tobytes()


def unpredicted(packed: bytes, compression: str, size: int) -> NDArray[np.uint8]:
    """A chunk's octets as the predictor sorts them: first those at even places, then those at odd ones.

    Raises:
        ValueError, zlib.error, struct.error: it is damaged.
    """
    if compression == "NONE" or len(packed) == size:
        octets = np.frombuffer(packed, np.uint8)
        if len(octets) != size:
            raise ValueError("chunk of the wrong size")
        return np.concatenate([octets[::2], octets[1::2]])
    if size > _DEFLATED * len(packed):  # no memory is asked for what a damaged header says
        raise ValueError("chunk too small")
    flat = _run_lengths(packed, size) if compression == "RLE" else zlib.decompress(packed, bufsize=size)
    delta = np.frombuffer(flat, np.uint8)
    if len(delta) != size:
        raise ValueError("chunk of the wrong size")
    steps = delta - np.uint8(128)
    steps[0] = delta[0]
    return np.cumsum(steps, dtype=np.uint8, out=steps)


def _run_lengths(packed: bytes, size: int) -> bytes:
    flat, at = bytearray(), 0
    while at < len(packed):
        count = struct.unpack_from("b", packed, at)[0]
        if count < 0:
            flat += packed[at + 1 : at + 1 - count]
            at += 1 - count
        else:
            flat += packed[at + 1 : at + 2] * (count + 1)
            at += 2
        if len(flat) > size:
            raise ValueError("runs too long")
    return bytes(flat)
