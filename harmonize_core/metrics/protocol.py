# SPDX-License-Identifier: Apache-2.0
"""`Protocol`: one set of choices that turns (harmonized, composite, real, mask) into numbers, and the field's own sets.

`PROTOCOL_A` is the headline, the others reproduce what other repositories compute. The same pair of images differs by
1.7 dB between them, so a number is printed with its protocol or not at all.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, InputError, UnknownName
from harmonize_core.metrics.means import mean_of
from harmonize_core.metrics.pixels import Mask, check_shapes, fmse, masked_mse, mse, psnr_of
from harmonize_core.metrics.structure import GAUSSIAN_11, SsimWindow, mean_inside, mean_over, ssim_map

Filter = Literal["bilinear", "area", "pil-bilinear", "pil-bicubic", "pil-nearest"]
Floats = NDArray[np.float32]

FILTERS: dict[Filter, str] = {
    "bilinear": "cv2 bilinear",
    "area": "cv2 area",
    "pil-bilinear": "PIL bilinear",
    "pil-bicubic": "PIL bicubic",
    "pil-nearest": "PIL nearest",
}


@dataclass(frozen=True)
class Protocol:
    """One way to turn (harmonized, real, mask) into numbers; printed with every table."""

    name: str
    size: int | None = 256
    """Side in pixels all images are resized to before the network and the comparison; None = as they are."""
    resize: Filter = "bilinear"
    """Filter for images. cv2's bilinear does not antialias; Pillow's filters do and work on 8-bit values."""
    mask_resize: Filter | None = None
    """Filter for masks; None = that of the images. Pillow takes the nearest pixel for 1-bit masks, whatever it is
    told."""
    mask: Literal["soft", "binary"] = "soft"
    """How the mask weighs: its values, or its values >= 0.5 as ones."""
    background: Literal["raw", "composite", "real"] = "raw"
    """What stands outside the mask: the network's own pixels, the composite's, or the ground truth's (then the errors
    are weighted by the mask: `masked_mse`)."""
    input_background: Literal["composite", "real"] = "composite"
    """What the network sees outside the mask: the composite, or the ground truth, which no user of it has."""
    quantize: Literal["none", "round", "truncate"] = "none"
    """Predictions to 8 bits by rounding, or by dropping the fraction; they are clipped to [0, 255] in any case."""
    peak: Literal["255", "target_max", "prediction_range"] = "255"
    """PSNR's peak: 255, the brightest value of the ground truth, or the prediction's range."""
    ssim_window: SsimWindow = GAUSSIAN_11
    ssim_range: Literal["255", "1", "2", "prediction_range"] = "255"
    """Range that SSIM's constants stand for; values are 0..255 in any case, so 1 and 2 switch the constants off."""

    def describe(self) -> str:
        """The choices in one line."""
        size = f"{self.size}x{self.size} ({FILTERS[self.resize]})" if self.size else "full resolution"
        if self.size and self.mask_resize:
            size = size[:-1] + f", masks {FILTERS[self.mask_resize]})"
        outside = {"raw": "the network's", "composite": "the composite's", "real": "the real image's"}
        whole = "errors weighted by the mask" if self.background == "real" else "whole image"
        if self.input_background == "real":
            whole += ", the network sees the real background"
        values = {"none": "not rounded", "round": "rounded to 8 bits", "truncate": "cut to 8 bits"}[self.quantize]
        ranges = {"255": "255", "target_max": "max(real)", "prediction_range": "max - min of the prediction"}
        return (
            f"protocol {self.name}: {size}, {whole}, background {outside[self.background]}, values 0..255 {values}, "
            f"PSNR peak {ranges[self.peak]}, {self.mask} mask, SSIM {self.ssim_window.describe()}, range "
            f"{ranges.get(self.ssim_range, self.ssim_range)}; mean of per-image values"
        )

    def at(self, size: int | None) -> Protocol:
        """The same choices at another size (None: full resolution), which the name then says."""
        if size == self.size:
            return self
        where = "full resolution" if size is None else f"{size} px"
        return dataclasses.replace(self, name=f"{self.name} at {where}", size=size)

    def input_of(self, composite: Floats, mask: Floats, real: Floats) -> Floats:
        """What the network sees of a triplet that has the protocol's size."""
        if self.input_background == "composite":
            return composite
        inside = self.weight(mask)[..., None]
        return (inside * composite + (1 - inside) * real).astype(np.float32)

    def weight(self, mask: Mask) -> NDArray[np.float64]:
        """How much each pixel of a mask (H, W) counts as foreground."""
        return (mask >= 0.5).astype(np.float64) if self.mask == "binary" else mask.astype(np.float64)

    def resized(self, image: Floats) -> Floats:
        """An image (H, W, 3) or mask (H, W), values in [0, 1], at the protocol's size."""
        if self.size is None or image.shape[:2] == (self.size, self.size):
            return image
        is_mask = image.ndim == 2
        method = self.mask_resize if is_mask and self.mask_resize else self.resize
        size = (self.size, self.size)
        if method in ("bilinear", "area"):
            flag = cv2.INTER_AREA if method == "area" else cv2.INTER_LINEAR
            return cv2.resize(image, size, interpolation=flag).astype(np.float32, copy=False)
        flag = PIL.Image.Resampling[method.removeprefix("pil-").upper()]
        eight_bit = PIL.Image.fromarray(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8))
        return np.asarray(eight_bit.resize(size, flag), dtype=np.float32) / 255


PROTOCOL_A = Protocol("A")
"""Headline: whole image at 256x256 against the real image, PSNR peak 255, soft mask weights."""

PROTOCOL_B = Protocol("B", background="real")
"""Mask-weighted, as PCT-Net, DCCF, AICT and INR: errors outside the mask do not count."""

PROTOCOL_IDIH = Protocol("iDIH", peak="target_max")
"""iDIH, iSSAM and DucoNet; they print no SSIM, so that is ours."""

PROTOCOL_CDTNET = dataclasses.replace(
    PROTOCOL_IDIH, name="CDTNet", ssim_window=SsimWindow(side=7, borders="zero"), ssim_range="prediction_range"
)
"""CDTNet: iDIH's errors, its own SSIM and fSSIM. Its tables are at 1024 and 2048 px: `.at(1024)`."""

PROTOCOL_DOVENET = Protocol(
    "DoveNet",
    resize="pil-bilinear",
    mask_resize="pil-nearest",
    mask="binary",
    quantize="truncate",
    peak="prediction_range",
)
"""DoveNet and BMVC 2020 (MSE and PSNR; fMSE as CharmNet computes it)."""

PROTOCOL_CHARMNET = dataclasses.replace(PROTOCOL_DOVENET, name="CharmNet", resize="bilinear")
"""CharmNet's test.py. Its printed line "WHOLE: a/b/c" is MSE/PSNR/fMSE: columns are read back in another order."""

PROTOCOL_RAINNET = dataclasses.replace(
    PROTOCOL_DOVENET, name="RainNet", peak="255", background="real", input_background="real"
)
"""RainNet and HDNet ("protocol C"): the real background goes into the network and onto its output."""

PROTOCOL_HARMONIZER = Protocol(
    "Harmonizer",
    resize="pil-bilinear",
    mask_resize="pil-nearest",
    mask="binary",
    background="composite",
    peak="prediction_range",
    ssim_window=SsimWindow(kind="uniform", side=7, covariance="sample"),
    ssim_range="2",
)
"""Harmonizer: pasted on the composite; SSIM range 2, which scikit-image assumed for floats in the versions of its time.
Its script compares at full resolution unless told --metric-size 256."""

PROTOCOL_HARMONY_TRANSFORMER = Protocol(
    "HarmonyTransformer",
    resize="pil-bicubic",
    mask_resize="pil-nearest",
    mask="binary",
    background="composite",
    quantize="round",
    ssim_window=SsimWindow(borders="zero"),
    ssim_range="1",
)
"""HarmonyTransformer and IntrinsicHarmony (which read predictions back from JPEG files, a loss we do not repeat)."""

ProtocolName = Literal[
    "a256",
    "b256",
    "a-full",
    "a1024",
    "a2048",
    "idih",
    "cdtnet",
    "dovenet",
    "charmnet",
    "rainnet",
    "pctnet",
    "harmonizer",
    "harmony-transformer",
]

PROTOCOLS: dict[str, Protocol] = {
    "a256": PROTOCOL_A,
    "b256": PROTOCOL_B,
    "a-full": dataclasses.replace(PROTOCOL_A, name="A full resolution", size=None),
    "a1024": PROTOCOL_A.at(1024),
    "a2048": PROTOCOL_A.at(2048),
    "idih": PROTOCOL_IDIH,
    "cdtnet": PROTOCOL_CDTNET,
    "dovenet": PROTOCOL_DOVENET,
    "charmnet": PROTOCOL_CHARMNET,
    "rainnet": PROTOCOL_RAINNET,
    "pctnet": dataclasses.replace(PROTOCOL_B, name="PCT-Net"),
    "harmonizer": PROTOCOL_HARMONIZER,
    "harmony-transformer": PROTOCOL_HARMONY_TRANSFORMER,
}
"""Protocols by the name the command line takes."""


def protocol_named(name: str, size: int | None = None) -> Protocol:
    """A protocol by name, at another size in pixels if one is given (0: pictures as they are).

    Raises:
        UnknownName: no such protocol.
        ConfigError: a size no picture has.
    """
    if name not in PROTOCOLS:
        raise UnknownName.of("protocol", name, PROTOCOLS)
    if size is None:
        return PROTOCOLS[name]
    if size and not MIN_SIZE <= size <= MAX_SIZE:
        raise ConfigError(
            f"--size should be {MIN_SIZE} to {MAX_SIZE} pixels, or 0 for pictures as they are, but is {size}"
        )
    return PROTOCOLS[name].at(size or None)


MIN_SIZE, MAX_SIZE = 16, 13_000
"""Sides that pictures can be compared at: SSIM's window fits, and reading allows no more pixels."""

ALMOST = 1e-4
"""Truncation takes values this little below a whole number as that number: 8-bit values survive the way to [0, 1]."""


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
        return mean_of(cls, scores)


def score(
    harmonized: NDArray[np.floating],
    composite: NDArray[np.floating],
    real: NDArray[np.floating],
    mask: Mask,
    protocol: Protocol = PROTOCOL_A,
) -> Scores:
    """All numbers of one image; flipping all four together changes none of them.

    Args:
        harmonized: (H, W, 3) sRGB in [0, 1], the network's output at the protocol's size; the composite itself gives
            the row of doing nothing.
        composite: same shape; the input.
        real: same shape; ground truth.
        mask: (H, W) in [0, 1].
        protocol: the choices.

    Raises:
        InputError: shapes that differ, or images smaller than SSIM's window.
    """
    check_shapes(harmonized, real)
    check_shapes(composite, real)
    if mask.shape != real.shape[:2]:
        raise InputError(f"the mask should have shape {real.shape[:2]} like its images but has {mask.shape}")
    weight = protocol.weight(mask)
    prediction = _quantized(np.clip(harmonized.astype(np.float64) * 255, 0, 255), protocol)
    target = real.astype(np.float64) * 255
    inside = weight[..., None]
    shown = prediction
    if protocol.background != "raw":
        outside = target if protocol.background == "real" else composite.astype(np.float64) * 255
        shown = inside * prediction + (1 - inside) * outside
    whole = masked_mse(prediction, target, weight) if protocol.background == "real" else mse(shown, target)
    foreground = fmse(prediction, target, weight)
    spread = float(shown.max() - shown.min())
    peak = {"255": 255.0, "target_max": float(target.max()), "prediction_range": spread}[protocol.peak]
    ssim_range = spread if protocol.ssim_range == "prediction_range" else float(protocol.ssim_range)
    similarity = ssim_map(shown, target, data_range=ssim_range or 255.0, window=protocol.ssim_window)
    return Scores(
        mse=whole,
        fmse=foreground,
        psnr=psnr_of(whole, data_range=peak),
        fpsnr=psnr_of(foreground, data_range=peak),
        ssim=mean_inside(similarity, protocol.ssim_window),
        fssim=mean_over(similarity, weight),
        fg_ratio=float(np.mean(mask > 0.5)),
    )


def _quantized(values: NDArray[np.float64], protocol: Protocol) -> NDArray[np.float64]:
    if protocol.quantize == "none":
        return values
    return np.rint(values) if protocol.quantize == "round" else np.floor(values + ALMOST)
