# SPDX-License-Identifier: Apache-2.0
"""RainNet's recipe: DoveNet's terms on the pasted picture, with the real picture's background in the input.

Ling et al. (CVPR 2021), as in junleen/RainNet e4b605d: `data/iharmony4_dataset.py` composes foreground over real
background before the network sees it, `models/rainnet_model.py` compares the pasted picture.
"""

from __future__ import annotations

from harmonize_core.models import Output
from harmonize_core.models.rainnet import RainNet
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, fused
from harmonize_core.train.objectives._verified import VerifiedObjective


class RainNetObjective(VerifiedObjective):
    """The critic has instance norm, as released; nothing in the run's loss config bears on it."""

    def __init__(self, model: RainNet, loss: LossConfig) -> None:
        super().__init__(model, "instance")

    def forward(self, batches: Batches) -> Output:
        batch = fused(batches)
        return self.model(batch.mask * batch.composite + (1.0 - batch.mask) * batch.real, batch.mask)
