# SPDX-License-Identifier: Apache-2.0
"""DoveNet: a pix2pix U-Net with attention, trained so that fore- and background look like one domain.

Cong et al., "DoveNet: Deep Image Harmonization via Domain Verification" (CVPR 2020), as released in
bcmi/Image-Harmonization-Dataset-iHarmony4 0bdb51d, `DoveNet` (`--netG s2ad`). The discriminators and losses that give
it its name are in `discriminators.py` and `harmonize_core/train/objectives/dovenet.py`.
Changed: nothing that is computed in eval mode, in which the authors' test script does not put the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, Output, register_variants
from harmonize_core.models.blocks_pix2pix import DIVISOR, LEVELS, Pix2PixUNet, WithoutMask


@dataclass(frozen=True)
class DoveNetConfig(ModelConfig):
    """Shape of the network; the defaults are those of the released weights."""

    norm: Literal["batch", "instance"] = "batch"
    """batch: the released weights; instance (without parameters): the documented training command."""
    width: int = 64
    """Channels of the finest level; deeper levels have 2, 4 and then 8 times as many."""

    def build(self) -> DoveNet:
        return DoveNet(self)


class DoveNet(HarmonizationModel):
    """Composite and mask to the whole picture anew (54.760 M)."""

    divisor = DIVISOR

    def __init__(self, config: DoveNetConfig | None = None) -> None:
        super().__init__()
        config = config or DoveNetConfig()
        self.norm = config.norm
        norm = nn.BatchNorm2d if config.norm == "batch" else nn.InstanceNorm2d
        self.unet = Pix2PixUNet(
            4, norm, lambda c: WithoutMask(norm(c)), width=config.width, bias=config.norm == "instance"
        )

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        inputs = torch.cat([2.0 * composite - 1.0, mask], dim=1)
        return Output((self.unet(inputs, mask) + 1.0) / 2.0)


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the generator weights of the released code (its `state_dict()` keys) to those of `DoveNet`."""
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        *nested, part, place, name = key.removeprefix("model.").split(".")
        level = nested.count("model")
        renamed[f"unet.{_place(level, part, place)}.{name}"] = value
    return renamed


def _place(level: int, part: str, place: str) -> str:
    """Where entry `place` of the official block at nesting depth `level` sits in `Pix2PixUNet`."""
    if part == "attention":
        return f"up.{level - 1}.gate"
    if level == 0:
        return {"0": "down.0.conv", "3": "to_rgb"}[place]
    if level == LEVELS - 1:
        return {"1": f"down.{level}.conv", "3": f"up.{level - 1}.conv", "4": f"up.{level - 1}.norm.norm"}[place]
    return {
        "1": f"down.{level}.conv",
        "2": f"down.{level}.norm",
        "5": f"up.{level - 1}.conv",
        "6": f"up.{level - 1}.norm.norm",
    }[place]


register_variants(
    {"dovenet_256": DoveNetConfig(), "dovenet_256_instance": DoveNetConfig(norm="instance")},
    InputSpec(size=256, divisor=DIVISOR),
    source="Cong et al., DoveNet: Deep Image Harmonization via Domain Verification, CVPR 2020 "
    "(bcmi/Image-Harmonization-Dataset-iHarmony4@0bdb51d)",
    licence="Apache-2.0",
    features=frozenset({"onnx"}),
)
