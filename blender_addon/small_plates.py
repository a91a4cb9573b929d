# SPDX-License-Identifier: GPL-3.0-or-later
"""Backgrounds at the size of a capture, kept beside the layers of a run, which has them at hand anyway.

So Live opens no picture of full size to show what was rendered: to decode one takes most of the time of an update.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


def keep(options: ShotOptions, frame: int, plate: Pixels) -> None:
    """Keep the small background of a frame of a run, unless it is kept already.

    Args:
        options: of the run.
        frame: which.
        plate: (H, W, 3) sRGB in the size of the render, floats in [0, 1] or uint8, without shadows.
    """
    size = small_size((plate.shape[0], plate.shape[1]))
    if kept(options, frame, size) is not None:
        return
    white = np.float32(np.iinfo(plate.dtype).max if plate.dtype.kind == "u" else 1)
    buffer = io.BytesIO()
    np.savez(buffer, key=np.array(key(options, frame)), plate=(resize(plate, size) / white).astype(np.float16))
    write_atomic(_path(options, frame), buffer.getvalue())


def kept(options: ShotOptions, frame: int, size_hw: Size) -> Floats | None:
    """The small background (h, w, 3) sRGB in [0, 1] of a frame; None where there is none of it as it is now."""
    try:
        with np.load(_path(options, frame), allow_pickle=False) as file:
            if file["key"].item() == key(options, frame) and file["plate"].shape == (*size_hw, 3):
                return file["plate"].astype(np.float32)
    except DAMAGED:  # or there is none: it is made from the picture itself
        pass
    return None


def key(options: ShotOptions, frame: int) -> str:
    """What the background of a frame depends on."""
    plate = options.plate
    path = plate.path(_shown(options, frame))
    date = path.stat().st_mtime_ns if plate.kind == "rendered" and path.is_file() else 0
    return key_of(plate.fingerprint(_shown(options, frame)), path, date)


def _path(options: ShotOptions, frame: int) -> Path:
    return options.work_folder / f"frame_{_shown(options, frame):04d}.live.npz"


def _shown(options: ShotOptions, frame: int) -> int:
    """The frame itself, or the one that stands for all where the background does not move."""
    return frame if options.plate.moves else options.plate.first_frame
