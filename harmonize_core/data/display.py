# SPDX-License-Identifier: Apache-2.0
"""The view transforms of generated sets on batches in torch: exposed scene-linear light to display sRGB.

The formulas, their sources and constants are those of the generator's NumPy module, which does not come along with
this package; `tests/unit/test_core_data_on_the_fly.py` holds the two together.

* `standard`: the sRGB curve under a shoulder that bends values over 0.75 towards 1.
* `agx`: Troy Sobotka's AgX as Blender ships it (E. Zhou, github.com/EaryChow/AgX_LUT_Gen, commit 13d0656).
* `filmic`: Troy Sobotka's Filmic of Blender 2.79 to 4.5 (github.com/sobotka/filmic-blender).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harmonize_core.data.colors import linear_to_srgb, mixed
from harmonize_core.formats.linear_views import ViewTransform
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


def display(light: Tensor, view: ViewTransform) -> Tensor:
    """The display picture of exposed light.

    Args:
        light: (B, 3, H, W) linear Rec.709 after exposure and white balance; negative values count as 0.
        view: which transform.

    Returns: (B, 3, H, W) sRGB in [0, 1].
    """
    transform = {"standard": _standard, "agx": _agx, "filmic": _filmic}[view]
    return transform(light.clamp_min(0)).clamp(0, 1)


def _standard(light: Tensor) -> Tensor:
    room = 1 - SHOULDER_START
    over = (light - SHOULDER_START).clamp_min(0) / room
    return linear_to_srgb(torch.where(over > 0, SHOULDER_START + room * over / (1 + over), light))


def _agx(light: Tensor) -> Tensor:
    inset = mixed(light, AGX_INSET @ REC709_TO_REC2020)
    low, high = AGX_STOPS
    stops = torch.log2(inset.clamp_min(1e-10) / MID_GREY)
    formed = _sigmoid(((stops - low) / (high - low)).clamp_min(0)) ** 2.4
    formed = _turn_hue(formed, inset, 1 - AGX_HUE_SHIFT)
    return linear_to_srgb(_into_srgb(mixed(formed, np.linalg.inv(REC709_TO_REC2020) @ AGX_OUTSET)))


def _sigmoid(x: Tensor) -> Tensor:
    """A curve through (0, 0), mid grey with slope 2.4, and (1, 1)."""
    low, high = AGX_STOPS
    pivot_x, pivot_y = -low / (high - low), MID_GREY ** (1 / 2.4)

    def scale(room_x: float, room_y: float) -> float:
        reach = AGX_SLOPE * room_x
        return (reach**-1.5 * ((reach / room_y) ** 1.5 - 1)) ** (-1 / 1.5)

    away = x - pivot_x
    above = torch.full_like(x, scale(1 - pivot_x, 1 - pivot_y))
    scales = torch.where(away >= 0, above, scale(pivot_x, pivot_y))
    t = AGX_SLOPE * away.abs() / scales
    bend = scales * t / (1 + t * t.sqrt()) ** (2 / 3)
    return (pivot_y + torch.copysign(bend, away)).clamp_min(0)


def _turn_hue(rgb: Tensor, towards: Tensor, share: float) -> Tensor:
    """`rgb` with its HSV hue turned by a share of the way to that of `towards`, the short way round."""
    hue = _hue(rgb)
    hue = hue + share * ((_hue(towards) - hue + 3) % 6 - 3)
    top, bottom = rgb.amax(dim=1, keepdim=True), rgb.amin(dim=1, keepdim=True)
    k = (torch.tensor([5.0, 3.0, 1.0], dtype=rgb.dtype, device=rgb.device)[:, None, None] + hue) % 6
    return top - (top - bottom) * torch.minimum(k, 4 - k).clamp(0, 1)


def _hue(rgb: Tensor) -> Tensor:
    """HSV hue (B, 1, H, W) in sixths of the circle."""
    red, green, blue = rgb.split(1, dim=1)
    top = rgb.amax(dim=1, keepdim=True)
    spread = (top - rgb.amin(dim=1, keepdim=True)).clamp_min(1e-12)
    others = torch.where(top == green, 2 + (blue - red) / spread, 4 + (red - green) / spread)
    return torch.where(top == red, (green - blue) / spread, others)


def _into_srgb(rgb: Tensor) -> Tensor:
    """Lift colours outside the gamut until no channel is negative, keeping brightness."""
    weights = torch.as_tensor(REC2020_LUMINANCE @ REC709_TO_REC2020, dtype=rgb.dtype, device=rgb.device)[:, None, None]

    def weighed(colour: Tensor) -> Tensor:
        return (colour * weights).sum(dim=1, keepdim=True)

    def brightness(colour: Tensor) -> Tensor:
        own = weighed(colour)
        opposite = colour.amax(dim=1, keepdim=True) - colour
        lifted = opposite.amax(dim=1, keepdim=True) - weighed(opposite) + own
        return lifted + (own.clamp_min(0) ** 0.08).clamp(0, 1) * (own - lifted)

    bottom = rgb.amin(dim=1, keepdim=True)
    lifted = rgb - bottom
    before, after = brightness(rgb), brightness(lifted)
    ratio = torch.where(after > before, before / after.clamp_min(1e-12), 1.0)
    return torch.where(bottom < 0, ratio.clamp_min(0) * lifted, rgb)


def _filmic(light: Tensor) -> Tensor:
    low, high = FILMIC_LOG2
    top = light.amax(dim=1, keepdim=True)
    stops = torch.log2(top.clamp_min(1e-9))
    start, end = FILMIC_BLEACH_LOG2[[0, -1]].tolist()
    bleach = _interpolated((stops - start) / (end - start), np.log(FILMIC_BLEACH)).exp()
    light = light + torch.where(stops < start, 0.0, bleach) * (top - light)
    place = (torch.log2(light.clamp_min(2.0**low)) - low) / (high - low)
    return _interpolated(place, FILMIC_CURVE)


def _interpolated(place: Tensor, values: np.ndarray) -> Tensor:
    """`values` at evenly spaced places from 0 to 1, linear between them and constant beyond."""
    table = torch.as_tensor(values, dtype=place.dtype, device=place.device)
    scaled = place.clamp(0, 1) * (len(values) - 1)
    index = scaled.floor().clamp_max(len(values) - 2)
    left = table[index.long()]
    return left + (scaled - index) * (table[index.long() + 1] - left)
