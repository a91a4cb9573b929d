# SPDX-License-Identifier: Apache-2.0
"""CDTNet: a low-resolution U-Net, a colour table it predicts for the full picture, and a refinement of both.

Cong et al., "High-Resolution Image Harmonization via Collaborative Dual Transformations" (CVPR 2022), as released in
bcmi/CDTNet-High-Resolution-Image-Harmonization 43a662b (`iharm/model/base/cdt_net_model.py`, `lut.py`, `refine.py`).
The simplified networks ("sim") give what the table gives. Tables: Zeng et al., "Learning Image-Adaptive 3D Lookup
Tables" (TPAMI 2020).
Changed: the basis tables are mixed before the lookup instead of after it, which is the same, as lookups are linear in
the table; the lookup is torch's own instead of a CUDA extension; heights and widths may differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register
from harmonize_core.models.blocks_ssam import AttentiveUNet, remap_unet
from harmonize_core.models.layers import BlendHead, denormalize, normalize, resized

TABLES = 4
"""Basis tables; the first starts as the identity, the others as zero."""

TABLE_SIDE = 33
"""Nodes of a table along each colour axis."""

WIDTH = 32
"""Channels of the U-Net's finest level."""


@dataclass(frozen=True)
class CdtNetConfig(ModelConfig):
    """Which CDTNet: its number (256 or 512) is the side of the low-resolution branch."""

    base_size: int = 256
    """Side in pixels of the square pictures the U-Net sees; a multiple of 8."""
    simplified: bool = False
    """The colour table's picture is the result; U-Net decoder and refinement only help training."""

    def build(self) -> CdtNet:
        return CdtNet(self)


@dataclass(frozen=True)
class CdtNetOutput(Output):
    """The picture and the two transformations that led to it."""

    table_image: Tensor
    """(B, 3, H, W) sRGB, not clamped: the composite through the predicted table; background as in the composite."""
    base_image: Tensor | None
    """(B, 3, base_size, base_size) sRGB, not clamped: the U-Net's picture; None from a simplified network in use."""
    refined_image: Tensor | None
    """(B, 3, H, W) sRGB, not clamped: what the refinement makes of both; None from a simplified network in use."""
    weights: Tensor
    """(B, 4) of the basis tables."""


class TablePredictor(nn.Module):
    """Deepest features and mask to the weights of the basis tables."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 256, kernel_size=1)
        self.to_weights = nn.Conv2d(2 * 256, TABLES, kernel_size=1)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """(B, C, h, w) and (B, 1, H, W) to (B, 4). Regions are averaged over all pixels, so their area counts too."""
        x = self.conv(features)
        inside = resized(mask, (x.shape[2], x.shape[3]), "bilinear")
        regions = [(x * inside).mean(dim=(2, 3)), (x * (1.0 - inside)).mean(dim=(2, 3))]
        pooled = torch.cat(regions, dim=1)[:, :, None, None].to(self.to_weights.weight.dtype)
        with torch.autocast(x.device.type, enabled=False):  # half a percent of a weight would be seen in every colour
            return self.to_weights(pooled).flatten(1)


def identity_table(side: int = TABLE_SIDE) -> Tensor:
    """(3, side, side, side): the table that changes nothing, indexed [output channel, blue, green, red]."""
    blue, green, red = torch.meshgrid(3 * [torch.linspace(0, 1, side)], indexing="ij")
    return torch.stack([red, green, blue])


def look_up(tables: Tensor, image: Tensor) -> Tensor:
    """Colours through one table for each picture, trilinear; colours outside [0, 1] are clamped to it.

    Args:
        tables: (B, 3, N, N, N), indexed [output channel, blue, green, red].
        image: (B, 3, H, W) sRGB in [0, 1].

    Returns:
        (B, 3, H, W), in the range of the tables.
    """
    grid = (2.0 * image - 1.0).movedim(1, -1)[:, None]  # (B, 1, H, W, 3): red runs along the last axis of the table
    return functional.grid_sample(tables, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]


class CdtNet(HarmonizationModel):
    """Takes pictures of any size, made for 1024 and 2048 pixels (2.744 M)."""

    def __init__(self, config: CdtNetConfig | None = None) -> None:
        super().__init__()
        config = config or CdtNetConfig()
        self.base_size = (config.base_size, config.base_size)
        self.simplified = config.simplified
        self.unet = AttentiveUNet(WIDTH)
        self.head = BlendHead(WIDTH)
        self.tables = nn.Parameter(torch.zeros(TABLES, 3, *3 * [TABLE_SIDE]))
        self.predictor = TablePredictor(8 * WIDTH)
        layers: list[nn.Module] = []
        for c_in in (3 + 3 + 1 + WIDTH, 64):
            layers += [nn.Conv2d(c_in, 64, kernel_size=3, padding=1), nn.BatchNorm2d(64), nn.ELU()]
        self.refine = nn.Sequential(*layers)
        self.refine_head = BlendHead(64)
        self.reset_special()

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> CdtNetOutput:
        size, composite_norm = (composite.shape[2], composite.shape[3]), normalize(composite)
        base_norm, base_mask = (resized(x, self.base_size, "bilinear") for x in (composite_norm, mask))
        encoded = self.unet.encode(base_norm, base_mask)
        weights = self.predictor(encoded[-1], mask)
        mixed = (weights[:, :, None, None, None, None] * self.tables).sum(dim=1)
        table_image = mask * look_up(mixed, composite) + (1.0 - mask) * composite
        if self.simplified and not self.training:
            return CdtNetOutput(table_image, table_image, None, None, weights)
        decoded = self.unet.decode(encoded, base_mask)
        base_image, _ = self.head(decoded, base_norm)
        base_full, decoded_full = (resized(x, size, "bilinear") for x in (base_image, decoded))
        parts = [base_full, normalize(table_image), mask, decoded_full]
        refined = denormalize(self.refine_head(self.refine(torch.cat(parts, dim=1)), composite_norm)[0])
        harmonized = table_image if self.simplified else refined
        return CdtNetOutput(harmonized, table_image, denormalize(base_image), refined, weights)

    def reset_special(self) -> None:
        """The first table is the identity, the others zero; all weights start at about 1."""
        with torch.no_grad():
            self.tables.zero_()
            self.tables[0] = identity_table()
        if self.predictor.to_weights.bias is not None:
            nn.init.ones_(self.predictor.to_weights.bias)


_PLACES = {
    "decoder.conv_attention": "head.attention",
    "decoder.to_rgb": "head.to_rgb",
    "lut.classifier.conv": "predictor.conv",
    "lut.classifier.fc": "predictor.to_weights",
    "refine.conv_attention": "refine_head.attention",
    "refine.to_rgb": "refine_head.to_rgb",
    "refine.block": "refine",
}


def remap_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the released code (its `state_dict()` keys) to those of `CdtNet`."""
    renamed = remap_unet(state)
    renamed["tables"] = torch.stack([state[f"lut.LUT{i}.LUT"] for i in range(TABLES)])
    for key, value in state.items():
        for official, ours in _PLACES.items():
            if key.startswith(f"{official}."):
                renamed[key.replace(official, ours, 1)] = value
    return renamed


for _size in (256, 512):
    for _simplified in (False, True):
        register(
            ModelEntry(
                f"cdtnet_{_size}_sim" if _simplified else f"cdtnet_{_size}",
                CdtNetConfig(_size, _simplified),
                InputSpec(size=_size, divisor=1),
                source="Cong et al., High-Resolution Image Harmonization via Collaborative Dual Transformations, "
                "CVPR 2022 (bcmi/CDTNet-High-Resolution-Image-Harmonization@43a662b)",
                licence="Apache-2.0",
                features=frozenset({"onnx", "any_size", *(("background",) if _simplified else ())}),
            )
        )
