# SPDX-License-Identifier: Apache-2.0
"""Would a foreground under changed light still pass for a photograph of another day?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_oklab, linear_to_srgb

Floats = NDArray[np.float32]

MINKOWSKI = 6
"""Order of the norm that estimates a light's colour: Finlayson and Trezzi's best."""
MAX_TINT = 0.22
"""Largest change of a light's log green over the mean of log red and blue: daylight, lamps and shade move it less."""
MAX_WARMTH = 1.2
"""Largest change of a light's log red over blue; candlelight to blue shade is about 2 on one sensor."""


def why_implausible(before: Floats, after: Floats) -> str | None:
    """Why changed colours would not pass for a photograph of another day, or None when they would.

    Looks for values cut off at either end, darkness, glare, lost contrast, garish colours, light of a colour that no
    usual lamp or sky has (`_light_change`), and a change too small or too large to teach anything.

    Args:
        before: (N, 3) linear colours of a foreground's pixels.
        after: (N, 3) what became of them, unclipped.
    """
    old, new = linear_to_srgb(before), linear_to_srgb(after)
    outside_gamut = float(((new < -0.02) | (new > 1.02)).mean() - ((old <= 0) | (old >= 1)).mean())
    if outside_gamut > 0.06:
        return "cut-off"
    shown = np.clip(after, 0, 1)
    lab, old_lab = linear_to_oklab(shown), linear_to_oklab(before)
    if not 0.15 < lab[:, 0].mean() < 0.92:
        return "too dark or too bright"
    if lab[:, 0].std() < 0.45 * old_lab[:, 0].std():
        return "contrast lost"
    if np.percentile(np.hypot(lab[:, 1], lab[:, 2]), 95) > 0.28:
        return "garish"
    warmth, tint = _light_change(before, shown)
    if abs(tint) > MAX_TINT or abs(warmth) > MAX_WARMTH:
        return "impossible light"
    error = float(((np.clip(new, 0, 1) - old) ** 2).mean()) * 255**2
    if error < 60:
        return "unchanged"
    return "too far" if error > 6000 else None


def _light_change(before: Floats, after: Floats) -> tuple[float, float]:
    """Change of the light's log red over blue, and of its log green over the mean of log red and log blue.

    The light's colour is the Minkowski mean of the colours (Finlayson and Trezzi, "Shades of Gray and Colour
    Constancy", CIC 2004). Blackbodies and daylight lie along the first axis, nearly straight across the second.
    """
    red, green, blue = (
        np.log(np.maximum((after.astype(np.float64) ** MINKOWSKI).mean(0), 1e-18))
        - np.log(np.maximum((before.astype(np.float64) ** MINKOWSKI).mean(0), 1e-18))
    ) / MINKOWSKI
    return float(red - blue), float(green - (red + blue) / 2)
