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

from harmonize_core.color import REC709_LUMINANCE, linear_to_srgb, srgb_to_linear
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats.exr import Box, ExrFile, read_exr_file, write_exr_file
from harmonize_core.formats.exr_layers import Layer, find_layer
from harmonize_core.formats.icc import changed, color_space, primaries_to_rec709
from harmonize_core.formats.images import write_image
from harmonize_core.formats.orientation import as_stored, upright
from harmonize_core.formats.raster import KINDS, AlphaKind, Raster, read_raster, write_raster

Floats = NDArray[np.float32]

SUFFIXES = (*KINDS, ".exr")
"""Of the files that are read and written."""

FEW = 1e-3
"""Share of wholly transparent pixels that may hold colour of their own (glow) in a picture that is a cut-out."""


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
        return _exr_picture(file, find_layer(file, layer))
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
            alpha = self._stored_alpha()
            np.divide(values, alpha[..., None], out=values, where=alpha[..., None] > 0)
            np.clip(values, 0, 1, out=values)
        return values

    def save(self, out: Path, harmonized: Floats, mask: Floats) -> None:
        """As `Picture`. Another suffix than the input's gives 8-bit sRGB with nothing else kept."""
        if KINDS.get(Path(out).suffix.lower()) != self.raster.kind:
            if Path(out).suffix.lower() not in KINDS:
                raise ConfigError(f"{self.path} cannot be written as {out}; end it in {self.path.suffix} or .png")
            write_image(out, harmonized)
            return
        stored, limit = self.raster.stored.copy(), self.raster.limit
        inside = as_stored(_touched(self, harmonized, mask), self.raster.orientation)
        new = as_stored(harmonized, self.raster.orientation)[inside]
        values = changed(self._space, self._colors()[inside], new)
        if self.raster.alpha == "premultiplied":
            values = values * self._stored_alpha()[inside][:, None]
        stored[inside, : self._channels] = np.rint(np.clip(values, 0, 1) * limit).astype(stored.dtype)
        write_raster(Path(out), self.raster, stored)


@dataclass(frozen=True)
class ExrPicture:
    """A scene-linear picture in one layer of an EXR file."""

    file: ExrFile
    layer: Layer
    srgb: Floats
    alpha: Floats | None
    alpha_kind: AlphaKind | None
    to_rec709: NDArray[np.float64]
    """(3, 3), from the primaries the file states."""
    frame: Box

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @property
    def cut_out(self) -> bool:
        """As `Picture`."""
        return self.alpha_kind == "premultiplied"

    @property
    def display(self) -> Box:
        """The display window."""
        return self.file.parts[self.layer.part].display

    @property
    def data(self) -> Box:
        """The data window."""
        return self.file.parts[self.layer.part].data

    def save(self, out: Path, harmonized: Floats, mask: Floats) -> None:
        """As `Picture`; pixels that hold NaN or infinity keep their bits, too."""
        if Path(out).suffix.lower() != ".exr":
            if Path(out).suffix.lower() not in KINDS:
                raise ConfigError(f"{self.path} cannot be written as {out}; end it in .exr or .png")
            write_image(out, harmonized)
            return
        part = self.file.parts[self.layer.part]
        names = self.layer.colors or ()
        before = np.stack([part.channels[name] for name in names], axis=-1)
        window = part.data.within(self.frame)
        inside = _touched(self, harmonized, mask)[window] & np.isfinite(before).all(axis=-1)
        linear = srgb_to_linear(harmonized[window][inside])
        if len(names) == 3:
            values = linear @ np.linalg.inv(self.to_rec709).T
        else:
            values = (linear @ REC709_LUMINANCE)[:, None]
        if self.alpha_kind == "premultiplied" and self.alpha is not None:
            values = values * self.alpha[window][inside][:, None]
        changed = {}
        for index, name in enumerate(names):
            pixels = part.channels[name].copy()
            bound = float(np.finfo(pixels.dtype).max)
            pixels[inside] = np.clip(values[:, index], -bound, bound).astype(pixels.dtype)
            changed[name] = pixels
        write_exr_file(Path(out), self.file, self.layer.part, changed)


def _touched(picture: Picture, harmonized: Floats, mask: Floats) -> NDArray[np.bool_]:
    """(H, W): the pixels that change; all others keep their bits."""
    return (mask > 0) & (harmonized != picture.srgb).any(axis=-1)


def _exr_picture(file: ExrFile, layer: Layer) -> ExrPicture:
    part = file.parts[layer.part]
    colors = [part.channels[name] for name in layer.colors or ()]
    if not colors:
        raise InputError(f"{file.path}: the layer {layer.name!r} is no picture, it holds {', '.join(layer.channels)}")
    if any(not np.issubdtype(pixels.dtype, np.floating) for pixels in colors):
        raise InputError(f"{file.path} stores its colours as integers; render it as half or float")
    frame = part.data.around(part.display)
    window = part.data.within(frame)
    linear = np.zeros((frame.height, frame.width, 3), np.float32)
    linear[window] = np.nan_to_num(np.stack(colors, axis=-1).astype(np.float32), nan=0, posinf=65504, neginf=0)
    alpha, kind = None, None
    if "A" in layer.channels:
        alpha = np.zeros((frame.height, frame.width), np.float32)
        alpha[window] = np.clip(np.nan_to_num(part.channels[layer.channels["A"]].astype(np.float32)), 0, 1)
        kind = _kind_of_alpha(linear, alpha)
    if kind == "premultiplied" and alpha is not None:
        np.divide(linear, alpha[..., None], out=linear, where=alpha[..., None] > 0)
    matrix = np.eye(3)
    stated = part.header.get("chromaticities")
    if stated is not None:
        primaries = tuple(float(v) for v in np.asarray(stated, dtype=np.float64).ravel())
        matrix = primaries_to_rec709(primaries, str(file.path))
        matrix = np.eye(3) if np.abs(matrix - np.eye(3)).max() < 1e-4 else matrix
        linear = (linear.reshape(-1, 3) @ matrix.T.astype(np.float32)).reshape(linear.shape)
    return ExrPicture(file, layer, linear_to_srgb(linear), alpha, kind, matrix, frame)


def _kind_of_alpha(linear: Floats, alpha: Floats) -> AlphaKind:
    """Premultiplied, as EXR has it; but light where alpha is 0 shows a whole picture with a matte beside it."""
    empty = alpha <= 0
    lit = (linear[empty] != 0).any(axis=-1)
    return "matte" if lit.size and lit.mean() > FEW else "premultiplied"
