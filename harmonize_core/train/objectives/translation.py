# SPDX-License-Identifier: Apache-2.0
"""What the recipes of UNIT, CycleGAN and CUT share: translate rendered triplets, train iDIH on them and on photographs.

The protocol is ours (`models/blocks_translation.py` says why). In each step the translator learns from the ground
truths of the two domains, which are not composites; as it is then, it translates composite and ground truth of the
rendered triplets; outside the mask the translated composite takes the translated ground truth, so that a triplet
stays one; iDIH learns by FN-MSE from these and the photographic triplets, and no gradient leads from it back.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.data.dataset import Batch
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import Output, normalize
from harmonize_core.models.blocks_translation import TranslatedHarmonizer
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


@dataclass(frozen=True)
class Translated:
    """What one step computes."""

    pictures: Any
    """The translators', whatever their losses need; `translated` is the rendered ground truth as a photograph."""
    output: Output
    """Of iDIH on `batch`."""
    batch: Batch
    """Photographic triplets, then translated ones."""


class TranslationObjective(Objective, abc.ABC):
    """FN-MSE of the harmonizer + the losses of a translator."""

    needs: tuple[Domain, ...] = ("rendered", "photographic")
    model: TranslatedHarmonizer

    def __init__(self, model: TranslatedHarmonizer, loss: LossConfig) -> None:
        super().__init__(model)
        self.a_min = loss.a_min

    @abc.abstractmethod
    def translations(self, rendered: Tensor, photographic: Tensor) -> Any:
        """All that translators make of ground truths (B, 3, H, W) in [-1, 1]; `translated` is one attribute."""

    @abc.abstractmethod
    def translator_losses(self, pictures: Any) -> Terms:
        """Losses of the translators alone, "total" among them."""

    def forward(self, batches: Batches) -> Translated:
        rendered = batches["rendered"]
        pictures = self.translations(2.0 * rendered.real - 1.0, 2.0 * batches["photographic"].real - 1.0)
        with torch.no_grad():
            real = ((pictures.translated + 1.0) / 2.0).float()
            composite = self.model.translate(rendered.composite).float()
            composite = rendered.mask * composite + (1.0 - rendered.mask) * real
        batch = fused(
            {"photographic": batches["photographic"], "rendered": replace(rendered, composite=composite, real=real)}
        )
        return Translated(pictures, self.model(batch.composite, batch.mask), batch)

    def generator_losses(self, outputs: Translated, batches: Batches) -> Terms:
        terms = self.translator_losses(outputs.pictures)
        harmonized, batch = normalize(outputs.output.harmonized.float()), outputs.batch
        error = losses.fn_mse(harmonized, normalize(batch.real), batch.mask, a_min=self.a_min)
        return {**terms, "total": terms["total"] + error, "fn_mse": error}
