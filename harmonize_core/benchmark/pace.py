# SPDX-License-Identifier: Apache-2.0
"""How many steps of how many pictures fit into a budget of computing time: a few steps are tried, then thrown away.

Time is processor time where the CPU computes (other programs on the machine do not count, several threads count
several times) and wall-clock time on CUDA.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from harmonize_core.data.dataset import BatchStream
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.device import numerics
from harmonize_core.train.sets import Sets
from harmonize_core.train.trainer import Trainer

ENOUGH = 50
"""Steps below which a batch is halved: a network that takes a handful of large steps learns nothing."""
SMALLEST = 2
"""Pictures in a batch that halving goes down to; batch normalisation needs two."""
TRIED = 6
"""Steps tried at most; the first, which reserves memory, is left out."""
TIMED = 2
"""Steps timed at least, after the first."""
SHARE = 0.05
"""Of the budget: no more steps than needed are tried once they took this much."""


@dataclass(frozen=True)
class Pace:
    """What a network does with a budget."""

    batch_size: int
    """Triplets of each domain in a step."""
    steps: int
    """At least one, also where a single step takes longer than the budget."""
    step_s: float
    """Computing seconds of a step, reading and cutting its pictures included, as tried."""


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds of computing, from any beginning."""

    def on_cuda() -> float:
        torch.cuda.synchronize(device)
        return time.monotonic()

    return on_cuda if device.type == "cuda" else time.process_time


def find_pace(config: TrainConfig, sets: Sets, seconds: float, device: torch.device) -> Pace:
    """How many steps of how many triplets fit into `seconds`, by trying some (`fitting`).

    Raises:
        InputError: a training picture that cannot be read.
        ConfigError: the device's memory is full.
    """
    return fitting(lambda batch: step_seconds(config, sets, batch, SHARE * seconds, device), config.batch_size, seconds)


def fitting(tried: Callable[[int], float], batch_size: int, seconds: float) -> Pace:
    """The batch, halved (down to `SMALLEST`) until `ENOUGH` steps fit into `seconds`, and how many do.

    Whether they fit is first judged from steps of the smallest batch, as if time grew with the pictures; a batch is
    only taken once it was tried itself, and halved again if that was too slow.

    Args:
        tried: seconds of a step of so many triplets.
        batch_size: of the recipe.
        seconds: of the budget.
    """
    chosen, small = batch_size, min(batch_size, SMALLEST)
    least = tried(small)
    while chosen > small and least * chosen / small * ENOUGH > seconds:
        chosen = max(small, chosen // 2)
    step_s = least if chosen == small else tried(chosen)
    while chosen > small and step_s * ENOUGH > seconds:
        chosen = max(small, chosen // 2)
        step_s = least if chosen == small else tried(chosen)
    return Pace(chosen, max(1, round(seconds / step_s)), step_s)


def step_seconds(config: TrainConfig, sets: Sets, batch_size: int, limit_s: float, device: torch.device) -> float:
    """Mean computing seconds of a step, of a few of a network that is then forgotten, under training's `numerics`."""
    config = dataclasses.replace(config, batch_size=batch_size)
    streams = {d: BatchStream(s, batch_size, seed=config.seed, name=d) for d, s in sets.train.items()}
    clock = clock_of(device)
    durations: list[float] = []
    with numerics(config, device):
        trainer = Trainer(config, device)
        while len(durations) <= TIMED or (len(durations) < TRIED and sum(durations) < limit_s):
            begin = clock()
            trainer.step({d: stream.batch(len(durations)).to(device) for d, stream in streams.items()}, 1.0)
            durations.append(clock() - begin)
        del trainer  # before memory goes back
    return sum(durations[1:]) / len(durations[1:])
