# SPDX-License-Identifier: Apache-2.0
"""HiDT: content and style apart; the composite's content is drawn again in the style of its background.

Anokhin et al., "High-Resolution Daytime Translation Without Domain Labels" (CVPR 2020), the translation network of
advimman/HiDT f62a736 (`configs/daytime.yaml`, `hidt/networks/generators`); one of the networks of CDTNet's
high-resolution table, whose authors do not say how they gave it composites. Changed: the style is the mean over the
background alone; the result is pasted on the composite by the mask; no segmentation maps among the outputs; the
separate network that merges crops of large pictures is left out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.blocks_retinex import PadConv, Residual

SKIPPED = 5
"""Channels of a content level that reach the decoder past the bottleneck."""


@dataclass(frozen=True)
class HiDTConfig(ModelConfig):
    """Shape of the network; the defaults are those of `configs/daytime.yaml`."""

    width: int = 48
    """Channels at full size; content has four times as many."""
    style: int = 3
    """Length of a style."""
    content_blocks: int = 4
    decoder_blocks: int = 5
    hidden: int = 64
    """Units of the network that turns a style into the decoder's scales and shifts."""
    outputs: int = 3
    """Channels drawn; 6 in the released network, which also draws a segmentation."""

    def build(self) -> HiDT:
        return HiDT(self)


@dataclass(frozen=True)
class HiDTOutput(Output):
    """The pasted picture and what it was made from."""

    drawn: Tensor
    """(B, 3, H, W) the whole picture in the background's style, before it is pasted."""
    style: Tensor
    """(B, style) of the background."""


class ContentEncoder(nn.Module):
    """(B, 3, H, W) to content (B, 4 width, H/4, W/4) and five channels of each finer level, coarse first."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.first = PadConv(3, width, 9, norm="instance", activation="relu")
        self.down = nn.ModuleList(
            PadConv(c, 2 * c, 6, stride=2, norm="instance", activation="relu") for c in (width, 2 * width)
        )
        self.blocks = nn.Sequential(*(Residual(4 * width, "instance", "relu") for _ in range(blocks)))

    def forward(self, image: Tensor) -> list[Tensor]:
        x, levels = self.first(image), []
        for block in self.down:
            levels.insert(0, x[:, :SKIPPED])
            x = block(x)
        return [self.blocks(x), *levels]


class StyleEncoder(nn.Module):
    """Picture and where to look to a style (B, style)."""

    def __init__(self, width: int, style: int) -> None:
        super().__init__()
        channels = [width, 2 * width, 4 * width, 4 * width, 4 * width]
        self.layers = nn.Sequential(
            PadConv(3, width, 7, norm="none"),
            *(PadConv(a, b, 4, stride=2, norm="none") for a, b in itertools.pairwise(channels)),
        )
        self.to_style = nn.Linear(channels[-1], style)

    def forward(self, image: Tensor, region: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1], regions (B, 1, H, W) in [0, 1]; 1 everywhere is the published network."""
        features = self.layers(image * region)
        weight = functional.adaptive_avg_pool2d(region, features.shape[-2:])
        mean = (features * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3)).clamp_min(1e-6)
        return self.to_style(mean)


class StyledConv(nn.Module):
    """Reflected borders, convolution, instance norm whose scale and shift are given, ReLU where asked for."""

    def __init__(self, channels: int, kernel: int, *, activation: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, padding_mode="reflect")
        self.activation = activation

    def forward(self, x: Tensor, shift_scale: Tensor) -> Tensor:
        """Features (B, C, h, w) and shifts followed by scales (B, 2 C)."""
        shift, scale = shift_scale[..., None, None].chunk(2, dim=1)
        x = functional.instance_norm(self.conv(x)) * scale + shift
        return functional.relu(x) if self.activation else x


class Decoder(nn.Module):
    """Content levels and a style to a picture (B, outputs, H, W), not bounded."""

    def __init__(self, config: HiDTConfig) -> None:
        super().__init__()
        c = 4 * config.width
        self.blocks = nn.ModuleList(
            StyledConv(c, 3, activation=place == 0) for _ in range(config.decoder_blocks) for place in range(2)
        )
        self.skips = nn.ModuleList(StyledConv(SKIPPED, 7, activation=True) for _ in range(2))
        self.up = nn.ModuleList(PadConv(n + SKIPPED, n // 2, 7, norm="sample", activation="relu") for n in (c, c // 2))
        self.to_rgb = PadConv(c // 4, config.outputs, 9, norm="none", activation="none")
        self.sizes = [2 * c] * len(self.blocks) + [2 * SKIPPED] * 2
        self.from_style = nn.Sequential(
            nn.Linear(config.style, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, sum(self.sizes)),
        )

    def forward(self, content: list[Tensor], style: Tensor) -> Tensor:
        *of_blocks, of_half, of_full = self.from_style(style).split(self.sizes, dim=1)
        x, *levels = content
        for number in range(0, len(self.blocks), 2):
            inner = self.blocks[number](x, of_blocks[number])
            x = x + self.blocks[number + 1](inner, of_blocks[number + 1])
        for block, skip, level, params in zip(self.up, self.skips, levels, (of_half, of_full), strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skip(level, params)], dim=1))
        return self.to_rgb(x)


class HiDT(HarmonizationModel):
    """Content encoder, style encoder and decoder (9.8 M parameters)."""

    divisor = 16

    def __init__(self, config: HiDTConfig | None = None) -> None:
        super().__init__()
        self.config = config or HiDTConfig()
        self.content = ContentEncoder(self.config.width, self.config.content_blocks)
        self.style = StyleEncoder(self.config.width, self.config.style)
        self.decoder = Decoder(self.config)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> HiDTOutput:
        """Harmonize; pixels with mask 0 come out as they went in."""
        style = self.style(2.0 * composite - 1.0, 1.0 - mask)
        drawn = self.draw(composite, style)
        return HiDTOutput(mask * drawn + (1.0 - mask) * composite, drawn, style)

    def draw(self, picture: Tensor, style: Tensor) -> Tensor:
        """The content of pictures (B, 3, H, W) in the given styles, both sRGB in [0, 1], the result not clamped."""
        return (self.decoder(self.content(2.0 * picture - 1.0), style)[:, :3] + 1.0) / 2.0


register(
    ModelEntry(
        "hidt",
        HiDTConfig(),
        InputSpec(size=256, divisor=HiDT.divisor),
        source="Anokhin et al., High-Resolution Daytime Translation Without Domain Labels, CVPR 2020 "
        "(advimman/HiDT@f62a736, daytime)",
        licence="Apache-2.0",
        features=frozenset({"onnx", "background"}),
    )
)
