# SPDX-License-Identifier: Apache-2.0
"""Squared errors and their decibels: `mse`, `fmse`, `psnr`, `fpsnr`.

Images are (H, W, 3) arrays of one scale, masks (H, W) in [0, 1] with 1 = foreground; `data_range` is the distance
between black and white in that scale (255 for the numbers papers print) and is never guessed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError

Image = NDArray[np.floating] | NDArray[np.uint8]
Mask = NDArray[np.floating]


def mse(image: Image, reference: Image) -> float:
    """Mean squared error over all pixels and channels, background included, in the images' own scale.

    Symmetric; 0 for equal images; equals fg_ratio * fmse when the mask is binary and the backgrounds are equal.
    """
    return float(np.mean(_squared_error(image, reference)))


def masked_mse(image: Image, reference: Image, mask: Mask) -> float:
    """sum(m e^2) / (3 H W): the "MSE" of PCT-Net, DCCF, AICT and INR, to which the background adds nothing.

    Source: rakutentech/PCT-Net-Image-Harmonization@1572176, iharm/inference/metrics.py. Their SE is this sum in
    millions: masked_mse * 3 H W / 1e6. A soft edge counts by the mask, not by its square.
    """
    return float(np.mean(_squared_error(image, reference) * mask[..., None]))


def fmse(image: Image, reference: Image, mask: Mask) -> float:
    """Foreground MSE: sum(m e^2) / (3 sum(m)); NaN when the mask is empty. The background does not reach it.

    Source: SamsungLabs/image_harmonization@4d16b12, iharm/inference/metrics.py, without the 1e-6 that is added to the
    area there. CharmNet and Harmonizer multiply by the mask before they square (m^2), which is the same for their
    binary masks only; HarmonyTransformer does so, too.
    """
    error = _squared_error(image, reference)
    area = float(np.sum(mask, dtype=np.float64)) * error.shape[2]
    return float(np.sum(error * mask[..., None])) / area if area > 0 else math.nan


def psnr_of(mean_squared_error: float, *, data_range: float) -> float:
    """10 log10(data_range^2 / MSE) in dB; infinite for identical images, NaN for an undefined error."""
    if math.isnan(mean_squared_error):
        return math.nan
    if mean_squared_error <= 0:
        return math.inf
    return 10 * math.log10(data_range**2 / mean_squared_error) if data_range > 0 else -math.inf


def psnr(image: Image, reference: Image, *, data_range: float) -> float:
    """Peak signal-to-noise ratio over the whole image, in dB; unchanged when images and range are scaled together."""
    return psnr_of(mse(image, reference), data_range=data_range)


def fpsnr(image: Image, reference: Image, mask: Mask, *, data_range: float) -> float:
    """PSNR of the foreground MSE, in dB; NaN when the mask is empty."""
    return psnr_of(fmse(image, reference, mask), data_range=data_range)


def check_shapes(image: Image, reference: Image) -> None:
    """Refuse two images that cannot be compared.

    Raises:
        InputError: shapes that differ, or are not (H, W, 3).
    """
    if image.shape != reference.shape or image.ndim != 3:
        raise InputError(
            f"two images of equal shape (H, W, 3) should be compared but {image.shape} and {reference.shape} were given"
        )


def _squared_error(image: Image, reference: Image) -> NDArray[np.float64]:
    check_shapes(image, reference)
    return (image.astype(np.float64) - reference.astype(np.float64)) ** 2
