# SPDX-License-Identifier: Apache-2.0
"""The cross-domain study: does CharmNet carry over what renders of a category teach to photographs of it?

Every row is trained with one loop, one optimizer and one budget under several seeds and scored on the same held-out
photographs. A run is a folder; what is finished stays, so that a killed study goes on with the same command, and
several processes or machines share one (`shard`, and a lock for each run).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch

from harmonize_core.benchmark.folder import claim, digest
from harmonize_core.benchmark.pace import step_seconds
from harmonize_core.benchmark.run import learn, scored
from harmonize_core.benchmark.study_data import SIDES, StudyData, open_study
from harmonize_core.benchmark.study_options import Job, StudyOptions, check, cost, duration, jobs_of, settings, shard_of
from harmonize_core.benchmark.study_pictures import keep_pictures
from harmonize_core.benchmark.study_rows import OURS, TRANSLATORS, chosen_rows
from harmonize_core.checkpoint import load_model
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.options import DataConfig
from harmonize_core.data.sources import thin
from harmonize_core.errors import ConfigError, OutputError
from harmonize_core.evaluate.report import per_image_csv
from harmonize_core.formats.images import write_text
from harmonize_core.formats.lock import exclusive, is_locked
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOLS, Protocol
from harmonize_core.models import lookup_at, parameter_count
from harmonize_core.train.config import IMAGENET, InitConfig, LossConfig, OptimConfig, TrainConfig
from harmonize_core.train.log import git_commit, read_log
from harmonize_core.train.presets import recipe_of
from harmonize_core.train.sets import Sets

Say = Callable[[str], None]

FOLLOWED = 24
"""Novel test composites whose error is followed during training; nothing is chosen by it."""
CURVE_POINTS = 10
WARMUP_STEPS = 20
TRANSLATOR_SHARE = 0.2
"""Learning rate of a translator over that of its harmonizer, whose `rate_factors` say 5."""
CRITIC_RATE = 1e-4


def protocol_of(options: StudyOptions) -> Protocol:
    """CharmNet's, at the study's size."""
    return PROTOCOLS["charmnet"].at(options.side)


def open_data(options: StudyOptions) -> StudyData:
    """Check the options and list the data.

    Raises:
        ConfigError: an option out of range.
        EnvironmentFault: no such device here.
        InputError, DatasetError, UnknownName, ConfigError: as `open_study`.
    """
    check(options)
    data = open_study(options.photographs, options.rendered, options.novel, options.category)
    if "oracle" in {row.name for row in chosen_rows(options.rows, options.network)} and not data.plans.train["novel"]:
        raise ConfigError(
            f"the row oracle needs photographs of the novel category to train on, but the list novel_train of "
            f"{options.photographs} is empty; hold fewer out (make-real --held-out-novel), or name --rows without it"
        )
    return data


def run_study(options: StudyOptions, data: StudyData, say: Say = print, quiet: bool = True) -> list[Job]:
    """Make what is not there yet of this shard; the runs of the whole study that are still missing afterwards.

    Raises:
        ConfigError: `out` holds a study of other settings or data, or a signal stopped training.
        TrainingDiverged: a loss became NaN.
        OutputError: `out` cannot be written to.
    """
    claim(options.out, settings(options), data.digests())
    jobs = jobs_of(options)
    todo = [job for job in shard_of(jobs, options.shard) if not job.is_done(options.out)]
    ahead, spent, began = sum(map(cost, todo)), 0.0, time.monotonic()
    for number, job in enumerate(todo, 1):
        with _held(options.out, job) as mine:
            if not mine:
                say(f"{job.name}: another process is at it")
            elif not job.is_done(options.out):
                begin = time.monotonic()
                _make(job, options, data, say, quiet)
                spent += cost(job)
                taken = time.monotonic() - begin
                say(f"{job.name}: done in {duration(taken)}; {number} of {len(todo)}")
        ahead -= cost(job)
        if spent and ahead:
            say(f"about {duration((time.monotonic() - began) / spent * ahead)} left")
    return [job for job in jobs if not job.is_done(options.out)]


def recipe(job: Job, stage: int, options: StudyOptions, steps: int, weights: Path | None) -> TrainConfig:
    """How a run (or a half of it) learns: the same for every row, but for CharmNet's parts that are switched off.

    Adam, a cosine after a short rise, no clipping (gradients of CharmNet's loss are ten times larger: clipping would
    not be the same for all), and a start near the identity. CharmNet's discriminator has the published 1e-4;
    translators a fifth of the rate, as their published recipes have of iDIH's. CharmNet-HR has the losses and the
    ImageNet features of its own recipe.

    Args:
        job: the run.
        stage: 1 for the second half of two-stage training.
        options: of the study.
        steps: of the whole run.
        weights: to start from; None: none.
    """
    translates = job.row.model in TRANSLATORS
    share = TRANSLATOR_SHARE if translates else 1.0
    optim = OptimConfig(
        lr=options.lr * share,
        lr_discriminator=options.lr * share if translates else CRITIC_RATE,
        beta1=0.5 if translates else 0.9,
        schedule="cosine",
        warmup_steps=WARMUP_STEPS,
    )
    both, ours = job.row.plan == "fusion", job.row.model in OURS.values()
    steps = max(1, (steps + stage) // job.stages)
    return TrainConfig(
        run=_run_folder(job, stage, options),
        photographic=options.photographs,
        rendered=options.rendered[0],
        model=job.row.model,
        steps=steps,
        batch_size=options.batch // 2 if both else options.batch,
        optim=optim,
        loss=dataclasses.replace(recipe_of("charmnet_hr").loss if ours else LossConfig(), **job.row.weights),
        init=InitConfig(features=IMAGENET if ours and not weights else None, blend_bias=1.0, weights=weights),
        data=DataConfig(side=options.side),
        seed=job.seed,
        validate_every=max(1, steps // CURVE_POINTS),
        log_every=max(1, steps // 200),
        checkpoint_every=10**9,
        checkpoint_seconds=300.0,
        keep=0,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
        workers=None if options.device == "cuda" else 0,
    )


def _make(job: Job, options: StudyOptions, data: StudyData, say: Say, quiet: bool) -> None:
    """Train and score; `run.json` says it is finished."""
    begin = time.monotonic()
    facts: dict[str, Any] = {"row": job.row.name, "model": job.row.model, "seed": job.seed}
    predictor, trained = _network(job, options, data, say, quiet)
    folder, protocol = job.result(options.out), protocol_of(options)
    for side in SIDES:
        triplets = thin(data.plans.test[side], options.test_limit)
        evaluation = scored(predictor, triplets, data.photographs, protocol, None, say)
        write_text(folder / f"{side}.csv", per_image_csv(evaluation))
        if job.seed == 0:
            keep_pictures(predictor, triplets, protocol, folder / "pictures")
    facts |= trained | {"seconds": round(time.monotonic() - begin, 1), "git": git_commit()}
    write_text(folder / "run.json", json.dumps(facts, indent=1) + "\n")


def _network(
    job: Job, options: StudyOptions, data: StudyData, say: Say, quiet: bool
) -> tuple[Predictor, dict[str, Any]]:
    if not job.row.learns:
        return Predictor.untrained(job.row.model, options.device), {"parameters": 0, "steps": 0, "curve": []}
    weights: Path | None = None
    curve: list[tuple[int, float]] = []
    summaries, steps = [], 0
    planned = options.steps or _paced(job, options, data)
    for stage in range(job.stages):
        config = recipe(job, stage, options, planned, weights)
        folder, sets = config.run, _sets(job, stage, options, data)
        say(f"{job.name}: {config.steps} steps of {options.batch} triplets, {sets.summary()}")
        learn(config, sets, data.plans, quiet)
        log = [row for row in read_log(folder) if row["kind"] == "validate"]
        curve += [(steps + row["step"], row["fmse_photographic"]) for row in log]
        steps += config.steps
        summaries.append(sets.summary())
        weights = folder / "model.safetensors"
    assert weights is not None
    predictor = _predictor(weights, options)
    model = lookup_at(job.row.model, options.side).config.build()
    return predictor, {
        "parameters": parameter_count(model),
        "in_use": parameter_count(model.inference()),
        "steps": steps,
        "learnt_from": "; then ".join(summaries),
        "weights": digest(weights),
        "curve": curve,
    }


def _predictor(weights: Path, options: StudyOptions) -> Predictor:
    """A trained network; one that takes any size looks at pictures of the study's, as it did in training."""
    checkpoint = load_model(weights)
    spec = dataclasses.replace(checkpoint.input_spec, size=min(options.side, checkpoint.input_spec.size))
    return Predictor.from_checkpoint(dataclasses.replace(checkpoint, input_spec=spec), options.device)


def _sets(job: Job, stage: int, options: StudyOptions, data: StudyData) -> Sets:
    size = options.side
    followed = thin(data.plans.test["novel"], FOLLOWED)
    held_out = TripletDataset(followed, size=size, augment=False)
    sets = data.plans.sets(job.row.plan, stage, size, 0, job.seed)
    return dataclasses.replace(sets, held_out={"photographic": held_out})


def _paced(job: Job, options: StudyOptions, data: StudyData) -> int:
    """Steps of this row that fit into the minutes: tried once, then the same for every seed."""
    file = options.out / "pace" / f"{job.row.name}.json"
    with exclusive(file.with_suffix(".lock"), file.parent, patience_s=600.0):
        if not file.is_file():
            seconds = measured(job, options, data, limit_s=60.0)
            fitting = max(1, round(60 * options.minutes / seconds))
            write_text(file, json.dumps({"step_s": seconds, "steps": fitting}) + "\n")
        return int(json.loads(file.read_text(encoding="utf-8"))["steps"])


def measured(job: Job, options: StudyOptions, data: StudyData, limit_s: float) -> float:
    """Computing seconds of a step of this run, from one or a few that are then forgotten."""
    if options.threads:
        torch.set_num_threads(options.threads)
    config = recipe(job, 0, options, 1, None)
    sets = _sets(job, 0, options, data)
    return step_seconds(config, sets, config.batch_size, limit_s, torch.device(options.device))


def _run_folder(job: Job, stage: int, options: StudyOptions) -> Path:
    folder = options.out / "runs" / job.name
    return folder / f"stage-{stage + 1}" if job.stages > 1 else folder


@contextlib.contextmanager
def _held(out: Path, job: Job) -> Generator[bool]:
    """Whether this process alone may make the run; False while another does."""
    lock = out / "locks" / f"{job.row.name}-{job.seed}"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(lock, out / "runs" / job.name, patience_s=0.0))
        except OutputError:
            if not is_locked(lock):
                raise
            yield False
            return
        yield True
