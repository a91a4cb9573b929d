# SPDX-License-Identifier: Apache-2.0
"""An exponential moving average of a network's weights, which often scores better than any single step's.

Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM J. Control Optim. 1992; the decay's
warm-up min(decay, (1 + n) / (10 + n)) is that of TensorFlow's `tf.train.ExponentialMovingAverage` (`num_updates`).
Running statistics of batch norm are averaged like weights, so that they belong to the same moments; counters are
copied.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from harmonize_core.models import HarmonizationModel


class Ema:
    """The averaged network, and how many updates it has seen."""

    def __init__(self, model: HarmonizationModel, decay: float) -> None:
        """Args: `model` is copied; `decay` is at least 0 and below 1."""
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: HarmonizationModel) -> None:
        """Move towards the weights that `model` has now."""
        share = 1.0 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        averages: list[Tensor] = []
        latest: list[Tensor] = []
        for mine, its in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                averages.append(mine)
                latest.append(its)
            else:
                mine.copy_(its)
        torch._foreach_lerp_(averages, latest, share)
