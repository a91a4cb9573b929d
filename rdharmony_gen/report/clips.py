# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a set of clips: every view in motion under all its exchanges at once, and film strips of triplets.

What moves is an animated WebP a view, which every current browser plays without a script; the rest of the page is that
of stills, told of the clips' middle frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from harmonize_core.errors import DatasetError
from harmonize_core.formats.images import atomic_path
from rdharmony_gen.compose.collect import SPLITS, counts_of
from rdharmony_gen.report import sections
from rdharmony_gen.report.sheet import best_triplets, choose_views, contact_sheets
from rdharmony_gen.report.thumbnails import GREY, MAKING, QUALITY, opened
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.layout import SetLayout, inside
from rdharmony_gen.spec.records import ClipRecord, ViewRecord, files_of
from rdharmony_gen.spec.styles import words_of
from rdharmony_gen.validate.dataset import Validation

MAX_VIEWS = 300
"""Views that are shown in motion; of more, that many spread evenly: some 0.2 GB."""
TILE, STRIP, GAP = 144, 150, 4
"""Longer sides in pixels of what moves and of a frame in a strip; pixels between them."""
STRIP_FRAMES, MOTION_QUALITY = 6, 62


def clip_title(spec: DatasetSpec, records: Sequence[ClipRecord]) -> str:
    """Of the page."""
    return f"{sum(len(r.triplets) for r in records):,} clips of {spec.clip} frames"


def write_clip_body(
    layout: SetLayout, spec: DatasetSpec, records: list[ClipRecord], validation: Validation, page: Path
) -> str:
    """Make the pictures of the report and return the page's parts.

    Args:
        layout: Of the set.
        spec: Its recipe.
        records: Its views.
        validation: What was found in it.
        page: Where the page will be; pictures go into `images` beside it.

    Raises:
        OutputError: a file could not be written.
    """
    middles = [r.still(r.view.frames // 2) for r in records]
    sheets = contact_sheets(layout.root, middles, (spec.width, spec.height), layout.report)
    shown = {id(m) for m in choose_views(middles, MAX_VIEWS)}
    films = Films(layout, (spec.width, spec.height), page.parent / "images", {p.path for p in validation.problems})
    cards = [_card(r, films) for r, m in zip(records, middles, strict=True) if id(m) in shown]
    few = f" These are {len(shown):,} of {len(records):,} views." if len(shown) < len(records) else ""
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in sheets)
    body = [
        _head(spec, records, validation),
        '<h2 id="views">Every view in motion</h2><p>A column is the light of a background: its real video on top, '
        "below it the composites, with the foreground of another light each. Strips show composite, mask and real, as "
        f"a network sees them. Middle frames to print: {links}.{few}</p>" + "".join(cards),
        sections.charts_section(middles),
        sections.contents(middles),
        sections.redrawn(middles, layout.failures, sortable=False),
        sections.checks(validation),
        sections.data_card(spec, middles, layout.root),
    ]
    films.remove_others()
    return "\n".join(body)


class Films:
    """Moving and still pictures of clips; a name holds the digest of what it shows, so one that is there is right."""

    def __init__(self, layout: SetLayout, size: tuple[int, int], folder: Path, bad: set[str]) -> None:
        """Know where they go.

        Args:
            layout: Of the set.
            size: Width and height of its pictures.
            folder: Of the report's pictures.
            bad: Paths that the checks named; what shows them is made every time.
        """
        self._layout, self._size, self._folder, self._bad = layout, size, folder, bad
        self._made: set[str] = set()

    def motion(self, record: ClipRecord) -> str:
        """All videos of a view at once as an animated WebP: columns are backgrounds, the real ones on top."""
        target, there = self._target(record, "motion", "webp")
        if not there:
            frames = [self._mosaic(record.still(i)) for i in range(record.view.frames)]
            pause = round(1000 / max(record.view.fps, 1))
            with atomic_path(self._folder / target) as partial:
                rest = {"save_all": True, "append_images": frames[1:], "duration": pause, "loop": 0}
                frames[0].save(partial, "WEBP", quality=MOTION_QUALITY, **rest)
        return f"images/{target}"

    def strip(self, record: ClipRecord) -> str:
        """One triplet over time: composites, masks, real images."""
        target, there = self._target(record, "strip", "jpg")
        if not there:
            last, count = record.view.frames - 1, min(STRIP_FRAMES, record.view.frames)
            best = best_triplets([record.still(last // 2)], 1)[0][1]
            pairs = [(t.bg_style, t.fg_style) for t in record.triplets]
            number = pairs.index((best.bg_style, best.fg_style))
            rows: list[list[Image.Image]] = [[], [], []]
            for step in range(count):
                triplet = record.still(round(step * last / max(count - 1, 1))).triplets[number]
                for row, name in zip(rows, (triplet.composite, triplet.mask, triplet.real), strict=True):
                    row.append(self._tile(name, STRIP))
            with atomic_path(self._folder / target) as partial:
                _tiled(rows).save(partial, "JPEG", quality=QUALITY)
        return f"images/{target}"

    def remove_others(self) -> None:
        """Delete what an earlier report showed and this one does not."""
        for path in self._folder.glob("clip_*"):
            if path.name not in self._made:
                path.unlink()

    def _mosaic(self, still: ViewRecord) -> Image.Image:
        columns = [
            [self._tile(real.path, TILE)]
            + [self._tile(t.composite, TILE) for t in still.triplets if t.bg_style == real.style]
            for real in still.reals
        ]
        height = max(len(c) for c in columns)
        blank = Image.new("RGB", columns[0][0].size, GREY)
        return _tiled([[c[row] if row < len(c) else blank for c in columns] for row in range(height)])

    def _tile(self, name: str, side: int) -> Image.Image:
        scale = side / max(self._size)
        cell = max(1, round(self._size[0] * scale)), max(1, round(self._size[1] * scale))
        try:
            return opened(inside(self._layout.root, name), self._size, side).resize(cell, Image.Resampling.LANCZOS)
        except DatasetError:
            return Image.new("RGB", cell, GREY)

    def _target(self, record: ClipRecord, kind: str, suffix: str) -> tuple[str, bool]:
        """Name of a picture, and whether it is there and right."""
        view = record.view
        shown = [d for line in (*record.reals, *record.triplets) for d in line.sha256]
        doubtful = any(name in self._bad for name in files_of(record))
        salted = f"{MAKING}/{TILE}/{STRIP}/{self._size}/{view.fps}/" + "/".join((*shown, *view.mask_sha256))
        mark = "doubtful" if doubtful else hashlib.sha256(salted.encode()).hexdigest()[:10]
        target = f"clip_{view.category}_{view.scene_id[:100]}_{kind}_{mark}.{suffix}"
        self._made.add(target)
        return target, not doubtful and (self._folder / target).is_file()


def _head(spec: DatasetSpec, records: Sequence[ClipRecord], validation: Validation) -> str:
    counts = counts_of(records)
    splits = [sum(len(r.triplets) for r in records if r.view.split == s) for s in SPLITS]
    facts = [
        (f"{counts.views:,}", "moving views"),
        (f"{sum(len(r.reals) for r in records):,}", "real videos"),
        (f"{counts.composites:,}", "composite frames"),
        (" / ".join(f"{n:,}" for n in splits), "clips to train / validate / test"),
        ("&#10003;" if not validation.problems else f"{len(validation.problems):,}", _found(validation)),
    ]
    items = "".join(f"<li><b>{a}</b><span>{b}</span></li>" for a, b in facts)
    return (
        f"<h1>{escape(clip_title(spec, records))}</h1>"
        f'<p class="quiet">{escape(sections.listed(spec.categories).capitalize())}, {spec.width} x {spec.height} '
        f"pixels, 24 frames a second, {spec.samples} samples, seed {spec.seed}. Camera and subject move; exposure is "
        "locked over a clip. Every composite video puts a foreground rendered in one light into the same place in "
        "another; harmonizing it means finding the real video again, without flicker.</p>"
        f'<ul class="facts">{items}</ul>'
    )


def _found(validation: Validation) -> str:
    return "problems found" if validation.problems else f"{validation.files:,} files checked"


def _card(record: ClipRecord, films: Films) -> str:
    view = record.view
    lights = "from left to right: " + "; ".join(words_of(r.condition.style) for r in record.reals)
    motion = view.geometry.get("motion")
    kind = motion.get("kind") if isinstance(motion, dict) else None
    walks = isinstance(motion, dict) and motion.get("walk_m_s") not in (None, [0.0, 0.0])
    words = f"{view.scene.replace('_', ' ')}, {view.category}, {view.split}; camera: {str(kind)[:20]}"
    words += ", the subject walks" if walks else ""
    name = escape(view.scene_id)
    return (
        f'<div class="play" style="margin-top:28px"><figure><img loading="lazy" src="{films.motion(record)}" '
        f'alt="All videos of {name} at once"><figcaption><b>{name}</b>: {escape(words)}<br>{escape(lights)}'
        f'</figcaption></figure><figure><img loading="lazy" src="{films.strip(record)}" '
        f'alt="Composite, mask and real of {name} over time"><figcaption>composite, mask, real; foreground '
        f"{min(view.fg_ratio):.0%} to {max(view.fg_ratio):.0%} of the picture</figcaption></figure></div>"
    )


def _tiled(rows: list[list[Image.Image]]) -> Image.Image:
    """Pictures of one size in rows."""
    width, height = rows[0][0].size
    size = (len(rows[0]) * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP)
    sheet = Image.new("RGB", size, (255, 255, 255))
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            sheet.paste(tile, (x * (width + GAP), y * (height + GAP)))
    return sheet
