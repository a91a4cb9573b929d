# SPDX-License-Identifier: Apache-2.0
"""Images in and out of files, with range and colour space fixed per function, and atomic writes.

Display-referred images are (H, W, 3) float32 sRGB in [0, 1]; masks are (H, W) float32 in [0, 1], 1 = foreground;
EXR channels are float32 scene-linear. Pillow reads 8-bit files (it refuses truncated ones), OpenCV 16-bit ones.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import tempfile
import warnings
from collections.abc import Collection, Generator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from harmonize_core.color import linear_to_srgb
from harmonize_core.errors import InputError, OutputError
from harmonize_core.formats.member import ImageFile, Member

MAX_PIXELS = 178_956_970
"""Larger files are refused before they are decoded: a crafted header must not take the memory of the machine.

Twice Pillow's own warning bound, from which it refuses too: 5 frames of 8K."""

_ORIENTATION = ExifTags.Base.Orientation

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr")

MASK_ENDINGS = ("_mask", "-mask", "")
"""What may follow a photograph's stem in the name of its mask, in the order they are tried."""


def partial_path(path: Path, process: int | None = None) -> Path:
    """Where a process of this machine writes a file before it is whole; other machines may share the folder.

    Args:
        path: the file.
        process: its number; None: this one.
    """
    host = "".join(c if c.isalnum() else "_" for c in platform.node() or "unknown")[:60]
    return path.with_name(f".{path.name}.{host}.{process or os.getpid()}.partial{path.suffix}")


@contextlib.contextmanager
def atomic_path(path: Path) -> Generator[Path]:
    """A temporary sibling to write to, renamed to `path` when the block ends and removed when it fails.

    Raises:
        OutputError: the folder does not exist, cannot be written to, or the disk is full.
    """
    path = Path(path)
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(_why_not_written(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file atomically."""
    with atomic_path(path) as partial, open(partial, "wb") as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 text file atomically, with Unix line ends."""
    write_bytes(path, text.encode())


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, without line ends.

    Raises:
        InputError: missing, unreadable, or not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path and its rights") from error
    except UnicodeDecodeError:
        raise InputError(f"{path} should be UTF-8 text but is not; save it again as UTF-8") from None


def read_image(path: ImageFile) -> NDArray[np.float32]:
    """Read a colour image as (H, W, 3) float32 sRGB in [0, 1]; alpha is dropped, grey is repeated.

    8- and 16-bit PNG and TIFF, JPEG, WebP and BMP are taken as sRGB; EXR is taken as linear Rec.709, encoded and
    clipped. Members of tar archives are read in place.

    Raises:
        InputError: missing, damaged, truncated, larger than `MAX_PIXELS`, or not an image.
    """
    path = _source(path)
    if path.suffix.lower() == ".exr":
        channels = read_exr(path)
        if not {"R", "G", "B"} <= channels.keys():
            found = ", ".join(sorted(channels))
            raise InputError(f"{path} should hold the EXR channels R, G and B but holds {found}")
        linear = np.stack([channels[c] for c in "RGB"], axis=-1)
        return np.clip(linear_to_srgb(np.nan_to_num(linear)), 0, 1)
    raw = _read(path)
    if raw.ndim == 2:
        raw = np.repeat(raw[..., None], 3, axis=2)
    return _to_unit(raw[..., :3])


def read_mask(path: ImageFile) -> NDArray[np.float32]:
    """Read a mask as (H, W) float32 in [0, 1], 1 = foreground; soft values stay.

    A cut-out (8-bit alpha that is not opaque everywhere) is its alpha, anything else its grey value or mean of RGB.

    Raises:
        InputError: as `read_image`.
    """
    path = _source(path)
    if path.suffix.lower() == ".exr":
        channels = read_exr(path)
        name = next((c for c in ("A", "Y", "R") if c in channels), None)
        if name is None:
            found = ", ".join(sorted(channels))
            raise InputError(f"{path} should hold a mask in EXR channel A, Y or R but holds {found}")
        return np.clip(np.nan_to_num(channels[name]), 0, 1)
    alpha = _transparency(path)
    if alpha is not None:
        return alpha
    raw = _to_unit(_read(path))
    return raw if raw.ndim == 2 else raw[..., :3].mean(axis=-1, dtype=np.float32)


def image_size(path: ImageFile) -> tuple[int, int]:
    """(height, width) from the header alone; only for formats Pillow opens."""
    with _open(_source(path)) as image:
        return image.height, image.width


def to_uint8(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Quantise values in [0, 1] to 0..255 by rounding; the rest is clipped."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def write_image(path: Path, image: NDArray[np.floating] | NDArray[np.uint8], *, quality: int = 95) -> None:
    """Write (H, W, 3) sRGB in [0, 1] (or uint8) as PNG or JPEG by suffix, atomically.

    JPEG is written without chroma subsampling, so that blocks with equal pixels stay equal after decoding.
    """
    path = Path(path)
    pixels = image if image.dtype == np.uint8 else to_uint8(np.asarray(image, dtype=np.float32))
    with atomic_path(path) as partial:
        if path.suffix.lower() in (".jpg", ".jpeg"):
            Image.fromarray(pixels).save(partial, "JPEG", quality=quality, subsampling=0)
        else:
            Image.fromarray(pixels).save(partial)


def write_mask(path: Path, coverage: NDArray[np.floating]) -> None:
    """Write the strict mask `coverage >= 0.5` as 8-bit PNG holding only 0 and 255."""
    with atomic_path(path) as partial:
        Image.fromarray((coverage >= 0.5).astype(np.uint8) * 255).save(partial, "PNG")


def write_alpha16(path: Path, coverage: NDArray[np.floating]) -> None:
    """Write soft coverage in [0, 1] as 16-bit grey PNG."""
    values = np.rint(np.clip(coverage, 0, 1) * 65535).astype(np.uint16)
    ok, data = cv2.imencode(".png", values)
    if not ok:
        raise OutputError(f"the 16-bit mask of {path} could not be encoded as PNG")
    write_bytes(path, data.tobytes())


def read_exr(path: ImageFile) -> dict[str, NDArray[np.float32]]:
    """All channels of a single-part EXR as (H, W) float32, by channel name ("R", "G", "B", "A", "Y" ...).

    Raises:
        InputError: missing, damaged, truncated, or with more than 4 x `MAX_PIXELS` values by its header.
    """
    import OpenEXR

    path = _source(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    if isinstance(path, Member):  # OpenEXR opens files by name only
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "member.exr"
            copy.write_bytes(path.read_bytes())
            try:
                return read_exr(copy)
            except InputError as error:
                raise InputError(str(error).replace(str(copy), str(path))) from error
    try:
        with OpenEXR.File(str(path), separate_channels=True, header_only=True) as file:
            header = file.header()
            low, high = (corner.astype(np.int64) for corner in header["dataWindow"])
            width, height = (int(n) for n in high - low + 1)
            values = width * height * len(header["channels"])
    except Exception as error:
        raise InputError(f"{path} is not a readable EXR file ({first_line(error)}); write it again") from error
    if values > 4 * MAX_PIXELS:
        raise InputError(
            f"{path} says it is {width}x{height}, more than the {MAX_PIXELS} pixels allowed; render it again"
        )
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return {name: np.asarray(c.pixels, dtype=np.float32) for name, c in file.channels().items()}
    except Exception as error:
        raise InputError(f"{path} is not a readable EXR file ({first_line(error)}); write it again") from error


def write_exr(
    path: Path, channels: Mapping[str, NDArray[np.floating]], *, half: bool = True, wide: Collection[str] = ()
) -> None:
    """Write (H, W) channels by name as one ZIP-compressed EXR, atomically.

    Args:
        path: of the file.
        channels: by name.
        half: store half floats, values beyond their range clipped to it; else 32-bit floats.
        wide: channels that are 32-bit floats all the same, as depth should be.

    Raises:
        OutputError: the file cannot be written.
    """
    import OpenEXR

    limit = float(np.finfo(np.float16).max)
    data: dict[str, NDArray[np.floating]] = {}
    for name, values in channels.items():
        if half and name not in wide:
            data[name] = np.ascontiguousarray(np.clip(values, -limit, limit), dtype=np.float16)
        else:
            data[name] = np.ascontiguousarray(values, dtype=np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with atomic_path(path) as partial:
        try:
            with OpenEXR.File(header, data) as file:
                file.write(str(partial))
        except RuntimeError as error:  # OpenEXR reports full disks and missing folders this way
            raise OutputError(f"{path} could not be written ({first_line(error)}); check space and rights") from error


def resize_area(image: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Resize (H, W[, C]): area averaging when shrinking, bilinear when growing."""
    height, width = size_hw
    shrinking = height <= image.shape[0] and width <= image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method).astype(np.float32, copy=False)


def check_same_size(image: NDArray, path: ImageFile, mask: NDArray, mask_path: ImageFile) -> None:
    """Refuse an image and a mask whose sizes differ.

    Raises:
        InputError: the sizes differ.
    """
    if image.shape[:2] != mask.shape[:2]:
        raise InputError(
            f"the mask should have the size of its image: {mask_path} is {mask.shape[1]}x{mask.shape[0]}, "
            f"{path} is {image.shape[1]}x{image.shape[0]}"
        )


def _read(path: ImageFile) -> NDArray:
    with _open(path) as image:
        if image.mode == "F":
            raise InputError(
                f"{path} holds floating-point values; save it as EXR (linear light) or with 16 bits (sRGB)"
            )
        sixteen_bit = image.mode.startswith("I") or _is_16_bit_rgb(path, image)
        if not sixteen_bit:
            mode = "L" if image.mode in ("1", "L", "LA") else "RGB"
            try:
                return np.asarray(_upright(image).convert(mode))
            except (OSError, SyntaxError, ValueError) as error:
                raise InputError(f"{path} is damaged or cut off ({first_line(error)}); copy it again") from error
    data = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if data is None:
        raise InputError(f"{path} is damaged or cut off; copy it again")
    return data if data.ndim == 2 else data[..., 2::-1]


def _transparency(path: ImageFile) -> NDArray[np.float32] | None:
    """Alpha of an 8-bit picture that is not opaque everywhere, else None."""
    with _open(path) as image:
        if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
            return None
        try:
            alpha = np.asarray(_upright(image).convert("RGBA"))[..., 3]
        except (OSError, SyntaxError, ValueError) as error:
            raise InputError(f"{path} is damaged or cut off ({first_line(error)}); copy it again") from error
    return None if (alpha == 255).all() else _to_unit(alpha)


def _is_16_bit_rgb(path: ImageFile, image: Image.Image) -> bool:
    """Pillow silently reduces 16-bit RGB to 8 bits: the depth is byte 24 of a PNG and entry 258 of a TIFF."""
    if image.format == "TIFF":
        return 16 in image.tag_v2.get(258, ())  # ty: ignore[missing-attribute]
    with path.open("rb") as file:
        head = file.read(26)
    return head[:8] == b"\x89PNG\r\n\x1a\n" and head[24] == 16


def _source(path: ImageFile) -> ImageFile:
    return path if isinstance(path, Member) else Path(path)


def _open(path: ImageFile) -> Image.Image:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if path.is_dir():
        raise InputError(f"{path} is a folder, but an image file was expected")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound follows
            image = Image.open(path if isinstance(path, Path) else path.open())
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than the {MAX_PIXELS} pixels allowed; make it smaller") from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        known = ", ".join(s[1:] for s in IMAGE_SUFFIXES)
        raise InputError(f"{path} is not a readable image ({known}); check that it was copied whole") from error
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{path} has {image.width}x{image.height} pixels, more than the {MAX_PIXELS} allowed; make it smaller"
        )
    return image


def _upright(image: Image.Image) -> Image.Image:
    """As the camera's orientation tag says it is to be seen."""
    return ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION, 1) != 1 else image


def _to_unit(raw: NDArray) -> NDArray[np.float32]:
    return raw.astype(np.float32) / (65535 if raw.dtype == np.uint16 else 255)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, for one sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _why_not_written(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"the disk is full: {path} could not be written whole and was not kept; free space and run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written ({error.strerror}); choose a folder you may write to"
    return f"{path} could not be written ({error.strerror or error}); choose another place"
