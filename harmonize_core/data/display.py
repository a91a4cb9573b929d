# SPDX-License-Identifier: Apache-2.0
"""The view transforms of generated sets on batches in torch: exposed scene-linear light to display sRGB.

The formulas, their sources and constants are those of the generator's NumPy module, which does not come along with
this package; `tests/unit/test_core_data_linear.py` holds the two together.

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

SHOULDER_START = 0.75
MID_GREY = 0.18

_REC709_TO_REC2020 = np.array(
    [[0.62740390, 0.32928304, 0.04331307], [0.06909729, 0.91954040, 0.01136232], [0.01639144, 0.08801331, 0.89559525]]
)  # ITU-R BT.2087
_LUMINANCE = np.array([0.2658180370250449, 0.59846986045365, 0.1357121025213052]) @ _REC709_TO_REC2020
_INSET = np.array(
    [
        [0.856627153315983, 0.0951212405381588, 0.0482516061458583],
        [0.137318972929847, 0.761241990602591, 0.101439036467562],
        [0.11189821299995, 0.0767994186031903, 0.811302368396859],
    ]
)
_OUTSET = np.linalg.inv(
    [
        [0.899796955911611, 0.0871996192028351, 0.013003424885555],
        [0.11142098895748, 0.875575586156966, 0.0130034248855548],
        [0.11142098895748, 0.0871996192028349, 0.801379391839686],
    ]
)
_AGX_STOPS = (-10.0, 6.5)
_AGX_SLOPE, _AGX_HUE_SHIFT = 2.4, 0.4

_FILMIC_LOG2 = (-12.473931188, 4.026068812)
_FILMIC_CURVE = (
    0.00000, 0.00092, 0.00196, 0.00314, 0.00448, 0.00599, 0.00769, 0.00962, 0.01180, 0.01425, 0.01703, 0.02015,
    0.02368, 0.02765, 0.03211, 0.03713, 0.04277, 0.04910, 0.05618, 0.06411, 0.07296, 0.08282, 0.09378, 0.10595,
    0.11941, 0.13427, 0.15060, 0.16850, 0.18803, 0.20925, 0.23221, 0.25690, 0.28332, 0.31142, 0.34110, 0.37225,
    0.40471, 0.43826, 0.47267, 0.50757, 0.54240, 0.57722, 0.61175, 0.64566, 0.67869, 0.71058, 0.74109, 0.77004,
    0.79727, 0.82267, 0.84618, 0.86776, 0.88742, 0.90518, 0.92110, 0.93526, 0.94775, 0.95866, 0.96811, 0.97619,
    0.98303, 0.98873, 0.99340, 0.99712, 1.00000,
)  # fmt: skip
_FILMIC_BLEACH = (
    2e-5, 3.049e-4, 1.373e-3, 3.402e-3, 7.153e-3, 0.01402, 0.02655, 0.04935, 0.09077, 0.16599, 0.30254, 0.55034, 1.0
)  # fmt: skip
_FILMIC_BLEACH_LOG2 = (3.15107, 12.52607)


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
    inset = mixed(light, _INSET @ _REC709_TO_REC2020)
    low, high = _AGX_STOPS
    stops = torch.log2(inset.clamp_min(1e-10) / MID_GREY)
    formed = _sigmoid(((stops - low) / (high - low)).clamp_min(0)) ** 2.4
    formed = _turn_hue(formed, inset, 1 - _AGX_HUE_SHIFT)
    return linear_to_srgb(_into_srgb(mixed(formed, np.linalg.inv(_REC709_TO_REC2020) @ _OUTSET)))


def _sigmoid(x: Tensor) -> Tensor:
    """A curve through (0, 0), mid grey with slope 2.4, and (1, 1)."""
    low, high = _AGX_STOPS
    pivot_x, pivot_y = -low / (high - low), MID_GREY ** (1 / 2.4)

    def scale(room_x: float, room_y: float) -> float:
        reach = _AGX_SLOPE * room_x
        return (reach**-1.5 * ((reach / room_y) ** 1.5 - 1)) ** (-1 / 1.5)

    away = x - pivot_x
    above = torch.full_like(x, scale(1 - pivot_x, 1 - pivot_y))
    scales = torch.where(away >= 0, above, scale(pivot_x, pivot_y))
    t = _AGX_SLOPE * away.abs() / scales
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
    weights = torch.as_tensor(_LUMINANCE, dtype=rgb.dtype, device=rgb.device)[:, None, None]

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
    low, high = _FILMIC_LOG2
    top = light.amax(dim=1, keepdim=True)
    stops = torch.log2(top.clamp_min(1e-9))
    start, end = _FILMIC_BLEACH_LOG2
    bleach = _interpolated((stops - start) / (end - start), np.log(_FILMIC_BLEACH)).exp()
    light = light + torch.where(stops < start, 0.0, bleach) * (top - light)
    place = (torch.log2(light.clamp_min(2.0**low)) - low) / (high - low)
    return _interpolated(place, np.array(_FILMIC_CURVE))


def _interpolated(place: Tensor, values: np.ndarray) -> Tensor:
    """`values` at evenly spaced places from 0 to 1, linear between them and constant beyond."""
    table = torch.as_tensor(values, dtype=place.dtype, device=place.device)
    scaled = place.clamp(0, 1) * (len(values) - 1)
    index = scaled.floor().clamp_max(len(values) - 2)
    left = table[index.long()]
    return left + (scaled - index) * (table[index.long() + 1] - left)
