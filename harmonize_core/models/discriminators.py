# SPDX-License-Identifier: Apache-2.0
"""The critic of DoveNet and RainNet: is this picture real, and do its foreground and background belong together?

Cong et al., "DoveNet: Deep Image Harmonization via Domain Verification" (CVPR 2020), as released in
bcmi/Image-Harmonization-Dataset-iHarmony4 0bdb51d, `DoveNet/models/dovenet_model.py`; RainNet's repository holds the
same. Partial convolutions: Liu et al., "Image Inpainting for Irregular Holes Using Partial Convolutions" (ECCV 2018).
Spectral normalisation: Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (ICLR 2018).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = 7
"""Convolutions of a branch; all but the last halve the size: 256x256 becomes one vector."""

SLOPE = 0.2

NormName = Literal["batch", "instance"]


@dataclass(frozen=True)
class Verdict:
    """Scores of B pictures, high for real ones; (B, 1, 1, 1) for 256x256."""

    image: Tensor
    """Of the whole picture."""
    similarity: Tensor
    """Of how foreground and background fit: DoveNet's domain verification."""

    @property
    def mean(self) -> Tensor:
        """What the gradient penalty looks at."""
        return (self.image + self.similarity) / 2.0


class SpectralConv(nn.Module):
    """Convolution without padding whose weight is divided by its largest singular value.

    The value is followed by one power iteration in each training pass. Unlike torch's, which draws its first vector
    from the global generator, it starts from a fixed vector, so that seeded weights make a run repeatable.
    """

    left: Tensor

    def __init__(self, c_in: int, c_out: int, kernel_size: int, *, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel_size, stride=stride, bias=bias)
        self.register_buffer("left", functional.normalize(torch.ones(c_out), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight / self._largest_singular_value()
        return functional.conv2d(x, weight, self.conv.bias, stride=self.conv.stride)

    def _largest_singular_value(self) -> Tensor:
        matrix = self.conv.weight.flatten(1)
        with torch.no_grad():
            right = functional.normalize(self.left @ matrix, dim=0)
            left = functional.normalize(matrix @ right, dim=0) if self.training else self.left.clone()
            self.left.copy_(left)
        return left @ matrix @ right


class PartialConv(nn.Module):
    """3x3 convolution without padding that sees a region only, rescaled by how much of its window lies in it."""

    def __init__(self, c_in: int, c_out: int, *, stride: int, bias: bool) -> None:
        super().__init__()
        self.stride = stride
        self.conv = SpectralConv(c_in, c_out, 3, stride=stride, bias=False)
        self.bias = nn.Parameter(torch.zeros(c_out)) if bias else None

    def forward(self, x: Tensor, region: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Features (B, c_in, h, w) and region (B, 1, h, w) in [0, 1], None for everywhere: the same, one size on."""
        y = self.conv(x if region is None else x * region)
        seen = None
        if region is not None:
            window = 9.0 * functional.avg_pool2d(region, 3, stride=self.stride)
            seen = window.clamp(0.0, 1.0)
            y = y * (9.0 / (window + 1e-8) * seen)
        if self.bias is not None:
            y = y + self.bias[:, None, None]
            y = y if seen is None else y * seen
        return y, seen


class Branch(nn.Module):
    """Seven convolutions from a picture, or a region of it, to one descriptor (B, 8 width, h, w)."""

    def __init__(self, width: int, norm: NormName) -> None:
        super().__init__()
        layer = nn.BatchNorm2d if norm == "batch" else nn.InstanceNorm2d
        channels = [3, *(width * min(2**stage, 8) for stage in range(STAGES))]
        self.convs = nn.ModuleList(
            PartialConv(c_in, c_out, stride=1 if stage == STAGES - 1 else 2, bias=stage == 0 or norm == "instance")
            for stage, (c_in, c_out) in enumerate(itertools.pairwise(channels))
        )
        self.norms = nn.ModuleList([nn.Identity(), *(layer(c) for c in channels[2:-1])])

    def forward(self, image: Tensor, region: Tensor | None = None) -> Tensor:
        x, region = self.convs[0](image, region)
        for norm, conv in zip(self.norms, self.convs[1:], strict=True):
            x, region = conv(functional.leaky_relu(norm(x), SLOPE), region)
        return x


class VerificationDiscriminator(nn.Module):
    """One branch for the whole picture, one that fore- and background share, and a small network on their product."""

    def __init__(self, norm: NormName = "instance", width: int = 64) -> None:
        """
        Args:
            norm: "instance" has no parameters; the released recipe uses the generator's choice for DoveNet.
            width: channels after the first convolution.
        """
        super().__init__()
        channels = 8 * width
        self.whole = Branch(width, norm)
        self.region = Branch(width, norm)
        self.score = nn.Conv2d(channels, 1, kernel_size=1)
        self.compare = nn.Sequential(
            SpectralConv(channels, channels, 1),
            nn.LeakyReLU(SLOPE),
            SpectralConv(channels, channels, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, 1, kernel_size=1),
        )

    def forward(self, image: Tensor, mask: Tensor) -> Verdict:
        """Pictures (B, 3, H, W) in [-1, 1], at least 255 pixels each way, and masks (B, 1, H, W) in [0, 1]."""
        alike = self.region(image, mask) * self.region(image, 1.0 - mask)
        return Verdict(self.score(self.whole(image)), self.compare(alike))
