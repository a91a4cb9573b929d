# SPDX-License-Identifier: Apache-2.0
"""Six editing filters with one argument in [-1, 1] each, 0 leaving the picture as it is; differentiable in both.

Ke et al., "Harmonizer: Learning to Perform White-Box Image and Video Harmonization" (ECCV 2022), as in
ZHKKKe/Harmonizer 48ecd70, `src/model/filter.py`. Pictures are (B, 3, H, W) sRGB in [0, 1], arguments (B, 1, 1, 1);
every filter clamps to [0, 1].
Changed: the rounding in `contrast` passes gradients as if it were not there (the released code gives a positive
contrast none); `brightness` scales the channels, which is what scaling V in HSV does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

EPS = 1e-6

Filter = Callable[[Tensor, Tensor], Tensor]


def _channel_means(image: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 3, 1, 1), summed by rows first: a full contrast multiplies the mean's rounding by 254, and
    ONNX Runtime adds up all of a picture's pixels in one float32."""
    return image.mean(dim=3, keepdim=True).mean(dim=2, keepdim=True)


def temperature(image: Tensor, x: Tensor) -> Tensor:
    """Warmer for x > 0, cooler for x < 0: balance the channels as if their means were bluer or redder by x."""
    mean = _channel_means(image)
    size = x.abs()
    zero = torch.zeros_like(x)
    shift = torch.cat([torch.where(x < 0, size, zero), 0.5 * size, torch.where(x > 0, size, zero)], dim=1)
    shifted = mean + shift
    before = mean.mean(dim=1, keepdim=True) / (mean + EPS)
    after = shifted.mean(dim=1, keepdim=True) / (shifted + EPS)
    return (image * (1 + after - before)).clamp(0.0, 1.0)


def brightness(image: Tensor, x: Tensor) -> Tensor:
    """All channels times 1 / (1 - x) for x >= 0, times 1 + x below."""
    return (image * torch.where(x >= 0, 1 / (1 - x + EPS), 1 + x)).clamp(0.0, 1.0)


def contrast(image: Tensor, x: Tensor) -> Tensor:
    """Stretch about the picture's mean value: by 255 / (256 - floor(255 x)) for x > 0, by 1 + x otherwise."""
    steps = 255 * x
    steps = steps + (steps.floor() - steps).detach()
    stretch = torch.where(x > 0, 255 / (256 - steps) - 1, x)
    mean = _channel_means(image).mean(dim=1, keepdim=True)
    return (image + (image - mean) * stretch).clamp(0.0, 1.0)


def saturation(image: Tensor, x: Tensor) -> Tensor:
    """Stretch each pixel about its lightness (maximum + minimum) / 2: by 1 + x below 0, at most to full above."""
    low, high = image.amin(dim=1, keepdim=True), image.amax(dim=1, keepdim=True)
    total = high + low
    mean = total / 2
    own = (high - low) / (torch.where(mean < 0.5, total, 2 - total) + EPS)
    more = 1 / (torch.where(x + own > 1, own, 1 - x) + EPS) - 1
    stretched = torch.where(x >= 0, image + (image - mean) * more, mean + (image - mean) * (1 + x))
    return stretched.clamp(0.0, 1.0)


def highlight(image: Tensor, x: Tensor) -> Tensor:
    """1 - (1 - image)^(1 + x): x > 0 lifts the light tones."""
    return (1 - (1 - image + 1e-9).pow(1 + x).clamp(0.0, 1.0)).clamp(0.0, 1.0)


def shadow(image: Tensor, x: Tensor) -> Tensor:
    """image^(1 - x): x > 0 lifts the dark tones."""
    return (image + 1e-9).pow(1 - x).clamp(0.0, 1.0)


FILTERS: tuple[Filter, ...] = (temperature, brightness, contrast, saturation, highlight, shadow)
"""In the order in which a picture is harmonized."""


def restore(image: Tensor, mask: Tensor, arguments: Tensor) -> list[Tensor]:
    """Apply the six filters one after the other; each result pasted on the picture by the mask.

    Args:
        image: (B, 3, H, W).
        mask: (B, 1, H, W); pixels with mask 0 stay as they are, bit for bit.
        arguments: (B, 6), in [-1, 1].
    """
    return _chain(image, mask, arguments, list(enumerate(FILTERS)))


def adjust(image: Tensor, mask: Tensor, arguments: Tensor) -> list[Tensor]:
    """The same in the opposite order: how a real picture is made into a composite with known steps back."""
    return _chain(image, mask, arguments, list(enumerate(FILTERS))[::-1])


def _chain(image: Tensor, mask: Tensor, arguments: Tensor, steps: list[tuple[int, Filter]]) -> list[Tensor]:
    filtered, pasted = image, []
    for place, apply in steps:
        filtered = apply(filtered, arguments[:, place, None, None, None])
        pasted.append(filtered * mask + image * (1 - mask))
    return pasted
