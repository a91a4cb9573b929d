# SPDX-License-Identifier: Apache-2.0
"""Make the published tables again: train (or load) each row's network once, score it, keep every run beside its number.

A row is finished when its result file exists; a killed benchmark goes on where it was with the same command.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.benchmark.data import SeedsData, open_data
from harmonize_core.benchmark.tables import GROUPS, Row, Table, TestSet
from harmonize_core.data.sources import thin
from harmonize_core.errors import CheckpointError, ConfigError, UnknownName
from harmonize_core.evaluate.run import Evaluation, evaluate_triplets
from harmonize_core.formats.images import write_text
from harmonize_core.formats.triplet import TripletPaths
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOLS, Protocol, Scores
from harmonize_core.models import lookup
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.loop import train
from harmonize_core.train.presets import recipe_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Budget:
    """How much is trained and tested."""

    name: str
    steps: int
    """Optimizer steps of each network; 0: its published recipe."""
    batch_size: int
    """Triplets of each domain in a step; 0: the recipe's."""
    train_limit: int
    """Training triplets of each domain; 0: all."""
    test_limit: int
    """Test triplets of each test set; 0: all."""
    test_limit_hr: int
    side: int = 0
    """Side in pixels of training pictures where the network allows one so small; 0: the network's own."""


BUDGETS = {
    b.name: b
    for b in (
        Budget("tiny", steps=1, batch_size=2, train_limit=8, test_limit=2, test_limit_hr=1, side=64),
        Budget("small", steps=400, batch_size=4, train_limit=0, test_limit=60, test_limit_hr=12),
        Budget("published", steps=0, batch_size=0, train_limit=0, test_limit=0, test_limit_hr=0),
    )
}
"""tiny proves that every row runs (its numbers mean nothing); small is for a look; published is the papers' recipes."""


@dataclass(frozen=True)
class Options:
    """What `harmonize benchmark seeds-table` takes."""

    data: Path
    out: Path
    tables: tuple[str, ...] = tuple(GROUPS)
    models: tuple[str, ...] = ()
    """Registered names; rows of other networks are left out. All if empty."""
    novel: tuple[str, ...] = ()
    budget: str = "small"
    checkpoints: Path | None = None
    """Folder with `<model>.safetensors` files that are scored instead of trained (rows trained on all or base)."""
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Result:
    """One row, made again."""

    row: Row
    numbers: tuple[float, ...]
    """In the order of the table's columns."""
    images: tuple[int, ...]
    """Test images behind each number."""
    run: str
    """Where the weights are, and what they were trained on."""


def seeds_tables(options: Options, say: Say = print) -> list[tuple[Table, list[Result]]]:
    """All chosen tables, row by row.

    Raises:
        ConfigError: an unknown table or budget, or data that the tables on categories cannot use.
        UnknownName: a model that is not registered.
        InputError, DatasetError: missing or broken data.
        TrainingDiverged: a loss became NaN.
    """
    for name in options.tables:
        if name not in GROUPS:
            raise UnknownName.of("table", name, GROUPS)
    for name in options.models:
        lookup(name)
    if options.budget not in BUDGETS:
        raise UnknownName.of("budget", options.budget, BUDGETS)
    budget = BUDGETS[options.budget]
    tables = [table for name in options.tables for table in GROUPS[name]]
    domains = any(where == "novel" for table in tables for where, _ in table.columns)
    data = open_data(options.data, options.novel, hr="hr" in options.tables, domains=domains)
    _claim(options)
    made = []
    for table in tables:
        rows = [row for row in table.rows if not options.models or row.model in options.models]
        results = []
        for number, row in enumerate(rows):
            say(f"{table.name}: {row.label} ({number + 1} of {len(rows)})")
            results.append(_result(table, row, data, options, budget, say))
        if results:
            made.append((table, results))
    return made


def _result(table: Table, row: Row, data: SeedsData, options: Options, budget: Budget, say: Say) -> Result:
    kept = options.out / "results" / table.name / f"{row.model}-{row.plan}.json"
    if kept.is_file():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        return Result(row, tuple(stored["numbers"]), tuple(stored["images"]), stored["run"])
    predictor, run = _network(row, data, options, budget, say)
    protocol = dataclasses.replace(PROTOCOLS[table.protocol], size=table.size)
    means: dict[TestSet, tuple[Scores, int]] = {}
    for where in dict.fromkeys(where for where, _ in table.columns):
        triplets = _tested(table, where, data, budget)
        means[where] = _mean(predictor, triplets, data.root, protocol), len(triplets)
    numbers = tuple(float(getattr(means[where][0], name)) for where, name in table.columns)
    images = tuple(means[where][1] for where, _ in table.columns)
    write_text(kept, json.dumps({"numbers": numbers, "images": images, "run": run}) + "\n")
    return Result(row, numbers, images, run)


def _tested(table: Table, where: TestSet, data: SeedsData, budget: Budget) -> Sequence[TripletPaths]:
    if table.size > 256:
        return thin(data.test_hr, budget.test_limit_hr)
    return thin(data.test[where], budget.test_limit)


def _mean(predictor: Predictor, triplets: Sequence[TripletPaths], root: Path, protocol: Protocol) -> Scores:
    evaluation: Evaluation = evaluate_triplets(predictor, triplets, root, protocol)
    return Scores.mean([image.model for image in evaluation.images])


def _network(row: Row, data: SeedsData, options: Options, budget: Budget, say: Say) -> tuple[Predictor, str]:
    """The row's network ready for use, and where its weights come from."""
    if row.plan == "nothing":
        return Predictor.untrained(row.model), "nothing to train"
    if options.checkpoints and row.plan in ("all", "base"):
        path = options.checkpoints / f"{row.model}.safetensors"
        if path.is_file():
            return Predictor.load(path, options.device), f"loaded from {path}"
    stages = ("rendered", "base") if row.plan == "two-stage" else (row.plan,)
    weights: Path | None = None
    summary = []
    for stage, name in enumerate(stages):
        folder = options.out / "runs" / f"{row.model}-{row.plan}{f'-{stage + 1}' if len(stages) > 1 else ''}"
        config = _config(row.model, folder, budget, options, weights)
        sets = data.sets(row.plan, stage, _side(row.model, budget), budget.train_limit, options.seed)
        weights = folder / "model.safetensors"
        if not weights.is_file():
            result = train(config, sets=sets, resume=True, quiet=True, say=lambda _: None)
            if not result.finished:
                raise ConfigError(f"training {row.model} was stopped by a signal; run the same command to go on")
        summary.append(f"{sets.summary()}, {config.steps} steps of {config.batch_size} ({name})")
    assert weights is not None
    try:
        return Predictor.load(weights, options.device), f"{weights.parent}: {'; then '.join(summary)}"
    except CheckpointError as error:
        raise CheckpointError(f"{error}; or delete {weights.parent} to train it again") from error


def _side(model: str, budget: Budget) -> int:
    expected = lookup(model).input_spec
    return min(expected.size, expected.divisor * -(-budget.side // expected.divisor)) if budget.side else expected.size


def _config(model: str, folder: Path, budget: Budget, options: Options, weights: Path | None) -> TrainConfig:
    recipe = recipe_of(model)
    return dataclasses.replace(
        recipe,
        run=folder,
        rendered=options.data / "rendered",
        photographic=options.data / "photographic",
        steps=budget.steps or recipe.steps,
        batch_size=budget.batch_size or recipe.batch_size,
        validate_every=0,
        keep=0,
        seed=options.seed,
        device="cuda" if options.device == "cuda" else "cpu",
        init=dataclasses.replace(recipe.init, weights=weights),
    )


def _claim(options: Options) -> None:
    """Results in a folder belong to one seed, budget and choice of data."""
    note = options.out / "benchmark.json"
    wanted = {
        "data": str(options.data.resolve()),
        "novel": list(options.novel),
        "budget": options.budget,
        "seed": options.seed,
    }
    if note.is_file():
        stored = json.loads(note.read_text(encoding="utf-8"))
        differing = [f"{k}: {stored.get(k)} -> {v}" for k, v in wanted.items() if stored.get(k) != v]
        if differing:
            raise ConfigError(
                f"{options.out} holds a benchmark of other settings ({'; '.join(differing)}); choose another --out"
            )
    write_text(note, json.dumps(wanted, indent=1) + "\n")
