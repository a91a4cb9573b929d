# SPDX-License-Identifier: GPL-3.0-or-later
"""All exchanges of foregrounds between the styles of one view, as 8-bit pictures.

The same arithmetic as `harmonize_core.compositing.exchange_foreground` (a test holds them equal), but the two pure
colours behind soft edges are estimated once a style instead of once a pair: n instead of n(n - 1) times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import OPAQUE, extrapolate
from harmonize_core.formats.images import to_uint8

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Layers:
    """One developed picture, and its pure colours where foreground and background mix."""

    picture: Pixels
    """(H, W, 3) uint8 sRGB."""
    foreground_linear: Floats
    """(N, 3) linear colours at the soft pixels without any background in them."""
    background_linear: Floats
    """(N, 3) the other way round."""


def soft_pixels(coverage: Floats) -> NDArray[np.bool_]:
    """Where foreground and background share a pixel; boolean (H, W)."""
    return (coverage > 0) & (coverage < OPAQUE)


def separate(picture: Floats, coverage: Floats) -> Layers:
    """Estimate the pure colours of one picture.

    Args:
        picture: (H, W, 3) developed, sRGB in [0, 1].
        coverage: (H, W) in [0, 1].
    """
    linear = srgb_to_linear(picture)
    opaque = coverage >= OPAQUE
    trust = opaque.astype(np.float32) if opaque.any() else coverage**2
    soft = soft_pixels(coverage)
    foreground = extrapolate(linear, trust)[soft]
    background = extrapolate(linear, (coverage <= 0).astype(np.float32))[soft]
    return Layers(to_uint8(picture), foreground, background)


def exchange(real: Layers, donor: Layers, coverage: Floats) -> Pixels:
    """The donor's foreground in the real picture: (H, W, 3) uint8, the real's own pixels where coverage is 0."""
    composite = np.where((coverage >= OPAQUE)[..., None], donor.picture, real.picture)
    soft = soft_pixels(coverage)
    alpha = coverage[soft][:, None]
    mixed = alpha * donor.foreground_linear + (1 - alpha) * real.background_linear
    composite[soft] = to_uint8(linear_to_srgb(mixed))
    return composite
