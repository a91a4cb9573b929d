# SPDX-License-Identifier: Apache-2.0
"""A recipe for HiDT on triplets; ours, for the authors' training code is not public and knows no triplets.

From Anokhin et al., CVPR 2020: a picture drawn from its own content and style is itself, a drawn picture has the style
it was given, and a least-squares critic judges it. Ours: the composite drawn in its background's style is compared with
the real picture. Weights as in MUNIT (Huang et al., ECCV 2018; pictures 10, style and critic 1), whose family this is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.models.blocks_resnet import MultiScale
from harmonize_core.models.blocks_translation import StridedCritic
from harmonize_core.models.hidt import HiDT, HiDTOutput
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused

PICTURE, STYLE, ADVERSARIAL = 10.0, 1.0, 1.0

SCALES = 3
"""Critics on an image pyramid, as MUNIT's."""


@dataclass(frozen=True)
class HiDTPictures:
    """What one step draws."""

    output: HiDTOutput
    again: Tensor
    """(B, 3, H, W) the real picture from its own content and style."""
    style: Tensor
    """(B, style) of the picture that was drawn in the background's style."""


class HiDTObjective(Objective):
    """10 L1 to the real picture + 10 L1 of redrawing it + style + adversarial."""

    model: HiDT

    def __init__(self, model: HiDT, loss: LossConfig) -> None:
        super().__init__(model)
        width = model.config.width
        self.discriminator = MultiScale(lambda: StridedCritic(width=width), SCALES)

    def critics(self) -> tuple[torch.nn.Module]:
        return (self.discriminator,)

    def forward(self, batches: Batches) -> HiDTPictures:
        batch = fused(batches)
        output = self.model(batch.composite, batch.mask)
        everywhere = torch.ones_like(batch.mask)
        again = self.model.draw(batch.real, self.model.style(2.0 * batch.real - 1.0, everywhere))
        return HiDTPictures(output, again, self.model.style(2.0 * output.drawn - 1.0, everywhere))

    def critic_losses(self, outputs: HiDTPictures, batches: Batches) -> Terms:
        drawn, real = (self._scores(p) for p in (outputs.output.drawn.detach(), fused(batches).real))
        return {"total": torch.stack([losses.ls_d(d, r) for d, r in zip(drawn, real, strict=True)]).sum()}

    def generator_losses(self, outputs: HiDTPictures, batches: Batches) -> Terms:
        real = fused(batches).real
        terms = {
            "picture": losses.l1(outputs.output.drawn.float(), real),
            "again": losses.l1(outputs.again.float(), real),
            "style": losses.l1(outputs.style.float(), outputs.output.style.float().detach()),
            "adversarial": torch.stack([losses.ls_adv(s) for s in self._scores(outputs.output.drawn)]).sum(),
        }
        total = PICTURE * (terms["picture"] + terms["again"]) + STYLE * terms["style"]
        return {"total": total + ADVERSARIAL * terms["adversarial"], **terms}

    def _scores(self, picture: Tensor) -> list[Tensor]:
        return [scores.float() for scores in self.discriminator(2.0 * picture - 1.0)]
