# SPDX-License-Identifier: Apache-2.0
"""Harmonizer's recipe: composites made from real pictures by known filters, each undone in turn, and given composites.

Ke et al., ECCV 2022; ZHKKKe/Harmonizer 48ecd70, `src/train/harmonizer/trainer.py`. A fine composite is the real
picture with its foreground changed by six random filters, so that every filter of the network has a target of its own;
a given composite has one target, the real picture. Changed: both domains in one batch, and every triplet serves as
both (the released batch of 16 is 8 fine and 8 given ones); random numbers follow the number of the step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core.losses.pixel import harmonizer_pixel
from harmonize_core.models import filters
from harmonize_core.models.harmonizer import Harmonizer
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused

RANGES = (0.3, 0.5, 0.5, 0.6, 0.4, 0.4)
"""Largest argument of each filter, in the order of `filters.FILTERS`, when fine composites are made."""

GIVEN_WEIGHT = 10.0
"""Of the given composites' loss; that of the fine ones is 1."""


@dataclass(frozen=True)
class HarmonizerSteps:
    """Pictures after each of the six filters, and what they should be; the given composites' end only."""

    fine: list[Tensor]
    targets: list[Tensor]
    given: Tensor


class HarmonizerObjective(Objective):
    """Each filter's share of the error on fine composites, and 10 times the error on given ones."""

    model: Harmonizer
    draws: Tensor

    def __init__(self, model: Harmonizer, loss: LossConfig) -> None:
        super().__init__(model)
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))

    def forward(self, batches: Batches) -> HarmonizerSteps:
        batch = fused(batches)
        count = len(batch.real)
        with torch.no_grad():
            changed = filters.adjust(batch.real, batch.mask, self._draw(count).to(batch.real))
        composite = torch.cat([changed[-1], batch.composite])
        mask = torch.cat([batch.mask, batch.mask])
        arguments = self.model.estimate(composite, mask).float().clamp(-1.0, 1.0)
        steps = filters.restore(composite, mask, arguments)
        targets = [*reversed(changed[:-1]), batch.real]
        return HarmonizerSteps([step[:count] for step in steps], targets, steps[-1][count:])

    def generator_losses(self, outputs: HarmonizerSteps, batches: Batches) -> Terms:
        batch = fused(batches)
        pairs = zip(outputs.fine, outputs.targets, strict=True)
        fine = shares([harmonizer_pixel(found, target, batch.mask) for found, target in pairs])
        given = harmonizer_pixel(outputs.given, batch.real, batch.mask).mean()
        return {"total": fine + GIVEN_WEIGHT * given, "fine": fine, "given": given}

    def _draw(self, count: int) -> Tensor:
        """(B, 6) uniform in [-1, 1] times the ranges; another draw every time."""
        generator = torch.Generator().manual_seed(int(self.draws))
        self.draws += 1
        return (2 * torch.rand(count, len(RANGES), generator=generator) - 1) * torch.tensor(RANGES)


def shares(errors: list[Tensor]) -> Tensor:
    """What each step adds to the error of the step before, as a share of all that is added; mean over samples.

    errors: (B,) after each step. The sum of what is added and the step before carry no gradient: a filter is blamed
    for its own part alone, and samples count alike however far they are from their targets.
    """
    before = [torch.zeros_like(errors[0]), *(error.detach() for error in errors[:-1])]
    added = torch.stack([error - previous for error, previous in zip(errors, before, strict=True)]).relu()
    return (added / (added.detach().sum(dim=0) + 1e-9)).sum(dim=0).mean()
