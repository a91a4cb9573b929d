# SPDX-License-Identifier: Apache-2.0
"""What training minimises, apart from how it is minimised: an objective owns a model and its helpers' losses."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from harmonize_core.data.dataset import Batch
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import HarmonizationModel

Batches = Mapping[Domain, Batch]
"""One batch of each domain that a run trains on; at least one."""

Terms = dict[str, Tensor]
"""Scalar losses by name; "total" is what is minimised, the rest is logged."""


class Objective(nn.Module, abc.ABC):
    """Losses of one published recipe. A step is: `forward` once, critic losses and their step, generator losses and
    theirs. Attributes that are modules are trained and saved: `model`, and whatever helps it (discriminators).
    """

    needs: tuple[Domain, ...] = ()
    """Domains a step must have a batch of; empty: any, all that are given count as one batch."""

    def __init__(self, model: HarmonizationModel) -> None:
        super().__init__()
        self.model = model

    def critics(self) -> tuple[nn.Module, ...]:
        """Networks that the second optimizer trains (discriminators); everything else belongs to the first."""
        return ()

    @abc.abstractmethod
    def forward(self, batches: Batches) -> Any:
        """What both losses need of the networks, computed once a step."""

    def critic_losses(self, outputs: Any, batches: Batches) -> Terms | None:
        """Losses of the critics on detached outputs; None when there is nothing to train."""
        return None

    @abc.abstractmethod
    def generator_losses(self, outputs: Any, batches: Batches) -> Terms:
        """Losses of everything but the critics, whose parameters are frozen meanwhile."""

    def critic_parameters(self) -> Iterator[nn.Parameter]:
        for network in self.critics():
            yield from network.parameters()

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        own = {id(p) for p in self.critic_parameters()}
        return (p for p in self.parameters() if id(p) not in own and p.requires_grad)


def fused(batches: Batches) -> Batch:
    """All domains' batches as one, in the order of their names ("data set fusion" of the CharmNet paper)."""
    parts = [batches[domain] for domain in sorted(batches)]
    if len(parts) == 1:
        return parts[0]
    return Batch(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Batch)})
