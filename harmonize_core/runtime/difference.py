# SPDX-License-Identifier: Apache-2.0
"""How different two colours look: CIE L*a*b* (D65) and the CIEDE2000 colour difference.

Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data, and
Mathematical Observations", Color Research and Application 30(1), 2005; their equation numbers stand in the code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_cielab, srgb_to_linear
from harmonize_core.errors import InputError

_CHROMA_7 = 25.0**7


def lab(rgb_srgb: NDArray[np.floating]) -> NDArray[np.float32]:
    """CIE L*a*b* (..., 3) of sRGB colours (..., 3) in [0, 1]; white is that of sRGB."""
    return linear_to_cielab(srgb_to_linear(rgb_srgb))


def ciede2000(first_lab: NDArray[np.floating], second_lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """The difference (...) of CIE L*a*b* colours (..., 3), with weights kL = kC = kH = 1; about 1 is just noticeable.

    Raises:
        InputError: shapes that differ, or no three channels.
    """
    if first_lab.shape != second_lab.shape or first_lab.shape[-1:] != (3,):
        raise InputError(
            f"colours should have equal shapes (..., 3) but have {first_lab.shape} and {second_lab.shape}; match them"
        )
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(c, np.float64), -1, 0) for c in (first_lab, second_lab))
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2  # (2), (3)
    stretch = 1 + 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + _CHROMA_7)))  # (4), (5)
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)  # (6)
    h1, h2 = np.arctan2(b1, stretch * a1) % (2 * np.pi), np.arctan2(b2, stretch * a2) % (2 * np.pi)  # (7)
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + np.pi) % (2 * np.pi) - np.pi)  # (10)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2)  # (11)
    total = h1 + h2
    apart = np.abs(h1 - h2) > np.pi
    half = np.where(apart, np.where(total < 2 * np.pi, total + 2 * np.pi, total - 2 * np.pi), total) / 2
    hue = np.where(grey, total, half)  # (14)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2  # (12), (13)
    t = (
        1
        - 0.17 * np.cos(hue - np.deg2rad(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.deg2rad(6))
        - 0.20 * np.cos(4 * hue - np.deg2rad(63))
    )  # (15)
    rotation = np.deg2rad(60) * np.exp(-(((np.rad2deg(hue) - 275) / 25) ** 2))  # (16), twice
    away = (lightness - 50) ** 2
    of_l = (l2 - l1) / (1 + 0.015 * away / np.sqrt(20 + away))  # (18)
    of_c = (c2 - c1) / (1 + 0.045 * chroma)  # (19)
    of_h = d_hue / (1 + 0.015 * chroma * t)  # (20)
    mixed = -2 * np.sqrt(chroma**7 / (chroma**7 + _CHROMA_7)) * np.sin(rotation)  # (17), (21)
    return np.sqrt(np.maximum(of_l**2 + of_c**2 + of_h**2 + mixed * of_c * of_h, 0))  # (22)
