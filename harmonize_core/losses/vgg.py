# SPDX-License-Identifier: Apache-2.0
"""VGG16 and VGG19 as fixed feature extractors, with weights that the user supplies.

Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015 (configurations D
and E); parameter names and input normalisation of torchvision's `vgg16` and `vgg19`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.tensor_files import read_tensors

BLOCKS = {13: (2, 2, 3, 3, 3), 16: (2, 2, 4, 4, 4)}
"""Convolutions per block by their number: 13 in VGG16, 16 in VGG19; a 2x2 max pool follows each block."""

WIDTHS = (64, 128, 256, 512, 512)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg:
    """The convolutional part of a VGG: a function of its weights, never trained and never part of a checkpoint."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Args: weights: torchvision's state dict, at least its `features.*`.

        Raises:
            CheckpointError: not the convolutions of VGG16 or VGG19.
        """
        kernels = [v for k, v in weights.items() if k.startswith("features.") and k.endswith("weight") and v.ndim == 4]
        blocks = BLOCKS.get(len(kernels))
        if blocks is None:
            raise CheckpointError(
                f"a VGG16 or VGG19 has 13 or 16 convolutions named features.*.weight but these weights have "
                f"{len(kernels)}; give the state dict of torchvision's vgg16 or vgg19 (without batch norm)"
            )
        self._layers: dict[str, tuple[Tensor, Tensor] | None] = {}
        index, c_in = 0, 3
        for block, (count, c_out) in enumerate(zip(blocks, WIDTHS, strict=True), start=1):
            for place in range(1, count + 1):
                self._layers[f"relu{block}_{place}"] = self._convolution(weights, index, (c_out, c_in, 3, 3))
                index, c_in = index + 2, c_out
            self._layers[f"pool{block}"] = None
            index += 1

    @staticmethod
    def _convolution(weights: Mapping[str, Tensor], index: int, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        found = [weights.get(f"features.{index}.{kind}") for kind in ("weight", "bias")]
        kernel, bias = found
        if kernel is None or bias is None or tuple(kernel.shape) != shape:
            what = "nothing" if kernel is None or bias is None else str(tuple(kernel.shape))
            raise CheckpointError(
                f"features.{index} should be a convolution with a kernel {shape} and a bias but {what} was found; "
                "give the state dict of torchvision's vgg16 or vgg19"
            )
        return kernel.detach().float(), bias.detach().float()

    def __call__(self, image: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """Features after the ReLUs named, in their order.

        Args:
            image: (B, 3, H, W) sRGB in [0, 1].
            layers: "relu1_1" up to "relu5_3" (VGG16) or "relu5_4" (VGG19); block b is H / 2^(b-1) high.

        Raises:
            ConfigError: no such layer.
        """
        unknown = [name for name in layers if name not in self._layers]
        if unknown:
            raise ConfigError(f"this VGG has no layer {unknown[0]!r}; known: {', '.join(self._layers)}")
        mean, std = (torch.tensor(v, dtype=image.dtype, device=image.device)[:, None, None] for v in (MEAN, STD))
        x, features = (image - mean) / std, {}
        for name, convolution in self._layers.items():
            if len(features) == len(set(layers)):
                break
            if convolution is None:
                x = functional.max_pool2d(x, 2)
            else:
                kernel, bias = (value.to(device=x.device, dtype=x.dtype) for value in convolution)
                x = functional.conv2d(x, kernel, bias, padding=1).relu()
            if name in layers:
                features[name] = x
        return [features[name] for name in layers]


def perceptual_network(path: Path | None) -> Vgg:
    """The VGG whose weights lie at `path`, a .pth or .safetensors with torchvision's names.

    Raises:
        ConfigError: no path given.
        CheckpointError: the file cannot be read as such weights.
    """
    if path is None:
        raise ConfigError(
            "a perceptual loss compares features of a VGG and needs its weights but no file is given; save the state "
            "dict of torchvision's vgg19 (or vgg16) as .pth or .safetensors and name the file with --loss.vgg"
        )
    return Vgg(read_tensors(path, "the state dict of a VGG16 or VGG19"))
