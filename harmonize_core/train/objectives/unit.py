# SPDX-License-Identifier: Apache-2.0
"""UNIT's recipe, with iDIH trained on its translations (`translation.py`).

Liu et al., NeurIPS 2017; weights as mingyuliutw/UNIT 25e99af, `configs/unit_*.yaml`: least squares 1, reconstruction
and cycle 10, their latent priors 0.01, and, where weights of a VGG are given, domain-invariant perceptual 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.models.blocks_resnet import MultiScale
from harmonize_core.models.blocks_translation import StridedCritic, TranslatedHarmonizer
from harmonize_core.models.unit import UnitConfig, UnitTranslator
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Terms
from harmonize_core.train.objectives.translation import Translated, TranslationObjective

RECONSTRUCTION, PRIOR, PERCEPTUAL = 10.0, 0.01, 1.0


@dataclass(frozen=True)
class Latent:
    """Pictures (B, 3, H, W) in [-1, 1] of one step, and means in the latent space."""

    rendered: Tensor
    photographic: Tensor
    translated: Tensor
    rendered_like: Tensor
    again: tuple[Tensor, Tensor]
    """Rendered and photographic, decoded in their own domains."""
    back: tuple[Tensor, Tensor]
    """Rendered and photographic, after a translation to the other domain and one back."""
    means: tuple[Tensor, Tensor]
    """Of both domains' pictures."""
    means_translated: tuple[Tensor, Tensor]
    """Of their translations."""


class UnitObjective(TranslationObjective):
    """Adversarial + 10 (reconstruction + cycle) + 0.01 priors (+ perceptual) + FN-MSE of the harmonizer."""

    def __init__(self, model: TranslatedHarmonizer, loss: LossConfig) -> None:
        super().__init__(model, loss)
        config = model.config
        assert isinstance(config, UnitConfig)
        self.to_rendered = UnitTranslator(config.width, config.blocks)
        self.critic_photographic, self.critic_rendered = (
            MultiScale(lambda: StridedCritic(width=config.critic_width), config.scales) for _ in range(2)
        )
        self.vgg = losses.perceptual_network(loss.vgg) if loss.vgg else None

    def critics(self) -> tuple[torch.nn.Module, ...]:
        return self.critic_photographic, self.critic_rendered

    def translations(self, rendered: Tensor, photographic: Tensor) -> Latent:
        to_photographic, to_rendered = self.model.translator, self.to_rendered
        assert isinstance(to_photographic, UnitTranslator)
        mean_r, mean_p = to_photographic.encoder(rendered), to_rendered.encoder(photographic)
        sample_r, sample_p = _sample(mean_r), _sample(mean_p)
        translated, rendered_like = to_photographic.decoder(sample_r), to_rendered.decoder(sample_p)
        mean_t, mean_l = to_rendered.encoder(translated), to_photographic.encoder(rendered_like)
        return Latent(
            rendered,
            photographic,
            translated,
            rendered_like,
            again=(to_rendered.decoder(sample_r), to_photographic.decoder(sample_p)),
            back=(to_rendered.decoder(_sample(mean_t)), to_photographic.decoder(_sample(mean_l))),
            means=(mean_r, mean_p),
            means_translated=(mean_t, mean_l),
        )

    def critic_losses(self, outputs: Translated, batches: Batches) -> Terms:
        p: Latent = outputs.pictures
        sides = (
            (self.critic_photographic, p.translated, p.photographic),
            (self.critic_rendered, p.rendered_like, p.rendered),
        )
        games = [
            losses.ls_d(made_scores.float(), real_scores.float())
            for critic, made, real in sides
            for made_scores, real_scores in zip(critic(made.detach()), critic(real), strict=True)
        ]
        return {"total": torch.stack(games).sum()}

    def translator_losses(self, pictures: Latent) -> Terms:
        p, originals = pictures, (pictures.rendered, pictures.photographic)
        scores = [*self.critic_photographic(p.translated), *self.critic_rendered(p.rendered_like)]
        terms = {
            "adversarial": torch.stack([losses.ls_adv(score.float()) for score in scores]).sum(),
            "reconstruction": _sum([losses.l1(a, o) for a, o in zip(p.again, originals, strict=True)]),
            "cycle": _sum([losses.l1(b, o) for b, o in zip(p.back, originals, strict=True)]),
            "prior": _sum([mean.square().mean() for mean in (*p.means, *p.means_translated)]),
        }
        total = terms["adversarial"] + RECONSTRUCTION * (terms["reconstruction"] + terms["cycle"])
        total = total + PRIOR * terms["prior"]
        if self.vgg:
            pairs = ((p.translated, p.rendered), (p.rendered_like, p.photographic))
            seen = [losses.domain_invariant(self.vgg, *((x.float() + 1.0) / 2.0 for x in pair)) for pair in pairs]
            terms["perceptual"] = _sum(seen)
            total = total + PERCEPTUAL * terms["perceptual"]
        return {"total": total, **terms}


def _sample(mean: Tensor) -> Tensor:
    """A latent code: the encoder gives the mean, the variance is 1."""
    return mean + torch.randn_like(mean)


def _sum(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).sum()
