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
    """Adversarial alignment of the encoders, FN-MSE on both domains, style aggregation.

    A part whose weights are all 0 (the discriminator's `adversarial`; the classifiers' `style`, `style_photographic`
    and `entropy`) is not built, computed or logged: CharmNet without it, for ablations.
    """

    needs: tuple[Domain, ...] = ("rendered", "photographic")
    model: CharmNet

    def __init__(self, model: CharmNet, loss: LossConfig) -> None:
        super().__init__(model)
        self.weights = loss
        width = model.core.channels
        if loss.adversarial:
            self.discriminator = DomainDiscriminator(width)
        self.has_style = bool(loss.style or loss.style_photographic or loss.entropy)
        if self.has_style:
            self.classifier_enc = StyleClassifier(width)
            self.classifier_dec = StyleClassifier(width)

    def critics(self) -> tuple[DomainDiscriminator, ...]:
        return (self.discriminator,) if self.weights.adversarial else ()

    def forward(self, batches: Batches) -> dict[Domain, CharmNetOutput]:
        return {d: self.model(batches[d].composite, batches[d].mask, d) for d in self.needs}

    def critic_losses(self, outputs: dict[Domain, CharmNetOutput], batches: Batches) -> Terms | None:
        if not self.weights.adversarial:
            return None
        score_r, score_p = (self.discriminator(outputs[d].f_enc.detach()).float() for d in self.needs)
        return {"total": losses.hinge_d(score_r, score_p)}

    def generator_losses(self, outputs: dict[Domain, CharmNetOutput], batches: Batches) -> Terms:
        weights = self.weights
        fn_r, fn_p = (self._fn_mse(outputs[d], batches[d]) for d in self.needs)
        scores = self.discriminator(outputs["rendered"].f_enc).float() if weights.adversarial else None
        style = self._style(outputs, batches["rendered"]) if self.has_style else None
        loss = losses.charmnet_generator(
            scores,
            fn_r,
            fn_p,
            style,
            adversarial_weight=weights.adversarial,
            rendered_weight=weights.fn_mse,
            photographic_weight=weights.fn_mse,
        )
        terms = {"total": loss.total, "fn_mse_rendered": fn_r, "fn_mse_photographic": fn_p}
        if loss.adversarial is not None:
            terms["adversarial"] = loss.adversarial
        if style is not None:
            terms |= {
                "style_rendered_before": style.rendered_before,
                "style_rendered_after": style.rendered_after,
                "style_photographic_agreement": style.photographic_agreement,
                "style_photographic_margin": style.photographic_margin,
            }
        return terms

    def _style(self, outputs: dict[Domain, CharmNetOutput], rendered: Batch) -> losses.StyleLoss:
        out_r, out_p = (outputs[d] for d in self.needs)
        return losses.style_aggregation(
            self.classifier_enc(out_r.f_enc).float(),
            self.classifier_dec(out_r.f_dec).float(),
            self.classifier_enc(out_p.f_enc).float(),
            self.classifier_dec(out_p.f_dec).float(),
            rendered.style_soft,
            rendered.style_hard,
            rendered_weight=self.weights.style,
            agreement_weight=self.weights.style_photographic,
            margin_weight=self.weights.entropy,
            margin=self.weights.entropy_margin,
        )

    def _fn_mse(self, output: CharmNetOutput, batch: Batch) -> Tensor:
        harmonized = normalize(output.harmonized.float())
        return losses.fn_mse(harmonized, normalize(batch.real), batch.mask, a_min=self.weights.a_min)
