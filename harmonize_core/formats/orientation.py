# SPDX-License-Identifier: Apache-2.0
"""The camera's orientation tag (EXIF 2.32, tag 0x0112): stored pixels to upright ones and back, without resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def upright(stored: NDArray[Any], tag: int) -> NDArray[Any]:
    """(H, W, ...) as it is to be seen: row 0 on top, column 0 on the left; an unknown tag changes nothing."""
    turned = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90,
    }
    return turned[tag](stored) if tag in turned else stored


def as_stored(seen: NDArray[Any], tag: int) -> NDArray[Any]:
    """The inverse of `upright`: quarter turns change places, the others undo themselves."""
    return upright(seen, {6: 8, 8: 6}.get(tag, tag))
