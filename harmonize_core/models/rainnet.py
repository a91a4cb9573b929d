# SPDX-License-Identifier: Apache-2.0
"""RainNet: DoveNet's U-Net whose decoder gives foreground features the mean and deviation of the background's.

Ling et al., "Region-aware Adaptive Instance Normalization for Image Harmonization" (CVPR 2021), as released in
junleen/RainNet e4b605d (`models/networks.py`, `models/normalize.py`). The authors' data loader replaces the
background of the composite by the real picture's, in training and in testing (their numbers are of that protocol).
Changed: the network gets the composite as it is, since the real background of a picture to harmonize is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.blocks_pix2pix import DIVISOR, LEVELS, Pix2PixUNet

EPS = 1e-5
"""Added to pixel counts and to variances, as released; an empty region has mean 0 and deviation 0.003."""


@dataclass(frozen=True)
class RainNetConfig(ModelConfig):
    """Shape of the network; the default is the published one."""

    width: int = 64
    """Channels of the finest level; deeper levels have 2, 4 and then 8 times as many."""

    def build(self) -> RainNet:
        return RainNet(self)


@dataclass(frozen=True)
class RainNetOutput(Output):
    """The pasted picture, and what was pasted."""

    unpasted: Tensor
    """(B, 3, H, W) sRGB in (0, 1): the network's picture, background included."""


class Rain(nn.Module):
    """Region-aware adaptive instance norm: each region is normalised by its own statistics, the foreground then takes
    those of the background; an affine map for each region follows, the identity at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.foreground_gamma = nn.Parameter(torch.zeros(channels))
        self.foreground_beta = nn.Parameter(torch.zeros(channels))
        self.background_gamma = nn.Parameter(torch.zeros(channels))
        self.background_beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Features (B, C, h, w) and the mask (B, 1, H, W), which is resized to them by its nearest pixels."""
        inside = functional.interpolate(mask, size=x.shape[2:], mode="nearest")
        outside = 1.0 - inside
        mean_f, std_f = region_statistics(x, inside)
        mean_b, std_b = region_statistics(x, outside)
        foreground = _affine((x - mean_f) / std_f * std_b + mean_b, self.foreground_gamma, self.foreground_beta)
        background = _affine((x - mean_b) / std_b, self.background_gamma, self.background_beta)
        return inside * foreground + outside * background


def region_statistics(x: Tensor, region: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation, (B, C, 1, 1) each, of features (B, C, h, w) where `region` (B, 1, h, w) is 1."""
    count = region.sum(dim=(2, 3), keepdim=True) + EPS
    mean = (x * region).sum(dim=(2, 3), keepdim=True) / count
    variance = ((x - mean) * region).square().sum(dim=(2, 3), keepdim=True) / count
    return mean, (variance + EPS).sqrt()


def _affine(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return x * (1.0 + gamma[:, None, None]) + beta[:, None, None]


class RainNet(HarmonizationModel):
    """Composite (the mask only steers the norms) to a picture that is pasted on the composite (54.759 M)."""

    divisor = DIVISOR

    def __init__(self, config: RainNetConfig | None = None) -> None:
        super().__init__()
        self.unet = Pix2PixUNet(3, nn.InstanceNorm2d, Rain, width=(config or RainNetConfig()).width, bias=False)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> RainNetOutput:
        unpasted = (self.unet(2.0 * composite - 1.0, mask) + 1.0) / 2.0
        return RainNetOutput(mask * unpasted + (1.0 - mask) * composite, unpasted)

    def reset_special(self) -> None:
        """The affine maps of all regions start as the identity."""
        for module in self.modules():
            if isinstance(module, Rain):
                for parameter in module.parameters():
                    nn.init.zeros_(parameter)


_PLACES = {
    "model_layer0": "down.0.conv",
    **{f"model_layer{level}.1": f"down.{level}.conv" for level in (1, 2, 3)},
    **{f"model_layer{14 - level}.1": f"up.{level - 1}.conv" for level in (1, 2, 3)},
    **{f"model_layer{14 - level}norm": f"up.{level - 1}.norm" for level in (1, 2, 3)},
    **{f"model_layer{14 - level}att.0": f"up.{level - 1}.gate" for level in (1, 2, 3)},
    "model_out.1": "to_rgb",
}


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the generator weights of the released code (its `state_dict()` keys) to those of `RainNet`."""
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        place, name = key.rsplit(".", 1)
        renamed[f"unet.{_PLACES.get(place) or _nested(place)}.{name}"] = value
    return renamed


def _nested(place: str) -> str:
    """Where an entry of the official nested blocks, which hold levels 4 to 7, sits in `Pix2PixUNet`."""
    level = 4 + place.count("submodule")
    part = place.rsplit("submodule.", 1)[-1].removeprefix("unet_block.")
    if level == LEVELS - 1:
        return {"up.1": f"down.{level}.conv", "up.3": f"up.{level - 1}.conv", "upnorm": f"up.{level - 1}.norm"}[part]
    return {"down.1": f"down.{level}.conv", "up.1": f"up.{level - 1}.conv", "upnorm": f"up.{level - 1}.norm"}[part]


register(
    ModelEntry(
        "rainnet_256",
        RainNetConfig(),
        InputSpec(size=256, divisor=DIVISOR),
        source="Ling et al., Region-aware Adaptive Instance Normalization for Image Harmonization, CVPR 2021 "
        "(junleen/RainNet@e4b605d)",
        licence="Apache-2.0",
        features=frozenset({"onnx", "background"}),
    )
)
