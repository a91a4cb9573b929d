# SPDX-License-Identifier: Apache-2.0
"""The parts of a run's page that need no script: pictures and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from harmonize_core.train.report import pictures
from harmonize_core.train.report.read import DOMAINS, Row, RunFacts, changed, names_of, remaining

STATES = {"running": "going on", "finished": "finished", "stopped": "stopped before its end"}


def number(value: object) -> str:
    """A value of the log with four digits; a dash for what is not there."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"


def speed(run: RunFacts) -> str:
    """Training images a second, the median over the lines of the log."""
    rates = sorted(rate for _, rate in run.images_per_s())
    return f"{rates[len(rates) // 2]:,.1f}" if rates else "–"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def removed(row: Row | None, domain: str) -> str:
    """How much of the composite's error is gone."""
    left = remaining(row, domain) if row else None
    return "–" if left is None else f"{100 * (1 - left):.1f} %"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "numbers") -> str:
    """Cells are HTML; the first of each row names it."""
    body = "".join(f"<tr><th>{first}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>" for first, *rest in rows)
    titles = "".join(f"<th>{title}</th>" for title in head)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def samples(run: RunFacts, domain: str) -> str:
    """The same triplets over time: composite, mask, each shown validation, real."""
    steps = pictures.shown_steps(run)
    rows = pictures.strips(run, steps[-1], domain, "shown") if steps else []
    before = [(step, pictures.strips(run, step, domain, "shown", ("harmonized",))) for step in steps[:-1]]
    return _grid(
        domain, rows, [(f"step {step:,}", found) for step, found in [*before, *((s, rows) for s in steps[-1:])]]
    )


def samples_of_several(runs: Sequence[RunFacts], domain: str) -> str:
    """Triplets that the runs' last validations share: composite, mask, each run, real."""
    last = [pictures.strips(run, max(run.samples), domain, "shown") if run.samples else [] for run in runs]
    shared = [strip for strip in last[0] if all(any(s.name == strip.name for s in found) for found in last)]
    return _grid(domain, shared, [(run.name, found) for run, found in zip(runs, last, strict=True)])


def worst(run: RunFacts, domain: str, place: int) -> str:
    """The triplets that were left worst beside their composite, and a field of dots of all of them."""
    step, found = pictures.cases(run, domain)
    if not found:
        return ""
    harmed = sum(fmse > untouched for _, fmse, untouched in found)
    said = f"{len(found):,} triplets at step {step:,}; {harmed:,} have more error than their composite"
    cards = "".join(
        f'<div class="case"><div>{"".join(pictures.image(strip, panel) for panel in pictures.PANELS)}</div>'
        f"<p><b>{strip.ratio:.2f} of the composite's fMSE</b> ({number(strip.fmse)} of {number(strip.fmse_composite)})"
        f'<br><span class="quiet">{escape(strip.name)}</span></p></div>'
        for strip in pictures.strips(run, step, domain, "worst")
    )
    return (
        f'<h3>{domain.capitalize()}</h3><div class="charts"><div class="chart" data-dots="{place}"><header><h3>fMSE of '
        "the network over that of the composite</h3></header>"
        f'<p class="quiet said" style="font-size:13px;min-height:40px;overflow-wrap:anywhere;margin:4px 0">{said}</p>'
        f'<svg role="img" aria-label="{said}"></svg></div></div><div class="cases">{cards}</div>'
    )


def validations(run: RunFacts) -> str:
    """First, best and last validation side by side."""
    if not run.validations:
        return '<p class="quiet">Nothing is held out, or no validation was finished yet.</p>'
    chosen = {"first": run.validations[0], "best": run.best, "last": run.validations[-1]}
    columns = [(words, row) for words, row in chosen.items() if row is not None]
    if len(run.validations) == 1:
        columns = [("only", run.validations[0])]
    head = ["", *(f"{words}, step {row['step']:,}" for words, row in columns)]
    rows = [
        [escape(name.replace("_", " ")), *(number(row.get(name)) for _, row in columns)]
        for name in names_of(run.validations)
    ]
    rows += [[f"removed, {d}", *(removed(row, d) for _, row in columns)] for d in run.domains]
    return table(head, rows) + (
        '<p class="quiet">fMSE: mean squared error of the foreground on the 0..255 scale, mean of the triplets, at the '
        "network's size. Removed: the share of the composite's own error that is gone. Best: the step at which the "
        "least share is left, domains counted alike.</p>"
    )


def several(runs: Sequence[RunFacts]) -> str:
    """One row a run."""
    domains = [d for d in DOMAINS if any(d in run.domains for run in runs)]
    head = ["", "", "steps", "time", "images/s", "last loss"]
    head += [words for d in domains for words in (f"{d}: fMSE", "removed", "best", "at step")]
    rows = []
    for place, run in enumerate(runs):
        last, best = (run.validations[-1] if run.validations else None), run.best
        cells = [
            f'<span class="swatch" style="--of:var(--c{place % 8})"></span>{escape(run.name)}',
            STATES[run.state].split(" before")[0],
            number(run.step),
            duration(run.seconds),
            speed(run),
            number(run.train[-1].get("loss")) if run.train else "–",
        ]
        for d in domains:
            cells += [number(last.get(f"fmse_{d}") if last else None), removed(last, d)]
            cells += [removed(best, d), number(best["step"] if best else None)]
        rows.append(cells)
    return table(head, rows)


def config(runs: Sequence[RunFacts]) -> str:
    """One run: what is not the default first. Several: what differs first."""
    names = list(dict.fromkeys(name for run in runs for name in run.config))
    if not names:
        return '<p class="quiet">config.json is not there.</p>'
    if len(runs) == 1:
        first = [name for name in names if name in changed(runs[0].config)]
        words = "Values that are not the default of `harmonize train`:"
    else:
        first = [name for name in names if len({_value(run.config.get(name)) for run in runs}) > 1]
        words = "Values in which the runs differ:" if first else "The runs do not differ in a value."
    rest = [name for name in names if name not in first]
    head = ["", *(escape(run.name) if len(runs) > 1 else "value" for run in runs)]

    def rows(some: Sequence[str]) -> list[list[str]]:
        return [[f'<span class="key">{escape(n)}</span>', *(_value(run.config.get(n)) for run in runs)] for n in some]

    parts = [f"<p>{escape(words).replace('`harmonize train`', '<code>harmonize train</code>')}</p>"]
    parts += [table(head, rows(first), "values")] if first else []
    summary = f"{len(rest)} values {'at their defaults' if len(runs) == 1 else 'that are the same'}"
    return "".join(parts) + f"<details><summary>{summary}</summary>{table(head, rows(rest), 'values')}</details>"


def surroundings(run: RunFacts) -> str:
    """Environment, data, provenance and what was left out."""
    env = {k: v for k, v in run.environment.items() if k not in ("packages", "command")}
    packages = run.environment.get("packages")
    if isinstance(packages, Mapping):
        env["packages"] = ", ".join(f"{name} {version}" for name, version in packages.items())
    command = run.environment.get("command")
    if isinstance(command, list):
        env["command"] = " ".join(map(str, command))
    kept = {k: v for k, v in run.provenance.items() if k != "config" and not k.startswith("fmse_")}
    roots = {f"{d} data": run.config[d] for d in DOMAINS if run.config.get(d)}
    parts = [table(["", ""], [[escape(k), _value(v)] for k, v in {**roots, **kept, **env}.items()], "values")]
    if run.left_out:
        lines = "".join(f"<li>{escape(line)}</li>" for line in run.left_out[:20])
        more = f"<p>and {len(run.left_out) - 20:,} more</p>" if len(run.left_out) > 20 else ""
        words = f"{len(run.left_out):,} triplets could not be read"
        parts.append(f"<details><summary>{words}</summary><ul>{lines}</ul>{more}</details>")
    return "".join(parts)


def _grid(domain: str, rows: Sequence[pictures.Strip], columns: Sequence[tuple[str, list[pictures.Strip]]]) -> str:
    """A row for each triplet: its composite and mask, what each column has of it, its real picture."""
    if not rows:
        return ""
    by_name = [(title, {strip.name: strip for strip in found}) for title, found in columns]
    cells = ["<b>composite</b><b>mask</b>", *(f"<b>{escape(title)}</b>" for title, _ in columns), "<b>real</b>"]
    for place, strip in enumerate(rows):
        key = f"{domain}-{place}"
        cells.append(f'<span class="row">{escape(strip.name)}</span>')
        cells.append(_cell(strip, "composite", key, f"fMSE {number(strip.fmse_composite)}"))
        cells.append(_cell(strip, "mask", key, ""))
        for title, found in by_name:
            own = found.get(strip.name)
            words = f"fMSE {number(own.fmse)}" if own else ""
            cells.append(_cell(own or strip, "harmonized" if own else "", key, words, f"{title}, {words}"))
        cells.append(_cell(strip, "real", key, ""))
    return (
        f'<h3>{domain.capitalize()}</h3><div class="scroll"><div class="strips" style="--n:{len(columns) + 3}">'
        f"{''.join(cells)}</div></div>"
    )


def _cell(strip: pictures.Strip, panel: str, key: str, words: str, said: str = "") -> str:
    picture = pictures.image(strip, panel, label=said)
    caption = f"<figcaption>{escape(words) or '&nbsp;'}</figcaption>"
    if not panel or panel == "mask":
        return f"<figure>{picture}{caption}</figure>"
    return (
        f'<figure><button type="button" class="look" data-row="{key}" data-kind="{panel}" data-words="{escape(said)}" '
        f'data-name="{escape(strip.name)}">{picture}</button>{caption}</figure>'
    )


def _value(value: Any) -> str:
    if value is None:
        return '<span class="quiet">none</span>'
    return escape(", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "–"
