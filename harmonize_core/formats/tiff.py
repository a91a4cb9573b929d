# SPDX-License-Identifier: Apache-2.0
"""TIFF files of one picture: grey or RGB with 8 or 16 bits, alpha as stored, tags passed on.

tifffile writes all files and reads those without compression and with Deflate, whose strips are measured first: a small
file can inflate to any size. OpenCV and Pillow read the usual layouts of the other compressions, such as LZW, by
libtiff, which decodes a strip into as much memory as the header gives it.

Source: TIFF Revision 6.0 (Adobe 1992), sections 8 (baseline tags) and 18 (ExtraSamples).
"""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harmonize_core.errors import InputError
from harmonize_core.formats.alpha import AlphaKind
from harmonize_core.formats.images import MAX_PIXELS
from harmonize_core.formats.orientation import as_stored

_GREY, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 1, 2, 3, 5, 6, 8
"""PhotometricInterpretation."""
_STRUCTURE = frozenset(
    int(code)
    for code in (
        "254 255 256 257 258 259 262 263 264 265 266 273 277 278 279 280 281 282 283 284 288 289 290 291 292 293 296 "
        "301 317 318 319 320 321 322 323 324 325 330 332 338 339 340 341 342 347 512 513 514 515 517 518 519 520 521 "
        "529 530 531 532 34665 34675 34853 37724 40965"
    ).split()
)
"""Tags of the pixels themselves, those the writer takes as arguments, and those that point to other places."""
_UNCOMPRESSED, _DEFLATE = 1, (8, 32946)
"""Compression."""
_LARGEST_TILE = 1 << 24
"""Pixels of a tile that may be larger than its picture, as those on the right and lower edge are."""


@dataclass(frozen=True)
class Tiff:
    """What one file holds."""

    stored: NDArray[Any]
    """(H, W) or (H, W, C) uint8 or uint16, not turned."""
    alpha: AlphaKind | None
    orientation: int
    profile: bytes | None
    bits: int
    extras: dict[str, Any]
    """As `write` takes it: tags, resolution, whether the pixels were compressed."""


def read(path: Path) -> Tiff:
    """Read the only page of a file.

    Raises:
        InputError: of several pages, too large, CMYK, Lab, floating point, a layout that none of the
            decoders knows, or pixels that inflate to more than the header says.
        Exception: damaged, in the words of the decoder.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it would print is said by our own error
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        if len(file.pages) > 1:
            raise InputError(f"{path} holds {len(file.pages)} pictures; save the one you want alone")
        width, height, samples, bits = page.imagewidth, page.imagelength, page.samplesperpixel, page.bitspersample
        if width * height > MAX_PIXELS:
            raise InputError(f"{path} has {width}x{height} pixels, more than the {MAX_PIXELS} allowed; make it smaller")
        kind = int(page.photometric)
        for refused, what in ((_CMYK, "CMYK, for printing"), (_LAB, "Lab")):
            if kind == refused:
                raise InputError(f"{path} is {what}; convert it to RGB first")
        if page.sampleformat != 1 or bits > 16:
            raise InputError(
                f"{path} holds floating-point, signed or 32-bit values; save it as EXR (linear light) or with 16 bits "
                "(sRGB)"
            )
        colors = 3 if kind in (_RGB, _YCBCR) else 1
        extra = samples - colors if kind in (_GREY, _RGB) else 0
        if extra > 1:
            raise InputError(f"{path} has {samples} channels; save it as grey or RGB with at most one more")
        tags = {tag.code: tag for tag in page.tags}
        orientation = tags[274].value if 274 in tags and tags[274].value in range(1, 9) else 1
        alpha: AlphaKind | None = None
        if extra:
            first = int(page.extrasamples[0]) if page.extrasamples else 0
            alpha = {1: "premultiplied", 2: "straight"}.get(first, "matte")  # ty: ignore[invalid-assignment]
        profile = tags[34675].value if 34675 in tags and kind != _PALETTE else None
        extras = _extras(tags)
        usual = page.planarconfig == 1 or samples == 1
        plain = bits in (8, 16) and kind in (_GREY, _RGB)
        if plain and int(page.compression) in (_UNCOMPRESSED, *_DEFLATE) and page.fillorder == 1:
            size = path.stat().st_size
            if any(at + count > size for at, count in zip(page.dataoffsets, page.databytecounts, strict=False)):
                raise ValueError("its pixels are cut off")
            _check_strips(page, path)
            stored = page.asarray()
            stored = np.moveaxis(stored, 0, -1) if not usual else stored
        elif plain and bits == 16 and usual:
            stored = _by_opencv(path)
        elif bits <= 8 and alpha in (None, "straight"):
            stored = _by_pillow(path, orientation)
        else:
            raise InputError(
                f"{path} is compressed with {page.compression.name} in a layout that needs another decoder; save it "
                "with ZIP or without compression"
            )
    if stored.shape[:2] != (height, width):
        raise ValueError("its pixels are not as many as its header says")
    return Tiff(stored, alpha, orientation, profile, bits, extras)


def write(
    path: Path,
    pixels: NDArray[Any],
    alpha: AlphaKind | None,
    profile: bytes | None,
    beside: Mapping[str, Any],
) -> None:
    """Write (H, W) or (H, W, C) uint8 or uint16 values; compressed (Deflate) where the file that was read was."""
    import tifffile

    sample = {"straight": "unassalpha", "premultiplied": "assocalpha", "matte": "unspecified", None: None}[alpha]
    tifffile.imwrite(
        path,
        pixels,
        photometric="minisblack" if pixels.ndim == 2 or pixels.shape[2] == 2 else "rgb",
        planarconfig="contig" if pixels.ndim == 3 else None,
        extrasamples=[sample] if sample else None,
        compression="zlib" if beside["compressed"] else None,
        predictor=True if beside["compressed"] else None,
        iccprofile=profile,
        resolution=beside["resolution"],
        resolutionunit=beside["unit"] if beside["resolution"] else None,
        extratags=beside["tags"],
        software=False,
        metadata=None,
    )


def _check_strips(page: Any, path: Path) -> None:
    """Raises: InputError where strips or tiles are more, larger or inflate to more than the header's picture takes."""
    width, height = page.imagewidth, page.imagelength
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    most = rows * columns * (page.samplesperpixel if page.planarconfig == 1 else 1) * (page.bitspersample // 8)
    small = page.imagedepth == 1 and rows * columns <= max(width * height, _LARGEST_TILE)
    if not small or len(page.dataoffsets) > math.prod(page.chunked):
        raise InputError(f"{path} says it has {width}x{height} pixels but holds more; save it again")
    if int(page.compression) in _DEFLATE:
        for data, number in page.parent.filehandle.read_segments(page.dataoffsets, page.databytecounts):
            if data and len(zlib.decompressobj().decompress(data, most + 1)) > most:
                raise InputError(
                    f"{path} should give at most {most} bytes in each strip of pixels but strip {number + 1} gives "
                    "more; save it again"
                )


def _by_opencv(path: Path) -> NDArray[Any]:
    before = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        cv2.setLogLevel(before)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("its pixels cannot be decoded")
    return pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _by_pillow(path: Path, orientation: int) -> NDArray[Any]:
    """Grey or RGB with 8 bits; Pillow turns TIFF files upright, which is undone."""
    with Image.open(path, formats=("TIFF",)) as image:
        image.load()
        plain = image.mode in ("L", "LA", "RGB", "RGBA")
        pixels = np.asarray(image if plain else image.convert("L" if image.mode == "1" else "RGB"))
    return as_stored(pixels, orientation)


def _extras(tags: Mapping[int, Any]) -> dict[str, Any]:
    kept = [
        (code, int(tag.dtype), tag.count, tag.value, True)
        for code, tag in tags.items()
        if code not in _STRUCTURE and isinstance(tag.value, str | bytes | int | float | tuple)
    ]
    dots = [tags[code].value for code in (282, 283) if code in tags]
    return {
        "tags": kept,
        "resolution": tuple(dots) if len(dots) == 2 else None,
        "unit": int(tags[296].value) if 296 in tags else 2,
        "compressed": 259 in tags and int(tags[259].value) != 1,
    }
