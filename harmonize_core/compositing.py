# SPDX-License-Identifier: Apache-2.0
"""Compositing in linear light with soft coverage: over, unpremultiply, and the exchange of foregrounds.

Images are (H, W, 3) float32 linear, coverage is (H, W) in [0, 1] with 1 = foreground. Sources: Porter & Duff,
"Compositing Digital Images" (SIGGRAPH 1984); the colours behind a soft edge are estimated by pull-push interpolation
(Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4) and corrected by the pixel itself (Chuang et al., 2001).
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
        image: (H, W, C) linear.
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


@dataclass(frozen=True)
class SoftLight:
    """The pure colours of the N pixels of one picture that foreground and background share, each (N, 3) linear."""

    foreground: Floats
    """Without any background in it."""
    background: Floats
    """The other way round."""


NEARLY_OPAQUE = 0.9
"""Pixels of more coverage, with none of less beside them, tell what the foreground looks like, once the little
background is taken off: of glass, which is a bit transparent all over, there is nothing better."""
LOCAL_SPREAD = 0.1
"""Colours next to an unmixed one are taken to vary by at least this share of it."""
COVERAGE_ERROR = (0.02, 0.3)
"""Standard deviation of coverage, as a + b * coverage * (1 - coverage): it is rendered with some 64 samples a pixel and
not denoised, as the picture is."""


def separate(image_linear: Floats, coverage: Floats) -> SoftLight:
    """Estimate the pure colours of the soft pixels of (H, W, 3); channels (H, W, 1) may come one by one.

    First guesses continue the nearest unmixed pixels (`extrapolate`). The pixel itself, c = a F + (1 - a) B, corrects
    them by Bayes' rule: Chuang et al., "A Bayesian Approach to Digital Matting" (CVPR 2001), equation 9 for known
    coverage and one channel at a time, where it is a Kalman update. Where colours around vary much (hair, labels on
    glass, a hand before a skirt) the pixel decides, where they are flat their continuation does. Uncertainty of
    coverage is counted as noise in proportion to |F - B|, so that no dark or bright rim appears where a foreground
    in daylight is put before night.
    """
    soft = soft_pixels(coverage)
    alpha = coverage[soft][:, None]
    background, variance_b, everywhere = _continued(image_linear, (coverage <= 0).astype(np.float32), soft)
    opacity = np.maximum(coverage, 0.5)[..., None]
    cleared = np.maximum((image_linear - (1 - opacity) * everywhere) / opacity, 0)
    cleared = np.where(coverage[..., None] >= OPAQUE, image_linear, cleared).astype(np.float32)
    foreground, variance_f, _ = _continued(cleared, trust_foreground(coverage), soft)
    surprise = image_linear[soft] - alpha * foreground - (1 - alpha) * background
    noise = (COVERAGE_ERROR[0] + COVERAGE_ERROR[1] * alpha * (1 - alpha)) * (foreground - background)
    gain = surprise / (alpha**2 * variance_f + (1 - alpha) ** 2 * variance_b + noise**2 + 1e-8)
    brightest = image_linear.max(initial=0.0)
    return SoftLight(
        np.clip(foreground + alpha * variance_f * gain, 0, brightest).astype(np.float32),
        np.clip(background + (1 - alpha) * variance_b * gain, 0, brightest).astype(np.float32),
    )


def trust_foreground(coverage: Floats) -> Floats:
    """How much each pixel (H, W) tells of the foreground alone; without any opaque one, those with most of it."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(coverage, 1, mode="edge"), (3, 3))
    inside = around.min(axis=(2, 3)) >= NEARLY_OPAQUE - COVERAGE_ERROR[0]
    trust = np.clip((coverage - NEARLY_OPAQUE) / (OPAQUE - NEARLY_OPAQUE), 0, 1) ** 2
    trust = np.where(inside | (coverage >= OPAQUE), trust, 0).astype(np.float32)
    return trust if trust.any() else coverage**2


def _continued(image: Floats, trust: Floats, where: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Mean and variance (N, C) at some pixels of what is continued from trusted ones, and the mean (H, W, C)."""
    moments = extrapolate(np.concatenate([image, image**2], axis=2), trust)
    count = image.shape[2]
    mean = moments[where][:, :count]
    variance = np.maximum(moments[where][:, count:] - mean**2, (LOCAL_SPREAD * mean) ** 2) + 1e-7
    return mean, variance, moments[..., :count]


def mix(real: SoftLight, donor: SoftLight, coverage: Floats) -> Floats:
    """Soft pixels (N, 3) with the donor's foreground before the real background, under coverage (N,)."""
    alpha = coverage[:, None]
    return alpha * donor.foreground + (1 - alpha) * real.background


def exchange_foreground(real_linear: Floats, donor_linear: Floats, coverage: Floats) -> Floats:
    """Put the donor's foreground into the real image: the composite of two renders of one view.

    At a soft edge both renders mix foreground and background. Blending them again would leave a halo of the donor's
    background, so the pure colours are separated first (`separate`).

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
