# SPDX-License-Identifier: Apache-2.0
"""The training run, top to bottom: `train` and `setup` make or resume a `Run`, `fit` steps, validates and saves.

A step depends on the config, the step number and the state of the step before, on nothing else; so a run that was
killed and resumed on the CPU repeats its losses to the last digit. A run with a time budget plans its number of steps
once, from the speed of the first ones, and keeps that plan in `plan.json`. Under torchrun every process goes through
all of this; what one of them alone may know (a signal, the clock, a validation) is agreed on through `world`.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from harmonize_core.config import encode_text
from harmonize_core.data.batch import Movable
from harmonize_core.data.rng import generator
from harmonize_core.data.stream import prefetch
from harmonize_core.errors import ConfigError
from harmonize_core.formats.images import write_text
from harmonize_core.formats.lock import exclusive
from harmonize_core.formats.triplet import Domain
from harmonize_core.train import folder, state
from harmonize_core.train.best import Best
from harmonize_core.train.config import TrainConfig, check
from harmonize_core.train.device import device_of, numerics
from harmonize_core.train.distributed import RankStream, World, connected, from_environment
from harmonize_core.train.log import MetricsLog, environment
from harmonize_core.train.run import Run
from harmonize_core.train.run import TrainingDiverged as TrainingDiverged
from harmonize_core.train.schedule import MEASURED_STEPS, rate
from harmonize_core.train.sets import Sets, open_sets
from harmonize_core.train.show import at_the_end
from harmonize_core.train.stop import StopSignal
from harmonize_core.train.trainer import Trainer

GRACE = 1.3
"""A run with a time budget stops for good when it has taken this many times as long (the machine became slower)."""

Say = Callable[[str], None]

Loaded = dict[Domain, Movable]
"""A batch of each domain as it was read."""


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
    """Training images per second of this process and those beside it, all domains counted, validation not."""
    validation: dict[str, float] = field(default_factory=dict)
    """The last validation's numbers by name."""
    best_step: int = 0
    """With patience: the step whose weights are in best/ and, when it is finished, in model.safetensors; else 0."""


def train(
    config: TrainConfig,
    *,
    sets: Sets | None = None,
    resume: bool = False,
    quiet: bool = False,
    say: Say = print,
) -> TrainResult:
    """Train as configured; with `resume`, go on where the run's folder stopped, or start when it is new.

    Args:
        config: What to train on what.
        sets: Data to use instead of what the config's roots list; the caller answers for its splits.
        resume: Continue a run that exists. Without it an existing run is refused.
        quiet: No progress bars.
        say: Receives one line per event; under torchrun, those of the leading process.

    Raises:
        ConfigError: a value out of range, data missing, or `resume` with a config that makes another run.
        DatasetError: a data set without the needed splits or labels.
        EnvironmentFault: the device is missing, or cannot do what is asked.
        TrainingDiverged: a loss became NaN or infinite.
        OutputError: the run's folder cannot be written to.
        ProcessLost: another process of the run ended.
    """
    check(config)
    world = from_environment()
    device = device_of(config, world.local_rank)
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(numerics(config, device))
        cleanup.enter_context(connected(world, device))
        if world.leads:
            folder.refuse_file(config.run)
            cleanup.enter_context(exclusive(config.run / ".lock", config.run))
        else:
            quiet, say = True, _silent
        run = setup(config, device, world, sets, resume=resume, quiet=quiet, say=say)
        if run.log:
            cleanup.callback(at_the_end, run.log)
        cleanup.enter_context(logging_redirect_tqdm())  # what data report does not break into the progress bar
        stop = cleanup.enter_context(StopSignal(patient=world.size > 1))
        return fit(run, stop, quiet=quiet, say=say)


def setup(
    config: TrainConfig,
    device: torch.device,
    world: World,
    sets: Sets | None,
    *,
    resume: bool,
    quiet: bool,
    say: Say,
) -> Run:
    """Claim the folder, build the trainer, open the data, and take up the newest checkpoint where there is one."""
    checkpoint: Path | None = None
    if world.leads:
        found = state.checkpoints(config.run)
        folder.claim(config, has_checkpoint=bool(found), resume=resume)
        checkpoint = found[-1] if found else None
    checkpoint = world.from_first(checkpoint)
    _seed_torch(config, "weights")
    trainer = Trainer(config, device, world)  # first: weights it cannot take are told before minutes of decoding
    sets = sets or open_sets(config, quiet=quiet)
    _refuse_missing(config, trainer, sets)
    step, seconds, best = _load(checkpoint, trainer) if checkpoint else (0, 0.0, Best())
    log: MetricsLog | None = None
    if world.leads:
        write_text(config.run / "config.json", encode_text(config) + "\n")
        facts = {**environment(str(device)), "processes": world.size}
        write_text(config.run / "env.json", json.dumps(facts, indent=1) + "\n")
        log = MetricsLog(config.run, resume_step=step)
    if checkpoint:
        say(f"resuming {config.run} after step {step}")
    where = f"{device.type} ({world.size} processes)" if world.size > 1 else str(device)
    say(f"training {config.model} on {where}: {sets.summary()}")
    return Run(config, trainer, sets, world, log, step, seconds, best)


def fit(run: Run, stop: StopSignal, *, quiet: bool, say: Say) -> TrainResult:
    """Step until the planned number of steps is done, patience is at its end, or a signal arrives; then save."""
    config, world = run.config, run.world
    total = world.from_first(folder.planned(config) if world.leads else None)
    if run.step == 0:
        run.validate(say)
    with (
        contextlib.closing(_batches(run, total)) as batches,
        tqdm(total=total, initial=run.step, unit="step", disable=quiet, mininterval=0.5, smoothing=0.1) as bar,
    ):
        while total is None or run.step < total:
            if any(world.most(stop.number, run.has_waited_enough)):
                break
            begin = time.monotonic()
            known = total if config.steps or run.step >= MEASURED_STEPS else None
            factor = rate(run.step, known, config.optim)
            losses = _step(run, next(batches), factor)
            if run.step % config.log_every == 0 or run.step == total:
                values = world.means(losses)
                run.refuse_nan(values)
                run.write("train", {**values, "lr": config.optim.lr * factor})
                bar.set_postfix({"loss": f"{values['loss']:.3f}", "img/s": f"{run.images_per_s:.1f}"})
            run.durations.append(time.monotonic() - begin)
            bar.update()
            if total is None and len(run.durations) == MEASURED_STEPS:
                total = bar.total = world.from_first(run.plan() if world.leads else 0)
                say(f"{total} steps fit into {config.minutes:g} minutes ({run.images_per_s:.1f} images/s)")
            if run.step == total:
                break
            if config.validate_every and run.step % config.validate_every == 0:
                run.validate(say)
            is_late = not config.steps and run.seconds > GRACE * 60 * config.minutes
            checkpoint, late = world.most(run.is_checkpoint_due, is_late)
            if checkpoint:
                run.save()
            if late:
                say(f"the time is up: stopping after {run.step}{f' of {total}' if total else ''} steps")
                break
    return _finish(run, total, world.most(stop.number)[0], say)


def _step(run: Run, batches: list[Loaded], factor: float) -> dict[str, Tensor]:
    parts = [{domain: batch.to(run.trainer.device) for domain, batch in part.items()} for part in batches]
    _seed_torch(run.config, "step", run.step, *([run.world.rank] if run.world.rank else []))
    losses = run.trainer.step(parts, factor)
    run.step += 1
    return losses


def _batches(run: Run, total: int | None) -> Generator[list[Loaded]]:
    """This process's part of what each coming step takes: `accumulate` batches of every domain."""
    config, count = run.config, run.config.accumulate
    streams = {
        domain: RankStream(dataset, config.batch_size, seed=config.seed, name=domain, world=run.world)
        for domain, dataset in run.sets.train.items()
    }
    last = total if total is not None else 2**31
    made = prefetch(list(streams.values()), run.step * count, last * count, workers=run.reading_threads)
    with contextlib.closing(made):
        while True:
            yield [dict(zip(streams, next(made), strict=True)) for _ in range(count)]


def _finish(run: Run, total: int | None, signal: int, say: Say) -> TrainResult:
    """Save, and close the run unless a signal stopped it."""
    if signal:
        run.save()
    else:
        run.validate(say)
        run.save_finished()
        early = run.has_waited_enough and run.step != total
        if run.best.step:
            why = f"no lower held-out fMSE in {run.best.waited} validations: stopped after step {run.step}; "
            say(f"{why if early else ''}model.safetensors holds the best weights, those of step {run.best.step}")
        if run.world.leads and not early:  # one that stopped early goes on with more patience
            folder.write_plan(run.config, run.step)
    left_out = [line for lines in run.world.gather(run.sets.left_out()) for line in lines]
    if left_out and run.world.leads:
        path = folder.note_left_out(run.folder, left_out)
        say(f"{len(set(left_out))} triplets could not be read and were left out: {path} names them")
    return TrainResult(
        run.folder,
        run.step,
        total,
        not signal,
        signal,
        run.seconds,
        run.images_per_s,
        dict(run.validation),
        run.best.step,
    )


def _refuse_missing(config: TrainConfig, trainer: Trainer, sets: Sets) -> None:
    missing = [domain for domain in trainer.objective.needs if domain not in sets.train]
    if missing:
        raise ConfigError(f"{config.model} learns from both domains but --{missing[0]} is not given")
    if config.patience and not sets.held_out:
        raise ConfigError("--patience needs held-out triplets but the data have no split val or test")


def _load(checkpoint: Path, trainer: Trainer) -> tuple[int, float, Best]:
    """Fill the trainer; the finished steps, the seconds they took, and the best of them."""
    loaded = state.load_trainer(checkpoint, trainer.device)
    state.load_model_into(checkpoint, trainer.kept)
    trainer.load_state(loaded)
    return int(loaded["step"]), float(loaded["seconds"]), Best(**loaded.get("best", {}))


def _seed_torch(config: TrainConfig, *path: str | int) -> None:
    """Let what torch draws by itself (first weights of some layers, dropout, random mixes) follow the seed."""
    torch.manual_seed(int(generator(config.seed, "torch", *path).integers(2**63)))


def _silent(_line: str) -> None:
    """What processes say that do not lead."""
