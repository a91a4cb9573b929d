# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of each pixel shows the subject: rendered, so that hair and leaves before it count as what they show."""

from pathlib import Path

import bpy
import numpy as np

from rdharmony_gen.blender.assets import vertices
from rdharmony_gen.blender.session import render

COVERAGE_SAMPLES = 64


def coverage(scene: bpy.types.Scene, subject: bpy.types.Object, scratch: Path) -> np.ndarray:
    """Share (H, W) of each pixel that shows the subject: its alpha with everything else held out.

    Every hold-out respects transparency, so a leaf's cut-out before the subject counts as what it shows. The scene is
    left with these settings: this is the last render of a view.
    """
    for other in scene.objects:
        if other.type == "MESH":
            other.is_holdout = other is not subject
    scene.render.film_transparent = True
    scene.cycles.samples, scene.cycles.use_denoising = COVERAGE_SAMPLES, False
    scene.cycles.max_bounces = 0
    _limit_to(scene, subject)
    return np.clip(render(scene, scratch, "RGBA")["A"], 0.0, 1.0)


def _limit_to(scene: bpy.types.Scene, subject: bpy.types.Object) -> None:
    """Render the subject's part of the frame only; the rest stays empty."""
    assert scene.camera is not None
    depsgraph = bpy.context.evaluated_depsgraph_get()
    width, height = scene.render.resolution_x, scene.render.resolution_y
    projection = np.array(scene.camera.calc_matrix_camera(depsgraph, x=width, y=height))
    to_clip = projection @ np.linalg.inv(np.array(scene.camera.matrix_world)) @ np.array(subject.matrix_world)
    points = vertices(subject.data)
    clip = np.column_stack([points, np.ones(len(points))]) @ to_clip.T
    if (clip[:, 3] <= 0.01).any():
        return
    at = clip[:, :2] / clip[:, 3:] * 0.5 + 0.5
    margin = np.array([4 / width, 4 / height])
    low, high = np.clip(at.min(axis=0) - margin, 0, 1), np.clip(at.max(axis=0) + margin, 0, 1)
    render_settings = scene.render
    render_settings.use_border, render_settings.use_crop_to_border = True, False
    render_settings.border_min_x, render_settings.border_min_y = (float(v) for v in low)
    render_settings.border_max_x, render_settings.border_max_y = (float(v) for v in high)
