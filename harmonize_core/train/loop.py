# SPDX-License-Identifier: Apache-2.0
"""The training run, top to bottom: `train` sets up and resumes, `fit` steps, `validate` measures, `save` keeps.

A step depends on the config, the step number and the state of the step before, on nothing else; so a run that was
killed and resumed on the CPU repeats its losses to the last digit. A run with a time budget plans its number of steps
once, from the speed of the first ones, and keeps that plan in `plan.json`.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from harmonize_core.checkpoint import save_model
from harmonize_core.config import decode_text, encode_text
from harmonize_core.data.dataset import BatchStream, prefetch
from harmonize_core.data.rng import generator
from harmonize_core.errors import ConfigError, EnvironmentFault, HarmonizeError
from harmonize_core.formats.images import read_lines, write_bytes, write_text
from harmonize_core.formats.lock import exclusive
from harmonize_core.models import lookup
from harmonize_core.train import state
from harmonize_core.train.config import TrainConfig, check, reading_threads, what_differs
from harmonize_core.train.log import MetricsLog, environment, git_commit
from harmonize_core.train.look import after_validation
from harmonize_core.train.samples import Samples
from harmonize_core.train.schedule import MEASURED_STEPS, plan_steps, rate
from harmonize_core.train.sets import Sets, open_sets
from harmonize_core.train.stop import StopSignal
from harmonize_core.train.trainer import Trainer
from harmonize_core.train.validate import validate

GRACE = 1.3
"""A run with a time budget stops for good when it has taken this many times as long (the machine became slower)."""


class TrainingDiverged(HarmonizeError):
    """A loss is no longer a finite number."""


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run: Path
    step: int
    """Steps finished."""
    total: int | None
    """Steps planned; None when it was stopped before it had a plan."""
    finished: bool
    """False when a signal stopped it; `--resume` goes on."""
    signal: int
    """Number of the signal that stopped it, 0 if none."""
    seconds: float
    """Wall-clock time of the run so far, over all its resumptions."""
    images_per_s: float
    """Training images per second of this process, all domains counted, validation not."""
    validation: dict[str, float] = field(default_factory=dict)
    """The last validation's numbers by name."""


@dataclass
class Run:
    """One run in this process."""

    config: TrainConfig
    trainer: Trainer
    sets: Sets
    log: MetricsLog
    step: int
    """Steps finished."""
    seconds_before: float
    """Wall-clock seconds of the processes before this one."""
    started: float = field(default_factory=time.monotonic)
    durations: list[float] = field(default_factory=list)
    """Seconds of each step of this process."""
    validation: dict[str, float] = field(default_factory=dict)
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
        images = len(self.sets.train) * self.config.batch_size * len(steady)
        return images / sum(steady) if steady else 0.0


def train(
    config: TrainConfig,
    *,
    sets: Sets | None = None,
    resume: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = print,
) -> TrainResult:
    """Train as configured; with `resume`, go on where the run's folder stopped, or start when it is new.

    Args:
        config: What to train on what.
        sets: Data to use instead of what the config's roots list; the caller answers for its splits.
        resume: Continue a run that exists. Without it an existing run is refused.
        quiet: No progress bar.
        say: Receives one line per event.

    Raises:
        ConfigError: a value out of range, data missing, or `resume` with a config that makes another run.
        DatasetError: a data set without the needed splits or labels.
        TrainingDiverged: a loss became NaN or infinite.
        OutputError: the run's folder cannot be written to.
    """
    check(config)
    device = _device(config)
    if config.threads:
        torch.set_num_threads(config.threads)
    _refuse_file(config.run)
    with exclusive(config.run / ".lock", config.run):
        checkpoints = state.checkpoints(config.run)
        _claim_folder(config, bool(checkpoints), resume)
        return _train(config, device, checkpoints, sets or open_sets(config), quiet=quiet, say=say)


def _train(
    config: TrainConfig,
    device: torch.device,
    checkpoints: list[Path],
    sets: Sets,
    *,
    quiet: bool,
    say: Callable[[str], None],
) -> TrainResult:
    _seed_torch(config, "weights")
    trainer = Trainer(config, device)
    _check_domains(config, trainer, sets)
    step, seconds = 0, 0.0
    if checkpoints:
        step, seconds = _load(checkpoints[-1], trainer)
        say(f"resuming {config.run} after step {step}")
    write_text(config.run / "config.json", encode_text(config) + "\n")
    write_text(config.run / "env.json", json.dumps(environment(str(device)), indent=1) + "\n")
    say(f"training {config.model} on {device}: {sets.summary()}")
    run = Run(config, trainer, sets, MetricsLog(config.run, resume_step=step), step, seconds)
    try:
        with StopSignal() as stop, logging_redirect_tqdm():  # what data report does not break into the progress bar
            return fit(run, stop, quiet=quiet, say=say)
    finally:
        run.log.close()


def fit(run: Run, stop: StopSignal, *, quiet: bool, say: Callable[[str], None]) -> TrainResult:
    """Step until the planned number of steps is done or a signal arrives; then save."""
    config = run.config
    total = _planned(config)
    streams = {
        domain: BatchStream(dataset, config.batch_size, seed=config.seed, name=domain)
        for domain, dataset in run.sets.train.items()
    }
    if run.step == 0:
        _validate(run, say)
    bar = tqdm(total=total, initial=run.step, unit="step", disable=quiet, mininterval=0.5, smoothing=0.1)
    last = total if total is not None else 2**31
    batches = prefetch(list(streams.values()), run.step, last, workers=reading_threads(config))
    try:
        while (total is None or run.step < total) and not stop.number:
            begin = time.monotonic()
            step_batches = {d: b.to(run.trainer.device) for d, b in zip(streams, next(batches), strict=True)}
            known = total if config.steps or run.step >= MEASURED_STEPS else None
            factor = rate(run.step, known, config.optim)
            _seed_torch(config, "step", run.step)
            losses = run.trainer.step(step_batches, factor)
            run.step += 1
            if run.step % config.log_every == 0 or run.step == total:
                values = {name: float(value) for name, value in losses.items()}
                _refuse_nan(run, values)
                run.log.write(run.step, "train", run.seconds, {**values, "lr": config.optim.lr * factor})
                bar.set_postfix({"loss": f"{values['loss']:.3f}", "img/s": f"{run.images_per_s:.1f}"})
            run.durations.append(time.monotonic() - begin)
            bar.update()
            if total is None and len(run.durations) == MEASURED_STEPS:
                total = bar.total = _plan(run)
                say(f"{total} steps fit into {config.minutes:g} minutes ({run.images_per_s:.1f} images/s)")
            if run.step == total:
                break
            if config.validate_every and run.step % config.validate_every == 0:
                _validate(run, say)
            if _checkpoint_due(run):
                _refuse_nan(run, {name: float(value) for name, value in losses.items()})
                _save(run)
            if not config.steps and run.seconds > GRACE * 60 * config.minutes:
                say(f"the time is up: stopping after {run.step} of {total} steps")
                break
    finally:
        batches.close()
        bar.close()
    return _finish(run, total, stop.number, say)


def _finish(run: Run, total: int | None, signal: int, say: Callable[[str], None]) -> TrainResult:
    if not signal:
        _validate(run, say)
    weights = run.folder / "model.safetensors"
    if signal or run.config.keep:
        folder = _save(run)
        if not signal:
            write_bytes(weights, (folder / "model.safetensors").read_bytes())
    else:
        save_model(weights, run.trainer.model, run.config.model, provenance=_provenance(run))
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
    if not signal:
        plan = {"minutes": run.config.minutes, "steps": run.step}
        write_text(run.folder / "plan.json", json.dumps(plan) + "\n")
    run.log.write_csv()
    _tell_left_out(run, say)
    return TrainResult(
        run.folder, run.step, total, not signal, signal, run.seconds, run.images_per_s, dict(run.validation)
    )


def _tell_left_out(run: Run, say: Callable[[str], None]) -> None:
    """Count what could not be read, and keep the names of all resumptions in `left_out.txt`."""
    lines, path = run.sets.left_out(), run.folder / "left_out.txt"
    known = read_lines(path) if path.is_file() else []
    if lines and set(lines) - set(known):
        write_text(path, "".join(f"{line}\n" for line in [*known, *(line for line in lines if line not in known)]))
    if lines:
        say(f"{len(lines)} triplets could not be read and were left out: {path} names them")


def _validate(run: Run, say: Callable[[str], None]) -> None:
    begin = time.monotonic()
    has_domains, samples = "domains" in lookup(run.config.model).features, Samples(run.sets.held_out)
    run.validation = validate(
        run.trainer.model,
        run.sets.held_out,
        run.trainer.device,
        has_domains=has_domains,
        workers=reading_threads(run.config),
        watch=samples,
    )
    run.validation_seconds = time.monotonic() - begin
    if run.validation:
        run.log.write(run.step, "validate", run.seconds, run.validation)
        after_validation(run.log, run.step, samples)
        parts = [
            f"{name} {run.validation[f'fmse_{name}']:.1f} (composite {run.validation[f'fmse_{name}_composite']:.1f})"
            for name in run.sets.held_out
        ]
        say(f"step {run.step}: held-out fMSE {', '.join(parts)}")


def _checkpoint_due(run: Run) -> bool:
    waited = time.monotonic() - run.saved_at
    by_time = run.config.checkpoint_seconds > 0 and waited > run.config.checkpoint_seconds
    return by_time or run.step % run.config.checkpoint_every == 0


def _provenance(run: Run) -> dict[str, str]:
    return {
        "step": str(run.step),
        "training_data": run.sets.summary(),
        "left_out": str(len(run.sets.left_out())),
        "git": git_commit(),
        "config": encode_text(run.config, indent=None),
        **{name: f"{value:.4f}" for name, value in run.validation.items()},
    }


def _save(run: Run) -> Path:
    config = run.config
    trainer = {**run.trainer.state(), "seconds": run.seconds}
    folder = state.save(run.folder, run.step, run.trainer.model, config.model, trainer, _provenance(run))
    state.prune(run.folder, max(config.keep, 1))
    run.log.write_csv()
    run.saved_at = time.monotonic()
    return folder


def _check_domains(config: TrainConfig, trainer: Trainer, sets: Sets) -> None:
    missing = [domain for domain in trainer.objective.needs if domain not in sets.train]
    if missing:
        raise ConfigError(f"{config.model} learns from both domains but --{missing[0]} is not given")


def _load(folder: Path, trainer: Trainer) -> tuple[int, float]:
    """Fill the trainer; the finished steps and the seconds they took."""
    loaded = state.load_trainer(folder, trainer.device)
    state.load_model_into(folder, trainer.model)
    trainer.load_state(loaded)
    return int(loaded["step"]), float(loaded["seconds"])


def _seed_torch(config: TrainConfig, *path: str | int) -> None:
    """Let what torch draws by itself (first weights of some layers, dropout, random mixes) follow the seed."""
    torch.manual_seed(int(generator(config.seed, "torch", *path).integers(2**63)))


def _plan(run: Run) -> int:
    every = run.config.validate_every
    share = run.validation_seconds / every if every else 0.0
    costs = [seconds + share for seconds in run.durations]
    total = plan_steps(60 * run.config.minutes, run.seconds, run.validation_seconds, costs)
    total += run.step - len(run.durations)
    write_text(run.folder / "plan.json", json.dumps({"minutes": run.config.minutes, "steps": total}) + "\n")
    return total


def _planned(config: TrainConfig) -> int | None:
    """Total steps where they are known already: asked for, or planned by this run before under the same budget."""
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


def _refuse_file(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} should be the folder of a run but is a file; choose another --run")


def _claim_folder(config: TrainConfig, has_checkpoint: bool, resume: bool) -> None:
    path = config.run / "config.json"
    if not path.is_file():
        if (config.run / "benchmark.json").exists():
            raise ConfigError(f"{config.run} is the folder of a benchmark; choose another --run")
        if has_checkpoint:
            raise ConfigError(f"{config.run} holds checkpoints but no config.json; choose another --run")
        return
    if not resume:
        raise ConfigError(f"{config.run} holds a run already; add --resume to continue it or choose another --run")
    stored = decode_text(path.read_text(encoding="utf-8"), TrainConfig, str(path))
    differing = what_differs(config, stored)
    if differing:
        raise ConfigError(
            f"{config.run} cannot be resumed with another config ({'; '.join(differing)}); choose another --run"
        )


def _refuse_nan(run: Run, values: dict[str, float]) -> None:
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        kept = state.checkpoints(run.folder)
        last = f"the last good checkpoint is {kept[-1]}" if kept else "no checkpoint was written yet"
        raise TrainingDiverged(
            f"{bad[0]} is {values[bad[0]]} at step {run.step}, so training was stopped; {last}; lower --optim.lr"
        )


def _device(config: TrainConfig) -> torch.device:
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise EnvironmentFault("--device cuda needs a CUDA device but torch finds none; use --device cpu")
    return torch.device("cuda" if available and config.device != "cpu" else "cpu")
