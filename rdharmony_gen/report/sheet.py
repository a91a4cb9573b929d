# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets: PNGs with a row a view, a column a style, and a row of triplets below."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from harmonize_core.errors import DatasetError
from harmonize_core.formats.images import atomic_path
from rdharmony_gen.report.thumbnails import GREY, opened
from rdharmony_gen.spec.layout import inside
from rdharmony_gen.spec.records import TripletLine, ViewRecord
from rdharmony_gen.spec.styles import group_of, label_of

MAX_ROWS = 12
"""Views of one sheet; more go onto further sheets."""
MAX_SHEETS = 4
CELL, GAP, MARGIN, HEAD, LABEL = 168, 6, 28, 58, 132
PAPER, INK, QUIET = (250, 249, 246), (28, 28, 30), GREY


def style_columns(records: Sequence[ViewRecord]) -> dict[int, str]:
    """Number and name of every style in the set, by number."""
    return dict(sorted({r.style: r.condition.style for record in records for r in record.reals}.items()))


def choose_views(records: Sequence[ViewRecord], count: int) -> list[ViewRecord]:
    """At most `count` views in the set's order: every kind of place and every category first, then evenly more.

    Each place is shown with the category that was shown least so far, so few rows show all of both.
    """
    if len(records) <= count:
        return list(records)
    chosen: list[ViewRecord] = []
    shown: Counter[str] = Counter()
    by_scene: dict[str, list[ViewRecord]] = {}
    for record in records:
        by_scene.setdefault(record.view.scene, []).append(record)
    for own in by_scene.values():
        chosen.append(min(own, key=lambda r: shown[r.view.category]))
        shown[chosen[-1].view.category] += 1
    chosen += [
        next(r for r in records if r.view.category == category)
        for category in dict.fromkeys(r.view.category for r in records)
        if not shown[category]
    ]
    if len(chosen) > count:
        chosen = [chosen[i * len(chosen) // count] for i in range(count)]
    taken = {id(r) for r in chosen}
    rest = [r for r in records if id(r) not in taken]
    room = count - len(chosen)
    chosen += [rest[i * len(rest) // room] for i in range(room)] if room else []
    taken = {id(r) for r in chosen}
    return [r for r in records if id(r) in taken]


def best_triplets(records: Sequence[ViewRecord], count: int) -> list[tuple[ViewRecord, TripletLine]]:
    """One triplet of each of the first `count` views, each with other styles and a foreground that looks wrong."""
    used: set[tuple[int, int]] = set()
    chosen = []
    for record in [r for r in records if r.triplets][:count]:
        luma = {r.style: r.luma for r in record.reals}
        ranked = sorted(record.triplets, key=lambda t: -telling(t, luma.get(t.bg_style, 0.0)))
        pick = next((t for t in ranked if not {t.bg_style, t.fg_style} & {s for p in used for s in p}), None)
        pick = pick or next((t for t in ranked if (t.bg_style, t.fg_style) not in used), ranked[0])
        used.add((pick.bg_style, pick.fg_style))
        chosen.append((record, pick))
    return chosen


def telling(triplet: TripletLine, real_luma: float) -> float:
    """How well a triplet shows what harmonization is about: a wrong foreground in a picture bright enough to see."""
    return min(triplet.fg_change, 0.3) * min(1.0, real_luma / 0.3)


def contact_sheets(root: Path, records: Sequence[ViewRecord], size: tuple[int, int], folder: Path) -> list[str]:
    """Write `contact_sheet.png` and, where the views need more room, `contact_sheet_2.png` and so on.

    Every kind of place and every category is on them as far as `MAX_SHEETS` sheets go; nothing in them depends on
    more than the pictures. Sheets of an earlier, larger report are removed.

    Args:
        root: The set.
        records: Views of the manifest, at least one.
        size: Width and height of the set's pictures in pixels.
        folder: Where the PNGs go.

    Returns: the names of the sheets.
    """
    kinds = {r.view.scene for r in records} | {r.view.category for r in records}
    count = min(MAX_SHEETS, max(1, math.ceil(len(kinds) / MAX_ROWS))) * MAX_ROWS
    rows = choose_views(records, count)
    sheets = math.ceil(len(rows) / MAX_ROWS)
    names = []
    for number in range(sheets):
        own = rows[number * len(rows) // sheets : (number + 1) * len(rows) // sheets]
        names.append("contact_sheet.png" if number == 0 else f"contact_sheet_{number + 1}.png")
        _sheet(root, own, style_columns(records), size, folder / names[-1])
    for path in folder.glob("contact_sheet*.png"):
        if path.name not in names:
            path.unlink()
    return names


def _sheet(root: Path, rows: Sequence[ViewRecord], styles: dict[int, str], size: tuple[int, int], path: Path) -> None:
    cell = (CELL, max(1, round(CELL * size[1] / size[0])))
    triplets = best_triplets(rows, max(1, len(styles) // 3))
    left = MARGIN + LABEL
    width = left + max(len(styles) * (CELL + GAP) - GAP, len(triplets) * (3 * (CELL + GAP) + GAP)) + MARGIN
    height = 2 * MARGIN + HEAD + len(rows) * (cell[1] + GAP) + HEAD + cell[1]
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, small = ImageFont.load_default(15), ImageFont.load_default(13)

    previous = None
    columns = {style: left + i * (CELL + GAP) for i, style in enumerate(styles)}
    for style, name in styles.items():
        first, second = group_of(name), label_of(name)
        if first != previous:
            draw.text((columns[style], MARGIN), first, INK, bold)
        draw.text((columns[style], MARGIN + 24), f"{style}  {second}", QUIET, small)
        previous = first
    for row, record in enumerate(rows):
        y = MARGIN + HEAD + row * (cell[1] + GAP)
        view = record.view
        words = (view.scene.replace("_", " "), view.category, f"{view.fg_ratio:.0%}, {view.split}")
        for line, text in enumerate(words):
            draw.text((MARGIN, y + 2 + line * 19), text[:20], QUIET if line else INK, small if line else bold)
        for real in record.reals:
            sheet.paste(_fitted(root, real.path, size, cell), (columns[real.style], y))

    y = MARGIN + HEAD + len(rows) * (cell[1] + GAP)
    for index, (_, triplet) in enumerate(triplets):
        x = left + index * (3 * (CELL + GAP) + GAP)
        for part, name in enumerate((triplet.composite, triplet.mask, triplet.real)):
            at = x + part * (CELL + GAP)
            draw.text((at, y + HEAD - 24), ("composite", "mask", "real")[part], QUIET, small)
            sheet.paste(_fitted(root, name, size, cell), (at, y + HEAD))
    with atomic_path(path) as partial:
        sheet.save(partial, "PNG")


def _fitted(root: Path, name: str, size: tuple[int, int], cell: tuple[int, int]) -> Image.Image:
    try:
        picture = opened(inside(root, name), size)
    except DatasetError:
        picture = Image.new("RGB", size, GREY)
    return picture.resize(cell, Image.Resampling.LANCZOS)
