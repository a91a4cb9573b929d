# SPDX-License-Identifier: Apache-2.0
"""What foreground and background look like, and which part of the background is like a part of the foreground.

Harmonizing compares two regions of one picture: their colours (Reinhard et al., "Color Transfer between Images", IEEE
CG&A 2001, compares means and deviations), their features (RainNet and S2AM do), and the places that show the same
material or stand in the same light (cross attention of foreground to background, as Guo et al., "Image Harmonization
With Transformer", ICCV 2021, have it among all patches).
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.models.look import srgb_to_linear

CELLS = 64
"""Rows and columns of the averages that colour statistics are taken of."""

BINS = 8
"""Of the histogram of each channel."""

COLORS = 6
"""Numbers of a colour, each of spread about 1: sRGB, and log light, where exposure and white balance are shifts."""

STATISTICS = 2 * COLORS + 3 * BINS

HEADS = 4

FLOOR = 1e-3
"""Share of a region that counts as none."""


def colors_of(composite: Tensor, weight: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Mean colours of a region in `size` x `size` cells, and how much of each cell it covers.

    Args:
        composite: (B, 3, H, W) sRGB.
        weight: (B, 1, H, W) in [0, 1].
        size: a divisor of H and W.

    Returns:
        (B, 6, size, size) 4 (sRGB - 1/2) and log2(linear + 1/64) + 2, and (B, 1, size, size) in [0, 1].
    """
    covered = functional.adaptive_avg_pool2d(weight, size)
    mean = functional.adaptive_avg_pool2d(composite * weight, size) / covered.clamp_min(FLOOR)
    return torch.cat([4 * mean - 2, torch.log2(srgb_to_linear(mean) + 1 / 64) + 2], dim=1), covered


def color_statistics(composite: Tensor, weight: Tensor) -> Tensor:
    """(B, 36) of a region of (B, 3, H, W) sRGB under weights (B, 1, H, W): mean and spread of each number of its
    colours, and a soft histogram of each channel."""
    colors, covered = colors_of(composite, weight, CELLS)
    total = covered.sum(dim=(2, 3)).clamp_min(FLOOR)
    places = BINS * (colors[:, :3] + 2) / 4  # 0 to BINS
    bins = [
        BINS * (functional.relu(1 - (places - n - 0.5).abs()) * covered).sum(dim=(2, 3)) / total for n in range(BINS)
    ]
    return torch.cat([*mean_and_spread(colors, covered), *bins], dim=1)


def mean_and_spread(features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation (B, C) of (B, C, H, W) under (B, 1, H, W); zeros without any weight."""
    total = weight.sum(dim=(2, 3)).clamp_min(FLOOR)
    mean = (features * weight).sum(dim=(2, 3)) / total
    variance = ((features - mean[:, :, None, None]) ** 2 * weight).sum(dim=(2, 3)) / total
    return mean, (variance + 1e-6).sqrt()


class Compare(nn.Module):
    """Statistics of foreground and background, in colours and in features, to one vector (B, hidden)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4 * channels + 2 * STATISTICS, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )

    def forward(self, composite: Tensor, mask: Tensor, features: Tensor) -> Tensor:
        """Composite (B, 3, H, W) sRGB, mask (B, 1, H, W), features (B, C, h, h)."""
        small = functional.adaptive_avg_pool2d(mask, features.shape[2])
        seen = [color_statistics(composite, weight) for weight in (mask, 1 - mask)]
        understood = [torch.cat(mean_and_spread(features, weight), dim=1) for weight in (small, 1 - small)]
        return self.layers(torch.cat([*seen, *understood], dim=1))


class BackgroundAttention(nn.Module):
    """Every place asks the background: features and colours of the parts that are like it, and near it.

    Cross attention with the background's coverage as a prior, and in each head a penalty on distance that is learned,
    from none to steep at first (after Press et al., "Train Short, Test Long", ICLR 2022).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels + COLORS, channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.steepness = nn.Parameter(torch.zeros(HEADS))

    def reset(self) -> None:
        """First steepness of each head: e-folds over the picture's side."""
        with torch.no_grad():
            self.steepness.copy_(torch.tensor([0.0, 2.0, 8.0, 32.0]))

    def forward(self, features: Tensor, composite: Tensor, mask: Tensor) -> Tensor:
        """Features (B, C, h, h), composite (B, 3, H, W) sRGB, mask (B, 1, H, W): what was found (B, C, h, h)."""
        side = features.shape[2]
        colors, covered = colors_of(composite, 1 - mask, side)
        query, key, value = (
            layer(x).unflatten(1, (HEADS, -1)).flatten(3).transpose(2, 3)
            for layer, x in (
                (self.query, features),
                (self.key, features),
                (self.value, torch.cat([features, colors], 1)),
            )
        )
        away = torch.as_tensor(_distances(side), dtype=features.dtype, device=features.device)
        prior = torch.log(covered.flatten(2) + FLOOR)[:, :, None] - self.steepness.view(-1, 1, 1) * away
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=prior)
        return self.out(found.transpose(2, 3).flatten(1, 2).unflatten(2, (side, side)))


@functools.cache
def _distances(side: int) -> np.ndarray:
    """(side^2, side^2) between the centres of cells, in sides of the picture."""
    centres = (np.arange(side) + 0.5) / side
    places = np.stack(np.meshgrid(centres, centres, indexing="ij")).reshape(2, -1)
    return np.hypot(*(places[:, :, None] - places[:, None, :])).astype(np.float32)
