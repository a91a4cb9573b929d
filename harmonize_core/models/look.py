# SPDX-License-Identifier: Apache-2.0
"""A colour transform an artist could have made: a grade of the whole foreground, and a smooth map of local gains.

Both act on linear light. The grade is exposure, white balance and the ASC Color Decision List ("ASC CDL Transfer
Functions and Interchange Syntax", 2009: slope, offset, power, saturation), its power around middle grey. The map holds
the logarithm of a gain for shadows, mid-tones and highlights of each channel, and an offset, on a coarse grid: a
bilateral grid (Chen, Paris and Durand, SIGGRAPH 2007; Gharbi et al., "Deep Bilateral Learning", SIGGRAPH 2017) of three
levels of luminance, so that edges of the picture stay edges of the change.

`harmonize_core/runtime/look.py` is the same in NumPy, for pictures of any size; a test holds them to 1e-5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core.color import REC709_LUMINANCE
from harmonize_core.models.layers import resized
from harmonize_core.runtime.look import DARKEST, GRADE, MAP, MIDDLE_GREY, TONE_GAMMA, TONES

LIMITS = (4.0, 1.0, 0.4, *(0.1,) * 3, *(0.7,) * 3, 0.7)
"""Largest size of a grade's numbers: stops, natural logarithms, linear light, natural logarithms."""

UNITS = (1.0, 0.3, 0.15, *(0.02,) * 3, *(0.25,) * 3, 0.25)
"""What 1 of a network's raw numbers means in a grade: changes about as visible as each other. With one unit for all,
offsets, a hundredth of which is seen, run ahead of exposure while a network learns, and its pictures are foggy."""

MAP_LIMITS = (*(1.5,) * (3 * TONES), *(0.08,) * 3)
"""Of a map's: natural logarithms, linear light."""

MAP_UNITS = (*(0.4,) * (3 * TONES), *(0.01,) * 3)

assert (len(LIMITS), len(UNITS), len(MAP_LIMITS), len(MAP_UNITS)) == (GRADE, GRADE, MAP, MAP)


@dataclass(frozen=True)
class Look:
    """The transform of B foregrounds."""

    grade: Tensor
    """(B, 10) exposure in stops; temperature (half the log of red over blue); tint (log of green, negated); offset (3);
    log power (3); log saturation. Zeros are the identity."""
    map: Tensor
    """(B, 12, h, w) log gains of shadows (3), mid-tones (3) and highlights (3), offset (3); zeros are the identity."""

    def graded(self, rgb_linear: Tensor) -> Tensor:
        """The grade alone on linear colours (B, 3, H, W), not below 0."""
        return apply_grade(rgb_linear, self.grade)

    def apply(self, rgb_linear: Tensor) -> Tensor:
        """Grade, then map, on linear colours (B, 3, H, W) of any size, not below 0."""
        return apply_map(self.graded(rgb_linear), self.map)


def bounded(raw: Tensor, limits: tuple[float, ...], units: tuple[float, ...] | None = None) -> Tensor:
    """A network's numbers (B, C, ...), each times its unit (1 if not given), softly limited to +-limits."""
    limit = torch.tensor(limits, dtype=raw.dtype, device=raw.device).view(-1, *(1,) * (raw.dim() - 2))
    unit = torch.tensor(units or (1.0,), dtype=raw.dtype, device=raw.device).view(-1, *(1,) * (raw.dim() - 2))
    return limit * torch.tanh(raw * (unit / limit))


def apply_grade(rgb_linear: Tensor, grade: Tensor) -> Tensor:
    """Linear colours (B, 3, H, W) under grades (B, 10)."""
    slope, offset, power, saturation = cdl(grade)
    shape = (-1, 3, 1, 1)
    graded = (rgb_linear * slope.view(shape) + offset.view(shape)).clamp_min(DARKEST) ** power.view(shape)
    luma = luminance(graded)
    return (luma + saturation.view(-1, 1, 1, 1) * (graded - luma)).clamp_min(0.0)


def cdl(grade: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The ASC CDL that a grade (B, 10) is: slope, offset, power (B, 3) and saturation (B,), for linear light.

    White-balance gains keep the luminance of white. With `power` p around middle grey g, g ((s x + o) / g)^p is
    (k s x + k o)^p for k = g^(1/p - 1).
    """
    exposure, temperature, tint = grade[:, 0:1], grade[:, 1:2], grade[:, 2:3]
    gains = torch.exp(torch.cat([temperature, -tint, -temperature], dim=1))
    weights = torch.as_tensor(REC709_LUMINANCE, dtype=grade.dtype, device=grade.device)
    slope = torch.exp2(exposure) * gains / (gains * weights).sum(dim=1, keepdim=True)
    power = torch.exp(grade[:, 6:9])
    scale = MIDDLE_GREY ** (1 / power - 1)
    return slope * scale, grade[:, 3:6] * scale, power, torch.exp(grade[:, 9])


def apply_map(rgb_linear: Tensor, cells: Tensor) -> Tensor:
    """Linear colours (B, 3, H, W) under a map (B, 12, h, w), enlarged bilinearly."""
    full = resized(cells, (rgb_linear.shape[2], rgb_linear.shape[3]), "bilinear")
    gain = torch.stack([tone * full[:, 3 * n : 3 * n + 3] for n, tone in enumerate(tones(rgb_linear))]).sum(dim=0)
    return (rgb_linear * torch.exp(gain) + full[:, 3 * TONES :]).clamp_min(0.0)


def tones(rgb_linear: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How much of a shadow, a mid-tone and a highlight each of the colours (B, 3, H, W) is: (B, 1, H, W), sum 1."""
    level = luminance(rgb_linear).clamp(DARKEST, 1.0) ** (1 / TONE_GAMMA) * (TONES - 1)
    shadows, highlights = functional.relu(1 - level), functional.relu(level - 1)
    return shadows, 1 - shadows - highlights, highlights


def luminance(rgb_linear: Tensor) -> Tensor:
    """Relative luminance (B, 1, H, W) of linear colours (B, 3, H, W)."""
    weights = torch.as_tensor(REC709_LUMINANCE, dtype=rgb_linear.dtype, device=rgb_linear.device)
    return (rgb_linear * weights[:, None, None]).sum(dim=1, keepdim=True)


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """As `harmonize_core.color.srgb_to_linear`, for values not below 0."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(rgb_linear: Tensor) -> Tensor:
    """As `harmonize_core.color.linear_to_srgb`, for values not below 0; its slope is finite everywhere."""
    curve = 1.055 * rgb_linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(rgb_linear <= 0.0031308, rgb_linear * 12.92, curve)
