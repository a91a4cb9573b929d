# SPDX-License-Identifier: Apache-2.0
"""iSSAM and S2AM: a U-Net whose finest decoder level treats foreground and background by gates of their own.

Sofiiuk et al., "Foreground-aware Semantic Representations for Image Harmonization" (WACV 2021), as in
SamsungLabs/image_harmonization 4d16b12: `improved_ssam256` blends its colours with the composite, `ssam256` is the
wider network after Cun and Pun (S2AM, IEEE TIP 2020) that gives the colours directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.blocks_ssam import AttentiveUNet, UNetFeatures, remap_unet
from harmonize_core.models.layers import BlendHead, denormalize, normalize


@dataclass(frozen=True)
class ISSAMConfig(ModelConfig):
    """Shape of iSSAM; the defaults are the paper's."""

    width: int = 32
    """Channels of the finest level."""
    depth: int = 4
    """Encoder levels."""
    mid_k: float = 0.5
    """Channels inside the attention's learning block, as a factor of its own."""

    sides = (64, 128, 256, 512)

    def build(self) -> ISSAM:
        return ISSAM(self)


@dataclass(frozen=True)
class S2AMConfig(ModelConfig):
    """Shape of S2AM; the defaults are the released code's."""

    width: int = 64
    """Channels of the finest level."""
    depth: int = 4
    """Encoder levels."""
    mid_k: float = 2.0
    """Channels inside the attention's learning block, as a factor of its own."""

    sides = ISSAMConfig.sides

    def build(self) -> S2AM:
        return S2AM(self)


@dataclass(frozen=True)
class S2AMOutput(Output):
    """The picture and what led to it."""

    features: UNetFeatures


@dataclass(frozen=True)
class ISSAMOutput(Output):
    """The picture and what led to it."""

    features: UNetFeatures
    attention: Tensor
    """(B, 1, H, W) share of the composite in each pixel, in (0, 1)."""


class ISSAM(HarmonizationModel):
    """The U-Net with a blending head; height and width must be multiples of 2^(depth-1)."""

    def __init__(self, config: ISSAMConfig | None = None) -> None:
        super().__init__()
        config = config or ISSAMConfig()
        self.unet = AttentiveUNet(config.width, config.depth, mid_k=config.mid_k)
        self.divisor = self.unet.divisor
        self.head = BlendHead(config.width)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> ISSAMOutput:
        composite_norm = normalize(composite)
        features = self.unet(composite_norm, mask)
        harmonized, attention = self.head(features.decoded, composite_norm)
        return ISSAMOutput(denormalize(harmonized), features, attention)


class S2AM(HarmonizationModel):
    """The U-Net with a colour head; height and width must be multiples of 2^(depth-1)."""

    def __init__(self, config: S2AMConfig | None = None) -> None:
        super().__init__()
        config = config or S2AMConfig()
        self.unet = AttentiveUNet(config.width, config.depth, mid_k=config.mid_k)
        self.divisor = self.unet.divisor
        self.to_rgb = nn.Conv2d(config.width, 3, kernel_size=1)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> S2AMOutput:
        features = self.unet(normalize(composite), mask)
        return S2AMOutput(denormalize(self.to_rgb(features.decoded)), features)


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the released code (its `state_dict()` keys) to those of `ISSAM` or, without attention at
    the end, of `S2AM`."""
    renamed = remap_unet(state)
    blend = "decoder.conv_attention.weight" in state
    for part in ("weight", "bias"):
        renamed[f"head.to_rgb.{part}" if blend else f"to_rgb.{part}"] = state[f"decoder.to_rgb.{part}"]
        if blend:
            renamed[f"head.attention.{part}"] = state[f"decoder.conv_attention.{part}"]
    return renamed


register(
    ModelEntry(
        "issam_256",
        ISSAMConfig(),
        InputSpec(size=256, divisor=8),
        source="Sofiiuk et al., Foreground-aware Semantic Representations for Image Harmonization, WACV 2021 "
        "(SamsungLabs/image_harmonization@4d16b12, improved_ssam256)",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
register(
    ModelEntry(
        "s2am_256",
        S2AMConfig(),
        InputSpec(size=256, divisor=8),
        source="Cun and Pun, Improving the Harmony of the Composite Image by Spatial-Separated Attention Module, "
        "IEEE TIP 2020 (SamsungLabs/image_harmonization@4d16b12, ssam256)",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
