# SPDX-License-Identifier: Apache-2.0
"""Losses that compare pixels; images are (B, 3, H, W) in one space, every loss is a scalar tensor.

Foreground-normalised MSE: iDIH (Sofiiuk et al., WACV 2021). L1: pix2pix (Isola et al., CVPR 2017), which DoveNet,
RainNet and the Guo networks train with, weight 100.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core.losses.float32 import in_float32

A_MIN = 100.0
"""Smallest foreground area in pixels the foreground-normalised MSE divides by (CharmNet's and iDIH-256's choice)."""


def fn_mse(harmonized: Tensor, real: Tensor, mask: Tensor, *, a_min: float = A_MIN) -> Tensor:
    """Foreground-normalised MSE: squared error over the whole image / (3 max(a_min, foreground area)), batch mean.

    Args:
        harmonized: (B, 3, H, W), in the space the network works in (CharmNet: ImageNet-normalised).
        real: ground truth, same shape and space.
        mask: (B, 1, H, W) in [0, 1], 1 = foreground.
        a_min: pixels.
    """
    area = mask.sum(dim=(1, 2, 3)).clamp_min(a_min)
    error = (harmonized - real).square().sum(dim=(1, 2, 3))
    return (error / (harmonized.shape[1] * area)).mean()


def l1(harmonized: Tensor, real: Tensor) -> Tensor:
    """mean |harmonized - real| over all values; Isola et al., CVPR 2017, equation 3."""
    return functional.l1_loss(harmonized, real)


def l2(harmonized: Tensor, real: Tensor) -> Tensor:
    """mean (harmonized - real)^2 over all values."""
    return functional.mse_loss(harmonized, real)


def harmonizer_pixel(harmonized: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    """Per sample (B,): sum of mask * (sqrt(d^2 + 1e-6) + 10 d^2) over channels and pixels / foreground area.

    d is the difference in sRGB. Ke et al., ECCV 2022; ZHKKKe/Harmonizer 48ecd70, `src/train/harmonizer/criterion.py`.
    """
    square = (harmonized - real).square()
    error = ((square + 1e-6).sqrt() + 10.0 * square) * mask
    return error.sum(dim=(1, 2, 3)) / (mask.sum(dim=(1, 2, 3)) + 1e-6)


@in_float32
def sobel(x: Tensor, *, eps: float = 1e-6) -> Tensor:
    """sqrt(gx^2 + gy^2 + eps) of each channel, (B, C, H, W) to the same; g: 3x3 Sobel filters of absolute sum 1.

    Borders are repeated. Its mean over a map of transform parameters is PCT-Net's smoothness term, weight 0.1
    (`kornia.filters.sobel` in rakutentech/PCT-Net-Image-Harmonization 1572176, `iharm/model/losses.py`).
    """
    smooth = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
    slope = torch.tensor([-0.5, 0.0, 0.5], dtype=x.dtype, device=x.device)
    kernels = torch.stack([smooth[:, None] * slope, slope[:, None] * smooth])[:, None]
    padded = functional.pad(x.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    across, down = functional.conv2d(padded, kernels).unbind(dim=1)
    return (across.square() + down.square() + eps).sqrt().unflatten(0, x.shape[:2])
