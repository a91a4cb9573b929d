# SPDX-License-Identifier: GPL-3.0-or-later
"""How the capture conditions of a view become pictures: one render each, or sums of shared renders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from harmonize_core.errors import EnvironmentFault
from rdharmony_gen.blender import clock
from rdharmony_gen.blender.lighting import Lights, without_sky
from rdharmony_gen.blender.passes import Surfaces, ask_for_passes, render_passes
from rdharmony_gen.blender.placement import View
from rdharmony_gen.blender.session import render
from rdharmony_gen.blender.shared import render_shared
from rdharmony_gen.blender.stage import Place, Stage
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.job import RenderJob

AUX_SAMPLES = 16
Picture = dict[str, np.ndarray]
"""Channels, (H, W) each."""


@dataclass(frozen=True)
class Built:
    """A view that is ready to be lit."""

    scene: bpy.types.Scene
    stage: Stage
    place: Place
    view: View
    subjects: list[list[bpy.types.Object]]


Build = Callable[[], Built]


def one_by_one(built: Built, build: Build, job: RenderJob, todo: Sequence[ConditionSpec], scratch: Path) -> Iterator:
    """Every condition from scratch and in its own render, as other generators do: (condition, picture) in turn.

    With EEVEE, which needs no such care, the place is built once.
    """
    if job.denoise and job.renderer == "cycles" and not built.scene.cycles.use_denoising:
        raise EnvironmentFault("this Blender was built without Open Image Denoise; render with --strategy shared")
    for number, condition in enumerate(todo):
        if number and job.renderer == "cycles":
            built = build()
        if not job.denoise:  # a reference shares no random numbers with what it judges
            built.scene.cycles.use_denoising, built.scene.cycles.seed = False, 1
        with clock.part("sky pictures"):
            Lights(built.stage, job.width).apply(condition)
        with clock.part("rendering"):
            picture = render(built.scene, scratch, "RGB")
        yield condition, picture


def summed(
    built: Built, job: RenderJob, todo: Sequence[ConditionSpec], scratch: Path, seed: int = 0
) -> tuple[Picture, Iterator]:
    """What the surfaces are, and (condition, picture) in turn, from renders that all conditions share."""
    indoor = built.place.indoor
    shared = render_shared(built.scene, built.stage, job.conditions, job.samples, scratch, indoor=indoor, seed=seed)
    pictures = ((c, dict(zip("RGB", np.moveaxis(shared.picture(c), -1, 0), strict=True))) for c in todo)
    return shared.surfaces.channels(built.scene), pictures


def surfaces_alone(built: Built, scratch: Path) -> Picture:
    """Depth, albedo and normal of a view from a short render of their own, for strategies that have none left over."""
    scene = built.scene
    without_sky(scene)
    scene.render.engine = "CYCLES"
    bounces, scene.cycles.max_bounces = scene.cycles.max_bounces, 0
    ask_for_passes(scene)
    surfaces = Surfaces()
    with clock.part("surfaces"):
        surfaces.add(render_passes(scene, scratch, AUX_SAMPLES, 0, []), AUX_SAMPLES)
    scene.cycles.max_bounces = bounces
    return surfaces.channels(scene)
