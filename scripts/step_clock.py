# SPDX-License-Identifier: Apache-2.0
"""Where the seconds of a training step go, for `bench_train.py`."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from torch.optim import optimizer


class Clock:
    """CPU seconds (all threads) and wall seconds by part; a part inside another counts for itself alone."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cpu: dict[str, float] = defaultdict(float)
        self.wall: dict[str, float] = defaultdict(float)
        self.rounds: list[tuple[float, float]] = []
        """(wall, CPU) seconds a step of each round; children included."""
        self._stack: list[str] = []
        self._steps = 0
        self._counts = False
        self._mark = self._begin = (0.0, 0.0)

    @property
    def last(self) -> str:
        wall, cpu = self.rounds[-1]
        return f"{wall:.2f} s a step, {cpu:.2f} CPU s"

    @contextlib.contextmanager
    def part(self, name: str) -> Generator[None]:
        """Time what is inside as `name`."""
        self._book()
        self._stack.append(name)
        try:
            yield
        finally:
            self._book()
            self._stack.pop()

    @contextlib.contextmanager
    def watching(self) -> Generator[None]:
        """Within it backward passes and optimizer steps are parts of their own, whoever calls them."""
        original = torch.Tensor.backward
        clock = self

        def backward(self: torch.Tensor, *args: Any, **options: Any) -> None:
            with clock.part("backward"):
                original(self, *args, **options)

        opened: list[contextlib.AbstractContextManager[None]] = []

        def before(*_: Any) -> None:
            opened.append(self.part("optimizer"))
            opened[-1].__enter__()

        def after(*_: Any) -> None:
            opened.pop().__exit__(None, None, None)

        hooks = [
            optimizer.register_optimizer_step_pre_hook(before),
            optimizer.register_optimizer_step_post_hook(after),
        ]
        torch.Tensor.backward = backward
        try:
            yield
        finally:
            torch.Tensor.backward = original
            for hook in hooks:
                hook.remove()

    def begin(self, children: float) -> None:
        """A round starts, from here on it counts; `children` are the CPU seconds of the reading processes so far."""
        self._now()
        self._counts = True
        self._begin = time.perf_counter(), time.process_time() + children

    def end(self, steps: int, children: float) -> None:
        """A round of so many steps is over."""
        self._now()
        wall, cpu = time.perf_counter() - self._begin[0], time.process_time() + children - self._begin[1]
        self._counts = False
        self.rounds.append((wall / steps, cpu / steps))
        self._steps += steps

    def summary(self, images: int) -> dict[str, Any]:
        """Seconds a step: the median round's, and by part over all rounds."""
        walls, cpus = zip(*self.rounds, strict=True)
        return {
            "device": self.device.type,
            "images": images,
            "wall_s": statistics.median(walls),
            "cpu_s": statistics.median(cpus),
            "rounds": self.rounds,
            "cpu_parts": {name: value / self._steps for name, value in self.cpu.items()},
            "wall_parts": {name: value / self._steps for name, value in self.wall.items()},
        }

    def _book(self) -> None:
        now = self._now()
        if self._stack and self._counts:
            self.wall[self._stack[-1]] += now[0] - self._mark[0]
            self.cpu[self._stack[-1]] += now[1] - self._mark[1]
        self._mark = now

    def _now(self) -> tuple[float, float]:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()


def cpu_of_children() -> float:
    """CPU seconds of this process's living and ended children (Linux; elsewhere 0)."""
    ended = os.times()
    total = ended.children_user + ended.children_system
    with contextlib.suppress(OSError, ValueError):
        tick = os.sysconf("SC_CLK_TCK")
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / tick
    return total


def gpu_share(step: Callable[[Clock], None], device: torch.device, steps: int = 20) -> float:
    """Seconds in GPU kernels over wall seconds, of steps after a warm-up, as torch.profiler sees them."""
    idle = Clock(torch.device("cpu"))  # does not wait for the device between parts
    for _ in range(5):
        step(idle)
    torch.cuda.synchronize(device)
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        begin = time.perf_counter()
        for _ in range(steps):
            step(idle)
        torch.cuda.synchronize(device)
        wall = time.perf_counter() - begin
    kernels = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
    return kernels / wall
