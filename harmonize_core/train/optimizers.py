# SPDX-License-Identifier: Apache-2.0
"""One side of the game between network and critics: parameters, their optimizer, its loss scaling and clipping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harmonize_core.errors import CheckpointError
from harmonize_core.models import HarmonizationModel
from harmonize_core.train.config import OptimConfig
from harmonize_core.train.distributed import World
from harmonize_core.train.objectives import Objective, Terms

Groups = Mapping[tuple[float, float], list[nn.Parameter]]
"""Parameters by share of the learning rate and beta1."""


class Half:
    """Parameters that one optimizer moves."""

    def __init__(
        self,
        groups: Groups,
        optim: OptimConfig,
        scaler: torch.amp.GradScaler,
        world: World,
        *,
        critic: bool = False,
    ) -> None:
        self.parameters = [parameter for group in groups.values() for parameter in group]
        self.factors = [factor for factor, _ in groups]
        self.lr = optim.lr_discriminator if critic else optim.lr
        self.clip_norm = optim.clip_norm_discriminator if critic else optim.clip_norm
        self.scaler = scaler
        self.world = world
        if optim.name == "adadelta" and not critic:
            described = [{"params": group} for group in groups.values()]
            self.optimizer: torch.optim.Optimizer = torch.optim.Adadelta(described, lr=self.lr)
        else:
            described = [{"params": group, "betas": (beta1, optim.beta2)} for (_, beta1), group in groups.items()]
            self.optimizer = torch.optim.Adam(described, lr=self.lr, fused=True)

    def descend(self, losses: Iterable[Terms], count: int, rate: float) -> dict[str, Tensor]:
        """One step on the mean of `count` losses, which are computed one after the other; their means by name."""
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"] = self.lr * factor * rate
        self.optimizer.zero_grad()
        means: dict[str, Tensor] = {}
        for terms in losses:
            self.scaler.scale(terms["total"] / count).backward()
            for name, value in terms.items():
                part = value.detach() / count
                means[name] = means[name] + part if name in means else part
        if not means:  # nothing to learn from
            return means
        self.world.average_gradients(self.parameters)
        if self.clip_norm:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return means

    def state(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Raises: CheckpointError: the state is that of another network's or version's optimizer."""
        try:
            self.optimizer.load_state_dict(state["optimizer"])
        except ValueError as error:
            raise CheckpointError(
                f"the checkpoint's optimizer does not fit this version's ({error}); start a run of its own with "
                "--init.weights"
            ) from error
        if state["scaler"]:  # empty after a device that needed none
            self.scaler.load_state_dict(state["scaler"])


def generator_groups(objective: Objective, optim: OptimConfig) -> Groups:
    """What the first optimizer trains, by share of the learning rate and beta1; the full rate comes first."""
    model = objective.model
    groups: dict[tuple[float, float], list[nn.Parameter]] = {(1.0, optim.beta1): []}
    factors = _of_parts(model, model.rate_factors if optim.rate_factors else {})
    beta1s = _of_parts(model, model.beta1s)
    for parameter in objective.generator_parameters():
        key = factors.get(id(parameter), 1.0), beta1s.get(id(parameter), optim.beta1)
        groups.setdefault(key, []).append(parameter)
    return groups


def critic_groups(objective: Objective, optim: OptimConfig) -> Groups:
    """What the second optimizer trains; no parameters without critics."""
    return {(1.0, optim.beta1): list(objective.critic_parameters())}


def _of_parts(model: HarmonizationModel, values: Mapping[str, float]) -> dict[int, float]:
    """The value of each parameter, by its identity, that is declared for the submodule it belongs to."""
    return {id(p): value for part, value in values.items() for p in model.get_submodule(part).parameters()}
