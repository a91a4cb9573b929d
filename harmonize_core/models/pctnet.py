# SPDX-License-Identifier: Apache-2.0
"""PCT-Net: a network looks at 256x256 and gives each pixel an affine colour transform, applied at full size.

Guerreiro, Nakazawa and Stenger, "PCT-Net: Full Resolution Image Harmonization Using Pixel-Wise Color Transformations"
(CVPR 2023), as in rakutentech/PCT-Net-Image-Harmonization 1572176 (`ViT_pct`, `CNN_pct`): a vision transformer
without positions that blends by the mask, or the U-Net of iSSAM that predicts where to blend.
Changed: the picture is reduced inside the network (bilinear, as OpenCV does it for the released code, which is given
both sizes); the unused colour head of `CNN_pct` (99 numbers) is left out; training starts at the identity, not near
black.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.blocks_ssam import AttentiveUNet, remap_unet
from harmonize_core.models.blocks_transformer import EncoderLayer, remap_layer, to_features, to_patches
from harmonize_core.models.layers import IMAGENET_MEAN, IMAGENET_STD, normalize, resized

SIZE = 256
"""Side of the picture that the network looks at."""

PARAMETERS = 12
"""Of an affine transform of colours: a 3x3 matrix row by row, and an offset."""


@dataclass(frozen=True)
class PctNetConfig(ModelConfig):
    """What looks at the small picture; the defaults are `pctnet_vit`'s."""

    backbone: Literal["vit", "cnn"] = "vit"
    dropout: float = 0.1
    """Of the transformer while it trains; PyTorch's default, which the released code keeps."""
    side: int = SIZE
    """Of the picture that the network looks at, in pixels."""

    sides = (64, 128, 256, 512)

    def at(self, side: int) -> PctNetConfig:
        return replace(self, side=side)

    def build(self) -> PctNet:
        return PctNet(self)


@dataclass(frozen=True)
class PctNetOutput(Output):
    """The picture and the transform that made it, which is of the 256x256 view (or of another `side`)."""

    parameters: Tensor
    """(B, 12, 256, 256)"""
    attention: Tensor | None
    """(B, 1, 256, 256) share of the transformed colours in each pixel; None where the mask itself blends."""


class VisionTransformer(nn.Module):
    """Picture and mask (B, 4, H, W) in 4x4 patches through encoder layers to a map (B, 12, H, W) in (-1, 1)."""

    def __init__(self, dropout: float, *, channels: int = 256, heads: int = 2, layers: int = 9, patch: int = 4) -> None:
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(4 * patch**2, channels)
        self.layers = nn.ModuleList([EncoderLayer(channels, heads, dropout) for _ in range(layers)])
        self.to_map = nn.ConvTranspose2d(channels, PARAMETERS, patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(to_patches(x, self.patch))
        for layer in self.layers:
            tokens = layer(tokens)
        return torch.tanh(self.to_map(to_features(tokens, x.shape[2] // self.patch)))


class PctNet(HarmonizationModel):
    """4.810 M parameters (vit) or 2.186 M (cnn), pictures of any size."""

    divisor = 1

    def __init__(self, config: PctNetConfig | None = None) -> None:
        super().__init__()
        config = config or PctNetConfig()
        self.side = config.side
        self.normalized = config.backbone == "cnn"
        """The transform reads ImageNet-normalised colours (and gives sRGB, as it always does)."""
        if config.backbone == "cnn":
            self.unet = AttentiveUNet()
            self.attention = nn.Conv2d(32, 1, kernel_size=1)
            self.to_parameters = nn.Conv2d(32, PARAMETERS, kernel_size=1)
        else:
            self.transformer = VisionTransformer(config.dropout)
            self.to_parameters = nn.Conv2d(PARAMETERS, PARAMETERS, kernel_size=1)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> PctNetOutput:
        parameters, attention = self.estimate(composite, mask)
        return PctNetOutput(self.transform(composite, mask, parameters, attention), parameters, attention)

    def estimate(self, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Composite (B, 3, H, W) sRGB and mask (B, 1, H, W), seen at the network's side: parameters and attention of
        that size."""
        composite, mask = (resized(x, (self.side, self.side), "bilinear") for x in (composite, mask))
        if not self.normalized:
            return self.to_parameters(self.transformer(torch.cat([composite, mask], dim=1))), None
        decoded = self.unet(normalize(composite), mask).decoded
        return self.to_parameters(decoded), torch.sigmoid(3.0 * self.attention(decoded))

    def transform(self, composite: Tensor, mask: Tensor, parameters: Tensor, attention: Tensor | None) -> Tensor:
        """Apply a transform of any size to pictures of any size: bicubic, per pixel, clamped to [0, 1], blended.

        With the mask as blend, pixels with mask 0 come out as they are; a bicubic attention may leave [0, 1] a little.
        """
        size = (composite.shape[2], composite.shape[3])
        colors = normalize(composite) if self.normalized else composite
        transformed = transform_colors(colors, resized(parameters, size, "bicubic")).clamp(0.0, 1.0)
        blend = mask if attention is None else resized(attention, size, "bicubic")
        return transformed * blend + composite * (1 - blend)

    def reset_special(self) -> None:
        """The transform starts near the identity: its bias is that of a network that leaves every colour as it is."""
        scale, offset = (IMAGENET_STD, IMAGENET_MEAN) if self.normalized else ((1.0,) * 3, (0.0,) * 3)
        bias = torch.cat([torch.diag(torch.tensor(scale)).flatten(), torch.tensor(offset)])
        with torch.no_grad():
            assert self.to_parameters.bias is not None
            self.to_parameters.bias.copy_(bias)


def transform_colors(colors: Tensor, parameters: Tensor) -> Tensor:
    """Per pixel M c + b: colours (B, 3, H, W), parameters (B, 12, H, W) with M row by row, then b."""
    rows = [(parameters[:, 3 * row : 3 * row + 3] * colors).sum(dim=1) for row in range(3)]
    return torch.stack(rows, dim=1) + parameters[:, 9:]


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of rakutentech/PCT-Net-Image-Harmonization 1572176 (`PCTNet`), either backbone."""
    renamed: dict[str, Tensor] = remap_unet(state) if any(n.startswith("decoder.") for n in state) else {}
    for name, value in state.items():
        _, layers, after = name.partition(".layers.")
        part, _, end = name.rpartition(".")
        if layers:
            number, _, entry = after.partition(".")
            here = f"transformer.layers.{number}"
            renamed |= {f"{here}.{ours}": v for ours, v in remap_layer(entry, value).items()}
        elif part in _NAMES:
            renamed[f"{_NAMES[part]}.{end}"] = value
    return renamed


_NAMES = {
    "encoder.patch_to_embedding.1": "transformer.embed",
    "encoder.dec.0": "transformer.to_map",
    "get_params": "to_parameters",
    "decoder.conv_attention": "attention",
}

for _name, _config, _features in (
    ("pctnet_vit", PctNetConfig(), frozenset({"onnx", "any_size", "background"})),
    ("pctnet_cnn", PctNetConfig("cnn"), frozenset({"onnx", "any_size"})),
):
    register(
        ModelEntry(
            _name,
            _config,
            InputSpec(size=SIZE, divisor=PctNet.divisor),
            source="Guerreiro et al., PCT-Net: Full Resolution Image Harmonization Using Pixel-Wise Color "
            "Transformations, CVPR 2023 (rakutentech/PCT-Net-Image-Harmonization@1572176)",
            licence="Apache-2.0",
            features=_features,
        )
    )
