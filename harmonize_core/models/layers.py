# SPDX-License-Identifier: Apache-2.0
"""Blocks and helpers the networks share: strided convolution blocks, the blending head, normalisation, initialisation.

Source: the iDIH family (Sofiiuk et al., "Foreground-aware Semantic Representations for Image Harmonization", WACV
2021), whose 4x4 stride-2 blocks CharmNet reuses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalize(image: Tensor) -> Tensor:
    """(B, 3, H, W) sRGB in [0, 1] to ImageNet statistics, about [-2.1, 2.6]."""
    return (image - _channels(IMAGENET_MEAN, image)) / _channels(IMAGENET_STD, image)


def denormalize(image_norm: Tensor) -> Tensor:
    """Inverse of `normalize`; nothing is clipped."""
    return image_norm * _channels(IMAGENET_STD, image_norm) + _channels(IMAGENET_MEAN, image_norm)


def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]


class ConvBlock(nn.Module):
    """Convolution (4x4 with stride 2 halves the size, 4x4 to 1x1 with padding 0), optional batch norm, ELU."""

    def __init__(
        self, c_in: int, c_out: int, *, kernel_size: int = 4, stride: int = 2, padding: int = 1, norm: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel_size, stride, padding)
        self.norm = nn.BatchNorm2d(c_out) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.elu(self.norm(self.conv(x)))


class DeconvBlock(nn.Module):
    """4x4 stride-2 transposed convolution, batch norm, ELU: doubles the size (1x1 to 4x4 with padding 0)."""

    def __init__(self, c_in: int, c_out: int, *, padding: int = 1) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(c_in, c_out, kernel_size=4, stride=2, padding=padding)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.elu(self.norm(self.conv(x)))


class ConvReLU(nn.Module):
    """3x3 convolution, optional batch norm, ReLU: keeps the size, or halves it with stride 2."""

    def __init__(self, c_in: int, c_out: int, *, stride: int = 1, norm: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel_size=3, stride=stride, padding=1, bias=bias)
        self.norm = nn.BatchNorm2d(c_out) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.norm(self.conv(x)))


class BlendHead(nn.Module):
    """Features to an image that is blended with the composite: a * composite + (1 - a) * rgb, a = sigmoid(3 x)."""

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(c_in, 1, kernel_size=1)
        self.to_rgb = nn.Conv2d(c_in, 3, kernel_size=1)

    def forward(self, features: Tensor, composite_norm: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, H, W), composite (B, 3, H, W) normalised: harmonized (normalised), attention (B, 1, H, W)."""
        attention = torch.sigmoid(3.0 * self.attention(features))
        return attention * composite_norm + (1.0 - attention) * self.to_rgb(features), attention


def resized(x: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """(B, C, H, W) at another (height, width), as it is where it has that size already; corners are not aligned."""
    return x if tuple(x.shape[2:]) == size else nn.functional.interpolate(x, size, mode=mode, align_corners=False)


def init_weights(model: nn.Module, seed: int, *, std: float = 0.02, blend_bias: float | None = None) -> None:
    """Fill a network as the CharmNet recipe does: convolutions normal(0, std), batch norms normal(1, std), biases 0.

    Args:
        model: changed in place.
        seed: of the generator; the same seed and model give the same weights.
        std: standard deviation.
        blend_bias: when given, the bias of every blending attention, so that training starts near the identity:
            1.0 keeps sigmoid(3) = 95 % of the composite.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.weight.normal_(0.0, std, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.normal_(1.0, std, generator=generator)
                module.bias.zero_()
        if blend_bias is not None:
            for module in model.modules():
                if isinstance(module, BlendHead) and module.attention.bias is not None:
                    module.attention.bias.fill_(blend_bias)


def parameter_count(model: nn.Module) -> int:
    """Number of trainable values."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
