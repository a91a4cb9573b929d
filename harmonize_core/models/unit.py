# SPDX-License-Identifier: Apache-2.0
"""UNIT: both domains are encoded into one latent space; a rendered picture is decoded as a photograph.

Liu, Breuel & Kautz, "Unsupervised Image-to-Image Translation Networks" (NeurIPS 2017), as in mingyuliutw/UNIT
25e99af (rewritten version, `configs/unit_*.yaml`; its VAEGen equals NVlabs/MUNIT's). That version shares no weights
between the domains: the latent space is held together by the cycle. Protocol: `blocks_translation`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.models._registry import InputSpec, ModelEntry, register
from harmonize_core.models.blocks_retinex import PadConv, Residual
from harmonize_core.models.blocks_translation import TranslatedConfig, TranslatedHarmonizer


@dataclass(frozen=True)
class UnitConfig(TranslatedConfig):
    """Shape of translators, critics and harmonizer; the defaults are the released code's and iDIH-256's."""

    blocks: int = 4
    """Residual blocks of an encoder, and of a decoder."""
    scales: int = 3
    """Critics for each domain."""

    def build(self) -> TranslatedHarmonizer:
        return TranslatedHarmonizer(self, UnitTranslator(self.width, self.blocks))


class UnitEncoder(nn.Module):
    """Pictures of one domain (B, 3, H, W) in [-1, 1] to means of the latent space (B, 4 width, H/4, W/4)."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            PadConv(3, width, 7, norm="instance", activation="relu"),
            *(PadConv(c, 2 * c, 4, stride=2, norm="instance", activation="relu") for c in (width, 2 * width)),
            *(Residual(4 * width, "instance", "relu") for _ in range(blocks)),
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


class UnitDecoder(nn.Module):
    """Latent (B, 4 width, H/4, W/4) to pictures of one domain (B, 3, H, W) in (-1, 1)."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Residual(4 * width, "instance", "relu") for _ in range(blocks)))
        self.up = nn.ModuleList(PadConv(c, c // 2, 5, norm="sample", activation="relu") for c in (4 * width, 2 * width))
        self.to_rgb = PadConv(width, 3, 7, norm="none", activation="tanh")

    def forward(self, latent: Tensor) -> Tensor:
        x = self.blocks(latent)
        for block in self.up:
            x = block(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.to_rgb(x)


class UnitTranslator(nn.Module):
    """The encoder of one domain and the decoder of the other; in use without the noise of training."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.encoder = UnitEncoder(width, blocks)
        self.decoder = UnitDecoder(width, blocks)

    def forward(self, image: Tensor) -> Tensor:
        return self.decoder(self.encoder(image))


register(
    ModelEntry(
        "unit",
        UnitConfig(),
        InputSpec(size=256, divisor=256),
        source="Liu et al., Unsupervised Image-to-Image Translation Networks, NeurIPS 2017 (mingyuliutw/UNIT), "
        "with iDIH-256",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
