# SPDX-License-Identifier: Apache-2.0
"""Tables made again, as text: ours beside the published number, under what protocol, on what data, from which run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from harmonize_core.benchmark.run import Options, Result
from harmonize_core.benchmark.tables import Table
from harmonize_core.metrics import PROTOCOLS

_ARROWS = {"mse": "MSE", "fmse": "fMSE", "psnr": "PSNR", "fpsnr": "fPSNR", "ssim": "SSIM", "fssim": "fSSIM"}


def markdown(made: Sequence[tuple[Table, Sequence[Result]]], options: Options) -> str:
    """All tables as one Markdown page; published numbers stand in brackets."""
    parts = [
        "# The published tables, made again",
        f"Data: `{options.data}`; novel category: {' '.join(options.novel) or 'none'}; budget: {options.budget}; "
        f"seed {options.seed}. Published numbers in brackets were measured by others on other data: compare the order "
        "of the rows, not the values.",
    ]
    if options.budget == "tiny":
        parts.append("**The budget is tiny: networks are as good as untrained, the numbers only show that rows run.**")
    return "\n\n".join(parts + [_table(table, results) for table, results in made]) + "\n"


def _table(table: Table, results: Sequence[Result]) -> str:
    several = len({where for where, _ in table.columns}) > 1
    names = [f"{where} {_ARROWS[name]}" if several else _ARROWS[name] for where, name in table.columns]
    lines = [
        f"## {table.title}",
        f"Source: {table.source}. {dataclasses.replace(PROTOCOLS[table.protocol], size=table.size).describe()}. "
        f"Test images: {', '.join(str(n) for n in dict.fromkeys(results[0].images))}.",
    ]
    lines += [f"- {sentence}" for sentence in table.assumptions]
    rows = ["| method | network | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    notes = []
    for result in results:
        cells = [
            f"{_number(ours, name)} ({_number(theirs, name)})"
            for ours, theirs, (_, name) in zip(result.numbers, result.row.published, table.columns, strict=True)
        ]
        rows.append(f"| {result.row.label} | `{result.row.model}` | " + " | ".join(cells) + " |")
        note = f"; {result.row.note}" if result.row.note else ""
        notes.append(f"- {result.row.label}: {result.run}{note}")
    return "\n\n".join([*lines[:2], "\n".join(lines[2:]), "\n".join(rows), "Runs:\n\n" + "\n".join(notes)])


def _number(value: float, name: str) -> str:
    return f"{value:.4f}" if name.endswith("ssim") else f"{value:.2f}"
