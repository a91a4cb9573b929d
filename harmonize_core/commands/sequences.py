# SPDX-License-Identifier: Apache-2.0
"""`harmonize predict` on the frames of a sequence."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.commands.terminal import say
from harmonize_core.errors import ConfigError
from harmonize_core.formats.images import write_text
from harmonize_core.formats.picture import SUFFIXES
from harmonize_core.infer.controls import Controlled
from harmonize_core.infer.files import Reading, Recalled
from harmonize_core.infer.look_files import check_savable, save_looks
from harmonize_core.infer.pairs import is_numbered
from harmonize_core.infer.sequence import Sequenced, harmonize_sequence
from harmonize_core.infer.sequence_curves import curves_svg
from harmonize_core.infer.sequence_frames import Frame, find_footage
from harmonize_core.infer.sequence_plan import Progress, Shot, Steady, Temporal, sigma_of
from harmonize_core.infer.video import is_video

_NAMED = 8
"""Frames of a kind that are named in a line."""


@dataclass(frozen=True)
class SequenceOptions:
    """What is asked of a sequence beside its pictures; as the options of `harmonize predict`."""

    temporal: Temporal = "smooth"
    smoothing: str | None = None
    shots: str | None = None
    fps: float | None = None
    curves: Path | None = None
    save_look: Path | None = None
    overwrite: bool = False


def predict_sequence(
    images: Sequence[Path],
    mask: Path | None,
    out: Path,
    reading: Reading,
    load: Callable[[], tuple[Controlled | Recalled, str]],
    options: SequenceOptions,
    quiet: bool,
) -> int:
    """Harmonize a sequence and say what was found.

    Args:
        images: frames.
        mask: theirs.
        out: where they go.
        reading: how they are read.
        load: opens the network, and says what tells it from others.
        options: of time.
        quiet: print nothing but errors.
    """
    if out.suffix.lower() in SUFFIXES and not is_numbered(out) and not out.is_dir():
        raise ConfigError(f"--out should be a folder, a pattern (out/shot.%04d.png) or a video for frames but is {out}")
    if options.save_look is not None and options.temporal == "off":
        raise ConfigError("--save-look needs looks of frames; leave --temporal off out")
    footage = find_footage(images, mask, reading, options.fps)
    steady = Steady(options.temporal, sigma_of(options.smoothing, footage.rate), options.shots)
    model, network = load()
    if options.save_look is not None and options.temporal == "smooth" and isinstance(model, Controlled):
        check_savable(options.save_look, graded=True, frames=len(footage))
    done = harmonize_sequence(
        model,
        footage,
        out,
        steady,
        network=network,
        again=options.overwrite,
        keep_looks=options.save_look is not None,
        progress=_bar(quiet),
    )
    if options.save_look is not None and done.looks is None:
        raise ConfigError("--save-look needs looks of frames; give a mask with foreground")
    if options.save_look is not None and done.looks is not None:
        of = model.predictor.label if isinstance(model, Controlled) else model.saved.model
        save_looks(options.save_look, dataclasses.replace(done.looks, model=of))
    picture = options.curves or _beside(out)
    if done.curves:
        write_text(picture, curves_svg(f"{footage.images[0].name}, --temporal {options.temporal}", done.curves))
    if not quiet:
        _tell(done, out, picture if done.curves else None)
    return 0


def _beside(out: Path) -> Path:
    """Where the picture of the curves goes: next to the video, or to the folder of the frames."""
    base = out.with_suffix("") if is_video(out) else out.parent if is_numbered(out) else out
    return base.with_name(f"{base.resolve().name}_curves.svg")


def _tell(done: Sequenced, out: Path, curves: Path | None) -> None:
    for number, shot in enumerate(done.shots, 1):
        say(f"shot {number} of {len(done.shots)}: {_described(shot)}")
    if done.empty:
        print(f"note: {done.empty} frames have an empty mask and were written as they are", file=sys.stderr)
    before = f", {done.kept} were there already" if done.kept else ""
    say(f"wrote {done.written} frames to {out}{before}{f'; curves: {curves}' if curves else ''}")


def _described(shot: Shot) -> str:
    parts = [f"frames {shot.first} to {shot.last}"]
    if shot.steps:
        parts.append(f"the light changes at {_listed(shot.steps)}")
    if shot.outliers:
        parts.append(f"estimates of {_listed(shot.outliers)} do not count")
    return ", ".join(parts)


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(str(n) for n in numbers[:_NAMED]) + more


def _bar(quiet: bool) -> Progress:
    def wrap(what: str, frames: Iterable[Frame], count: int) -> Iterable[Frame]:
        from tqdm import tqdm

        return tqdm(frames, desc=what, unit="frame", total=count or None, disable=quiet, mininterval=0.5)

    return wrap
