# SPDX-License-Identifier: Apache-2.0
"""MSE, fMSE, PSNR and SSIM with every choice written down, because published numbers share names, not definitions.

Images are (H, W, 3) arrays of one scale, masks (H, W) in [0, 1] with 1 = foreground; `data_range` is the distance
between black and white in that scale (255 for the numbers papers print) and is never guessed. `Protocol` names one set
of choices; `PROTOCOL_A` is the headline, the others reproduce what other repositories compute. The same pair of images
differs by 1.7 dB between them, so a number is printed with its protocol or not at all.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError

Image = NDArray[np.floating] | NDArray[np.uint8]
Mask = NDArray[np.floating]


def mse(image: Image, reference: Image) -> float:
    """Mean squared error over all pixels and channels, background included, in the images' own scale."""
    return float(np.mean(_squared_error(image, reference)))


def fmse(image: Image, reference: Image, mask: Mask) -> float:
    """Foreground MSE: sum(m e^2) / (3 sum(m)); soft masks weigh once (iDIH), NaN when the mask is empty."""
    error = _squared_error(image, reference)
    area = float(np.sum(mask, dtype=np.float64)) * error.shape[2]
    return float(np.sum(error * mask[..., None])) / area if area > 0 else math.nan


def psnr_of(mean_squared_error: float, *, data_range: float) -> float:
    """10 log10(data_range^2 / MSE) in dB; infinite for identical images."""
    if mean_squared_error <= 0:
        return math.inf
    return 10 * math.log10(data_range**2 / mean_squared_error)


def psnr(image: Image, reference: Image, *, data_range: float) -> float:
    """Peak signal-to-noise ratio over the whole image, in dB."""
    return psnr_of(mse(image, reference), data_range=data_range)


def fpsnr(image: Image, reference: Image, mask: Mask, *, data_range: float) -> float:
    """PSNR of the foreground MSE, in dB; NaN when the mask is empty."""
    return psnr_of(fmse(image, reference, mask), data_range=data_range)


def ssim(image: Image, reference: Image, *, data_range: float) -> float:
    """Structural similarity (Wang et al. 2004): gaussian window 11, sigma 1.5, population covariance, mean over
    channels and over the pixels whose window lies inside the image (5 from each border)."""
    border = _WINDOW // 2
    return float(ssim_map(image, reference, data_range=data_range)[border:-border, border:-border].mean())


def fssim(image: Image, reference: Image, mask: Mask, *, data_range: float) -> float:
    """Mean of the SSIM map over the foreground, weighted by the mask; borders are zero-padded; NaN when it is empty.

    HarmonyTransformer's and IntrinsicHarmony's fSSIM is this function with data_range 1 on 0..255 images.
    """
    area = float(np.sum(mask, dtype=np.float64))
    values = ssim_map(image, reference, data_range=data_range).mean(axis=2)
    return float(np.sum(values * mask)) / area if area > 0 else math.nan


_WINDOW = 11


def ssim_map(image: Image, reference: Image, *, data_range: float, window: int = _WINDOW) -> NDArray[np.float64]:
    """SSIM of every pixel and channel (H, W, 3), zero-padded at the borders.

    Raises:
        InputError: shapes that differ, or a side shorter than the window.
    """
    _check_shapes(image, reference)
    if min(image.shape[:2]) < window:
        raise InputError(f"SSIM needs images of at least {window}x{window} pixels but found {image.shape[:2]}")
    x, y = image.astype(np.float64), reference.astype(np.float64)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2

    def blur(array: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = cv2.GaussianBlur(array, (window, window), 1.5, borderType=cv2.BORDER_CONSTANT)
        return blurred.astype(np.float64, copy=False)

    mean_x, mean_y = blur(x), blur(y)
    variance_x, variance_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return numerator / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))


@dataclass(frozen=True)
class Protocol:
    """One way to turn (harmonized, real, mask) into numbers; printed with every table."""

    name: str
    size: int | None = 256
    """Side in pixels all images are resized to before the network and the comparison; None = as they are."""
    resize: Literal["bilinear", "area"] = "bilinear"
    """cv2.INTER_LINEAR without antialiasing for images and masks, as the iDIH family does, or cv2.INTER_AREA."""
    background: Literal["raw", "composite", "real"] = "raw"
    """What stands outside the mask: the network's own pixels, the composite's, or the ground truth's."""
    peak: Literal["255", "target_max", "prediction_range"] = "255"
    """PSNR's peak: 255, the brightest value of the ground truth, or the prediction's range."""
    quantize: bool = False
    """Round predictions to 8 bits; they are clipped to [0, 255] in any case."""
    mask: Literal["soft", "binary"] = "soft"
    """How the mask weighs in f-metrics: its values, or its values >= 0.5 as ones."""

    def describe(self) -> str:
        """The choices in one line."""
        size = f"{self.size}x{self.size} ({self.resize})" if self.size else "full resolution"
        peak = {"255": "255", "target_max": "max(real)", "prediction_range": "range of the prediction"}[self.peak]
        rounding = "rounded to 8 bits" if self.quantize else "not rounded"
        return (
            f"protocol {self.name}: {size}, whole image, background {self.background}, values 0..255 {rounding}, "
            f"PSNR peak {peak}, {self.mask} mask, mean of per-image values"
        )

    def resized(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """An image (H, W, 3) or mask (H, W) at the protocol's size."""
        if self.size is None or image.shape[:2] == (self.size, self.size):
            return image
        method = cv2.INTER_AREA if self.resize == "area" else cv2.INTER_LINEAR
        return cv2.resize(image, (self.size, self.size), interpolation=method).astype(np.float32)


PROTOCOL_A = Protocol("A")
"""Headline: whole image at 256x256 against the real image, PSNR peak 255, soft mask weights."""

PROTOCOL_B = Protocol("B", background="real")
"""Mask-weighted, as PCT-Net, DCCF, AICT and INR: errors outside the mask do not count."""

PROTOCOL_IDIH = Protocol("iDIH", peak="target_max")
"""iDIH, iSSAM, CDTNet and DucoNet."""

PROTOCOL_CHARMNET = Protocol("CharmNet", peak="prediction_range", quantize=True, mask="binary")
"""DoveNet, CharmNet and BMVC 2020."""

PROTOCOLS = {
    "a256": PROTOCOL_A,
    "b256": PROTOCOL_B,
    "idih": PROTOCOL_IDIH,
    "charmnet": PROTOCOL_CHARMNET,
    "a-full": dataclasses.replace(PROTOCOL_A, name="A full resolution", size=None),
}
"""Protocols by the name the command line takes."""


@dataclass(frozen=True)
class Scores:
    """The numbers of one image (or their means) under one protocol; 0..255 scale, dB for PSNR."""

    mse: float
    fmse: float
    psnr: float
    fpsnr: float
    ssim: float
    fssim: float
    fg_ratio: float
    """Share of the pixels with mask > 0.5."""

    @classmethod
    def mean(cls, scores: list[Scores]) -> Scores:
        """Mean of each number over the images, leaving out what is undefined for an image (NaN) and infinite PSNR."""
        values = {}
        for f in dataclasses.fields(cls):
            known = [v for s in scores if math.isfinite(v := getattr(s, f.name))]
            values[f.name] = float(np.mean(known)) if known else math.nan
        return cls(**values)


def score(
    harmonized: NDArray[np.floating],
    composite: NDArray[np.floating],
    real: NDArray[np.floating],
    mask: Mask,
    protocol: Protocol = PROTOCOL_A,
) -> Scores:
    """All numbers of one image.

    Args:
        harmonized: (H, W, 3) sRGB in [0, 1], the network's output at the protocol's size; the composite itself gives
            the row of doing nothing.
        composite: same shape; the input.
        real: same shape; ground truth.
        mask: (H, W) in [0, 1].
        protocol: the choices.

    Raises:
        InputError: shapes that differ.
    """
    _check_shapes(harmonized, real)
    _check_shapes(composite, real)
    if mask.shape != real.shape[:2]:
        raise InputError(f"the mask should have shape {real.shape[:2]} like its images but has {mask.shape}")
    weight = (mask >= 0.5).astype(np.float64) if protocol.mask == "binary" else mask.astype(np.float64)
    prediction = np.clip(harmonized.astype(np.float64) * 255, 0, 255)
    target = real.astype(np.float64) * 255
    if protocol.quantize:
        prediction = np.rint(prediction)
    inside = weight[..., None]
    weighted = prediction
    if protocol.background != "raw":
        outside = target if protocol.background == "real" else composite.astype(np.float64) * 255
        weighted = inside * prediction + (1 - inside) * outside
    if protocol.background == "real":  # a soft edge counts by the mask, not by its square
        whole = float(np.mean(inside * (prediction - target) ** 2))
    else:
        whole = mse(weighted, target)
    foreground = fmse(prediction, target, weight)
    peak = {
        "255": 255.0,
        "target_max": float(target.max()),
        "prediction_range": float(weighted.max() - weighted.min()),
    }[protocol.peak]
    return Scores(
        mse=whole,
        fmse=foreground,
        psnr=psnr_of(whole, data_range=peak),
        fpsnr=psnr_of(foreground, data_range=peak),
        ssim=ssim(weighted, target, data_range=255),
        fssim=fssim(weighted, target, weight, data_range=255),
        fg_ratio=float(np.mean(mask > 0.5)),
    )


def _squared_error(image: Image, reference: Image) -> NDArray[np.float64]:
    _check_shapes(image, reference)
    return (image.astype(np.float64) - reference.astype(np.float64)) ** 2


def _check_shapes(image: Image, reference: Image) -> None:
    if image.shape != reference.shape or image.ndim != 3:
        raise InputError(
            f"two images of equal shape (H, W, 3) should be compared but {image.shape} and {reference.shape} were given"
        )
