# SPDX-License-Identifier: Apache-2.0
"""Intrinsic image harmonization: a picture is reflectance times illumination, and only the light should change.

Guo et al., "Intrinsic Image Harmonization" (CVPR 2021), in the authors' later version released as
zhenglab/IntrinsicHarmony da50240 (`BaseLTGDGenerator`, and `BaseGenerator` without its two additions). Two encoders
and decoders; *lighting*: 8 numbers of the foreground's light and 8 of the background's turn the illumination features
under the mask; *guiding*: a map of which background place each foreground place looks like, learnt to be free of
light, rebuilds foreground features of both branches from background ones.
Changed: the rebuilding is one batched matrix product and `fold` instead of a transposed convolution per sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, register_variants
from harmonize_core.models.blocks_retinex import (
    WIDTH,
    Decoder,
    Encoder,
    PadConv,
    RetinexOutput,
    SampleNorm,
    official_name,
    recombine,
)

LIGHT = 8
"""Numbers that describe the light of a region."""


@dataclass(frozen=True)
class IntrinsicConfig(ModelConfig):
    """Which of the two additions the network has; the defaults are the paper's full model."""

    lighting: bool = True
    """Transfer light from background to foreground; without it the illumination encoder has residual blocks."""
    guiding: bool = True
    """Rebuild foreground features from matching background features."""

    def build(self) -> Intrinsic:
        return Intrinsic(self)


@dataclass(frozen=True)
class IntrinsicOutput(RetinexOutput):
    """What one forward pass gives; the last two are None without guiding."""

    match: Tensor | None
    """(B, L, H/8, W/8), L = H/8 * W/8: share of background place l in each place; sums to 1 over L."""
    guide_mean: Tensor | None
    """(B, 1, H/8, W/8) channel mean of the features that are matched, in (-1, 1)."""


class Lighting(nn.Module):
    """Features of picture and mask to 8 numbers for the light of foreground and background each."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(norm="none")
        self.to_light = nn.Linear(self.encoder.channels, LIGHT)

    def forward(self, x: Tensor, mask_quarter: Tensor) -> tuple[Tensor, Tensor]:
        """Picture and mask (B, 4, H, W), mask (B, 1, H/4, W/4): (B, 8) of the foreground, (B, 8) of the background."""
        features = self.encoder(x)

        def pooled(region: Tensor) -> Tensor:
            return (features * region).sum(dim=(2, 3)) / (region.sum(dim=(2, 3)) + 1e-8)

        return self.to_light(pooled(mask_quarter)), self.to_light(pooled(1 - mask_quarter))


class Relight(nn.Module):
    """Give features under the mask the background's light: three channel groups reweighted, and an offset."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.light = nn.Linear(LIGHT, 4 * channels)
        self.groups = nn.Conv2d(channels, 3 * channels, 3, padding=1, padding_mode="reflect")
        self.norm = nn.GroupNorm(3, 3 * channels)

    def forward(self, x: Tensor, light_fg: Tensor, light_bg: Tensor, mask: Tensor) -> Tensor:
        intensity_fg, color_fg = self._parts(light_fg)
        intensity_bg, color_bg = self._parts(light_bg)
        ratio = color_bg / (color_fg + 1e-8)
        groups = functional.leaky_relu(self.norm(self.groups(x)), 0.2).unflatten(1, (3, self.channels))
        relit = (groups * ratio[..., None, None]).sum(dim=1) + (intensity_bg - intensity_fg)[..., None, None]
        return x * (1 - mask) + relit * mask

    def _parts(self, light: Tensor) -> tuple[Tensor, Tensor]:
        """Light (B, 8) to intensity (B, C) and the shares of three colours (B, 3, C)."""
        values = functional.leaky_relu(self.light(light), 0.2)
        return values[:, : self.channels], values[:, self.channels :].unflatten(1, (3, self.channels)).softmax(dim=1)


class RelightBlock(nn.Module):
    """A residual block whose convolutions are followed by relighting; one norm serves both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect") for _ in range(2)]
        )
        self.relights = nn.ModuleList([Relight(channels) for _ in range(2)])
        self.norm = SampleNorm(channels)

    def forward(self, x: Tensor, light_fg: Tensor, light_bg: Tensor, mask: Tensor) -> Tensor:
        inner = self.norm(self.relights[0](self.convs[0](x), light_fg, light_bg, mask))
        inner = functional.leaky_relu(inner, 0.2)
        return x + self.norm(self.relights[1](self.convs[1](inner), light_fg, light_bg, mask))


class Guide(nn.Module):
    """Which background place does each foreground place look like? Softmax over 10 times the covariance of features."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(norm="sample", width=WIDTH // 2, halvings=3)
        channels = self.encoder.channels
        self.to_features = PadConv(channels, channels, 3, norm="none", activation="tanh")

    def forward(self, x: Tensor, mask_eighth: Tensor) -> tuple[Tensor, Tensor]:
        """Picture and mask (B, 4, H, W), mask (B, 1, H/8, W/8): match (B, L, H/8, W/8), mean feature."""
        features = self.to_features(self.encoder(x))
        fg, bg = ((features * region).flatten(2) for region in (mask_eighth, 1 - mask_eighth))
        fg, bg = (region - region.mean(dim=1, keepdim=True) for region in (fg, bg))
        covariance = bg.transpose(1, 2) @ fg / (features.shape[1] - 1)
        match = (10.0 * covariance).softmax(dim=1).unflatten(2, tuple(features.shape[2:]))
        return match, features.mean(dim=1, keepdim=True)


class Rebuild(nn.Module):
    """Features rebuilt from 4x4 patches of themselves in the proportions of the match, joined and added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = PadConv(2 * channels, channels, 3, norm="none", activation="relu")

    def forward(self, x: Tensor, match: Tensor) -> Tensor:
        """Features (B, C, H/4, W/4) and match (B, L, H/8, W/8) to features of the same shape."""
        patches = functional.unfold(x, kernel_size=4, stride=2, padding=1)
        size = (x.shape[2], x.shape[3])
        rebuilt = functional.fold(patches @ match.flatten(2), size, kernel_size=4, stride=2, padding=1) / 4
        return x + self.join(torch.cat([x, rebuilt], dim=1))


class Intrinsic(HarmonizationModel):
    """33.776 M parameters with both additions, 12.854 M with none.

    `harmonized` is pasted on the composite as the official test mode does; `raw` is what the losses see.
    """

    divisor = 8

    def __init__(self, config: IntrinsicConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or IntrinsicConfig()
        self.reflectance_encoder = Encoder(norm="instance", residuals=4)
        self.illumination_encoder = Encoder(norm="instance", residuals=0 if config.lighting else 4)
        channels = self.reflectance_encoder.channels
        self.reflectance_decoder = Decoder(channels)
        self.illumination_decoder = Decoder(channels)
        if config.lighting:
            self.lighting = Lighting()
            self.relight = nn.ModuleList([RelightBlock(channels) for _ in range(4)])
        if config.guiding:
            self.guide = Guide()
            self.rebuild_reflectance = nn.ModuleList([Rebuild(channels) for _ in range(2)])
            self.rebuild_illumination = nn.ModuleList([Rebuild(channels) for _ in range(2)])

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> IntrinsicOutput:
        x = torch.cat([composite, mask], dim=1)
        mask_quarter, mask_eighth = mask[..., ::4, ::4], mask[..., ::8, ::8]  # nearest neighbours
        reflectance = self.reflectance_encoder(x)
        illumination = self.illumination_encoder(x)
        match = guide_mean = None
        if self.config.lighting:
            light = self.lighting(x, mask_quarter)
            for block in self.relight:
                illumination = block(illumination, *light, mask_quarter)
        if self.config.guiding:
            match, guide_mean = self.guide(x, mask_eighth)
            for block in self.rebuild_reflectance:
                reflectance = block(reflectance, match)
            for block in self.rebuild_illumination:
                illumination = block(illumination, match.detach())
        reflectance = self.reflectance_decoder(reflectance)
        illumination = self.illumination_decoder(illumination)
        harmonized, raw = recombine(reflectance, illumination, composite, mask)
        return IntrinsicOutput(harmonized, raw, reflectance, illumination, match, guide_mean)


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the generator weights of zhenglab/IntrinsicHarmony da50240 (`BaseGenerator` and its extensions)."""
    return {_our_name(name): value for name, value in state.items()}


_RELIGHT = {"fc": "light", "conv": "groups", "norm": "norm"}


def _our_name(name: str) -> str:
    part, *path = name.split(".")
    end = path[-1]
    if part == "ifm":
        place = int(path[1])
        return ".".join([f"guide.encoder.layers.{place}" if place < 4 else "guide.to_features", *path[2:]])
    if part == "lighting":
        return f"lighting.to_light.{end}" if path[0] == "light_mlp" else ".".join([part, "encoder.layers", *path[1:]])
    if part == "lightingRes":
        layer, _, number = path[2].partition("_")
        here = f"relight.{path[1]}"
        if layer == "conv":
            return f"{here}.convs.{int(number) - 1}.{end}"
        if layer == "lt":
            return f"{here}.relights.{int(number) - 1}.{_RELIGHT[path[4]]}.{end}"
        return f"{here}.norm.{end}"
    if part.endswith("Rec"):
        return ".".join([f"rebuild_{part.removesuffix('Rec')}.{path[1]}.join", *path[3:]])
    return official_name(name, residuals_at=3, decoder_offset=1)


register_variants(
    {"intrinsic_256": IntrinsicConfig(), "intrinsic_base_256": IntrinsicConfig(lighting=False, guiding=False)},
    InputSpec(size=256, divisor=Intrinsic.divisor),
    source="Guo et al., Intrinsic Image Harmonization, CVPR 2021 (zhenglab/IntrinsicHarmony@da50240)",
    licence="Apache-2.0",
    features=frozenset({"onnx", "background"}),
)
