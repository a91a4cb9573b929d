# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the page that are made once and need no script: charts, contents, reasons, checks, the data card."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import msgspec

from rdharmony_gen.compose.collect import SPLITS, engines_of
from rdharmony_gen.compose.credits import NOT_STATED, used_assets
from rdharmony_gen.report import charts
from rdharmony_gen.report.sheet import style_columns
from rdharmony_gen.spec.dataset import DatasetSpec, split_of
from rdharmony_gen.spec.records import RealLine, ViewRecord, rejects
from rdharmony_gen.validate.dataset import Validation

MAX_PROBLEMS, MAX_FAILURES, MAX_REASONS = 100, 50, 16
MAX_FAILURE_BYTES = 2**22


def listed(names: Sequence[str]) -> str:
    """`("city_corner", "park")` as words for a sentence; many are counted."""
    words = [name.replace("_", " ") for name in names]
    return ", ".join(words) if len(words) <= 12 else f"{', '.join(words[:10])} and {len(words) - 10} more"


def charts_section(records: Sequence[ViewRecord]) -> str:
    """Light, brightness, sizes and differences as charts."""
    reals = [r for record in records for r in record.reals]
    styles = style_columns(records)

    def by_style(value: Callable[[RealLine], float | None]) -> dict[str, list[float]]:
        return {
            name: [v for r in reals if r.style == style and (v := value(r)) is not None]
            for style, name in styles.items()
        }

    counts = Counter(r.style for r in reals)
    parts = [
        ("Where the sun and the moon stand", charts.sky_dome(reals), "Coloured like their light; small behind clouds."),
        (
            "Mean brightness of the pictures",
            charts.rows(by_style(lambda r: r.luma), (0, 0.2, 0.4, 0.6, 0.8), "luma"),
            "BT.709 luma of sRGB.",
        ),
        ("Foreground, per cent of the picture", charts.foreground_histogram(records), "Number of views."),
        (
            "Colour temperature of the light",
            charts.rows(
                by_style(lambda r: charts.colour_temperature(r.condition)),
                (1500, 2500, 4000, 6500, 10000, 20000),
                "kelvin",
                logarithmic=True,
            ),
            "Kelvin, of sun or moon and sky on level ground, before the camera's white balance.",
        ),
        (
            "Real images of each style",
            charts.bars({str(style): counts[style] for style in styles}),
            "By style number; equal numbers mean a balanced set.",
        ),
        (
            "Exposure of the camera",
            charts.rows(by_style(lambda r: r.exposure_ev), _whole_ticks([r.exposure_ev for r in reals]), "stops"),
            "Stops from scene-linear to display light: the camera opens up as the light goes.",
        ),
        (
            "How wrong a foreground looks",
            charts.change_map(records, styles),
            "Mean change of the foreground's pixels; rows are backgrounds, columns foregrounds, by style number.",
        ),
        ("Styles", _style_table(styles, reals), "Sun heights and clouds as drawn."),
    ]
    figures = "".join(f'<div><h3>{a}</h3>{b}<p class="quiet">{c}</p></div>' for a, b, c in parts)
    return f'<h2 id="numbers">In numbers</h2><div class="charts">{figures}</div>'


def _style_table(styles: Mapping[int, str], reals: Sequence[RealLine]) -> str:
    lines = []
    for style, name in styles.items():
        own = [r.condition for r in reals if r.style == style]
        heights, clouds = [c.elevation_deg for c in own], [c.cloud_cover for c in own]
        lines.append(
            f"<tr><td>{style}</td><td>{escape(charts.words_of(name))}</td>"
            f"<td>{min(heights):.0f} to {max(heights):.0f}°</td><td>{min(clouds):.0%} to {max(clouds):.0%}</td></tr>"
        )
    head = "<tr><th></th><th>style</th><th>height</th><th>clouds</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(lines)}</table></div>'


def _whole_ticks(values: Sequence[float]) -> list[float]:
    """Five whole numbers around the values, their distance a multiple of one."""
    low = math.floor(min(values, default=0) / 4) * 4
    high = max(low + 4, math.ceil(max(values, default=0) / 4) * 4)
    return [low + (high - low) / 4 * i for i in range(5)]


def contents(records: Sequence[ViewRecord]) -> str:
    """Views by kind of place and category."""
    counts = Counter((r.view.scene, r.view.category) for r in records)
    scenes = sorted({scene for scene, _ in counts})
    categories = list(dict.fromkeys(r.view.category for r in records))
    split = {r.view.scene: r.view.split for r in records}
    lines = [
        f'<tr><td>{escape(scene.replace("_", " "))} <span class="split">{escape(split[scene])}</span></td>'
        + "".join(f"<td>{counts[scene, c] or ''}</td>" for c in categories)
        + f"<td>{sum(counts[scene, c] for c in categories)}</td></tr>"
        for scene in scenes
    ]
    total = "".join(f"<td>{sum(counts[s, c] for s in scenes)}</td>" for c in categories)
    head = "".join(f"<th>{escape(c)}</th>" for c in (*categories, "all"))
    return (
        '<h2 id="contents">Contents</h2><p>Views by place and category; all pictures of a place are in one split.</p>'
        f'<div class="scroll"><table class="numbers"><tr><th>place</th>{head}</tr>{"".join(lines)}'
        f"<tr><td>all</td>{total}<td>{len(records)}</td></tr></table></div>"
    )


def redrawn(records: Sequence[ViewRecord], failures: Path, *, sortable: bool = True) -> str:
    """Why candidates for views were rejected, and which jobs failed; `sortable` where the page can sort its views."""
    reasons: Counter[str] = Counter()
    for record in records:
        reasons.update(rejects(record.view))
    parts = ['<h2 id="redrawn">Drawn again</h2>']
    if reasons:
        total, views = sum(reasons.values()), sum(bool(rejects(r.view)) for r in records)
        parts.append(
            f"<p>{total:,} candidates for {views:,} of {len(records):,} views were rejected and drawn again"
            + ("; sort the views above to see which" if sortable else "")
            + ".</p>"
            + hbars(dict(reasons.most_common(MAX_REASONS)))
        )
    else:
        parts.append('<p class="quiet">No view says that it was drawn again.</p>')
    failed = _failures(failures)
    if failed:
        kinds = Counter(str(f.get("reason", "unknown")) for f in failed)
        lines = "".join(
            f"<tr><td><code>{escape(str(f.get('job', '?'))[:120])}</code></td>"
            f"<td>{escape(str(f.get('reason', ''))[:40])}</td><td>{escape(str(f.get('message', ''))[:400])}</td></tr>"
            for f in failed[:MAX_FAILURES]
        )
        parts.append(
            f'<h3 class="bad">{len(failed)} views failed</h3>{hbars(dict(kinds.most_common(MAX_REASONS)))}'
            f'<div class="scroll"><table><tr><th>job</th><th>reason</th><th>message</th></tr>{lines}</table></div>'
        )
    return "".join(parts)


def hbars(counts: Mapping[str, int]) -> str:
    """A line a name: the name, a bar, the count."""
    top = max([*counts.values(), 1])
    lines = "".join(
        f'<span>{escape(name.replace("_", " ")[:80])}</span><i style="width:{100 * n / top:.1f}%"></i><b>{n:,}</b>'
        for name, n in counts.items()
    )
    return f'<div class="hbars">{lines}</div>'


def _failures(path: Path) -> list[dict]:
    try:
        with open(path, "rb") as file:
            lines = file.read(MAX_FAILURE_BYTES).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            data = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(data, dict):
            found.append(data)
    return found


def checks(validation: Validation) -> str:
    """What was found wrong, or that all is well."""
    head = '<h2 id="checks">Checks</h2>'
    if not validation.problems:
        return (
            f'{head}<p><b class="good">No problems</b> in {validation.files:,} pictures of {validation.views:,} views: '
            "every file was opened again; sizes, strict masks, coverage, backgrounds equal to the real image, "
            "foreground ratio, exposure, names, lists, splits by place, and checksums are as they should be.</p>"
        )
    shown = validation.problems[:MAX_PROBLEMS]
    items = "".join(f"<li><code>{escape(p.path[:300])}</code> {escape(p.message[:500])}</li>" for p in shown)
    more = len(validation.problems) - len(shown)
    rest = f"<p>And {more:,} more; <code>rdharmony validate</code> names them.</p>" if more else ""
    return f'{head}<p class="bad">{len(validation.problems):,} problems:</p><ul>{items}</ul>{rest}'


def data_card(spec: DatasetSpec, records: Sequence[ViewRecord], root: Path) -> str:
    """Recipe, splits, licences and the works that the pictures show."""
    used = used_assets(records, spec)
    licences = dict(Counter(a.licence for a in used).most_common())
    splits = {s: [x for x in spec.scenes if split_of(spec, x) == s] for s in SPLITS}
    recipe = [
        ("pictures", f"{spec.width} x {spec.height}, {spec.format}, {spec.layout} layout"),
        ("rendered with", f"{'; '.join(engines_of(list(records)))}; {spec.samples} samples"),
        ("seed", str(spec.seed)),
        *((split, listed(scenes)) for split, scenes in splits.items() if scenes),
    ]
    if own := [a.title for a in used if a.licence == NOT_STATED]:
        recipe.append(("own files", f"{listed(own)}: nobody has stated their terms, which are yours to know"))
    rows = "".join(f"<tr><th>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in recipe)
    works = "".join(
        f"<tr><td>{escape(a.title or a.id)}</td><td>{escape(a.author)}</td><td>{escape(a.licence)}</td>"
        f"<td>{escape(a.source)}</td></tr>"
        for a in used
    )
    alike = (
        " Works under SA licences ask that what shows them is shared alike."
        if any("-SA" in x for x in licences)
        else ""
    )
    links = ", ".join(
        f'<a href="../{name}">{name}</a> ({words})'
        for name, words in (
            ("dataset.json", "recipe, counts, styles, assets"),
            ("manifest.jsonl", "everything known about each picture"),
            ("CREDITS.md", "attribution to go with the pictures"),
        )
        if (root / name).is_file()
    )
    return (
        f'<h2 id="card">Data card</h2><table>{rows}</table>'
        f'<h3 style="margin-top:28px">Licences of the {len(used)} works in the pictures</h3>{hbars(licences)}'
        f"<p>Most of them ask for attribution: keep CREDITS.md with the pictures.{alike} Files: {links}.</p>"
        "<details><summary>All works with authors, licences and sources</summary>"
        '<div class="scroll"><table><tr><th>title</th><th>author</th><th>licence</th><th>source</th></tr>'
        f"{works}</table></div></details>"
    )
