# SPDX-License-Identifier: GPL-3.0-or-later
"""Render one job: build the place once, then every capture condition, then the subject's coverage.

Finished pictures are kept, so a killed job goes on where it stopped; the bytes are the same either way. A view whose
foreground turns out too small or too large is thrown away, and the next sub-seed is rendered.
"""

import importlib
import json
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from harmonize_core.errors import InputError, OutputError, UnknownName
from harmonize_core.formats.images import read_exr, read_lines, write_exr, write_text
from rdharmony_gen.blender import clock
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.coverage import coverage
from rdharmony_gen.blender.device import CPU, Device
from rdharmony_gen.blender.faults import require_textures
from rdharmony_gen.blender.lighting import without_sky
from rdharmony_gen.blender.passes import WIDE
from rdharmony_gen.blender.placement import SENSOR_MM, View, find_view
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Place, Stage
from rdharmony_gen.blender.strategy import Built, one_by_one, summed, surfaces_alone
from rdharmony_gen.blender.subjects import put_subject
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.records import FG_RATIO
from rdharmony_gen.spec.scenes import SCENES

Progress = Callable[[str], None]
AGAIN = "drawn_again.txt"
"""In a job's folder: the sub-seed of its view where that is not the first, because those before it were rendered and
had a foreground beyond the limits."""


@dataclass(frozen=True)
class Rendered:
    """A view whose pictures are all there."""

    built: Built
    ratios: list[float]
    """Share of each frame that the strict mask covers."""
    more: dict[str, Any] = field(default_factory=dict)
    """For `view.json`."""


def render_job(
    job: RenderJob,
    out_dir: Path,
    progress: Progress | None = None,
    device: Device = CPU,
    only: Collection[str] = (),
) -> None:
    """Render a job's pictures into a folder.

    Args:
        job: what to render.
        out_dir: gets `<style>.exr` (half float, scene-linear Rec.709 R, G, B) for each condition, `coverage.exr`
            (Y: the subjects' share of each pixel in [0, 1], half float; S1, S2 ... of each when there are several)
            `aux.exr` (`passes.Surfaces.channels`) and, last, `view.json`; a clip a folder of these a frame.
        progress: called with the name of each file when it is there.
        device: as `device.choose` returned it.
        only: styles of the job to render, all if none; where things stand is decided for all of its conditions.

    Raises:
        UnknownName: the scene or the category does not exist.
        PlacementError: the subject finds no visible place, or no way.
        OutputError: the folder cannot be written to.
    """
    if job.user_scene is None and job.scene not in SCENES:
        raise UnknownName.of("scene", job.scene, SCENES)
    report = progress or (lambda _: None)
    while True:
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{out_dir} cannot be made ({error.strerror}); choose a folder you may write to"
            raise OutputError(message) from error
        if job.clip:
            from rdharmony_gen.blender.clip_job import render_clip

            rendered = render_clip(job, job.clip, out_dir, report, device)
        else:
            rendered = _render_still(job, out_dir, report, device, only)
        if rendered is None:
            return
        if all(FG_RATIO[0] <= ratio <= FG_RATIO[1] for ratio in rendered.ratios):
            _write_facts(out_dir, job, rendered)
            report("view.json")
            return
        shutil.rmtree(out_dir)  # first: a kill between the two finds nothing, and comes to the same
        write_text(out_dir / AGAIN, f"{rendered.built.view.redraws + 1}\n")


def _render_still(
    job: RenderJob, out_dir: Path, report: Progress, device: Device, only: Collection[str]
) -> Rendered | None:
    """What is missing of a still; None if nothing is."""
    wanted = [c for c in job.conditions if not only or c.style in only]
    todo = [c for c in wanted if not finished(out_dir / f"{c.style}.exr", "RGB")]
    missing_coverage = not finished(out_dir / "coverage.exr", "Y")
    missing_aux = not finished(out_dir / "aux.exr", "ZRGBA")
    if not (todo or missing_coverage or missing_aux) and (out_dir / "view.json").is_file():
        return None
    scratch = Path(bpy.app.tempdir) / "render.exr"
    scratch.unlink(missing_ok=True)

    def build() -> Built:
        with clock.part("building"):
            return build_view(job, device, first_draw(out_dir))

    def keep(name: str, channels: dict[str, np.ndarray]) -> None:
        with clock.part("files"):
            write_exr(out_dir / name, channels, wide=WIDE)
        report(name)

    built = build()
    if job.strategy == "shared" and job.renderer == "cycles":
        if todo or missing_aux:
            surfaces, pictures = summed(built, job, todo, scratch)
            for condition, picture in pictures:
                keep(f"{condition.style}.exr", picture)
            if missing_aux:
                keep("aux.exr", surfaces)
    else:
        for condition, picture in one_by_one(built, build, job, todo, scratch):
            keep(f"{condition.style}.exr", picture)
        built = build() if len(todo) > 1 else built
        if missing_aux:
            keep("aux.exr", surfaces_alone(built, scratch))
    without_sky(built.scene)
    built.scene.render.engine = "CYCLES"  # whatever painted the pictures
    if missing_coverage:
        with clock.part("coverage"):
            shares = coverage(built.scene, built.subjects, scratch)
        keep("coverage.exr", shares)
    return Rendered(built, [strict_share(out_dir)])


def strict_share(folder: Path) -> float:
    """Share of the frame that the strict mask of a folder's coverage will cover."""
    return float((read_exr(folder / "coverage.exr")["Y"] >= 0.5).mean())


def first_draw(out_dir: Path) -> int:
    """The sub-seed that a job's view begins with: 0, or what an earlier try left."""
    try:
        return max(0, int(read_lines(out_dir / AGAIN)[0]))
    except (InputError, ValueError, IndexError):
        return 0


def _write_facts(out_dir: Path, job: RenderJob, rendered: Rendered) -> None:
    """Write `view.json`, the last file of a job: what was rendered, and how the view came about."""
    built = rendered.built
    facts = {
        "job_id": job.job_id,
        "blender": bpy.app.version_string,
        "samples": job.samples,
        "strategy": job.strategy,
        "renderer": job.renderer,
        "fg_ratio": round(float(np.mean(rendered.ratios)), 6),
        "assets": sorted(built.stage.library.used),
        **built.view.facts(),
        **rendered.more,
    }
    write_text(out_dir / "view.json", json.dumps(facts, indent=1, sort_keys=True) + "\n")


def build_view(job: RenderJob, device: Device, first: int = 0) -> Built:
    """The place of a job with subject and camera, unlit; `first` as in `find_view`."""
    scene = reset(job.width, job.height, job.samples, job.renderer, device)
    stage = Stage(job.seed, job.scene, job.variation, AssetLibrary(job.characters))
    place = _build(stage, job)
    if place.indoor:  # even walls show every blotch; lawns lose their blades to the costlier prefilter
        scene.cycles.denoising_prefilter = "ACCURATE"
    view = find_view(stage, place, job, stage.library, first)
    own = {f"scene:{c.name}": [bpy.data.objects[name] for name in sorted(c.objects)] for c in place.characters}
    subjects = [own.get(s.asset_id) or put_subject(stage, s) for s in view.subjects]
    _put_camera(scene, view)
    require_textures()
    return Built(scene, stage, place, view, subjects)


def finished(path: Path, channels: str) -> bool:
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
    aim(camera, view.camera_xyz, view.camera_yaw_deg, view.camera_pitch_deg)
    scene.collection.objects.link(camera)
    scene.camera = camera


def aim(camera: bpy.types.Object, xyz: tuple[float, float, float], yaw_deg: float, pitch_deg: float) -> None:
    """Put a camera at `xyz` and let it look in a compass direction, upwards by the pitch."""
    camera.location = xyz
    camera.rotation_euler = (np.pi / 2 + np.radians(pitch_deg), 0.0, -np.radians(yaw_deg))
