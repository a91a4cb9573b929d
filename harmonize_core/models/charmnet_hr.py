# SPDX-License-Identifier: Apache-2.0
"""CharmNet-HR: CharmNet's idea at any resolution: it predicts a grade and a smooth map, not pixels.

Two domain-specific encoders and a domain-invariant core (Cao et al., "Deep Image Harmonization by Bridging the Reality
Gap", BMVC 2022) see 256x256 pixels and predict a `Look` (`models.look`) instead of a picture. Encoders and core are
EfficientNet-Lite0 up to stride 16 (Tan and Le, ICML 2019; tensorflow/tpu `efficientnet/lite`), so that they can start
from ImageNet features; what the network compares are regions of the picture (`models.regions`).

Batch norms always use their stored statistics, in training, too: what a picture needs must not depend on the pictures
beside it, and a norm over a batch takes away the brightness that a grade is decided by.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

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
from harmonize_core.models.charmnet import DOMAINS, SHARED
from harmonize_core.models.efficientnet import ConvNorm, blocks
from harmonize_core.models.layers import normalize, resized
from harmonize_core.models.look import (
    GRADE,
    LIMITS,
    MAP,
    MAP_LIMITS,
    MAP_UNITS,
    UNITS,
    Look,
    apply_grade,
    apply_map,
    bounded,
    linear_to_srgb,
    srgb_to_linear,
    tones,
)
from harmonize_core.models.regions import BackgroundAttention, Compare, mean_and_spread

SIZE = 256
"""Side of the picture the network looks at."""

FINE_BLOCKS = 3
"""Blocks of EfficientNet-Lite0 whose features the map gets its detail from: 64x64 pixels of 24 channels."""

PRIVATE_BLOCKS = 5
"""Those and the other blocks that each domain has of its own: to 32x32 pixels of 40 channels."""

ALL_BLOCKS = 11
"""Those and the blocks of the domain-invariant core: to 16x16 pixels of 112 channels."""

FINE_CHANNELS, PRIVATE_CHANNELS, CORE_CHANNELS = 24, 40, 112


@dataclass(frozen=True)
class CharmNetHrConfig(ModelConfig):
    """Widths of what is not EfficientNet."""

    channels: int = 96
    """Of the features that the core's and the encoder's are joined in; the map is read from half as many, 64x64."""
    hidden: int = 256
    """Of the network that compares the regions."""
    private: bool = True
    """An encoder for each domain; False: one for both (ablation)."""

    def build(self) -> CharmNetHr:
        return CharmNetHr(self)


@dataclass(frozen=True)
class CharmNetHrOutput(Output):
    """The picture, the look it has, and the features that domains are to share."""

    graded: Tensor
    """(B, 3, H, W) sRGB: the grade alone."""
    look: Look
    f_enc: Tensor
    """(B, 40, 32, 32) output of the private encoder."""
    f_dec: Tensor
    """(B, channels, 32, 32) encoder's and core's features joined."""


class Stem(nn.Module):
    """Picture (normalised) and mask (B, 4, 256, 256) to (B, 32, 128, 128); without the mask it is EfficientNet's."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = ConvNorm(3, 32, 3, 2, activation=None)
        self.mask = ConvNorm(1, 32, 3, 2, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(self.picture(x[:, :3]) + self.mask(x[:, 3:]))


class PrivateEncoder(nn.Module):
    """Picture (normalised) and mask (B, 4, 256, 256) to fine features (B, 24, 64, 64) and F_enc (B, 40, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.blocks = blocks(lite=True, drop=0.0)[:PRIVATE_BLOCKS]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = x = self.stem(x)
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            fine = x if number == FINE_BLOCKS else fine
        return fine, x


class CharmNetHr(HarmonizationModel):
    """1.11 M parameters, pictures of any size; pixels with mask 0 come out as they are.

    At a soft edge the foreground's own colour is not known here: the look is applied to the mixture, and as much of
    the change is taken as there is coverage. `runtime.look` separates the mixture first.
    """

    divisor = 1
    rate_factors = MappingProxyType({"encoders": 0.3, "core": 0.3})  # they start from features that are worth keeping

    def __init__(self, config: CharmNetHrConfig | None = None) -> None:
        super().__init__()
        config = config or CharmNetHrConfig()
        width = config.channels
        self.side = SIZE
        self.encoders = nn.ModuleDict({owner: PrivateEncoder() for owner in (DOMAINS if config.private else (SHARED,))})
        self.core = nn.Sequential(*blocks(lite=True, drop=0.0)[PRIVATE_BLOCKS:ALL_BLOCKS])
        self.ask = BackgroundAttention(CORE_CHANNELS)
        self.compare = Compare(CORE_CHANNELS, config.hidden)
        self.to_grade = nn.Linear(config.hidden, GRADE)
        self.skip = nn.Conv2d(PRIVATE_CHANNELS, width, kernel_size=1)
        self.deep = nn.Conv2d(CORE_CHANNELS, width, kernel_size=1)
        self.condition = nn.Linear(config.hidden, 2 * width)
        self.mix = _separable(width, width, 2)
        self.fine = nn.Conv2d(FINE_CHANNELS, width // 2, kernel_size=1)
        self.coarse = nn.Conv2d(width, width // 2, kernel_size=1)
        self.refine = _separable(width // 2, width // 2, 1)
        self.to_map = nn.Conv2d(width // 2, MAP, kernel_size=3, padding=1, bias=False)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> CharmNetHrOutput:
        seen = (viewed(x, self.side) for x in (composite, mask))
        return self.render(composite, mask, *self.estimate(*seen, domain))

    def estimate(self, composite: Tensor, mask: Tensor, domain: Domain) -> tuple[Look, Tensor, Tensor]:
        """The look of a 256x256 view, and the features that domains are to share.

        Args:
            composite: (B, 3, 256, 256) sRGB in [0, 1].
            mask: (B, 1, 256, 256).
            domain: whose encoder looks.

        Returns:
            The look, the encoder's features (B, 40, 32, 32), and those joined with the core's (B, channels, 32, 32).
        """
        fine, f_enc = self.encoders[self.owner(domain)](torch.cat([normalize(composite), mask], dim=1))
        core = level(self.core(f_enc))
        core = core + self.ask(core, composite, mask)
        seen = self.compare(composite, mask, core)
        scale, shift = self.condition(seen)[:, :, None, None].chunk(2, dim=1)
        f_dec = self.mix((self.skip(level(f_enc)) + doubled(self.deep(core))) * (1 + scale) + shift)
        detail = self.refine(self.fine(level(fine)) + doubled(self.coarse(f_dec)))
        with torch.autocast(composite.device.type, enabled=False):  # a percent of a gain would be seen
            grade = bounded(self.to_grade(seen.to(self.to_grade.weight.dtype)), LIMITS, UNITS)
            cells = self.to_map(detail.to(self.to_map.weight.dtype))
            graded = apply_grade(srgb_to_linear(composite.to(grade.dtype)), grade.detach())
            cells = bounded(centred(cells, mask.to(grade.dtype), graded), MAP_LIMITS, MAP_UNITS)
        return Look(grade, cells), f_enc, f_dec

    def owner(self, domain: Domain) -> str:
        """Name of the encoder that looks at foregrounds of a domain."""
        return domain if domain in self.encoders else SHARED

    def render(self, composite: Tensor, mask: Tensor, look: Look, f_enc: Tensor, f_dec: Tensor) -> CharmNetHrOutput:
        """Apply a look to a picture of any size, in linear light."""
        linear = srgb_to_linear(composite.clamp(0.0, 1.0))
        graded = look.graded(linear)
        pictures = [over(composite, linear, changed, mask) for changed in (apply_map(graded, look.map), graded)]
        return CharmNetHrOutput(*pictures, look, f_enc, f_dec)

    def train(self, mode: bool = True) -> CharmNetHr:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def inference(self, domain: Domain = "photographic") -> InferenceNetwork:
        """One domain's encoder with the rest, sharing this model's parameters."""
        branch, owner = copy.copy(self), self.owner(domain)
        branch._modules = {**self._modules, "encoders": nn.ModuleDict({owner: self.encoders[owner]})}
        return InferenceNetwork(branch, domain)

    def look_at(self, side: int) -> None:
        self.side = min(side, SIZE)

    def reset_special(self) -> None:
        """Training starts at the identity: grade and map are zero. Weights keep their directions but get the variance
        2 / fan-in (He et al., ICCV 2015), as no norm over a batch corrects them."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    wanted = math.sqrt(2 / module.weight[0].numel())
                    module.weight *= wanted / module.weight.square().mean().sqrt().clamp_min(1e-12)
        for gate in (self.to_grade, self.to_map, self.ask.out):
            nn.init.zeros_(gate.weight)
            if gate.bias is not None:
                nn.init.zeros_(gate.bias)
        self.ask.reset()


class LookNetwork(nn.Module):
    """What is exported and run: the look alone, for one domain's foregrounds, sharing the model's parameters."""

    def __init__(self, network: InferenceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Composite (B, 3, 256, 256) sRGB in [0, 1] and mask (B, 1, 256, 256): grade (B, 10), map (B, 12, 64, 64)."""
        model = self.network.model
        assert isinstance(model, CharmNetHr)
        look, _, _ = model.estimate(composite, mask, self.network.domain)
        return look.grade, look.map


def _separable(c_in: int, c_out: int, repeats: int) -> nn.Sequential:
    """Depthwise 3x3 and pointwise convolutions, in turn."""
    layers: list[nn.Module] = []
    for _ in range(repeats):
        layers += [ConvNorm(c_in, c_in, 3, groups=c_in), ConvNorm(c_in, c_out)]
        c_in = c_out
    return nn.Sequential(*layers)


def doubled(features: Tensor) -> Tensor:
    """(B, C, h, w) to (B, C, 2 h, 2 w)."""
    return functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


def level(features: Tensor) -> Tensor:
    """Features (B, C, h, w) with mean 0 and deviation 1 over the channels of each place (Ba et al., "Layer
    Normalization", 2016): those of different networks, trained or not, then count alike beside colours."""
    return functional.layer_norm(features.movedim(1, -1), features.shape[1:2]).movedim(-1, 1)


def viewed(x: Tensor, side: int) -> Tensor:
    """(B, C, H, W) as the network looks at it: sides that are too long are averaged, too short ones interpolated.

    As `runtime.resize.resize`, so that PyTorch and the runtime see the same.
    """
    size = [int(length) for length in x.shape[2:]]
    if max(size) > side:
        down, across = (torch.as_tensor(_averages(length, side), dtype=x.dtype, device=x.device) for length in size)
        x = down @ x @ across.mT
    return resized(x, (side, side), "bilinear")


def _averages(length: int, side: int) -> np.ndarray:
    """(side, length) shares of the pixels of an axis in each box; the identity for an axis not longer."""
    if length <= side:
        return np.eye(length)
    edges = np.arange(side + 1) * (length / side)
    pixels = np.arange(length)
    inside = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(inside, 0, None) * (side / length)


def centred(cells: Tensor, mask: Tensor, graded: Tensor) -> Tensor:
    """A map (B, 12, h, w) less its mean over the foreground of mask (B, 1, H, W): what the whole has in common is the
    grade's to say. Looks that are fitted to the answer get there sooner, too (docs/models/charmnet_hr.md).

    Gains of a tone are averaged where that tone is, in the linear graded picture (B, 3, H, W), so that the log gains of
    all the foreground's pixels have mean 0 together; offsets are averaged everywhere.
    """
    shape = (cells.shape[2], cells.shape[3])
    weights = [functional.adaptive_avg_pool2d(mask * share, shape) for share in (*tones(graded), 1)]
    parts = zip(cells.split(3, dim=1), weights, strict=True)
    return torch.cat([part - mean_and_spread(part, weight)[0][:, :, None, None] for part, weight in parts], dim=1)


def over(composite: Tensor, linear: Tensor, changed: Tensor, mask: Tensor) -> Tensor:
    """Composite (B, 3, H, W) sRGB with its foreground's linear light changed; where the mask is 0 it keeps its bits."""
    blended = linear_to_srgb(linear + mask * (changed - linear))
    return torch.where(mask > 0, blended, composite)


_SOURCE = "ours, after Cao et al., Deep Image Harmonization by Bridging the Reality Gap, BMVC 2022"
_FEATURES = frozenset({"onnx", "any_size", "background", "look"})

register(
    ModelEntry(
        "charmnet_hr",
        CharmNetHrConfig(),
        InputSpec(size=SIZE, divisor=CharmNetHr.divisor),
        source=_SOURCE,
        licence="Apache-2.0",
        features=_FEATURES | {"domains"},
    )
)
register(
    ModelEntry(
        "charmnet_hr_shared",
        CharmNetHrConfig(private=False),
        InputSpec(size=SIZE, divisor=CharmNetHr.divisor),
        source=f"Ablation of charmnet_hr: one encoder for both domains; {_SOURCE}",
        licence="Apache-2.0",
        features=_FEATURES,
    )
)
