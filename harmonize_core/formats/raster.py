# SPDX-License-Identifier: Apache-2.0
"""PNG, JPEG, WebP, TIFF and BMP as stored: pixels of 8 or 16 bits, and everything beside them that is to be kept.

`read_raster` gives the values of the file without any colour conversion or turning; `write_raster` writes other values
of the same shape with the same profile, orientation tag and other information. JPEG alone loses bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin, UnidentifiedImageError

from harmonize_core.errors import InputError
from harmonize_core.formats import png, tiff
from harmonize_core.formats.alpha import AlphaKind
from harmonize_core.formats.images import MAX_PIXELS, atomic_path, first_line

Kind = Literal["PNG", "JPEG", "WEBP", "TIFF", "BMP"]

KINDS: dict[str, Kind] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF and BigTIFF files begin."""

_REFUSED = {
    "CMYK": "is CMYK, for printing; convert it to RGB first",
}


@dataclass(frozen=True)
class Raster:
    """A file of one picture."""

    path: Path
    kind: Kind
    stored: NDArray[Any]
    """(H, W, C) uint8 or uint16, not turned: grey, grey and alpha, RGB, or RGB and alpha."""
    alpha: AlphaKind | None
    """What the last channel of two or four is."""
    orientation: int
    """The EXIF tag, 1 to 8; 1 is upright."""
    profile: bytes | None
    """Of ICC."""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """What `write_raster` puts beside the pixels, as the writer of its kind takes it."""
    bits: int = 0
    """As the file says: 1, 8 or 16 a channel (palettes count as 8)."""

    @property
    def limit(self) -> int:
        """The value of white."""
        return 65535 if self.stored.dtype == np.uint16 else 255


def read_raster(path: Path) -> Raster:
    """Read a picture's values as they are stored; palettes become RGB.

    Raises:
        InputError: missing, damaged, cut off, too large, of several frames, CMYK, Lab, floating point.
    """
    path = Path(path)
    _check_file(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, where our own bound follows, and of odd tags
            is_tiff = file.read(4) in _TIFF
            raster = _read_tiff(path) if is_tiff else _read_with_pillow(path)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} may not be read ({error.strerror}); check its rights") from error
    except Exception as error:  # decoders raise what they like on damaged files
        raise InputError(f"{path} is damaged or cut off ({first_line(error)}); copy it again") from error
    if not 1 <= raster.stored.shape[2] <= 4:
        raise InputError(f"{path} has channels that are neither grey nor RGB; save it as RGB")
    return raster


def write_raster(path: Path, like: Raster, stored: NDArray[Any]) -> None:
    """Write (H, W, C) values of the type and shape of `like.stored`, with all that was beside them; atomically.

    WebP is always written without loss. JPEG uses the tables and the chroma sampling of the file that was read.

    Raises:
        OutputError: the file cannot be written.
    """
    flat = np.ascontiguousarray(stored[..., 0] if stored.shape[2] == 1 else stored)
    with atomic_path(path) as partial:
        if like.kind == "TIFF":
            tiff.write(partial, flat, like.alpha, like.profile, like.extras)
        elif like.kind == "PNG":
            partial.write_bytes(png.write(flat, like.extras))
        else:
            Image.fromarray(flat).save(partial, like.kind, **like.extras)


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if path.is_dir():
        raise InputError(f"{path} is a folder, but an image file was expected")
    if not path.is_file():
        raise InputError(f"{path} is not a file, but an image was expected")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; copy it again")


def _read_tiff(path: Path) -> Raster:
    file = tiff.read(path)
    stored = file.stored[..., None] if file.stored.ndim == 2 else file.stored
    return Raster(path, "TIFF", stored, file.alpha, file.orientation, file.profile, file.extras, file.bits)


def _read_with_pillow(path: Path) -> Raster:
    try:
        image = Image.open(path, formats=("PNG", "JPEG", "WEBP", "BMP"))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than the {MAX_PIXELS} pixels allowed; make it smaller") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a readable image (PNG, JPEG, WebP, TIFF, BMP, EXR); check that it was copied whole"
        ) from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise InputError(
                f"{path} has {image.width}x{image.height} pixels, more than the {MAX_PIXELS} allowed; make it smaller"
            )
        kind: Kind = "JPEG" if image.format == "MPO" else image.format  # ty: ignore[invalid-assignment]
        if kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise InputError(f"{path} holds {getattr(image, 'n_frames', 1)} pictures; save the one you want alone")
        if image.mode in _REFUSED:
            raise InputError(f"{path} {_REFUSED[image.mode]}")
        data = path.read_bytes() if kind == "PNG" else b""
        deep = kind == "PNG" and data[24] == 16
        if not deep:
            image.load()
        stored = png.read_16_bit(data) if deep else np.asarray(_plain(image))
        stored = stored[..., None] if stored.ndim == 2 else stored
        bits = 16 if deep else 1 if image.mode == "1" else 8
        alpha: AlphaKind | None = "straight" if stored.shape[2] in (2, 4) else None
        profile = image.info.get("icc_profile")
        exif = png.exif(data) if deep else image.getexif()
        return Raster(path, kind, stored, alpha, _orientation(exif), profile, _extras(kind, image, data, stored), bits)


def _orientation(exif: Image.Exif) -> int:
    tag = exif.get(ExifTags.Base.Orientation, 1)
    return tag if tag in range(1, 9) else 1


def _plain(image: Image.Image) -> Image.Image:
    """Grey or RGB with 8 bits, with alpha where there is transparency of any kind."""
    transparent = "transparency" in image.info
    if image.mode in ("L", "RGB") and transparent:
        return image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if transparent or image.mode == "PA" else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "LA", "RGB", "RGBA") else image.convert("RGB")


def _extras(kind: Kind, image: Image.Image, data: bytes, stored: NDArray[Any]) -> dict[str, Any]:
    info = image.info
    if kind == "PNG":
        return png.extras(data, stored.shape[2])
    beside = {"icc_profile": "icc_profile", "exif": "exif", "xmp": "xmp"}
    found = {option: info[name] for name, option in beside.items() if info.get(name)}
    if kind == "WEBP":
        return {**found, "lossless": True, "exact": True}
    if kind == "BMP":
        return {"dpi": info["dpi"]} if "dpi" in info else {}
    found |= {name: info[name] for name in ("comment", "dpi") if info.get(name)}
    tables = getattr(image, "quantization", {})
    if 1 <= len(tables) <= 4 and max(max(t) for t in tables.values()) <= 255:
        found["qtables"] = [tables[key] for key in sorted(tables)]
    else:
        found["quality"] = 95
    sampling = JpegImagePlugin.get_sampling(image) if image.mode != "L" else -1
    return {**found, "subsampling": max(sampling, 0), "progressive": bool(info.get("progressive"))}
