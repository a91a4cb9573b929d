# SPDX-License-Identifier: Apache-2.0
"""The U-Net of iSSAM, with masked channel attention at its finest decoder level; CDTNet and PCT-Net build on it.

Attention: Cun and Pun, "Improving the Harmony of the Composite Image by Spatial-Separated Attention Module" (S2AM, IEEE
TIP 2020). U-Net: Sofiiuk et al., "Foreground-aware Semantic Representations for Image Harmonization" (WACV 2021), as in
SamsungLabs/image_harmonization 4d16b12 (`improved_ssam256`, `ssam256`).
Changed: the constant blur kernel is not part of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.models.layers import ConvReLU


@dataclass(frozen=True)
class UNetFeatures:
    """What the U-Net gives; `width` channels at full size, twice as many at each halving."""

    encoded: tuple[Tensor, ...]
    """Encoder outputs, finest first: (B, width * 2^i, H / 2^i, W / 2^i); the last is the bottleneck."""
    decoded: Tensor
    """(B, width, H, W) decoder map, ready for a head."""


class ChannelGate(nn.Module):
    """Scales each channel by sigmoid(MLP(average and maximum over the picture)), (B, C, H, W) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 16, 8)
        self.mlp = nn.Sequential(nn.Linear(2 * channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        return torch.sigmoid(self.mlp(pooled))[:, :, None, None] * x


class SpatialSeparatedAttention(nn.Module):
    """S2AM: m * (learn(foreground gate) + mix gate) + (1 - m) * background gate, with a blurred mask m."""

    blur: Tensor

    def __init__(self, channels: int, mid_k: float) -> None:
        super().__init__()
        mid = int(mid_k * channels)
        self.background = ChannelGate(channels)
        self.foreground = ChannelGate(channels)
        self.mix = ChannelGate(channels)
        self.learn = nn.Sequential(ConvReLU(channels, mid, bias=False), ConvReLU(mid, channels, bias=False))
        self.register_buffer("blur", gaussian_kernel(), persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Features (B, C, h, w) and mask (B, 1, H, W), which is resized to them."""
        mask = functional.interpolate(mask, size=x.shape[2:], mode="bilinear", align_corners=True)
        mask = functional.conv2d(mask, self.blur.to(mask.dtype), padding=self.blur.shape[2] // 2)
        return mask * (self.learn(self.foreground(x)) + self.mix(x)) + (1 - mask) * self.background(x)


def gaussian_kernel(size: int = 7, sigma: float = 1.0) -> Tensor:
    """(1, 1, size, size) Gaussian weights of sum 1."""
    line = torch.exp(-((torch.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    kernel = line[:, None] * line[None, :]
    return (kernel / kernel.sum())[None, None]


class UpBlock(nn.Module):
    """Doubles the size, joins the skip, attends to both if asked, and mixes: (B, 2C, h, w) to (B, C, 2h, 2w)."""

    def __init__(self, channels: int, mid_k: float | None) -> None:
        super().__init__()
        self.up = ConvReLU(2 * channels, channels, norm=False)
        self.attention = None if mid_k is None else SpatialSeparatedAttention(2 * channels, mid_k)
        self.convs = nn.Sequential(ConvReLU(2 * channels, channels), ConvReLU(channels, channels))

    def forward(self, x: Tensor, skip: Tensor, mask: Tensor) -> Tensor:
        x = self.up(functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        x = torch.cat([skip, x], dim=1)
        return self.convs(x if self.attention is None else self.attention(x, mask))


class AttentiveUNet(nn.Module):
    """The encoder-decoder without a head. Height and width must be multiples of 2^(depth-1)."""

    def __init__(
        self, width: int = 32, depth: int = 4, *, mid_k: float = 0.5, norm_from: int = 2, attend_from: int = 2
    ) -> None:
        """
        Args:
            width: channels of the finest level.
            depth: number of encoder levels.
            mid_k: channels inside an attention's learning block, as a factor of its own.
            norm_from: first encoder level with batch norm.
            attend_from: first decoder level (counted from the coarsest) with attention.
        """
        super().__init__()
        self.divisor = 2 ** (depth - 1)
        channels = [4, *(width * 2**level for level in range(depth))]
        self.encoder = nn.ModuleList(
            nn.Sequential(
                ConvReLU(c_in, c_out, norm=level >= norm_from), ConvReLU(c_out, c_out, norm=level >= norm_from)
            )
            for level, (c_in, c_out) in enumerate(pairwise(channels))
        )
        self.decoder = nn.ModuleList(
            UpBlock(c, mid_k if level >= attend_from else None) for level, c in enumerate(reversed(channels[1:-1]))
        )

    def encode(self, composite_norm: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Composite (B, 3, H, W) normalised and mask (B, 1, H, W) to the encoder's outputs, finest first."""
        x = torch.cat([composite_norm, mask], dim=1)
        encoded: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            encoded.append(x)
        return tuple(encoded)

    def decode(self, encoded: tuple[Tensor, ...], mask: Tensor) -> Tensor:
        """Encoder outputs to the decoder map (B, width, H, W)."""
        x = encoded[-1]
        for block, skip in zip(self.decoder, reversed(encoded[:-1]), strict=True):
            x = block(x, skip, mask)
        return x

    def forward(self, composite_norm: Tensor, mask: Tensor) -> UNetFeatures:
        encoded = self.encode(composite_norm, mask)
        return UNetFeatures(encoded, self.decode(encoded, mask))


_PARTS = {
    "upconv.1.block.0": "up.conv",
    "background_gate.attention_transform": "background.mlp",
    "foreground_gate.attention_transform": "foreground.mlp",
    "mix_gate.attention_transform": "mix.mlp",
    "learning_block": "learn",
    "convs.block": "convs",
    "block.0": "conv",
    "block.1": "norm",
}


def remap_unet(state: Mapping[str, Tensor], prefix: str = "unet.") -> dict[str, Tensor]:
    """Rename the `encoder.*` and `decoder.up_blocks.*` weights of the released code to those of an `AttentiveUNet`.

    Args:
        state: official names and weights; entries that belong to no U-Net are left out, and so is the blur kernel.
        prefix: where the U-Net sits in our network.
    """
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        if not key.startswith(("encoder.", "decoder.up_blocks.")) or key.endswith("mask_blurring.weight"):
            continue
        name = key.replace("blocks_connected.", "").replace("encoder.block", "encoder.").replace("up_blocks.", "")
        for official, ours in _PARTS.items():
            name = name.replace(f".{official}.", f".{ours}.")
        if name.startswith("encoder."):
            name = name.replace(".convs.", ".", 1)
        renamed[prefix + name] = value
    return renamed
