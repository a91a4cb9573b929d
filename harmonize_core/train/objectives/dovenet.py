# SPDX-License-Identifier: Apache-2.0
"""DoveNet's recipe: the network's picture, background included, against the real one (see `_verified.py`)."""

from __future__ import annotations

from harmonize_core.models import Output
from harmonize_core.models.dovenet import DoveNet
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, fused
from harmonize_core.train.objectives._verified import VerifiedObjective


class DoveNetObjective(VerifiedObjective):
    """The critic has the generator's kind of norm, as released; nothing in the run's loss config bears on it."""

    def __init__(self, model: DoveNet, loss: LossConfig) -> None:
        super().__init__(model, model.norm)

    def forward(self, batches: Batches) -> Output:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)
