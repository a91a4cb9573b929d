# SPDX-License-Identifier: Apache-2.0
"""Which curves a page has, and their points; the page's script draws them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harmonize_core.train.report.pictures import cases
from harmonize_core.train.report.read import DOMAINS, Row, RunFacts, names_of

MOST_POINTS = 2000
"""Of a curve; longer ones are means of neighbouring lines of the log."""
GREY = 7
"""Colour of what is no network's."""
MOST_DOTS = 1000
"""Held-out triplets drawn as dots; of more, the worst tenth of these and some spread evenly over the rest."""

WORDS = {
    "loss": "Loss, all terms weighted",
    "loss_d": "Loss of the critics",
    "lr": "Learning rate",
    "images_per_s": "Training images a second",
    "fn_mse": "Foreground-normalised MSE",
}


def charts(runs: Sequence[RunFacts]) -> list[dict[str, Any]]:
    """Charts in their order: title, axis, and series with steps, seconds and values."""
    found, several = [_held_out(runs, domain) for domain in DOMAINS], len(runs) > 1
    names = list(dict.fromkeys(name for run in runs for name in names_of(run.train)))
    main = [name for name in ("loss", "loss_d") if name in names]
    rest = [name for name in names if name not in ("loss", "loss_d", "lr")]
    for group in [[name] for name in main] + _groups(rest, alone=several):
        if several:
            series = [_train(run, number, group[0], run.name) for number, run in enumerate(runs)]
        else:
            series = [_train(runs[0], number, name, _short(name, group)) for number, name in enumerate(group)]
        found.append(_chart(_title(group), series, smooth=True))
    found.append(
        _chart(
            WORDS["lr"],
            [_train(run, i, "lr", run.name if several else "rate") for i, run in enumerate(runs)],
            zero=True,
        )
    )
    found.append(
        _chart(WORDS["images_per_s"], [_speed(run, i, several) for i, run in enumerate(runs)], smooth=True, zero=True)
    )
    return [chart for chart in found if chart["series"]]


def dots(run: RunFacts, domain: str) -> dict[str, Any] | None:
    """Each held-out triplet of the last validation: its composite's fMSE against the network's."""
    step, found = cases(run, domain)
    if not found:
        return None
    if len(found) > MOST_DOTS:
        found = sorted(found, key=lambda case: case[1] / max(case[2], 1e-6), reverse=True)
        worst, rest = found[: MOST_DOTS // 10], found[MOST_DOTS // 10 :]
        wanted = MOST_DOTS - len(worst)
        found = worst + [rest[i * len(rest) // wanted] for i in range(wanted)]
    points = [[_number(untouched), _number(fmse), name] for name, fmse, untouched in found]
    return {"domain": domain, "step": step, "points": points}


def _chart(title: str, series: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"title": title, "series": [one for one in series if one["step"]], **more}


def _held_out(runs: Sequence[RunFacts], domain: str) -> dict[str, Any]:
    series = []
    for number, run in enumerate(runs):
        for name in names_of(run.validations):
            if not name.startswith(f"fmse_{domain}"):
                continue
            branch = name.removeprefix(f"fmse_{domain}").strip("_").replace("_", " ")
            untouched = branch == "composite"
            label = branch or "network"
            look = {"label": label, "color": GREY if untouched else len(series), "dash": untouched}
            if len(runs) > 1 and not (untouched and _same(runs, name)):
                look = {"label": f"{run.name}, {label}" if branch else run.name, "color": number, "dash": bool(branch)}
            elif untouched and number:
                continue  # all runs' composites are one line
            series.append({**_points(run.validations, name), **look, "dots": not untouched})
    return _chart(f"Held-out fMSE, {domain}", series, unit="0..255 scale")


def _same(runs: Sequence[RunFacts], name: str) -> bool:
    """Whether the runs were measured on the same triplets, as far as a number tells."""
    return len({f"{row[name]:.6g}" for run in runs for row in run.validations if name in row}) == 1


def _train(run: RunFacts, color: int, name: str, label: str) -> dict[str, Any]:
    return {**_points(run.train, name), "label": label, "color": color}


def _speed(run: RunFacts, number: int, several: bool) -> dict[str, Any]:
    seconds = {row["step"]: row.get("seconds") for row in run.train}
    rows = [{"step": step, "seconds": seconds[step], "images_per_s": rate} for step, rate in run.images_per_s()]
    return {**_points(rows, "images_per_s"), "label": run.name if several else "images/s", "color": number}


def _points(rows: Sequence[Row], name: str) -> dict[str, Any]:
    kept = [row for row in rows if isinstance(row.get(name), int | float)]
    columns = [[row["step"] for row in kept], [row.get("seconds") or 0 for row in kept], [row[name] for row in kept]]
    if len(kept) > MOST_POINTS:
        columns = [[float(part.mean()) for part in np.array_split(np.array(c, float), MOST_POINTS)] for c in columns]
    step, seconds, values = ([_number(value) for value in column] for column in columns)
    return {"step": step, "seconds": seconds, "value": values}


def _groups(names: Sequence[str], *, alone: bool) -> list[list[str]]:
    """Terms that share their first word are drawn together; with several runs each has a chart of its own."""
    if alone:
        return [[name] for name in names]
    first: dict[str, list[str]] = {}
    for name in names:
        first.setdefault(name.split("_")[0], []).append(name)
    return list(first.values())


def _title(group: Sequence[str]) -> str:
    shared = _shared(group)
    return WORDS.get(shared, shared.replace("_", " ").capitalize() + (" terms" if len(group) > 1 else ""))


def _short(name: str, group: Sequence[str]) -> str:
    """What tells a term from the others of its chart."""
    rest = name if len(group) == 1 else name.removeprefix(_shared(group)).strip("_")
    return (rest or name).replace("_", " ")


def _shared(group: Sequence[str]) -> str:
    """The words with which all names begin."""
    columns = zip(*(name.split("_") for name in group), strict=False)
    return "_".join(words[0] for words in itertools.takewhile(lambda words: len(set(words)) == 1, columns))


def _number(value: float) -> float | int | None:
    """With the digits that a float32 has; what is not finite is a gap."""
    if isinstance(value, int):
        return value
    return float(f"{value:.7g}") if math.isfinite(value) else None
