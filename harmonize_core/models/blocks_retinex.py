# SPDX-License-Identifier: Apache-2.0
"""Blocks of the two networks that split a picture into reflectance times illumination, and their recombination.

Used by `intrinsic.py` and `dht.py` (Guo et al., CVPR and ICCV 2021); the blocks are those of MUNIT (Huang et al.,
"Multimodal Unsupervised Image-to-Image Translation", ECCV 2018), as in zhenglab/IntrinsicHarmony da50240 and
zhenglab/HarmonyTransformer d8430b5. Changed: the scale of `SampleNorm` starts at 1 instead of uniform in [0, 1], so
that the same seed gives the same network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from harmonize_core.models._registry import Output

WIDTH = 64
"""Channels at full size; each halving of the size doubles them."""


@dataclass(frozen=True)
class RetinexOutput(Output):
    """A harmonized picture and what it is the product of. All (B, 3, H, W) in (0, 1)."""

    raw: Tensor
    """reflectance * illumination over the whole picture, before it is pasted on the composite: what losses see."""
    reflectance: Tensor
    illumination: Tensor


def recombine(reflectance: Tensor, illumination: Tensor, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(product pasted on the composite by the mask, product); the background is the composite's, bit for bit."""
    raw = reflectance * illumination
    return composite * (1 - mask) + raw * mask, raw


class SampleNorm(nn.Module):
    """Normalise each sample over all its channels and pixels, then scale and shift by channel.

    Unlike `torch.nn.LayerNorm` it divides by (standard deviation + eps), the deviation being the unbiased one.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        std = x.std(dim=(1, 2, 3), keepdim=True)
        return (x - mean) / (std + self.eps) * self.gamma[:, None, None] + self.beta[:, None, None]


Norm = Literal["instance", "sample", "none"]
Activation = Literal["lrelu", "relu", "tanh", "none"]

_ACTIVATIONS = {"lrelu": lambda: nn.LeakyReLU(0.2), "relu": nn.ReLU, "tanh": nn.Tanh, "none": nn.Identity}


class PadConv(nn.Module):
    """Convolution after reflection padding, norm, activation; stride 2 halves the size."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, *, stride: int = 1, norm: Norm, activation: Activation = "lrelu"
    ) -> None:
        super().__init__()
        padding = (kernel - stride + 1) // 2
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, padding_mode="reflect")
        self.norm: nn.Module = nn.Identity()
        if norm == "instance":
            self.norm = nn.InstanceNorm2d(c_out)
        elif norm == "sample":
            self.norm = SampleNorm(c_out)
        self.activation = _ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(x)))


class Residual(nn.Module):
    """Two 3x3 convolutions with norm, added to the input."""

    def __init__(self, channels: int, norm: Norm = "sample", activation: Activation = "lrelu") -> None:
        super().__init__()
        self.first = PadConv(channels, channels, 3, norm=norm, activation=activation)
        self.second = PadConv(channels, channels, 3, norm=norm, activation="none")

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class Encoder(nn.Module):
    """Picture and mask (B, 4, H, W) to features (B, 2^halvings * width, H / 2^halvings, W / 2^halvings)."""

    def __init__(self, *, norm: Norm, width: int = WIDTH, halvings: int = 2, residuals: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = [PadConv(4, width, 7, norm=norm)]
        for _ in range(halvings):
            layers.append(PadConv(width, 2 * width, 4, stride=2, norm=norm))
            width *= 2
        layers += [Residual(width) for _ in range(residuals)]
        self.layers = nn.Sequential(*layers)
        self.channels = width

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Decoder(nn.Module):
    """Features (B, C, H/4, W/4) to a picture (B, 3, H, W) in (0, 1): nearest upsampling and 5x5 convolutions, twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ModuleList([PadConv(c, c // 2, 5, norm="sample") for c in (channels, channels // 2)])
        self.to_rgb = PadConv(channels // 4, 3, 7, norm="none", activation="tanh")

    def forward(self, x: Tensor) -> Tensor:
        for block in self.up:
            x = block(nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.to_rgb(x) / 2 + 0.5


def official_name(name: str, *, residuals_at: int, decoder_offset: int) -> str:
    """Our name of a parameter of an encoder or decoder from the official "reflectance_enc.model.2.conv.bias".

    Args:
        name: official name, starting with the encoder's or decoder's own.
        residuals_at: place of the residual blocks in the official encoder.
        decoder_offset: place of the first convolution in the official decoder.
    """
    part, _, place, *rest = name.split(".")
    if part.endswith("_dec"):
        step = (int(place) - decoder_offset + 1) // 2
        return ".".join([part.replace("_dec", "_decoder"), *(("up", str(step)) if step < 2 else ("to_rgb",)), *rest])
    layer = int(place)
    if layer == residuals_at and rest[0] == "model":  # .model.<block>.model.<0 or 1>.
        layer, rest = layer + int(rest[1]), [("first", "second")[int(rest[3])], *rest[4:]]
    return ".".join([part.replace("_enc", "_encoder"), "layers", str(layer), *rest])
