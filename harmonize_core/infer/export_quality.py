# SPDX-License-Identifier: Apache-2.0
"""What storing weights in fewer bits changes in pictures: decibels between two files of one network."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.formats.images import read_image, read_mask
from harmonize_core.runtime.look_session import LookHarmonizer
from harmonize_core.runtime.resize import resize
from harmonize_core.runtime.session import Harmonizer

Floats = NDArray[np.float32]

PHOTOS = Path(__file__).parents[1] / "photos"

CHANGE = np.array([0.72, 0.8, 0.9], np.float32)
"""Of the foregrounds, so that there is something to harmonize: darker and bluer, in sRGB."""


def photographs(size: int, count: int = 8) -> list[tuple[Floats, Floats]]:
    """Photographs that come with the package, their foregrounds changed by `CHANGE`.

    Args:
        size: side S in pixels.
        count: how many, from the first by name on.

    Returns:
        Composites (S, S, 3), sRGB in [0, 1], and masks (S, S) in [0, 1].
    """
    pairs = []
    for file in sorted(PHOTOS.glob("*.jpg"))[:count]:
        mask = np.clip(resize(read_mask(file.with_name(f"{file.stem}_mask.png")), (size, size)), 0, 1)
        photo = np.clip(resize(read_image(file), (size, size)), 0, 1)
        pairs.append(((photo * (1 - mask[..., None] * (1 - CHANGE))).astype(np.float32), mask.astype(np.float32)))
    return pairs


def decibels(
    first: Harmonizer | LookHarmonizer, second: Harmonizer | LookHarmonizer, pairs: list[tuple[Floats, Floats]]
) -> float:
    """fPSNR between what two networks make of pictures: of the mean squared difference over all foregrounds, range 1.

    Infinite where they make the same.
    """
    total = weight = 0.0
    for composite, mask in pairs:
        difference = first.network(composite, mask) - second.network(composite, mask)
        total += float((np.square(difference).mean(axis=2) * mask).sum(dtype=np.float64))
        weight += float(mask.sum(dtype=np.float64))
    return 10 * math.log10(weight / total) if total else math.inf
