# SPDX-License-Identifier: Apache-2.0
"""`study.json`: every number of a study, and what it was made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harmonize_core.benchmark.study import protocol_of
from harmonize_core.benchmark.study_data import StudyData
from harmonize_core.benchmark.study_numbers import Number, Outcome, answer, verdict
from harmonize_core.benchmark.study_options import StudyOptions, settings
from harmonize_core.evaluate.report import RATIO_BINS, SEED
from harmonize_core.metrics.bootstrap import LEVEL, RESAMPLES


@dataclass(frozen=True)
class Report:
    """What is told, and about what."""

    outcomes: Sequence[Outcome]
    options: StudyOptions
    data: StudyData
    missing: int
    """Runs that are not finished."""
    command: str
    """What makes the page again."""


def as_json(report: Report) -> dict[str, Any]:
    """Every number of the study; NaN as null."""
    return {
        "format": "harmonize-study/1",
        "settings": settings(report.options),
        "protocol": protocol_of(report.options).describe(),
        "seeds": report.options.seeds,
        "missing_runs": report.missing,
        "data": {
            "counts": report.data.counts(),
            "recipes": report.data.recipes(),
            "sha256": report.data.digests(),
            "remarks": report.data.remarks(),
        },
        "interval": {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED},
        "bins": RATIO_BINS,
        "answer": answer(report.outcomes),
        "rows": {outcome.row.name: _row(outcome) for outcome in report.outcomes},
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        "label": outcome.row.label,
        "model": outcome.row.model,
        "plan": outcome.row.plan,
        "weights": dict(outcome.row.weights),
        "numbers": {
            side: {field: _plain(number) for field, number in numbers.items()}
            for side, numbers in outcome.numbers.items()
        },
        "less_fusion": {
            side: _plain(found) | {"verdict": verdict(found)} for side, found in outcome.differences.items()
        },
        "less_charmnet": {
            side: _plain(found) | {"verdict": verdict(found)} for side, found in outcome.less_claim.items()
        },
        "fmse_by_foreground": {side: [_finite(value) for value in values] for side, values in outcome.bins.items()},
        "runs": list(outcome.runs),
    }


def _plain(number: Number) -> dict[str, Any]:
    return {
        "mean": _finite(number.mean),
        "low": _finite(number.interval.low),
        "high": _finite(number.interval.high),
        "by_seed": [_finite(value) for value in number.by_seed],
        "seed_sd": _finite(number.spread),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
