# SPDX-License-Identifier: Apache-2.0
"""CDTNet's recipe: foreground-normalised MSE of the U-Net's, the table's and the refined picture, weights 1.

Cong et al. (CVPR 2022), as in bcmi/CDTNet-High-Resolution-Image-Harmonization 43a662b, `models/CDTNet.py` and
`iharm/engine/simple_trainer.py`: squared errors of sRGB in [0, 1], A_min 100; at the U-Net's size the real picture and
the mask are reduced bilinearly.
Changed: everything is trained at once, where the authors start from iSSAM weights for iHarmony4 and by default keep the
U-Net as it is.
"""

from __future__ import annotations

from harmonize_core import losses
from harmonize_core.models.cdtnet import CdtNet, CdtNetOutput
from harmonize_core.models.layers import resized
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


class CdtNetObjective(Objective):
    """The same three terms for the simplified networks, whose U-Net and refinement thus shape the features."""

    model: CdtNet

    def __init__(self, model: CdtNet, loss: LossConfig) -> None:
        super().__init__(model)
        self.a_min = loss.a_min

    def forward(self, batches: Batches) -> CdtNetOutput:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def generator_losses(self, outputs: CdtNetOutput, batches: Batches) -> Terms:
        batch = fused(batches)
        assert outputs.base_image is not None
        assert outputs.refined_image is not None
        real, mask = (resized(full, self.model.base_size, "bilinear") for full in (batch.real, batch.mask))
        terms = {
            "fn_mse_base": losses.fn_mse(outputs.base_image.float(), real, mask, a_min=self.a_min),
            "fn_mse_table": losses.fn_mse(outputs.table_image.float(), batch.real, batch.mask, a_min=self.a_min),
            "fn_mse_refined": losses.fn_mse(outputs.refined_image.float(), batch.real, batch.mask, a_min=self.a_min),
        }
        return {"total": sum(terms.values(), start=outputs.weights.new_zeros(())), **terms}
