# SPDX-License-Identifier: Apache-2.0
"""Other exposures, white balances and grades of scene-linear light: drawn by name, bounded, applied on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.data.colors import luminance

MID_GREY = 0.18
DARKEST = 1e-4
"""Luminance below which contrast changes no further."""
SUBJECT_LIGHT = (0.05, 1.6)
"""Exposed luminance within which the brighter part of a foreground stays, unless it was beyond."""
PICTURE_LIGHT = (0.04, 2.5)
"""The same of a whole picture."""


@dataclass(frozen=True)
class Grade:
    """A change of light that a camera and its developer could have made."""

    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors of linear R, G, B: exposure and white balance."""
    contrast: float = 1.0
    """Exponent on luminance around middle grey; colours keep their proportions."""
    saturation: float = 1.0
    """Factor on the distance from the pixel's luminance."""


NEUTRAL = Grade()


def draw_grade(rng: np.random.Generator, bright: float, bounds: tuple[float, float], strength: float = 1.0) -> Grade:
    """A random grade.

    Args:
        rng: source of the choice.
        bright: luminance of the brighter part (90th percentile) of what is graded.
        bounds: between which that stays; where it is beyond already, it goes no further.
        strength: factor on the spread of everything.
    """
    stops = float(np.clip(rng.normal(0, 0.5), -1.4, 1.4)) * strength
    warm, tint, contrast, saturation = np.clip(rng.normal(0, 1, 4), -2.5, 2.5) * (0.14, 0.04, 0.09, 0.14) * strength
    low = min(0.0, np.log2(bounds[0] / max(bright, 1e-6)))
    high = max(0.0, np.log2(bounds[1] / max(bright, 1e-6)))
    exposure = 2.0 ** float(np.clip(stops, low, high))
    red, green, blue = (exposure * float(np.exp(v)) for v in (warm, tint, -warm))
    return Grade((red, green, blue), float(np.exp(contrast)), float(np.exp(saturation)))


def is_visible(grade: Grade) -> bool:
    """Whether a grade changes a picture enough to teach anything."""
    stops = np.log2(grade.gains)
    return bool(abs(stops[1]) > 0.25 or np.ptp(stops) > 0.15 or abs(grade.saturation - 1) > 0.15)


def packed(grades: list[Grade]) -> NDArray[np.float32]:
    """(B, 5): gains, contrast, saturation."""
    return np.array([(*g.gains, g.contrast, g.saturation) for g in grades], np.float32).reshape(-1, 5)


def apply_grades(light: Tensor, numbers: Tensor) -> Tensor:
    """Grade light (B, 3, H, W), 0 or more, by numbers (B, 5, 1, 1) as `packed` makes them; the result is 0 or more."""
    gains, contrast, saturation = numbers[:, :3], numbers[:, 3:4], numbers[:, 4:5]
    exposed = light * gains
    grey = (luminance(exposed) / MID_GREY).clamp_min(DARKEST)
    shaped = exposed * torch.exp2((contrast - 1) * torch.log2(grey))
    level = luminance(shaped)
    return (level + saturation * (shaped - level)).clamp_min(0)
