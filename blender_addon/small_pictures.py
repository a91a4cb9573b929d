# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers and backgrounds at the size of a capture, kept by runs, which have the large ones at hand anyway.

So Live opens no picture of full size to show what was matched: to decode them takes most of the time of an update.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_layer import Cut, read_cut
from harmonize_core.runtime.pieces import Pixels
from harmonize_core.runtime.resize import resize

from .bridge.files import DAMAGED, write_atomic
from .options import ShotOptions
from .shot_files import key_of

Floats = NDArray[np.float32]
Size = tuple[int, int]

LONGEST = 256
"""Pixels of the longer side of a capture: what networks look at."""


def small_size(size: Size, longest: int = LONGEST) -> Size:
    """Rows and columns of a picture whose longer side is brought down to `longest`."""
    share = min(1.0, longest / max(*size, 1))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def keep_plate(options: ShotOptions, frame: int, plate: Pixels) -> None:
    """Keep the small background of a frame of a run, unless it is kept already.

    Args:
        options: of the run.
        frame: which.
        plate: (H, W, 3) sRGB in the size of the render, floats in [0, 1] or uint8, without shadows.
    """
    size, path, about = small_size((plate.shape[0], plate.shape[1])), _path(options, frame), key(options, frame)
    known = _read(path, about)
    if known is None or known.shape[:2] != size:  # the render's proportions may be others since
        white = np.float32(np.iinfo(plate.dtype).max if plate.dtype.kind == "u" else 1)
        _write(path, about, resize(plate, size) / white)


def kept_plate(options: ShotOptions, frame: int, size_hw: Size) -> Floats | None:
    """The small background (h, w, 3) sRGB in [0, 1] of a frame; None where there is none of it as it is now."""
    found = _read(_path(options, frame), key(options, frame))
    return found if found is not None and found.shape[:2] == size_hw else None


def keep_layer(layer: Path, cut: Cut | None) -> None:
    """Keep a rendered layer's small version (h, w, 4), unless it is kept already.

    Args:
        layer: its EXR file.
        cut: what is in it, if that is at hand.
    """
    path, about = layer.with_suffix(".live.npz"), _date(layer)
    if _read(path, about) is None:
        with contextlib.suppress(InputError):  # Live has Blender read it, then, or says what is wrong with it
            cut = read_cut(layer) if cut is None else cut
            _write(path, about, cut.reduced(small_size(cut.size)))


def kept_layer(layer: Path) -> Floats | None:
    """The small version of a rendered layer as it is now, if there is one."""
    return _read(layer.with_suffix(".live.npz"), _date(layer))


def key(options: ShotOptions, frame: int) -> str:
    """What the background of a frame depends on."""
    plate = options.plate
    path = plate.path(_shown(options, frame))
    date = path.stat().st_mtime_ns if plate.kind == "rendered" and path.is_file() else 0
    return key_of(plate.fingerprint(_shown(options, frame)), path, date)


def _date(layer: Path) -> str:
    return str(layer.stat().st_mtime_ns) if layer.is_file() else ""


def _write(path: Path, about: str, picture: Floats) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, key=np.array(about), picture=picture.astype(np.float16))
    write_atomic(path, buffer.getvalue())


def _read(path: Path, about: str) -> Floats | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["picture"].astype(np.float32) if file["key"].item() == about else None
    except DAMAGED:  # or there is none: it is made from the large one
        return None


def _path(options: ShotOptions, frame: int) -> Path:
    return options.work_folder / f"frame_{_shown(options, frame):04d}.live.npz"


def _shown(options: ShotOptions, frame: int) -> int:
    """The frame itself, or the one that stands for all where the background does not move."""
    return frame if options.plate.moves else options.plate.first_frame
