# SPDX-License-Identifier: Apache-2.0
"""The page of one run, or of several beside each other: one HTML file with everything in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from harmonize_core.formats.images import write_text
from harmonize_core.train.report import curves, sections
from harmonize_core.train.report.read import DOMAINS, RunFacts, read_runs

NAME = "report.html"

_PARTS = (
    ("numbers", "Numbers"),
    ("curves", "Curves"),
    ("samples", "Samples"),
    ("worst", "Worst cases"),
    ("config", "Config"),
    ("about", "Environment"),
)

_TOOLS = (
    '<div class="tools"><label>smooth <input id="smooth" type="range" min="0" max="0.98" step="0.02" value="0.6" '
    'aria-label="Smoothing"></label><button type="button" id="log" aria-pressed="false">logarithmic</button>'
    '<button type="button" id="time" aria-pressed="false">over time</button>'
    '<button type="button" id="whole" disabled>whole run</button>'
    '<span class="quiet">drag across a chart to look closer; smoothed values in brackets</span></div>'
)

_LARGE = (
    '<dialog id="large" aria-labelledby="whose"><div class="bar"><h3 id="whose"></h3>'
    '<input id="when" type="range" min="0" value="0" aria-label="Which picture">'
    '<button type="button" id="close">close</button></div><div class="large">'
    '<figure><img alt="composite"><figcaption>composite</figcaption></figure>'
    '<figure><img alt="harmonized"><figcaption></figcaption></figure>'
    '<figure><img alt="real"><figcaption>real</figcaption></figure></div></dialog>'
)


def write_report(folders: Sequence[Path], out: Path | None = None, *, ended: bool = False) -> Path:
    """Write the page of the runs in `folders`; returns its path.

    Args:
        folders: One run, or several to compare.
        ended: The caller knows that no run goes on.
        out: Where to; by default `report.html` in the run's own folder, `comparison.html` here for several.

    Raises:
        ConfigError: a folder is not that of a training run.
        OutputError: the page cannot be written there.
    """
    runs = read_runs(list({Path(folder).resolve(): Path(folder) for folder in folders}.values()), ended=ended)
    target = out or (runs[0].folder / NAME if len(runs) == 1 else Path("comparison.html"))
    write_text(target, render(runs))
    return target


def render(runs: Sequence[RunFacts]) -> str:
    """The page as HTML."""
    domains = [d for d in DOMAINS if any(d in run.domains for run in runs)]
    dots = [found for d in domains if len(runs) == 1 and (found := curves.dots(runs[0], d))]
    data = {"charts": curves.charts(runs), "dots": dots}
    body = [
        _head(runs),
        _part("numbers", sections.several(runs) if len(runs) > 1 else sections.validations(runs[0])),
        _curves(bool(data["charts"])),
        _samples(runs, domains),
        _worst(runs, [found["domain"] for found in dots]),
        _part("config", sections.config(runs)),
        _part("about", "".join(_about(run, len(runs) > 1) for run in runs)),
    ]
    return _page(_title(runs), "\n".join(part for part in body if part), data)


def _page(title: str, body: str, data: object) -> str:
    here = resources.files("harmonize_core.train.report")
    css, script = (here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    links = "".join(f'<a href="#{name}">{words}</a>' for name, words in _PARTS if f'id="{name}"' in body)
    points = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>\n{css}</style></head>\n<body><nav><div>{links}</div></nav><main>\n"
        f'{body}\n</main>{_LARGE}<script id="data" type="application/json">{points}</script>\n'
        f"<script>\n{script}</script></body></html>\n"
    )


def _title(runs: Sequence[RunFacts]) -> str:
    return " · ".join(run.name for run in runs)


def _head(runs: Sequence[RunFacts]) -> str:
    if len(runs) > 1:
        return (
            f'<h1>{len(runs)} runs</h1><p class="quiet">{escape(", ".join(str(run.folder) for run in runs))}. '
            "Numbers are comparable where the held-out sets are the same.</p>"
        )
    run = runs[0]
    kind = {"finished": "good", "stopped": "bad"}.get(run.state, "")
    of = f" of {run.total:,}" if run.total and run.total != run.step else ""
    facts = []
    for domain in run.domains:
        last = run.validations[-1]
        fmse, untouched = (sections.number(last.get(f"fmse_{domain}{end}")) for end in ("", "_composite"))
        facts.append((sections.removed(last, domain), f"of the error removed, {domain} (fMSE {fmse} of {untouched})"))
    facts += [(sections.duration(run.seconds), "so far" if run.state == "running" else "in all, validations included")]
    facts += [(sections.speed(run), "training images a second")]
    items = "".join(f"<li><b>{escape(a)}</b><span>{escape(b)}</span></li>" for a, b in facts)
    data = run.provenance.get("training_data", "")
    return (
        f'<h1>{escape(run.name)}</h1><p class="quiet"><span class="state {kind}">{sections.STATES[run.state]}</span>'
        f"{escape(str(run.config.get('model', 'a network')))}, step {run.step:,}{of}"
        f'{escape(f", trained on {data}") if data else ""}</p><ul class="facts">{items}</ul>'
    )


def _part(name: str, content: str) -> str:
    return f'<h2 id="{name}">{dict(_PARTS)[name]}</h2>{content}' if content else ""


def _curves(any_chart: bool) -> str:
    if not any_chart:
        return _part("curves", '<p class="quiet">The log has no line yet.</p>')
    need = "<noscript><p>The curves need scripts; metrics.csv holds their numbers.</p></noscript>"
    return _part("curves", f'{need}{_TOOLS}<div class="charts" id="charts"></div>')


def _samples(runs: Sequence[RunFacts], domains: Sequence[str]) -> str:
    if len(runs) > 1:
        parts = "".join(sections.samples_of_several(runs, d) for d in domains)
        words = "Held-out triplets at the last validation of each run."
    else:
        parts = "".join(sections.samples(runs[0], d) for d in domains)
        words = (
            "The same held-out triplets at each validation, at the network's size. Click a picture to compare it large."
        )
    return _part("samples", f'<p class="quiet">{words}</p>{parts}' if parts else "")


def _worst(runs: Sequence[RunFacts], domains: Sequence[str]) -> str:
    words = (
        '<p class="quiet">Where most of the composite\'s error is left, or new error was made. Dots above the dashed '
        "line have more error than their composite.</p>"
    )
    parts = "".join(sections.worst(runs[0], domain, place) for place, domain in enumerate(domains))
    return _part("worst", words + parts if parts else "")


def _about(run: RunFacts, several: bool) -> str:
    return (f"<h3>{escape(run.name)}</h3>" if several else "") + sections.surroundings(run)
