# SPDX-License-Identifier: Apache-2.0
"""Whole OpenEXR files: each part, channel and attribute as stored, and the file written again with other pixels.

Pixels keep their type (half, float, uint). Scanline and tiled files of one or several parts are read; of mip maps the
full size only. Files in a lossy compression (B44, DWA) are written with ZIP, which keeps every bit of what was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError, OutputError
from harmonize_core.formats.exr_attributes import (
    STRUCTURE,
    Attribute,
    place_holders,
    read_attributes,
    restore_attributes,
)
from harmonize_core.formats.images import MAX_PIXELS, atomic_path

Pixels = NDArray[Any]

KEPT_BY = ("NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24")
"""Compressions from which pixels that were read once come back bit for bit."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; right and bottom are excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    def around(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def within(self, frame: Box) -> tuple[slice, slice]:
        """Rows and columns this box takes in an array of `frame`."""
        return (
            slice(self.top - frame.top, self.bottom - frame.top),
            slice(self.left - frame.left, self.right - frame.left),
        )


@dataclass(frozen=True)
class ExrPart:
    """One part of a file."""

    name: str
    header: Mapping[str, Any]
    channels: Mapping[str, Pixels]
    """(H, W) of the data window each: float16, float32 or uint32."""
    attributes: Sequence[Attribute]
    data: Box
    display: Box

    def text(self, prefix: str) -> dict[str, str]:
        """The text attributes whose name starts so."""
        return {
            a.name.decode("utf-8", "replace"): a.value.decode("utf-8", "replace")
            for a in self.attributes
            if a.type == b"string" and a.name.startswith(prefix.encode())
        }


@dataclass(frozen=True)
class ExrFile:
    """A file as it was read."""

    path: Path
    parts: tuple[ExrPart, ...]


def read_exr_file(path: Path) -> ExrFile:
    """Read all parts of an EXR file.

    Raises:
        InputError: missing, damaged, cut off, deep, with subsampled channels, or too large by its header.
    """
    import OpenEXR

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if not path.is_file():
        raise InputError(f"{path} is not a file, but an EXR image was expected")
    try:
        with OpenEXR.File(str(path), separate_channels=True, header_only=True) as file:
            headers = [part.header for part in file.parts]
            boxes = [(_box(h["dataWindow"]), _box(h["displayWindow"])) for h in headers]
            sampled = {(c.xSampling, c.ySampling) for h in headers for c in h["channels"]}
            deep = any(str(h.get("type", "")).rpartition(".")[2].startswith("deep") for h in headers)
            values = sum(
                data.width * data.height * len(h["channels"]) for h, (data, _) in zip(headers, boxes, strict=True)
            )
        attributes = read_attributes(path)
    except Exception as error:
        raise _unreadable(path, error) from error
    if deep:
        raise InputError(f"{path} is a deep EXR, with many samples a pixel; flatten it first")
    for data, display in boxes:
        frame = data.around(display)
        if frame.width * frame.height > MAX_PIXELS or values > 8 * MAX_PIXELS:
            raise InputError(
                f"{path} says it is {frame.width}x{frame.height} with {values} values, more than the {MAX_PIXELS} "
                "pixels allowed; render it again"
            )
    if sampled - {(1, 1)}:
        raise InputError(f"{path} stores colour at a lower resolution (Y, RY, BY); save it again as R, G, B")
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            parts = tuple(
                ExrPart(
                    str(part.header.get("name", "")),
                    dict(part.header),
                    {name: np.asarray(channel.pixels) for name, channel in part.channels.items()},
                    [a for a in attributes[index] if a.name.decode("latin-1") not in STRUCTURE],
                    *boxes[index],
                )
                for index, part in enumerate(file.parts)
            )
    except Exception as error:
        raise _unreadable(path, error) from error
    for part in parts:
        shape = (part.data.height, part.data.width)
        if any(pixels.shape != shape for pixels in part.channels.values()):
            raise InputError(f"{path} is damaged: its channels have not the size of its data window; render it again")
    return ExrFile(path, parts)


def write_exr_file(path: Path, file: ExrFile, part: int, changed: Mapping[str, Pixels]) -> None:
    """Write a file as it was read but for some channels of one part, atomically.

    Args:
        path: to write.
        file: as read.
        part: index of the part that changes.
        changed: (H, W) of the part's data window by channel name, of the channels' own types.

    Raises:
        OutputError: the file cannot be written.
    """
    import OpenEXR

    written = []
    for index, one in enumerate(file.parts):
        header = {k: v for k, v in one.header.items() if k in STRUCTURE and k not in ("channels", "chunkCount", "name")}
        if header["compression"].name.removesuffix("_COMPRESSION") not in KEPT_BY:
            header["compression"] = OpenEXR.ZIP_COMPRESSION
        if "tiles" in header:
            header["tiles"].mode = OpenEXR.ONE_LEVEL
        pixels = {**one.channels, **(changed if index == part else {})}
        contiguous = {name: np.ascontiguousarray(values) for name, values in pixels.items()}
        written.append(OpenEXR.Part({**header, **place_holders(one.attributes)}, contiguous, one.name))
    with atomic_path(path) as partial:
        try:
            with OpenEXR.File(written) as out:
                out.write(str(partial))
            restore_attributes(partial, [one.attributes for one in file.parts])
        except (RuntimeError, ValueError) as error:  # OpenEXR reports full disks and missing folders this way
            reason = (str(error).strip().splitlines() or ["unknown"])[0]
            raise OutputError(f"{path} could not be written ({reason}); check space and rights") from error


def _box(window: Any) -> Box:
    (left, top), (right, bottom) = (tuple(int(v) for v in corner) for corner in window)
    return Box(left, top, right + 1, bottom + 1)


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].replace(str(path), "it")
    return InputError(f"{path} is not a readable EXR file ({reason}); render or copy it again")
