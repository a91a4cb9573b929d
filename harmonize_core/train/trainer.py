# SPDX-License-Identifier: Apache-2.0
"""One optimizer step of any objective: forward once, step the critics, step everything else.

CUDA may use mixed precision; the CPU computes in float32. The state holds all that the next step depends on beside
the model's weights.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harmonize_core.checkpoint import load_model
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.models import HarmonizationModel, init_weights, lookup
from harmonize_core.train.config import OptimConfig, TrainConfig
from harmonize_core.train.objectives import Batches, Objective, objective_for


class Trainer:
    """An objective with its optimizers; `state()` is what resuming needs beside the model."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        """Raises: ConfigError for a network without anything to learn, or for batches of one where it needs more."""
        architecture = lookup(config.model).config
        self.config = config
        self.device = device
        self.objective = objective_for(architecture, architecture.build(), config.loss)
        if not any(True for _ in self.objective.generator_parameters()):
            raise ConfigError(f"{config.model} has nothing to learn; evaluate it as it is")
        if config.batch_size == 1 and needs_several(self.objective):
            raise ConfigError(
                f"--batch-size should be at least 2 for {config.model} because its batch normalisation needs more than "
                "one image"
            )
        for number, network in enumerate(self.objective.children()):
            bias = config.init.blend_bias if network is self.model else None
            init_weights(network, 10 * config.seed + number, std=config.init.std, blend_bias=bias)
        self.model.reset_special()
        if config.init.weights:
            _start_from(config, self.model)
        self.objective.to(device).train()
        for parameter in self.objective.parameters():
            if parameter.dim() == 4:  # a colour table has five
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self._amp_dtype = _amp_dtype(config, device)
        groups = _groups(self.objective, config.optim)
        self._generator = _Half(groups, config.optim, self._scaler())
        critics = list(self.objective.critic_parameters())
        rate = config.optim.lr_discriminator
        alike = {(1.0, config.optim.beta1): critics}
        self._critic = _Half(alike, config.optim, self._scaler(), rate) if critics else None

    @property
    def model(self) -> HarmonizationModel:
        return self.objective.model

    def step(self, batches: Batches, rate: float) -> dict[str, Tensor]:
        """Train on one batch of each domain with the learning rates times `rate`; the losses by name, detached."""
        objective, logged = self.objective, {}
        with self._autocast():
            outputs = objective(batches)
        if self._critic:
            with self._autocast():
                terms = objective.critic_losses(outputs, batches)
            if terms:
                self._critic.descend(terms["total"], rate)
                logged = {"loss_d" if name == "total" else name: value.detach() for name, value in terms.items()}
        with self._autocast(), _frozen(objective):
            terms = objective.generator_losses(outputs, batches)
        self._generator.descend(terms["total"], rate)
        return logged | {"loss" if name == "total" else name: value.detach() for name, value in terms.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the model's weights that the next step depends on."""
        helpers = {n: v for n, v in self.objective.state_dict().items() if not n.startswith("model.")}
        return {
            "helpers": helpers,
            "generator": self._generator.state(),
            "critic": self._critic and self._critic.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave; the model's weights are loaded apart.

        Raises:
            CheckpointError: the optimizers were those of another network or version.
        """
        model = {f"model.{n}": v for n, v in self.model.state_dict().items()}
        self.objective.load_state_dict(model | state["helpers"])
        self._generator.load(state["generator"])
        if self._critic:
            self._critic.load(state["critic"])

    def _scaler(self) -> torch.amp.GradScaler:
        return torch.amp.GradScaler(self.device.type, enabled=self._amp_dtype is torch.float16)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._amp_dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self._amp_dtype)


def needs_several(objective: Objective) -> bool:
    """Whether a step needs more than one picture: batch norm has no spread over one value."""
    return any(isinstance(module, nn.BatchNorm2d) for module in objective.modules())


class _Half:
    """One side of the game: parameters by share of the learning rate and beta1, the optimizer and its loss scaling."""

    def __init__(
        self,
        groups: Mapping[tuple[float, float], list[nn.Parameter]],
        optim: OptimConfig,
        scaler: torch.amp.GradScaler,
        lr: float | None = None,
    ) -> None:
        self.parameters = [parameter for group in groups.values() for parameter in group]
        self.factors = [factor for factor, _ in groups]
        self.lr = optim.lr if lr is None else lr
        self.clip_norm = optim.clip_norm if lr is None else 0.0
        self.scaler = scaler
        if optim.name == "adadelta" and lr is None:
            described = [{"params": group} for group in groups.values()]
            self.optimizer: torch.optim.Optimizer = torch.optim.Adadelta(described, lr=self.lr)
        else:
            described = [{"params": group, "betas": (beta1, optim.beta2)} for (_, beta1), group in groups.items()]
            self.optimizer = torch.optim.Adam(described, lr=self.lr, fused=True)

    def descend(self, loss: Tensor, rate: float) -> None:
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"] = self.lr * factor * rate
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if self.clip_norm:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        try:
            self.optimizer.load_state_dict(state["optimizer"])
        except ValueError as error:
            raise CheckpointError(
                f"the checkpoint's optimizer does not fit this version's ({error}); start a run of its own with "
                "--init.weights"
            ) from error
        self.scaler.load_state_dict(state["scaler"])


def _groups(objective: Objective, optim: OptimConfig) -> dict[tuple[float, float], list[nn.Parameter]]:
    """What the first optimizer trains, by share of the learning rate and beta1; the full rate comes first."""
    model, groups = objective.model, {(1.0, optim.beta1): []}
    factors = _of_parts(model, model.rate_factors if optim.rate_factors else {})
    beta1s = _of_parts(model, model.beta1s)
    for parameter in objective.generator_parameters():
        key = factors.get(id(parameter), 1.0), beta1s.get(id(parameter), optim.beta1)
        groups.setdefault(key, []).append(parameter)
    return groups


def _of_parts(model: HarmonizationModel, values: Mapping[str, float]) -> dict[int, float]:
    """The value of each parameter, by its identity, that is declared for the submodule it belongs to."""
    return {id(p): value for part, value in values.items() for p in model.get_submodule(part).parameters()}


def _start_from(config: TrainConfig, model: HarmonizationModel) -> None:
    assert config.init.weights is not None
    loaded = load_model(config.init.weights)
    if loaded.name != config.model:
        raise ConfigError(f"--init.weights {config.init.weights} holds {loaded.name} but --model is {config.model}")
    model.load_state_dict(loaded.model.state_dict())


def _amp_dtype(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """bfloat16 where the device has it (no loss scaling needed), else float16; None in float32."""
    if config.precision != "auto":
        return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


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
