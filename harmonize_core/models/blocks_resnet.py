# SPDX-License-Identifier: Apache-2.0
"""The residual image-to-image generator and the patch critic of pix2pixHD, CycleGAN and CUT.

Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016) and Isola et al.,
"Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017), as in
junyanz/pytorch-CycleGAN-and-pix2pix and NVIDIA/pix2pixHD (`models/networks.py`); antialiased sampling: Zhang, "Making
Convolutional Networks Shift-Invariant Again" (ICML 2019), as in taesungp/contrastive-unpaired-translation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def norm_relu(x: Tensor) -> Tensor:
    """Instance norm without parameters, then ReLU."""
    return functional.relu(functional.instance_norm(x))


def blur_half(x: Tensor) -> Tensor:
    """Half the size: binomial filter (1, 2, 1) in both directions, reflected borders, every second pixel."""
    line = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
    kernel = (line[:, None] * line[None, :]).expand(x.shape[1], 1, 3, 3)
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), "reflect"), kernel, stride=2, groups=x.shape[1])


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflected borders and instance norm, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.second = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.instance_norm(self.second(norm_relu(self.first(x))))


class ResnetGenerator(nn.Module):
    """(B, c_in, H, W) to an image (B, 3, H, W) in (-1, 1); the smallest side is 2^(halvings+1) pixels, at least 8."""

    def __init__(self, c_in: int = 3, *, width: int = 64, halvings: int = 2, blocks: int = 9, smooth: bool = False):
        """
        Args:
            c_in: channels of the input.
            width: channels at full size; each halving doubles them.
            halvings: of the size before the residual blocks.
            blocks: residual blocks.
            smooth: halve by blurring and double bilinearly (CUT) instead of by strided convolutions.
        """
        super().__init__()
        channels = [width * 2**level for level in range(halvings + 1)]
        self.smooth = smooth
        self.first = nn.Conv2d(c_in, width, 7, padding=3, padding_mode="reflect")
        self.down = nn.ModuleList(nn.Conv2d(c, 2 * c, 3, stride=1 if smooth else 2, padding=1) for c in channels[:-1])
        self.blocks = nn.ModuleList(ResidualBlock(channels[-1]) for _ in range(blocks))
        self.up = nn.ModuleList(
            nn.Conv2d(c, c // 2, 3, padding=1)
            if smooth
            else nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1)
            for c in reversed(channels[1:])
        )
        self.to_rgb = nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        x = norm_relu(self.first(x))
        for conv in self.down:
            x = self._halved(norm_relu(conv(x)))
        for block in self.blocks:
            x = block(x)
        for conv in self.up:
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear") if self.smooth else x
            x = norm_relu(conv(x))
        return torch.tanh(self.to_rgb(x))

    def features(self, x: Tensor, taps: tuple[int, ...] = (0, 4)) -> list[Tensor]:
        """What CUT compares: the padded input, each halving's convolution before its norm, and the residual blocks
        numbered in `taps` (ascending); nothing is computed beyond the last of them."""
        found = [functional.pad(x, (3, 3, 3, 3), "reflect")]
        x = norm_relu(self.first(x))
        for conv in self.down:
            found.append(conv(x))
            x = self._halved(norm_relu(found[-1]))
        for number, block in enumerate(self.blocks[: taps[-1] + 1]):
            x = block(x)
            if number in taps:
                found.append(x)
        return found

    def _halved(self, x: Tensor) -> Tensor:
        return blur_half(x) if self.smooth else x


class PatchDiscriminator(nn.Module):
    """4x4 convolutions to one score for each overlapping 70x70 patch; instance norm in the middle."""

    def __init__(self, c_in: int = 3, *, width: int = 64, padding: int = 1, smooth: bool = False) -> None:
        """
        Args:
            c_in: channels of the input.
            width: channels of the first layer; 2, 4 and 8 times as many follow.
            padding: of every convolution: 1 (pix2pix, CycleGAN, CUT) or 2 (pix2pixHD).
            smooth: halve by blurring (CUT) instead of by strides.
        """
        super().__init__()
        self.smooth = smooth
        channels = [c_in, width, 2 * width, 4 * width, 8 * width, 1]
        strides = [1 if smooth else 2] * 3 + [1, 1]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride, padding)
            for (a, b), stride in zip(itertools.pairwise(channels), strides, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of the four hidden layers, finest first, and the scores (B, 1, h, w) last."""
        found: list[Tensor] = []
        for level, conv in enumerate(self.convs):
            x = conv(x)
            if level < 4:
                x = functional.leaky_relu(functional.instance_norm(x) if level else x, 0.2)
                x = blur_half(x) if self.smooth and level < 3 else x
            found.append(x)
        return found


class MultiScale(nn.Module):
    """Equal critics on an image pyramid (3x3 average pooling, stride 2), the finest first."""

    def __init__(self, make: Callable[[], nn.Module], scales: int) -> None:
        super().__init__()
        self.critics = nn.ModuleList(make() for _ in range(scales))

    def forward(self, x: Tensor) -> list:
        """What each critic gives, by scale."""
        results = []
        for critic in self.critics:
            results.append(critic(x))
            x = functional.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return results
