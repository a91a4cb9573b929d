# SPDX-License-Identifier: Apache-2.0
"""Several processes that train one network, started by torchrun: each takes its part of every batch.

Data parallelism written out, as Li et al., "PyTorch Distributed", VLDB 2020, describe it: every process has the whole
network and the same optimizers, computes the losses of its part, and all average their gradients before they step, so
their weights stay equal bit by bit. One `all_reduce` a step and optimizer is enough for networks of this size and
leaves objectives with two optimizers as they are. Batch norm shares its statistics, so a step is that of one process
with the whole batch, up to the rounding of sums in another order.

Gradients go through NCCL between CUDA devices and through gloo between CPUs; what the processes agree on (signals,
plans) always goes through gloo, for which no device has to wait.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Generator, Iterable, Mapping
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from harmonize_core.data.batch import B, SampleSource
from harmonize_core.data.stream import BatchStream
from harmonize_core.errors import HarmonizeError

T = TypeVar("T")

LONGEST_WAIT = datetime.timedelta(hours=2)
"""How long a process waits for another that neither answers nor ends, as while the first one validates."""


class ProcessLost(HarmonizeError):
    """Another process of the run ended or cannot be reached."""


class World:
    """The processes of a run; alone, every method is the identity. All must call the same methods in the same order.

    Every method raises ProcessLost when another process is gone.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0, local_size: int = 1) -> None:
        """Args: number of this process, how many there are; `local_*`: the same among those of this machine."""
        self.rank, self.size, self.local_rank, self.local_size = rank, size, local_rank, local_size

    @property
    def leads(self) -> bool:
        """Whether this process writes, validates and speaks for all."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the processes; a parameter without one has none in any of them."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        with _peers():
            dist.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def means(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Scalars by name, each its mean over the processes."""
        stacked = torch.stack([value.detach().float() for value in values.values()]).cpu()
        if self.size > 1:
            with _peers():
                dist.all_reduce(stacked)
        return dict(zip(values, (stacked / self.size).tolist(), strict=True))

    def most(self, *numbers: int) -> list[int]:
        """Each number's largest value in any process."""
        if self.size == 1:
            return list(numbers)
        found = torch.tensor(numbers)
        with _peers():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return [int(number) for number in found]

    def from_first(self, value: T) -> T:
        """The leading process's value, in all of them; it must be picklable."""
        if self.size == 1:
            return value
        box = [value]
        with _peers():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in all of them."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with _peers():
            dist.all_gather_object(found, value)
        return found

    def same_weights(self, network: nn.Module) -> None:
        """Give all processes the leading one's parameters and buffers."""
        if self.size == 1:
            return
        with torch.no_grad(), _peers():
            for tensor in network.state_dict().values():
                sent = tensor.contiguous()
                dist.broadcast(sent, src=0)
                tensor.copy_(sent)


ALONE = World()


def from_environment() -> World:
    """The world as torchrun's variables tell it; alone where there are none."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    found = [os.environ.get(name, "") for name in names]
    return World(*map(int, found)) if all(value.isdigit() for value in found) else ALONE


@contextlib.contextmanager
def connected(world: World, device: torch.device) -> Generator[World]:
    """Within it the processes can talk.

    Raises:
        ProcessLost: they do not find each other.
    """
    if world.size == 1:
        yield world
        return
    with _peers():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            rank=world.rank,
            world_size=world.size,
            timeout=LONGEST_WAIT,
            device_id=device if device.type == "cuda" else None,
        )
    try:
        yield world
    finally:
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


class RankStream(BatchStream[B]):
    """The part of each batch that one process takes: rows rank * n up to (rank + 1) * n, n = batch size / processes."""

    def __init__(self, dataset: SampleSource[B], batch_size: int, *, seed: int, name: str, world: World) -> None:
        super().__init__(dataset, batch_size, seed=seed, name=name)
        self._world = world

    def samples(self, step: int) -> list[tuple[int, int]]:
        whole = super().samples(step)
        share = len(whole) // self._world.size
        return whole[self._world.rank * share : (self._world.rank + 1) * share]


def share_statistics(network: nn.Module, world: World) -> None:
    """Let every batch norm below `network` normalise with the statistics of the whole batch; names and weights stay."""
    if world.size == 1:
        return
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, SharedBatchNorm.of(child, world))


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the parts of all processes: n equal parts of means m_r and variances v_r have the mean
    m = sum m_r / n and the variance sum (v_r + (m_r - m)^2) / n (Chan et al., "Updating Formulae and a Pairwise
    Algorithm for Computing Sample Variances", 1979). torch.nn.SyncBatchNorm does the same, but not on the CPU and not
    twice differentiable, which gradient penalties need.
    """

    world: World

    @classmethod
    def of(cls, norm: nn.BatchNorm2d, world: World) -> SharedBatchNorm:
        shared = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        shared.weight, shared.bias = norm.weight, norm.bias
        shared._buffers.update(norm._buffers)
        shared.world = world
        return shared.train(norm.training)

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        local = torch.stack(torch.var_mean(x, dim=(0, 2, 3), correction=0))
        rows = [torch.zeros_like(local) for _ in range(self.world.size)]
        rows[self.world.rank] = local
        variances, means = _Sum.apply(torch.stack(rows)).unbind(dim=1)
        mean = means.mean(dim=0)
        variance = (variances + (means - mean).square()).mean(dim=0)
        self._remember(mean, variance, self.world.size * x.numel() // x.shape[1])
        scale, shift = (variance + self.eps).rsqrt(), torch.zeros_like(mean)
        if self.affine:
            scale, shift = self.weight * scale, self.bias
        return ((x - mean[:, None, None]) * scale[:, None, None] + shift[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics as nn.BatchNorm2d does, with the unbiased variance of `count` values."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)


class _Sum(torch.autograd.Function):
    """The sum over all processes, differentiable as often as needed: gradients of a sum are summed too."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        with _peers():
            dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Sum.apply(gradients[0])


@contextlib.contextmanager
def _peers() -> Generator[None]:
    """What torch raises when a process is gone, as one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost(
            "another process of this run ended or cannot be reached, so this one stops too; see what it said, then "
            "continue with --resume"
        ) from error
