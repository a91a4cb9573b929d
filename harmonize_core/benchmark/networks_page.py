# SPDX-License-Identifier: Apache-2.0
"""The comparison of networks for equal compute as a Markdown page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harmonize_core.benchmark.networks import Made, Options, Row
from harmonize_core.benchmark.pace import ENOUGH, SMALLEST
from harmonize_core.benchmark.report import number
from harmonize_core.evaluate.report import COLUMNS, FEW, SEED
from harmonize_core.metrics.bootstrap import LEVEL, RESAMPLES
from harmonize_core.train.log import environment

SHOWN = ("fMSE", "MSE", "PSNR", "SSIM")
TITLES = ("network", "parameters", "batch", "steps", "pictures seen", "s", *SHOWN, "fMSE of the composite's")
"""Columns of the table."""


def markdown(made: Made, options: Options) -> str:
    """The page: data, budget and protocol, the table, its bins of foreground ratio, how each network was trained."""
    scored = [row for row in made.rows if row.scored]
    parts = [
        "# Networks trained for the same compute",
        _facts(made, options, scored),
        table(made.rows),
        *([_bins(scored)] if scored else []),
        "Runs:\n\n" + "\n".join(map(_note, made.rows)),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(made: Made, options: Options, scored: Sequence[Row]) -> str:
    clock = "wall-clock time" if options.device == "cuda" else "processor time"
    lists = ", ".join(
        f"{made.counts[name]} {title} ({made.lists[name][:12]})"
        for name, title in {"base": "photographic", "rendered": "rendered"}.items()
        if name in made.counts
    )
    ran = environment(options.device)
    lines = [
        f"- Data: `{options.data}`; training triplets: {lists}; held out: {made.counts['test']} "
        f"({made.lists['test'][:12]}). In brackets the SHA-256 of the lists' names.",
        f"- Budget: {options.minutes:g} minutes of {clock} with {options.threads} thread(s) for each network's "
        f"training, pictures read included; scoring is not counted. Seed {options.seed}.",
        "- How many steps fit was found by trying a few and starting anew. The batch is the published one, halved "
        f"while fewer than about {ENOUGH} steps would fit, but not below {SMALLEST} triplets; optimizer and rate are "
        "the published ones, falling along a cosine to a hundredth at the end; the objective is the network's own.",
        "- A budget of minutes says how fast a network starts to learn, not how good it becomes.",
        f"- {_sentence(scored)}",
        f"- {100 * LEVEL:.0f} % intervals: bootstrap over photographs, {RESAMPLES} resamples, seed {SEED}; too narrow "
        f"with fewer than {FEW} of them.",
        f"- Made with rdharmony {ran['packages'].get('rdharmony', 'unknown')}, commit {ran['git'][:12]}, torch "
        f"{ran['packages'].get('torch', 'unknown')}.",
    ]
    return "\n".join(lines)


def _sentence(scored: Sequence[Row]) -> str:
    if not scored or not scored[0].scored:
        return "Nothing was scored."
    facts = scored[0].scored
    return f"Scored on {facts['images']} held-out composites, spread evenly over the test list, by {facts['protocol']}."


def table(rows: Sequence[Row], titles: Sequence[str] = TITLES) -> str:
    """One line a row with the cells that `titles` names, of `TITLES`."""
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    chosen = [[cells(row)[title] for title in titles] for row in rows]
    return "\n".join([*lines, *(f"| {' | '.join(texts)} |" for texts in chosen)])


def cells(row: Row) -> dict[str, str]:
    """The row's cells by title: what was spent, the numbers with their intervals, fMSE against the composite's."""
    spent = ["–"] * 4
    if row.training:
        t = row.training
        seconds = "interrupted" if t.seconds is None else f"{t.seconds:.0f}"
        spent = [" + ".join([str(t.batch_size)] * len(t.domains)), f"{t.steps:,}", f"{t.images:,}", seconds]
    numbers = ["diverged"] * len(SHOWN)
    if row.scored:
        bounds = row.scored["intervals"]["model"]
        numbers = [_cell(title, row.scored["means"]["model"], bounds) for title in SHOWN]
    texts = [
        f"`{row.model}`",
        f"{row.parameters:,}",
        *spent,
        *numbers,
        share(row.scored["means"]) if row.scored else "–",
    ]
    return dict(zip(TITLES, texts, strict=True))


def share(means: Mapping[str, Any]) -> str:
    """fMSE of the network as a share of the untouched composite's."""
    whole = means["composite"]["fmse"]
    return f"{100 * means['model']['fmse'] / whole:.0f} %" if whole else "–"


def _cell(title: str, means: Mapping[str, Any], bounds: Mapping[str, Any]) -> str:
    name = COLUMNS[title]
    low, high = bounds[name]["low"], bounds[name]["high"]
    text = number(math.nan if means[name] is None else means[name], name)
    return text if low is None or high is None else f"{text} [{number(low, name)}, {number(high, name)}]"


def _bins(scored: Sequence[Row]) -> str:
    """fMSE by share of the picture that is foreground."""
    first = scored[0].scored
    assert first is not None
    names = {name: g["images"] for name, g in first["groups"].items() if name.startswith("foreground")}
    if not names:
        return "All scored composites are in one bin of foreground ratio."
    lines = [
        "fMSE by the share of the picture that is foreground:",
        "| network | " + " | ".join(f"{name.removeprefix('foreground ')} ({n})" for name, n in names.items()) + " |\n"
        "|---|" + "---|" * len(names),
    ]
    rows = []
    for row in scored:
        assert row.scored is not None
        values = [row.scored["groups"][name]["means"]["model"]["fmse"] for name in names]
        rows.append(f"| `{row.model}` | " + " | ".join(number(v, "fmse") for v in values) + " |")
    return f"{lines[0]}\n\n{lines[1]}\n" + "\n".join(rows)


def _note(row: Row) -> str:
    how = f"; {row.scored['method']}" if row.scored else ""
    if not row.training:
        return f"- `{row.model}`: nothing to train{how}; scored {row.date}"
    t = row.training
    result = f"no result: {t.diverged}" if t.diverged else f"weights {t.weights[:12]}"
    return f"- `{row.model}`: {t.recipe}; {' and '.join(t.domains)}; {result}{how}; {row.date}"
