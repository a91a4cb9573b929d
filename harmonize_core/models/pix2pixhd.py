# SPDX-License-Identifier: Apache-2.0
"""pix2pixHD: a residual generator at a sixteenth of the size, judged by patch critics on two scales.

Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs" (CVPR 2018), the global
generator G1 of NVIDIA/pix2pixHD 5a2c872 (`--netG global`, `models/networks.py`); one of the networks of CDTNet's
high-resolution table. Changed: the input is the composite in [-1, 1] with its mask instead of a label map.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.blocks_resnet import MultiScale, PatchDiscriminator, ResnetGenerator


@dataclass(frozen=True)
class Pix2PixHDConfig(ModelConfig):
    """Shape of generator and critics; the defaults are the released code's."""

    width: int = 64
    """Channels of the generator at full size."""
    halvings: int = 4
    """Of the size; the residual blocks have width * 2^halvings channels."""
    blocks: int = 9
    """Residual blocks."""
    critic_width: int = 64
    """Channels of the critics' first layer."""
    scales: int = 2
    """Number of critics (the paper: 3, the released default: 2)."""

    def build(self) -> Pix2PixHD:
        return Pix2PixHD(self)


class Pix2PixHD(HarmonizationModel):
    """The global generator (182.4 M parameters); the picture is generated anew, background included."""

    def __init__(self, config: Pix2PixHDConfig | None = None) -> None:
        super().__init__()
        self.config = config or Pix2PixHDConfig()
        self.divisor = 2 ** (self.config.halvings + 1)
        self.generator = ResnetGenerator(
            4, width=self.config.width, halvings=self.config.halvings, blocks=self.config.blocks
        )

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        return Output((self.generator(condition(composite, mask)) + 1.0) / 2.0)


def condition(composite: Tensor, mask: Tensor) -> Tensor:
    """(B, 4, H, W): the composite in [-1, 1] and the mask, what generator and critics are conditioned on."""
    return torch.cat([2.0 * composite - 1.0, mask], dim=1)


def discriminator(config: Pix2PixHDConfig) -> MultiScale:
    """Critics of condition and picture, (B, 7, H, W)."""
    return MultiScale(lambda: PatchDiscriminator(7, width=config.critic_width, padding=2), config.scales)


register(
    ModelEntry(
        "pix2pixhd",
        Pix2PixHDConfig(),
        InputSpec(size=256, divisor=32),
        source="Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, "
        "CVPR 2018 (NVIDIA/pix2pixHD@5a2c872, global generator)",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
