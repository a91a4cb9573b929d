# SPDX-License-Identifier: Apache-2.0
"""Tables made again, as text: ours beside the published number, under what protocol, on what data, from which run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harmonize_core.benchmark.run import Made, Options, Result
from harmonize_core.evaluate.report import COLUMNS, FEW, SEED
from harmonize_core.metrics import PROTOCOLS
from harmonize_core.metrics.bootstrap import LEVEL, RESAMPLES

_TITLES = {field: title for title, field in COLUMNS.items()}


def markdown(made: Sequence[Made], options: Options) -> str:
    """All tables as one Markdown page; published numbers stand in brackets."""
    parts = [
        "# The published tables, made again",
        f"Data: `{options.data}`; novel category: {' '.join(options.novel) or 'none'}; budget: {options.budget}; "
        f"seed {options.seed}. Published numbers in brackets were measured by others on other data: compare the order "
        f"of the rows, not the values. Two numbers with a dash between them are a {100 * LEVEL:.0f} % interval of the "
        f"mean: bootstrap over photographs or scenes, {RESAMPLES} resamples, seed {SEED}; it is too narrow with fewer "
        f"than {FEW} of them, and there is none with one.",
    ]
    if options.budget == "tiny":
        parts.append("**The budget is tiny: networks are as good as untrained, the numbers only show that rows run.**")
    return "\n\n".join(parts + [_table(one) for one in made]) + "\n"


def _table(made: Made) -> str:
    table, results = made.table, made.results
    several = len({where for where, _ in table.columns}) > 1
    names = [f"{where} {_TITLES[name]}" if several else _TITLES[name] for where, name in table.columns]
    counts = dict(zip((where for where, _ in table.columns), results[0].images, strict=True))
    shown = ", ".join(f"{count} {where}" if several else str(count) for where, count in counts.items())
    facts = [
        f"## {table.title}",
        f"Source: {table.source}. {PROTOCOLS[table.protocol].at(table.size).describe()}. Test images: {shown} "
        f"({made.pictures}).",
        "\n".join(f"- {sentence}" for sentence in table.assumptions),
    ]
    rows = ["| method | network | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    rows += [f"| {r.row.label} | `{r.row.model}` | {' | '.join(_cells(made, r))} |" for r in results]
    notes = [
        f"- {r.row.label} (`{r.row.model}`): {r.run}; {r.how}{f'; {r.row.note}' if r.row.note else ''}" for r in results
    ]
    return "\n\n".join([*facts, "\n".join(rows), "Runs:\n\n" + "\n".join(notes)])


def _cells(made: Made, result: Result) -> list[str]:
    """A number, its interval where there is one, the published number where there is one."""
    cells = []
    for place, (_, name) in enumerate(made.table.columns):
        text, bound = number(result.numbers[place], name), result.intervals[place]
        if math.isfinite(bound.low):
            text += f" {number(bound.low, name)}–{number(bound.high, name)}"
        cells.append(text + (f" ({number(result.row.published[place], name)})" if result.row.published else ""))
    return cells


def number(value: float, name: str) -> str:
    """A number of the named field of `Scores`, with as many digits as the papers print."""
    return f"{value:.4f}" if name.endswith("ssim") else f"{value:.2f}"
