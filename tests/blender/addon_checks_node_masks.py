# SPDX-License-Identifier: Apache-2.0
"""Looks in compositing nodes keep to their characters: beside other things, each other, shadows, existing renders."""

from __future__ import annotations

from pathlib import Path

from addon_checks_nodes import estimate_by_hand, graded_shot, over_plate, rendered
from addon_session import addon


def check_nodes_change_only_the_characters(folder: Path) -> None:
    """Where the render shows other things, too, a Cryptomatte keeps them as they are."""
    import bpy
    import numpy as np
    from addon_scene import ball, emission

    shot = graded_shot(folder, frames=1)
    ball("Other", (1.4, 0, 0.8), 0.5, shot.scene.collection, emission("Grey", (0.3, 0.3, 0.3)))
    shot.scene.render.film_transparent = False
    shot.scene.world = bpy.data.worlds.new("World")
    tree = addon("compat").new_compositor_tree(shot.scene)
    render, output = tree.nodes.new("CompositorNodeRLayers"), addon("compat").new_output_node(tree)
    tree.links.new(render.outputs["Image"], output.inputs[0])
    layer = bpy.context.view_layer
    if hasattr(shot.scene.render, "compositor_device"):
        shot.scene.render.compositor_device = "CPU"
    plain = rendered(shot, 1, "plain.png")
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    assert layer.use_pass_cryptomatte_object
    graded = rendered(shot, 1, "graded.png")
    changed = np.abs(graded - plain).max(axis=2) > 1
    seen = addon("bridge.pixels").read_layer(shot.out / "harmonized_work/characters_0001.exr").alpha
    assert changed[seen > 0.99].mean() > 0.99
    assert not changed[seen == 0].any()
    mask = next(n for n in tree.nodes if n.bl_idname == "CompositorNodeCryptomatteV2")
    names, mask.matte_id = mask.matte_id, "Nobody"
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    assert mask.matte_id == names == "Ball", (mask.matte_id, names)
    bpy.ops.harmonize.remove_look()
    assert not layer.use_pass_cryptomatte_object
    assert (rendered(shot, 1, "after.png") == plain).all()


def check_each_character_has_a_node_of_its_own(folder: Path) -> None:
    """One brighter, one darker, each by its own node and mask; strength is keyframed along."""
    import bpy
    import numpy as np
    from addon_scene import ball, emission, new_shot

    from harmonize_core.color import srgb_to_linear
    from harmonize_core.runtime import Look

    shot = new_shot(folder)
    scene = shot.scene
    scene.frame_end, scene.render.film_transparent = 2, True
    shot.settings.smoothing = 0.0
    for name, x in (("Left", -1.2), ("Right", 1.2)):
        child = bpy.data.collections.new(name)
        shot.characters.children.link(child)
        ball(name, (x, 0, 0.8), 0.5, child, emission(name, (0.2, 0.2, 0.2)))
    bpy.data.objects.remove(shot.hero)
    scene.harmonize_characters.separate = True
    for frame, strength in ((1, 0.0), (2, 1.0)):
        shot.settings.strength = strength
        shot.settings.keyframe_insert("strength", frame=frame)
    bpy.ops.harmonize.animation()
    options, shot_time = addon("options").read_options(bpy.context, animation=True), addon("shot_time")
    for layer, stops in zip(options.cast.over, (1.0, -1.0), strict=True):
        for frame in (1, 2):
            path = shot_time.estimate_path(options, frame, layer)
            kept = shot_time.read_estimate(path)
            look = Look(np.array([stops, *[0] * 9], np.float32), Look.identity().map)
            shot_time.write_estimate(path, type(kept)(look, kept.centre, kept.light))
    was_on = addon("compat").compositor_is_on(scene)
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    tree = addon("compat").compositor_tree(scene)
    assert len(addon("look_nodes").look_nodes(tree)) == 2
    if hasattr(scene.render, "compositor_device"):
        scene.render.compositor_device = "CPU"
    for frame, expected in ((1, (0.2, 0.2)), (2, (0.4, 0.1))):
        shown = srgb_to_linear(rendered(shot, frame, f"nodes_{frame}.png") / np.float32(255))
        for layer, light in zip(options.cast.over, expected, strict=True):
            alpha = addon("bridge.pixels").read_layer(shot.out / f"harmonized_work/{layer}_{frame:04d}.exr").alpha
            assert np.abs(shown[alpha == 1] - light).max() < 0.01, (frame, layer, shown[alpha == 1].mean(axis=0))
    assert bpy.ops.harmonize.remove_look() == {"FINISHED"}
    assert addon("compat").compositor_is_on(scene) == was_on
    assert not getattr(addon("compat").compositor_tree(scene), "nodes", ())


def check_one_look_again_after_looks_for_each(folder: Path) -> None:
    """Looks of characters that have none of their own any more are taken out, not graded on top of."""
    import bpy
    from addon_scene import ball, emission, new_shot

    shot = new_shot(folder)
    scene, nodes, compat = shot.scene, addon("look_nodes"), addon("compat")
    scene.frame_end = 1
    for name, x in (("Left", -1.2), ("Right", 1.2)):
        child = bpy.data.collections.new(name)
        shot.characters.children.link(child)
        ball(name, (x, 0, 0.8), 0.5, child, emission(name, (0.2, 0.2, 0.2)))
    bpy.data.objects.remove(shot.hero)
    was_on = compat.compositor_is_on(scene)
    for separate, count in ((True, 2), (False, 1), (True, 2)):
        scene.harmonize_characters.separate = separate
        bpy.ops.harmonize.animation()
        assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
        assert len(nodes.look_nodes(compat.compositor_tree(scene))) == count
        assert scene.render.film_transparent
    assert bpy.context.view_layer.use_pass_cryptomatte_object
    other = scene.copy()
    bpy.ops.harmonize.remove_look()
    assert compat.compositor_tree(other).nodes, "a copied scene lost its nodes"
    bpy.data.scenes.remove(other)
    assert not bpy.context.view_layer.use_pass_cryptomatte_object
    assert not scene.render.film_transparent
    assert compat.compositor_is_on(scene) == was_on
    assert not getattr(compat.compositor_tree(scene), "nodes", ())


def check_nodes_change_the_existing_render_that_they_show(folder: Path) -> None:
    """Frames from disk in an Image node are what the look goes behind, not the Render Layers beside them."""
    import bpy

    shot = graded_shot(folder, frames=1)
    shot.settings.render_path = str(shot.out / "harmonized_work/characters_0001.exr")
    shot.settings.source, shot.settings.foreground, shot.settings.name_prefix = "FILES", "ALPHA", "again"
    assert bpy.ops.harmonize.animation() == {"FINISHED"}
    over_plate(shot)
    tree = addon("compat").compositor_tree(shot.scene)
    frames = tree.nodes.new("CompositorNodeImage")
    frames.image = bpy.data.images.load(shot.settings.render_path)
    front = next(k.to_socket for k in tree.links if k.from_node.bl_idname == "CompositorNodeRLayers")
    tree.links.new(frames.outputs["Image"], front)
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    node = addon("look_nodes").look_nodes(tree)[0]
    assert node.inputs["Image"].links[0].from_node == frames
    assert not node.inputs["Mask"].is_linked
    assert bpy.ops.harmonize.remove_look() == {"FINISHED"}
    assert front.links[0].from_node == frames


def check_nodes_over_a_shadow_catcher(folder: Path) -> None:
    """Pixels that a shadow shares with the character are the add-on's, nearly all within 2 of 255.

    A few cannot be: the add-on renders the shadow by itself.
    """
    import bpy
    import numpy as np
    from addon_scene import read

    shot = graded_shot(folder, frames=1, level=180)
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, 0, -0.9))
    bpy.context.object.is_shadow_catcher = True
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy = 3
    shot.scene.collection.objects.link(sun)
    shot.scene.camera.location.z, shot.scene.camera.rotation_euler.x = 1.5, 1.35
    shot.scene.harmonize_control.mode, shot.scene.render.dither_intensity = "GLOBAL", 0.0
    estimate_by_hand((1.5, *[0.0] * 9))
    bpy.ops.harmonize.animation()
    over_plate(shot)
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    node = addon("look_nodes").look_nodes(addon("compat").compositor_tree(shot.scene))[0]
    wanted, apart = read(shot.out / "harmonized_0001.png"), []
    for over_shadow in (node.inputs["Over Shadow"].default_value, 0.0):
        node.inputs["Over Shadow"].default_value = over_shadow
        apart.append((np.abs(rendered(shot, 1, "nodes.png") - wanted).max(axis=2) > 2).sum())
    assert apart[0] <= 0.01 * wanted[..., 0].size, apart
    assert apart[0] < apart[1], apart
