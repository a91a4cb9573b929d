# SPDX-License-Identifier: GPL-3.0-or-later
"""All exchanges of foregrounds between the styles of one view, as 8-bit pictures.

Soft pixels are mixed in exposed linear light and then sent through the view transform, as the light of real pictures
mixes in the lens before the sensor bends it: hair before a bright sky glows in a composite just as in a real image. The
arithmetic is that of `harmonize_core.compositing.exchange_foreground` (a test holds them equal), but the two pure
colours behind soft edges are estimated once a style instead of once a pair: n instead of n(n - 1) times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.compositing import OPAQUE, extrapolate
from harmonize_core.formats.images import to_uint8
from rdharmony_gen.compose.view_transform import ViewTransform, display

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

BRIGHTEST = 16.0
"""Exposed light counts no further when pure colours are estimated: one pixel of sun would outshine a whole edge."""


@dataclass(frozen=True)
class Layers:
    """One developed picture, and its pure colours where foreground and background mix."""

    picture: Pixels
    """(H, W, 3) uint8 sRGB."""
    foreground_linear: Floats
    """(N, 3) exposed linear light of the soft pixels without any background in it."""
    background_linear: Floats
    """(N, 3) the other way round."""
    view: ViewTransform
    """How the picture was developed."""


def soft_pixels(coverage: Floats) -> NDArray[np.bool_]:
    """Where foreground and background share a pixel; boolean (H, W)."""
    return (coverage > 0) & (coverage < OPAQUE)


def trust_foreground(coverage: Floats) -> Floats:
    """Weights (H, W) of the pixels that show the foreground alone; without any, those that show most of it."""
    opaque = coverage >= OPAQUE
    return opaque.astype(np.float32) if opaque.any() else coverage**2


def separate(exposed_linear: Floats, coverage: Floats, view: ViewTransform = "standard") -> Layers:
    """Develop one picture and estimate its pure colours.

    Args:
        exposed_linear: (H, W, 3) linear light after exposure and white balance.
        coverage: (H, W) in [0, 1].
        view: the view transform.
    """
    soft = soft_pixels(coverage)
    bounded = np.minimum(exposed_linear, BRIGHTEST)
    foreground = extrapolate(bounded, trust_foreground(coverage))[soft]
    background = extrapolate(bounded, (coverage <= 0).astype(np.float32))[soft]
    return Layers(to_uint8(display(exposed_linear, view)), foreground, background, view)


def exchange(real: Layers, donor: Layers, coverage: Floats) -> Pixels:
    """The donor's foreground in the real picture: (H, W, 3) uint8, the real's own pixels where coverage is 0."""
    composite = np.where((coverage >= OPAQUE)[..., None], donor.picture, real.picture)
    soft = soft_pixels(coverage)
    alpha = coverage[soft][:, None]
    mixed = alpha * donor.foreground_linear + (1 - alpha) * real.background_linear
    composite[soft] = to_uint8(display(mixed, real.view))
    return composite
