# SPDX-License-Identifier: Apache-2.0
"""CharmNet-HR's recipe: CharmNet's losses on what a look makes of a picture, and terms that keep looks usable.

* FN-MSE of the result, in display space: it is what pictures are judged by, and in linear light highlights would drown
  the rest.
* The same of the grade alone, because the grade must look right without the map.
* Smoothness of the map (PCT-Net, `losses.sobel`): what it says of one cell should hold for the next. That it says
  nothing of the whole foreground needs no term, it is centred (`models.charmnet_hr.centred`).
* Identity: some samples are given their real picture for a composite, and any change counts, by its size and not its
  square, so that small ones do not come free. Each sample's own `Batch.chance` decides, so that small batches have
  some, too, and it does not matter how a batch is cut into parts.
* The domain discriminator and the style aggregation of CharmNet (Cao et al., BMVC 2022), on 16x16 averages of features
  that are levelled as the network itself uses them.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core import losses
from harmonize_core.data.dataset import Batch
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import normalize
from harmonize_core.models.charmnet import DomainDiscriminator, StyleClassifier
from harmonize_core.models.charmnet_hr import PRIVATE_CHANNELS, CharmNetHr, CharmNetHrOutput, level
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms

SIDE = 16
"""Of the feature maps that discriminator and classifiers see, as in CharmNet."""

BOTH: tuple[Domain, ...] = ("rendered", "photographic")

Outputs = dict[Domain, CharmNetHrOutput]


class CharmNetHrObjective(Objective):
    """Parts of weight 0 are neither built nor computed; without discriminator and classifiers one domain is enough."""

    model: CharmNetHr

    def __init__(self, model: CharmNetHr, loss: LossConfig) -> None:
        super().__init__(model)
        self.weights = loss
        self.has_style = any((loss.style, loss.style_photographic, loss.entropy))
        if loss.adversarial:
            self.discriminator = DomainDiscriminator(PRIVATE_CHANNELS)
        if self.has_style:
            self.classifier_enc = StyleClassifier(PRIVATE_CHANNELS)
            self.classifier_dec = StyleClassifier(model.skip.out_channels)
        if loss.adversarial or self.has_style:
            self.needs = BOTH

    def critics(self) -> tuple[DomainDiscriminator, ...]:
        return (self.discriminator,) if self.weights.adversarial else ()

    def forward(self, batches: Batches) -> Outputs:
        seen = {domain: self._seen(batch) for domain, batch in batches.items()}
        return {domain: self.model(batch.composite, batch.mask, domain) for domain, batch in seen.items()}

    def critic_losses(self, outputs: Outputs, batches: Batches) -> Terms | None:
        if not self.weights.adversarial:
            return None
        rendered, photographic = (self.discriminator(_small(outputs[domain].f_enc.detach())).float() for domain in BOTH)
        return {"total": losses.hinge_d(rendered, photographic)}

    def generator_losses(self, outputs: Outputs, batches: Batches) -> Terms:
        weights, look = self.weights, self.weights.look
        terms: Terms = {}
        total = torch.zeros((), device=next(iter(outputs.values())).harmonized.device)

        def add(name: str, value: Tensor, weight: float) -> None:
            nonlocal total
            terms[name] = value
            total = total + weight * value

        for domain, output in outputs.items():
            batch = batches[domain]
            add(f"fn_mse_{domain}", self._fn_mse(output.harmonized, batch), weights.fn_mse)
            if look.grade:
                add(f"grade_{domain}", self._fn_mse(output.graded, batch), weights.fn_mse * look.grade)
            if look.smoothness:
                add(f"smoothness_{domain}", losses.sobel(output.look.map.float()).mean(), look.smoothness)
            if look.identity and look.identity_share:
                changed = (output.harmonized.float() - batch.real).abs().mean(dim=(1, 2, 3))
                changed = changed / batch.mask.mean(dim=(1, 2, 3)).clamp_min(1e-3)
                add(f"identity_{domain}", (changed * self._identities(batch)).mean(), look.identity)
        if weights.adversarial:
            scores = self.discriminator(_small(outputs["rendered"].f_enc)).float()
            add("adversarial", losses.hinge_adv(scores), weights.adversarial)
        if self.has_style:
            style = self._style(outputs, batches["rendered"])
            terms |= {
                "style_rendered_before": style.rendered_before,
                "style_rendered_after": style.rendered_after,
                "style_photographic_agreement": style.photographic_agreement,
                "style_photographic_margin": style.photographic_margin,
            }
            total = total + style.total
        return {"total": total, **terms}

    def _identities(self, batch: Batch) -> Tensor:
        """Which samples (B,) get their real picture for a composite."""
        return batch.chance < self.weights.look.identity_share

    def _seen(self, batch: Batch) -> Batch:
        """The batch with its identity samples."""
        chosen = self._identities(batch)[:, None, None, None]
        return replace(batch, composite=torch.where(chosen, batch.real, batch.composite))

    def _fn_mse(self, picture: Tensor, batch: Batch) -> Tensor:
        return losses.fn_mse(normalize(picture.float()), normalize(batch.real), batch.mask, a_min=self.weights.a_min)

    def _style(self, outputs: Outputs, rendered: Batch) -> losses.StyleLoss:
        of = {
            domain: (
                self.classifier_enc(_small(outputs[domain].f_enc)).float(),
                self.classifier_dec(_small(outputs[domain].f_dec)).float(),
            )
            for domain in BOTH
        }
        true = functional.one_hot(rendered.style_hard, rendered.style_soft.shape[1]).to(rendered.style_soft)
        return losses.style_aggregation(
            *of["rendered"],
            *of["photographic"],
            torch.where(self._identities(rendered)[:, None], true, rendered.style_soft),
            rendered.style_hard,
            rendered_weight=self.weights.style,
            agreement_weight=self.weights.style_photographic,
            margin_weight=self.weights.entropy,
            margin=self.weights.entropy_margin,
        )


def _small(features: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(level(features), SIDE)
