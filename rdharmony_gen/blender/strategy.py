# SPDX-License-Identifier: GPL-3.0-or-later
"""How the capture conditions of a built view become pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import bpy
import numpy as np

from rdharmony_gen.blender.lighting import Lights
from rdharmony_gen.blender.session import render
from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.job import RenderJob

Keep = Callable[[ConditionSpec, dict[str, np.ndarray]], None]


def render_conditions(
    scene: bpy.types.Scene, stage: Stage, job: RenderJob, todo: Sequence[ConditionSpec], scratch: Path, keep: Keep
) -> None:
    """Render each condition and hand its picture, channels R, G, B scene-linear, to `keep`."""
    lights = Lights(stage, job.width)
    for condition in todo:
        lights.apply(condition)
        keep(condition, render(scene, scratch, "RGB"))
