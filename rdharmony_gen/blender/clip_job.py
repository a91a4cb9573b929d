# SPDX-License-Identifier: GPL-3.0-or-later
"""Render one clip: the place once, then frame by frame every capture condition, then the subject's coverage.

Every finished picture is kept, so a killed job goes on in the frame where it stopped. Each frame starts from the same
state of Blender, whether others were rendered before it or not: so the bytes are the same either way.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from harmonize_core.formats.images import write_exr
from rdharmony_gen.blender import clock
from rdharmony_gen.blender.assets import vertices
from rdharmony_gen.blender.clip_cycle import cycle_of
from rdharmony_gen.blender.coverage import coverage
from rdharmony_gen.blender.device import Device
from rdharmony_gen.blender.lighting import without_sky
from rdharmony_gen.blender.passes import WIDE
from rdharmony_gen.blender.render_job import Rendered, aim, build_view, finished, first_draw, strict_share
from rdharmony_gen.blender.strategy import Built, summed
from rdharmony_gen.sampling.motion import Pose
from rdharmony_gen.spec.clip import ClipPlan, frame_folder
from rdharmony_gen.spec.job import RenderJob

SEEDS_A_FRAME = 100
"""Seeds of a frame's renders: other noise in every frame, so that it does not stick to the picture."""


def render_clip(
    job: RenderJob, clip: ClipPlan, out_dir: Path, report: Callable[[str], None], device: Device
) -> Rendered | None:
    """Render what is missing of a clip's frames, in numbered folders; None if nothing is.

    Args:
        job: what to render.
        clip: its frames.
        out_dir: gets `00000/`, `00005/` ... with the files of a still each.
        report: called with the name of each file when it is there.
        device: as `device.choose` returned it.

    Raises:
        PlacementError: the subject finds no visible place, or no way.
        OutputError: the folder cannot be written to.
    """
    folders = [out_dir / frame_folder(i) for i in range(clip.frames)]
    todo = [[c for c in job.conditions if not finished(f / f"{c.style}.exr", "RGB")] for f in folders]
    bare = [not finished(f / "aux.exr", "ZRGBA") for f in folders]
    shapeless = [not finished(f / "coverage.exr", "Y") for f in folders]
    if not any((*todo, *bare, *shapeless)) and (out_dir / "view.json").is_file():
        return None
    scratch = Path(bpy.app.tempdir) / "render.exr"
    scratch.unlink(missing_ok=True)

    def keep(folder: Path, name: str, channels: dict[str, np.ndarray]) -> None:
        with clock.part("files"):
            write_exr(folder / name, channels, wide=WIDE)
        report(f"{folder.name}/{name}")

    with clock.part("building"):
        built = build_view(job, device, first_draw(out_dir))
        actor, own = Actor(built, job), set(bpy.data.objects)
    for frame, folder in enumerate(folders):
        if not todo[frame] and not bare[frame]:
            continue
        actor.go_to(frame)
        _forget(built.scene, own)
        surfaces, pictures = summed(built, job, todo[frame], scratch, seed=SEEDS_A_FRAME * frame)
        for condition, picture in pictures:
            keep(folder, f"{condition.style}.exr", picture)
        if bare[frame]:
            keep(folder, "aux.exr", surfaces)
    _forget(built.scene, own)
    without_sky(built.scene)
    for frame, folder in enumerate(folders):
        if shapeless[frame]:
            actor.go_to(frame)
            with clock.part("coverage"):
                shares = coverage(built.scene, built.subjects, scratch)
            keep(folder, "coverage.exr", shares)
    frames = [actor.facts(i) for i in range(clip.frames)]
    return Rendered(built, [strict_share(folder) for folder in folders], {"frames": frames})


class Actor:
    """The camera and the subject of a built view, put where they are in a frame."""

    def __init__(self, built: Built, job: RenderJob) -> None:
        assert built.view.motion is not None
        assert built.scene.camera is not None
        self._view, self._motion, self._camera = built.view, built.view.motion, built.scene.camera
        self._subject = built.view.subjects[0]
        self._body = built.subjects[0][0]
        self._cycle = cycle_of(self._subject, job.characters)
        if self._cycle:
            self._body.data = self._body.data.copy()  # others of the scene may share it
            stands, acts = vertices(self._body.data), self._cycle.pose(self._subject.frame)
            self._shift = np.append((stands - acts)[:, :2].mean(axis=0), 0.0).astype(np.float32)

    def go_to(self, frame: int) -> None:
        """Pose both as in a frame."""
        pose = self._pose(frame)
        aim(self._camera, pose.xyz, pose.yaw_deg, pose.pitch_deg)
        if self._cycle:
            self._body.location = self._motion.subject(self._subject.xyz, frame)
            points = self._cycle.pose(self._subject.frame + frame - self._motion.middle)
            self._body.data.vertices.foreach_set("co", (points + self._shift).ravel())
            self._body.data.update()

    def facts(self, frame: int) -> dict[str, Any]:
        """Where both are in a frame, under the keys of a view."""
        pose = self._pose(frame)
        return {
            "camera_xyz": [round(v, 6) for v in pose.xyz],
            "camera_yaw_deg": round(pose.yaw_deg, 6),
            "camera_pitch_deg": round(pose.pitch_deg, 6),
            "subject_xyz": [round(v, 6) for v in self._motion.subject(self._subject.xyz, frame)],
        }

    def _pose(self, frame: int) -> Pose:
        view = self._view
        middle = Pose(view.camera_xyz, view.camera_yaw_deg, view.camera_pitch_deg)
        return self._motion.camera(middle, self._subject.xyz, frame)


def _forget(scene: bpy.types.Scene, own: set[bpy.types.Object]) -> None:
    """Take out what the renders of the frame before left: its sun, its light groups, what Cycles keeps of the scene.

    Args:
        scene: of the clip.
        own: the objects that were built; those that are gone do not matter.
    """
    groups = scene.view_layers[0].lightgroups
    for group in list(groups):
        groups.remove(group)
    for thing in [o for o in bpy.data.objects if o not in own]:
        bpy.data.lights.remove(thing.data)  # and the lamp with it
    scene.render.use_persistent_data = False
    scene.render.use_persistent_data = True
