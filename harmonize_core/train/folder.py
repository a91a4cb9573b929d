# SPDX-License-Identifier: Apache-2.0
"""What lies in a run's folder beside its checkpoints: whose run it is, how long it was planned, what was left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harmonize_core.errors import ConfigError
from harmonize_core.formats.images import read_lines, write_text
from harmonize_core.train.config import TrainConfig, read_config, what_differs


def refuse_file(folder: Path) -> None:
    """Raises: ConfigError: the run's folder is a file."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} should be the folder of a run but is a file; choose another --run")


def claim(config: TrainConfig, *, has_checkpoint: bool, resume: bool) -> None:
    """Make sure that the folder is new, or holds this run.

    Raises:
        ConfigError: it holds something else, or another run, or this one and `resume` is not given.
    """
    path = config.run / "config.json"
    if not path.is_file():
        if (config.run / "benchmark.json").exists():
            raise ConfigError(f"{config.run} is the folder of a benchmark; choose another --run")
        if has_checkpoint:
            raise ConfigError(f"{config.run} holds checkpoints but no config.json; choose another --run")
        return
    if not resume:
        raise ConfigError(f"{config.run} holds a run already; add --resume to continue it or choose another --run")
    differing = what_differs(config, read_config(path))
    if differing:
        raise ConfigError(
            f"{config.run} cannot be resumed with another config ({'; '.join(differing)}); choose another --run"
        )


def planned(config: TrainConfig) -> int | None:
    """Total steps where they are known already: asked for, or planned by this run before under the same budget.

    Raises:
        ConfigError: the plan cannot be read.
    """
    if config.steps:
        return config.steps
    path = config.run / "plan.json"
    if path.is_file():
        try:
            plan = json.loads(path.read_text(encoding="utf-8"))
            if plan["minutes"] == config.minutes:
                return int(plan["steps"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path} is damaged; delete it to plan the run anew") from error
    return None


def write_plan(config: TrainConfig, steps: int) -> None:
    """Keep how many steps the run has under its budget."""
    write_text(config.run / "plan.json", json.dumps({"minutes": config.minutes, "steps": steps}) + "\n")


def note_left_out(folder: Path, lines: Sequence[str]) -> Path:
    """Add what could not be read to the names of earlier resumptions in `left_out.txt`, which is returned."""
    path = folder / "left_out.txt"
    known = read_lines(path) if path.is_file() else []
    new = [line for line in dict.fromkeys(lines) if line not in known]
    if new:
        write_text(path, "".join(f"{line}\n" for line in [*known, *new]))
    return path
