# SPDX-License-Identifier: Apache-2.0
"""Make the published tables again: train (or load) each row's network once, score it, keep every run beside its number.

A row is finished when its result file exists; a killed benchmark goes on where it was with the same command.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from harmonize_core.benchmark.data import SeedsData, open_data
from harmonize_core.benchmark.folder import claim, digest, digests_of, given_weights
from harmonize_core.benchmark.tables import CHOICES, GROUPS, Plan, Row, Table, TableName, is_high_resolution
from harmonize_core.data.options import DataConfig
from harmonize_core.data.sources import thin
from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault, UnknownName
from harmonize_core.evaluate.report import intervals, per_image_csv
from harmonize_core.evaluate.run import At, Evaluation, evaluate_triplets
from harmonize_core.formats.images import write_text
from harmonize_core.formats.triplet import TripletPaths
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOLS, Interval, Protocol, Scores
from harmonize_core.models import lookup
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.loop import train
from harmonize_core.train.presets import recipe_of
from harmonize_core.train.sets import Sets

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
    at: At | None = None
    """Where networks of a fixed size run in tables of another, as `Options.at`."""


BUDGETS = {
    b.name: b
    for b in (
        Budget("tiny", steps=1, batch_size=2, train_limit=8, test_limit=2, test_limit_hr=1, side=64, at="network"),
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
    tables: tuple[TableName, ...] = tuple(GROUPS)
    models: tuple[str, ...] = ()
    """Registered names; rows of other networks are left out. All if empty."""
    novel: tuple[str, ...] = ()
    budget: str = "small"
    checkpoints: Path | None = None
    """Folder with `<model>-<plan>.safetensors` files that are scored instead of trained (see `given_weights`)."""
    seed: int = 0
    device: str = "cpu"
    at: At | None = None
    """Where networks of a fixed size run in tables of another: at their own, the colour transform brought to the
    table's; or at the table's, all that can. None: at the table's those whose layers do not depend on their own size
    (it is no multiple of the sides they take: S2AM, iS2AM, pix2pixHD, HiDT, intrinsic), where memory allows."""


@dataclass(frozen=True)
class Result:
    """One row, made again."""

    row: Row
    numbers: tuple[float, ...]
    """In the order of the table's columns."""
    intervals: tuple[Interval, ...]
    """Of each number, as `evaluate` prints them; NaN where all test images are of one photograph or scene."""
    images: tuple[int, ...]
    """Test images behind each number."""
    run: str
    """Where the weights are, and what they were trained on, how."""
    how: str
    """How the harmonized pictures came to the size of the table."""


@dataclass(frozen=True)
class Made:
    """One table, made again."""

    table: Table
    results: list[Result]
    pictures: str
    """Which test pictures the table is measured on."""


def seeds_tables(options: Options, say: Say = print) -> list[Made]:
    """All chosen tables, row by row.

    Raises:
        ConfigError: an unknown table or budget, a choice of nothing, or data that the tables cannot use.
        UnknownName: a model that is not registered.
        EnvironmentFault: no such device here.
        InputError, DatasetError: missing or broken data.
        CheckpointError: weights that no row takes, or that do not fit.
        TrainingDiverged: a loss became NaN.
    """
    chosen = _chosen(options)
    if options.budget not in BUDGETS:
        raise UnknownName.of("budget", options.budget, BUDGETS)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("--device cuda needs a CUDA device but torch finds none; use --device cpu")
    data = open_data(options.data, options.novel, list(chosen))
    weights: Mapping[tuple[str, Plan], Path] = {}
    if options.checkpoints:
        weights = given_weights(options.checkpoints, [row for rows in chosen.values() for row in rows], say)
    _claim(options, data)
    made = []
    for table, rows in chosen.items():
        results = []
        for number, row in enumerate(rows):
            say(f"{table.name}: {row.label} ({number + 1} of {len(rows)})")
            results.append(_result(table, row, data, options, weights.get((row.model, row.plan)), say))
        pictures = data.large[table.size].describe() if is_high_resolution(table) else "the test list of photographic"
        made.append(Made(table, results, pictures))
    return made


def _chosen(options: Options) -> dict[Table, list[Row]]:
    """The rows to make, by table.

    Raises:
        UnknownName: a table or network that does not exist.
        ConfigError: a network without a row in any of the tables.
    """
    for name in options.tables:
        if name not in CHOICES:
            raise UnknownName.of("table", name, CHOICES)
    for name in options.models:
        lookup(name)
    tables = {table: list(table.all_rows()) for name in options.tables for table in CHOICES[name]}
    known = {row.model for rows in tables.values() for row in rows}
    strangers = [name for name in options.models if name not in known]
    if strangers or not tables:
        raise ConfigError(
            f"{', '.join(strangers) or 'nothing'} has no row in the tables {' '.join(options.tables) or '(none)'}; "
            f"their networks are {', '.join(sorted(known)) or 'none: choose --tables'}"
        )
    chosen = {
        t: [row for row in rows if not options.models or row.model in options.models] for t, rows in tables.items()
    }
    return {table: rows for table, rows in chosen.items() if rows}


def _result(table: Table, row: Row, data: SeedsData, options: Options, given: Path | None, say: Say) -> Result:
    stem = options.out / "results" / table.name / f"{row.model}-{row.plan}"
    protocol = PROTOCOLS[table.protocol].at(table.size)
    kept = _kept(stem.with_suffix(".json"), row, protocol)
    if kept:
        return kept
    budget = BUDGETS[options.budget]
    predictor, run = _network(row, data, options, budget, given)
    limit = budget.test_limit_hr if is_high_resolution(table) else budget.test_limit
    made: dict[str, Evaluation] = {}
    for where in dict.fromkeys(where for where, _ in table.columns):
        triplets = thin(data.tested(table, where), limit)
        made[where] = scored(predictor, triplets, data.root, protocol, options.at or budget.at, say)
        write_text(stem.with_name(f"{stem.name}-{where}.csv"), per_image_csv(made[where]))
    means = {where: Scores.mean([image.model for image in e.images]) for where, e in made.items()}
    bounds = {where: intervals(e.images) for where, e in made.items()}
    result = Result(
        row,
        tuple(float(getattr(means[where], name)) for where, name in table.columns),
        tuple(bounds[where][name] for where, name in table.columns),
        tuple(len(made[where].images) for where, _ in table.columns),
        run,
        "; ".join(dict.fromkeys(evaluation.how for evaluation in made.values())),
    )
    _keep(stem.with_suffix(".json"), result, protocol)
    return result


def _kept(file: Path, row: Row, protocol: Protocol) -> Result | None:
    """The result in a file, if it is of this protocol."""
    if not file.is_file():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    if stored.get("protocol") != protocol.describe():
        return None
    numbers, low, high = ([math.nan if v is None else v for v in stored[key]] for key in ("numbers", "low", "high"))
    bounds = tuple(Interval(*pair) for pair in zip(low, high, strict=True))
    return Result(row, tuple(numbers), bounds, tuple(stored["images"]), stored["run"], stored["how"])


def _keep(file: Path, result: Result, protocol: Protocol) -> None:
    numbers = {
        "numbers": result.numbers,
        "low": [bound.low for bound in result.intervals],
        "high": [bound.high for bound in result.intervals],
    }
    facts = {
        "protocol": protocol.describe(),
        **{key: [v if math.isfinite(v) else None for v in values] for key, values in numbers.items()},
        "images": result.images,
        "run": result.run,
        "how": result.how,
    }
    write_text(file, json.dumps(facts, indent=1) + "\n")


def scored(
    predictor: Predictor, triplets: Sequence[TripletPaths], root: Path, protocol: Protocol, at: At | None, say: Say
) -> Evaluation:
    """Score at the protocol's size where that is wanted (see `Options.at`) and possible, else at the network's own."""
    size = protocol.size or 0
    place = at or ("protocol" if predictor.divisor and predictor.divisor < predictor.info.input_size else "network")
    if place == "protocol" and predictor.fits((size, size)):
        try:
            return evaluate_triplets(predictor, triplets, root, protocol, at="protocol")
        except (MemoryError, RuntimeError) as error:
            allocation = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "DefaultCPUAllocator" in str(error)
            if predictor.any_size or not allocation:
                raise
            say(f"{predictor.info.name} needs more memory than there is at {size} px: it runs at its own size")
    return evaluate_triplets(predictor, triplets, root, protocol)


def _network(row: Row, data: SeedsData, options: Options, budget: Budget, given: Path | None) -> tuple[Predictor, str]:
    """The row's network ready for use, and where its weights come from."""
    if row.plan == "nothing":
        return Predictor.untrained(row.model, options.device), "nothing to train"
    if given:
        predictor = Predictor.load(given, options.device)
        if predictor.info.name != row.model:
            raise CheckpointError(f"{given} should hold {row.model} but holds {predictor.info.name}; rename it")
        return predictor, f"not trained here: {given} (sha256 {digest(given)[:12]})"
    stages = ("rendered", "base") if row.plan == "two-stage" else (row.plan,)
    weights: Path | None = None
    summary = []
    for stage, name in enumerate(stages):
        folder = options.out / "runs" / f"{row.model}-{row.plan}{f'-{stage + 1}' if len(stages) > 1 else ''}"
        start = f", from the weights before ({digest(weights)[:12]})" if weights else ""
        config = _config(row.model, folder, budget, options, weights)
        side = _side(row.model, budget)
        sets = data.sets(row.plan, stage, side, budget.train_limit, options.seed)
        weights = folder / "model.safetensors"
        learn(config, sets, data)
        summary.append(f"{sets.summary()} ({name}), {_recipe(config, side)}{start}")
    assert weights is not None
    try:
        return Predictor.load(weights, options.device), f"{weights.parent}: {'; then '.join(summary)}"
    except CheckpointError as error:
        raise CheckpointError(f"{error}; or delete {weights.parent} to train it again") from error


def learn(config: TrainConfig, sets: Sets, data: SeedsData, quiet: bool = True) -> None:
    """Train to the end, going on where the run's folder is; the composites learnt from are listed in `triplets.txt`.

    `quiet`: no progress bar.

    Raises:
        ConfigError: a signal stopped it.
        TrainingDiverged: a loss became NaN.
    """
    if (config.run / "model.safetensors").is_file():
        return
    result = train(config, sets=sets, resume=True, quiet=quiet, say=lambda _: None)
    if not result.finished:
        raise ConfigError(f"training {config.model} was stopped by a signal; run the same command to go on")
    write_text(config.run / "triplets.txt", "".join(f"{name}\n" for name in data.names(sets)))


def _recipe(config: TrainConfig, side: int) -> str:
    optim = config.optim
    return (
        f"{config.steps} steps of {config.batch_size} at {side} px, {optim.name} with rate {optim.lr:g} "
        f"({optim.schedule})"
    )


def _side(model: str, budget: Budget) -> int:
    expected = lookup(model).input_spec
    return min(expected.size, expected.divisor * -(-budget.side // expected.divisor)) if budget.side else expected.size


def _config(model: str, folder: Path, budget: Budget, options: Options, weights: Path | None) -> TrainConfig:
    recipe = published(model, folder, options.data, options.seed, options.device)
    recipe = planned(recipe, budget.steps or recipe.steps, budget.batch_size or recipe.batch_size)
    return dataclasses.replace(recipe, init=dataclasses.replace(recipe.init, weights=weights))


def published(model: str, folder: Path, data: Path, seed: int, device: str) -> TrainConfig:
    """A network's published recipe on the triplets below `data`, without validation: only the result is kept.

    What would set it apart from the others is left out: pictures on the fly, features of ImageNet, a moving average.
    """
    recipe = recipe_of(model)
    return dataclasses.replace(
        recipe,
        run=folder,
        rendered=data / "rendered",
        photographic=data / "photographic",
        data=DataConfig(),  # the same triplets for all
        init=dataclasses.replace(recipe.init, features=None),
        ema=0.0,
        validate_every=0,
        keep=0,
        seed=seed,
        device="cuda" if device == "cuda" else "cpu",
    )


def planned(recipe: TrainConfig, steps: int, batch_size: int) -> TrainConfig:
    """A recipe for so many steps of so many triplets; its warm-up takes a tenth of them at most."""
    optim = dataclasses.replace(recipe.optim, warmup_steps=min(recipe.optim.warmup_steps, steps // 10))
    return dataclasses.replace(recipe, steps=steps, batch_size=batch_size, optim=optim)


def _claim(options: Options, data: SeedsData) -> None:
    """Results in a folder belong to one seed, budget, choice of data and weights."""
    wanted = {
        "data": str(options.data.resolve()),
        "novel": list(options.novel),
        "budget": options.budget,
        "seed": options.seed,
        "at": options.at,
        "checkpoints": digests_of(options.checkpoints),
    }
    claim(options.out, wanted, data.digests())
