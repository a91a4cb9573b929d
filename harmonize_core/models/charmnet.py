# SPDX-License-Identifier: Apache-2.0
"""CharmNet: one encoder-decoder whose outer levels are private to a domain and whose inner levels are shared.

Cao et al., "Deep Image Harmonization by Bridging the Reality Gap" (BMVC 2022), as released in
bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony 9a647e8 (`--model dastyle`, unshared_layers 4): iDIH-256 cut into
4 private and 3 shared levels, a domain discriminator and two style classifiers that see its 16x16 features.
Changed: the classifiers return log-probabilities over dim 1, so that a batch of one works and log(0) cannot occur.
Images are 256x256; "photographic" is what the paper calls the real domain.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

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
    private_levels: int = 4
    """Levels outside the core, whose features are 16x16: pictures have a side of 2^(private_levels + 4)."""

    sides = (64, 128, 256, 512)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the levels from the outermost in, those of iDIH; the last three are the core's."""
        return tuple(self.base_channels * min(2 ** (level // 2), 8) for level in range(self.private_levels + 3))

    def at(self, side: int) -> CharmNetConfig:
        return replace(self, private_levels=side.bit_length() - 5)

    def build(self) -> CharmNet:
        return CharmNet(self)


@dataclass(frozen=True)
class CharmNetOutput(Output):
    """What one forward pass gives; B images of one domain."""

    f_enc: Tensor
    """(B, 128, 16, 16) output of the private encoder; 64 channels where it has two levels."""
    f_dec: Tensor
    """The same shape: output of the shared decoder after its last skip."""
    attention: Tensor
    """(B, 1, 256, 256) share of the composite in each pixel, in (0, 1)."""


class PrivateEncoder(nn.Module):
    """(B, 4, 256, 256) to four feature maps, 128x128 down to 16x16; levels that follow from the picture's size."""

    def __init__(self, channels: Sequence[int]) -> None:
        """
        Args:
            channels: of each level from the outermost in.
        """
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(c_in, c_out, norm=level >= 2)
            for level, (c_in, c_out) in enumerate(itertools.pairwise((4, *channels)))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return features


class SharedCore(nn.Module):
    """The domain-invariant bottleneck: (B, 128, 16, 16) to 1x1 and back, with additive skips."""

    def __init__(self, channels: Sequence[int]) -> None:
        """
        Args:
            channels: of what comes in, and of the three levels.
        """
        super().__init__()
        self.channels, *_ = channels
        steps = list(zip(channels[:-1], channels[1:], (1, 1, 0), strict=True))  # the last one ends in a single place
        self.down = nn.ModuleList(ConvBlock(a, b, padding=padding) for a, b, padding in steps)
        self.up = nn.ModuleList(DeconvBlock(b, a, padding=padding) for a, b, padding in reversed(steps))

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

    def __init__(self, channels: Sequence[int]) -> None:
        """
        Args:
            channels: of each level of the encoder from the outermost in.
        """
        super().__init__()
        last = channels[0] // 2
        steps = itertools.pairwise((last, *channels))
        self.blocks = nn.ModuleList(DeconvBlock(b, a) for a, b in reversed(list(steps)))
        self.head = BlendHead(last)

    def forward(self, f_dec: Tensor, features: list[Tensor], composite_norm: Tensor) -> tuple[Tensor, Tensor]:
        x = f_dec
        skips: list[Tensor | None] = [*reversed(features[:-1]), None]
        for block, skip in zip(self.blocks, skips, strict=True):
            x = block(x)
            x = x if skip is None else x + skip
        return self.head(x, composite_norm)


class CharmNet(HarmonizationModel):
    """The generator with both domains' private parts (9.258 M parameters; 8.301 M without private parts)."""

    def __init__(self, config: CharmNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CharmNetConfig()
        levels, owners = config.private_levels, DOMAINS if config.private else (SHARED,)
        channels = config.channels
        self.divisor = 2 ** (levels + 4)
        self.encoders = nn.ModuleDict({owner: PrivateEncoder(channels[:levels]) for owner in owners})
        self.core = SharedCore(channels[levels - 1 :])
        self.decoders = nn.ModuleDict({owner: PrivateDecoder(channels[:levels]) for owner in owners})

    def parts(self, domain: Domain) -> tuple[nn.Module, nn.Module]:
        """Encoder and decoder of a domain, the same two for both where none is private."""
        owner = domain if domain in self.encoders else SHARED
        return self.encoders[owner], self.decoders[owner]

    def levels(self, domain: Domain) -> list[tuple[ConvBlock, DeconvBlock]]:
        """How a domain's pictures go down and come up again at each level from the outermost in."""
        encoder, decoder = self.parts(domain)
        down = [*encoder.get_submodule("blocks").children(), *self.core.down]
        up = [*self.core.up, *decoder.get_submodule("blocks").children()]
        return cast("list[tuple[ConvBlock, DeconvBlock]]", list(zip(down, reversed(up), strict=True)))

    def grow_from(self, smaller: HarmonizationModel) -> bool:
        """Take all levels of a CharmNet for smaller pictures, counted from the outermost; ours, after the growing
        networks of Karras et al., "Progressive Growing of GANs" (ICLR 2018), which fade new outer levels in. Here new
        levels are inner ones, which see more of the picture, and silent at first: the last gain on their way is 0.
        Levels that were shared and are private now become a copy for each domain. The smaller network's innermost
        level ended in a single place and becomes one as the others are, so running statistics have to settle: before
        the first step the grown network is not yet as good as the smaller one."""
        if not isinstance(smaller, CharmNet) or smaller.config != self.config.at(smaller.divisor):
            return False
        for domain in DOMAINS:
            known, levels = smaller.levels(domain), self.levels(domain)
            if len(known) > len(levels):
                return False
            for pair, own in zip(known, levels, strict=False):
                for block, mine in zip(pair, own, strict=True):
                    mine.load_state_dict(block.state_dict())
            for _, up in levels[len(known) :]:
                nn.init.zeros_(up.norm.weight)
            head, known_head = (network.parts(domain)[1].get_submodule("head") for network in (self, smaller))
            head.load_state_dict(known_head.state_dict())
        return True

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

    def __init__(self, model: CharmNet, domain: Domain) -> None:
        super().__init__()
        self.divisor = model.divisor
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
        InputSpec(size=256, divisor=256),
        source="Cao et al., Deep Image Harmonization by Bridging the Reality Gap, BMVC 2022 (RdHarmony)",
        licence="Apache-2.0",
        features=frozenset({"onnx", "domains"}),
    )
)
register(
    ModelEntry(
        "charmnet_256_shared",
        CharmNetConfig(private=False),
        InputSpec(size=256, divisor=256),
        source="Ablation of charmnet_256: one encoder and decoder for both domains (ours)",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
