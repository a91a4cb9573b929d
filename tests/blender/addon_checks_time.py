# SPDX-License-Identifier: Apache-2.0
"""Looks over time: what is baked without estimates of all frames, cuts of the camera, one look for a shot."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from addon_session import ADDON, addon


@contextlib.contextmanager
def _look_network() -> Iterator[None]:
    import bpy

    preferences = bpy.context.preferences.addons[ADDON].preferences
    preferences.model_path = os.environ["ADDON_LOOK_NETWORK"]
    try:
        yield
    finally:
        preferences.model_path = ""


def check_any_network_can_be_baked_and_no_estimates_say_what_to_press(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot, snapshot

    shot = new_shot(folder)
    before = snapshot(shot.scene)
    said = ""
    try:
        bpy.ops.harmonize.bake_look()
    except RuntimeError as error:
        said = str(error)
    assert "press Harmonize Animation first" in said, said
    assert before["blocks"] == snapshot(shot.scene)["blocks"]
    shot.scene.frame_set(2)
    bpy.ops.harmonize.frame()
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    tree = addon("compat").compositor_tree(shot.scene)
    node = addon("look_nodes").look_nodes(tree)[0]
    assert not addon("compat").curves_of(tree)
    assert abs(node.inputs["Exposure"].default_value) > 0.05
    shot_time = addon("shot_time")
    options = addon("options").read_options(bpy.context, animation=True)
    kept = shot_time.read_estimate(shot_time.estimate_path(options, 2))
    from harmonize_core.runtime import Look

    for frame in (1, 3, 4, 5):
        shot_time.write_estimate(
            shot_time.estimate_path(options, frame), type(kept)(Look.identity(), kept.centre, kept.light)
        )
    said = ""
    try:
        bpy.ops.harmonize.bake_look()
    except RuntimeError as error:
        said = str(error)
    assert "of several networks" in said, said
    shot_time.estimate_path(options, 1).write_bytes(b"PK")
    try:
        bpy.ops.harmonize.bake_look()
    except RuntimeError as error:
        said = str(error)
    assert "is damaged" in said, said
    shot.settings.characters = None
    assert not bpy.ops.harmonize.bake_look.poll()


def check_cuts_and_locks(folder: Path) -> None:
    """Cameras bound to markers begin a new shot: looks do not blend into it; locked, each shot has one look."""
    import bpy
    import numpy as np
    from addon_scene import new_shot

    with _look_network():
        shot = new_shot(folder)
        near = bpy.data.objects.new("Near", bpy.data.cameras.new("Near"))
        near.location, near.rotation_euler = (0, -3, 0), (np.pi / 2, 0, 0)
        shot.scene.collection.objects.link(near)
        for frame, camera in ((1, shot.scene.camera), (4, near)):
            shot.scene.timeline_markers.new(camera.name, frame=frame).camera = camera
        shot.scene.harmonize_time.lock = True
        bpy.ops.harmonize.animation()
        options = addon("options").read_options(bpy.context, animation=True)
        assert addon("shot_time").timing_of(options).cuts == (3,)
        looks = addon("shot_time").looks_of(options)
        exposures = [float(looks[frame].grade[0]) for frame in range(1, 6)]
        assert len(set(exposures[:3])) == len(set(exposures[3:])) == 1 < len(set(exposures)), exposures
        bpy.ops.harmonize.bake_look()
        tree = addon("compat").compositor_tree(shot.scene)
        curve = next(c for c in addon("compat").curves_of(tree) if "inputs[3]" in c.data_path)
        assert [p.co.x for p in curve.keyframe_points] == [1, 3, 4, 5]
        assert abs(curve.evaluate(3.9) - exposures[0]) < 1e-5 > abs(curve.evaluate(4) - exposures[3])
        bpy.ops.harmonize.remove_look()
