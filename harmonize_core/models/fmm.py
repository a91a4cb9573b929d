# SPDX-License-Identifier: Apache-2.0
"""FMM: a residual U-Net whose foreground features take the contrast of the background that resembles them.

Hao, Iizuka and Fukui, "Image Harmonization with Attention-based Deep Feature Modulation" (BMVC 2020), as released in
Dominoer/bmvc2020_image_harmonization b7888a7, `model.py`; the ablation is the one of their poster: the backbone alone,
with SAGAN's self-attention, with the modulation but without its self-attention ("A"), and with both.
Changed: nothing that is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, Output, register_variants
from harmonize_core.models.layers import ConvReLU

MEAN = 0.4462414
"""Mean of all channels of the authors' training pictures, sRGB in [0, 1]."""

STD_EPS = 1e-5
"""Added to variances; a region without any pixel then has a standard deviation of 0.003."""


@dataclass(frozen=True)
class FmmConfig(ModelConfig):
    """Which attention the backbone carries; the default is the published network."""

    self_attention: bool = True
    """SAGAN's self-attention on the deepest features."""
    modulation: bool = True
    """Feature modulation: foreground features scaled to the standard deviation of the attended background."""

    def build(self) -> Fmm:
        return Fmm(self)


class Attention(nn.Module):
    """Every position of one map gathers values from all positions of another: softmax(q k) v, without scaling."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, kernel_size=1)
        self.key = nn.Conv2d(channels, channels // 8, kernel_size=1)
        self.value = nn.Conv2d(channels, channels, kernel_size=1)
        self.gamma = nn.Parameter(torch.zeros(1))
        """Weight of what the attention is used for in the residual sum; training starts without it."""

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        """Two maps (B, C, H, W) to what `x` finds in `source`, (B, C, H, W). Memory grows with (H W)^2."""
        query, key, value = (f.flatten(2) for f in (self.query(x), self.key(source), self.value(source)))
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)
        return (value @ weights.transpose(1, 2)).view_as(x)


class FeatureModulation(nn.Module):
    """The paper's module, or the parts of it that an ablation keeps."""

    def __init__(self, channels: int, config: FmmConfig) -> None:
        super().__init__()
        self.within = Attention(channels) if config.self_attention else None
        self.across = Attention(channels) if config.modulation else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Features (B, C, h, w) and the mask (B, 1, H, W) at the picture's size: features of the same shape."""
        if self.within is not None:
            x = x + self.within.gamma * self.within(x, x)
        if self.across is not None:
            inside = region(mask, x.shape[2])
            foreground, background = inside * x, (1.0 - inside) * x
            x = x + self.across.gamma * modulated(foreground, self.across(foreground, background))
        return x


def region(mask: Tensor, height: int) -> Tensor:
    """Mask (B, 1, H, W) to {0, 1} at feature height `height`: the first 2x2 pixels of each cell averaged, rounded."""
    stride = mask.shape[2] // height
    return torch.round(functional.avg_pool2d(mask, 2, stride=stride)) if stride > 1 else mask


def modulated(foreground: Tensor, background: Tensor) -> Tensor:
    """Foreground (B, C, h, w) times std(background) / std(foreground) per channel; means stay (unlike AdaIN's).

    As released: the statistics run over the whole map, the zeros outside the foreground included, and the variance is
    the unbiased one plus 1e-5.
    """
    deviations = ((f.flatten(2).var(dim=2) + STD_EPS).sqrt()[:, :, None, None] for f in (background, foreground))
    numerator, denominator = deviations
    return foreground * (numerator / denominator)


class UpBlock(nn.Module):
    """Features and their skip to twice the size: concatenation, bilinear upsampling (align_corners), 3x3 block."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.block = ConvReLU(c_in, c_out)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = torch.cat([x, skip], dim=1)
        return self.block(functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))


class Fmm(HarmonizationModel):
    """(B, 4, H, W) to 1/8 of the size and back; the output is composite + tanh(residual), clamped (11.591 M)."""

    divisor = 8

    def __init__(self, config: FmmConfig | None = None) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [
                nn.Sequential(ConvReLU(4, 64, stride=2), ConvReLU(64, 128)),
                nn.Sequential(ConvReLU(128, 256, stride=2), ConvReLU(256, 256)),
                nn.Sequential(ConvReLU(256, 512, stride=2), *(ConvReLU(512, 512) for _ in range(3))),
            ]
        )
        self.bottleneck = ConvReLU(512, 256)
        self.attention = FeatureModulation(256, config or FmmConfig())
        self.up = nn.ModuleList([UpBlock(256 + 512, 128), UpBlock(128 + 256, 32), UpBlock(32 + 128, 16)])
        self.to_residual = nn.Conv2d(16, 3, kernel_size=3, padding=1)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        x = torch.cat([composite - MEAN, mask], dim=1)
        skips: list[Tensor] = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = self.attention(self.bottleneck(x), mask)
        for block in self.up:
            x = block(x, skips.pop())
        return Output((composite + torch.tanh(self.to_residual(x))).clamp(0.0, 1.0))

    def reset_special(self) -> None:
        """Both attentions start with weight 0: the backbone alone."""
        for module in self.modules():
            if isinstance(module, Attention):
                nn.init.zeros_(module.gamma)


_PLACES = {
    **{f"Down{2 * s + i + 1}": f"down.{s}.{i}" for s in range(2) for i in range(2)},
    **{f"Down{5 + i}": f"down.2.{i}" for i in range(4)},
    "Down9": "bottleneck",
    "FB_FMM.SA": "attention.within",
    "FB_FMM": "attention.across",
    **{f"Up{i + 1}": f"up.{i}.block" for i in range(3)},
    "output": "to_residual",
}

_PARTS = {"conv2d": "conv", "bn": "norm", "query_conv": "query", "key_conv": "key", "value_conv": "value"}


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the released network (its `state_dict()` keys) to those of `Fmm`."""
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        place = next((p for p in _PLACES if key.startswith(f"{p}.")), "")
        rest = key.removeprefix(f"{place}.").split(".")
        renamed[".".join([_PLACES[place], *(_PARTS.get(part, part) for part in rest)])] = value
    return renamed


register_variants(
    {
        "fmm_256": FmmConfig(),
        "fmm_256_baseline": FmmConfig(self_attention=False, modulation=False),
        "fmm_256_self_attention": FmmConfig(modulation=False),
        "fmm_256_a": FmmConfig(self_attention=False),
    },
    InputSpec(size=256, divisor=Fmm.divisor),
    source="Hao et al., Image Harmonization with Attention-based Deep Feature Modulation, BMVC 2020 "
    "(Dominoer/bmvc2020_image_harmonization@b7888a7)",
    licence="Apache-2.0",
    features=frozenset({"onnx"}),
)
