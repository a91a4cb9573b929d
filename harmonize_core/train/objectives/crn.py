# SPDX-License-Identifier: Apache-2.0
"""CRN's recipe: one perceptual loss over the picture itself and five layers of VGG19, no critic.

Chen & Koltun, ICCV 2017, equation 1, with the layer weights of CQFIO/PhotographicImageSynthesis 36c3896
(`demo_1024p.py`). Changed: both domains in one batch; pictures and features on the scale of torchvision's normalised
VGG; without `--loss.vgg` the term of the picture itself (the loss's layer 0, an L1) is all there is.
"""

from __future__ import annotations

from harmonize_core import losses
from harmonize_core.models import Output, normalize
from harmonize_core.models.crn import CRN
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


class CRNObjective(Objective):
    """L1 of the normalised picture (+ weighted L1 of VGG19 features)."""

    def __init__(self, model: CRN, loss: LossConfig) -> None:
        super().__init__(model)
        self.vgg = losses.perceptual_network(loss.vgg) if loss.vgg else None

    def forward(self, batches: Batches) -> Output:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def generator_losses(self, outputs: Output, batches: Batches) -> Terms:
        harmonized, real = outputs.harmonized.float(), fused(batches).real
        picture = losses.l1(normalize(harmonized), normalize(real))
        if not self.vgg:
            return {"total": picture, "picture": picture}
        features = losses.perceptual(self.vgg, harmonized, real, losses.CRN_LAYERS)
        return {"total": picture + features, "picture": picture, "perceptual": features}
