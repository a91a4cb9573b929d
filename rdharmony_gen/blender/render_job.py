# SPDX-License-Identifier: GPL-3.0-or-later
"""Render one job: build the place once, then every capture condition, then the subject's coverage.

Finished pictures are kept, so a killed job goes on where it stopped; the bytes are the same either way.
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import bpy
import numpy as np

from harmonize_core.errors import InputError, OutputError, UnknownName
from harmonize_core.formats.images import read_exr, write_exr, write_text
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.coverage import coverage
from rdharmony_gen.blender.placement import SENSOR_MM, View, find_view
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.blender.strategy import render_conditions
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import SCENES

Progress = Callable[[str], None]


def render_job(job: RenderJob, out_dir: Path, progress: Progress | None = None) -> None:
    """Render a job's pictures into a folder.

    Args:
        job: what to render.
        out_dir: gets `<style>.exr` (half float, scene-linear Rec.709 R, G, B) for each condition, `coverage.exr`
            (Y: the subject's share of each pixel in [0, 1], half float) and, last, `view.json`.
        progress: called with the name of each file when it is there.

    Raises:
        UnknownName: the scene or the category does not exist.
        PlacementError: the subject finds no visible place.
        OutputError: the folder cannot be written to.
    """
    if job.scene not in SCENES:
        raise UnknownName.of("scene", job.scene, SCENES)
    report = progress or (lambda _: None)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out_dir} cannot be made ({error.strerror}); choose a folder you may write to") from error
    todo = [c for c in job.conditions if not _finished(out_dir / f"{c.style}.exr", "RGB")]
    missing_coverage = not _finished(out_dir / "coverage.exr", "Y")
    if not todo and not missing_coverage and (out_dir / "view.json").is_file():
        return
    scratch = out_dir / ".render.exr"
    scratch.unlink(missing_ok=True)
    scene = reset(job.width, job.height, job.samples)
    library = AssetLibrary()
    stage = Stage(job.seed, job.scene, job.variation, library)
    place = importlib.import_module(f"rdharmony_gen.blender.scenes.{job.scene}").build(stage)
    if place.indoor:  # even walls show every blotch; lawns lose their blades to the costlier prefilter
        scene.cycles.denoising_prefilter = "ACCURATE"
    view = find_view(stage, place, job, library)
    subject = _put_subject(stage, view)
    _put_camera(scene, view)

    def keep(condition: ConditionSpec, picture: dict[str, np.ndarray]) -> None:
        write_exr(out_dir / f"{condition.style}.exr", picture)
        report(f"{condition.style}.exr")

    render_conditions(scene, stage, job, todo, scratch, keep)
    if missing_coverage:
        write_exr(out_dir / "coverage.exr", {"Y": coverage(scene, subject, scratch)})
        report("coverage.exr")
    share = read_exr(out_dir / "coverage.exr")["Y"]
    facts = {
        "job_id": job.job_id,
        "blender": bpy.app.version_string,
        "samples": job.samples,
        "fg_ratio": round(float((share >= 0.5).mean()), 6),
        "assets": sorted(library.used),
        **asdict(view),
    }
    write_text(out_dir / "view.json", json.dumps(facts, indent=1, sort_keys=True) + "\n")
    report("view.json")


def _finished(path: Path, channels: str) -> bool:
    """A picture from an earlier run that is whole; a damaged one is rendered again."""
    try:
        return path.is_file() and set(channels) <= set(read_exr(path))
    except InputError:
        return False


def _put_subject(stage: Stage, view: View) -> bpy.types.Object:
    mesh = stage.library.mesh(view.asset_id, view.frame)
    stage.dress(view.asset_id, mesh)
    subject = bpy.data.objects.new("subject", mesh)
    subject.location = view.subject_xyz
    subject.rotation_euler = (0.0, 0.0, np.radians(view.subject_yaw_deg))
    stage.collection.objects.link(subject)
    return subject


def _put_camera(scene: bpy.types.Scene, view: View) -> None:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width, data.lens = "AUTO", SENSOR_MM, view.focal_mm
    data.clip_start, data.clip_end = 0.05, 1000.0
    camera = bpy.data.objects.new("camera", data)
    camera.location = view.camera_xyz
    camera.rotation_euler = (np.pi / 2 + np.radians(view.camera_pitch_deg), 0.0, -np.radians(view.camera_yaw_deg))
    scene.collection.objects.link(camera)
    scene.camera = camera
