# SPDX-License-Identifier: GPL-3.0-or-later
"""All exchanges of foregrounds between the styles of one view, as 8-bit pictures.

Soft pixels are mixed in exposed linear light and then sent through the view transform, as the light of real pictures
mixes in the lens before the sensor bends it: hair before a bright sky glows in a composite just as in a real image. The
arithmetic is that of `harmonize_core.compositing.exchange_foreground` (a test holds them equal), but the pure colours
of soft pixels are estimated once a style instead of once a pair: n instead of n(n - 1) times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core import compositing
from harmonize_core.compositing import OPAQUE, SoftLight, soft_pixels
from harmonize_core.formats.images import to_uint8
from rdharmony_gen.compose.view_transform import ViewTransform, display

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

BRIGHTEST = 16.0
"""Exposed light of soft pixels counts no further: one pixel of sun would outshine a whole edge."""


@dataclass(frozen=True)
class Layers:
    """One developed picture, and its pure colours where foreground and background mix."""

    picture: Pixels
    """(H, W, 3) uint8 sRGB."""
    soft: SoftLight
    """Exposed light of its soft pixels."""
    view: ViewTransform
    """How the picture was developed."""


def separate(exposed_linear: Floats, coverage: Floats, view: ViewTransform = "standard") -> Layers:
    """Develop one picture and estimate its pure colours.

    Args:
        exposed_linear: (H, W, 3) linear light after exposure and white balance.
        coverage: (H, W) in [0, 1].
        view: the view transform.
    """
    soft = compositing.separate(np.minimum(exposed_linear, BRIGHTEST), coverage)
    return Layers(to_uint8(display(exposed_linear, view)), soft, view)


def exchange(real: Layers, donor: Layers, coverage: Floats) -> Pixels:
    """The donor's foreground in the real picture: (H, W, 3) uint8, the real's own pixels where coverage is 0."""
    composite = np.where((coverage >= OPAQUE)[..., None], donor.picture, real.picture)
    soft = soft_pixels(coverage)
    composite[soft] = to_uint8(display(compositing.mix(real.soft, donor.soft, coverage[soft]), real.view))
    return composite
