# SPDX-License-Identifier: Apache-2.0
"""The study as files: `study.json` with every number, and a page with its text, tables, figures and strips."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from harmonize_core.benchmark import study_plots
from harmonize_core.benchmark.study import CURVE_POINTS, FOLLOWED, protocol_of
from harmonize_core.benchmark.study_data import SIDES
from harmonize_core.benchmark.study_numbers import (
    FIELDS,
    Number,
    Verdict,
    answer,
    sentence,
    verdict,
)
from harmonize_core.benchmark.study_options import StudyOptions
from harmonize_core.benchmark.study_pictures import strips
from harmonize_core.benchmark.study_record import Report, as_json
from harmonize_core.benchmark.study_rows import CLAIM, REFERENCE, RIVALS, ROWS, chosen_rows
from harmonize_core.benchmark.tables import CHOICES
from harmonize_core.evaluate.report import COLUMNS
from harmonize_core.formats.images import write_bytes, write_image, write_text
from harmonize_core.metrics import Interval
from harmonize_core.metrics.bootstrap import LEVEL, RESAMPLES

TITLES = {field: title for title, field in COLUMNS.items()}
FIGURES = {"forest.png": study_plots.forest, "curves.png": study_plots.curves, "ratios.png": study_plots.ratios}
STRIPS = "strips.jpg"
PART: Mapping[Verdict, str] = {
    "gain": "it does better without what it lacks",
    "loss": "it needs what it lacks",
    "not distinguishable": "not distinguishable",
}
PUBLISHED = {
    name: row.published[1]
    for table in CHOICES["charmnet"]
    for row in table.rows
    for name in (CLAIM, REFERENCE)
    if (row.model, row.plan) == (ROWS[name].model, ROWS[name].plan)
}
"""fMSE on the novel category as the poster of Cao et al. prints it."""


def write_study(report: Report, page: Path, pictures_from: Sequence[str]) -> list[Path]:
    """Write `study.json` into the study's folder, the page, and its figures in `images/<page's name>` beside it.

    `pictures_from`: folders whose photographs may stand in the page; "any": all. Figures show numbers alone.

    Raises:
        EnvironmentFault: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    options, folder = report.options, page.parent / "images" / page.stem
    facts = options.out / "study.json"
    write_text(facts, json.dumps(as_json(report), indent=1) + "\n")
    for name, draw in FIGURES.items():
        write_bytes(folder / name, draw(report.outcomes))
    found = strips(report.data, options.out, protocol_of(options), pictures_from, options.test_limit)
    shown: list[str] = []
    if found:
        sheet, columns, photographs = found
        write_image(folder / STRIPS, sheet)
        shown = _strips(folder, columns, photographs)
    write_text(page, markdown(report, folder.relative_to(page.parent), shown))
    return [facts, page, *(folder / name for name in FIGURES), *([folder / STRIPS] if found else [])]


def markdown(report: Report, images: Path, shown: Sequence[str]) -> str:
    """The page; `shown` are its paragraphs on the strips of pictures."""
    parts = [
        "# The cross-domain study",
        "Does CharmNet carry over to photographs what renders of a category teach? Renders of "
        f"`{report.options.category}` stand for a category without photographic training pairs (*novel*), photographs "
        "of all other categories (*base*) for what there is plenty of. Everything is tested on held-out photographs "
        f"of both. Cao et al. (BMVC 2022), on their data, print {PUBLISHED[CLAIM]:.2f} fMSE for CharmNet and "
        f"{PUBLISHED[REFERENCE]:.2f} for dataset fusion on the novel category: a gain of {_published_gain():.0f} %.",
        "This page is written by the command at its end; no sentence on it is chosen by hand.",
        "## Answer",
        "\n".join(f"- {line}" for line in answer(report.outcomes)),
        "The rule, fixed before the numbers: a *gain* is a paired difference of fMSE whose 95 % interval over "
        "photographs lies below zero and that is below zero under every seed, a *loss* the mirror image; everything "
        "else is *not distinguishable*. This one comparison is the study's; the others below are not corrected for "
        "their number.",
        f"![differences]({images / 'forest.png'})",
        "Square and bar: mean and 95 % interval over photographs; dots: seeds. Green gain, red loss, grey neither.",
        "## Table",
        _explained(report),
        _table(report),
        "### Differences from dataset fusion",
        _differences(report),
        *_parts(report),
        "### Every row in words",
        "\n".join(_words(report)),
        "## During training, and by size",
        f"![curves]({images / 'curves.png'})",
        f"fMSE of {FOLLOWED} novel test composites, measured {CURVE_POINTS} times a run. Nothing is chosen by it: the "
        "last step's weights are scored. Bands: range over seeds.",
        f"![by foreground ratio]({images / 'ratios.png'})",
        *shown,
        "## Data",
        _counts(report),
        "\n".join(f"- {line}" for line in (*report.data.remarks(), *report.data.recipes())),
        "## Protocol and budget",
        _budget(report),
        "## Again",
        f"```bash\n{report.command}\n```",
        f"`scripts/study.sh` makes the data, too. `{report.options.out.name}/study.json` holds all numbers, "
        "`results/` those of every picture, `runs/*/triplets.txt` what each run learnt from.",
        _digests(report),
    ]
    if report.missing:
        parts.insert(1, f"**{report.missing} runs are not finished: these numbers are not the study's.**")
    return "\n\n".join(parts) + "\n"


def _explained(report: Report) -> str:
    tested = " and ".join(f"{_tested(report, side)} {side}" for side in SIDES)
    return (
        f"{protocol_of(report.options).describe()}. Test composites: {tested}. Two doubts, kept apart: in brackets the "
        f"{100 * LEVEL:.0f} % interval over photographs (each one's mean over the seeds; bootstrap of photographs, a "
        f"series counts as one; {RESAMPLES} resamples), after ± the standard deviation of the seeds' means."
    )


def _table(report: Report) -> str:
    names = [f"{side} {TITLES[field]}" for side in SIDES for field in FIELDS]
    lines = ["| row | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for outcome in report.outcomes:
        cells = [_cell(outcome.numbers[side][field]) for side in SIDES for field in FIELDS]
        lines.append(f"| {outcome.row.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _differences(report: Report) -> str:
    columns = [f"{side}: {what}" for side in SIDES for what in ("fMSE", "95 %", "by seed", "verdict")]
    lines = ["| row | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for outcome in report.outcomes:
        if outcome.row.name != REFERENCE:
            cells: list[str] = []
            for side in SIDES:
                found = outcome.differences[side]
                seeds = " ".join(f"{value:+.1f}" for value in found.by_seed)
                cells += [f"{found.mean:+.1f}", _bounds(found.interval, "+.1f"), seeds, verdict(found)]
            lines.append(f"| {outcome.row.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(report: Report) -> list[str]:
    reference = next(o for o in report.outcomes if o.row.name == REFERENCE)
    return [
        f"- {outcome.row.label} ({outcome.row.what}): " + " ".join(sentence(outcome, reference, side) for side in SIDES)
        for outcome in report.outcomes
        if outcome.row.name != REFERENCE
    ]


def _parts(report: Report) -> list[str]:
    """What CharmNet loses without each of its parts, in words."""
    whole = chosen_rows((CLAIM, REFERENCE), report.options.network)[-1].label
    found = [
        f"- {side} category, {outcome.row.label}: fMSE {number.mean:+.1f} {_bounds(number.interval, '+.1f')} against "
        f"{whole}, by seed {' '.join(f'{value:+.1f}' for value in number.by_seed)}: {PART[verdict(number)]}"
        for outcome in report.outcomes
        for side, number in outcome.less_claim.items()
    ]
    return [f"### {whole}'s parts", "\n".join(found)] if found else []


def _published_gain() -> float:
    return 100 * (1 - PUBLISHED[CLAIM] / PUBLISHED[REFERENCE])


def _strips(folder: Path, columns: Sequence[str], photographs: Sequence[str]) -> list[str]:
    names = ", ".join(f"`{name}`" for name in photographs)
    return [
        "## The same photographs over the rows",
        f"![strips]({Path('images') / folder.name / STRIPS})",
        f"From left to right: {', '.join(columns)}; from top to bottom: {names}. Seed 0.",
    ]


def _counts(report: Report) -> str:
    lines = ["| what | split | triplets | pictures | independent | of them |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['what']} | {row['split']} | {row['triplets']} | {row['pictures']} | {row['independent']} | "
        f"{row['categories']} |"
        for row in report.data.counts()
    ]
    return "\n".join(lines)


def _budget(report: Report) -> str:
    options = report.options
    length = f"{options.steps} steps" if options.steps else f"as many steps as fit into {options.minutes:g} minutes"
    facts = [
        f"- Every run: {length} of {options.batch} triplets at {options.side} px, half of each domain where it learns "
        "from both; two-stage spends half of its steps on either."
        + (" So each run sees the same number of triplets." if options.steps else ""),
        f"- Adam, rate {options.lr:g} falling along a cosine; FN-MSE for all, CharmNet's other terms for CharmNet, "
        "the translators' for them (`benchmark/study.py`, `recipe`). Not the published lengths of training.",
        *_networks(options),
        f"- Seeds 0 to {options.seeds - 1}. Methods without training have one.",
    ]
    lines = ["| row | learns from | network | parameters | steps | seconds a run |", "|---|---|---|---|---|---|"]
    for outcome in report.outcomes:
        run, row = outcome.runs[0], outcome.row
        seconds = sum(note["seconds"] for note in outcome.runs) / len(outcome.runs)
        facts_of = (row.label, row.what, f"`{row.model}`", f"{run['parameters']:,}", run["steps"], f"{seconds:.0f}")
        lines.append(f"| {' | '.join(map(str, facts_of))} |")
    return "\n".join([*facts, "", *lines])


def _networks(options: StudyOptions) -> list[str]:
    """What differs from the published networks."""
    levels = options.side.bit_length() - 2
    if options.network == "charmnet_hr":
        ours = (
            f"- The network is CharmNet-HR, looking at {min(options.side, 256)} px, from ImageNet features, with the "
            "losses of its recipe; iDIH and CharmNet start from random weights. Its decoder is shared in all rows; "
            "rows without private layers have one encoder. The translators train an iDIH and have no row here."
        )
        beside = (
            f"- Networks beside it are relatives of the published ones, which take 256 px: iDIH has {levels} levels "
            f"instead of 7, PCT-Net looks at {options.side} px (`--data.side`)."
        )
        has_rivals = bool({row.name for row in chosen_rows(options.rows, options.network)} & {r.name for r in RIVALS})
        return [ours, beside] if has_rivals and options.side != 256 else [ours]
    if options.side == 256:
        return []
    return [
        f"- Networks are relatives of the published ones, which take 256 px: iDIH has {levels} levels instead of 7, "
        f"CharmNet {levels - 3} private and 3 shared ones instead of 4 and 3 (its discriminator and classifiers see "
        f"16x16 features as published), translators {options.side}/256 of their channels (`--data.side`)."
    ]


def _digests(report: Report) -> str:
    lines = [f"| {name} | `{value[:16]}` |" for name, value in report.data.digests().items()]
    return "\n".join(
        [
            "SHA-256 of the lists of composites and of the data's own notes:",
            "",
            "| list | begins |",
            "|---|---|",
            *lines,
        ]
    )


def _cell(number: Number) -> str:
    text = f"{number.mean:.2f} {_bounds(number.interval, '.2f')}"
    return f"{text} ± {number.spread:.2f}" if math.isfinite(number.spread) else text


def _bounds(interval: Interval, form: str) -> str:
    return f"[{interval.low:{form}}, {interval.high:{form}}]" if math.isfinite(interval.low) else "[?]"


def _tested(report: Report, side: str) -> int:
    found = next(row["triplets"] for row in report.data.counts() if row["split"] == "test" and side in str(row["what"]))
    limit = report.options.test_limit
    return min(int(found), limit) if limit else int(found)
