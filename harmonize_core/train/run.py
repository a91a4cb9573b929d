# SPDX-License-Identifier: Apache-2.0
"""One training run in this process: its parts, its counters, and what it writes. Only the leading process writes."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harmonize_core.checkpoint import save_model
from harmonize_core.config import encode_text
from harmonize_core.errors import HarmonizeError
from harmonize_core.formats.images import write_bytes
from harmonize_core.models import lookup
from harmonize_core.train import state
from harmonize_core.train.best import Best, score_of
from harmonize_core.train.config import TrainConfig, reading_threads
from harmonize_core.train.device import eager
from harmonize_core.train.distributed import World
from harmonize_core.train.folder import write_plan
from harmonize_core.train.log import Kind, MetricsLog, git_commit
from harmonize_core.train.samples import Samples
from harmonize_core.train.schedule import plan_steps
from harmonize_core.train.sets import Sets
from harmonize_core.train.show import after_validation
from harmonize_core.train.trainer import Trainer
from harmonize_core.train.validate import validate

BEST = Path("best", "model.safetensors")
"""Below the run's folder: the best weights of a run with patience."""


class TrainingDiverged(HarmonizeError):
    """A loss or a weight is no longer a finite number."""


@dataclass
class Run:
    """One run in this process."""

    config: TrainConfig
    trainer: Trainer
    sets: Sets
    world: World
    log: MetricsLog | None
    """None where another process leads."""
    step: int
    """Steps finished."""
    seconds_before: float
    """Wall-clock seconds of the processes before this one."""
    best: Best
    started: float = field(default_factory=time.monotonic)
    durations: list[float] = field(default_factory=list)
    """Seconds of each step of this process."""
    validation: dict[str, float] = field(default_factory=dict)
    """The newest validation's numbers by name."""
    validated: int | None = None
    """Its step."""
    validation_seconds: float = 0.0
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        return self.config.run

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.started

    @property
    def images_per_s(self) -> float:
        steady = self.durations[len(self.durations) // 10 :]
        images = len(self.sets.train) * self.config.batch_size * self.config.accumulate * len(steady)
        return images / sum(steady) if steady else 0.0

    @property
    def reading_threads(self) -> int:
        return reading_threads(self.config, self.world.local_size)

    @property
    def has_waited_enough(self) -> bool:
        """Whether early stopping is due; known to the leading process."""
        return 0 < self.config.patience <= self.best.waited

    @property
    def is_checkpoint_due(self) -> bool:
        """By the number of steps or by this process's clock."""
        waited = time.monotonic() - self.saved_at
        by_time = self.config.checkpoint_seconds > 0 and waited > self.config.checkpoint_seconds
        return by_time or self.step % self.config.checkpoint_every == 0

    def write(self, kind: Kind, values: dict[str, float]) -> None:
        """A line of the log."""
        if self.log:
            self.log.write(self.step, kind, self.seconds, values)

    def validate(self, say: Callable[[str], None]) -> None:
        """Measure the held-out triplets, once a step; keep the weights if they are the best so far."""
        if not self.log or self.validated == self.step or not self.sets.held_out:
            return
        begin, samples = time.monotonic(), Samples(self.sets.held_out)
        with eager(self.config):
            self.validation = validate(
                self.trainer.kept,
                self.sets.held_out,
                self.trainer.device,
                has_domains="domains" in lookup(self.config.model).features,
                workers=self.reading_threads,
                watch=samples,
            )
        self.validated = self.step
        self.validation_seconds = time.monotonic() - begin
        self.write("validate", self.validation)
        after_validation(self.log, self.step, samples)
        parts = [
            f"{name} {self.validation[f'fmse_{name}']:.1f} (composite {self.validation[f'fmse_{name}_composite']:.1f})"
            for name in self.sets.held_out
        ]
        say(f"step {self.step}: held-out fMSE {', '.join(parts)}")
        if self.config.patience and self.best.see(self.step, score_of(self.validation, self.sets.held_out)):
            self._save_network(self.folder / BEST)

    def plan(self) -> int:
        """Decide how many steps fit into the budget, from the speed so far, and keep that."""
        every = self.config.validate_every
        share = self.validation_seconds / every if every else 0.0
        costs = [seconds + share for seconds in self.durations]
        total = plan_steps(60 * self.config.minutes, self.seconds, self.validation_seconds, costs)
        total += self.step - len(self.durations)
        write_plan(self.config, total)
        return total

    def save(self) -> Path | None:
        """Write a checkpoint; its folder, None where another process leads.

        Raises:
            TrainingDiverged: the weights are not finite; earlier checkpoints are as they were.
            OutputError: the folder cannot be written to; likewise.
        """
        self.saved_at = time.monotonic()  # of every process: the clock of any one of them makes the next one due
        if not self.log:
            return None
        self._refuse_bad_weights()
        trainer = {**self.trainer.state(), "seconds": self.seconds, "best": self.best.state()}
        name = self.config.model
        side = self.config.data.side
        folder = state.save(self.folder, self.step, self.trainer.kept, name, trainer, self._provenance(), side)
        state.prune(self.folder, max(self.config.keep, 1))
        self.log.write_csv()
        return folder

    def save_finished(self) -> None:
        """Write model.safetensors: with patience the best network, otherwise the last one."""
        if not self.log:
            return
        weights = self.folder / "model.safetensors"
        folder = self.save() if self.config.keep else None
        if self.config.patience and self.best.step:
            write_bytes(weights, (self.folder / BEST).read_bytes())
        elif folder:
            write_bytes(weights, (folder / "model.safetensors").read_bytes())
        else:
            self._save_network(weights)
        if not self.config.keep:
            shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)
        self.log.write_csv()

    def refuse_nan(self, values: Mapping[str, float]) -> None:
        """Raises: TrainingDiverged: one of the losses is not finite."""
        bad = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
        if bad:
            self._diverged(bad[0])

    def _refuse_bad_weights(self) -> None:
        if not self.trainer.is_finite():
            self._diverged("a weight is not finite")

    def _diverged(self, what: str) -> None:
        kept = state.checkpoints(self.folder)
        last = f"the last good checkpoint is {kept[-1]}" if kept else "no checkpoint was written yet"
        raise TrainingDiverged(f"{what} at step {self.step}, so training was stopped; {last}; lower --optim.lr")

    def _save_network(self, path: Path) -> None:
        self._refuse_bad_weights()
        name, side = self.config.model, self.config.data.side
        save_model(path, self.trainer.kept, name, side=side, provenance=self._provenance())

    def _provenance(self) -> dict[str, str]:
        return {
            "step": str(self.step),
            "training_data": self.sets.summary(),
            "left_out": str(len(self.sets.left_out())),
            "git": git_commit(),
            "config": encode_text(self.config, indent=None),
            **{name: f"{value:.4f}" for name, value in self.validation.items()},
        }
