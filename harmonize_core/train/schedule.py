# SPDX-License-Identifier: Apache-2.0
"""How many steps a run has and which learning rate each of them gets: functions of the step alone once planned."""

from __future__ import annotations

import math

from harmonize_core.train.config import OptimConfig

MEASURED_STEPS = 12
"""Steps after which a run with a time budget decides how many it will have."""
FLOOR = 0.01
"""Share of the full rate at the end of a cosine."""


def rate(step: int, total: int | None, optim: OptimConfig) -> float:
    """Factor on the learning rate at `step` (0-based) of `total` steps; None: not planned yet, so no decay."""
    warmup = min(1.0, (step + 1) / optim.warmup_steps) if optim.warmup_steps else 1.0
    if optim.schedule == "constant" or total is None:
        return warmup
    progress = min(1.0, step / max(1, total - 1))
    if optim.schedule == "steps":
        return warmup * 0.1 ** sum(progress >= share for share in optim.milestones)
    if optim.schedule == "linear":
        flat = optim.milestones[0]
        return warmup * min(1.0, max(0.0, 1.0 - progress) / max(1.0 - flat, 1e-9))
    return warmup * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))


def plan_steps(budget_s: float, spent_s: float, reserved_s: float, step_seconds: list[float]) -> int:
    """Total steps that fit into a budget, from the durations of the first ones.

    Args:
        budget_s: Whole budget in seconds.
        spent_s: Seconds gone by so far, these steps included.
        reserved_s: Seconds needed for other things later (validation, checkpoints).
        step_seconds: Durations of the steps so far; the slower first third is warm-up of the machine and is left out.
    """
    steady = sorted(step_seconds[len(step_seconds) // 3 :])
    typical = sum(steady) / len(steady)
    return len(step_seconds) + max(1, int((budget_s - spent_s - reserved_s) / typical))
