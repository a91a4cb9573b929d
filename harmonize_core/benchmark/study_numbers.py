# SPDX-License-Identifier: Apache-2.0
"""Numbers of the study from its runs: means, two kinds of doubt kept apart, and what they say by a fixed rule.

Over photographs: a cluster bootstrap (`metrics/bootstrap.py`) of each photograph's mean over the seeds; differences are
taken photograph by photograph first (paired), which is what makes small ones visible. Over seeds: the mean of each run.
"""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harmonize_core.benchmark.study_data import SIDES, StudyData
from harmonize_core.benchmark.study_options import StudyOptions, jobs_of
from harmonize_core.benchmark.study_rows import CLAIM, REFERENCE, StudyRow, chosen_rows
from harmonize_core.benchmark.tables import TestSet
from harmonize_core.errors import DatasetError
from harmonize_core.evaluate.report import FEW, RATIO_BINS, SEED
from harmonize_core.metrics import Interval, interval_of_mean

FIELDS = ("fmse", "mse", "psnr")

Verdict = Literal["gain", "loss", "not distinguishable"]


@dataclass(frozen=True)
class Number:
    """A mean with both doubts."""

    mean: float
    """Over photographs, then over seeds."""
    interval: Interval
    """95 %, over photographs; NaN where there are less than two."""
    by_seed: tuple[float, ...]
    """The mean of each run; of an untrained method one."""
    photographs: int
    """Independent ones behind it."""

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; NaN with less than two."""
        return statistics.stdev(self.by_seed) if len(self.by_seed) > 1 else math.nan


@dataclass(frozen=True)
class Outcome:
    """One row, made."""

    row: StudyRow
    numbers: Mapping[TestSet, Mapping[str, Number]]
    """By side and field."""
    differences: Mapping[TestSet, Number]
    """fMSE less that of the reference, by side; a negative one is better. Empty for the reference itself."""
    less_claim: Mapping[TestSet, Number]
    """The same less CharmNet's, of CharmNet without some of its parts; empty for the others."""
    bins: Mapping[TestSet, tuple[float, ...]]
    """Mean fMSE by foreground ratio (`RATIO_BINS`), by side; NaN for an empty bin."""
    in_bins: Mapping[TestSet, tuple[int, ...]]
    """How many composites that is."""
    runs: tuple[Mapping[str, Any], ...]
    """`run.json` of each seed."""


def verdict(difference: Number) -> Verdict:
    """What a paired difference of fMSE says, by a rule that was fixed before any number was known.

    A gain is an interval over photographs that lies below zero and a negative difference under every seed; a loss is
    the mirror image; everything else is not distinguishable, an interval that is not known too.
    """
    bound = difference.interval
    if bound.high < 0 and all(value < 0 for value in difference.by_seed):
        return "gain"
    if bound.low > 0 and all(value > 0 for value in difference.by_seed):
        return "loss"
    return "not distinguishable"


def sentence(outcome: Outcome, reference: Outcome, side: TestSet) -> str:
    """The verdict on one row in words, with size and interval; every word follows from the numbers."""
    difference, base = outcome.differences[side], reference.numbers[side]["fmse"].mean
    found, bound = verdict(difference), difference.interval
    share = 100 * difference.mean / base if base else math.nan
    seeds = ", ".join(f"{value:+.1f}" for value in difference.by_seed)
    words = {
        "gain": f"a gain of {outcome.row.label} over {reference.row.label}",
        "loss": f"a loss of {outcome.row.label} against {reference.row.label}",
        "not distinguishable": f"{outcome.row.label} and {reference.row.label} are not distinguishable",
    }[found]
    known = math.isfinite(bound.low)
    shown = f"95 % interval over {difference.photographs} photographs {bound.low:+.1f} to {bound.high:+.1f}"
    shown = shown if known else "no interval"
    return f"{side} category: {words}: fMSE {difference.mean:+.1f} ({share:+.1f} %), {shown}; by seed {seeds}."


def answer(outcomes: Sequence[Outcome]) -> list[str]:
    """The study's answer: CharmNet against dataset fusion, then what each part of it does."""
    known = {outcome.row.name: outcome for outcome in outcomes}
    if CLAIM not in known:
        return [f"The row {CLAIM} was not made: the study has no answer."]
    lines = [_capital(sentence(known[CLAIM], known[REFERENCE], side)) for side in SIDES]
    few = [n.photographs for n in known[CLAIM].differences.values() if n.photographs < FEW]
    if few:
        lines.append(f"With {min(few)} independent photographs an interval is too narrow: {FEW} are wanted.")
    if len(known[CLAIM].runs) == 1:
        lines.append("One seed was made: how much of this is the seed's is not known.")
    return lines


def outcomes_of(options: StudyOptions, data: StudyData) -> list[Outcome]:
    """Read every finished row, in the order of the tables; rows without any finished run are left out.

    Raises:
        DatasetError: runs of one study were scored on different pictures.
    """
    jobs = [job for job in jobs_of(options) if job.is_done(options.out)]
    groups = {
        side: {t.composite.relative_to(data.photographs).as_posix(): data.group(t) for t in data.plans.test[side]}
        for side in SIDES
    }
    scores = {job.name: {side: _read(job.result(options.out) / f"{side}.csv") for side in SIDES} for job in jobs}
    rows = chosen_rows(options.rows, options.network)
    seeds = {row.name: [j for j in jobs if j.row.name == row.name] for row in rows}
    if not seeds[REFERENCE]:
        return []
    made = []
    for row in rows:
        own = {job.seed: scores[job.name] for job in seeds[row.name]}
        if not own:
            continue
        _check_same([*own.values(), *({job.seed: scores[job.name] for job in seeds[REFERENCE]}.values())], row.name)
        against = {name: {job.seed: scores[job.name] for job in seeds.get(name, ())} for name in (REFERENCE, CLAIM)}
        compared = {REFERENCE: row.name != REFERENCE, CLAIM: row.kind == "ablation" and bool(against[CLAIM])}
        differences, less_claim = (
            {side: _number(_pairs(own, against[name], side), groups[side]) for side in SIDES if compared[name]}
            for name in (REFERENCE, CLAIM)
        )
        numbers = {
            side: {
                field: _number([_column(run[side], field) for run in own.values()], groups[side]) for field in FIELDS
            }
            for side in SIDES
        }
        bins = {
            side: tuple(_mean_within([run[side] for run in own.values()], *b) for b in RATIO_BINS) for side in SIDES
        }
        first = next(iter(own.values()))
        in_bins = {side: tuple(len(_within(first[side], *b)) for b in RATIO_BINS) for side in SIDES}
        notes = tuple(
            json.loads((job.result(options.out) / "run.json").read_text(encoding="utf-8")) for job in seeds[row.name]
        )
        made.append(Outcome(row, numbers, differences, less_claim, bins, in_bins, notes))
    return made


Scores = Mapping[str, Mapping[str, float]]
"""Numbers by name, by composite."""


def _read(file: Path) -> Scores:
    with open(file, newline="", encoding="utf-8") as opened:
        return {
            row["composite"]: {key: float(row[key]) for key in (*FIELDS, "fg_ratio")} for row in csv.DictReader(opened)
        }


def _check_same(runs: Sequence[Mapping[TestSet, Scores]], name: str) -> None:
    if any(run[side].keys() != runs[0][side].keys() for run in runs for side in SIDES):
        raise DatasetError(
            f"{name} was scored on other pictures than the row {REFERENCE}; delete its results and run again"
        )


def _column(run: Scores, field: str) -> dict[str, float]:
    return {name: values[field] for name, values in run.items()}


def _pairs(
    runs: Mapping[int, Mapping[TestSet, Scores]], others: Mapping[int, Mapping[TestSet, Scores]], side: TestSet
) -> list[dict[str, float]]:
    """fMSE less the others', composite by composite: seed by seed where both have it, else less the others' mean."""
    less = []
    for seed, run in runs.items():
        same = [others[seed]] if len(runs) > 1 and seed in others else list(others.values())
        less.append({k: run[side][k]["fmse"] - statistics.fmean(o[side][k]["fmse"] for o in same) for k in run[side]})
    return less


def _number(runs: Sequence[Mapping[str, float]], groups: Mapping[str, str]) -> Number:
    names = list(runs[0])
    means = [statistics.fmean(run[name] for run in runs) for name in names]
    interval = interval_of_mean(means, [groups[name] for name in names], seed=SEED)
    by_seed = tuple(_mean([run[name] for name in names]) for run in runs)
    return Number(_mean(means), interval, by_seed, len({groups[name] for name in names}))


def _mean_within(runs: Sequence[Scores], low: float, high: float) -> float:
    return _mean([value for run in runs for value in _within(run, low, high)])


def _within(run: Scores, low: float, high: float) -> list[float]:
    """fMSE of the composites whose foreground covers such a share."""
    return [values["fmse"] for values in run.values() if low <= values["fg_ratio"] < high]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return statistics.fmean(known) if known else math.nan


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
