# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of `manifest.jsonl`: what is known about a view, a real image and a triplet. Paths are below the set's root."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from harmonize_core.errors import ConfigError, DatasetError, InputError
from rdharmony_gen.spec.codec import decode_text
from rdharmony_gen.spec.condition import ConditionSpec

MAX_LINE = 2**20
"""Bytes of one manifest line; ours have a few thousand. A longer one is refused before it is decoded."""
MAX_STYLE = 999
"""Largest number that a capture condition may have."""
_SCENE_ID = re.compile(r"[A-Za-z0-9_]{1,200}", re.ASCII)


@dataclass(frozen=True)
class SubjectAlpha:
    """Coverage of one subject of several; they sum to no more than the view's alpha."""

    path: str
    sha256: str


@dataclass(frozen=True)
class ViewLine:
    """One camera view: its mask, its alpha, where camera and subject are."""

    kind: Literal["view"]
    scene_id: str
    category: str
    scene: str
    variation: int
    split: str
    mask: str
    mask_sha256: str
    alpha: str
    alpha_sha256: str
    fg_ratio: float
    """Share of pixels whose strict mask is 1."""
    geometry: dict[str, Any]
    """What the renderer wrote about the view: camera, placement, assets, Blender version."""
    subjects: tuple[SubjectAlpha, ...] = ()
    """Where a view has several subjects: each one's alpha."""


@dataclass(frozen=True)
class RealLine:
    """One real image: a whole view under one capture condition."""

    kind: Literal["real"]
    scene_id: str
    style: int
    path: str
    sha256: str
    exposure_ev: float
    """Stops between scene-linear and display-linear light."""
    white_balance: tuple[float, float, float]
    luma: float
    """Mean of BT.709-weighted sRGB values, 0..1."""
    condition: ConditionSpec


@dataclass(frozen=True)
class TripletLine:
    """One composite with its mask and real image."""

    kind: Literal["triplet"]
    scene_id: str
    bg_style: int
    fg_style: int
    composite: str
    sha256: str
    mask: str
    real: str
    fg_change: float
    """Mean absolute difference to the real image inside the mask, sRGB 0..1: how wrong the foreground looks."""


@dataclass(frozen=True)
class ViewRecord:
    """Everything the manifest says about one view."""

    view: ViewLine
    reals: tuple[RealLine, ...]
    triplets: tuple[TripletLine, ...]


_KINDS = {"view": ViewLine, "real": RealLine, "triplet": TripletLine}


def files_of(record: ViewRecord) -> list[str]:
    """Names of all pictures of a view, each once: masks, alpha, real images, composites."""
    masks = {record.view.mask: None} | {t.mask: None for t in record.triplets}
    alphas = [record.view.alpha, *(s.path for s in record.view.subjects)]
    return [*masks, *alphas, *(r.path for r in record.reals), *(t.composite for t in record.triplets)]


def asset_ids(view: ViewLine) -> list[str]:
    """Ids of the assets that a view shows, as its renderer named them."""
    names = view.geometry.get("assets")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []


def rejects(view: ViewLine) -> Counter[str]:
    """Why candidates for this view were drawn again: reason and how often; empty where nothing is known."""
    found = view.geometry.get("rejects")
    counts: Counter[str] = Counter()
    if isinstance(found, dict):
        counts.update({str(k): v for k, v in found.items() if isinstance(v, int) and not isinstance(v, bool)})
    for item in found if isinstance(found, list) else ():
        counts[str(item.get("reason", "unknown") if isinstance(item, dict) else item)] += 1
    return counts


def read_manifest(path: Path) -> list[ViewRecord]:
    """Read `manifest.jsonl`, grouped by view in file order.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
        ConfigError: a line does not decode.
        DatasetError: a line that is too long, of an unknown kind, out of order, or with numbers that no set has.
    """
    try:
        with open(path, "rb") as file:
            return list(_grouped(_lines(file, path), path))
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); run rdharmony compose first") from None


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise DatasetError(f"{path}:{number} should be shorter than {MAX_LINE} bytes but is not; make it again")
        try:
            yield line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError(f"{path} should be UTF-8 text but is not; run rdharmony compose again") from None


def _grouped(lines: Iterator[str], path: Path) -> Iterator[ViewRecord]:
    view, reals, triplets = None, [], []
    for number, text in enumerate(lines, 1):
        where = f"{path}:{number}"
        line = _line(text, where)
        if isinstance(line, ViewLine):
            if view is not None:
                yield ViewRecord(view, tuple(reals), tuple(triplets))
            view, reals, triplets = line, [], []
        elif view is None or line.scene_id != view.scene_id:
            raise DatasetError(
                f"{where} should follow the line of its view {line.scene_id[:200]!r}; run rdharmony compose"
            )
        else:
            (reals if isinstance(line, RealLine) else triplets).append(line)
    if view is not None:
        yield ViewRecord(view, tuple(reals), tuple(triplets))


def _line(text: str, where: str) -> ViewLine | RealLine | TripletLine:
    """One line, with numbers that the rest of the program can rely on."""
    try:
        line = decode_text(text, _KINDS.get(_kind_of(text), TripletLine), where)
    except ConfigError as error:
        raise ConfigError(str(error)[:500]) from None
    if not _SCENE_ID.fullmatch(line.scene_id):
        raise DatasetError(f"{where} should have a scene id of letters, digits and _ but has {line.scene_id[:200]!r}")
    styles = (line.style,) if isinstance(line, RealLine) else ()
    styles = (line.bg_style, line.fg_style) if isinstance(line, TripletLine) else styles
    if not all(1 <= style <= MAX_STYLE for style in styles):
        raise DatasetError(f"{where} should have style numbers from 1 to {MAX_STYLE} but has another; make it again")
    if isinstance(line, ViewLine) and not 0 <= line.fg_ratio <= 1:
        raise DatasetError(f"{where} should have a foreground ratio from 0 to 1 but has {line.fg_ratio:g}")
    return line


def _kind_of(text: str) -> str:
    try:
        return str(msgspec.json.decode(text)["kind"])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return ""
