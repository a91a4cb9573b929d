# SPDX-License-Identifier: Apache-2.0
"""CharmNet's recipe: both domains harmonized, a domain discriminator, two style classifiers.

Order, detachments and weights as bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony 9a647e8,
`models/dastyle_model.py`. Changed: losses in float32.
"""

from __future__ import annotations

from torch import Tensor

from harmonize_core import losses
from harmonize_core.data.dataset import Batch
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import normalize
from harmonize_core.models.charmnet import CharmNet, CharmNetOutput, DomainDiscriminator, StyleClassifier
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms


class CharmNetObjective(Objective):
    """Adversarial alignment of the encoders, FN-MSE on both domains, style aggregation."""

    needs: tuple[Domain, ...] = ("rendered", "photographic")
    model: CharmNet

    def __init__(self, model: CharmNet, loss: LossConfig) -> None:
        super().__init__(model)
        self.weights = loss
        width = model.core.channels
        self.discriminator = DomainDiscriminator(width)
        self.classifier_enc = StyleClassifier(width)
        self.classifier_dec = StyleClassifier(width)

    def critics(self) -> tuple[DomainDiscriminator]:
        return (self.discriminator,)

    def forward(self, batches: Batches) -> dict[Domain, CharmNetOutput]:
        return {d: self.model(batches[d].composite, batches[d].mask, d) for d in self.needs}

    def critic_losses(self, outputs: dict[Domain, CharmNetOutput], batches: Batches) -> Terms:
        score_r, score_p = (self.discriminator(outputs[d].f_enc.detach()).float() for d in self.needs)
        return {"total": losses.hinge_d(score_r, score_p)}

    def generator_losses(self, outputs: dict[Domain, CharmNetOutput], batches: Batches) -> Terms:
        weights, rendered = self.weights, batches["rendered"]
        out_r, out_p = (outputs[d] for d in self.needs)
        style = losses.style_aggregation(
            self.classifier_enc(out_r.f_enc).float(),
            self.classifier_dec(out_r.f_dec).float(),
            self.classifier_enc(out_p.f_enc).float(),
            self.classifier_dec(out_p.f_dec).float(),
            rendered.style_soft,
            rendered.style_hard,
            rendered_weight=weights.style,
            agreement_weight=weights.style_photographic,
            margin_weight=weights.entropy,
            margin=weights.entropy_margin,
        )
        fn_r, fn_p = (self._fn_mse(outputs[d], batches[d]) for d in self.needs)
        loss = losses.charmnet_generator(
            self.discriminator(out_r.f_enc).float(),
            fn_r,
            fn_p,
            style,
            adversarial_weight=weights.adversarial,
            rendered_weight=weights.fn_mse,
            photographic_weight=weights.fn_mse,
        )
        return {
            "total": loss.total,
            "fn_mse_rendered": fn_r,
            "fn_mse_photographic": fn_p,
            "adversarial": loss.adversarial,
            "style_rendered_before": style.rendered_before,
            "style_rendered_after": style.rendered_after,
            "style_photographic_agreement": style.photographic_agreement,
            "style_photographic_margin": style.photographic_margin,
        }

    def _fn_mse(self, output: CharmNetOutput, batch: Batch) -> Tensor:
        harmonized = normalize(output.harmonized.float())
        return losses.fn_mse(harmonized, normalize(batch.real), batch.mask, a_min=self.weights.a_min)
