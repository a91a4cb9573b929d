# SPDX-License-Identifier: Apache-2.0
"""What the translators UNIT, CycleGAN and CUT have in common: the harmonizer that their translations train.

The quantitative comparison of CharmNet (Cao et al., BMVC 2022) lists these three by name; their protocol was not
published. Ours: they translate rendered pictures into the domain of photographs, and iDIH is trained with the result,
both in one run: the translator on unpaired ground truths of the two domains, iDIH on translated and photographic
triplets together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InferenceNetwork, ModelConfig
from harmonize_core.models.blocks_retinex import PadConv
from harmonize_core.models.idih import BlendedOutput, IDIHConfig


@dataclass(frozen=True)
class TranslatedConfig(ModelConfig):
    """What the three have in common; the defaults are the released codes' and iDIH-256's."""

    width: int = 64
    """Channels of a translator at full size."""
    critic_width: int = 64
    """Channels of a critic's first layer."""
    harmonizer_width: int = 64
    """Channels of iDIH's outermost level."""
    harmonizer_depth: int = 7
    """Number of iDIH's halvings."""

    sides = IDIHConfig.sides

    def at(self, side: int) -> Self:
        """Translators keep their layers and change their channels with the side: most of a step is theirs."""
        width, critic_width = (max(8, of * side // 256) for of in (self.width, self.critic_width))
        depth = IDIHConfig().at(side).depth
        return replace(self, width=width, critic_width=critic_width, harmonizer_depth=depth)


class TranslatedHarmonizer(HarmonizationModel):
    """iDIH with the translator that its rendered training pictures pass through; users need iDIH alone.

    It learns as every other iDIH-256, at 1e-3 with beta1 0.9 where the translators have 2e-4 and 0.5.
    """

    rate_factors = MappingProxyType({"harmonizer": 5.0})
    beta1s = MappingProxyType({"harmonizer": 0.9})

    def __init__(self, config: TranslatedConfig, translator: nn.Module) -> None:
        """
        Args:
            config: of the whole, for the objective that builds the other helpers.
            translator: rendered pictures (B, 3, H, W) to photographic ones, both in [-1, 1].
        """
        super().__init__()
        self.config = config
        self.translator = translator
        self.harmonizer = IDIHConfig(config.harmonizer_width, config.harmonizer_depth).build()
        self.divisor = self.harmonizer.divisor

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> BlendedOutput:
        return self.harmonizer(composite, mask)

    def translate(self, rendered: Tensor) -> Tensor:
        """Rendered pictures (B, 3, H, W) as photographs, both sRGB in [0, 1]."""
        return (self.translator(2.0 * rendered - 1.0) + 1.0) / 2.0

    def inference(self, domain: Domain = "photographic") -> InferenceNetwork:
        """The harmonizer without the translator (8.301 M parameters), sharing this model's parameters."""
        return InferenceNetwork(self.harmonizer, domain)


class StridedCritic(nn.Module):
    """Four 4x4 stride-2 convolutions with reflected borders and a score for each place; no norm.

    One scale of MsImageDis in mingyuliutw/UNIT and NVlabs/MUNIT (`networks.py`).
    """

    def __init__(self, c_in: int = 3, width: int = 64) -> None:
        super().__init__()
        channels = [c_in, *(width * 2**level for level in range(4))]
        layers = [PadConv(a, b, 4, stride=2, norm="none") for a, b in itertools.pairwise(channels)]
        self.net = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, kernel_size=1))

    def forward(self, image: Tensor) -> Tensor:
        """(B, c_in, H, W) in [-1, 1] to scores (B, 1, H / 16, W / 16)."""
        return self.net(image)
