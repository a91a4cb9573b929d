# SPDX-License-Identifier: Apache-2.0
"""iDIH guided by semantics: features of an HRNet that sees picture and mask enter iDIH's encoder.

Sofiiuk et al., "Foreground-aware Semantic Representations for Image Harmonization" (WACV 2021), as in
SamsungLabs/image_harmonization 4d16b12 (`hrnet18s_idih256` and its relatives; v2p: a pyramid of features).
Changed: nothing in the network. There the HRNet starts from ImageNet weights, which come with neither this package nor
its training; start from released weights (`harmonize import-weights`) or expect to train longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, register_variants
from harmonize_core.models.hrnet_backbone import BasicBlock, Bottleneck, HRNetV2, ObjectContext
from harmonize_core.models.idih import BlendedOutput, EncoderDecoder, official_layer
from harmonize_core.models.layers import ConvBlock, denormalize, normalize

MASK_SCALE = 0.1
"""First value of the factor on the mask's features: the HRNet begins with nearly the picture alone."""


@dataclass(frozen=True)
class HRNetIDIHConfig(ModelConfig):
    """Which HRNet, and how its features enter; the defaults are hrnet18s_idih256's."""

    hrnet_width: int = 18
    """Channels of the HRNet's finest branch."""
    small: bool = True
    """Half the blocks and fewer modules."""
    pyramid_channels: int | None = None
    """Channels of each of four feature maps that enter encoder blocks 2 to 5 (v2p); None: one map into block 2."""
    ocr_channels: int = 64
    """Channels of keys and queries; the features have twice as many."""

    def build(self) -> HRNetIDIH:
        return HRNetIDIH(self)


class Pyramid(nn.Module):
    """One feature map to several, each half the size of the one before."""

    def __init__(self, c_in: int, channels: int, levels: int = 4) -> None:
        super().__init__()
        self.reduce = ConvBlock(c_in, channels, kernel_size=1, stride=1, padding=0)
        self.levels = nn.ModuleList(ConvBlock(channels, channels, kernel_size=3, stride=1) for _ in range(levels))

    def forward(self, features: Tensor) -> list[Tensor]:
        x = self.reduce(features)
        maps: list[Tensor] = []
        for level, block in enumerate(self.levels):
            x = functional.max_pool2d(x, 2) if level else x
            maps.append(block(x))
        return maps


class HRNetIDIH(HarmonizationModel):
    """HRNetV2, object context, perhaps a pyramid, and iDIH-256."""

    divisor = 256
    rate_factors = MappingProxyType({"backbone": 0.1})  # iharmony/model/backboned/hrnet.py: `lr_mult`; its heads at 1

    def __init__(self, config: HRNetIDIHConfig | None = None) -> None:
        super().__init__()
        config = config or HRNetIDIHConfig()
        self.mask_conv = nn.Conv2d(1, 64, 3, stride=2, padding=1)
        self.mask_scale = nn.Parameter(torch.tensor([MASK_SCALE]))
        self.backbone = HRNetV2(config.hrnet_width, small=config.small)
        self.context = ObjectContext(self.backbone.channels, config.ocr_channels)
        channels = config.pyramid_channels
        self.pyramid = None if channels is None else Pyramid(self.context.channels, channels)
        injected = [self.context.channels] if channels is None else 4 * [channels]
        self.network = EncoderDecoder(injected=injected)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> BlendedOutput:
        composite_norm = normalize(composite)
        mask_features = self.mask_scale.abs() * self.mask_conv(mask)
        features = self.context(self.backbone(composite_norm, mask_features), mask)
        injected = [features] if self.pyramid is None else self.pyramid(features)
        harmonized, attention = self.network(composite_norm, mask, injected)
        return BlendedOutput(denormalize(harmonized), attention)

    def reset_special(self) -> None:
        """The mask nearly silent, residual blocks as identities (Goyal et al., "Accurate, Large Minibatch SGD", 2017,
        section 5.1): without ImageNet weights their sums would grow from block to block."""
        with torch.no_grad():
            self.mask_scale.fill_(MASK_SCALE)
            for block in self.backbone.modules():
                if isinstance(block, BasicBlock | Bottleneck):
                    block.last_norm.weight.zero_()


_CONTEXT = {
    "conv3x3_ocr": "reduce",
    "ocr_distri_head.object_context_block.f_pixel": "pixel",
    "ocr_distri_head.object_context_block.f_object": "region",
    "ocr_distri_head.object_context_block.f_down": "value",
    "ocr_distri_head.object_context_block.f_up": "expand",
    "ocr_distri_head.conv_bn_dropout": "merge",
}
_TWICE = ("pixel", "region")
"""Parts of the context with two convolutions."""


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the released code (its `state_dict()` keys) to those of `HRNetIDIH`."""
    return {_our_name(key): value for key, value in state.items()}


def _our_name(key: str) -> str:
    if key.startswith("model."):
        return f"network.{official_layer(key.removeprefix('model.'))}"
    if key.startswith("mask_conv."):
        return key.replace("mask_conv.0", "mask_conv").replace("mask_conv.1.scale", "mask_scale")
    if key.startswith("backbone.downsize."):
        key = key.replace("backbone.downsize.reduce_conv", "pyramid.reduce")
        key = key.replace("backbone.downsize.convs", "pyramid.levels")
        return key.replace(".block.0.", ".conv.").replace(".block.1.", ".norm.")
    key = key.removeprefix("backbone.hrnet.")
    for official, part in _CONTEXT.items():
        if key.startswith(f"{official}."):
            index, *_, leaf = key.removeprefix(f"{official}.").split(".")  # convolutions have even indices, norms odd
            block, layer = divmod(int(index), 2)
            return f"context.{part}.{block}.{layer}.{leaf}" if part in _TWICE else f"context.{part}.{layer}.{leaf}"
    return f"backbone.{key}"


register_variants(
    {
        "hrnet18s_idih_256": HRNetIDIHConfig(),
        "hrnet18s_v2p_idih_256": HRNetIDIHConfig(pyramid_channels=256),
        "hrnet18_idih_256": HRNetIDIHConfig(small=False),
        "hrnet18_v2p_idih_256": HRNetIDIHConfig(small=False, pyramid_channels=256),
        "hrnet32_idih_256": HRNetIDIHConfig(hrnet_width=32, small=False),
    },
    InputSpec(size=256, divisor=HRNetIDIH.divisor),
    source="Sofiiuk et al., Foreground-aware Semantic Representations for Image Harmonization, WACV 2021 "
    "(SamsungLabs/image_harmonization@4d16b12)",
    licence="Apache-2.0",
    features=frozenset({"onnx"}),
)
