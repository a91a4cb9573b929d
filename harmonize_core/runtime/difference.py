# SPDX-License-Identifier: Apache-2.0
"""CIEDE2000, the difference between two colours as people see it; about 1 is just noticeable side by side.

Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data, and
Mathematical Observations" (Color Research and Application 2005), equations 2 to 22 with all parametric factors 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def ciede2000(lab: Floats, other: Floats) -> NDArray[np.float64]:
    """The difference (...,) of CIELAB colours (..., 3): L* in 0..100, white D65 for both."""
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(v, np.float64), -1, 0) for v in (lab, other))
    boost = 1.5 - 0.5 * _past_25((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)
    a1, a2 = a1 * boost, a2 * boost
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    coloured = c1 * c2 > 0
    turn = np.where(coloured, (h2 - h1 + 180) % 360 - 180, 0)
    turn = np.where(coloured & (h2 - h1 == 180), 180, turn)
    hue_step = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    apart = coloured & (np.abs(h1 - h2) > 180)
    hue = np.where(coloured, (h1 + h2) / 2, h1 + h2)
    hue = np.where(apart, np.where(h1 + h2 < 360, hue + 180, hue - 180), hue)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    middle = (lightness - 50) ** 2
    by_lightness = (l2 - l1) / (1 + 0.015 * middle / np.sqrt(20 + middle))
    by_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    by_hue = hue_step / (1 + 0.015 * chroma * t)
    blue = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    rotation = -np.sin(blue) * 2 * _past_25(chroma)
    squared = by_lightness**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue
    return np.sqrt(np.maximum(squared, 0))


def _past_25(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 for greys to 1 for chromas far above 25: sqrt(c^7 / (c^7 + 25^7))."""
    power = chroma**7
    return np.sqrt(power / (power + 25.0**7))
