# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of `manifest.jsonl`: what is known about a view, a real image and a triplet. Paths are below the set's root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from harmonize_core.errors import DatasetError, InputError
from rdharmony_gen.spec.codec import decode_text
from rdharmony_gen.spec.condition import ConditionSpec


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


def read_manifest(path: Path) -> list[ViewRecord]:
    """Read `manifest.jsonl`, grouped by view in file order.

    Raises:
        InputError: the file cannot be read.
        ConfigError: a line does not decode.
        DatasetError: a line of an unknown kind, or pictures before their view.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); run rdharmony compose first") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} should be UTF-8 text but is not; run rdharmony compose again") from None
    return list(_grouped(lines, path))


def _grouped(lines: list[str], path: Path) -> Iterator[ViewRecord]:
    view, reals, triplets = None, [], []
    for number, text in enumerate(lines, 1):
        where = f"{path}:{number}"
        line = decode_text(text, _KINDS.get(_kind_of(text), TripletLine), where)
        if isinstance(line, ViewLine):
            if view is not None:
                yield ViewRecord(view, tuple(reals), tuple(triplets))
            view, reals, triplets = line, [], []
        elif view is None or line.scene_id != view.scene_id:
            raise DatasetError(f"{where} should follow the line of its view {line.scene_id!r}; run rdharmony compose")
        else:
            (reals if isinstance(line, RealLine) else triplets).append(line)
    if view is not None:
        yield ViewRecord(view, tuple(reals), tuple(triplets))


def _kind_of(text: str) -> str:
    try:
        return str(msgspec.json.decode(text)["kind"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
