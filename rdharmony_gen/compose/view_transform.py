# SPDX-License-Identifier: GPL-3.0-or-later
"""View transforms: from exposed scene-linear light to a display picture, in numpy, without Blender or OpenColorIO.

* `standard`: the sRGB curve under a shoulder that bends values over 0.75 towards 1 (Blender's Standard below it).
* `agx`: Troy Sobotka's AgX as Blender ships it since 4.0 (E. Zhou, github.com/EaryChow/AgX_LUT_Gen, commit 13d0656):
  primaries drawn together in Rec.2020, one sigmoid (J. Smith; github.com/sobotka/SB2383-Configuration-Generation)
  a channel over 16.5 stops, 40 % of the hue shift that it causes, primaries spread again, fitted into sRGB.
* `filmic`: Troy Sobotka's Filmic of Blender 2.79 to 4.5 (github.com/sobotka/filmic-blender): 16.5 stops in log,
  bright colours drawn towards white, and the base-contrast curve "filmic_to_0-70_1-03" at 65 of its 4096 points.

Blender bakes the last two into tables. Here are the formulas behind them, which agree with the tables at their points;
between those, very saturated dark colours differ by some of 255 steps (tests/blender/test_gen_view_transform.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb
from harmonize_core.view_transforms import (
    AGX_HUE_SHIFT,
    AGX_INSET,
    AGX_OUTSET,
    AGX_SLOPE,
    AGX_STOPS,
    FILMIC_BLEACH,
    FILMIC_BLEACH_LOG2,
    FILMIC_CURVE,
    FILMIC_LOG2,
    MID_GREY,
    REC709_TO_REC2020,
    REC2020_LUMINANCE,
    SHOULDER_START,
)
from rdharmony_gen.spec.dataset import ViewTransform

Floats = NDArray[np.floating]


def display(exposed_linear: Floats, view: ViewTransform) -> NDArray[np.float32]:
    """The picture of exposed light.

    Args:
        exposed_linear: (..., 3) linear Rec.709 after exposure and white balance; negative values count as 0.
        view: which transform.

    Returns: (..., 3) float32 sRGB in [0, 1].
    """
    light = np.maximum(np.asarray(exposed_linear, np.float32), np.float32(0.0))
    picture = {"standard": _standard, "agx": _agx, "filmic": _filmic}[view](light)
    return np.clip(picture, 0.0, 1.0).astype(np.float32)


def scene_grey(display_linear: float, view: ViewTransform) -> float:
    """The exposed scene value whose grey comes out at a display-linear level in (0, 1): the inverse of `display`."""
    scene = 2.0 ** np.linspace(-14.0, 6.0, 2001) * MID_GREY
    shown = display(np.repeat(scene[:, None], 3, axis=1), view)[:, 1].astype(np.float64)
    return float(2.0 ** np.interp(linear_to_srgb(np.array(display_linear)), shown, np.log2(scene)))


def shoulder(rgb_linear: Floats) -> Floats:
    """Identity up to 0.75, then a smooth bend that reaches 1 only at infinity; any shape, display-linear."""
    room = 1.0 - SHOULDER_START
    over = np.maximum(rgb_linear - SHOULDER_START, 0.0) / room
    return np.where(rgb_linear > SHOULDER_START, SHOULDER_START + room * over / (1.0 + over), rgb_linear)


def _standard(light: Floats) -> Floats:
    return linear_to_srgb(shoulder(light))


def _agx(light: Floats) -> Floats:
    inset = light @ (AGX_INSET @ REC709_TO_REC2020).T.astype(np.float32)
    low, high = AGX_STOPS
    stops = np.log2(np.maximum(inset, np.float32(1e-10)) / np.float32(MID_GREY))
    formed = _sigmoid(np.maximum((stops - low) / (high - low), 0.0)) ** 2.4
    formed = _turn_hue(formed, inset, 1.0 - AGX_HUE_SHIFT)
    rec709 = formed @ (np.linalg.inv(REC709_TO_REC2020) @ AGX_OUTSET).T.astype(np.float32)
    return linear_to_srgb(_into_srgb(rec709))


def _sigmoid(x: Floats) -> Floats:
    """A curve through (0, 0), mid grey with slope 2.4, and (1, 1); its exponent is 1.5 on both sides."""
    low, high = AGX_STOPS
    pivot_x, pivot_y = -low / (high - low), MID_GREY ** (1 / 2.4)

    def scale(room_x: float, room_y: float) -> np.float32:
        reach = AGX_SLOPE * room_x
        return np.float32((reach**-1.5 * ((reach / room_y) ** 1.5 - 1.0)) ** (-1.0 / 1.5))

    away = x - np.float32(pivot_x)
    scales = np.where(away >= 0, scale(1 - pivot_x, 1 - pivot_y), scale(pivot_x, pivot_y))
    t = np.float32(AGX_SLOPE) * np.abs(away) / scales
    bend = scales * t / np.cbrt(1.0 + t * np.sqrt(t)) ** 2
    return np.maximum(np.float32(pivot_y) + np.copysign(bend, away), 0.0)


def _turn_hue(rgb: Floats, towards: Floats, share: float) -> Floats:
    """`rgb` (..., 3) with its HSV hue turned by a share of the way to that of `towards`, the short way round."""
    hue = _hue(rgb)
    turn = (_hue(towards) - hue + 3.0) % 6.0 - 3.0
    hue = hue + share * turn
    top, bottom = rgb.max(axis=-1, keepdims=True), rgb.min(axis=-1, keepdims=True)
    k = (np.array([5.0, 3.0, 1.0], np.float32) + hue[..., None]) % np.float32(6.0)
    return top - (top - bottom) * np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)


def _hue(rgb: Floats) -> Floats:
    """HSV hue (...,) in sixths of the circle."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    top = rgb.max(axis=-1)
    spread = np.maximum(top - rgb.min(axis=-1), 1e-12)
    return np.where(
        top == red,
        (green - blue) / spread,
        np.where(top == green, 2 + (blue - red) / spread, 4 + (red - green) / spread),
    )


def _into_srgb(rgb: Floats) -> Floats:
    """Lift colours outside the gamut until no channel is negative, keeping brightness (S. Kapanen's guard rail)."""
    weights = REC2020_LUMINANCE @ REC709_TO_REC2020

    def brightness(colour: Floats) -> Floats:
        own = colour @ weights
        opposite = colour.max(axis=-1, keepdims=True) - colour
        lifted = opposite.max(axis=-1) - opposite @ weights + own
        share = np.clip(np.maximum(own, 0.0) ** 0.08, 0.0, 1.0)
        return lifted + share * (own - lifted)

    outside = rgb.min(axis=-1) < 0
    colour = rgb[outside]
    lifted = colour - colour.min(axis=-1, keepdims=True)
    before, after = brightness(colour), brightness(lifted)
    ratio = np.where(after > before, before / np.maximum(after, 1e-12), 1.0)
    result = rgb.copy()
    result[outside] = np.maximum(ratio, 0.0)[..., None] * lifted
    return result


def _filmic(light: Floats) -> Floats:
    low, high = FILMIC_LOG2
    top = light.max(axis=-1, keepdims=True)
    bleach = np.exp(np.interp(np.log2(np.maximum(top, 1e-9)), FILMIC_BLEACH_LOG2, np.log(FILMIC_BLEACH), left=-np.inf))
    light = light + bleach * (top - light)
    place = (np.log2(np.maximum(light, 2.0**low)) - low) / (high - low)
    return np.interp(place, np.linspace(0.0, 1.0, len(FILMIC_CURVE)), FILMIC_CURVE)
