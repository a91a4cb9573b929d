# SPDX-License-Identifier: Apache-2.0
"""Losses of networks that split an image into reflectance times illumination; images (B, C, H, W) in [0, 1].

Guo et al., "Intrinsic Image Harmonization", CVPR 2021; zhenglab/IntrinsicHarmony da50240, `models/iih_base_gd_model.py`
and `util/util.py`. Published weights: L1 100, reflectance gradient 20, illumination L2 10 (`l2`), illumination
smoothness 1, inharmony-free 100.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core.losses.float32 import in_float32

LUMA = (0.2989, 0.5870, 0.1140)
"""Weights of R, G, B in `gray`, the released code's."""


def gray(image: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 1, H, W): 0.2989 R + 0.5870 G + 0.1140 B."""
    weights = torch.tensor(LUMA, dtype=image.dtype, device=image.device)[:, None, None]
    return (image * weights).sum(dim=1, keepdim=True)


def reflectance_gradient(reflectance: Tensor, real: Tensor) -> Tensor:
    """mean | |dx reflectance| - |dx real| | + the same with dy, of the sums of the channels.

    dx is the difference to the left neighbour and dy to the upper one; beyond the border is 0, as the code pads; its
    one filter adds the channels up. Guo et al.: the reflectance keeps the edges of the image.
    """
    pairs = [(_gradient(reflectance, dim), _gradient(real, dim)) for dim in (-1, -2)]
    return torch.stack([functional.l1_loss(mine, theirs) for mine, theirs in pairs]).sum()


def _gradient(image: Tensor, dim: int) -> Tensor:
    border = (1, 0) if dim == -1 else (0, 0, 1, 0)
    return functional.pad(image.sum(dim=1, keepdim=True), border).diff(dim=dim).abs()


def illumination_smoothness(illumination: Tensor) -> Tensor:
    """mean |dxx| + mean |dxy| + mean |dyx| + mean |dyy| of forward differences, inside the image.

    Guo et al.: light varies slowly; 0 for an affine image.
    """
    second = [illumination.diff(dim=a).diff(dim=b).abs().mean() for a in (-1, -2) for b in (-1, -2)]
    return torch.stack(second).sum()


@in_float32
def inharmony_free(feature: Tensor, real: Tensor, *, window: int = 11, sigma: float = 1.5) -> Tensor:
    """(1 - mean cs) / 2 of a one-channel map and the gray real image; cs = (2 s_xy + C) / (s_xx + s_yy + C).

    s are Gaussian-windowed (co)variances with zero padding, C = 0.03^2: SSIM without its luminance factor, so that
    the map shares the contrast and structure of the image but not its light.

    Args:
        feature: (B, 1, h, w), channel mean of the inharmony-free features.
        real: (B, 3, H, W) in [0, 1]; reduced to h x w by nearest neighbour and to `gray`.
        window: side of the Gaussian window, odd.
        sigma: its standard deviation in pixels.

    Source: Guo et al., CVPR 2021 (`DSSIM(mode='c_s')`). The window, C and the half are those of the
    usual DSSIM (Wang et al., TIP 2004): the file that defines the released ones was not available to us.
    """
    target = gray(functional.interpolate(real, size=feature.shape[-2:]))
    offsets = torch.arange(window, dtype=feature.dtype, device=feature.device) - window // 2
    line = torch.exp(-offsets.square() / (2.0 * sigma**2))
    kernel = (line[:, None] * line[None, :] / line.sum().square())[None, None]
    images = torch.cat([feature, target, feature.square(), target.square(), feature * target])
    mean_x, mean_y, xx, yy, xy = functional.conv2d(images, kernel, padding=window // 2).chunk(5)
    constant = 0.03**2
    covariance, variances = xy - mean_x * mean_y, xx - mean_x.square() + yy - mean_y.square()
    return (1.0 - ((2.0 * covariance + constant) / (variances + constant)).mean()) / 2.0
