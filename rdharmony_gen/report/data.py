# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page's script gets to know: a line a view in `data.js`, and in `.rdharmony/` what the runs cost.

A page opened from a disk may not fetch files, but it may load scripts; so both are scripts that set one variable.
Costs differ from run to run: they stay out of the report folder, whose bytes follow from the set alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harmonize_core.formats.images import write_text
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.report.charts import colour_temperature
from rdharmony_gen.report.sheet import best_triplets, style_columns
from rdharmony_gen.report.thumbnails import Thumbnails
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.naming import ViewNames
from rdharmony_gen.spec.records import ViewRecord, rejects
from rdharmony_gen.spec.styles import group_of, label_of, words_of

LARGE, TILE, STRIP = 448, 84, 152
"""Longer sides in pixels: pictures to look at, squares of a matrix, tiles of a strip."""
PEAK_KEYS = ("peak_rss_mb", "peak_mb")
MAX_TIMINGS = 2_000_000
"""Lines of the timings that are looked at."""


def write_data(
    path: Path,
    spec: DatasetSpec,
    records: Sequence[ViewRecord],
    shown: Sequence[ViewRecord],
    pictures: Thumbnails,
    *,
    quiet: bool,
) -> None:
    """Write `data.js`: styles, names of files, the views to play with, and all views.

    Raises:
        OutputError: a file could not be written.
    """
    data = {
        "size": pictures.size,
        "styles": {
            str(number): {"words": words_of(name), "head": group_of(name), "label": label_of(name)}
            for number, name in style_columns(records).items()
        },
        "names": _templates(spec),
        "showcase": [_showcase(record, pictures) for record in shown],
        "views": [
            _view(spec, record, strip)
            for record, strip in zip(records, pictures.strips(records, STRIP, quiet=quiet), strict=True)
        ],
    }
    write_text(path, f"window.rdharmony = {_script(data)};\n")


def write_costs(layout: SetLayout) -> None:
    """Write what the runs of this set cost so far; `null` where nothing is known.

    Raises:
        OutputError: the file could not be written.
    """
    write_text(layout.state / "costs.js", f"window.rdharmonyCosts = {_script(costs(layout.timings))};\n")


def costs(timings: Path) -> dict[str, Any] | None:
    """Seconds by stage and peak memory from the lines that workers wrote; unknown lines and keys are passed over."""
    stages: dict[str, list[tuple[float, float]]] = {}
    peaks: list[float] = []
    try:
        with open(timings, "rb") as file:
            for number, line in enumerate(file):
                if number >= MAX_TIMINGS:
                    break
                event = _event(line)
                wall, cpu = _number(event.get("wall_s")), _number(event.get("cpu_s"))
                if wall is not None and cpu is not None:
                    stages.setdefault(str(event.get("event", "?"))[:40], []).append((wall, cpu))
                parts = event.get("stages")
                for name, value in parts.items() if isinstance(parts, dict) else ():
                    if (seconds := _number(value)) is not None:
                        stages.setdefault(f"· {name}"[:40], []).append((seconds, float("nan")))
                peaks += [peak for k in PEAK_KEYS if (peak := _number(event.get(k))) is not None]
    except OSError:
        return None
    if not stages:
        return None
    return {
        "stages": [
            {
                "name": name,
                "views": len(pairs),
                "wall_s": round(sum(w for w, _ in pairs), 2),
                "median_s": round(statistics.median(w for w, _ in pairs), 3),
                "cpu_s": None if any(c != c for _, c in pairs) else round(sum(c for _, c in pairs), 2),
            }
            for name, pairs in stages.items()
        ],
        "peak_mb": round(max(peaks), 1) if peaks else None,
    }


def _event(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    """A plausible number, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e12 else None


def _view(spec: DatasetSpec, record: ViewRecord, strip: str) -> dict[str, Any]:
    view = record.view
    kelvins = [colour_temperature(r.condition) for r in record.reals]
    again = rejects(view)
    focal = _number(view.geometry.get("focal_mm"))
    best = best_triplets([record], 1)
    return {
        "id": view.scene_id,
        "folder": CATEGORY_FOLDERS.get(view.category, view.category),
        "name": view.scene_id.replace("_", "-") if spec.layout == "iharmony4" else view.scene_id,
        "category": view.category,
        "place": view.scene,
        "split": view.split,
        "fg": round(view.fg_ratio, 4),
        "lens": None if focal is None else round(focal, 1),
        "styles": [r.style for r in record.reals],
        "luma": [round(r.luma, 3) for r in record.reals],
        "ev": [round(r.exposure_ev, 2) for r in record.reals],
        "kelvin": [None if k is None else round(k / 10) * 10 for k in kelvins],
        "start": [best[0][1].bg_style, best[0][1].fg_style] if best else None,
        "again": sum(again.values()),
        "why": ", ".join(f"{count} x {reason}" for reason, count in again.most_common(4))[:300],
        "strip": strip,
    }


def _showcase(record: ViewRecord, pictures: Thumbnails) -> dict[str, Any]:
    """A view whose every composite is copied into the report."""
    return {
        "id": record.view.scene_id,
        "folder": CATEGORY_FOLDERS.get(record.view.category, record.view.category),
        "category": record.view.category,
        "place": record.view.scene,
        "matrix": pictures.matrix(record, TILE),
        "reals": {str(r.style): pictures.copy(r.path, LARGE) for r in record.reals},
        "composites": {f"{t.bg_style}_{t.fg_style}": pictures.copy(t.composite, LARGE) for t in record.triplets},
    }


def _templates(spec: DatasetSpec) -> dict[str, str]:
    """Names of the set's own pictures as seen from the page, with `{folder} {view} {a} {b}` to be filled in."""
    names = ViewNames(spec.layout, "{folder}", "{view}", f".{spec.format}")
    a, b = 901, 902  # numbers that no style has, replaced below
    found = {"real": names.real(a), "composite": names.composite(a, b), "mask": names.mask(a)}
    return {k: f"../{v.replace(str(a), '{a}').replace(str(b), '{b}')}" for k, v in found.items()}


def _script(data: object) -> str:
    """JSON that is safe as a script, in a file or in a page."""
    text = msgspec.json.encode(data).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
