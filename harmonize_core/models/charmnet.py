# SPDX-License-Identifier: Apache-2.0
"""CharmNet: one encoder-decoder whose outer levels are private to a domain and whose inner levels are shared.

Cao et al., "Deep Image Harmonization by Bridging the Reality Gap" (BMVC 2022), as released in
bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony 9a647e8 (`--model dastyle`, unshared_layers 4): iDIH-256 cut into
4 private and 3 shared levels, a domain discriminator and two style classifiers that see its 16x16 features.
Changed: the classifiers return log-probabilities over dim 1, so that a batch of one works and log(0) cannot occur.
Images are 256x256; "photographic" is what the paper calls the real domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import (
    HarmonizationModel,
    InferenceNetwork,
    InputSpec,
    ModelConfig,
    ModelEntry,
    Output,
    register,
)
from harmonize_core.models.layers import BlendHead, ConvBlock, DeconvBlock, denormalize, normalize

DOMAINS: tuple[Domain, ...] = ("photographic", "rendered")

STYLES = 10

SHARED = "shared"
"""Owner of encoder and decoder where no domain has its own."""


@dataclass(frozen=True)
class CharmNetConfig(ModelConfig):
    """Widths of CharmNet, and whether domains have levels of their own; the defaults are the paper's."""

    base_channels: int = 64
    """Channels of the outermost level; deeper levels have 1, 2, 2, 4, 4 and 8 times as many."""
    private: bool = True
    """Encoder and decoder levels outside the core for each domain; False: one of each for both (ablation, ours)."""

    def build(self) -> CharmNet:
        return CharmNet(self)


@dataclass(frozen=True)
class CharmNetOutput(Output):
    """What one forward pass gives; B images of one domain."""

    f_enc: Tensor
    """(B, 128, 16, 16) output of the private encoder."""
    f_dec: Tensor
    """(B, 128, 16, 16) output of the shared decoder after its last skip."""
    attention: Tensor
    """(B, 1, 256, 256) share of the composite in each pixel, in (0, 1)."""


class PrivateEncoder(nn.Module):
    """(B, 4, 256, 256) to four feature maps, 128x128 down to 16x16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                ConvBlock(4, width, norm=False),
                ConvBlock(width, width, norm=False),
                ConvBlock(width, 2 * width),
                ConvBlock(2 * width, 2 * width),
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return features


class SharedCore(nn.Module):
    """The domain-invariant bottleneck: (B, 128, 16, 16) to 1x1 and back, with additive skips."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channels = 2 * width
        self.down = nn.ModuleList(
            [
                ConvBlock(2 * width, 4 * width),
                ConvBlock(4 * width, 4 * width),
                ConvBlock(4 * width, 8 * width, padding=0),
            ]
        )
        self.up = nn.ModuleList(
            [
                DeconvBlock(8 * width, 4 * width, padding=0),
                DeconvBlock(4 * width, 4 * width),
                DeconvBlock(4 * width, 2 * width),
            ]
        )

    def forward(self, f_enc: Tensor) -> Tensor:
        skips = [f_enc]
        for block in self.down:
            skips.append(block(skips[-1]))
        x = skips.pop()
        for block in self.up:
            x = block(x) + skips.pop()
        return x


class PrivateDecoder(nn.Module):
    """(B, 128, 16, 16) to the harmonized image and its blending attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                DeconvBlock(2 * width, 2 * width),
                DeconvBlock(2 * width, width),
                DeconvBlock(width, width),
                DeconvBlock(width, width // 2),
            ]
        )
        self.head = BlendHead(width // 2)

    def forward(self, f_dec: Tensor, features: list[Tensor], composite_norm: Tensor) -> tuple[Tensor, Tensor]:
        x = f_dec
        skips: list[Tensor | None] = [features[2], features[1], features[0], None]
        for block, skip in zip(self.blocks, skips, strict=True):
            x = block(x)
            x = x if skip is None else x + skip
        return self.head(x, composite_norm)


class CharmNet(HarmonizationModel):
    """The generator with both domains' private parts (9.258 M parameters; 8.301 M without private parts)."""

    divisor = 256

    def __init__(self, config: CharmNetConfig | None = None) -> None:
        super().__init__()
        config = config or CharmNetConfig()
        width, owners = config.base_channels, DOMAINS if config.private else (SHARED,)
        self.encoders = nn.ModuleDict({owner: PrivateEncoder(width) for owner in owners})
        self.core = SharedCore(width)
        self.decoders = nn.ModuleDict({owner: PrivateDecoder(width) for owner in owners})

    def parts(self, domain: Domain) -> tuple[nn.Module, nn.Module]:
        """Encoder and decoder of a domain, the same two for both where none is private."""
        owner = domain if domain in self.encoders else SHARED
        return self.encoders[owner], self.decoders[owner]

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> CharmNetOutput:
        encoder, decoder = self.parts(domain)
        return _harmonize(encoder, self.core, decoder, composite, mask)

    def inference(self, domain: Domain = "photographic") -> InferenceNetwork:
        """One domain's branch alone (8.301 M parameters), sharing this model's parameters.

        The paper scores photographs with the photographic branch; the rendered one suits rendered characters.
        """
        return InferenceNetwork(CharmNetBranch(self, domain), domain)


class CharmNetBranch(HarmonizationModel):
    """The parts of a CharmNet that serve one domain."""

    divisor = CharmNet.divisor

    def __init__(self, model: CharmNet, domain: Domain) -> None:
        super().__init__()
        self.encoder, self.decoder = model.parts(domain)
        self.core = model.core

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> CharmNetOutput:
        return _harmonize(self.encoder, self.core, self.decoder, composite, mask)


def _harmonize(
    encoder: nn.Module, core: nn.Module, decoder: nn.Module, composite: Tensor, mask: Tensor
) -> CharmNetOutput:
    composite_norm = normalize(composite)
    features = encoder(torch.cat([composite_norm, mask], dim=1))
    f_dec = core(features[-1])
    harmonized, attention = decoder(f_dec, features, composite_norm)
    return CharmNetOutput(denormalize(harmonized), features[-1], f_dec, attention)


class DomainDiscriminator(nn.Module):
    """Per-location score of F_enc (B, 128, 16, 16): (B, 1, 16, 16), high = photographic."""

    def __init__(self, c_in: int = 128) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(c_in, 64, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 1, 3, padding=1),
        )

    def forward(self, f_enc: Tensor) -> Tensor:
        return self.net(f_enc)


class StyleClassifier(nn.Module):
    """Capture condition of features (B, 128, 16, 16): log-probabilities (B, 10)."""

    def __init__(self, c_in: int = 128, styles: int = STYLES) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for c_out, pool in ((64, 2), (32, 2), (16, 4)):
            layers += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU(), nn.MaxPool2d(pool)]
            c_in = c_out
        self.net = nn.Sequential(*layers, nn.Conv2d(c_in, styles, 3, padding=1))

    def forward(self, features: Tensor) -> Tensor:
        return self.net(features).flatten(1).log_softmax(dim=1)


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the generator weights of the released CharmNet code (its `state_dict()` keys) to those of `CharmNet`."""
    domains = {"real": "photographic", "render": "rendered"}
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        path = key.replace("blocks_connected.", "").split(".")
        head = path[0].split("_")
        if path[0] == "encoder_blocks":
            name = f"core.down.{int(path[1].removeprefix('block')) - 4}.{_layer(path[3:])}"
        elif path[0] == "deconv_blocks":
            name = f"core.up.{path[1]}.{_layer(path[3:])}"
        elif head[1] == "enc":
            name = f"encoders.{domains[head[0]]}.blocks.{path[1].removeprefix('block')}.{_layer(path[3:])}"
        elif path[1] == "deconv_blocks":
            name = f"decoders.{domains[head[0]]}.blocks.{path[2]}.{_layer(path[4:])}"
        else:
            name = f"decoders.{domains[head[0]]}.head.{path[1].removeprefix('conv_')}.{path[2]}"
        renamed[name] = value
    return renamed


def _layer(path: list[str]) -> str:
    """["0", "weight"] is the convolution's, ["1", ...] the batch norm's."""
    return f"{('conv', 'norm')[int(path[0])]}.{path[1]}"


register(
    ModelEntry(
        "charmnet_256",
        CharmNetConfig(),
        InputSpec(size=256, divisor=CharmNet.divisor),
        source="Cao et al., Deep Image Harmonization by Bridging the Reality Gap, BMVC 2022 (RdHarmony)",
        licence="Apache-2.0",
        features=frozenset({"onnx", "domains"}),
    )
)
register(
    ModelEntry(
        "charmnet_256_shared",
        CharmNetConfig(private=False),
        InputSpec(size=256, divisor=CharmNet.divisor),
        source="Ablation of charmnet_256: one encoder and decoder for both domains (ours)",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
