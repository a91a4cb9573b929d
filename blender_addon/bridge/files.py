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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import OutputError

DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading an .npz that is empty, cut off or no such file at all may end with (`numpy.load`)."""

_HALF_MAX = np.float32(65504)
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


def encode_png(rgb: NDArray[np.float32], depth: int = 8) -> bytes:
    """(H, W, 3) sRGB in [0, 1] as PNG of 8 or 16 bits a channel; k/255 (k/65535) becomes exactly k."""
    height, width, _ = rgb.shape
    peak = 255 if depth == 8 else 65535
    kind = np.uint8 if depth == 8 else np.dtype(">u2")
    values = np.rint(np.clip(rgb, 0, 1) * np.float32(peak)).astype(kind)
    rows = np.frombuffer(values.tobytes(), dtype=np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = 2  # filter "up": each byte less the one above
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    packed = zlib.compress(filtered.tobytes(), 1)  # half the time of the default for 7 % more bytes
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def encode_exr(rgb_linear: NDArray[np.float32]) -> bytes:
    """(H, W, 3 or 4) scene-linear Rec.709 as a half-float scan-line EXR of R, G, B (and A) with ZIP compression."""
    height, width, count = rgb_linear.shape
    half = np.clip(rgb_linear, -_HALF_MAX, _HALF_MAX).astype("<f2")
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
    blocks = []
    for top in range(0, height, _EXR_BLOCK):
        data = _exr_zip(planes[top : top + _EXR_BLOCK].tobytes())
        blocks.append(struct.pack("<ii", top, len(data)) + data)
    ends = np.cumsum([0, *(len(b) for b in blocks[:-1])], dtype=np.uint64)
    offsets = ends + np.uint64(len(head) + 8 * len(blocks))
    return head + offsets.astype("<u8").tobytes() + b"".join(blocks)


def _exr_zip(raw: bytes) -> bytes:
    """EXR's predictor: even bytes, then odd bytes, then differences around 128; kept raw where that is smaller."""
    octets = np.frombuffer(raw, dtype=np.uint8)
    split = np.concatenate([octets[::2], octets[1::2]])
    delta = split.copy()
    delta[1:] = split[1:] - split[:-1] + np.uint8(128)
    packed = zlib.compress(delta.tobytes(), 3)
    return packed if len(packed) < len(raw) else raw
