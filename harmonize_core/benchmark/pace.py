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
from harmonize_core.train.sets import Sets
from harmonize_core.train.trainer import Trainer

ENOUGH = 50
"""Steps below which a batch is halved: a network that takes a handful of large steps learns nothing."""
SMALLEST = 2
"""Pictures in a batch that halving goes down to; batch normalisation needs two."""
TRIED = 6
"""Steps tried at most; the first of several, which reserves memory, is left out."""
SHARE = 0.05
"""Of the budget: no more steps are tried once they took this much."""


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
    """The recipe's batch, halved (down to `SMALLEST`) until `ENOUGH` steps fit into `seconds`, and how many do.

    Whether they fit is first judged from steps of the smallest batch, as if time grew with the pictures; the batch
    that was chosen is then tried itself, so that the number of steps does not depend on that.

    Raises:
        InputError: a training picture that cannot be read.
    """
    small = min(config.batch_size, SMALLEST)
    tried = step_seconds(config, sets, small, SHARE * seconds, device)
    chosen = config.batch_size
    while chosen > small and tried * chosen / small * ENOUGH > seconds:
        chosen = max(small, chosen // 2)
    if chosen != small:
        tried = step_seconds(config, sets, chosen, SHARE * seconds, device)
    return Pace(chosen, max(1, round(seconds / tried)), tried)


def step_seconds(config: TrainConfig, sets: Sets, batch_size: int, limit_s: float, device: torch.device) -> float:
    """Mean computing seconds of a step, of one to `TRIED` steps of a network that is then forgotten."""
    trainer = Trainer(dataclasses.replace(config, batch_size=batch_size), device)
    streams = {d: BatchStream(s, batch_size, seed=config.seed, name=d) for d, s in sets.train.items()}
    clock = clock_of(device)
    durations: list[float] = []
    while len(durations) < TRIED and sum(durations) < limit_s:
        begin = clock()
        trainer.step({d: stream.batch(len(durations)).to(device) for d, stream in streams.items()}, 1.0)
        durations.append(clock() - begin)
    steady = durations[1:] or durations
    return sum(steady) / len(steady)
