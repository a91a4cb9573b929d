# SPDX-License-Identifier: Apache-2.0
"""iDIH: a deep encoder-decoder of strided convolutions that blends its colours with the composite by attention.

Sofiiuk et al., "Foreground-aware Semantic Representations for Image Harmonization" (WACV 2021), as in
SamsungLabs/image_harmonization 4d16b12 (`improved_dih256`, `improved_dih512`). CharmNet's branches are this network.
`EncoderDecoder` also takes features of another network (HRNet) into its encoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.layers import BlendHead, ConvBlock, DeconvBlock, denormalize, normalize

INJECT_FROM = 2
"""First encoder block whose input foreign features join; it sees a quarter of the picture's size."""


@dataclass(frozen=True)
class IDIHConfig(ModelConfig):
    """Shape of the network; the defaults are iDIH-256's."""

    width: int = 64
    """Channels of the outermost level; deeper ones have 1, 2, 2, 4, 4, 8, 8 times as many."""
    depth: int = 7
    """Number of halvings; pictures are multiples of 2^(depth+1)."""

    sides = (64, 128, 256, 512)

    def at(self, side: int) -> IDIHConfig:
        return replace(self, depth=side.bit_length() - 2)

    def build(self) -> IDIH:
        return IDIH(self)


@dataclass(frozen=True)
class BlendedOutput(Output):
    """The picture and how it was blended."""

    attention: Tensor
    """(B, 1, H, W) share of the composite in each pixel, in (0, 1)."""


class EncoderDecoder(nn.Module):
    """The network in normalised space."""

    def __init__(self, width: int = 64, depth: int = 7, injected: Sequence[int] = ()) -> None:
        """
        Args:
            width: channels of the outermost level.
            depth: number of halvings.
            injected: channels of the features that join the inputs of encoder blocks INJECT_FROM, INJECT_FROM + 1, ...
        """
        super().__init__()
        channels = [width * min(2 ** (level // 2), 8) for level in range(depth)]
        inputs = [4, *channels[:-1]]
        for block, extra in enumerate(injected, INJECT_FROM):
            inputs[block] += extra
        last = depth - 1
        self.encoder = nn.ModuleList(
            ConvBlock(c_in, c_out, padding=int(level < last), norm=level >= 2)
            for level, (c_in, c_out) in enumerate(zip(inputs, channels, strict=True))
        )
        outputs = [width // 2, *channels[:-1]]
        self.decoder = nn.ModuleList(
            DeconvBlock(channels[level], outputs[level], padding=int(level < last)) for level in reversed(range(depth))
        )
        self.head = BlendHead(width // 2)

    def forward(self, composite_norm: Tensor, mask: Tensor, injected: Sequence[Tensor] = ()) -> tuple[Tensor, Tensor]:
        """Harmonize.

        Args:
            composite_norm: (B, 3, H, W) normalised composite.
            mask: (B, 1, H, W) in [0, 1], 1 = foreground.
            injected: foreign features (B, C, H/4, W/4), then half the size each; as many as were announced.

        Returns:
            (B, 3, H, W) harmonized, normalised; (B, 1, H, W) share of the composite in each pixel.
        """
        x = torch.cat([composite_norm, mask], dim=1)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            if 0 <= level - INJECT_FROM < len(injected):
                x = torch.cat([x, injected[level - INJECT_FROM]], dim=1)
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.decoder:
            x = block(x)
            if skips:
                x = x + skips.pop()
        return self.head(x, composite_norm)


class IDIH(HarmonizationModel):
    """iDIH without semantic features."""

    def __init__(self, config: IDIHConfig | None = None) -> None:
        super().__init__()
        config = config or IDIHConfig()
        self.divisor = 2 ** (config.depth + 1)
        self.network = EncoderDecoder(config.width, config.depth)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> BlendedOutput:
        harmonized, attention = self.network(normalize(composite), mask)
        return BlendedOutput(denormalize(harmonized), attention)


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the released code (its `state_dict()` keys) to those of `IDIH`."""
    return {f"network.{official_layer(key)}": value for key, value in state.items()}


def official_layer(key: str) -> str:
    """Name within `EncoderDecoder` of a weight of the released encoder-decoder."""
    key = re.sub(r"^encoder\.(blocks_connected\.)?block(\d+)\.block", r"encoder.\2", key)
    key = re.sub(r"^decoder\.deconv_blocks\.(\d+)\.block", r"decoder.\1", key)
    key = re.sub(r"^(encoder|decoder)\.(\d+)\.0\.", r"\1.\2.conv.", key)
    key = re.sub(r"^(encoder|decoder)\.(\d+)\.1\.", r"\1.\2.norm.", key)
    return key.replace("decoder.conv_attention", "head.attention").replace("decoder.to_rgb", "head.to_rgb")


for _size, _depth in ((256, 7), (512, 8)):
    register(
        ModelEntry(
            f"idih_{_size}",
            IDIHConfig(depth=_depth),
            InputSpec(size=_size, divisor=_size),
            source="Sofiiuk et al., Foreground-aware Semantic Representations for Image Harmonization, WACV 2021 "
            f"(SamsungLabs/image_harmonization@4d16b12, improved_dih{_size})",
            licence="Apache-2.0",
            features=frozenset({"onnx"}),
        )
    )
