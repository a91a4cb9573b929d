# SPDX-License-Identifier: Apache-2.0
"""The files that were sent: kept in a temporary folder under names of ours, few of them, the oldest dropped first.

A file is what its first bytes say, whatever it is called: the name that it had is for people to read. Its size in
pixels is read from its header, before anything is decoded.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harmonize_core.errors import InputError
from harmonize_core.web.guard import MAX_PIXELS, Refused, file_name

KEPT = 12
"""Files at a time."""

KEPT_BYTES = 2 * 2**30
"""Of all of them."""

BLOCK = 2**20

VALUES_PER_PIXEL = 8
"""Channels that an EXR of `MAX_PIXELS` may hold; smaller ones may hold more."""


@dataclass(frozen=True)
class Upload:
    """A file that was sent."""

    key: str
    """What the page calls it."""
    name: str
    """What the user called it."""
    path: Path
    """Where it is, under a name of ours."""
    size_hw: tuple[int, int]
    """By its header, as stored."""
    kind: str
    """"PNG", "JPEG", "WebP", "TIFF", "BMP" or "EXR"."""

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return self.name.rpartition(".")[0] or self.name


class Uploads:
    """The store of what was sent."""

    def __init__(self, folder: Path, kept_bytes: int = KEPT_BYTES) -> None:
        """Args:
        folder: an empty one that goes away with the server.
        kept_bytes: of all files together; the newest one is kept whatever it takes.
        """
        self.folder, self.kept_bytes = folder, kept_bytes
        self._lock = threading.Lock()
        self._kept: dict[str, Upload] = {}

    def add(self, name: str, length: int, body: Body) -> Upload:
        """Keep what is sent.

        Args:
            name: as the user calls it.
            length: in bytes.
            body: read to that length.

        Raises:
            InputError: no picture of a known kind, or too large.
            Refused: the file was cut off on its way.
        """
        partial, name = self.folder / secrets.token_hex(8), file_name(name)
        try:
            with partial.open("xb") as file:
                left = length
                while left and (block := body.read(min(BLOCK, left))):
                    file.write(block)
                    left -= len(block)
            if left:
                raise Refused(400, f"{name} did not come whole; send it again")
            return self._keep(name, partial)
        except InputError as error:
            raise InputError(plain_words(error, {partial.name: name}, self.folder)) from error
        finally:
            partial.unlink(missing_ok=True)

    def add_written(self, name: str, write: Callable[[Path], None]) -> Upload:
        """Keep a picture of our own, written as PNG by `write`."""
        partial = self.folder / f"{secrets.token_hex(8)}.png"
        write(partial)
        return self._keep(name, partial)

    def __getitem__(self, key: str) -> Upload:
        """Raises: Refused where there is no such file, or not any more."""
        with self._lock:
            if key not in self._kept:
                raise Refused(404, f"that picture is gone: the last {KEPT} are kept; choose the file again")
            return self._kept[key]

    def all(self) -> list[Upload]:
        """From the oldest to the newest."""
        with self._lock:
            return list(self._kept.values())

    def drop(self, upload: Upload) -> None:
        """Forget a file before its time."""
        with self._lock:
            self._kept.pop(upload.key, None)
        upload.path.unlink(missing_ok=True)

    def words(self, error: Exception) -> str:
        """What an error says, with the users' names of files instead of ours."""
        return plain_words(error, {kept.path.name: kept.name for kept in self.all()}, self.folder)

    def _keep(self, name: str, partial: Path) -> Upload:
        if not partial.stat().st_size:
            raise InputError(f"{name} is empty; copy it again")
        with partial.open("rb") as file:
            kind = kind_of(file.read(16))
        if kind is None:
            raise InputError(f"{name} is not a picture that can be read: PNG, JPEG, WebP, TIFF, BMP or EXR")
        size = header_size(partial, kind)
        path = partial.rename(partial.with_name(f"{partial.stem}{SUFFIX[kind]}"))
        upload = Upload(secrets.token_urlsafe(9), name, path, size, kind)
        with self._lock:
            self._kept[upload.key] = upload
            while len(self._kept) > KEPT or sum(_bytes(u.path) for u in self._kept.values()) > self.kept_bytes:
                if len(self._kept) == 1:
                    break
                oldest = self._kept.pop(next(iter(self._kept)))
                oldest.path.unlink(missing_ok=True)
        return upload


class Body(Protocol):
    """What a request sends."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer at the end."""
        ...


SUFFIX = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "EXR": ".exr"}


def kind_of(head: bytes) -> str | None:
    """What a file is by its first 16 bytes."""
    starts = {
        b"\x89PNG\r\n\x1a\n": "PNG",
        b"\xff\xd8\xff": "JPEG",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"II+\0": "TIFF",
        b"MM\0+": "TIFF",
        b"BM": "BMP",
        b"\x76\x2f\x31\x01": "EXR",
    }
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


def header_size(path: Path, kind: str) -> tuple[int, int]:
    """(height, width) as stored, from the header alone; of EXR, all that its windows span.

    Raises:
        InputError: no readable header, or more than `MAX_PIXELS`.
    """
    values = 0
    try:
        if kind == "EXR":
            width, height, values = _exr_size(path)
        elif kind == "TIFF":
            import tifffile

            with tifffile.TiffFile(path) as file:
                page: Any = file.pages[0]
                width, height = int(page.imagewidth), int(page.imagelength)
        else:
            from PIL import Image

            with Image.open(path, formats=("PNG", "JPEG", "WEBP", "BMP")) as image:
                width, height = image.size
    except Exception as error:  # decoders raise what they like on damaged files
        from PIL.Image import DecompressionBombError

        if isinstance(error, DecompressionBombError):
            raise InputError(f"{path} is too large: at most {MAX_PIXELS / 1e6:.0f} megapixels are taken") from error
        raise InputError(f"{path} is damaged or cut off; copy it again") from error
    if width * height > MAX_PIXELS or values > VALUES_PER_PIXEL * MAX_PIXELS:
        raise InputError(
            f"{path} has {width}x{height} pixels"
            + (f" in {values // max(width * height, 1)} channels" if values else "")
            + f", and at most {MAX_PIXELS / 1e6:.0f} megapixels are taken here; harmonize predict takes larger ones"
        )
    return height, width


def plain_words(error: Exception, names: dict[str, str], folder: Path) -> str:
    """What an error says, without a path of this machine in it."""
    words = str(error)
    for ours, theirs in names.items():
        for suffix in (*SUFFIX.values(), ""):
            words = words.replace(f"{folder}/{ours}{suffix}", theirs).replace(str(folder / f"{ours}{suffix}"), theirs)
    return words.replace(str(folder), "the temporary folder")


def _exr_size(path: Path) -> tuple[int, int, int]:
    """Width and height of all windows together, and how many values all channels hold."""
    import OpenEXR

    corners, values = [], 0
    with OpenEXR.File(str(path), separate_channels=True, header_only=True) as file:
        for header in (part.header for part in file.parts):
            (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in header["dataWindow"])
            values += (right - left + 1) * (bottom - top + 1) * len(header["channels"])
            corners += [(left, top), (right, bottom), *(tuple(map(int, c)) for c in header["displayWindow"])]
    width, height = (max(c[i] for c in corners) - min(c[i] for c in corners) + 1 for i in (0, 1))
    return width, height, values


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
