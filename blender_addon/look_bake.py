# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake Look to Nodes: the looks of a run become keyframes of a node in the artist's own compositing nodes.

Estimates come from the run's work folder. They were made on the picture as it is shown, the nodes work before the
scene's view transform: behind any but plain sRGB, and for networks that estimate no grade, the nearest grade is fitted
on colours of the characters (`harmonize_core.runtime.grade_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime import Look
from harmonize_core.runtime.grade_fit import SIDE, Show, Shown, chart, fit_grade, plainly_shown

from . import look_keys, look_mask, look_tree, shot_time
from .bridge import pixels
from .bridge.files import encode_exr, write_atomic
from .compat import working_space
from .layers import write_view
from .look_backdrop import can_show
from .look_nodes import NO_CEILING
from .options import ShotOptions, read_options
from .shot_files import ShotFiles
from .temporary import mark, remove_leftovers

COLORS = 400
"""Colours of the characters that a grade is fitted on."""


@dataclass(frozen=True)
class Baked:
    """What was done."""

    frames: int
    keyframes: int
    error: float
    """Root mean square in sRGB between the nodes' picture and the add-on's with one grade; 0 where it is exact."""
    alone: bool
    """Only the current frame has an estimate; it counts for all frames."""


@dataclass(frozen=True)
class _Grades:
    """One grade for each frame."""

    looks: dict[int, Look]
    error: float


def bake(context: bpy.types.Context) -> Baked:
    """Put the looks of the shot into the compositor, in the place of those that are there.

    Raises:
        HarmonizeError: something is missing; the sentence says what to press.
    """
    if working_space() != "Linear Rec.709":
        raise InputError(
            f"The file works in {working_space()}, and the nodes' white balance is for Linear Rec.709: set the "
            "working space in the scene's colour management, or start Blender without OCIO in its environment"
        )
    options, alone = _options_with_estimates(context)
    scene, view_layer = context.scene, context.view_layer
    shown = shown_by(scene, options) if options.view is not None else plainly_shown
    timing = shot_time.timing_of(options)
    cuts = frozenset(options.frames[i] for i in timing.cuts)
    grades = {name: _grades(options, name, shown) for name in options.cast.over}
    if not any(found.looks for found in grades.values()):
        raise InputError("The characters are not in the picture in any frame: there is no look to bake")
    names = {part.layer: part.collection for part in options.cast.parts}
    # a view transform would change the plate, too
    backdrop = options.plate if shown is plainly_shown and can_show(options.plate) else None
    keyframes = 0
    for name, found in grades.items():
        if not found.looks:
            continue
        node = look_tree.put_in(scene, view_layer, names.get(name, ""), backdrop, options.source.pictures.values())
        if mask := look_mask.find_mask(scene, view_layer, options, name):
            look_mask.put_on(node, mask, view_layer)
        node.inputs["Ceiling"].default_value = 1.0 if shown is plainly_shown else NO_CEILING
        strengths = {frame: options.strength(i, name) for i, frame in enumerate(options.frames)}
        keyframes += look_keys.write_keys(node, found.looks, strengths, cuts)
    look_tree.keep_looks_of(scene, {names.get(name, "") for name in grades})
    return Baked(len(options.frames), keyframes, max(found.error for found in grades.values()), alone)


def _options_with_estimates(context: bpy.types.Context) -> tuple[ShotOptions, bool]:
    """The whole shot, or its current frame alone where only that was estimated."""
    options = read_options(context, animation=True)
    frame = context.scene.frame_current
    paths = {f: shot_time.estimate_path(options, f) for f in (*options.frames, frame)}
    missing = [f for f in options.frames if not paths[f].is_file()]
    if missing and paths[frame].is_file() and len(missing) >= len(options.frames) - 1:
        return read_options(context, animation=False), True
    return options, False


def _grades(options: ShotOptions, layer: str, shown: Show) -> _Grades:
    """The steady looks of a layer as grades for scene-linear light."""
    looks = shot_time.looks_of(options, layer)
    if shown is plainly_shown and all(isinstance(look, Look) for look in looks.values()):
        return _Grades({f: look.global_only() for f, look in looks.items() if isinstance(look, Look)}, 0.0)
    estimates = dict(zip(options.frames, shot_time.estimates_of(options, layer), strict=True))
    colors = _colors(options, layer, list(looks))
    found, worst, start = {}, 0.0, None
    for frame, look in looks.items():
        estimate = estimates[frame]
        transform = look.global_only() if isinstance(look, Look) else look
        fitted = fit_grade(transform, colors, shown, centre=estimate.centre if estimate else None, start=start)
        found[frame] = start = fitted.look
        worst = max(worst, fitted.error)
    return _Grades(found, worst)


def _colors(options: ShotOptions, layer: str, frames: list[int]) -> NDArray[np.float32]:
    """Scene-linear colours (N, 3) of the characters, from up to eight frames over the shot."""
    files, rng = ShotFiles(options), np.random.default_rng(0)
    chosen = sorted({frames[round(i)] for i in np.linspace(0, len(frames) - 1, 8)}) if frames else []
    colors = []
    for frame in chosen:
        path = files.layer_path(layer, frame)
        if not path.is_file():
            continue
        picture = pixels.read_layer(path)
        rows, columns = np.nonzero(picture.alpha > 0.5)
        if len(rows):
            some = rng.choice(len(rows), min(len(rows), COLORS // len(chosen) + 1), replace=False)
            rows, columns = rows[some], columns[some]
            colors.append(picture.rgb_linear[rows, columns] / picture.alpha[rows, columns, None])
    if not colors:
        raise InputError(
            f"The rendered layers of the characters are not in {options.work_folder} any more: press Harmonize "
            "Animation (or Harmonize Frame), then bake again"
        )
    greys = np.repeat(np.geomspace(0.01, 1.0, 8, dtype=np.float32)[:, None], 3, axis=1)
    return np.maximum(np.concatenate([*colors, greys]), 0).astype(np.float32)


def shown_by(scene: bpy.types.Scene, options: ShotOptions) -> Shown:
    """The scene's view transform, by what Blender makes of a chart."""
    exr, png = (options.work_folder / f"view_chart.{kind}" for kind in ("exr", "png"))
    write_atomic(exr, encode_exr(chart().reshape(SIDE, SIDE * SIDE, 3)))
    copy = scene.copy()
    copy.name = "Harmonize View (temporary)"
    mark(copy)
    try:
        write_view(copy, exr, png)
        return Shown(pixels.read_values(png)[..., :3].reshape(-1, 3))
    finally:
        remove_leftovers()
        for path in (exr, png):
            Path(path).unlink(missing_ok=True)
