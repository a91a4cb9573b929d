# SPDX-License-Identifier: Apache-2.0
"""CUT: rendered pictures become photographs whose patches still resemble the patches they came from.

Park et al., "Contrastive Learning for Unpaired Image-to-Image Translation" (ECCV 2020), as in
taesungp/contrastive-unpaired-translation (default options: `resnet_9blocks` and `basic` with antialiased sampling,
NCE layers 0, 4, 8, 12, 16). Protocol: `blocks_translation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.models._registry import InputSpec, ModelEntry, register
from harmonize_core.models.blocks_resnet import ResnetGenerator
from harmonize_core.models.blocks_translation import TranslatedConfig, TranslatedHarmonizer


@dataclass(frozen=True)
class CUTConfig(TranslatedConfig):
    """Shape of translator, critic and harmonizer; the defaults are the released code's and iDIH-256's."""

    blocks: int = 9
    """Residual blocks of the translator, at least 5."""
    patch_width: int = 256
    """Length of a patch's vector."""

    def build(self) -> TranslatedHarmonizer:
        translator = ResnetGenerator(width=self.width, blocks=self.blocks, smooth=True)
        return TranslatedHarmonizer(self, translator)


class PatchHeads(nn.Module):
    """Two-layer networks that turn the translator's features at some places into unit vectors."""

    def __init__(self, config: CUTConfig) -> None:
        super().__init__()
        width, vector = config.width, config.patch_width
        channels = (3, 2 * width, 4 * width, 4 * width, 4 * width)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(c, vector), nn.ReLU(), nn.Linear(vector, vector)) for c in channels
        )

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """`ResnetGenerator.features` and, for each, indices (S,) into its pixels: vectors (B, S, patch_width)."""
        return [
            functional.normalize(head(feature.flatten(2)[:, :, index].transpose(1, 2)), dim=-1)
            for head, feature, index in zip(self.heads, features, places, strict=True)
        ]


register(
    ModelEntry(
        "cut",
        CUTConfig(),
        InputSpec(size=256, divisor=256),
        source="Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, ECCV 2020 "
        "(taesungp/contrastive-unpaired-translation), with iDIH-256",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
