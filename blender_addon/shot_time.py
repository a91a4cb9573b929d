# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks over time: where a shot's cuts are, the estimates kept on disk, and the steady look of each frame."""

from __future__ import annotations

import bisect
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import bpy
import numpy as np

from harmonize_core.errors import InputError
from harmonize_core.runtime import ColorTransform, Look
from harmonize_core.runtime.shot_timing import Estimate, SteadyShot, Timing, Transform

from .bridge.files import DAMAGED, write_atomic
from .layers import CHARACTERS
from .options import ShotOptions

NO_ESTIMATES = (
    "No estimates of frame {frames} are in {folder}: press Harmonize Animation first (or Harmonize Frame for one frame)"
)


def timing_of(options: ShotOptions) -> Timing:
    """How the frames of a run are made steady: smoothed or locked, and a new shot wherever the camera changes."""
    scene = bpy.data.scenes[options.scene]
    frames = options.frames
    return Timing(len(frames), options.smoothing, scene.harmonize_time.lock, camera_cuts(scene, frames))


def camera_cuts(scene: bpy.types.Scene, frames: Sequence[int]) -> tuple[int, ...]:
    """Indices of the frames at which another camera takes over than the frame before had (markers bound to cameras)."""
    bound = sorted((marker.frame, marker.camera.name) for marker in scene.timeline_markers if marker.camera)
    starts = [at for at, _ in bound]

    def camera(frame: int) -> str:
        # before the first marker Blender keeps whatever camera there is: the first marker's, once it was reached
        return bound[max(0, bisect.bisect_right(starts, frame) - 1)][1]

    places = sorted({bisect.bisect_left(frames, at) for at in starts})
    return tuple(i for i in places if 0 < i < len(frames) and camera(frames[i]) != camera(frames[i - 1]))


def looks_of(options: ShotOptions, layer: str = CHARACTERS) -> dict[int, Transform]:
    """The steady look of each frame of a run, from what its work folder holds; frames without characters have none.

    Args:
        options: of the run.
        layer: of `Cast.over`; or all characters, also where each has a look of its own.

    Raises:
        InputError: frames were not estimated yet; the sentence says what to press.
    """
    found, timing, index = estimates_of(options, layer), timing_of(options), 0
    looks = {}
    while index < timing.count:
        shot = timing.shot(index)
        steady = SteadyShot(timing, {i: found[i] for i in shot})
        looks |= {options.frames[i]: look for i in shot if (look := steady.transform(i)) is not None}
        index = shot.stop
    return looks


def estimates_of(options: ShotOptions, layer: str = CHARACTERS) -> list[Estimate | None]:
    """What was found in each frame of a run; None where it has no characters.

    Args:
        options: of the run.
        layer: as `looks_of`.

    Raises:
        InputError: as `looks_of`.
    """
    paths = [estimate_path(options, frame, layer) for frame in options.frames]
    missing = [frame for frame, path in zip(options.frames, paths, strict=True) if not path.is_file()]
    if missing:
        raise InputError(NO_ESTIMATES.format(frames=_listed(missing), folder=options.work_folder))
    found = [read_estimate(path) for path in paths]
    kinds = {_kind(estimate.transform) for estimate in found if estimate is not None}
    if len(kinds) > 1:
        raise InputError(
            f"The estimates in {options.work_folder} are of several networks: press Harmonize Animation, which makes "
            "those anew that are not of this one"
        )
    return found


def estimate_path(options: ShotOptions, frame: int, layer: str = CHARACTERS) -> Path:
    """Where a run keeps what it found in a frame, for all characters or for the layer of one that has its own look."""
    of = "" if layer == CHARACTERS else f"{layer}_"
    return options.work_folder / f"look_{of}{frame:04d}.npz"


def write_estimate(path: Path, estimate: Estimate | None) -> None:
    """Keep what was found in a frame; None: no characters."""
    arrays = {}
    if estimate is not None:
        arrays = {**vars(estimate.transform), "centre": estimate.centre, "light": estimate.light}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomic(path, buffer.getvalue())


def read_estimate(path: Path) -> Estimate | None:
    """What `write_estimate` kept.

    Raises:
        InputError: it is damaged or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        if not arrays:
            return None
        centre, light = arrays.pop("centre"), arrays.pop("light")
        transform = Look(**arrays) if "grade" in arrays else ColorTransform(**arrays)
    except DAMAGED as error:
        raise InputError(f"{path} is damaged or of another version: delete it and harmonize the frame again") from error
    return Estimate(transform, centre, light)


def _kind(transform: Transform) -> tuple[object, ...]:
    """Transforms of one kind can be mixed."""
    return (type(transform), *(array.shape for array in vars(transform).values()))


def _listed(frames: Iterable[int], most: int = 5) -> str:
    shown = [str(frame) for frame in frames]
    return ", ".join(shown[:most]) + (" ..." if len(shown) > most else "")
