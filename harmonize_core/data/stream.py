# SPDX-License-Identifier: Apache-2.0
"""An endless stream of batches whose content depends on the step number alone, and threads that prepare them."""

from __future__ import annotations

import collections
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from harmonize_core.data.batch import B, SampleSource
from harmonize_core.data.rng import generator

T = TypeVar("T")


class BatchStream(Generic[B]):
    """Endless shuffled batches: step k always holds the same samples, so a run resumes by its step number alone.

    Epochs are seeded permutations laid end to end; a batch may span two of them, so no sample is ever dropped.
    """

    def __init__(self, dataset: SampleSource[B], batch_size: int, *, seed: int, name: str) -> None:
        """Args: `name` separates the orders of streams that share a seed."""
        self.dataset = dataset
        self.batch_size = batch_size
        self._seed = seed
        self._name = name
        self._orders: dict[int, NDArray[np.int64]] = {}

    def samples(self, step: int) -> list[tuple[int, int]]:
        """The (epoch, index) pairs of batch `step`, counted from 0."""
        first = step * self.batch_size
        positions = range(first, first + self.batch_size)
        return [
            (p // len(self.dataset), int(self._order(p // len(self.dataset))[p % len(self.dataset)])) for p in positions
        ]

    def batch(self, step: int) -> B:
        return self.dataset.batch(self.samples(step))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = self._orders.get(epoch)
        if order is None:
            order = generator(self._seed, "order", self._name, epoch).permutation(len(self.dataset))
            kept = {e: o for e, o in self._orders.items() if e >= epoch - 2}
            self._orders = {**kept, epoch: order}  # replaced, never changed: other threads may be reading it
        return order


def prefetch(
    streams: Sequence[BatchStream[B]], start: int, stop: int, *, ahead: int = 2, workers: int = 1
) -> Generator[tuple[B, ...]]:
    """Batches `start` .. `stop` - 1 of all streams together, prepared by threads while the caller computes.

    A sample draws from a generator of its own (seed, epoch, index), so the number of workers changes no value.
    """
    return in_advance(lambda step: tuple(stream.batch(step) for stream in streams), start, stop, ahead, workers)


def in_advance(make: Callable[[int], T], start: int, stop: int, ahead: int = 2, workers: int = 1) -> Generator[T]:
    """`make(start)` .. `make(stop - 1)` in order, up to `ahead` of them (at least one a worker) made before they are
    asked for; 0 workers make each when it is asked for. What `make` raises comes in its turn.

    Workers are threads: reading, decoding and resizing release the interpreter lock, processes would only copy the
    cache, and nothing of theirs can outlive this process.
    """
    if workers == 0:
        yield from map(make, range(start, stop))
        return
    ahead = max(ahead, workers)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="batches") as pool:
        waiting: collections.deque[Future[T]] = collections.deque()
        try:
            for step in range(start, min(start + ahead, stop)):
                waiting.append(pool.submit(make, step))
            for step in range(start, stop):
                made = waiting.popleft().result()
                if step + ahead < stop:
                    waiting.append(pool.submit(make, step + ahead))
                yield made
        finally:
            for future in waiting:
                future.cancel()
