# SPDX-License-Identifier: Apache-2.0
"""Backgrounds that are rendered with the shot: the world, or the rest of the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from addon_session import coverage


def _gradient_world(scene: Any) -> None:
    """A world whose light changes over the picture, so that its place can be seen."""
    import bpy

    world = bpy.data.worlds.new("Sky")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    coordinates, shade = nodes.new("ShaderNodeTexCoord"), nodes["Background"]
    absolute = nodes.new("ShaderNodeVectorMath")
    absolute.operation = "ABSOLUTE"
    links.new(coordinates.outputs["Generated"], absolute.inputs[0])
    links.new(absolute.outputs[0], shade.inputs["Color"])
    small_light_map(world)
    scene.world = world


def small_light_map(world: Any) -> None:
    """Cycles samples a world's light by a map of 4096 x 2048 by itself, and makes it anew for each render."""
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 16


def own_render(shot: Any, path: Path) -> Any:
    """The scene as Blender renders it."""
    import bpy
    from addon_scene import read

    shot.scene.render.image_settings.color_mode = "RGB"
    shot.scene.render.dither_intensity = 0
    shot.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return read(path).astype(int)


def check_world_is_the_background(folder: Path) -> None:
    """The picture before is what Blender renders of characters and world alone."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, ball, new_shot, read, snapshot

    shot = new_shot(folder)
    _gradient_world(shot.scene)
    other = ball("Other", (1.5, 0, 0.2), 0.4, shot.scene.collection)
    shot.settings.background = "WORLD"
    before = snapshot(shot.scene)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert_unchanged(before, shot.scene)
    composite = read(shot.out / "harmonized_before_0001.png").astype(int)
    other.hide_render = True
    own = own_render(shot, folder / "own.png")
    assert np.ptp(own) > 100
    assert np.abs(own - composite).max() <= 3, np.abs(own - composite).max()


def check_view_layer_settings_hold_for_the_background(folder: Path) -> None:
    """What the artist overrides for the view layer is overridden in what is rendered behind the characters, too."""
    import bpy
    import numpy as np
    from addon_scene import ball, emission, new_shot, read

    shot = new_shot(folder)
    ball("Behind", (0.5, 2, 0.5), 0.8, shot.scene.collection, emission("Behind", (0.9, 0.8, 0.7)))
    bpy.context.view_layer.material_override = emission("Over", (0.1, 0.3, 0.6))
    bpy.context.view_layer.use_sky = False
    shot.settings.background = "SCENE"
    bpy.ops.harmonize.frame()
    difference = read(shot.out / "harmonized_before_0001.png").astype(int) - own_render(shot, folder / "own.png")
    assert np.abs(difference).max() <= 3, np.abs(difference).max()


def check_rest_of_the_scene_is_the_background(folder: Path) -> None:
    """Cycles and EEVEE, soft edges, things in front and behind: both layers add up to Blender's own picture."""
    import bpy
    import numpy as np
    from addon_scene import read

    for engine in ("CYCLES", "EEVEE"):
        shot = crowded_shot(folder / engine)
        if engine == "EEVEE":
            use_eevee(shot.scene, samples=2)
        shot.settings.background = "SCENE"
        bpy.ops.harmonize.frame()
        composite = read(shot.out / "harmonized_before_0001.png").astype(int)
        own = own_render(shot, folder / f"{engine}.png")
        assert np.abs(own - composite).max() <= 3, (engine, np.abs(own - composite).max())
        alpha, result = coverage(shot, 1), read(shot.out / "harmonized_0001.png").astype(int)
        assert 0 < ((alpha > 0) & (alpha < 1)).sum()
        assert (result[alpha == 0] == composite[alpha == 0]).all()
        assert np.abs(result[alpha == 1] - composite[alpha == 1]).mean() > 3


def check_selected_objects_become_the_characters(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    shot.settings.characters = None
    shot.hero.select_set(True)
    assert bpy.ops.harmonize.collect_selected() == {"FINISHED"}
    assert list(shot.settings.characters.objects) == [shot.hero]
    assert shot.hero.name in bpy.data.collections["Hero"].objects
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert bpy.ops.harmonize.clear_layers() == {"FINISHED"}
    assert not (shot.out / "harmonized_work").exists()


def check_collecting_leaves_a_collection_of_that_name_alone(folder: Path) -> None:
    """A scene's own Characters: taken where it holds nothing else, or if that is asked for; else a clear name."""
    import bpy
    from addon_scene import new_shot

    def collected(others: tuple[str, ...], **options: bool) -> tuple[str, set[str]]:
        """What is chosen, with all that is in it, where these objects and the ball are in a collection Characters."""
        shot = new_shot(folder / f"{len(others)} {options}")
        shot.settings.characters = None
        theirs = bpy.data.collections.new("Characters")
        shot.scene.collection.children.link(theirs)
        inner = bpy.data.collections.new("Inner")
        theirs.children.link(inner)
        inner.objects.link(shot.hero)
        for name in others:
            theirs.objects.link(bpy.data.objects.new(name, None))
        bpy.ops.object.select_all(action="DESELECT")
        shot.hero.select_set(True)
        assert bpy.ops.harmonize.collect_selected(**options) == {"FINISHED"}
        assert {o.name for o in theirs.all_objects} == {"Ball", *others}
        assert [o.name for o in theirs.objects] == list(others), "what is deeper in it is not linked again"
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        chosen = shot.settings.characters
        return chosen.name, {o.name for o in chosen.all_objects}

    assert collected(()) == ("Characters", {"Ball"})
    assert collected(("Crowd",)) == ("Harmonize Characters", {"Ball"})
    assert collected(("Crowd",), use_existing=True) == ("Characters", {"Ball", "Crowd"})


def crowded_shot(folder: Path) -> Any:
    """A ball with things before and behind it, blurred by motion and focus, before a world of colours."""
    from addon_scene import ball, emission, new_shot

    shot = new_shot(folder)
    _gradient_world(shot.scene)
    ball("Front", (-0.5, -2, 0.2), 0.3, shot.scene.collection, emission("Front", (0.1, 0.7, 0.3)))
    ball("Behind", (0.5, 2, 0.5), 0.8, shot.scene.collection, emission("Behind", (0.9, 0.8, 0.7)))
    shot.scene.render.use_motion_blur = True
    shot.scene.camera.data.dof.use_dof = True
    shot.scene.camera.data.dof.focus_distance, shot.scene.camera.data.dof.aperture_fstop = 4, 0.3
    return shot


def use_eevee(scene: Any, samples: int) -> None:
    """Without what costs seconds where there is no graphics card."""
    engines = {e.identifier for e in scene.render.bl_rna.properties["engine"].enum_items}
    scene.render.engine = "BLENDER_EEVEE" if "BLENDER_EEVEE" in engines else "BLENDER_EEVEE_NEXT"
    scene.eevee.taa_render_samples = samples
    scene.world.probe_resolution = "128"
    scene.eevee.use_shadows = scene.render.use_motion_blur = scene.camera.data.dof.use_dof = False
