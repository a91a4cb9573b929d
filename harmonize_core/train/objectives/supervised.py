# SPDX-License-Identifier: Apache-2.0
"""The default objective: foreground-normalised MSE between harmonized and real, both domains in one batch.

Sofiiuk et al., "Foreground-aware Semantic Representations for Image Harmonization", WACV 2021, equation 4, as in
SamsungLabs/image_harmonization 4d16b12 (`iharm/model/losses.py`): squared errors in ImageNet-normalised space.
"""

from __future__ import annotations

from harmonize_core import losses
from harmonize_core.models import HarmonizationModel, Output, normalize
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


class Supervised(Objective):
    """FN-MSE, weight 1, A_min from the run's config."""

    def __init__(self, model: HarmonizationModel, loss: LossConfig) -> None:
        super().__init__(model)
        self.a_min = loss.a_min

    def forward(self, batches: Batches) -> Output:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def generator_losses(self, outputs: Output, batches: Batches) -> Terms:
        batch = fused(batches)
        error = losses.fn_mse(
            normalize(outputs.harmonized.float()), normalize(batch.real), batch.mask, a_min=self.a_min
        )
        return {"total": error, "fn_mse": error}
