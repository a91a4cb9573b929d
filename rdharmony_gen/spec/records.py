# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of `manifest.jsonl`: what is known about a view, a real image and a triplet. Paths are below the set's root.

A set of clips has lines of other kinds: one a view, a real video and a composite video, with a digest a frame.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import msgspec

from harmonize_core.errors import ConfigError, DatasetError, InputError
from rdharmony_gen.spec.clip import FRAMES, frames_of
from rdharmony_gen.spec.codec import decode_text
from rdharmony_gen.spec.condition import ConditionSpec

MAX_LINE = 2**20
"""Bytes of one manifest line; ours have a few thousand. A longer one is refused before it is decoded."""
MAX_STYLE = 999
"""Largest number that a capture condition may have."""
FG_RATIO = (0.02, 0.45)
"""Share of a picture that its foreground may take, by the strict mask."""
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


@dataclass(frozen=True)
class ClipLine:
    """One camera view in motion; what is told for each frame is in the order of time."""

    kind: Literal["clip"]
    scene_id: str
    category: str
    scene: str
    variation: int
    split: str
    frames: int
    fps: int
    alpha: str
    """Folder."""
    alpha_sha256: tuple[str, ...]
    mask_sha256: tuple[str, ...]
    """The same for every pair of styles."""
    fg_ratio: tuple[float, ...]
    """Share of pixels whose strict mask is 1."""
    geometry: dict[str, Any]
    """As of a still's middle frame; `frames` of it says where camera and subject are in each."""


@dataclass(frozen=True)
class ClipRealLine:
    """One real video: a whole view under one capture condition, exposed alike in all frames."""

    kind: Literal["clip_real"]
    scene_id: str
    style: int
    path: str
    """Folder."""
    sha256: tuple[str, ...]
    exposure_ev: float
    white_balance: tuple[float, float, float]
    luma: tuple[float, ...]
    condition: ConditionSpec


@dataclass(frozen=True)
class ClipTripletLine:
    """One composite video with its masks and its real video, as folders."""

    kind: Literal["clip_triplet"]
    scene_id: str
    bg_style: int
    fg_style: int
    composite: str
    sha256: tuple[str, ...]
    mask: str
    real: str
    fg_change: float
    """As of a still, mean over the frames."""


@dataclass(frozen=True)
class ClipRecord:
    """Everything the manifest says about one view of clips."""

    view: ClipLine
    reals: tuple[ClipRealLine, ...]
    triplets: tuple[ClipTripletLine, ...]

    def still(self, index: int) -> ViewRecord:
        """One frame, counted from 0, as the record of a still."""
        view = self.view

        def file(folder: str, suffix: str = ".jpg") -> str:
            return frames_of(folder, view.frames, suffix)[index]

        return ViewRecord(
            view=ViewLine(
                kind="view",
                scene_id=view.scene_id,
                category=view.category,
                scene=view.scene,
                variation=view.variation,
                split=view.split,
                mask=file(self.triplets[0].mask, ".png"),
                mask_sha256=view.mask_sha256[index],
                alpha=file(view.alpha, ".png"),
                alpha_sha256=view.alpha_sha256[index],
                fg_ratio=view.fg_ratio[index],
                geometry=view.geometry,
            ),
            reals=tuple(
                RealLine(
                    kind="real",
                    scene_id=r.scene_id,
                    style=r.style,
                    path=file(r.path),
                    sha256=r.sha256[index],
                    exposure_ev=r.exposure_ev,
                    white_balance=r.white_balance,
                    luma=r.luma[index],
                    condition=r.condition,
                )
                for r in self.reals
            ),
            triplets=tuple(
                TripletLine(
                    kind="triplet",
                    scene_id=t.scene_id,
                    bg_style=t.bg_style,
                    fg_style=t.fg_style,
                    composite=file(t.composite),
                    sha256=t.sha256[index],
                    mask=file(t.mask, ".png"),
                    real=file(t.real),
                    fg_change=t.fg_change,
                )
                for t in self.triplets
            ),
        )


Record = ViewRecord | ClipRecord
Kinds = Mapping[str, type]
"""Classes of lines by their `kind`: that of a view, of what is real, of what is composed."""
_STILLS: Kinds = {"view": ViewLine, "real": RealLine, "triplet": TripletLine}
_CLIPS: Kinds = {"clip": ClipLine, "clip_real": ClipRealLine, "clip_triplet": ClipTripletLine}
R = TypeVar("R", ViewRecord, ClipRecord)


def files_of(record: Record) -> list[str]:
    """Names of all pictures of a view, each once: masks, alpha, real images, composites."""
    if isinstance(record, ClipRecord):
        return [name for i in range(record.view.frames) for name in files_of(record.still(i))]
    masks = {record.view.mask: None} | {t.mask: None for t in record.triplets}
    alphas = [record.view.alpha, *(s.path for s in record.view.subjects)]
    return [*masks, *alphas, *(r.path for r in record.reals), *(t.composite for t in record.triplets)]


def asset_ids(view: ViewLine | ClipLine) -> list[str]:
    """Ids of the assets that a view shows, as its renderer named them."""
    names = view.geometry.get("assets")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []


def rejects(view: ViewLine | ClipLine) -> Counter[str]:
    """Why candidates for this view were drawn again: reason and how often; empty where nothing is known."""
    found = view.geometry.get("rejects")
    counts: Counter[str] = Counter()
    if isinstance(found, dict):
        counts.update({str(k): v for k, v in found.items() if isinstance(v, int) and not isinstance(v, bool)})
    for item in found if isinstance(found, list) else ():
        counts[str(item.get("reason", "unknown") if isinstance(item, dict) else item)] += 1
    return counts


def read_manifest(path: Path) -> list[ViewRecord]:
    """Read the `manifest.jsonl` of stills, grouped by view in file order.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
        ConfigError: a line does not decode.
        DatasetError: a line that is too long, of an unknown kind, out of order, or with numbers that no set has.
    """
    return _read(path, _STILLS, ViewRecord)


def read_clips(path: Path) -> list[ClipRecord]:
    """Read the `manifest.jsonl` of clips; raises as `read_manifest`."""
    records = _read(path, _CLIPS, ClipRecord)
    if bare := [r.view.scene_id for r in records if not r.triplets]:
        raise DatasetError(f"{path} should list composite videos of {bare[0]} but lists none; run rdharmony compose")
    return records


def _read(path: Path, kinds: Kinds, make: Callable[..., R]) -> list[R]:
    try:
        with open(path, "rb") as file:
            return list(_grouped(_lines(file, path), path, kinds, make))
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


def _grouped(lines: Iterator[str], path: Path, kinds: Kinds, make: Callable[..., R]) -> Iterator[R]:
    view_line, real_line, _ = kinds.values()
    view, reals, triplets = None, [], []
    for number, text in enumerate(lines, 1):
        where = f"{path}:{number}"
        line = _line(text, where, kinds)
        if isinstance(line, view_line):
            if view is not None:
                yield make(view, tuple(reals), tuple(triplets))
            view, reals, triplets = line, [], []
        elif view is None or line.scene_id != view.scene_id:
            raise DatasetError(
                f"{where} should follow the line of its view {line.scene_id[:200]!r}; run rdharmony compose"
            )
        else:
            _refuse_length(line, view, where)
            (reals if isinstance(line, real_line) else triplets).append(line)
    if view is not None:
        yield make(view, tuple(reals), tuple(triplets))


def _line(text: str, where: str, kinds: Kinds) -> Any:
    """One line, with numbers that the rest of the program can rely on."""
    try:
        line: Any = decode_text(text, kinds.get(_kind_of(text), [*kinds.values()][-1]), where)
    except ConfigError as error:
        raise ConfigError(str(error)[:500]) from None
    if not _SCENE_ID.fullmatch(line.scene_id):
        raise DatasetError(f"{where} should have a scene id of letters, digits and _ but has {line.scene_id[:200]!r}")
    styles = [getattr(line, name) for name in ("style", "bg_style", "fg_style") if hasattr(line, name)]
    if not all(1 <= style <= MAX_STYLE for style in styles):
        raise DatasetError(f"{where} should have style numbers from 1 to {MAX_STYLE} but has another; make it again")
    ratios = getattr(line, "fg_ratio", ())
    for ratio in ratios if isinstance(ratios, tuple) else (ratios,):
        if not 0 <= ratio <= 1:
            raise DatasetError(f"{where} should have a foreground ratio from 0 to 1 but has {ratio:g}")
    if isinstance(line, ClipLine):
        if not FRAMES[0] <= line.frames <= FRAMES[1]:
            raise DatasetError(f"{where} should have {FRAMES[0]} to {FRAMES[1]} frames but has {line.frames}")
        _refuse_length(line, line, where)
    return line


def _refuse_length(line: Any, view: Any, where: str) -> None:
    """What a line of a clip says for each frame, it must say for all of them."""
    if not isinstance(view, ClipLine):
        return
    for name in ("sha256", "luma", "alpha_sha256", "mask_sha256", "fg_ratio"):
        if len(getattr(line, name, range(view.frames))) != view.frames:
            raise DatasetError(f"{where} should hold {view.frames} values of {name}, one a frame, but does not")


def _kind_of(text: str) -> str:
    try:
        return str(msgspec.json.decode(text)["kind"])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return ""
