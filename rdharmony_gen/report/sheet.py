# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet: one PNG with a row a view, a column a style, and a row of triplets below."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from harmonize_core.formats.images import atomic_path
from rdharmony_gen.spec.records import TripletLine, ViewRecord
from rdharmony_gen.spec.styles import STYLES

MAX_ROWS = 12
CELL, GAP, MARGIN, HEAD = 168, 6, 28, 58
PAPER, INK, QUIET = (250, 249, 246), (28, 28, 30), (120, 118, 112)
TIME_WORDS = {"sunrise_sunset": "sunrise/sunset", "noon": "noon", "other": "morning/afternoon", "night": "night"}
WEATHER_WORDS = {"clear": "clear", "partly_cloudy": "partly cloudy", "cloudy": "cloudy"}


def choose_rows(records: list[ViewRecord], count: int) -> list[ViewRecord]:
    """At most `count` views, spread evenly over the set."""
    if len(records) <= count:
        return records
    return [records[i * len(records) // count] for i in range(count)]


def best_triplets(records: list[ViewRecord], count: int) -> list[tuple[ViewRecord, TripletLine]]:
    """One triplet of each of the first `count` views, each with other styles and a foreground that looks wrong."""
    used: set[tuple[int, int]] = set()
    chosen = []
    for record in records[:count]:
        luma = {r.style: r.luma for r in record.reals}
        ranked = sorted(record.triplets, key=lambda t: -telling(t, luma[t.bg_style]))
        pick = next((t for t in ranked if not {t.bg_style, t.fg_style} & {s for p in used for s in p}), None)
        pick = pick or next((t for t in ranked if (t.bg_style, t.fg_style) not in used), ranked[0])
        used.add((pick.bg_style, pick.fg_style))
        chosen.append((record, pick))
    return chosen


def telling(triplet: TripletLine, real_luma: float) -> float:
    """How well a triplet shows what harmonization is about: a wrong foreground in a picture bright enough to see."""
    return min(triplet.fg_change, 0.3) * min(1.0, real_luma / 0.3)


def contact_sheet(root: Path, records: list[ViewRecord], size: tuple[int, int], path: Path) -> None:
    """Write the sheet as PNG; nothing in it depends on more than the pictures.

    Args:
        root: The set.
        records: Views of the manifest; `MAX_ROWS` of them are shown.
        size: Width and height of the set's pictures in pixels.
        path: Where the PNG goes.
    """
    rows = choose_rows(records, MAX_ROWS)
    shown = [s for s in STYLES if any(r.style == s.style_id for r in records[0].reals)]
    cell = (CELL, max(1, round(CELL * size[1] / size[0])))
    triplets = best_triplets(rows, max(1, len(shown) // 3))
    width = 2 * MARGIN + max(len(shown) * (CELL + GAP) - GAP, len(triplets) * 3 * (CELL + GAP))
    height = 2 * MARGIN + HEAD + len(rows) * (cell[1] + GAP) + HEAD + cell[1]
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, small = ImageFont.load_default(15), ImageFont.load_default(13)

    previous = None
    for column, style in enumerate(shown):
        x = MARGIN + column * (CELL + GAP)
        if style.time != previous:
            draw.text((x, MARGIN), TIME_WORDS[style.time], INK, bold)
        draw.text((x, MARGIN + 24), f"{style.style_id}  {WEATHER_WORDS[style.weather]}", QUIET, small)
        previous = style.time
    for row, record in enumerate(rows):
        y = MARGIN + HEAD + row * (cell[1] + GAP)
        for real in record.reals:
            column = next(i for i, s in enumerate(shown) if s.style_id == real.style)
            sheet.paste(_fitted(root / real.path, cell), (MARGIN + column * (CELL + GAP), y))

    y = MARGIN + HEAD + len(rows) * (cell[1] + GAP)
    for index, (record, triplet) in enumerate(triplets):
        x = MARGIN + index * (3 * (CELL + GAP) + GAP)
        for part, name in enumerate((triplet.composite, record.view.mask, triplet.real)):
            left = x + part * (CELL + GAP)
            draw.text((left, y + HEAD - 24), ("composite", "mask", "real")[part], QUIET, small)
            sheet.paste(_fitted(root / name, cell), (left, y + HEAD))
    with atomic_path(path) as partial:
        sheet.save(partial, "PNG")


def opened(path: Path, size: tuple[int, int]) -> Image.Image:
    """A picture as RGB; plain grey of `size` where it is missing or damaged, which the list of checks says by name."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Image.new("RGB", size, QUIET)


def _fitted(path: Path, size: tuple[int, int]) -> Image.Image:
    return opened(path, size).resize(size, Image.Resampling.LANCZOS)
