# SPDX-License-Identifier: GPL-3.0-or-later
"""Render one job: build the place once, then every capture condition, then the subject's coverage.

Finished pictures are kept, so a killed job goes on where it stopped; the bytes are the same either way.
"""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from harmonize_core.errors import InputError, OutputError, UnknownName
from harmonize_core.formats.images import read_exr, write_exr, write_text
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.coverage import coverage
from rdharmony_gen.blender.faults import require_textures
from rdharmony_gen.blender.placement import SENSOR_MM, View, find_view
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Place, Stage
from rdharmony_gen.blender.strategy import render_conditions
from rdharmony_gen.blender.subjects import put_subject
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import SCENES

Progress = Callable[[str], None]


def render_job(job: RenderJob, out_dir: Path, progress: Progress | None = None) -> None:
    """Render a job's pictures into a folder.

    Args:
        job: what to render.
        out_dir: gets `<style>.exr` (half float, scene-linear Rec.709 R, G, B) for each condition, `coverage.exr`
            (Y: the subjects' share of each pixel in [0, 1], half float; S1, S2 ... of each when there are several)
            and, last, `view.json`.
        progress: called with the name of each file when it is there.

    Raises:
        UnknownName: the scene or the category does not exist.
        PlacementError: the subject finds no visible place.
        OutputError: the folder cannot be written to.
    """
    if job.user_scene is None and job.scene not in SCENES:
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
    scratch = Path(bpy.app.tempdir) / "render.exr"
    scratch.unlink(missing_ok=True)
    scene = reset(job.width, job.height, job.samples)
    library = AssetLibrary(job.characters)
    stage = Stage(job.seed, job.scene, job.variation, library)
    place = _build(stage, job)
    if place.indoor:  # even walls show every blotch; lawns lose their blades to the costlier prefilter
        scene.cycles.denoising_prefilter = "ACCURATE"
    view = find_view(stage, place, job, library)
    own = {f"scene:{c.name}": [bpy.data.objects[name] for name in sorted(c.objects)] for c in place.characters}
    subjects = [own.get(s.asset_id) or put_subject(stage, s) for s in view.subjects]
    _put_camera(scene, view)

    require_textures()

    def keep(condition: ConditionSpec, picture: dict[str, np.ndarray]) -> None:
        write_exr(out_dir / f"{condition.style}.exr", picture)
        report(f"{condition.style}.exr")

    render_conditions(scene, stage, job, todo, scratch, keep)
    if missing_coverage:
        write_exr(out_dir / "coverage.exr", coverage(scene, subjects, scratch))
        report("coverage.exr")
    share = read_exr(out_dir / "coverage.exr")["Y"]
    facts = {
        "job_id": job.job_id,
        "blender": bpy.app.version_string,
        "samples": job.samples,
        "fg_ratio": round(float((share >= 0.5).mean()), 6),
        "assets": sorted(library.used),
        **view.facts(),
    }
    write_text(out_dir / "view.json", json.dumps(facts, indent=1, sort_keys=True) + "\n")
    report("view.json")


def _finished(path: Path, channels: str) -> bool:
    """A picture from an earlier run that is whole; a damaged one is rendered again."""
    try:
        return path.is_file() and set(channels) <= set(read_exr(path))
    except InputError:
        return False


def _build(stage: Stage, job: RenderJob) -> Place:
    if job.user_scene is not None:
        from rdharmony_gen.blender.user_scene import open_scene

        return open_scene(stage, job.user_scene, job.width / job.height)
    return importlib.import_module(f"rdharmony_gen.blender.scenes.{job.scene}").build(stage)


def _put_camera(scene: bpy.types.Scene, view: View) -> None:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width, data.lens = "AUTO", SENSOR_MM, view.focal_mm
    data.clip_start, data.clip_end = 0.05, 1000.0
    camera = bpy.data.objects.new("camera", data)
    camera.location = view.camera_xyz
    camera.rotation_euler = (np.pi / 2 + np.radians(view.camera_pitch_deg), 0.0, -np.radians(view.camera_yaw_deg))
    scene.collection.objects.link(camera)
    scene.camera = camera
