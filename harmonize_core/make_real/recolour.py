# SPDX-License-Identifier: Apache-2.0
"""Change the look of a foreground: Oklab statistics of another foreground, then exposure, white balance, tone.

The transfer of mean and standard deviation is Reinhard et al., "Color Transfer between Images" (2001), as iHarmony4 was
made (Cong et al., "DoveNet", CVPR 2020, section 3), in Oklab instead of their L-alpha-beta, with a drawn strength.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core import color_transfer
from harmonize_core.color import linear_to_oklab, linear_to_srgb, oklab_to_linear, srgb_to_linear
from harmonize_core.color_transfer import Statistics, match_statistics

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """What is done to a foreground, in this order."""

    strength: float
    """Share of the way to the donor's statistics, 0..1."""
    exposure_ev: float
    """Stops added in linear light."""
    gains: tuple[float, float, float]
    """White-balance factors of linear R, G, B; their luminance-weighted mean is about 1."""
    gamma: float
    """Exponent on Oklab lightness: below 1 lifts the mid-tones."""
    contrast: float
    """Slope of an S-curve on Oklab lightness around the foreground's mean."""
    saturation: float
    """Factor on Oklab a and b."""


def statistics(rgb_srgb: Floats, mask: Floats) -> Statistics:
    """Oklab statistics of the pixels with mask >= 0.5 of an (H, W, 3) sRGB image."""
    return color_transfer.statistics(linear_to_oklab(srgb_to_linear(rgb_srgb[mask >= 0.5])))


def sample_look(rng: np.random.Generator) -> Look:
    """A look: mostly a strong transfer, with moderate camera-like changes on top."""
    warm, tint = rng.normal(0, 0.10), rng.normal(0, 0.04)
    return Look(
        strength=float(rng.uniform(0.35, 1.0)),
        exposure_ev=float(np.clip(rng.normal(0, 0.5), -1.2, 1.2)),
        gains=(float(np.exp(warm)), float(np.exp(tint)), float(np.exp(-warm))),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        contrast=float(np.exp(rng.normal(0, 0.15))),
        saturation=float(np.exp(rng.normal(0, 0.15))),
    )


def recolour(rgb_srgb: Floats, own: Statistics, donor: Statistics, look: Look) -> Floats:
    """The whole image (H, W, 3) sRGB under `look`, unclipped; only its foreground is meant to be used.

    Ratios of standard deviations are limited to [0.5, 2]: flat foregrounds would blow up noise.
    """
    lab = linear_to_oklab(srgb_to_linear(rgb_srgb))
    target = match_statistics(lab, own, donor, ratio_limits=(0.5, 2.0))
    lab = lab + look.strength * (target - lab)
    linear = np.maximum(oklab_to_linear(lab), 0) * np.float32(2.0**look.exposure_ev) * np.array(look.gains, np.float32)
    lab = linear_to_oklab(linear)
    lightness = np.clip(lab[..., 0], 0, None) ** look.gamma
    pivot = float(np.clip(own.mean[0] + look.strength * (donor.mean[0] - own.mean[0]), 0.2, 0.8))
    lab[..., 0] = np.maximum(pivot + look.contrast * (lightness - pivot), 0)
    lab[..., 1:] *= look.saturation
    return linear_to_srgb(oklab_to_linear(lab))


def why_implausible(before_srgb: Floats, after_srgb: Floats, mask: Floats) -> str | None:
    """Why a recoloured foreground would not pass for a photograph of another day, or None when it would.

    Checks on the pixels with mask >= 0.5: values cut off at either end, darkness, glare, lost contrast, garish colours,
    and a change too small or too large to teach anything.
    """
    inside = mask >= 0.5
    before, after = before_srgb[inside], after_srgb[inside]
    outside_gamut = float(((after < -0.02) | (after > 1.02)).mean() - ((before <= 0) | (before >= 1)).mean())
    if outside_gamut > 0.06:
        return "cut-off"
    lab, old = linear_to_oklab(srgb_to_linear(np.clip(after, 0, 1))), linear_to_oklab(srgb_to_linear(before))
    if not 0.15 < lab[:, 0].mean() < 0.92:
        return "too dark or too bright"
    if lab[:, 0].std() < 0.45 * old[:, 0].std():
        return "contrast lost"
    if np.percentile(np.hypot(lab[:, 1], lab[:, 2]), 95) > 0.28:
        return "garish"
    error = float(((np.clip(after, 0, 1) - before) ** 2).mean()) * 255**2
    if error < 60:
        return "unchanged"
    return "too far" if error > 6000 else None
