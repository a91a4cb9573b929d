# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a set: `report/index.html` with the pictures it shows beside it, offline, the same bytes every time."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

import msgspec
from PIL import Image

from harmonize_core.formats.images import atomic_path, write_text
from rdharmony_gen.compose.collect import SPLITS, used_assets
from rdharmony_gen.report import charts
from rdharmony_gen.report.sheet import best_triplets, choose_rows, contact_sheet, opened
from rdharmony_gen.report.theme import CSS, SCRIPT
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.dataset import DatasetSpec, styles_of
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.records import RealLine, TripletLine, ViewRecord, read_manifest
from rdharmony_gen.spec.styles import STYLES, Style, words_of
from rdharmony_gen.validate.dataset import Validation

SHEET_ROWS, SHOWCASED, CARDS = 18, 3, 6
LARGE, SMALL, TILE = 448, 300, 84
"""Longer sides in pixels: pictures to look at, pictures of the sheet, tiles of the matrix."""


def write_report(root: Path, validation: Validation) -> Path:
    """Write the report folder; returns the page.

    Args:
        root: A composed set.
        validation: What was found in it.

    Raises:
        InputError: there is no set or no manifest.
        OutputError: a file could not be written.
    """
    layout, spec = existing(root)
    records = read_manifest(layout.manifest)
    size = (spec.width, spec.height)
    contact_sheet(layout.root, records, size, layout.report / "contact_sheet.png")
    pictures = _Pictures(layout, size)
    page = layout.report / "index.html"
    write_text(page, _page(spec, records, validation, pictures))
    pictures.remove_others()
    return page


class _Pictures:
    """Copies of the set's pictures for the page, each made once; paths are relative to the page."""

    def __init__(self, layout: SetLayout, size: tuple[int, int]) -> None:
        self.layout = layout
        self.size = size
        self.folder = layout.report / "images"
        self.made: set[str] = set()

    def copy(self, name: str, side: int) -> str:
        """A JPEG of a picture of the set with the given longer side, or its own if that is smaller."""
        target = f"{side}_{name.replace('/', '_').rpartition('.')[0]}.jpg"
        if target not in self.made:
            image = opened(self.layout.root / name, self.size)
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
            self._save(image, target)
        return f"images/{target}"

    def sprite(self, record: ViewRecord) -> str:
        """All composites of a view in one picture: rows are backgrounds, columns foregrounds, real ones in between."""
        target = f"matrix_{record.view.category}_{record.view.scene_id}.jpg"
        styles = [r.style for r in record.reals]
        paths = {(t.bg_style, t.fg_style): t.composite for t in record.triplets}
        paths |= {(r.style, r.style): r.path for r in record.reals}
        size = (TILE, max(1, round(TILE * self.size[1] / self.size[0])))
        sheet = Image.new("RGB", (size[0] * len(styles), size[1] * len(styles)))
        for (bg_style, fg_style), name in paths.items():
            tile = opened(self.layout.root / name, self.size).resize(size, Image.Resampling.LANCZOS)
            sheet.paste(tile, (styles.index(fg_style) * size[0], styles.index(bg_style) * size[1]))
        self._save(sheet, target)
        return f"images/{target}"

    def remove_others(self) -> None:
        """Delete copies that an earlier, smaller report showed and this one does not."""
        for path in self.folder.glob("*.jpg"):
            if path.name not in self.made:
                path.unlink()

    def _save(self, image: Image.Image, target: str) -> None:
        with atomic_path(self.folder / target) as partial:
            image.save(partial, "JPEG", quality=88)
        self.made.add(target)


def style_words(style: Style) -> str:
    """`"noon, partly cloudy"`."""
    return style.title


def _page(spec: DatasetSpec, records: list[ViewRecord], validation: Validation, pictures: _Pictures) -> str:
    reals = sum(len(r.reals) for r in records)
    composites = sum(len(r.triplets) for r in records)
    rows = choose_rows(records, SHEET_ROWS)
    large = sorted(rows, key=lambda r: -min(r.view.fg_ratio, 0.2))
    hero_record, hero = best_triplets(large, 1)[0]
    title = f"{len(records)} views under {len(spec.styles)} lights"
    body = [
        f"<h1>{title}</h1>",
        f'<p class="quiet">{escape(", ".join(spec.categories))} in {escape(_places(spec))}, '
        f"{spec.width} x {spec.height} pixels, {spec.samples} samples, seed {spec.seed}. Every composite below puts a "
        "foreground rendered in one light into the same place in another; harmonizing it means finding the real image "
        "again.</p>",
        _facts(records, reals, composites, validation),
        _hero(hero_record, hero, pictures),
        "<h2>Exchange the light</h2>",
        "<p>Rows are the light of the background, columns the light of the foreground; on the diagonal they agree. "
        "Move over the squares, click to keep one, and drag across the picture to wipe from composite to real.</p>",
        _playground(rows, pictures),
        "<h2>Contact sheet</h2>",
        f"<p>{_sheet_words(rows, records)} Click a picture to enlarge it, or take "
        '<a href="contact_sheet.png">contact_sheet.png</a>.</p>',
        _sheet(rows, spec, pictures),
        "<h2>Triplets</h2>",
        "<p>Composite, mask and real image, as a network sees them.</p>",
        _cards(rows, pictures),
        "<h2>In numbers</h2>",
        _charts(records, spec),
        "<h2>Checks</h2>",
        _checks(validation),
        "<h2>Files and credits</h2>",
        _credits(records),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{CSS}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + '\n</main><dialog id="big"><img alt=""><p></p></dialog>'
        + f"<script>{SCRIPT}</script></body></html>\n"
    )


def _places(spec: DatasetSpec) -> str:
    return ", ".join(s.replace("_", " ") for s in spec.scenes)


def _facts(records: list[ViewRecord], reals: int, composites: int, validation: Validation) -> str:
    splits = {s: sum(len(r.triplets) for r in records if r.view.split == s) for s in SPLITS}
    facts = [
        (f"{reals}", "real images"),
        (f"{composites}", "composites"),
        (f"{len({(r.view.scene, r.view.variation) for r in records})}", "different places"),
        (" / ".join(str(splits[s]) for s in SPLITS), "composites to train / validate / test"),
    ]
    items = [f"<li><b>{a}</b><span>{b}</span></li>" for a, b in facts]
    if validation.problems:
        items.append(f'<li><b class="bad">{len(validation.problems)}</b><span>problems found</span></li>')
    else:
        items.append(f'<li><b class="good">&#10003;</b><span>{validation.files} files checked</span></li>')
    return f'<ul class="facts">{"".join(items)}</ul>'


def _hero(record: ViewRecord, triplet: TripletLine, pictures: _Pictures) -> str:
    parts = [
        ("Composite", f"foreground from {_name(triplet.fg_style)}", triplet.composite),
        ("Mask", f"{record.view.fg_ratio:.0%} of the picture", record.view.mask),
        ("Real", _name(triplet.bg_style), triplet.real),
    ]
    figures = [
        f'<figure><img src="{pictures.copy(name, LARGE)}" alt="{word}">'
        f"<figcaption><b>{word}</b>, {escape(text)}</figcaption></figure>"
        for word, text, name in parts
    ]
    return f'<div class="hero">{"".join(figures)}</div>'


def _playground(rows: list[ViewRecord], pictures: _Pictures) -> str:
    """One view of each kind of place first; its data goes into the page as JSON for the script."""
    order = sorted(range(len(rows)), key=lambda i: (sum(r.view.scene == rows[i].view.scene for r in rows[:i]), i))
    shown = [rows[i] for i in order[:SHOWCASED]]
    data = []
    for record in shown:
        pick = best_triplets([record], 1)[0][1]
        data.append(
            {
                "styles": [r.style for r in record.reals],
                "names": [words_of(r.condition.style) for r in record.reals],
                "ratio": "/".join(map(str, pictures.size)),
                "start": [pick.bg_style, pick.fg_style],
                "sprite": pictures.sprite(record),
                "reals": {str(r.style): pictures.copy(r.path, LARGE) for r in record.reals},
                "composites": {
                    f"{t.bg_style}_{t.fg_style}": pictures.copy(t.composite, LARGE) for t in record.triplets
                },
            }
        )
    tabs = "".join(
        f'<button data-view="{i}" aria-pressed="false">{escape(r.view.scene.replace("_", " "))}</button>'
        for i, r in enumerate(shown)
    )
    json = msgspec.json.encode(data).decode().replace("</", "<\\/")
    return (
        f'<div class="tabs" id="tabs">{tabs}</div><div class="play"><div class="matrix" id="matrix"></div>'
        '<div><div class="wipe" id="wipe" style="--cut:62%">'
        '<img id="under" alt="composite"><img id="over" class="top" alt="real">'
        '<span class="bar"></span><span class="tag l">composite</span><span class="tag r">real</span></div>'
        f'<p class="quiet" id="said"></p></div></div><script type="application/json" id="views">{json}</script>'
    )


def _sheet_words(rows: list[ViewRecord], records: list[ViewRecord]) -> str:
    return f"{len(rows)} of {len(records)} views." if len(rows) < len(records) else "Every view under every light."


def _sheet(rows: list[ViewRecord], spec: DatasetSpec, pictures: _Pictures) -> str:
    head, previous = ["<th></th>"], None
    for style in styles_of(spec):
        time = f"<b>{style.group}</b>" if style.group != previous else ""
        head.append(f"<th>{time}<br>{style.style_id}&nbsp; {style.label}</th>")
        previous = style.group
    lines = []
    for record in rows:
        view = record.view
        label = f"{view.scene.replace('_', ' ')}<br>{escape(view.category)}<br>{view.fg_ratio:.0%}, {view.split}"
        cells = "".join(f"<td>{_zoomable(r.path, pictures, SMALL, _words(r))}</td>" for r in record.reals)
        lines.append(f"<tr><th>{label}</th>{cells}</tr>")
    table = f"<thead><tr>{''.join(head)}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="sheet"><table>{table}</table></div>'


def _cards(rows: list[ViewRecord], pictures: _Pictures) -> str:
    cards = []
    for record, triplet in best_triplets(rows, CARDS):
        words = f"{_name(triplet.fg_style)} on {_name(triplet.bg_style)}"
        parts = [triplet.composite, record.view.mask, triplet.real]
        images = "".join(_zoomable(p, pictures, SMALL, f"{record.view.scene_id}: {words}") for p in parts)
        cards.append(f'<figure><div class="triple">{images}</div><figcaption>{escape(words)}</figcaption></figure>')
    return f'<div class="cards">{"".join(cards)}</div>'


def _zoomable(name: str, pictures: _Pictures, side: int, words: str) -> str:
    """A small picture that opens the set's own file, or itself where the report was copied away from the set."""
    copy = pictures.copy(name, side)
    return f'<img loading="lazy" src="{copy}" data-full="../{escape(name)}" alt="{escape(words)}">'


def _charts(records: list[ViewRecord], spec: DatasetSpec) -> str:
    reals = [r for record in records for r in record.reals]
    names = [(s.style_id, style_words(s)) for s in styles_of(spec)]

    def rows(value) -> list[tuple[str, list[float]]]:
        return [(name, [value(r) for r in reals if r.style == style]) for style, name in names]

    parts = [
        (
            "Where the sun and the moon stand",
            charts.sky_dome(reals),
            "Coloured like their light; small where clouds hide them.",
        ),
        (
            "Mean brightness of the pictures",
            charts.strips(rows(lambda r: r.luma), 0, 0.8, "luma"),
            "BT.709 luma of sRGB.",
        ),
        ("Foreground, per cent of the picture", charts.foreground_histogram(records), "Number of views."),
        (
            "Exposure of the camera",
            charts.strips(rows(lambda r: r.exposure_ev), *_round_range([r.exposure_ev for r in reals]), "stops"),
            "Stops from scene-linear to display light: the camera opens up as the light goes.",
        ),
    ]
    return (
        '<div class="charts">'
        + "".join(f'<div><h3>{a}</h3>{b}<p class="quiet">{c}</p></div>' for a, b, c in parts)
        + "</div>"
    )


def _round_range(values: list[float]) -> tuple[float, float]:
    """Multiples of four around the values, so that five ticks are whole numbers."""
    low = math.floor(min(values) / 4) * 4
    return low, max(low + 4, math.ceil(max(values) / 4) * 4)


def _checks(validation: Validation) -> str:
    if not validation.problems:
        return (
            f'<p><b class="good">No problems</b> in {validation.files} pictures of {validation.views} views: '
            "every file was opened again; sizes, strict masks, coverage, backgrounds equal to the real image, "
            "foreground ratio, exposure, names, labels, splits by place, and checksums are as they should be.</p>"
        )
    items = "".join(f"<li><code>{escape(p.path)}</code> {escape(p.message)}</li>" for p in validation.problems[:100])
    return f'<p class="bad">{len(validation.problems)} problems:</p><ul>{items}</ul>'


def _credits(records: list[ViewRecord]) -> str:
    used = used_assets(records)
    lines = "".join(
        f"<tr><td>{escape(a.title)}</td><td>{escape(a.author)}</td><td>{escape(a.licence)}</td><td>{escape(a.source)}</td></tr>"
        for a in used
    )
    return (
        "<p>The recipe is <code>jobs/spec.json</code>, everything that is known about each picture is in "
        "<code>manifest.jsonl</code>, counts and styles are in <code>dataset.json</code>.</p>"
        f"<details><summary>{len(used)} works that these pictures show, with authors and licences</summary>"
        '<table class="plain"><tr><th>title</th><th>author</th><th>licence</th><th>source</th></tr>'
        f"{lines}</table></details>"
    )


def _name(style_id: int) -> str:
    return STYLES[style_id - 1].title if style_id <= len(STYLES) else f"own style {style_id}"


def _words(real: RealLine) -> str:
    return f"{real.scene_id}: {words_of(real.condition.style)}"
