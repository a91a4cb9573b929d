# SPDX-License-Identifier: Apache-2.0
"""CRN: nine refinement modules, each twice the size of the one before, that all see the resized input.

Chen & Koltun, "Photographic Image Synthesis with Cascaded Refinement Networks" (ICCV 2017), as in
CQFIO/PhotographicImageSynthesis 36c3896 (`demo_1024p.py`: nine modules, one output picture); one of the networks of
CDTNet's high-resolution table. Changed: the input is the composite in [-1, 1] with its mask instead of a label map;
the coarsest module works at a 256th of the picture's size (4x4 for 1024x1024 as published, one pixel for 256x256).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register


@dataclass(frozen=True)
class CRNConfig(ModelConfig):
    """Shape of the cascade; the defaults are those of the released 1024-pixel network."""

    widths: tuple[int, ...] = (1024, 1024, 1024, 1024, 1024, 512, 512, 128, 32)
    """Channels of the modules, coarsest first; n modules make pictures that are multiples of 2^(n-1)."""
    channels: int = 4
    """Of the input: picture and mask; 20 in the published network, which reads label maps."""

    def build(self) -> CRN:
        return CRN(self)


class Refinement(nn.Module):
    """Two 3x3 convolutions, each with layer norm over the sample and leaky ReLU."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(c, c_out, 3, padding=1, bias=False) for c in (c_in, c_out))
        self.norms = nn.ModuleList(nn.GroupNorm(1, c_out, eps=1e-12) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.leaky_relu(norm(conv(x)), 0.2)
        return x


class CRN(HarmonizationModel):
    """The cascade (97.8 M parameters); the picture is made anew, background included."""

    def __init__(self, config: CRNConfig | None = None) -> None:
        super().__init__()
        config = config or CRNConfig()
        self.divisor = 2 ** (len(config.widths) - 1)
        self.stages = nn.ModuleList(
            Refinement(before + config.channels, width) for before, width in itertools.pairwise((0, *config.widths))
        )
        self.to_rgb = nn.Conv2d(config.widths[-1], 3, kernel_size=1)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        levels = [torch.cat([2.0 * composite - 1.0, mask], dim=1)]
        for _ in self.stages[1:]:
            levels.append(functional.avg_pool2d(levels[-1], 2))
        x = self.stages[0](levels.pop())
        for stage in self.stages[1:]:
            level = levels.pop()
            x = functional.interpolate(x, size=level.shape[-2:], mode="bilinear", align_corners=True)
            x = stage(torch.cat([x, level], dim=1))
        return Output((self.to_rgb(x) + 1.0) / 2.0)


register(
    ModelEntry(
        "crn",
        CRNConfig(),
        InputSpec(size=256, divisor=256),
        source="Chen & Koltun, Photographic Image Synthesis with Cascaded Refinement Networks, ICCV 2017 "
        "(CQFIO/PhotographicImageSynthesis@36c3896, 1024p)",
        licence="Apache-2.0",
        features=frozenset({"onnx"}),
    )
)
