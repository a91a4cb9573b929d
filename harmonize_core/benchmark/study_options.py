# SPDX-License-Identifier: Apache-2.0
"""What a study is asked for, the runs that follow from it, and which of them belong to one of several machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from harmonize_core.benchmark.study_rows import Network, StudyRow, chosen_rows
from harmonize_core.errors import ConfigError, EnvironmentFault
from harmonize_core.models.charmnet import CharmNetConfig

SIDES_OF_PICTURES = CharmNetConfig.sides


@dataclass(frozen=True)
class StudyOptions:
    """What `harmonize benchmark cross-domain` takes."""

    photographs: Path
    rendered: tuple[Path, ...]
    out: Path
    rows: tuple[str, ...] = ()
    seeds: int = 3
    steps: int = 0
    """Optimizer steps of each run, two-stage's halves together."""
    minutes: float = 0.0
    """Computing time of each run instead (`pace.py`); how many steps fit is decided once for each row."""
    batch: int = 8
    """Triplets of a step: half of each domain where a run learns from both."""
    network: Network = "charmnet_256"
    """What the claim is put to: the published network with iDIH beside it, or ours, which learns from far less."""
    side: int = 256
    """Of the pictures in pixels. Other than at 256 every network is built with as many levels as pictures have room
    for, and translators with fewer or more channels; CharmNet-HR looks at 256 at most."""
    lr: float = 1e-3
    novel: tuple[str, ...] = ()
    category: str = "human"
    test_limit: int = 0
    """Test composites of each side, spread evenly; 0: all."""
    shard: tuple[int, int] = (1, 1)
    """Which part of the runs is made here, counted from 1, of how many."""
    threads: int = 1
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


@dataclass(frozen=True)
class Job:
    """One run: a row under a seed."""

    row: StudyRow
    seed: int

    @property
    def name(self) -> str:
        return f"{self.row.name}/seed-{self.seed}"

    @property
    def stages(self) -> int:
        return 2 if self.row.plan == "two-stage" else 1

    def result(self, out: Path) -> Path:
        """The folder of its numbers; `run.json` in it is written last."""
        return out / "results" / self.name

    def is_done(self, out: Path) -> bool:
        return (self.result(out) / "run.json").is_file()


def jobs_of(options: StudyOptions) -> list[Job]:
    """All runs of the study, seed by seed, so that the first complete comparison is there early."""
    rows = chosen_rows(options.rows, options.network)
    return [Job(row, seed) for seed in range(options.seeds) for row in rows if row.learns or seed == 0]


def shard_of(jobs: Sequence[Job], shard: tuple[int, int]) -> list[Job]:
    """One of `shard[1]` parts of about the same computing time, none of which shares a run with another."""
    spent = [0.0] * shard[1]
    mine = []
    for job in sorted(jobs, key=lambda job: -cost(job)):  # stable: dear ones first, seed by seed
        place = spent.index(min(spent))
        spent[place] += cost(job)
        if place == shard[0] - 1:
            mine.append(job)
    return [job for job in jobs if job in mine]


def settings(options: StudyOptions) -> dict[str, Any]:
    """All that every number depends on beside the data; a folder belongs to one choice of these."""
    names = ("steps", "minutes", "batch", "network", "side", "lr", "precision", "category", "test_limit")
    return {name: getattr(options, name) for name in names} | {"novel": list(options.novel)}


def check(options: StudyOptions) -> None:
    """Refuse what is out of range, all problems in one sentence.

    Raises:
        ConfigError, UnknownName: an option out of range, an unknown row.
        EnvironmentFault: no such device here.
    """
    chosen_rows(options.rows, options.network)
    part, parts = options.shard
    problems = [
        *([] if (options.steps > 0) != (options.minutes > 0) else ["one of --steps and --minutes should be above 0"]),
        *(
            []
            if options.batch >= 4 and options.batch % 2 == 0
            else [f"--batch should be even and 4 or more but is {options.batch}"]
        ),
        *(
            []
            if options.side in SIDES_OF_PICTURES
            else [f"--side should be one of {', '.join(map(str, SIDES_OF_PICTURES))} but is {options.side}"]
        ),
        *([] if options.seeds > 0 else [f"--seeds should be above 0 but is {options.seeds}"]),
        *([] if options.lr > 0 else [f"--lr should be above 0 but is {options.lr}"]),
        *([] if 1 <= part <= parts else [f"--shard should be I/N with I from 1 to N but is {part}/{parts}"]),
        *([] if options.threads >= 0 else [f"--threads should be 0 or more but is {options.threads}"]),
        *([] if options.test_limit >= 0 else [f"--test-limit should be 0 or more but is {options.test_limit}"]),
    ]
    if problems:
        raise ConfigError(f"this study cannot start: {'; '.join(problems)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("--device cuda needs a CUDA device but torch finds none; use --device cpu")


def cost(job: Job) -> float:
    """Computing time of a run over that of dataset fusion."""
    return job.row.cost if job.row.learns else 0.02


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
