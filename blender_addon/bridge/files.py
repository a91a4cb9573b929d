# SPDX-License-Identifier: GPL-3.0-or-later
"""Result files without any imaging library: 8/16-bit PNG and half-float EXR from NumPy arrays, written atomically.

Sources: W3C PNG specification (third edition); OpenEXR, "Technical Introduction" and "File Layout" (ZIP compression
with the byte predictor). Blender's own writers would add its view transform or its scene's settings; these do not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import srgb_to_linear
from harmonize_core.errors import OutputError
from harmonize_core.runtime.pieces import Pixels, light_of
from harmonize_core.runtime.threads import workers

DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading an .npz that is empty, cut off or no such file at all may end with (`numpy.load`)."""

_HALF_MAX = np.float32(65504)
_BAND = 16
"""Rows that are turned into whole numbers at a time."""
_SAMPLE, _SAMPLES = 1 << 15, 4
"""Bytes of a picture, and in how many places, that tell how it is packed best."""
_WORTH = 0.8
"""Share of bytes for which it is worth to look for repetitions."""
_EXR_BLOCK = 16
"""Scan lines that EXR's ZIP compression packs together."""


def write_atomic(path: Path, data: bytes) -> None:
    """Write a whole file beside its place and rename it, so that a reader never meets half of one.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def why_not_written(path: Path, error: OSError) -> str:
    """The sentence for an artist whose file could not be written."""
    if error.errno == errno.ENOSPC:
        return f"The disk is full: {path} was not written; free space and run again, finished frames are kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return f"{path} cannot be written ({error.strerror}); choose an output folder you may write to"
    return f"{path} could not be written ({error.strerror or error}); choose another output folder"


def encode_png(picture: Pixels, depth: int = 8) -> bytes:
    """(H, W, 3) sRGB, whole numbers of that depth or else as `codes_of` takes it, as PNG of 8 or 16 bits a channel."""
    height, width, _ = picture.shape
    values = codes_of(picture, depth)
    if depth == 16:
        values = values.astype(">u2")
    rows = np.ascontiguousarray(values).view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = 2  # filter "up": each byte less the one above
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    few = max(1, _SAMPLE // filtered.shape[1])
    samples = [filtered[top : top + few] for top in range(0, height, max(few, height // _SAMPLES))]
    packed = _deflated(filtered, _strategy(samples))
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def codes_of(picture: Pixels, depth: int) -> Pixels:
    """A picture as whole numbers of 8 or 16 bits: of floats in [0, 1] k/255 (k/65535) becomes exactly k."""
    kind, peak = (np.uint8, 255) if depth == 8 else (np.uint16, 65535)
    if picture.dtype == kind:
        return picture
    if picture.dtype == np.uint8:
        return picture.astype(np.uint16) * np.uint16(257)
    codes = np.empty(picture.shape, kind)
    for top in range(0, len(picture), _BAND):
        band = np.clip(picture[top : top + _BAND], 0, 1)
        band *= np.float32(peak)
        np.copyto(codes[top : top + _BAND], np.rint(band, out=band), casting="unsafe")
    return codes


def halves_of(picture: Pixels) -> NDArray[np.float16]:
    """A picture of sRGB values, floats or whole numbers, as linear light in halves."""
    if picture.dtype.kind == "u":
        return light_of(picture.dtype).astype(np.float16).take(picture)
    return _halves(srgb_to_linear(picture))


def _halves(values: NDArray[Any]) -> NDArray[np.float16]:
    if values.dtype == np.float16:
        return values
    return np.clip(values, -_HALF_MAX, _HALF_MAX).astype(np.float16)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def encode_exr(rgb_linear: NDArray[Any]) -> bytes:
    """(H, W, 3 or 4) scene-linear Rec.709, floats or halves, as a scan-line EXR of halves with ZIP compression."""
    height, width, count = rgb_linear.shape
    half = _halves(rgb_linear).astype("<f2", copy=False)
    planes = np.ascontiguousarray(half[..., ::-1].transpose(0, 2, 1))  # per line: all of (A,) B, of G, of R
    box = struct.pack("<iiii", 0, 0, width - 1, height - 1)
    names = (b"A", b"B", b"G", b"R")[-count:]
    channel_list = b"".join(name + b"\0" + struct.pack("<iBxxxii", 1, 0, 1, 1) for name in names) + b"\0"
    attributes = (
        (b"channels", b"chlist", channel_list),
        (b"compression", b"compression", b"\3"),
        (b"dataWindow", b"box2i", box),
        (b"displayWindow", b"box2i", box),
        (b"lineOrder", b"lineOrder", b"\0"),
        (b"pixelAspectRatio", b"float", struct.pack("<f", 1)),
        (b"screenWindowCenter", b"v2f", struct.pack("<ff", 0, 0)),
        (b"screenWindowWidth", b"float", struct.pack("<f", 1)),
    )
    header = b"".join(n + b"\0" + t + b"\0" + struct.pack("<i", len(v)) + v for n, t, v in attributes) + b"\0"
    head = struct.pack("<II", 20000630, 2) + header
    raws = [planes[top : top + _EXR_BLOCK].tobytes() for top in range(0, height, _EXR_BLOCK)]
    deltas = [_predicted(raw) for raw in raws]
    strategy = _strategy([delta[:_SAMPLE] for delta in deltas[:: max(1, len(deltas) // _SAMPLES)]])

    def block(index: int) -> bytes:
        packed = _deflated(deltas[index], strategy)
        data = packed if len(packed) < len(raws[index]) else raws[index]
        return struct.pack("<ii", index * _EXR_BLOCK, len(data)) + data

    with workers(None, height * width) as each:
        blocks: list[Any] = list(each(block, range(len(raws))))
    ends = np.cumsum([0, *(len(b) for b in blocks[:-1])], dtype=np.uint64)
    offsets = ends + np.uint64(len(head) + 8 * len(blocks))
    return head + offsets.astype("<u8").tobytes() + b"".join(blocks)


def _predicted(raw: bytes) -> NDArray[np.uint8]:
    """EXR's predictor: even bytes, then odd bytes, then differences around 128."""
    octets = np.frombuffer(raw, dtype=np.uint8)
    split = np.concatenate([octets[::2], octets[1::2]])
    delta = split.copy()
    delta[1:] = split[1:] - split[:-1] + np.uint8(128)
    return delta


def _strategy(samples: Sequence[NDArray[np.uint8]]) -> int:
    """How zlib is to pack a picture of which these are samples.

    Among differences of pictures with grain there are hardly any repetitions; to look for runs alone takes less than
    half the time of level 1 and gives fewer bytes. Without grain there are many, and they are found fast.
    """
    sample = np.concatenate([octets.reshape(-1) for octets in samples])
    runs, all_of_it = (len(_deflated(sample, s)) for s in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY))
    return zlib.Z_RLE if _WORTH * runs < all_of_it else zlib.Z_DEFAULT_STRATEGY


def _deflated(octets: NDArray[np.uint8], strategy: int) -> bytes:
    packer = zlib.compressobj(1, strategy=strategy)
    return packer.compress(octets.data) + packer.flush()
