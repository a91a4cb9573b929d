# SPDX-License-Identifier: Apache-2.0
"""A composite of any file format as the network sees it, and written back so that only its foreground changes.

What every format has in common: `open_picture` gives upright sRGB and the picture's own alpha; `Picture.save` takes
the harmonized sRGB and writes a file of the same format, depth, profile and orientation in which every pixel outside
the mask holds the bits it held before (JPEG excepted, which cannot).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats.alpha import FEW, divisor, touched
from harmonize_core.formats.exr import Box, read_exr_file
from harmonize_core.formats.exr_layers import find_layer
from harmonize_core.formats.exr_picture import exr_picture
from harmonize_core.formats.icc import changed, color_space
from harmonize_core.formats.images import write_image
from harmonize_core.formats.orientation import as_stored, upright
from harmonize_core.formats.raster import KINDS, Raster, read_raster, write_raster

Floats = NDArray[np.float32]

SUFFIXES = (*KINDS, ".exr")
"""Of the files that are read and written."""


class Picture(Protocol):
    """A composite that was read."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def srgb(self) -> Floats:
        """(H, W, 3) sRGB as it is seen; scene-linear light above white is above 1, colours outside sRGB go below 0."""
        ...

    @property
    def alpha(self) -> Floats | None:
        """(H, W) in [0, 1], the picture's own; None where it has none."""
        ...

    @property
    def cut_out(self) -> bool:
        """Alpha is transparency, so colours are the foreground's alone; else it is a matte beside a whole picture."""
        ...

    @property
    def ceiling(self) -> float | None:
        """The brightest sRGB that the foreground may become: 1; None for scene-linear light, which has no white."""
        ...

    @property
    def frame(self) -> Box:
        """Where the pixels lie; starts at 0, 0 but in EXR."""
        ...

    @property
    def display(self) -> Box:
        """The picture as it is shown, in the same coordinates."""
        ...

    @property
    def data(self) -> Box:
        """The pixels the file holds, in the same coordinates."""
        ...

    def save(self, out: Path, harmonized: Floats, mask: Floats) -> None:
        """Write the harmonized picture, both upright; pixels of mask 0 keep their bits.

        Raises:
            ConfigError: a format this picture cannot become.
            OutputError: the file cannot be written.
        """
        ...


def open_picture(path: Path, layer: str | None = None) -> Picture:
    """Read a composite.

    Args:
        path: PNG, JPEG, WebP, TIFF, BMP or EXR.
        layer: which of an EXR, as `find_layer`.

    Raises:
        InputError: missing, damaged, or of a kind that cannot be harmonized (1 bit, CMYK).
        ConfigError: a layer of a file that has none.
    """
    path = Path(path)
    if path.suffix.lower() == ".exr":
        file = read_exr_file(path)
        return exr_picture(file, find_layer(file, layer))
    if layer is not None:
        raise ConfigError(f"--layer is for EXR files, but {path} is none; leave it out")
    raster = read_raster(path)
    if raster.bits == 1:
        raise InputError(f"{path} has 1 bit a pixel, black or white; a picture to harmonize needs grey or colour")
    return RasterPicture(raster)


@dataclass(frozen=True)
class RasterPicture:
    """A display-referred picture with 8 or 16 bits."""

    raster: Raster
    ceiling: float | None = 1.0

    @property
    def path(self) -> Path:
        """The file."""
        return self.raster.path

    @cached_property
    def srgb(self) -> Floats:
        """As `Picture`."""
        return upright(self._space.to_srgb(self._colors()), self.raster.orientation)

    @cached_property
    def alpha(self) -> Floats | None:
        """As `Picture`."""
        return None if self.raster.alpha is None else upright(self._stored_alpha(), self.raster.orientation)

    @cached_property
    def cut_out(self) -> bool:
        """As `Picture`. A picture that goes on under straight alpha of 0 is a whole one, with a matte beside it."""
        if self.raster.alpha != "straight":
            return self.raster.alpha == "premultiplied"
        under = self.raster.stored[self.raster.stored[..., -1] == 0][:, : self._channels]
        return not len(under) or float((under != np.median(under, axis=0)).any(axis=-1).mean()) <= FEW

    @property
    def frame(self) -> Box:
        """The whole picture, upright."""
        height, width = upright(self.raster.stored[..., 0], self.raster.orientation).shape
        return Box(0, 0, width, height)

    @property
    def display(self) -> Box:
        """The whole picture, upright."""
        return self.frame

    @property
    def data(self) -> Box:
        """The whole picture, upright."""
        return self.frame

    @cached_property
    def _space(self) -> Any:
        return color_space(self.raster.profile, self._channels, str(self.path))

    @property
    def _channels(self) -> int:
        return 1 if self.raster.stored.shape[2] < 3 else 3

    def _stored_alpha(self) -> Floats:
        return self.raster.stored[..., -1].astype(np.float32) / np.float32(self.raster.limit)

    def _colors(self) -> Floats:
        values = self.raster.stored[..., : self._channels].astype(np.float32) / np.float32(self.raster.limit)
        if self.raster.alpha == "premultiplied":
            values = np.clip(values / divisor(self._stored_alpha()), 0, 1)
        return values

    def save(self, out: Path, harmonized: Floats, mask: Floats) -> None:
        """As `Picture`. Another suffix than the input's gives 8-bit sRGB with nothing else kept."""
        if KINDS.get(Path(out).suffix.lower()) != self.raster.kind:
            if Path(out).suffix.lower() not in KINDS:
                endings = " or ".join(dict.fromkeys((self.path.suffix.lower(), ".png")))
                raise ConfigError(f"{self.path} cannot be written as {out}; end it in {endings}")
            write_image(out, harmonized)
            return
        stored, limit = self.raster.stored.copy(), self.raster.limit
        inside = as_stored(touched(self.srgb, harmonized, mask), self.raster.orientation)
        new = as_stored(harmonized, self.raster.orientation)[inside]
        values = changed(self._space, self._colors()[inside], new)
        if self.raster.alpha == "premultiplied":
            values = values * divisor(self._stored_alpha()[inside])
        stored[inside, : self._channels] = np.rint(np.clip(values, 0, 1) * limit).astype(stored.dtype)
        write_raster(Path(out), self.raster, stored)
