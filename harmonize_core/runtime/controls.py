# SPDX-License-Identifier: Apache-2.0
"""Limits to what a harmonization does to colours: hues that stay, skin that changes less, a largest visible change.

The first works on the foreground's own colours, before they are blended with what is behind them (`Adjust`); the others
on finished pictures, band by band. All colours are linear light of BT.709 primaries if not said otherwise.
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
from harmonize_core.runtime.resize import interpolation_matrix, resize
from harmonize_core.runtime.threads import workers

GREYISH = 0.04
"""Oklab chroma up to which a colour counts as nearly grey: its hue is mostly noise, so it gains little chroma."""

SKIN_ANGLES = (5.0, 20.0, 70.0, 85.0)
"""Degrees of a colour (ln R/G, ln G/B): not skin, skin from here, to here, not skin. See `skin_likeness`."""

SKIN_DEPTHS = (0.04, 0.1, 1.2, 1.8)
"""The same for the distance from grey."""

SKIN_NOISE = 0.001
"""Light added to each channel, so that the colour of what is nearly black counts as grey."""

SKIN_SIDE = 256
"""Longer side in pixels of the map of skin: what is smaller than its pixels is not told apart."""

SKIN_BLUR = 1.5
"""Standard deviation of its blur, in its pixels, so that noise and patterns leave no blotches."""

STEPS = 10
"""Halvings where a factor from 0 to 1 is searched: to 1/1024."""

BAND = 1 << 16
"""Pixels that are worked on at a time."""


def hue_keeper(ceiling: float | None = 1.0) -> Adjust:
    """`with_hue_of` as what `Look.over` and `apply_transform` call with each changed colour; ceiling as there."""

    def adjust(before: Floats, changed: Floats) -> Floats:
        return with_hue_of(before, changed, ceiling)

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
    """How much colours (3, ...) are like human skin: (...,) in [0, 1], the same at any exposure that is not black.

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


def skin_map(composite_srgb: Floats, mask: Floats) -> Floats:
    """Where a foreground looks like skin, softly: (h, w) in [0, 1] over the frame, its longer side SKIN_SIDE or less.

    Both the colours and the map are blurred inside the foreground, as keys in grading are: a decision for each pixel
    would show its noise.

    Args:
        composite_srgb: (H, W, 3) sRGB.
        mask: (H, W) in [0, 1], 1 = foreground.
    """
    shrink = max(1.0, max(mask.shape) / SKIN_SIDE)
    size = (max(1, round(mask.shape[0] / shrink)), max(1, round(mask.shape[1] / shrink)))
    down, across = (np.exp(-0.5 * (np.subtract.outer(np.arange(n), np.arange(n)) / SKIN_BLUR) ** 2) for n in size)
    inside = resize(mask.astype(np.float32), size)
    near = np.maximum(down @ inside @ across, 1e-6)
    colors = [down @ resize(composite_srgb[..., n] * mask, size) @ across / near for n in range(3)]
    skin = skin_likeness(srgb_to_linear(np.stack(colors)))
    return (down @ (skin * inside) @ across / near).astype(np.float32)


def protect(
    before_srgb: Floats, after_srgb: Floats, where: Floats, amount: float, *, threads: int | None = None
) -> None:
    """Take back a share of the change of a picture (H, W, 3), in linear light and in place.

    Args:
        before_srgb: (H, W, 3) sRGB.
        after_srgb: (H, W, 3) float32 sRGB; only pixels that changed are written.
        where: (h, w) in [0, 1], a map over the frame.
        amount: share that is taken back where the map is 1.
        threads: that work on it; None: one for each core.
    """
    height, width = before_srgb.shape[:2]
    across = amount * interpolation_matrix(where.shape[1], 0, width, width).T

    def work(rows: slice) -> None:
        before, after = before_srgb[rows], after_srgb[rows]
        moved = (before != after).any(axis=-1)
        if moved.any():
            taken = (interpolation_matrix(where.shape[0], rows.start, rows.stop, height) @ where @ across)[moved, None]
            old, new = srgb_to_linear(before[moved]), srgb_to_linear(after[moved])
            after[moved] = linear_to_srgb(new + np.minimum(taken, 1) * (old - new))

    _in_bands(work, before_srgb, threads)


def limit_change(before_srgb: Floats, after_srgb: Floats, largest: float, *, threads: int | None = None) -> None:
    """Bring pixels of a picture back towards what they were until they differ by at most `largest`, in place.

    The way back is a straight line in linear light, so no colour leaves the gamut of the two; how far is found by
    halving, where the near end always keeps the limit.

    Args:
        before_srgb: (H, W, 3) sRGB.
        after_srgb: (H, W, 3) float32 sRGB; only pixels that exceed the limit are written.
        largest: CIEDE2000, 0 or more.
        threads: that work on it; None: one for each core.
    """

    def work(rows: slice) -> None:
        before, after = before_srgb[rows], after_srgb[rows]
        moved = (before != after).any(axis=-1)
        if moved.any():
            after[moved] = _limited(before[moved], after[moved], largest)

    _in_bands(work, before_srgb, threads)


def _in_bands(work: Callable[[slice], None], picture: Floats, threads: int | None) -> None:
    """Work on rows of about BAND pixels each."""
    height, width = picture.shape[:2]
    step = max(1, BAND // max(1, width))
    bands = [slice(start, min(start + step, height)) for start in range(0, height, step)]
    with workers(threads, height * width) as each:
        list(each(work, bands))


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
