# SPDX-License-Identifier: Apache-2.0
"""Baselines without anything to learn: the composite as it is, and three ways to give the foreground the background's
colours.

`reinhard`: Reinhard et al., "Color Transfer between Images" (IEEE CG&A 2001), in CIELAB as today's implementations
(bcmi/libcom `color_transfer`) instead of the paper's l-alpha-beta, whose logarithm has no value for black.
`histogram_match`: the distribution of each sRGB channel. `mkl`: Pitié and Kokaram, "The Linear Monge-Kantorovitch
Linear Colour Mapping" (CVMP 2007), in sRGB. All take statistics inside one picture, pixels weighted by the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.color import cielab_to_linear, linear_to_cielab, linear_to_srgb, srgb_to_linear
from harmonize_core.color_transfer import match_covariance, match_histogram, match_statistics, statistics
from harmonize_core.formats.triplet import Domain
from harmonize_core.models._registry import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, register

Method = Literal["composite", "reinhard", "histogram_match", "mkl"]

Colors = NDArray[np.float64]
Match = Callable[[Colors, Colors, NDArray[np.float64], NDArray[np.float64]], NDArray[np.floating]]
"""(foreground (N, 3), background (M, 3), their weights (N,), (M,)) to the foreground's new colours (N, 3), sRGB."""


@dataclass(frozen=True)
class ClassicalConfig(ModelConfig):
    """Which baseline."""

    method: Method = "composite"

    def build(self) -> Classical:
        return Classical(self)


class Classical(HarmonizationModel):
    """A baseline as a network without parameters; gradients do not pass through it.

    Foreground pixels become mask * matched + (1 - mask) * composite; pixels with mask 0 stay as they are. A picture
    without foreground or without background stays as it is.
    """

    def __init__(self, config: ClassicalConfig) -> None:
        super().__init__()
        self.match = _METHODS[config.method]

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        if self.match is None:
            return Output(composite)
        pictures = zip(composite.detach().cpu(), mask.detach().cpu(), strict=True)
        harmonized = torch.stack([_harmonize(picture, m[0], self.match) for picture, m in pictures])
        return Output(harmonized.to(composite))


def _harmonize(composite: Tensor, mask: Tensor, match: Match) -> Tensor:
    """Composite (3, H, W) and mask (H, W) to harmonized (3, H, W)."""
    colors = composite.flatten(1).T.double().numpy()
    weights = mask.flatten().double().numpy()
    inside, outside = weights > 0, weights < 1
    if not inside.any() or not outside.any():
        return composite
    matched = match(colors[inside], colors[outside], weights[inside], 1 - weights[outside])
    share = weights[inside, None]
    harmonized = colors.copy()
    harmonized[inside] = share * matched + (1 - share) * colors[inside]
    return torch.from_numpy(harmonized.T).unflatten(1, composite.shape[1:]).to(composite.dtype)


def _reinhard(own: Colors, donor: Colors, weights: NDArray, donor_weights: NDArray) -> NDArray[np.floating]:
    lab, donor_lab = (linear_to_cielab(srgb_to_linear(colors)) for colors in (own, donor))
    moved = match_statistics(lab, statistics(lab, weights), statistics(donor_lab, donor_weights))
    return linear_to_srgb(cielab_to_linear(moved))


def _histogram(own: Colors, donor: Colors, weights: NDArray, donor_weights: NDArray) -> NDArray[np.floating]:
    channels = [match_histogram(own[:, c], donor[:, c], weights, donor_weights) for c in range(3)]
    return np.stack(channels, axis=1)


_METHODS: dict[Method, Match | None] = {
    "composite": None,
    "reinhard": _reinhard,
    "histogram_match": _histogram,
    "mkl": match_covariance,
}

_SOURCES: dict[Method, str] = {
    "composite": "the composite as it is",
    "reinhard": "Reinhard et al., Color Transfer between Images, IEEE CG&A 2001",
    "histogram_match": "Gonzalez and Woods, Digital Image Processing, histogram specification",
    "mkl": "Pitié and Kokaram, The Linear Monge-Kantorovitch Linear Colour Mapping, CVMP 2007",
}

for _method, _source in _SOURCES.items():
    register(
        ModelEntry(
            _method,
            ClassicalConfig(_method),
            InputSpec(size=256, divisor=1),
            source=_source,
            licence="Apache-2.0",
            features=frozenset({"background", "any_size"}),
            not_exported="it is NumPy code with nothing to learn; give its name where a model is asked for",
        )
    )
