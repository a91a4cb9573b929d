# SPDX-License-Identifier: Apache-2.0
"""Mean squared error over the whole picture, both domains in one batch: the recipe of FMM (Hao et al., BMVC 2020).

As in Dominoer/bmvc2020_image_harmonization b7888a7, `train.py`: sRGB in [0, 1], the clamped output. S2AM is trained
like this in SamsungLabs/image_harmonization 4d16b12, there in ImageNet-normalised space.
"""

from __future__ import annotations

from harmonize_core import losses
from harmonize_core.models import HarmonizationModel, Output
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


class FullImageMse(Objective):
    """MSE, weight 1; nothing in the run's loss config bears on it."""

    def __init__(self, model: HarmonizationModel, loss: LossConfig) -> None:
        super().__init__(model)

    def forward(self, batches: Batches) -> Output:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def generator_losses(self, outputs: Output, batches: Batches) -> Terms:
        error = losses.l2(outputs.harmonized.float(), fused(batches).real)
        return {"total": error, "mse": error}
