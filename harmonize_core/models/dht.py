# SPDX-License-Identifier: Apache-2.0
"""D-HT: transformers split a picture into reflectance and illumination, lit by what the background shows of the light.

Guo et al., "Image Harmonization With Transformer" (ICCV 2021), in the authors' later version released as
zhenglab/HarmonyTransformer d8430b5 (`--model dht --light_use_mask`, 2 heads, 9 layers everywhere). 27 learnt queries
gather a light code from the visible background; the reflectance tokens gather illumination from the code.
Changed: with no background patch to look at, the light queries see all patches (the released code gives NaN).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, register
from harmonize_core.models.blocks_retinex import Decoder, Encoder, RetinexOutput, official_name, recombine
from harmonize_core.models.blocks_transformer import (
    DecoderLayer,
    EncoderLayer,
    remap_layer,
    sine_positions,
    to_features,
    to_patches,
    to_tokens,
)

PATCH = 8
"""Side of the picture patches that the light is read from."""


@dataclass(frozen=True)
class DHTConfig(ModelConfig):
    """Sizes of the transformers; the defaults are the released ones."""

    layers: int = 9
    """Layers of each of the three transformers."""
    heads: int = 2
    lights: int = 27
    """Tokens of the light code."""

    def build(self) -> DHT:
        return DHT(self)


@dataclass(frozen=True)
class DHTOutput(RetinexOutput):
    """What one forward pass gives; tokens are (B, L, 256), L = H/4 * W/4."""

    reflectance_tokens: Tensor
    light_code: Tensor
    """(B, 27, 256)"""
    illumination_tokens: Tensor


class LightReader(nn.Module):
    """The background in 8x8 patches to a light code: learnt queries attend to the patches without foreground."""

    def __init__(self, channels: int, config: DHTConfig) -> None:
        super().__init__()
        self.patches = nn.Linear(3 * PATCH**2, channels)
        self.queries = nn.Parameter(first_queries(config.lights, channels))
        self.layers = nn.ModuleList([DecoderLayer(channels, config.heads) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(channels)

    def forward(self, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Composite (B, 3, H, W) and mask (B, 1, H, W): light code (B, 27, C), its queries (B, 27, C)."""
        height, width = (side // PATCH for side in composite.shape[2:])
        memory = self.patches(to_patches(composite * (1 - mask), PATCH))
        seen = functional.max_pool2d(mask, PATCH).flatten(1) == 0
        seen = seen | ~seen.any(dim=1, keepdim=True)
        places = sine_positions(height, width, memory.shape[2], memory)
        queries = self.queries.expand(len(composite), -1, -1)
        light = torch.zeros_like(queries)
        for layer in self.layers:
            light = layer(light, queries, memory, places, seen)
        return self.norm(light), queries


class DHT(HarmonizationModel):
    """21.772 M parameters.

    `harmonized` is pasted on the composite as the official test mode does; `raw` is what the loss sees.
    """

    divisor = PATCH

    def __init__(self, config: DHTConfig | None = None) -> None:
        super().__init__()
        config = config or DHTConfig()
        self.reflectance_encoder = Encoder(norm="instance")
        channels = self.reflectance_encoder.channels
        self.reflectance_layers = nn.ModuleList([EncoderLayer(channels, config.heads) for _ in range(config.layers)])
        self.light = LightReader(channels, config)
        self.illumination_layers = nn.ModuleList([DecoderLayer(channels, config.heads) for _ in range(config.layers)])
        self.illumination_norm = nn.LayerNorm(channels)
        self.reflectance_decoder = Decoder(channels)
        self.illumination_decoder = Decoder(channels)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> DHTOutput:
        features = self.reflectance_encoder(torch.cat([composite, mask], dim=1))
        height, width = features.shape[2:]
        reflectance = to_tokens(features)
        places = sine_positions(height, width, features.shape[1], features)
        for layer in self.reflectance_layers:
            reflectance = layer(reflectance, places)
        light, queries = self.light(composite, mask)
        illumination = reflectance
        for layer in self.illumination_layers:
            illumination = layer(illumination, places, light, queries)
        illumination = self.illumination_norm(illumination)
        pictures = (
            self.reflectance_decoder(to_features(reflectance, height)),
            self.illumination_decoder(to_features(illumination, height)),
        )
        harmonized, raw = recombine(*pictures, composite, mask)
        return DHTOutput(harmonized, raw, *pictures, reflectance, light, illumination)

    def reset_special(self) -> None:
        with torch.no_grad():
            self.light.queries.copy_(first_queries(*self.light.queries.shape))


def first_queries(lights: int, channels: int) -> Tensor:
    """(lights, channels) standard normal numbers, always the same ones."""
    return torch.randn(lights, channels, generator=torch.Generator().manual_seed(0))


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the generator weights of zhenglab/HarmonyTransformer d8430b5 (`DHTGenerator`)."""
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        before, layers, after = name.partition(".layers.")
        if layers:
            number, _, entry = after.partition(".")
            renamed |= {f"{_LAYERS[before]}.{number}.{ours}": v for ours, v in remap_layer(entry, value).items()}
        elif before.startswith(("reflectance_enc.", "reflectance_dec.", "illumination_dec.")):
            renamed[official_name(name, residuals_at=3, decoder_offset=2)] = value
        else:
            part, _, end = name.rpartition(".")
            renamed[_SINGLE[part] + (f".{end}" if part != "light_generator.light_embed" else "")] = value
    return renamed


_LAYERS = {
    "reflectance_transformer_enc.encoder": "reflectance_layers",
    "illumination_render.decoder": "illumination_layers",
    "light_generator.transformer_dec.decoder": "light.layers",
}
_SINGLE = {
    "illumination_render.decoder.norm": "illumination_norm",
    "light_generator.transformer_dec.decoder.norm": "light.norm",
    "light_generator.patch_embedding.0": "light.patches",
    "light_generator.light_embed": "light.queries",
}

register(
    ModelEntry(
        "dht_256",
        DHTConfig(),
        InputSpec(size=256, divisor=DHT.divisor),
        source="Guo et al., Image Harmonization With Transformer, ICCV 2021 (zhenglab/HarmonyTransformer@d8430b5)",
        licence="Apache-2.0",
        features=frozenset({"onnx", "background"}),
    )
)
