# SPDX-License-Identifier: Apache-2.0
"""Sequences and videos harmonized without flicker, in two passes, in the memory of a frame.

The first pass estimates what makes each frame fit and keeps that in small files (`sequence_work`). Then the frames are
known: shots are told apart, and within each the estimates are made steady (`harmonize_core/runtime/temporal.py`). The
second pass applies them and writes the frames. A run that was stopped, at any moment, goes on with the same command:
what is finished is found by digests of the frame, its mask, the network and all options.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from harmonize_core.errors import ConfigError
from harmonize_core.formats.lock import exclusive
from harmonize_core.infer.controls import Controlled, Controls, baked
from harmonize_core.infer.files import Recalled
from harmonize_core.infer.look_files import SavedLooks, Transform
from harmonize_core.infer.pairs import FileJob, check_outputs, is_numbered, numbered
from harmonize_core.infer.sequence_curves import Curve
from harmonize_core.infer.sequence_frames import Footage, Frame, file_digest, numbers_of
from harmonize_core.infer.sequence_plan import Progress, Shot, Steady, concerned, planned_sequence
from harmonize_core.infer.sequence_work import FOLDER, Work, digest_of, remove_leftovers
from harmonize_core.infer.video import is_video
from harmonize_core.infer.video_writer import VideoWriter, video_writer
from harmonize_core.runtime.transform import ColorTransform, MaskEmpty


@dataclass(frozen=True)
class Sequenced:
    """What became of a sequence."""

    written: int
    kept: int
    """Frames that were finished before."""
    empty: int
    """Frames without foreground that were written as they were."""
    shots: tuple[Shot, ...]
    curves: tuple[Curve, ...]
    """The numbers of each frame with foreground, raw and steady."""
    looks: SavedLooks | None
    """What was applied, with strength and mode in it, where that was to be kept."""


class Plan(Protocol):
    """What to apply to the frames of a sequence."""

    def transform(self, frame: Frame) -> Transform | None:
        """Of a frame, asked for in order; None: the network decides when it sees the frame."""
        ...


class Alone:
    """Each frame by itself."""

    def transform(self, frame: Frame) -> Transform | None:
        """None."""
        return None


class FromLooks:
    """What was saved before, by the numbers of frames."""

    def __init__(self, saved: SavedLooks) -> None:
        """Args:
        saved: one look, or those of frames.
        """
        self.saved = saved

    def transform(self, frame: Frame) -> Transform | None:
        """The look of that frame."""
        return self.saved.at(frame.number)


def harmonize_sequence(
    model: Controlled | Recalled,
    footage: Footage,
    out: Path,
    steadied: Steady,
    *,
    network: str = "",
    again: bool = False,
    keep_looks: bool = False,
    progress: Progress = lambda _what, frames, _count: frames,
) -> Sequenced:
    """Harmonize all frames of a sequence and write them.

    Args:
        model: the network under its controls; or looks that were saved before, and what is steady in them is theirs.
        footage: frames and masks.
        out: a folder, a pattern (out/shot.%04d.png) or a video.
        steadied: how frames are made steady.
        network: whatever tells this network from others; results of another are not kept.
        again: write also frames that are finished.
        keep_looks: return the looks that were applied, too.
        progress: wraps the frames of both passes.

    Raises:
        InputError: a frame or mask is missing, damaged, or of another size.
        ConfigError: frames in `shots` that are not there, or an output that does not fit.
        OutputError: an output cannot be written, or another run writes to the same place.
    """
    place = _places(footage, out)
    video = is_video(out)
    folder = out.parent / FOLDER / out.name if video else (out.parent if is_numbered(out) else out) / FOLDER
    controls = model.controls
    reference = "" if controls.reference is None else file_digest(controls.reference)
    asked = digest_of(network, footage.reading, controls.invert, reference)
    steadies = isinstance(model, Controlled) and steadied.temporal != "off"
    options = digest_of(asked, controls, isinstance(model, Controlled) and model.as_look)
    planned, work = None, Work(folder)
    written = kept = empty = 0
    looks: dict[int, Transform] = {}
    with contextlib.ExitStack() as held:
        if steadies or not video:  # there are work files, which another run would replace
            held.enter_context(exclusive(folder / "lock", out, patience_s=1.0))
        for place_of_work in (folder, out.parent if video or is_numbered(out) else out):
            remove_leftovers(place_of_work)
        if isinstance(model, Controlled) and steadies:
            planned = planned_sequence(model, footage, folder, steadied, asked, progress, one_size=video)
        plan: Plan = planned or (Alone() if isinstance(model, Controlled) else FromLooks(model.saved))
        writer = held.enter_context(video_writer(out, footage.rate, footage.video)) if video else None
        for frame in progress("writing", footage, len(planned.known) if planned else len(footage)):
            transform, file = plan.transform(frame), place(frame)
            arrays = [] if transform is None else [getattr(transform, f.name) for f in dataclasses.fields(transform)]
            key = digest_of(options, frame.digest, *arrays)
            if keep_looks and transform is not None:
                looks[frame.number] = _as_applied(transform, controls)
            if not video and not again and work.finished(frame.name, key, file):
                kept += 1
                continue
            empty += _apply(model, frame, transform, isinstance(plan, Alone), file, writer)
            if not video:
                work.keep_finished(frame.name, key, file)
            written += 1
    shots, curves = (planned.shots, tuple(planned.curves)) if planned else ((), ())
    saved = SavedLooks(tuple(looks.values()), tuple(looks)) if looks else None
    return Sequenced(written, kept, empty, shots, curves, saved)


def _apply(
    model: Controlled | Recalled,
    frame: Frame,
    transform: Transform | None,
    alone: bool,
    out: Path,
    writer: VideoWriter | None,
) -> bool:
    """Write a frame; whether there was no foreground in it, so that it is as it was."""
    picture, mask = frame.read()
    harmonized, changed = picture.srgb, np.zeros_like(mask)
    with contextlib.suppress(MaskEmpty):  # so small that the network does not see it
        if concerned(model.controls, mask) and (alone or transform is not None):
            if transform is None:
                harmonized = model(picture.srgb, mask, ceiling=picture.ceiling)
            else:
                harmonized = model.apply(transform, picture.srgb, mask, picture.ceiling)
            changed = model.controls.changed(mask)
    if writer is None:
        picture.save(out, harmonized, changed)
    else:
        writer.write(picture, harmonized, changed)
    return not changed.any()


def _as_applied(transform: Transform, controls: Controls) -> Transform:
    """Raises: ConfigError where one look for all of the foreground depends on where that is."""
    if controls.mode == "global" and isinstance(transform, ColorTransform):
        raise ConfigError("--save-look with --mode global is for networks of looks; save it with --mode map")
    return baked(transform, np.ones((1, 1), np.float32), controls)


def _places(footage: Footage, out: Path) -> Callable[[Frame], Path]:
    """Where the result of each frame goes, after a check that it can."""
    if is_video(out):
        inputs = {p.resolve() for p in (*footage.images, *(m for m in footage.masks if m))}
        if out.resolve() in inputs:
            raise ConfigError(f"--out {out} would replace the input; choose another name")
        if out.is_dir():
            raise ConfigError(f"--out {out} is a folder that stands where a file would go; choose another place")
        return lambda _frame: out
    pattern = out if is_numbered(out) else None
    if footage.video is not None:
        pattern = pattern or out / f"{footage.video.stem}.%05d.png"
        places = {1: numbered(pattern, 1)}
    else:
        frames = zip(numbers_of(footage.images), footage.images, strict=True)
        places = {n: numbered(pattern, n) if pattern else out / path.name for n, path in frames}
    jobs = [FileJob(path, None, to) for path, to in zip(footage.images, places.values(), strict=True)]
    check_outputs(jobs, {*footage.images, *(m for m in footage.masks if m)}, out)
    return lambda frame: places.get(frame.number) or numbered(pattern or out, frame.number)
