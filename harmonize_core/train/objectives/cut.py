# SPDX-License-Identifier: Apache-2.0
"""CUT's recipe, with iDIH trained on its translations (`translation.py`).

Park et al., ECCV 2020; weights as taesungp/contrastive-unpaired-translation, `models/cut_model.py` (CUT mode): least
squares 1, PatchNCE 1 as the mean of translated and of already photographic pictures, 256 patches on five layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.models.blocks_resnet import PatchDiscriminator, ResnetGenerator
from harmonize_core.models.blocks_translation import TranslatedHarmonizer
from harmonize_core.models.cut import CUTConfig, PatchHeads
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Terms
from harmonize_core.train.objectives.translation import Translated, TranslationObjective

PATCHES = 256


@dataclass(frozen=True)
class OneWay:
    """Pictures (B, 3, H, W) in [-1, 1] of one step."""

    rendered: Tensor
    photographic: Tensor
    translated: Tensor
    same: Tensor
    """The photographic ones after the translator, which should leave them as they are."""


class CUTObjective(TranslationObjective):
    """Adversarial + PatchNCE + FN-MSE of the harmonizer."""

    def __init__(self, model: TranslatedHarmonizer, loss: LossConfig) -> None:
        super().__init__(model, loss)
        config = model.config
        assert isinstance(config, CUTConfig)
        self.critic = PatchDiscriminator(width=config.critic_width, smooth=True)
        self.heads = PatchHeads(config)

    def critics(self) -> tuple[torch.nn.Module]:
        return (self.critic,)

    def translations(self, rendered: Tensor, photographic: Tensor) -> OneWay:
        translator = self.model.translator
        return OneWay(rendered, photographic, translator(rendered), translator(photographic))

    def critic_losses(self, outputs: Translated, batches: Batches) -> Terms:
        made, real = outputs.pictures.translated.detach(), outputs.pictures.photographic
        return {"total": losses.ls_d(self.critic(made)[-1].float(), self.critic(real)[-1].float()) / 2.0}

    def translator_losses(self, pictures: OneWay) -> Terms:
        adversarial = losses.ls_adv(self.critic(pictures.translated)[-1].float())
        contrast = self._patch_nce(pictures.translated, pictures.rendered)
        identity = self._patch_nce(pictures.same, pictures.photographic)
        total = adversarial + (contrast + identity) / 2.0
        return {"total": total, "adversarial": adversarial, "patch_nce": contrast, "patch_nce_identity": identity}

    def _patch_nce(self, translated: Tensor, source: Tensor) -> Tensor:
        translator = self.model.translator
        assert isinstance(translator, ResnetGenerator)
        queries = translator.features(translated)
        with torch.no_grad():
            keys = translator.features(source)
        places = [torch.randperm(f[0, 0].numel(), device=f.device)[:PATCHES] for f in queries]
        pairs = zip(self.heads(queries, places), self.heads(keys, places), strict=True)
        return torch.stack([losses.patch_nce(query.float(), key.float()) for query, key in pairs]).mean()
