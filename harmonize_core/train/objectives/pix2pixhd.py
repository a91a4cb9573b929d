# SPDX-License-Identifier: Apache-2.0
"""pix2pixHD's recipe: least-squares critics on two scales, feature matching, and VGG features where weights are given.

Order and weights as NVIDIA/pix2pixHD 5a2c872, `models/pix2pixHD_model.py`: no term compares pixels. Changed: both
domains in one batch; no pool of earlier pictures; without `--loss.vgg` the perceptual term is left out (`--no_vgg_loss`
there).
"""

from __future__ import annotations

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.models import Output
from harmonize_core.models.pix2pixhd import Pix2PixHD, condition, discriminator
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused

MATCHING = PERCEPTUAL = 10.0
"""Weights of feature matching and of the perceptual term (`--lambda_feat`)."""

LAYER = 1.0
"""Weight of a critic's layer in feature matching: 4 / (3 + 1)."""


class Pix2PixHDObjective(Objective):
    """Adversarial + 10 feature matching (+ 10 perceptual)."""

    model: Pix2PixHD

    def __init__(self, model: Pix2PixHD, loss: LossConfig) -> None:
        super().__init__(model)
        self.discriminator = discriminator(model.config)
        self.vgg = losses.perceptual_network(loss.vgg) if loss.vgg else None

    def critics(self) -> tuple[torch.nn.Module]:
        return (self.discriminator,)

    def forward(self, batches: Batches) -> Output:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def critic_losses(self, outputs: Output, batches: Batches) -> Terms:
        harmonized, real = (self._judge(p, batches) for p in (outputs.harmonized.detach(), fused(batches).real))
        scales = [losses.ls_d(h[-1], r[-1]) for h, r in zip(harmonized, real, strict=True)]
        return {"total": torch.stack(scales).sum() / 2.0}

    def generator_losses(self, outputs: Output, batches: Batches) -> Terms:
        real = fused(batches).real
        judged = self._judge(outputs.harmonized, batches)
        with torch.no_grad():
            judged_real = self._judge(real, batches)
        adversarial = torch.stack([losses.ls_adv(scale[-1]) for scale in judged]).sum()
        matching = losses.feature_matching(
            [scale[:-1] for scale in judged], [scale[:-1] for scale in judged_real], layer_weight=LAYER
        )
        terms = {"adversarial": adversarial, "feature_matching": matching}
        total = adversarial + MATCHING * matching
        if self.vgg:
            harmonized = outputs.harmonized.float()
            terms["perceptual"] = losses.perceptual(self.vgg, harmonized, real, losses.PIX2PIXHD_LAYERS)
            total = total + PERCEPTUAL * terms["perceptual"]
        return {"total": total, **terms}

    def _judge(self, picture: Tensor, batches: Batches) -> list[list[Tensor]]:
        batch = fused(batches)
        pair = torch.cat([condition(batch.composite, batch.mask), 2.0 * picture - 1.0], dim=1)
        return [[layer.float() for layer in scale] for scale in self.discriminator(pair)]
