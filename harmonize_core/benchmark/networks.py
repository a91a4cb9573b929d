# SPDX-License-Identifier: Apache-2.0
"""Train every network for the same computing time on the same triplets and score all of them on the same photographs.

A row is finished when its `results/<model>/row.json` exists; a killed benchmark goes on where it was with the same
command. What a network does within the budget (batch, steps) is decided once and kept in `runs/<model>.json`.
"""

from __future__ import annotations

import dataclasses
import datetime
import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harmonize_core.benchmark.data import SeedsData, open_data
from harmonize_core.benchmark.folder import claim, digest
from harmonize_core.benchmark.pace import Pace, clock_of, find_pace
from harmonize_core.benchmark.run import learn, planned, published
from harmonize_core.config import decode_text, encode_text
from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import ConfigError, EnvironmentFault
from harmonize_core.evaluate.report import write_report
from harmonize_core.evaluate.run import evaluate
from harmonize_core.formats.images import write_text
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics.protocol import ProtocolName, protocol_named
from harmonize_core.models import lookup, parameter_count, registered
from harmonize_core.train.config import LossConfig, TrainConfig
from harmonize_core.train.loop import TrainingDiverged
from harmonize_core.train.objectives import objective_for

Say = Callable[[str], None]

PHOTOGRAPHIC: tuple[Domain, ...] = ("photographic",)


@dataclass(frozen=True)
class Options:
    """What `harmonize benchmark networks` takes."""

    data: Path
    out: Path
    minutes: float
    """Computing time of each network, see `pace.py`."""
    models: tuple[str, ...] = ()
    """Registered names, in the order of the rows; all if empty, methods without training first, then small ones."""
    protocol: ProtocolName = "idih"
    limit: int = 60
    """Held-out composites that are scored, spread evenly; 0: all."""
    seed: int = 0
    threads: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class Training:
    """How a network came by its weights."""

    batch_size: int
    """Triplets of each domain in a step."""
    steps: int
    images: int
    """Pictures seen, all domains counted."""
    seconds: float | None
    """Computing time that training took; None where it was interrupted and gone on with."""
    domains: tuple[Domain, ...]
    recipe: str
    weights: str
    """SHA-256 of the weights; empty where there are none because the loss was no longer a number."""
    diverged: str = ""
    """Why there is no result."""


@dataclass(frozen=True)
class Row:
    """One network or method."""

    model: str
    parameters: int
    date: str
    """Day on which it was scored, YYYY-MM-DD."""
    training: Training | None
    """None for methods that have nothing to learn."""
    scored: Mapping[str, Any] | None = None
    """What `evaluate.report.summary` says, kept in a file of its own; None where training diverged."""


@dataclass(frozen=True)
class Made:
    """All rows, and what they were made of."""

    rows: list[Row]
    lists: Mapping[str, str]
    """SHA-256 of the names of the triplets in each list."""
    counts: Mapping[str, int]
    """Triplets in each list."""


def compare_networks(options: Options, say: Say = print) -> Made:
    """All rows in the order of `options.models`.

    Raises:
        ConfigError: a budget that is no time, an unknown choice, a folder of other settings.
        UnknownName: a model that is not registered.
        EnvironmentFault: no such device here.
        InputError, DatasetError: missing or broken data, or a photograph that is trained and tested on.
    """
    models = options.models or in_order()
    learning = {name: domains for name in models if (domains := _domains(name))}
    twice = [name for name in models if models.count(name) > 1]
    if not options.minutes > 0 or options.threads < 1 or options.limit < 0 or twice:
        raise ConfigError(
            f"--minutes and --threads should be above 0, --limit 0 or more and --models different names, but they are "
            f"{options.minutes:g}, {options.threads}, {options.limit} and {' '.join(options.models) or 'all'}"
        )
    if options.device == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("--device cuda needs a CUDA device but torch finds none; use --device cpu")
    data = open_data(options.data, (), ())
    if any("rendered" in domains for domains in learning.values()):
        rendered = list_triplets(options.data / "rendered", "train", "rendered")
        data = dataclasses.replace(data, train={**data.train, "rendered": rendered})
    _claim(options, data)
    torch.set_num_threads(options.threads)
    rows = []
    for number, name in enumerate(models):
        say(f"{name} ({number + 1} of {len(models)})")
        rows.append(_row(name, learning.get(name), data, options, say))
        gc.collect()  # the largest networks do not fit beside one another into a small machine
    counts = {name: len(triplets) for name, triplets in {**data.train, "test": data.test["all"]}.items() if triplets}
    return Made(rows, data.digests(), counts)


def in_order() -> tuple[str, ...]:
    """All registered names: methods without training, then networks by the side they are made for and by size."""

    def rank(name: str) -> tuple[bool, int, int]:
        size = _parameters(name)
        return size > 0, lookup(name).input_spec.size if size else 0, size

    return tuple(sorted(registered(), key=rank))


def _parameters(name: str) -> int:
    with torch.device("meta"):
        return parameter_count(lookup(name).config.build())


def _domains(name: str) -> tuple[Domain, ...]:
    """Domains that a network learns from here; empty where there is nothing to learn."""
    config = lookup(name).config
    with torch.device("meta"):
        model = config.build()
        return (objective_for(config, model, LossConfig()).needs or PHOTOGRAPHIC) if parameter_count(model) else ()


def _claim(options: Options, data: SeedsData) -> None:
    wanted = {
        "benchmark": "networks",
        "data": str(options.data.resolve()),
        "minutes": options.minutes,
        "protocol": protocol_named(options.protocol, None).describe(),
        "limit": options.limit,
        "seed": options.seed,
        "threads": options.threads,
        "device": options.device,
    }
    claim(options.out, wanted, data.digests())


def _row(name: str, domains: tuple[Domain, ...] | None, data: SeedsData, options: Options, say: Say) -> Row:
    folder = options.out / "results" / name
    note = folder / "row.json"
    if note.is_file():
        return kept(folder)
    training = None
    if domains:
        training = _trained(name, domains, data, options, say)
        predictor = None if training.diverged else Predictor.load(_weights(name, options), options.device)
    else:
        predictor = Predictor.untrained(name, options.device)
    if predictor:
        protocol = protocol_named(options.protocol, None)
        scored = evaluate(
            predictor, options.data / "photographic", protocol, split="test", label=name, limit=options.limit
        )
        write_report(scored, folder)
    row = Row(name, _parameters(name), datetime.date.today().isoformat(), training)
    write_text(note, encode_text(row) + "\n")
    return kept(folder)


def kept(folder: Path) -> Row:
    """The row whose results are in a folder of `results/`."""
    note, file = folder / "row.json", folder / "summary.json"
    row = decode_text(note.read_text(encoding="utf-8"), Row, str(note))
    scored = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return dataclasses.replace(row, scored=scored)


def _weights(name: str, options: Options) -> Path:
    return options.out / "runs" / name / "model.safetensors"


def _trained(name: str, domains: tuple[Domain, ...], data: SeedsData, options: Options, say: Say) -> Training:
    """Train within the budget, as planned before where a run was interrupted."""
    weights = _weights(name, options)
    config = _config(name, weights.parent, options)
    device = torch.device(options.device)
    plan = "fusion" if "rendered" in domains else "all"
    sets = data.sets(plan, 0, lookup(name).input_spec.size, 0, options.seed)
    note = weights.parent.with_suffix(".json")
    again = note.is_file()
    if again:
        pace = decode_text(note.read_text(encoding="utf-8"), Pace, str(note))
    else:
        pace = find_pace(config, sets, 60 * options.minutes, device)
        write_text(note, encode_text(pace) + "\n")
    say(f"{pace.steps} steps of {pace.batch_size} {' + '.join(sets.train)}, {pace.step_s:.2f} s each")
    config = planned(config, pace.steps, pace.batch_size)
    begin, diverged = clock_of(device)(), ""
    try:
        learn(config, sets, data)
    except TrainingDiverged as error:
        diverged = str(error)
    spent = clock_of(device)() - begin
    return Training(
        batch_size=pace.batch_size,
        steps=pace.steps,
        images=pace.steps * pace.batch_size * len(sets.train),
        seconds=None if again else spent,
        domains=tuple(sets.train),
        recipe=_recipe(config),
        weights="" if diverged else digest(weights),
        diverged=diverged,
    )


def _config(name: str, folder: Path, options: Options) -> TrainConfig:
    """The published recipe with a rate that falls along a cosine to the end of the budget."""
    recipe = published(name, folder, options.data, options.seed, options.device)
    return dataclasses.replace(
        recipe,
        optim=dataclasses.replace(recipe.optim, schedule="cosine", milestones=()),
        checkpoint_seconds=300.0,
        threads=options.threads,
        workers=0,
    )


def _recipe(config: TrainConfig) -> str:
    """What was minimised how, in words."""
    entry, optim = lookup(config.model), config.optim
    with torch.device("meta"):
        objective = type(objective_for(entry.config, entry.config.build(), config.loss)).__name__
    return (
        f"{objective}, {optim.name} {optim.lr:g} falling along a cosine, {entry.input_spec.size} px, "
        f"A_min {config.loss.a_min:g}"
    )
