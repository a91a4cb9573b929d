# SPDX-License-Identifier: Apache-2.0
"""One optimizer step of any objective: forward once, step the critics, step everything else.

The state holds all that the next step depends on beside the weights that are saved as the network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harmonize_core.checkpoint import load_model
from harmonize_core.errors import ConfigError
from harmonize_core.models import HarmonizationModel, init_weights, lookup_at
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.device import compile_in_place
from harmonize_core.train.distributed import ALONE, World, share_statistics
from harmonize_core.train.ema import Ema
from harmonize_core.train.features import start_from_features
from harmonize_core.train.objectives import Batches, Objective, Terms, objective_for
from harmonize_core.train.optimizers import Half, critic_groups, generator_groups
from harmonize_core.train.precision import precision_on
from harmonize_core.train.state import checkpoint_of


class Trainer:
    """An objective with its optimizers; `state()` is what resuming needs beside the saved network."""

    def __init__(self, config: TrainConfig, device: torch.device, world: World = ALONE) -> None:
        """Raises:
        ConfigError: a network without anything to learn, batches of one where it needs more, batches that the
            processes cannot share equally, or first weights of another network or of a side that it cannot take.
        EnvironmentFault: the device cannot train in this precision, or nothing can be compiled.
        """
        architecture = lookup_at(config.model, config.data.side).config
        self.config = config
        self.device = device
        self.precision = precision_on(device, config.precision)
        self.objective = objective_for(architecture, architecture.build(), config.loss)
        _refuse(config, self.objective, world)
        for number, network in enumerate(self.objective.children()):
            bias = config.init.blend_bias if network is self.model else None
            init_weights(network, 10 * config.seed + number, std=config.init.std, blend_bias=bias)
        self.model.reset_special()
        if config.data.side:
            self.model.look_at(config.data.side)
        if config.init.features:
            start_from_features(self.model, config.init.features)
        if config.init.weights:
            _start_from(config, self.model)
        share_statistics(self.objective, world)
        self.objective.to(device).train()
        for parameter in self.objective.parameters():
            if parameter.dim() == 4:  # a colour table has five
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        world.same_weights(self.objective)
        self.ema = Ema(self.model, config.ema) if config.ema else None
        if config.compile:
            compile_in_place(self.model, device)
        optim, scaler = config.optim, self.precision.scaler
        self._generator = Half(generator_groups(self.objective, optim), optim, scaler(), world)
        critics = critic_groups(self.objective, optim)
        self._critic = Half(critics, optim, scaler(), world, critic=True) if any(critics.values()) else None

    @property
    def model(self) -> HarmonizationModel:
        """The network as the optimizer moves it."""
        return self.objective.model

    @property
    def kept(self) -> HarmonizationModel:
        """The network as it is validated and saved: the moving average where the run has one."""
        return self.ema.model if self.ema else self.model

    def step(self, batches: Batches | Sequence[Batches], rate: float) -> dict[str, Tensor]:
        """Train on one batch of each domain with the learning rates times `rate`; the losses by name, detached.

        Several such batches make one step of their mean losses. They are computed one after the other so that only one
        needs memory; with critics this costs a forward pass more each, for critics step before the network does.
        """
        parts = [batches] if isinstance(batches, Mapping) else batches
        with self.precision.autocast():
            shared = self.objective(parts[0]) if len(parts) == 1 else None
        logged: dict[str, Tensor] = {}
        if self._critic:
            found = (self._critic_losses(part, shared) for part in parts)
            terms = self._critic.descend((terms for terms in found if terms), len(parts), rate)
            logged = {"loss_d" if name == "total" else name: value for name, value in terms.items()}
        terms = self._generator.descend((self._generator_losses(part, shared) for part in parts), len(parts), rate)
        if self.ema:
            self.ema.update(self.model)
        return logged | {"loss" if name == "total" else name: value for name, value in terms.items()}

    def is_finite(self) -> bool:
        """Whether all weights are finite numbers; a loss may still be when they no longer are."""
        tensors: list[Tensor] = [*self.objective.parameters(), *self.kept.parameters()]
        return bool(torch.stack(torch._foreach_norm(tensors, float("inf"))).isfinite().all())

    def state(self) -> dict[str, Any]:
        """Everything but the kept network's weights that the next step depends on."""
        helpers = {n: v for n, v in self.objective.state_dict().items() if not n.startswith("model.")}
        averaged = {"updates": self.ema.updates, "model": self.model.state_dict()} if self.ema else None
        return {
            "helpers": helpers,
            "ema": averaged,
            "generator": self._generator.state(),
            "critic": self._critic and self._critic.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave; the kept network's weights are loaded apart and before.

        Raises:
            CheckpointError: the optimizers were those of another network or version.
        """
        if self.ema:
            self.ema.updates = state["ema"]["updates"]
            self.model.load_state_dict(state["ema"]["model"])
        model = {f"model.{n}": v for n, v in self.model.state_dict().items()}
        self.objective.load_state_dict(model | state["helpers"])
        self._generator.load(state["generator"])
        if self._critic:
            self._critic.load(state["critic"])

    def _critic_losses(self, batches: Batches, outputs: Any) -> Terms | None:
        with self.precision.autocast():
            if outputs is None:
                with torch.no_grad(), _buffers_untouched(self.objective):
                    outputs = self.objective(batches)
            return self.objective.critic_losses(outputs, batches)

    def _generator_losses(self, batches: Batches, outputs: Any) -> Terms:
        with self.precision.autocast():
            if outputs is None:
                outputs = self.objective(batches)
            with _frozen(self.objective):
                return self.objective.generator_losses(outputs, batches)


def needs_several(objective: Objective) -> bool:
    """Whether a step needs more than one picture: batch norm has no spread over one value."""
    return any(isinstance(module, nn.BatchNorm2d) for module in objective.modules())


def _refuse(config: TrainConfig, objective: Objective, world: World) -> None:
    if not any(True for _ in objective.generator_parameters()):
        raise ConfigError(f"{config.model} has nothing to learn; evaluate it as it is")
    if config.batch_size == 1 and needs_several(objective):
        raise ConfigError(
            f"--batch-size should be at least 2 for {config.model} because its batch normalisation needs more than "
            "one image"
        )
    if config.batch_size % world.size:
        raise ConfigError(
            f"--batch-size should be a multiple of the {world.size} processes that share it but is {config.batch_size}"
        )


def _start_from(config: TrainConfig, model: HarmonizationModel) -> None:
    assert config.init.weights is not None
    loaded = load_model(checkpoint_of(config.init.weights))
    if loaded.name != config.model:
        raise ConfigError(f"--init.weights {config.init.weights} holds {loaded.name} but --model is {config.model}")
    found, own = loaded.input_spec.size, lookup_at(config.model, config.data.side).input_spec.size
    if found < own and model.grow_from(loaded.model):
        return
    try:
        model.load_state_dict(loaded.model.state_dict())
    except RuntimeError as error:
        reason = f"for {found} px, but the run's is for {own} px and has other layers; add --data.side {found}"
        if found == own or loaded.config != lookup_at(config.model, found).config:
            reason = "with other hyper-parameters than the registered ones; give weights of the registered network"
        raise ConfigError(f"--init.weights {config.init.weights} holds {loaded.name} {reason}") from error


@contextlib.contextmanager
def _buffers_untouched(network: nn.Module) -> Generator[None]:
    """Running statistics are afterwards what they were before."""
    before = [(buffer, buffer.clone()) for buffer in network.buffers()]
    yield
    for buffer, value in before:
        buffer.copy_(value)


@contextlib.contextmanager
def _frozen(objective: Objective) -> Generator[None]:
    """Gradients pass through the critics but are not computed for their parameters."""
    critics = objective.critics()
    for network in critics:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in critics:
            network.requires_grad_(True)
