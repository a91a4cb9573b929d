# SPDX-License-Identifier: Apache-2.0
"""CycleGAN: rendered pictures become photographs by a generator that another one can undo.

Zhu et al., "Unpaired Image-to-Image Translation Using Cycle-Consistent Adversarial Networks" (ICCV 2017), as in
junyanz/pytorch-CycleGAN-and-pix2pix (`resnet_9blocks`, instance norm, `basic` discriminator). Protocol:
`blocks_translation`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harmonize_core.models._registry import InputSpec, ModelEntry, register
from harmonize_core.models.blocks_resnet import ResnetGenerator
from harmonize_core.models.blocks_translation import TranslatedConfig, TranslatedHarmonizer


@dataclass(frozen=True)
class CycleGANConfig(TranslatedConfig):
    """Shape of translators, critics and harmonizer; the defaults are the released code's and iDIH-256's."""

    blocks: int = 9
    """Residual blocks of a translator."""

    def build(self) -> TranslatedHarmonizer:
        return TranslatedHarmonizer(self, ResnetGenerator(width=self.width, blocks=self.blocks))


register(
    ModelEntry(
        "cyclegan",
        CycleGANConfig(),
        InputSpec(size=256, divisor=256),
        source="Zhu et al., Unpaired Image-to-Image Translation Using Cycle-Consistent Adversarial Networks, ICCV 2017 "
        "(junyanz/pytorch-CycleGAN-and-pix2pix), with iDIH-256",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
