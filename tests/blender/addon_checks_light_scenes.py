# SPDX-License-Identifier: Apache-2.0
"""Match Lights in scenes of every kind, and what it says of those it cannot match."""

from __future__ import annotations

from pathlib import Path

from addon_checks_lights import lit_shot, state
from addon_checks_setup import small_light_map
from addon_session import addon


def _refused(operator: str, what: str) -> None:
    import bpy

    try:
        getattr(bpy.ops.harmonize, operator)()
    except RuntimeError as error:
        text = str(error).removeprefix("Error: ").strip()
        assert what in text, text
        assert "\n" not in text, text
    else:
        raise AssertionError(f"not refused: {what}")


def check_lights_of_every_kind_of_scene(folder: Path) -> None:
    """Without any light; a lamp alone, seen through AgX; worlds of a plain colour and with a picture."""
    import bpy

    shot = lit_shot(folder, sun=False, world=False)
    before = state(shot)
    assert bpy.ops.harmonize.add_lights() == {"FINISHED"}
    assert shot.lights.made_sun.data.type == "SUN"
    bpy.ops.harmonize.estimate_lights()
    bpy.ops.harmonize.set_lights()
    assert shot.lights.made_sun.data.energy != 3.0
    bpy.ops.harmonize.reset_lights()
    assert state(shot) == before

    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "AREA"))
    lamp.location, lamp.data.energy = (0, -5, 1), 400
    lamp.rotation_euler = (1.4, 0, 0)
    shot.scene.collection.objects.link(lamp)
    shot.scene.view_settings.view_transform = "AgX"
    bpy.ops.harmonize.estimate_lights()
    assert shot.lights.has_sun
    assert not shot.lights.has_ambient
    bpy.ops.harmonize.set_lights()
    assert lamp.data.energy < 300
    bpy.ops.harmonize.reset_lights()

    world = bpy.data.worlds.new("Picture")
    tree = addon("compat").nodes_of(world)
    picture = tree.nodes.new("ShaderNodeTexEnvironment")
    picture.image = bpy.data.images.new("Panorama", 8, 4, float_buffer=True)
    picture.image.pixels.foreach_set([0.5] * 128)
    background = next(n for n in tree.nodes if n.type == "BACKGROUND")
    tree.links.new(picture.outputs[0], background.inputs["Color"])
    small_light_map(world)
    shot.scene.world = world
    nodes = len(tree.nodes)
    bpy.ops.harmonize.estimate_lights()
    assert shot.lights.has_ambient
    bpy.ops.harmonize.set_lights()
    ours = shot.scene.world
    assert ours != world
    assert len(tree.nodes) == nodes
    assert next(n for n in ours.node_tree.nodes if n.type == "TEX_ENVIRONMENT").image == picture.image
    bpy.ops.harmonize.reset_lights()
    assert shot.scene.world == world

    if bpy.app.version < (5, 0, 0):
        plain = bpy.data.worlds.new("Plain")
        plain.use_nodes, plain.color = False, (0.3, 0.3, 0.3)
        shot.scene.world = plain
        bpy.ops.harmonize.estimate_lights()
        bpy.ops.harmonize.set_lights()
        color = next(n for n in shot.scene.world.node_tree.nodes if n.type == "VECT_MATH").inputs[0].default_value
        assert all(abs(c - 0.3) < 1e-6 for c in color)
        bpy.ops.harmonize.reset_lights()
        assert shot.scene.world == plain
        assert not plain.use_nodes


def check_what_the_artist_moved_into_our_collections_stays(folder: Path) -> None:
    """Moved, not linked, a lamp or a collection is nowhere else; another scene may show our world."""
    import bpy

    shot = lit_shot(folder)
    bpy.ops.harmonize.estimate_lights()
    bpy.ops.harmonize.set_lights()
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "AREA"))
    shot.lights.ambient_lights.objects.link(lamp)
    bounces = bpy.data.collections.new("Bounces")
    shot.lights.rig.children.link(bounces)
    shot.scene.collection.objects.unlink(shot.sun)
    other = bpy.data.scenes.new("Other")
    other.world = world = shot.scene.world
    bpy.ops.harmonize.reset_lights()
    assert {lamp, shot.sun} <= set(shot.scene.objects)
    assert bounces in set(shot.scene.collection.children)
    assert shot.lights.rig is None
    assert other.world == world
    assert shot.scene.world != world


def check_lights_that_cannot_be_matched_are_refused(folder: Path) -> None:
    """One sentence each; lights that the artist keyframed stay as they are."""
    import bpy

    shot = lit_shot(folder, world=False)
    sun = shot.sun
    assert not bpy.ops.harmonize.set_lights.poll()
    assert not bpy.ops.harmonize.key_lights.poll()
    assert not bpy.ops.harmonize.reset_lights.poll()
    sun.data.keyframe_insert("energy", frame=1)
    _refused("estimate_lights", "Add Sun and Ambient")
    sun.data.animation_data_clear()

    shot.settings.background = "WORLD"
    shot.scene.world = bpy.data.worlds.new("Sky")
    _refused("estimate_lights", "this scene's own lights")
    shot.settings.background = "FILE"
    shot.lights.frames, shot.lights.step, shot.scene.frame_end = "SHOT", 1, 500
    _refused("estimate_lights", "raise Every")
    shot.lights.frames = "FRAME"
    shot.hero.animation_data_clear()
    shot.hero.location = (50, 0, 0)
    _refused("estimate_lights", "in none of the frames")
    assert len(bpy.data.scenes) == 1
    shot.hero.location = (0, 0, 0)

    bpy.ops.harmonize.estimate_lights()
    bpy.ops.harmonize.set_lights()
    twin = sun.copy()
    shot.lights.ambient_lights.objects.link(twin)
    _refused("set_lights", "single-user")
    bpy.data.objects.remove(twin)
    bpy.data.collections.remove(shot.lights.rig)  # by the artist
    bpy.data.worlds.remove(shot.scene.world)
    bpy.ops.harmonize.reset_lights()
    assert sun.data.energy == 2.0
    assert not bpy.ops.harmonize.reset_lights.poll()
