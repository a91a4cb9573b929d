# SPDX-License-Identifier: Apache-2.0
"""Match Lights: lights and world come nearer to the background, and all of it can be taken back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from addon_session import addon, background_blender

PLATE = (90, 60, 40)


def lit_shot(folder: Path, *, sun: bool = True, world: bool = True) -> Any:
    """A grey ball in white light before a dim, warm plate."""
    import bpy
    import numpy as np
    from addon_scene import HEIGHT, WIDTH, new_shot
    from PIL import Image

    shot = new_shot(folder)
    Image.fromarray(np.tile(np.array(PLATE, np.uint8), (HEIGHT, WIDTH, 1))).save(folder / "plate.png")
    shot.hero.data.materials[0] = bpy.data.materials.new("Grey")
    shot.sun = bpy.data.objects.new("Key", bpy.data.lights.new("Key", "SUN")) if sun else None
    if shot.sun:
        shot.sun.data.energy, shot.sun.rotation_euler = 2.0, (0.9, 0.2, -0.5)
        shot.scene.collection.objects.link(shot.sun)
    if world:
        shot.scene.world = bpy.data.worlds.new("Sky")
        tree = addon("compat").nodes_of(shot.scene.world)
        background = next(n for n in tree.nodes if n.type == "BACKGROUND")
        background.inputs["Color"].default_value = (0.4, 0.4, 0.4, 1)
    shot.lights = shot.scene.harmonize_lights
    return shot


def _distance(shot: Any, frame: int = 1) -> float:
    """Of the rendered ball's mean from the plate's colour, RMS of 0 to 255."""
    import bpy
    import numpy as np
    from addon_scene import read
    from addon_session import coverage

    shot.scene.frame_current = frame
    bpy.ops.harmonize.frame()
    before = read(shot.out / f"harmonized_before_{frame:04d}.png")
    mean = before[coverage(shot, frame) > 0.99].mean(axis=0)
    return float(np.sqrt(np.square(mean - np.array(PLATE)).mean()))


def state(shot: Any) -> Any:
    """What may not change but by the buttons that say so."""
    import bpy

    data = shot.sun.data if shot.sun else None
    light = (data.energy, tuple(data.color), data.animation_data is None) if data else None
    world = shot.scene.world
    names = [sorted(b.name for b in blocks) for blocks in (bpy.data.worlds, bpy.data.collections, bpy.data.objects)]
    nodes = len(world.node_tree.nodes) if world and world.node_tree else 0
    return light, world and world.name, nodes, names, len(bpy.data.lights), len(bpy.data.actions), len(bpy.data.scenes)


def check_lights_are_matched_and_given_back(folder: Path) -> None:
    """Estimating changes no light; setting brings the ball nearer to the plate; reset brings all back."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, snapshot

    shot = lit_shot(folder)
    apart, before = _distance(shot), state(shot)
    everything = snapshot(shot.scene)
    assert bpy.ops.harmonize.estimate_lights() == {"FINISHED"}
    assert state(shot) == before
    lights = shot.lights
    assert lights.estimated
    assert lights.has_sun
    assert lights.has_ambient
    assert lights.after < 0.5 * lights.before, (lights.before, lights.after)
    assert max(lights.sun_exposure, lights.ambient_exposure) < -0.5
    assert lights.sun_tint[0] > lights.sun_tint[2] + 0.1
    estimate = (lights.sun_exposure, lights.ambient_exposure)

    assert bpy.ops.harmonize.set_lights() == {"FINISHED"}
    assert shot.sun.data.energy < 1.6
    assert "Key" in lights.sun_lights.objects
    assert lights.rig.name == "Harmonize Lights"
    assert shot.scene.world.name == "Harmonize World"
    nearer = _distance(shot)  # renders anew: the layers of before are out of date
    assert nearer < 0.6 * apart, (apart, nearer)

    bpy.ops.harmonize.estimate_lights()  # from the lights as they were: the same again
    assert np.allclose(estimate, (lights.sun_exposure, lights.ambient_exposure), atol=0.1)
    lights.amount = 0.0
    bpy.ops.harmonize.set_lights()
    assert np.isclose(shot.sun.data.energy, 2.0)
    lights.amount = 1.0
    bpy.ops.harmonize.set_lights()
    shot.sun.data.energy *= 2  # by the artist: the light was twice as strong before, too
    bpy.ops.harmonize.estimate_lights()
    assert lights.sun_exposure < estimate[0] - 0.3
    bpy.ops.harmonize.reset_lights()
    assert np.isclose(shot.sun.data.energy, 4.0, rtol=1e-3)
    shot.sun.data.energy, shot.sun.data.color = 2.0, (1, 1, 1)
    assert state(shot) == before
    for name in ("estimated", "has_sun", "has_ambient", "fixed", "before", "after"):
        lights.property_unset(name)
    for name in ("sun_exposure", "sun_tint", "ambient_exposure", "ambient_tint", "amount"):
        lights.property_unset(name)
    bpy.context.window_manager.harmonize_progress.last_result = ""
    assert_unchanged(everything, shot.scene)


def check_matched_lights_are_one_step_of_undo(folder: Path) -> None:
    import bpy

    shot = lit_shot(folder)
    scene, key = shot.scene.name, shot.sun.name
    bpy.ops.harmonize.estimate_lights()
    bpy.ops.ed.undo_push(message="before")
    before = state(shot)
    bpy.ops.harmonize.set_lights("EXEC_DEFAULT", True)
    assert state(shot) != before
    bpy.ops.ed.undo()
    shot.scene, shot.sun = bpy.data.scenes[scene], bpy.data.objects[key]
    assert state(shot) == before
    assert len(shot.scene.harmonize_lights.applied) == 0
    assert shot.scene.harmonize_lights.estimated


def check_lights_follow_the_background_over_the_shot(folder: Path) -> None:
    """A plate that darkens: keyframes at the estimates, a cut of the camera stays one; setting removes them again."""
    import bpy
    import numpy as np
    from addon_scene import write_plate

    shot = lit_shot(folder)
    for frame in range(1, 6):
        write_plate(folder / f"seq/plate_{frame}.png", level=150 if frame < 4 else 60)
    shot.settings.plate_path, shot.settings.plate_is_sequence = str(folder / "seq/plate_1.png"), True
    other = shot.scene.camera.copy()
    shot.scene.collection.objects.link(other)
    for frame, camera in ((1, shot.scene.camera), (4, other)):
        shot.scene.timeline_markers.new(str(frame), frame=frame).camera = camera
    before = state(shot)
    lights = shot.lights
    lights.frames, lights.step = "SHOT", 5
    bpy.ops.harmonize.estimate_lights()
    assert [key.frame for key in lights.keys] == [1, 3, 4, 5]
    bpy.ops.harmonize.key_lights()
    curves = {c.data_path: c for c in addon("compat").curves_of(shot.sun.data)}
    energies = [curves["energy"].evaluate(frame) for frame in range(1, 6)]
    assert energies[3] < 0.75 * energies[2], energies
    assert np.allclose(energies[0], energies[2], rtol=0.2)
    assert np.allclose(energies[3], energies[4], rtol=0.2)
    tints = addon("compat").curves_of(shot.scene.world.node_tree, 'nodes["Harmonize Tint"]')
    assert len(tints) == 3
    assert all(len(c.keyframe_points) == 4 for c in tints)
    first = [tuple(key.sun) for key in lights.keys]
    bpy.ops.harmonize.estimate_lights()
    assert np.allclose(first, [tuple(key.sun) for key in lights.keys], rtol=0.15)
    bpy.ops.harmonize.set_lights()
    assert shot.sun.data.animation_data is None
    assert energies[4] < shot.sun.data.energy < energies[0]
    bpy.ops.harmonize.key_lights()
    bpy.ops.harmonize.reset_lights()
    assert state(shot) == before


def check_lights_are_rendered_in_the_background_alike(folder: Path) -> None:
    """In the window a second Blender renders a copy of the file; as a module that is this Python, behind a script."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, snapshot

    shot = lit_shot(folder)
    shot.scene.view_settings.view_transform = "AgX"
    bpy.context.view_layer.update()
    before = snapshot(shot.scene)
    light_job = addon("light_job")
    with background_blender(folder):
        found = []
        for interactive in (False, True):
            job = light_job.new_light_job(bpy.context, interactive=interactive)
            for _ in job.steps():
                time.sleep(0.005)
            found.append(job.gains()[0])
        job, said = light_job.new_light_job(bpy.context, interactive=True), ""
        try:
            for _ in job.steps():
                job.cancelled = job.progress.message.startswith("Rendering")
        except light_job.Cancelled as stopped:
            said = str(stopped)
        assert "nothing was changed" in said
    assert np.array_equal(*found)
    assert_unchanged(before, shot.scene)
    assert not list(Path(bpy.app.tempdir).glob("harmonize_lights_*"))
