# SPDX-License-Identifier: Apache-2.0
"""SSIM and fSSIM (Wang et al., "Image quality assessment", 2004) with the window, borders and range written down.

The repositories of this field use four variants, which differ in the third digit on one pair of images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.metrics.pixels import Image, Mask, check_shapes


@dataclass(frozen=True)
class SsimWindow:
    """Over which pixels the local means, variances and covariances are taken."""

    kind: Literal["gaussian", "uniform"] = "gaussian"
    """A gaussian of sigma 1.5, or a box."""
    side: int = 11
    """Side of the window in pixels, odd."""
    borders: Literal["inside", "zero"] = "inside"
    """`ssim` averages the pixels whose window lies inside the image, or all of them with zeros around it."""
    covariance: Literal["population", "sample"] = "population"
    """Divide by the number of samples, or by one less (scikit-image's default)."""

    def describe(self) -> str:
        """The choices in a few words."""
        edges = "windows inside the image" if self.borders == "inside" else "zeros around the image"
        return f"{self.kind} window {self.side}, {self.covariance} covariance, {edges}"


GAUSSIAN_11 = SsimWindow()
"""Wang et al.; pytorch_msssim's default, as PCT-Net, DCCF and INR use it."""


def ssim(image: Image, reference: Image, *, data_range: float, window: SsimWindow = GAUSSIAN_11) -> float:
    """Structural similarity: mean of `ssim_map` over channels and pixels; 1 for equal images, symmetric.

    Raises:
        InputError: shapes that differ, or a side shorter than the window.
    """
    return mean_inside(ssim_map(image, reference, data_range=data_range, window=window), window)


def fssim(image: Image, reference: Image, mask: Mask, *, data_range: float, window: SsimWindow = GAUSSIAN_11) -> float:
    """Mean of the SSIM map over the foreground, weighted by the mask; NaN when it is empty.

    Windows at the foreground's edge see the background, and those at the image's border see zeros, whatever
    `window.borders` says. Source: pytorch_ssim.py of bcmi/CDTNet-High-Resolution-Image-Harmonization@43a662b and of
    zhenglab/HarmonyTransformer@d8430b5.

    Raises:
        InputError: as `ssim`.
    """
    return mean_over(ssim_map(image, reference, data_range=data_range, window=window), mask)


def mean_inside(values: NDArray[np.float64], window: SsimWindow) -> float:
    """`ssim` of a map that is there already."""
    cut = window.side // 2 if window.borders == "inside" else 0
    return float(values[cut : len(values) - cut, cut : values.shape[1] - cut].mean())


def mean_over(values: NDArray[np.float64], mask: Mask) -> float:
    """`fssim` of a map that is there already."""
    area = float(np.sum(mask, dtype=np.float64))
    return float(np.sum(values.mean(axis=2) * mask)) / area if area > 0 else math.nan


def ssim_map(
    image: Image, reference: Image, *, data_range: float, window: SsimWindow = GAUSSIAN_11
) -> NDArray[np.float64]:
    """SSIM of every pixel and channel (H, W, 3), with zeros around the image; K1 = 0.01, K2 = 0.03.

    Raises:
        InputError: shapes that differ, or a side shorter than the window.
    """
    check_shapes(image, reference)
    side = (window.side, window.side)
    if min(image.shape[:2]) < window.side:
        raise InputError(
            f"SSIM needs images of at least {window.side}x{window.side} pixels but found {image.shape[:2]}"
        )
    x, y = image.astype(np.float64), reference.astype(np.float64)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    count = window.side**2
    unbiased = count / (count - 1) if window.covariance == "sample" else 1.0

    def average(array: NDArray[np.float64]) -> NDArray[np.float64]:
        if window.kind == "gaussian":
            blurred = cv2.GaussianBlur(array, side, 1.5, borderType=cv2.BORDER_CONSTANT)
        else:
            blurred = cv2.blur(array, side, borderType=cv2.BORDER_CONSTANT)
        return blurred.astype(np.float64, copy=False)

    mean_x, mean_y = average(x), average(y)
    variance_x = unbiased * (average(x * x) - mean_x**2)
    variance_y = unbiased * (average(y * y) - mean_y**2)
    covariance = unbiased * (average(x * y) - mean_x * mean_y)
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return numerator / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))
