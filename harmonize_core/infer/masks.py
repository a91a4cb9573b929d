# SPDX-License-Identifier: Apache-2.0
"""Where the foreground of a picture is: from a mask file, the picture's own alpha, or a cryptomatte by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.cryptomatte import crypto_mask
from harmonize_core.formats.exr import Box, ExrFile, read_exr_file
from harmonize_core.formats.exr_layers import find_layer, layers, listed
from harmonize_core.formats.exr_picture import ExrPicture
from harmonize_core.formats.orientation import upright
from harmonize_core.formats.picture import Picture
from harmonize_core.formats.raster import read_raster

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class MaskChoice:
    """How masks are read, the same for all pictures of a run."""

    layer: str | None = None
    """Of an EXR mask; None: its A, Y, R or only channel."""
    objects: tuple[str, ...] = ()
    """Names in a cryptomatte, instead of a layer."""
    inverted: bool = False
    """The mask marks the background."""


@dataclass(frozen=True)
class _Coverage:
    """Coverage in [0, 1] and, where its file says so, at which pixels."""

    values: Floats
    data: Box | None = None
    display: Box | None = None


def mask_of(picture: Picture, path: Path | None, choice: MaskChoice = MaskChoice()) -> Floats:
    """The foreground's share of each pixel of a picture.

    Where the colours of a picture are those of a cut-out, a pixel of half transparency is still wholly foreground: the
    mask counts in relation to the picture's own alpha.

    Args:
        picture: as read.
        path: the mask's file, or None: the picture's own alpha or, with `objects`, its own cryptomatte.
        choice: how to read it.

    Returns:
        (H, W) float32 in [0, 1], in the picture's frame.

    Raises:
        InputError: missing, damaged, of another size, without alpha, or a name or layer that is not there.
    """
    if choice.objects:
        source = path or picture.path
        if source.suffix.lower() != ".exr":
            raise InputError(
                f"--crypto-object needs an EXR with a cryptomatte, but {source} is none; give one as --mask"
            )
        file = picture.file if path is None and isinstance(picture, ExrPicture) else read_exr_file(source)
        coverage = _Coverage(*crypto_mask(file, choice.objects))
    elif path is None:
        if picture.alpha is None or (picture.alpha >= 1).all():
            raise InputError(f"{picture.path} has no alpha that could be the mask; give one with --mask")
        coverage = _Coverage(picture.alpha)
    else:
        coverage = _read(Path(path), choice.layer)
    return _counted(picture, _placed(picture, coverage, path or picture.path), choice)


def mask_of_picture(picture: Picture, mask: Picture, choice: MaskChoice = MaskChoice()) -> Floats:
    """As `mask_of`, from a picture that was read already, such as a frame of a video: its alpha, or its brightness.

    Raises:
        InputError: of another size.
    """
    coverage = mask.alpha if mask.alpha is not None and (mask.alpha < 1).any() else mask.srgb.mean(axis=2)
    return _counted(picture, _placed(picture, _Coverage(np.clip(coverage, 0, 1)), mask.path), choice)


def _counted(picture: Picture, mask: Floats, choice: MaskChoice) -> Floats:
    """A mask in the picture's frame as the foreground's share of what is seen of each pixel."""
    if choice.inverted:
        return (1 - mask).astype(np.float32)
    if picture.cut_out and picture.alpha is not None:
        share = np.zeros_like(mask)
        np.divide(mask, picture.alpha, out=share, where=picture.alpha > 0)
        return np.minimum(share, 1)
    return mask


def _read(path: Path, layer: str | None) -> _Coverage:
    if path.suffix.lower() == ".exr":
        file = read_exr_file(path)
        return _exr_coverage(file, layer)
    raster = read_raster(path)
    values = raster.stored.astype(np.float32) / np.float32(raster.limit)
    if raster.alpha is not None and (values[..., -1] < 1).any():
        coverage = values[..., -1]
    else:
        coverage = values[..., : 1 if values.shape[2] < 3 else 3].mean(axis=-1, dtype=np.float32)
    if 0 < coverage.max() < 1.5 / 255 and raster.bits > 1:
        raise InputError(
            f"{path} holds only 0 and {int(raster.stored.max())} of {raster.limit}: as a mask it is black; white is "
            f"{raster.limit}"
        )
    return _Coverage(upright(coverage, raster.orientation))


def _exr_coverage(file: ExrFile, name: str | None) -> _Coverage:
    if name is None:
        every = layers(file)
        first = [layer for layer in every if not layer.name] or every[:1]
        channels = first[0].channels if first else {}
        part = file.parts[first[0].part if first else 0]
    else:
        found = find_layer(file, name)
        channels, part = found.channels, file.parts[found.part]
    chosen = next((channels[c] for c in ("A", "Y", "R") if c in channels), None)
    if chosen is None and len(channels) == 1:
        chosen = next(iter(channels.values()))
    if chosen is None:
        raise InputError(
            f"{file.path} should hold a mask in channel A, Y or R, but holds {listed(layers(file))}; choose one with "
            "--mask-layer"
        )
    values = np.clip(np.nan_to_num(part.channels[chosen].astype(np.float32), posinf=1), 0, 1)
    return _Coverage(values, part.data, part.display)


def _placed(picture: Picture, coverage: _Coverage, source: Path) -> Floats:
    """Coverage in the picture's frame; what the mask does not reach is background.

    A mask without windows covers the picture as it is shown or, where it has that size, the pixels the file holds.
    """
    frame, values = picture.frame, coverage.values
    size = (values.shape[1], values.shape[0])
    if coverage.data is not None and coverage.display is not None and coverage.data != coverage.display:
        shown, size = coverage.display, (coverage.display.width, coverage.display.height)
        if size == (picture.display.width, picture.display.height):
            dx, dy = picture.display.left - shown.left, picture.display.top - shown.top
            at = Box(
                coverage.data.left + dx, coverage.data.top + dy, coverage.data.right + dx, coverage.data.bottom + dy
            )
            return _pasted(values, at, frame)
    for box in (picture.display, picture.data, frame):
        if size == (box.width, box.height) and values.shape == (box.height, box.width):
            return _pasted(values, box, frame)
    wanted = f"{picture.display.width}x{picture.display.height}"
    raise InputError(
        f"the mask should have the size of its image: {source} is {size[0]}x{size[1]}, {picture.path} is {wanted}"
    )


def _pasted(values: Floats, at: Box, frame: Box) -> Floats:
    """Values that lie at a box, in an array of the frame; what is outside the frame is dropped."""
    mask = np.zeros((frame.height, frame.width), np.float32)
    left, top = max(at.left, frame.left), max(at.top, frame.top)
    right, bottom = min(at.right, frame.right), min(at.bottom, frame.bottom)
    if left < right and top < bottom:
        seen = Box(left, top, right, bottom)
        mask[seen.within(frame)] = values[seen.within(at)]
    return mask
