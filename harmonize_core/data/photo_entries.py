# SPDX-License-Identifier: Apache-2.0
"""Photographs in the decoded cache: what a sample is cut out of and judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import srgb_to_linear
from harmonize_core.data.cache import Recipe
from harmonize_core.data.photos import Photo
from harmonize_core.data.transforms import resize
from harmonize_core.errors import InputError
from harmonize_core.formats.images import check_same_size, read_image, read_mask, to_uint8

SAMPLE = 512
"""Colours that stand for a foreground."""
SMALL = 96
"""Longest side in pixels of the mask that light from one side is worked out on: it is smooth."""


def recipe(size: int) -> Recipe[Photo]:
    """How a photograph becomes an entry of the decoded cache for training pictures of `size` pixels.

    Photographs are shrunk to a shorter side of 3/2 S first: the smallest usual crop then still has S.
    """
    return Recipe(f"photograph/1/{3 * size // 2}", lambda p: [p.image, p.mask], lambda photo: decode(photo, size))


def decode(photo: Photo, size: int) -> dict[str, NDArray]:
    """The arrays of an entry.

    Returns:
        picture, mask: (H, W, 3) and (H, W) uint8.
        colors: (N, 3) float32, linear colours evenly taken from the foreground, N at most `SAMPLE`.
        places: (N, 2) int32, their rows and columns in `small`.
        small: (h, w) uint8, the mask with its longest side at most `SMALL`.

    Raises:
        InputError: a file is missing or damaged, the sizes differ, or the mask marks no foreground.
    """
    image, mask = read_image(photo.image), read_mask(photo.mask)
    check_same_size(image, photo.image, mask, photo.mask)
    height, width = mask.shape
    factor = 1.5 * size / min(height, width)
    if factor < 1:
        target = (round(height * factor), round(width * factor))
        image, mask = resize(image, target), resize(mask, target)
    if not (mask >= 0.5).any():
        raise InputError(f"{photo.mask} should mark a foreground but no pixel is 0.5 or more; draw the mask again")
    return masked(to_uint8(image), to_uint8(mask))


def masked(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> dict[str, NDArray]:
    """The arrays of an entry (`decode`), of a picture (H, W, 3) and any mask (H, W) that has a pixel of 128 or more."""
    height, width = mask.shape
    shrink = min(1.0, SMALL / max(height, width))
    small = resize(mask, (max(1, round(height * shrink)), max(1, round(width * shrink))))
    solid = np.flatnonzero(mask >= 128)
    chosen = solid[np.linspace(0, len(solid) - 1, min(len(solid), SAMPLE)).astype(np.int64)]
    rows, columns = np.divmod(chosen, width)
    return {
        "picture": picture,
        "mask": mask,
        "colors": srgb_to_linear(picture[rows, columns] / np.float32(255)).astype(np.float32),
        "places": np.stack(
            [
                np.minimum(rows * small.shape[0] // height, small.shape[0] - 1),
                np.minimum(columns * small.shape[1] // width, small.shape[1] - 1),
            ],
            axis=1,
        ).astype(np.int32),
        "small": small,
    }
