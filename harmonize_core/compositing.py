# SPDX-License-Identifier: Apache-2.0
"""Compositing in linear light with soft coverage: over, unpremultiply, and the exchange of foregrounds.

Images are (H, W, 3) float32 linear, coverage is (H, W) in [0, 1] with 1 = foreground. Sources: Porter & Duff,
"Compositing Digital Images" (SIGGRAPH 1984); the colours behind a soft edge are estimated by pull-push interpolation
(Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4), in the spirit of Germer et al., "Fast Multi-Level
Foreground Estimation" (2020), simplified because coverage of a render is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OPAQUE = 0.999
"""Coverage from which a pixel counts as wholly foreground; render filters leave values just below 1."""


def over(foreground_premultiplied: Floats, coverage: Floats, background: Floats) -> Floats:
    """Porter-Duff over; pixels with coverage 0 are the background's, bit for bit."""
    blended = foreground_premultiplied + (1 - coverage[..., None]) * background
    return np.where(coverage[..., None] > 0, blended, background).astype(np.float32)


def unpremultiply(foreground_premultiplied: Floats, coverage: Floats) -> Floats:
    """Straight colour of a premultiplied image; 0 where coverage is 0."""
    alpha = coverage[..., None]
    return np.where(alpha > 0, foreground_premultiplied / np.maximum(alpha, 1e-6), 0).astype(np.float32)


def extrapolate(image: Floats, weight: Floats) -> Floats:
    """Fill the pixels of weight 0 smoothly from those of weight 1 (pull-push); fractional weights are blended.

    Args:
        image: (H, W, 3) linear.
        weight: (H, W) in [0, 1], how much each pixel is to be trusted. All zero returns the image unchanged.
    """
    height, width = weight.shape
    if not weight.any():
        return image.astype(np.float32)
    if min(height, width) <= 1:
        mean = (image * weight[..., None]).sum((0, 1)) / weight.sum()
        return (weight[..., None] * image + (1 - weight[..., None]) * mean).astype(np.float32)
    pad = ((0, height % 2), (0, width % 2))
    weighted = np.pad(image * weight[..., None], (*pad, (0, 0)))
    total = _pool(np.pad(weight, pad))
    coarse = _pool(weighted) / np.maximum(total, 1e-9)[..., None]
    filled = _grow(extrapolate(coarse, np.minimum(total * 4, 1)), height, width)
    return (weight[..., None] * image + (1 - weight[..., None]) * filled).astype(np.float32)


def soft_pixels(coverage: Floats) -> NDArray[np.bool_]:
    """Where foreground and background share a pixel; boolean (H, W)."""
    return (coverage > 0) & (coverage < OPAQUE)


def trust_foreground(coverage: Floats) -> Floats:
    """Weights (H, W) of the pixels that show the foreground alone; without any, those that show most of it."""
    opaque = coverage >= OPAQUE
    return opaque.astype(np.float32) if opaque.any() else coverage**2


@dataclass(frozen=True)
class SoftLight:
    """The N pixels of one picture that foreground and background share, each (N, 3) linear."""

    mixed: Floats
    """As they are."""
    foreground: Floats
    """An estimate without any background in it."""
    background: Floats
    """An estimate the other way round."""


def separate(image_linear: Floats, coverage: Floats) -> SoftLight:
    """Estimate the pure colours of the soft pixels of (H, W, 3) from the nearest pixels that are not mixed."""
    soft = soft_pixels(coverage)
    foreground = extrapolate(image_linear, trust_foreground(coverage))[soft]
    background = extrapolate(image_linear, (coverage <= 0).astype(np.float32))[soft]
    return SoftLight(image_linear[soft], foreground, background)


def mix(real: SoftLight, donor: SoftLight, coverage: Floats) -> Floats:
    """Soft pixels (N, 3) with the donor's foreground before the real background, under coverage (N,).

    With coverage a, pure colours F and B, and the pixels themselves r = a Fr + (1 - a) Br and d = a Fd + (1 - a) Bd,

        a Fd + (1 - a) Br = a d + (1 - a) r + a (1 - a) ((Fd - Fr) + (Br - Bd)).

    On the right, pure colours enter as differences of two lights only: an error of texture, the same in both, cancels.
    So glass, hair and thin straps keep their own pixels, a picture exchanged with itself stays as it is, and nothing
    jumps where coverage reaches 0 or 1. The left side would paint over all of them with what lies beside.
    """
    alpha = coverage[:, None]
    moved = (donor.foreground - real.foreground) + (real.background - donor.background)
    mixed = alpha * donor.mixed + (1 - alpha) * real.mixed + alpha * (1 - alpha) * moved
    brightest = np.maximum.reduce([donor.mixed, real.mixed, donor.foreground, real.background])
    return np.clip(mixed, 0.0, brightest).astype(np.float32)


def exchange_foreground(real_linear: Floats, donor_linear: Floats, coverage: Floats) -> Floats:
    """Put the donor's foreground into the real image: the composite of two renders of one view.

    At a soft edge both renders mix foreground and background. Blending them by coverage would leave a halo of the
    donor's background; `mix` says what is done instead.

    Args:
        real_linear: (H, W, 3) linear render whose background is kept, not below 0.
        donor_linear: (H, W, 3) linear render of the same view whose foreground is taken, not below 0.
        coverage: (H, W) in [0, 1].

    Returns:
        (H, W, 3) linear composite: the real image where coverage is 0 and the donor where it is opaque, bit for bit.
    """
    composite = np.where((coverage >= OPAQUE)[..., None], donor_linear, real_linear).astype(np.float32)
    soft = soft_pixels(coverage)
    composite[soft] = mix(separate(real_linear, coverage), separate(donor_linear, coverage), coverage[soft])
    return composite


def _pool(array: Floats) -> Floats:
    """Mean of 2x2 blocks over the first two axes, both even."""
    return 0.25 * (array[::2, ::2] + array[1::2, ::2] + array[::2, 1::2] + array[1::2, 1::2])


def _grow(array: Floats, height: int, width: int) -> Floats:
    """Bilinear upsampling by two over the first two axes, cropped to (height, width)."""
    for axis in (0, 1):
        near = np.repeat(array, 2, axis=axis)
        ends = np.take(array, [0, -1], axis=axis)
        first, last = np.split(ends, 2, axis=axis)
        before = np.repeat(np.concatenate([first, array], axis=axis), 2, axis=axis)
        after = np.repeat(np.concatenate([array, last], axis=axis), 2, axis=axis)
        count = near.shape[axis]
        even = np.arange(count) % 2 == 0
        even = even[:, None, None] if axis == 0 else even[None, :, None]
        side = np.where(even, _head(before, count, axis), _tail(after, count, axis))
        array = 0.75 * near + 0.25 * side
    return array[:height, :width]


def _head(array: Floats, count: int, axis: int) -> Floats:
    return np.take(array, np.arange(count), axis=axis)


def _tail(array: Floats, count: int, axis: int) -> Floats:
    return np.take(array, np.arange(2, count + 2), axis=axis)
