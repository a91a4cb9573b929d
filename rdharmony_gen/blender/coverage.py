# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of each pixel shows each subject: rendered, so that hair and leaves before it count as what they show."""

from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np

from rdharmony_gen.blender.assets import vertices
from rdharmony_gen.blender.session import render

COVERAGE_SAMPLES = 64

_STEPS = 2048

Foreground = Sequence[bpy.types.Object]
"""The objects of one subject."""


def coverage(scene: bpy.types.Scene, subjects: Sequence[Foreground], scratch: Path) -> dict[str, np.ndarray]:
    """Shares of each pixel as channels of `coverage.exr`, (H, W) in [0, 1].

    `Y` shows any subject. With several subjects `S1`, `S2` ... show one each, and their sum is `Y`. A subject is
    rendered with everything else held out; hold-outs respect transparency, so the cut-out of a leaf before it counts
    as what it shows. The scene is left with these settings: these are the last renders of a view.
    """
    scene.render.film_transparent = True
    scene.cycles.samples, scene.cycles.use_denoising = COVERAGE_SAMPLES, False
    scene.cycles.max_bounces, scene.cycles.seed = 0, 0  # whatever the conditions left: edges must not depend on it
    shares = []
    for subject in subjects:
        for other in bpy.data.objects:
            other.is_holdout = other not in subject
        _limit_to(scene, subject)
        shares.append(np.clip(render(scene, scratch, "RGBA")["A"], 0.0, 1.0))
    if len(shares) == 1:
        return {"Y": shares[0]}
    # seen along the same rays, so only see-through edges can sum to more than the pixel; steps that halves hold exactly
    total = np.maximum(np.sum(shares, axis=0), 1.0)
    shares = [np.floor(s / total * _STEPS) / _STEPS for s in shares]
    return {"Y": np.sum(shares, axis=0)} | {f"S{number}": s for number, s in enumerate(shares, 1)}


def _limit_to(scene: bpy.types.Scene, subject: Foreground) -> None:
    """Render the subject's part of the frame only; the rest stays empty."""
    assert scene.camera is not None
    scene.render.use_border = False
    depsgraph = bpy.context.evaluated_depsgraph_get()
    width, height = scene.render.resolution_x, scene.render.resolution_y
    projection = np.array(scene.camera.calc_matrix_camera(depsgraph, x=width, y=height))
    to_clip = projection @ np.linalg.inv(np.array(scene.camera.matrix_world))
    corners = []
    for part in subject:
        if part.type != "MESH" or part.modifiers or part.particle_systems:
            return
        points = vertices(part.data)
        corners.append(np.column_stack([points, np.ones(len(points))]) @ (to_clip @ np.array(part.matrix_world)).T)
    clip = np.concatenate(corners)
    if (clip[:, 3] <= 0.01).any():
        return
    at = clip[:, :2] / clip[:, 3:] * 0.5 + 0.5
    margin = np.array([4 / width, 4 / height])
    low, high = np.clip(at.min(axis=0) - margin, 0, 1), np.clip(at.max(axis=0) + margin, 0, 1)
    settings = scene.render
    settings.use_border, settings.use_crop_to_border = True, False
    settings.border_min_x, settings.border_min_y = (float(v) for v in low)
    settings.border_max_x, settings.border_max_y = (float(v) for v in high)
