# SPDX-License-Identifier: Apache-2.0
"""A triplet (composite, mask, real) as files and as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.images import check_same_size, read_image, read_mask
from harmonize_core.formats.member import ImageFile

Domain = Literal["photographic", "rendered"]


@dataclass(frozen=True)
class TripletPaths:
    """Where one triplet lies and what is known about it."""

    composite: ImageFile
    mask: ImageFile
    real: ImageFile
    domain: Domain
    group: str
    """What must not straddle a split: the 3D scene of a render, the photograph of a photographic triplet."""
    style_soft: tuple[float, ...] | None = None
    """Share of each of the 10 capture conditions in the composite; rendered triplets only."""
    style_hard: int | None = None
    """Capture condition 1..10 of the real image; rendered triplets only."""


@dataclass(frozen=True)
class Triplet:
    """Arrays of one size: images (H, W, 3) float32 sRGB in [0, 1], mask (H, W) float32, 1 = foreground."""

    composite: NDArray[np.float32]
    mask: NDArray[np.float32]
    real: NDArray[np.float32]


def load_triplet(paths: TripletPaths) -> Triplet:
    """Read the three files.

    Raises:
        InputError: a file is missing or damaged, the sizes differ, or the mask holds no foreground.
    """
    composite, real, mask = read_image(paths.composite), read_image(paths.real), read_mask(paths.mask)
    check_same_size(composite, paths.composite, mask, paths.mask)
    check_same_size(real, paths.real, mask, paths.mask)
    if not (mask >= 0.5).any():
        raise InputError(f"{paths.mask} should mark a foreground but no pixel is 0.5 or more; draw the mask again")
    return Triplet(composite, mask, real)
