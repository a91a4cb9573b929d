# SPDX-License-Identifier: Apache-2.0
"""What alpha means for the colours beside it, in pictures of any format."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

AlphaKind = Literal["straight", "premultiplied", "matte"]
"""Colours not multiplied by alpha, multiplied by it, or beside a channel that is no transparency at all."""

FEW = 1e-3
"""Share of wholly transparent pixels that may hold colour of their own (glow) in a picture that is a cut-out."""

DARKEST_ALPHA = 1e-6
"""Coverage from which premultiplied colours are divided by it; that of a half float may be less."""


def divisor(alpha: Floats) -> Floats:
    """(..., 1): what premultiplied colours are divided by, and multiplied with again; 1 where nothing covers."""
    return np.where(alpha > DARKEST_ALPHA, alpha, np.float32(1))[..., None]


def touched(before: Floats, after: Floats, mask: Floats) -> NDArray[np.bool_]:
    """(H, W): the pixels that change from one (H, W, 3) to the other under a mask; all others keep their bits."""
    return (mask > 0) & (after != before).any(axis=-1)
