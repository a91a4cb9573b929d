# SPDX-License-Identifier: Apache-2.0
"""Recipes of the networks that split a picture into reflectance times illumination; both domains in one batch.

Guo et al., CVPR 2021: zhenglab/IntrinsicHarmony da50240, `models/iih_base*_model.py`. Guo et al., ICCV 2021:
zhenglab/HarmonyTransformer d8430b5, `models/dht_model.py`, L1 alone. sRGB in [0, 1]; the losses see the product of
the two layers over the whole picture, before it is pasted on the composite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harmonize_core import losses
from harmonize_core.models import HarmonizationModel
from harmonize_core.models.blocks_retinex import RetinexOutput
from harmonize_core.models.intrinsic import Intrinsic, IntrinsicOutput
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


@dataclass(frozen=True)
class IntrinsicWeights:
    """Weights of the terms; the defaults are those of the models with lighting or guiding."""

    l1: float = 100.0
    reflectance_gradient: float = 20.0
    """The reflectance has the edges of the real picture."""
    illumination_l2: float = 10.0
    """The illumination is near the real picture."""
    illumination_smoothness: float = 1.0
    inharmony_free: float = 100.0
    """The matched features have the contrast and structure of the real picture, not its light."""


class RetinexObjective(Objective):
    """L1, weight 100: the recipe of the harmonization transformer; nothing in the run's loss config bears on it."""

    weights = IntrinsicWeights()

    def __init__(self, model: HarmonizationModel, loss: LossConfig) -> None:
        super().__init__(model)

    def forward(self, batches: Batches) -> Any:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def generator_losses(self, outputs: RetinexOutput, batches: Batches) -> Terms:
        error = losses.l1(outputs.raw.float(), fused(batches).real)
        return {"total": self.weights.l1 * error, "l1": error}


class IntrinsicObjective(RetinexObjective):
    """Adds what pulls the two layers apart; without lighting and guiding the gradient counts 50, as released."""

    def __init__(self, model: Intrinsic, loss: LossConfig) -> None:
        super().__init__(model, loss)
        if not (model.config.lighting or model.config.guiding):
            self.weights = IntrinsicWeights(reflectance_gradient=50.0)

    def generator_losses(self, outputs: RetinexOutput, batches: Batches) -> Terms:
        assert isinstance(outputs, IntrinsicOutput)
        weights, real = self.weights, fused(batches).real
        terms = super().generator_losses(outputs, batches)
        added = {
            "reflectance_gradient": losses.reflectance_gradient(outputs.reflectance.float(), real),
            "illumination_l2": losses.l2(outputs.illumination.float(), real),
            "illumination_smoothness": losses.illumination_smoothness(outputs.illumination.float()),
        }
        if outputs.guide_mean is not None:
            added["inharmony_free"] = losses.inharmony_free(outputs.guide_mean.float(), real)
        for name, value in added.items():
            terms["total"] = terms["total"] + getattr(weights, name) * value
        return terms | added
