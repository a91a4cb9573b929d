# SPDX-License-Identifier: Apache-2.0
"""Paired geometry: one random crop and flip for composite, mask and real.

`RandomResizedCrop` with the mask-area retry and the horizontal flip of CharmNet's loader (bcmi/RdHarmony 9a647e8,
`data/`: crop again until the mask holds more than one pixel, except with probability 0.05). Difference: shrinking
averages areas instead of sampling bilinearly, so that 1080p renders do not alias at 256.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.data.options import DataConfig

MIN_MASK_PIXELS = 1.0
"""A crop counts as empty when its mask sums to this or less."""
KEEP_EMPTY = 0.05
"""Probability with which an empty crop is accepted."""
MAX_TRIES = 20
"""Crops tried before the whole image is taken; the original loops without bound."""


@dataclass(frozen=True)
class Crop:
    """A box in pixels and whether it is mirrored."""

    top: int
    left: int
    height: int
    width: int
    flip: bool = False


def sample_crop(
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    *,
    scale: tuple[float, float] = (0.5, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Crop:
    """A box of random area and aspect inside an image of `size_hw`, flipped with probability one half.

    Args:
        rng: Source of the choice.
        size_hw: Height and width of the image in pixels.
        scale: Range of the box's share of the image area.
        ratio: Range of width / height, drawn log-uniformly.
    """
    height, width = size_hw
    flip = bool(rng.random() < 0.5)
    for _ in range(10):
        area = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
            return Crop(top, left, h, w, flip)
    w, h = width, height  # the image is too narrow for the range: the largest box of an allowed aspect, centred
    if width / height < ratio[0]:
        h = max(1, min(height, round(width / ratio[0])))
    elif width / height > ratio[1]:
        w = max(1, min(width, round(height * ratio[1])))
    return Crop((height - h) // 2, (width - w) // 2, h, w, flip)


def sample_crop_with_foreground(rng: np.random.Generator, mask: NDArray, **options: tuple[float, float]) -> Crop:
    """As `sample_crop` for a mask (H, W) with 1.0 or the largest integer = foreground, retried while it is empty."""
    peak = np.iinfo(mask.dtype).max if np.issubdtype(mask.dtype, np.integer) else 1.0
    for _ in range(MAX_TRIES):
        crop = sample_crop(rng, (mask.shape[0], mask.shape[1]), **options)
        inside = mask[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        if inside.sum(dtype=np.float64) / peak > MIN_MASK_PIXELS or rng.random() < KEEP_EMPTY:
            return crop
    return Crop(0, 0, mask.shape[0], mask.shape[1])


def draw_crop(rng: np.random.Generator, mask: NDArray[np.unsignedinteger], data: DataConfig) -> Crop:
    """`sample_crop_with_foreground`, drawn again while the foreground's share of the crop is not as wanted."""
    crop = sample_crop_with_foreground(rng, mask, scale=data.crop_scale)
    if data.cover == (0.0, 1.0):
        return crop
    for _ in range(MAX_TRIES):
        inside = mask[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        if data.cover[0] <= inside.mean(dtype=np.float64) / np.iinfo(mask.dtype).max <= data.cover[1]:
            break
        crop = sample_crop_with_foreground(rng, mask, scale=data.crop_scale)
    return crop


def apply_crop(image: NDArray, crop: Crop, size: int) -> NDArray:
    """Cut `crop` out of (H, W[, C]) and resize it to (size, size[, C]), keeping the dtype."""
    box = image[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    box = resize(box, (size, size))
    return np.ascontiguousarray(box[:, ::-1]) if crop.flip else box


def resize(image: NDArray, size_hw: tuple[int, int]) -> NDArray:
    """Resize (H, W[, C]) keeping the dtype: area averaging when shrinking, bilinear when growing."""
    height, width = size_hw
    if image.shape[:2] == (height, width):
        return image
    shrinking = height <= image.shape[0] and width <= image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=method)
