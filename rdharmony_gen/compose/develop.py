# SPDX-License-Identifier: GPL-3.0-or-later
"""Develop a scene-linear render as a camera would: auto-exposure, white balance, highlight shoulder, sRGB.

The view transform is Blender's "Standard" (plain sRGB) below a shoulder that bends values over 0.75 towards 1, so that
skies and lamps do not clip hard. Metering is a log-average (Reinhard et al. 2002) with a guard for highlights.
"""

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, luminance
from rdharmony_gen.spec.condition import ConditionSpec

SHOULDER_START = 0.75
_HIGHLIGHT_PERCENTILE, _HIGHLIGHT_LIMIT = 92.0, 1.15


def meter(image_linear: NDArray[np.floating], condition: ConditionSpec) -> float:
    """The exposure in stops that a camera would choose for a scene-linear (H, W, 3) image."""
    light = luminance(image_linear * np.asarray(condition.white_balance)).astype(np.float64)
    rows, columns = np.linspace(-1, 1, light.shape[0])[:, None], np.linspace(-1, 1, light.shape[1])[None, :]
    weight = np.exp(-(rows**2 + columns**2) / 1.2)
    typical = max(float(np.percentile(light, 50)), 1e-9)
    # values far from the median say little about the right exposure: a lamp in a night, a black doorway
    bounded = np.clip(light, typical / 40, typical * 40)
    average = float(np.exp((weight * np.log(np.maximum(bounded, 1e-9))).sum() / weight.sum()))
    exposure = np.log2(condition.exposure_key / average)
    bright = max(float(np.percentile(light, _HIGHLIGHT_PERCENTILE)), 1e-9)
    guard = np.log2(_HIGHLIGHT_LIMIT / bright)
    if exposure > guard:  # give in nearly half way: a window may burn out, a whole sky should not
        exposure = guard + 0.6 * (exposure - guard)
    return float(exposure + condition.exposure_jitter_ev)


def shoulder(rgb_linear: NDArray[np.floating]) -> NDArray[np.floating]:
    """Identity up to 0.75, then a smooth bend that reaches 1 only at infinity; any shape, display-linear."""
    room = 1.0 - SHOULDER_START
    over = np.maximum(rgb_linear - SHOULDER_START, 0.0) / room
    return np.where(rgb_linear > SHOULDER_START, SHOULDER_START + room * over / (1.0 + over), rgb_linear)


def develop(
    image_linear: NDArray[np.floating], condition: ConditionSpec
) -> tuple[NDArray[np.float32], float, tuple[float, float, float]]:
    """Turn a render into the picture a camera would have taken.

    Args:
        image_linear: (H, W, 3) scene-linear Rec.709 radiance, 0 or more.
        condition: supplies the exposure key, its jitter and the white balance.

    Returns: the picture as (H, W, 3) float32 sRGB in [0, 1]; the exposure in stops; the white-balance gains.
    """
    exposure_ev = meter(image_linear, condition)
    balanced = image_linear * (np.asarray(condition.white_balance) * 2.0**exposure_ev)
    picture = linear_to_srgb(shoulder(np.maximum(balanced, 0.0)))
    return np.clip(picture, 0.0, 1.0).astype(np.float32), exposure_ev, condition.white_balance
