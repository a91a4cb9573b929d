# SPDX-License-Identifier: Apache-2.0
"""Harmonizer: a network looks at 256x256 and sets six editing filters, which are applied at full size.

Ke et al., "Harmonizer: Learning to Perform White-Box Image and Video Harmonization" (ECCV 2022), as in
ZHKKKe/Harmonizer 48ecd70. EfficientNet-B0 with two stems, one for the picture with the mask and one for the picture
with the inverse mask; a cascade of regressors, each seeing what the one before it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models import filters
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.efficientnet import LAYERS, ConvNorm, blocks
from harmonize_core.models.layers import resized

SIZE = 256
"""Side of the picture that the network looks at."""

HIDDEN = 160
"""Channels inside the cascade."""


@dataclass(frozen=True)
class HarmonizerConfig(ModelConfig):
    """How the network trains; its shape is fixed."""

    drop: float = 0.2
    """Stochastic depth of the deepest block while it trains; falls to 0 at the first."""

    def build(self) -> Harmonizer:
        return Harmonizer(self)


@dataclass(frozen=True)
class HarmonizerOutput(Output):
    """The picture and the settings that made it."""

    arguments: Tensor
    """(B, 6) of temperature, brightness, contrast, saturation, highlight and shadow, before they are clamped to
    [-1, 1]."""


class Cascade(nn.Module):
    """Pooled features (B, 1280) to six arguments (B, 6), one after the other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fixed = nn.Linear(channels, HIDDEN)
        self.state = nn.Linear(channels, HIDDEN)
        self.steps = nn.ModuleList([nn.Linear(2 * HIDDEN, HIDDEN) for _ in filters.FILTERS])
        self.heads = nn.ModuleList([nn.Linear(HIDDEN, 1) for _ in filters.FILTERS])

    def forward(self, features: Tensor) -> Tensor:
        fixed, state = self.fixed(features), self.state(features)
        arguments: list[Tensor] = []
        for step, head in zip(self.steps, self.heads, strict=True):
            state = step(torch.cat([fixed, state], dim=1))
            arguments.append(head(state))
        return torch.cat(arguments, dim=1)


class Harmonizer(HarmonizationModel):
    """4.727 M parameters, pictures of any size."""

    divisor = 1

    def __init__(self, config: HarmonizerConfig | None = None) -> None:
        super().__init__()
        config = config or HarmonizerConfig()
        self.stem_fg = ConvNorm(4, 16, 3, stride=2)
        self.stem_bg = ConvNorm(4, 16, 3, stride=2)
        self.blocks = blocks(32, drop=config.drop)
        self.head = ConvNorm(320, 1280)
        self.cascade = Cascade(1280)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> HarmonizerOutput:
        arguments = self.estimate(composite, mask)
        return HarmonizerOutput(filters.restore(composite, mask, arguments.clamp(-1.0, 1.0))[-1], arguments)

    def estimate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Composite (B, 3, H, W) sRGB and mask (B, 1, H, W), seen at 256x256: arguments (B, 6), not clamped."""
        composite, mask = (resized(x, (SIZE, SIZE), "bilinear") for x in (composite, mask))
        foreground = self.stem_fg(torch.cat([composite, mask], dim=1))
        background = self.stem_bg(torch.cat([composite, 1 - mask], dim=1))
        x = torch.cat([foreground, background], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.cascade(self.head(x).mean(dim=(2, 3)))


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of ZHKKKe/Harmonizer 48ecd70 (`Harmonizer`)."""
    return {_our_name(name.split(".")): value for name, value in state.items()}


def _our_name(path: list[str]) -> str:
    end = path[-1]
    if path[1] == "_blocks":
        return f"blocks.{path[2]}.{LAYERS[path[3]]}.{end}"
    if path[0] == "backbone":
        return f"{_STEMS[path[1]]}.{end}"
    if path[1] == "headers":
        return f"cascade.{('steps', 'heads')[int(path[3])]}.{path[2]}.{end}"
    return f"cascade.{ {'f': 'fixed', 'g': 'state'}[path[1]] }.{end}"


_STEMS = {
    "_conv_fg": "stem_fg.conv",
    "_bn_fg": "stem_fg.norm",
    "_conv_bg": "stem_bg.conv",
    "_bn_bg": "stem_bg.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
}

register(
    ModelEntry(
        "harmonizer",
        HarmonizerConfig(),
        InputSpec(size=SIZE, divisor=Harmonizer.divisor),
        source="Ke et al., Harmonizer: Learning to Perform White-Box Image and Video Harmonization, ECCV 2022 "
        "(ZHKKKe/Harmonizer@48ecd70)",
        licence="Apache-2.0",
        features=frozenset({"onnx", "any_size", "background"}),
    )
)
