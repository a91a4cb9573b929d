# SPDX-License-Identifier: Apache-2.0
"""The pix2pix U-Net that DoveNet and RainNet share: eight halvings, eight doublings, attention on three skips.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017), with the attention of
DoveNet (bcmi/Image-Harmonization-Dataset-iHarmony4 0bdb51d, `DoveNet/models/networks.py`).
Changed: written as two lists of levels instead of nested blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 8

DIVISOR = 2**LEVELS
"""Height and width must be multiples of this: the bottleneck is one pixel for each 256x256."""

ATTENTIVE = (1, 2, 3)
"""Levels, counted from the finest, whose joined features are gated."""

DROPOUT = (4, 5, 6)
"""Levels with dropout 0.5 while training."""

Norm = Callable[[int], nn.Module]


class DownLevel(nn.Module):
    """4x4 stride-2 convolution and norm; the activation comes before, in the level above."""

    def __init__(self, c_in: int, c_out: int, norm: nn.Module, *, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=bias)
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class UpLevel(nn.Module):
    """ReLU, 4x4 stride-2 transposed convolution, norm that may look at the mask, dropout, skip, gate."""

    def __init__(self, c_in: int, c_out: int, norm: nn.Module, *, bias: bool, dropout: bool, gate: bool) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=bias)
        self.norm = norm
        self.dropout = nn.Dropout(0.5 if dropout else 0.0)
        self.gate = nn.Conv2d(2 * c_out, 2 * c_out, kernel_size=1) if gate else None

    def forward(self, x: Tensor, skip: Tensor, mask: Tensor) -> Tensor:
        """Features (B, c_in, h, w), skip (B, c_out, 2h, 2w), mask (B, 1, H, W): (B, 2 c_out, 2h, 2w)."""
        x = self.dropout(self.norm(self.conv(functional.relu(x)), mask))
        x = torch.cat([skip, x], dim=1)
        return x if self.gate is None else torch.sigmoid(self.gate(x)) * x


class WithoutMask(nn.Module):
    """A norm that knows no regions, where one is called with the mask."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.norm(x)


class Pix2PixUNet(nn.Module):
    """(B, c_in, H, W) to an image (B, 3, H, W) in (-1, 1)."""

    def __init__(self, c_in: int, encoder_norm: Norm, decoder_norm: Norm, *, width: int = 64, bias: bool) -> None:
        """
        Args:
            c_in: channels of the input.
            encoder_norm: makes a norm from its number of channels, called with the features.
            decoder_norm: the same, called with the features and the mask.
            width: channels of the finest level.
            bias: of the convolutions that a norm follows; the last one always has a bias.
        """
        super().__init__()
        channels = [width * min(2**level, 8) for level in range(LEVELS)]
        last = LEVELS - 1
        self.down = nn.ModuleList(
            DownLevel(before, c, nn.Identity() if level in (0, last) else encoder_norm(c), bias=bias)
            for level, (before, c) in enumerate(itertools.pairwise([c_in, *channels]))
        )
        self.up = nn.ModuleList(
            UpLevel(
                channels[level] * (1 if level == last else 2),
                channels[level - 1],
                decoder_norm(channels[level - 1]),
                bias=bias,
                dropout=level in DROPOUT,
                gate=level in ATTENTIVE,
            )
            for level in range(1, LEVELS)
        )
        self.to_rgb = nn.ConvTranspose2d(2 * width, 3, kernel_size=4, stride=2, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x)
            if level < LEVELS - 1:
                # the released code activates in place: what travels over the skip is activated too
                x = functional.leaky_relu(x, 0.2)
                skips.append(x)
        for block in reversed(self.up):
            x = block(x, skips.pop(), mask)
        return torch.tanh(self.to_rgb(functional.relu(x)))
