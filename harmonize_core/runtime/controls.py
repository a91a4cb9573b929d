# SPDX-License-Identifier: Apache-2.0
"""Limits to what a harmonization does to colours: hues that stay, skin that changes less, a largest visible change.

The first two work on the foreground's own colours, before they are blended with what is behind them (`Adjust`); the
last one on finished pictures, band by band. All colours are linear light of BT.709 primaries if not said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import (
    linear_to_cielab,
    linear_to_oklab,
    linear_to_srgb,
    oklab_to_linear,
    srgb_to_linear,
)
from harmonize_core.runtime.difference import ciede2000
from harmonize_core.runtime.look import Adjust, Floats

GREYISH = 0.04
"""Oklab chroma up to which a colour counts as nearly grey: its hue is mostly noise, so it gains little chroma."""

SKIN_ANGLES = (5.0, 20.0, 70.0, 85.0)
"""Degrees of a colour (ln R/G, ln G/B): not skin, skin from here, to here, not skin. See `skin_likeness`."""

SKIN_DEPTHS = (0.04, 0.12, 1.2, 1.8)
"""The same for the distance from grey."""

SKIN_NOISE = 0.002
"""Light added to each channel, so that the colour of what is nearly black counts as grey."""

STEPS = 12
"""Halvings where a factor from 0 to 1 is searched: to 1/4096."""

BAND = 1 << 16
"""Pixels that are worked on at a time."""


def adjustment(keep_hue: bool, protect_skin: float, ceiling: float | None = 1.0) -> Adjust | None:
    """What `Look.over` and `apply_transform` call with each changed colour; None where nothing is asked for.

    Args:
        keep_hue: the hue of each colour stays (`with_hue_of`).
        protect_skin: how much less skin-like colours change: 0 as all others, 1 not at all.
        ceiling: as `Look.over`.
    """
    if not keep_hue and protect_skin == 0:
        return None

    def adjust(before: Floats, changed: Floats) -> Floats:
        if protect_skin:
            changed = before + (1 - np.float32(protect_skin) * skin_likeness(before)) * (changed - before)
        return with_hue_of(before, changed, ceiling) if keep_hue else changed

    return adjust


def with_hue_of(before: Floats, changed: Floats, ceiling: float | None = 1.0) -> Floats:
    """Colours with the lightness and chroma of `changed` and the hue of `before`, all linear (3, N).

    In Oklab: B. Ottosson, "A perceptual color space for image processing" (2020), where lines of one hue are straight.
    A colour that was nearly grey has no hue to keep, and a tint would only show its noise: its chroma is multiplied by
    (c' + c0) / (c + c0), c0 = GREYISH, which for coloured ones is about c' / c. What lies outside the gamut moves
    towards the grey of its lightness, so that clipping does not turn its hue.

    Args:
        before: not below 0.
        changed: not below 0.
        ceiling: the brightest channel allowed where `before` is not brighter; None: no limit.
    """
    old, new = linear_to_oklab(before.T), linear_to_oklab(changed.T)
    chroma, wanted = (np.hypot(lab[:, 1], lab[:, 2]) for lab in (old, new))
    tint = old[:, 1:] * ((wanted + GREYISH) / (chroma + GREYISH))[:, None]
    top = np.full(len(old), np.inf) if ceiling is None else np.maximum(before.max(axis=0), ceiling)
    lightness = np.minimum(new[:, 0], np.cbrt(top))

    def shown(factor: NDArray, which: NDArray | slice) -> Floats:
        return oklab_to_linear(np.column_stack([lightness[which], factor[:, None] * tint[which]]))

    result = shown(np.ones(len(old)), slice(None))
    outside = np.flatnonzero((result.min(axis=1) < -1e-6) | (result.max(axis=1) > top + 1e-6))

    def fits(factor: NDArray) -> NDArray[np.bool_]:
        light = shown(factor, outside)
        return (light.min(axis=1) >= -1e-6) & (light.max(axis=1) <= top[outside] + 1e-6)

    if len(outside):
        result[outside] = shown(_largest(fits, len(outside)), outside)
    return np.clip(result, 0, top[:, None]).astype(np.float32).T


def skin_likeness(rgb_linear: Floats) -> Floats:
    """How much colours (3, N) are like human skin: (N,) in [0, 1], the same at any exposure.

    Skin is white light filtered by melanin and blood, so that in (ln R/G, ln G/B), where shading drops out, all tones
    lie in one sector: lighter or darker ones nearer to or farther from grey, paler or redder ones at another angle.
    Tsumura, Haneishi and Miyake, "Independent-component analysis of skin color image" (JOSA A 1999), equations 1 to 4;
    the sector holds the ten tones of the Monk Skin Tone Scale (E. Monk, 2019: angles 28 to 66 degrees, distances 0.12
    to 0.97) and the two of the ColorChecker chart, with a soft margin. Wood, sand and brick lie in it too, and skin
    under strongly coloured light leaves it: no colour tells them apart.
    """
    red, green, blue = np.log(np.maximum(rgb_linear, 0) + np.float32(SKIN_NOISE))
    across, down = red - green, green - blue
    angle = np.degrees(np.arctan2(down, across))
    return (_plateau(angle, SKIN_ANGLES) * _plateau(np.hypot(across, down), SKIN_DEPTHS)).astype(np.float32)


def limit_change(before_srgb: Floats, after_srgb: Floats, largest: float) -> None:
    """Bring pixels of a picture back towards what they were until they differ by at most `largest`, in place.

    The way back is a straight line in linear light, so no colour leaves the gamut of the two; how far is found by
    halving, where the near end always keeps the limit.

    Args:
        before_srgb: (H, W, 3) sRGB.
        after_srgb: (H, W, 3) float32 sRGB; only pixels that exceed the limit are written.
        largest: CIEDE2000, 0 or more.
    """
    rows = max(1, BAND // max(1, before_srgb.shape[1]))
    for start in range(0, len(before_srgb), rows):
        before, after = before_srgb[start : start + rows], after_srgb[start : start + rows]
        moved = (before != after).any(axis=-1)
        if moved.any():
            after[moved] = _limited(before[moved], after[moved], largest)


def _limited(before_srgb: Floats, after_srgb: Floats, largest: float) -> Floats:
    """`limit_change` of colours (N, 3)."""
    old, new = srgb_to_linear(before_srgb), srgb_to_linear(after_srgb)
    lab = linear_to_cielab(old)
    far = np.flatnonzero(ciede2000(lab, linear_to_cielab(new)) > largest)
    old, step, lab = old[far], (new - old)[far], lab[far]

    def fits(factor: NDArray) -> NDArray[np.bool_]:
        return ciede2000(lab, linear_to_cielab(old + factor[:, None] * step)) <= largest

    result = after_srgb.copy()
    result[far] = linear_to_srgb(old + _largest(fits, len(far))[:, None] * step)
    return result


def _largest(fits: Callable[[NDArray], NDArray[np.bool_]], count: int) -> NDArray[np.float64]:
    """For each of `count` things the largest factor in [0, 1] that fits, where 0 does and 1 does not."""
    low, size = np.zeros(count), 1.0
    for _ in range(STEPS):
        size /= 2
        low += size * fits(low + size)
    return low


def _plateau(values: NDArray, corners: tuple[float, float, float, float]) -> NDArray:
    """0 outside the four corners, 1 between the inner two, smooth between."""
    nothing, low, high, end = corners
    up = np.clip((values - nothing) / (low - nothing), 0, 1)
    down = np.clip((end - values) / (end - high), 0, 1)
    inside = np.minimum(up, down)
    return inside * inside * (3 - 2 * inside)
