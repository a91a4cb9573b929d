# SPDX-License-Identifier: Apache-2.0
"""MSE, fMSE, PSNR and SSIM with every choice written down, because published numbers share names, not definitions."""

from harmonize_core.metrics.bootstrap import Interval, interval_of_mean, interval_of_ratio
from harmonize_core.metrics.pixels import fmse, fpsnr, masked_mse, mse, psnr, psnr_of
from harmonize_core.metrics.protocol import (
    PROTOCOL_A,
    PROTOCOL_B,
    PROTOCOL_CDTNET,
    PROTOCOL_CHARMNET,
    PROTOCOL_DOVENET,
    PROTOCOL_HARMONIZER,
    PROTOCOL_HARMONY_TRANSFORMER,
    PROTOCOL_IDIH,
    PROTOCOL_RAINNET,
    PROTOCOLS,
    Protocol,
    ProtocolName,
    Scores,
    protocol_named,
    score,
)
from harmonize_core.metrics.structure import GAUSSIAN_11, SsimWindow, fssim, ssim, ssim_map
from harmonize_core.runtime.difference import ciede2000, lab

__all__ = [
    "GAUSSIAN_11",
    "PROTOCOLS",
    "PROTOCOL_A",
    "PROTOCOL_B",
    "PROTOCOL_CDTNET",
    "PROTOCOL_CHARMNET",
    "PROTOCOL_DOVENET",
    "PROTOCOL_HARMONIZER",
    "PROTOCOL_HARMONY_TRANSFORMER",
    "PROTOCOL_IDIH",
    "PROTOCOL_RAINNET",
    "Interval",
    "Protocol",
    "ProtocolName",
    "Scores",
    "SsimWindow",
    "ciede2000",
    "fmse",
    "fpsnr",
    "fssim",
    "interval_of_mean",
    "interval_of_ratio",
    "lab",
    "masked_mse",
    "mse",
    "protocol_named",
    "psnr",
    "psnr_of",
    "score",
    "ssim",
    "ssim_map",
]
