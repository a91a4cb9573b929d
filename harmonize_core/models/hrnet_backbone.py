# SPDX-License-Identifier: Apache-2.0
"""HRNetV2: four resolutions side by side that keep exchanging features, and object-contextual representations on top.

Sun et al., "High-Resolution Representations for Labeling Pixels and Regions" (arXiv 1904.04514, 2019); Yuan et al.,
"Object-Contextual Representations for Semantic Segmentation" (OCR, ECCV 2020). As in
SamsungLabs/image_harmonization 4d16b12, where the regions of OCR are the given foreground and background, and features
of the mask join the picture's after the first convolution. Names of weights are those of the released HRNets.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv_norm(c_in: int, c_out: int, kernel_size: int, *, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """Convolution without bias that keeps the size (over the stride), batch norm, ReLU unless told otherwise."""
    layers: list[nn.Module] = [
        nn.Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(c_out),
    ]
    return nn.Sequential(*layers, nn.ReLU()) if relu else nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside an identity (He et al., CVPR 2016), C to C channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(x + self.bn2(self.conv2(y)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside an identity or projection (He et al.), `c_in` to 4 `mid` channels."""

    def __init__(self, c_in: int, mid: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, mid, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(mid)
        self.conv2 = nn.Conv2d(mid, mid, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(mid)
        self.conv3 = nn.Conv2d(mid, 4 * mid, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * mid)
        self.downsample = nn.Identity() if c_in == 4 * mid else conv_norm(c_in, 4 * mid, 1, relu=False)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.downsample(x) + self.bn3(self.conv3(y)))


class Exchange(nn.Module):
    """One multi-resolution module: blocks on each branch, then every branch receives the sum of all, resampled."""

    def __init__(self, channels: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*[BasicBlock(c) for _ in range(blocks)]) for c in channels)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resample(channels, source, target) for source in range(len(channels)))
            for target in range(len(channels))
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        features = [block(x) for block, x in zip(self.branches, branches, strict=True)]
        fused: list[Tensor] = []
        for row in self.fuse_layers:
            assert isinstance(row, nn.ModuleList)
            parts = [layer(x) for layer, x in zip(row, features, strict=True)]
            fused.append(functional.relu(sum(parts[1:], parts[0])))
        return fused


def _resample(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """From branch `source` to the size and channels of branch `target`; branch i has 1/2^i of the finest's size."""
    if source == target:
        return nn.Identity()
    if source > target:
        up = nn.Upsample(scale_factor=2 ** (source - target), mode="bilinear", align_corners=True)
        return conv_norm(channels[source], channels[target], 1, relu=False).append(up)
    c, steps = channels[source], target - source
    halvings = [conv_norm(c, c, 3, stride=2) for _ in range(steps - 1)]
    return nn.Sequential(*halvings, conv_norm(c, channels[target], 3, stride=2, relu=False))


class HRNetV2(nn.Module):
    """(B, 3, H, W) to (B, 15 * width, H/4, W/4): all four branches at the finest one's size."""

    def __init__(self, width: int, *, small: bool) -> None:
        """
        Args:
            width: channels of the finest branch; the others have 2, 4 and 8 times as many.
            small: 2 blocks per branch and 1, 3, 2 modules per stage, instead of 4 and 1, 4, 3.
        """
        super().__init__()
        blocks, modules = (2, (1, 3, 2)) if small else (4, (1, 4, 3))
        channels = [width * 2**branch for branch in range(4)]
        self.channels = sum(channels)
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(*[Bottleneck(256 if block else 64, 64) for block in range(blocks)])
        self.transition1 = nn.ModuleList(
            [conv_norm(256, channels[0], 3), nn.Sequential(conv_norm(256, channels[1], 3, stride=2))]
        )
        self.stage2 = nn.Sequential(*[Exchange(channels[:2], blocks) for _ in range(modules[0])])
        self.transition2 = _new_branch(channels, 2)
        self.stage3 = nn.Sequential(*[Exchange(channels[:3], blocks) for _ in range(modules[1])])
        self.transition3 = _new_branch(channels, 3)
        self.stage4 = nn.Sequential(*[Exchange(channels, blocks) for _ in range(modules[2])])

    def forward(self, composite_norm: Tensor, mask_features: Tensor) -> Tensor:
        """Normalised composite (B, 3, H, W); features of the mask (B, 64, H/2, W/2)."""
        x = functional.relu(self.bn1(self.conv1(composite_norm))) + mask_features
        x = self.layer1(functional.relu(self.bn2(self.conv2(x))))
        branches = self.stage2([layer(x) for layer in self.transition1])
        for transition, stage in ((self.transition2, self.stage3), (self.transition3, self.stage4)):
            branches = stage([layer(y) for layer, y in zip(transition, [*branches, branches[-1]], strict=True)])
        size = branches[0].shape[2:]
        resized = [functional.interpolate(y, size=size, mode="bilinear", align_corners=True) for y in branches[1:]]
        return torch.cat([branches[0], *resized], dim=1)


def _new_branch(channels: Sequence[int], branch: int) -> nn.ModuleList:
    """The branches before `branch` as they are, and a new one at half the size of the coarsest."""
    halving = nn.Sequential(conv_norm(channels[branch - 1], channels[branch], 3, stride=2))
    return nn.ModuleList([*[nn.Identity() for _ in range(branch)], halving])


class ObjectContext(nn.Module):
    """OCR: every pixel attends to the mean features of two regions, foreground and background."""

    def __init__(self, c_in: int, key_channels: int, *, dropout: float = 0.05) -> None:
        super().__init__()
        channels = 2 * key_channels
        self.channels = channels
        self.reduce = nn.Sequential(nn.Conv2d(c_in, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.pixel = nn.Sequential(conv_norm(channels, key_channels, 1), conv_norm(key_channels, key_channels, 1))
        self.region = nn.Sequential(conv_norm(channels, key_channels, 1), conv_norm(key_channels, key_channels, 1))
        self.value = conv_norm(channels, key_channels, 1)
        self.expand = conv_norm(key_channels, channels, 1)
        self.merge = conv_norm(2 * channels, channels, 1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Features (B, c_in, h, w) and mask (B, 1, H, W) to (B, 2 * key_channels, h, w)."""
        features = self.reduce(features)
        height, width = features.shape[2:]
        regions = torch.cat([mask, 1 - mask], dim=1)
        regions = functional.interpolate(regions, size=(height, width), mode="bilinear", align_corners=True)
        means = gather(features, regions)
        query = self.pixel(features).flatten(2).transpose(1, 2)  # (B, h w, key)
        key, value = self.region(means).flatten(2), self.value(means).flatten(2)  # (B, key, 2)
        share = torch.softmax(query @ key * key.shape[1] ** -0.5, dim=2)
        context = (share @ value.transpose(1, 2)).transpose(1, 2).unflatten(2, (height, width))
        return self.dropout(self.merge(torch.cat([self.expand(context), features], dim=1)))


def gather(features: Tensor, regions: Tensor) -> Tensor:
    """Mean features of each region, pixels weighted by the softmax over the picture of their membership.

    Args:
        features: (B, C, h, w).
        regions: (B, K, h, w) membership in [0, 1].

    Returns:
        (B, C, K, 1). Equation 5 of Yuan et al. with given regions.
    """
    weights = torch.softmax(regions.flatten(2), dim=2)
    return (features.flatten(2) @ weights.transpose(1, 2))[..., None]
