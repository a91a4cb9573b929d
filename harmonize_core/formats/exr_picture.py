# SPDX-License-Identifier: Apache-2.0
"""A layer of an EXR file as the network sees it, and the file written again with that layer's foreground changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import REC709_LUMINANCE, linear_to_srgb, srgb_to_linear
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats.alpha import FEW, AlphaKind, divisor, touched
from harmonize_core.formats.exr import Box, ExrFile, write_exr_file
from harmonize_core.formats.exr_layers import Layer
from harmonize_core.formats.icc import primaries_to_rec709
from harmonize_core.formats.images import write_image
from harmonize_core.formats.raster import KINDS

Floats = NDArray[np.float32]


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
    ceiling: float | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @property
    def cut_out(self) -> bool:
        """As `harmonize_core.formats.picture.Picture`."""
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
        """As `harmonize_core.formats.picture.Picture`; pixels that hold NaN or infinity keep their bits, too."""
        if Path(out).suffix.lower() != ".exr":
            if Path(out).suffix.lower() not in KINDS:
                raise ConfigError(f"{self.path} cannot be written as {out}; end it in .exr or .png")
            write_image(out, harmonized)
            return
        part = self.file.parts[self.layer.part]
        names = self.layer.colors or ()
        before = np.stack([part.channels[name] for name in names], axis=-1)
        window = part.data.within(self.frame)
        inside = touched(self.srgb, harmonized, mask)[window] & np.isfinite(before).all(axis=-1)
        with np.errstate(over="ignore"):
            linear = np.nan_to_num(srgb_to_linear(harmonized[window][inside]))
        if len(names) == 3:
            values = linear @ np.linalg.inv(self.to_rec709).T
        else:
            values = (linear @ REC709_LUMINANCE)[:, None]
        if self.alpha_kind == "premultiplied" and self.alpha is not None:
            values = values * divisor(self.alpha[window][inside])
        changed = {}
        for index, name in enumerate(names):
            pixels = part.channels[name].copy()
            bound = float(np.finfo(pixels.dtype).max)
            pixels[inside] = np.clip(values[:, index], -bound, bound).astype(pixels.dtype)
            changed[name] = pixels
        write_exr_file(Path(out), self.file, self.layer.part, changed)


def exr_picture(file: ExrFile, layer: Layer) -> ExrPicture:
    """A layer of a file as a picture.

    Raises:
        InputError: the layer is no picture, holds integers, or the primaries of the file span no colours.
    """
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
        linear /= divisor(alpha)
    matrix = np.eye(3)
    stated = part.header.get("chromaticities")
    if stated is not None:
        primaries = tuple(float(v) for v in np.asarray(stated, dtype=np.float64).ravel())
        matrix = primaries_to_rec709(primaries, str(file.path))
        matrix = np.eye(3) if np.abs(matrix - np.eye(3)).max() < 1e-4 else matrix
        linear = (linear.reshape(-1, 3) @ matrix.T.astype(np.float32)).reshape(linear.shape)
    with np.errstate(over="ignore"):  # in the branch for dark colours, which bright ones do not take
        srgb = linear_to_srgb(linear)
    return ExrPicture(file, layer, srgb, alpha, kind, matrix, frame)


def _kind_of_alpha(linear: Floats, alpha: Floats) -> AlphaKind:
    """Premultiplied, as EXR has it; but light where alpha is 0 shows a whole picture with a matte beside it."""
    empty = alpha <= 0
    lit = (linear[empty] != 0).any(axis=-1)
    return "matte" if lit.size and lit.mean() > FEW else "premultiplied"
