# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a set: `report/index.html` with the pictures it shows beside it, offline, the same bytes every time.

The page itself holds what fits any set; its script builds the rest from `data.js`, a page of views at a time.
"""

from __future__ import annotations

from html import escape
from importlib import resources
from pathlib import Path

from harmonize_core.formats.images import write_text
from rdharmony_gen.compose.collect import SPLITS
from rdharmony_gen.report import sections
from rdharmony_gen.report.clips import clip_title, write_clip_body
from rdharmony_gen.report.data import LARGE, write_costs, write_data
from rdharmony_gen.report.sheet import best_triplets, choose_views, contact_sheets
from rdharmony_gen.report.thumbnails import Thumbnails
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.records import TripletLine, ViewRecord, read_clips, read_manifest
from rdharmony_gen.spec.styles import words_of
from rdharmony_gen.validate.dataset import Validation

SHOWCASED, CARDS, SMALL = 3, 6, 300
MAX_VIEWS = 10_000
"""Views that can be looked through; of more, that many spread evenly: 0.6 GB of strips."""


def write_report(root: Path, validation: Validation, *, quiet: bool = True) -> Path:
    """Write the report folder; returns the page.

    Args:
        root: A composed set.
        validation: What was found in it.
        quiet: Show no progress.

    Raises:
        InputError: there is no set or no manifest.
        OutputError: a file could not be written.
    """
    layout, spec = existing(root)
    page = layout.report / "index.html"
    if spec.clip:
        clips = read_clips(layout.manifest)
        body = write_clip_body(layout, spec, clips, validation, page)
        write_text(page, _page(clip_title(spec, clips), body, scripts=False))
        return page
    records = read_manifest(layout.manifest)
    size = (spec.width, spec.height)
    pictures = Thumbnails(layout, size, records, {p.path for p in validation.problems})
    sheets = contact_sheets(layout.root, records, size, layout.report)
    shown = choose_views(records, MAX_VIEWS)
    rows = choose_views(shown, 4 * CARDS)
    showcase = _showcase(rows)
    write_data(layout.report / "data.js", spec, shown, showcase, pictures, quiet=quiet)
    write_costs(layout)
    body = [
        _head(spec, records, validation),
        _hero(rows, pictures),
        _PLAY if showcase else "",
        _gallery(len(shown), len(records)),
        _triplets(rows, pictures, sheets),
        sections.charts_section(records),
        sections.contents(records),
        sections.redrawn(records, layout.failures),
        _COST,
        sections.checks(validation),
        sections.data_card(spec, records, layout.root),
    ]
    write_text(page, _page(_title(spec, records), "\n".join(part for part in body if part)))
    pictures.remove_others()
    return page


def _page(title: str, body: str, *, scripts: bool = True) -> str:
    here = resources.files("rdharmony_gen.report")
    css, script = (here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    scripted = (
        f'{_VIEWER}\n<script src="data.js"></script><script src="../.rdharmony/costs.js"></script>\n'
        f"<script>\n{script}</script>"
    )
    links = "".join(f'<a href="#{name}">{words}</a>' for name, words in _SECTIONS if f'id="{name}"' in body)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>\n{css}</style></head>\n<body><nav><div>{links}</div></nav><main>\n"
        f"{body}\n</main>{scripted if scripts else ''}</body></html>\n"
    )


_SECTIONS = (
    ("views", "Views"),
    ("triplets", "Triplets"),
    ("numbers", "Numbers"),
    ("contents", "Contents"),
    ("redrawn", "Drawn again"),
    ("costs", "Cost"),
    ("checks", "Checks"),
    ("card", "Data card"),
)

_PAGER = (
    '<span class="pager" hidden><button type="button" aria-label="Page before">&larr;</button> <span></span> '
    '<button type="button" aria-label="Next page">&rarr;</button></span>'
)

_PLAY = (
    '<h2 id="play">Exchange the light</h2><p>Rows are the light of the background, columns the light of the '
    "foreground; on the diagonal they agree. Click a square, then drag across the picture to wipe from composite to "
    'real.</p><div class="tabs" id="tabs"></div><div class="play"><div class="matrix" id="matrix"></div>'
    '<div><div class="wipe" id="wipe"></div><p class="quiet" id="said"></p></div></div>'
)

_GALLERY = (
    '<h2 id="views">Every view under every light</h2><p>Click a picture to see it large and to exchange its '
    "foreground.{few}</p><noscript><p>The views need scripts; without, see the contact sheets below.</p></noscript>"
    '<p id="unread" class="bad" hidden>data.js is not beside this page; run rdharmony report again.</p>'
    '<div class="tools">'
    '<select id="by-category" aria-label="Category"><option value="">all categories</option></select>'
    '<select id="by-place" aria-label="Place"><option value="">all places</option></select>'
    '<select id="by-split" aria-label="Split"><option value="">all splits</option></select>'
    '<select id="by-order" aria-label="Order"><option value="">in order</option></select>'
    '<input id="by-name" type="search" placeholder="name" aria-label="Part of a name" size="12">'
    f'<span class="end"><span id="count" class="quiet"></span>{_PAGER}</span></div>'
    '<div class="heads" id="heads"></div><div id="rows"></div>'
    '<p id="empty" hidden>No view is like this. Choose something else above.</p>'
    f'<div class="tools"><span class="end">{_PAGER}</span></div>'
)

_COST = (
    '<h2 id="costs">What it cost</h2><p id="no-cost" class="quiet">Times are kept beside the set in '
    "<code>.rdharmony/</code>, because they differ from run to run; they are not there.</p>"
    '<div id="cost" hidden><ul class="facts" id="cost-facts"></ul><div class="hbars" id="cost-bars"></div>'
    '<p class="quiet">Time of all workers together, all runs on this set so far.</p></div>'
)

_VIEWER = (
    '<dialog id="view" aria-labelledby="name"><div class="view"><div class="bar-top">'
    '<button type="button" id="earlier" aria-label="View before">&larr;</button>'
    '<button type="button" id="later" aria-label="Next view">&rarr;</button><h3 id="name"></h3>'
    '<span id="place"></span><button type="button" id="close">close</button></div>'
    '<div><div class="wipe" id="large"></div><p id="away" class="away bad" hidden>The full pictures are not beside '
    'this page; open the report where the set is.</p><div class="parts" id="parts"></div></div>'
    '<div><p id="reading"></p><h4>Light of the background</h4><div class="tiles" id="backgrounds"></div>'
    '<h4>Light of the foreground</h4><div class="tiles" id="foregrounds"></div><dl id="facts"></dl>'
    "</div></div></dialog>"
)


def _gallery(shown: int, views: int) -> str:
    few = f" These are {shown:,} of {views:,} views, spread evenly over the set." if shown < views else ""
    return _GALLERY.replace("{few}", few)


def _title(spec: DatasetSpec, records: list[ViewRecord]) -> str:
    return f"{len(records)} {'view' if len(records) == 1 else 'views'} under {len(spec.styles)} lights"


def _head(spec: DatasetSpec, records: list[ViewRecord], validation: Validation) -> str:
    splits = {s: sum(len(r.triplets) for r in records if r.view.split == s) for s in SPLITS}
    facts = [
        (f"{sum(len(r.reals) for r in records):,}", "real images"),
        (f"{sum(splits.values()):,}", "composites"),
        (f"{len({(r.view.scene, r.view.variation) for r in records}):,}", "different places"),
        (" / ".join(f"{splits[s]:,}" for s in SPLITS), "composites to train / validate / test"),
    ]
    items = [f"<li><b>{a}</b><span>{b}</span></li>" for a, b in facts]
    if validation.problems:
        items.append(f'<li><b class="bad">{len(validation.problems):,}</b><span>problems found</span></li>')
    else:
        items.append(f'<li><b class="good">&#10003;</b><span>{validation.files:,} files checked</span></li>')
    what = f"{sections.listed(spec.categories)} in {sections.listed(spec.scenes)}"
    return (
        f"<h1>{escape(_title(spec, records))}</h1>"
        f'<p class="quiet">{escape(what[:1].upper() + what[1:])}, '
        f"{spec.width} x {spec.height} pixels, {spec.samples} samples, seed {spec.seed}. Every composite puts a "
        "foreground rendered in one light into the same place in another; harmonizing it means finding the real image "
        f'again.</p><ul class="facts">{"".join(items)}</ul>'
    )


def _hero(rows: list[ViewRecord], pictures: Thumbnails) -> str:
    best = best_triplets(sorted(rows, key=lambda r: -min(r.view.fg_ratio, 0.2)), 1)
    if not best:
        return ""
    record, triplet = best[0]
    lights = _lights(record)
    parts = [
        ("Composite", f"foreground from {lights[triplet.fg_style]}", triplet.composite),
        ("Mask", f"{record.view.fg_ratio:.0%} of the picture", triplet.mask),
        ("Real", lights[triplet.bg_style], triplet.real),
    ]
    figures = [
        f'<figure><img src="{pictures.copy(name, LARGE)}" alt="{word}">'
        f"<figcaption><b>{word}</b>, {escape(text)}</figcaption></figure>"
        for word, text, name in parts
    ]
    return f'<div class="hero">{"".join(figures)}</div>'


def _showcase(rows: list[ViewRecord]) -> list[ViewRecord]:
    """Views to play with: each of another kind of place as far as there are."""
    whole = [r for r in rows if len(r.triplets) == len(r.reals) * (len(r.reals) - 1) > 0]
    order = sorted(range(len(whole)), key=lambda i: (sum(r.view.scene == whole[i].view.scene for r in whole[:i]), i))
    return [whole[i] for i in order[:SHOWCASED]]


def _triplets(rows: list[ViewRecord], pictures: Thumbnails, sheets: list[str]) -> str:
    cards = []
    for record, triplet in best_triplets(rows, CARDS):
        words = escape(_pair(record, triplet))
        images = "".join(
            f'<a href="../{escape(name)}" target="_blank">'
            f'<img loading="lazy" src="{pictures.copy(name, SMALL)}" alt="{part}: {words}"></a>'
            for part, name in (("composite", triplet.composite), ("mask", triplet.mask), ("real", triplet.real))
        )
        cards.append(f'<figure><div class="triple">{images}</div><figcaption>{words}</figcaption></figure>')
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in sheets)
    return (
        '<h2 id="triplets">Triplets</h2><p>Composite, mask and real image, as a network sees them. To print or to '
        f'send: {links}.</p><div class="cards">{"".join(cards)}</div>'
    )


def _pair(record: ViewRecord, triplet: TripletLine) -> str:
    lights = _lights(record)
    return f"{lights[triplet.fg_style]} on {lights[triplet.bg_style]}"


def _lights(record: ViewRecord) -> dict[int, str]:
    lights = {s: f"style {s}" for t in record.triplets for s in (t.bg_style, t.fg_style)}
    return lights | {r.style: words_of(r.condition.style) for r in record.reals}
