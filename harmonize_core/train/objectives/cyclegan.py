# SPDX-License-Identifier: Apache-2.0
"""CycleGAN's recipe, with iDIH trained on its translations (`translation.py`).

Zhu et al., ICCV 2017; weights as junyanz/pytorch-CycleGAN-and-pix2pix, `models/cycle_gan_model.py`: least squares,
cycle 10 for both domains, identity half of that. Changed: no pool of 50 earlier pictures for the critics.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.models.blocks_resnet import PatchDiscriminator, ResnetGenerator
from harmonize_core.models.blocks_translation import TranslatedHarmonizer
from harmonize_core.models.cyclegan import CycleGANConfig
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Terms
from harmonize_core.train.objectives.translation import Translated, TranslationObjective

CYCLE, IDENTITY = 10.0, 5.0


@dataclass(frozen=True)
class Cycle:
    """Pictures (B, 3, H, W) in [-1, 1] of one step; r rendered, p photographic."""

    rendered: Tensor
    photographic: Tensor
    translated: Tensor
    """r to p"""
    rendered_like: Tensor
    """p to r"""
    rendered_back: Tensor
    """r to p to r"""
    photographic_back: Tensor
    """p to r to p"""
    rendered_same: Tensor
    """r by the translator that makes r"""
    photographic_same: Tensor
    """p by the translator that makes p"""


class CycleGANObjective(TranslationObjective):
    """Adversarial + 10 cycle + 5 identity, both domains, + FN-MSE of the harmonizer."""

    def __init__(self, model: TranslatedHarmonizer, loss: LossConfig) -> None:
        super().__init__(model, loss)
        config = model.config
        assert isinstance(config, CycleGANConfig)
        self.to_rendered = ResnetGenerator(width=config.width, blocks=config.blocks)
        self.critic_photographic = PatchDiscriminator(width=config.critic_width)
        self.critic_rendered = PatchDiscriminator(width=config.critic_width)

    def critics(self) -> tuple[torch.nn.Module, ...]:
        return self.critic_photographic, self.critic_rendered

    def translations(self, rendered: Tensor, photographic: Tensor) -> Cycle:
        to_photographic, to_rendered = self.model.translator, self.to_rendered
        translated, rendered_like = to_photographic(rendered), to_rendered(photographic)
        return Cycle(
            rendered,
            photographic,
            translated,
            rendered_like,
            rendered_back=to_rendered(translated),
            photographic_back=to_photographic(rendered_like),
            rendered_same=to_rendered(rendered),
            photographic_same=to_photographic(photographic),
        )

    def critic_losses(self, outputs: Translated, batches: Batches) -> Terms:
        p: Cycle = outputs.pictures
        sides = (
            (self.critic_photographic, p.translated, p.photographic),
            (self.critic_rendered, p.rendered_like, p.rendered),
        )
        games = [
            losses.ls_d(critic(made.detach())[-1].float(), critic(real)[-1].float()) for critic, made, real in sides
        ]
        return {"total": torch.stack(games).sum() / 2.0}

    def translator_losses(self, pictures: Cycle) -> Terms:
        p = pictures
        scores = self.critic_photographic(p.translated)[-1], self.critic_rendered(p.rendered_like)[-1]
        adversarial = torch.stack([losses.ls_adv(score.float()) for score in scores]).sum()
        cycle = losses.l1(p.rendered_back, p.rendered) + losses.l1(p.photographic_back, p.photographic)
        identity = losses.l1(p.rendered_same, p.rendered) + losses.l1(p.photographic_same, p.photographic)
        total = adversarial + CYCLE * cycle + IDENTITY * identity
        return {"total": total, "adversarial": adversarial, "cycle": cycle, "identity": identity}
