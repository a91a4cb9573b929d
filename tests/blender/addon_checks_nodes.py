# SPDX-License-Identifier: Apache-2.0
"""Looks over time and in compositing nodes: the same picture as the add-on's, nothing of the artist's touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from addon_session import ADDON, addon


def graded_shot(folder: Path, frames: int = 3, **kind: Any) -> Any:
    """A shot with estimates whose grades are put in by hand: every number of them matters, and they change."""
    from addon_scene import new_shot

    shot = new_shot(folder, **kind)
    shot.scene.frame_end, shot.settings.smoothing = frames, 0.0
    shot.scene.render.film_transparent = True
    estimate_by_hand()
    return shot


def estimate_by_hand(grade: tuple[float, ...] = (0.3, 0.1, -0.05, 0.005, 0, 0.01, 0.1, 0.05, -0.05, 0.2)) -> None:
    """Harmonize all frames, and put a grade in the place of what the network found: more of it in later frames."""
    import bpy
    import numpy as np

    from harmonize_core.runtime import Look

    bpy.ops.harmonize.animation()
    options = addon("options").read_options(bpy.context, animation=True)
    shot_time = addon("shot_time")
    for frame in options.frames:
        path = shot_time.estimate_path(options, frame)
        kept = shot_time.read_estimate(path)
        look = Look(np.array(grade, np.float32) * (0.5 + 0.25 * frame), Look.identity().map)
        shot_time.write_estimate(path, type(kept)(look, kept.centre, kept.light))


def over_plate(shot: Any) -> None:
    """What an artist builds: the render over the plate, in the compositor."""
    import bpy

    compat = addon("compat")
    tree = compat.new_compositor_tree(shot.scene)
    compat.switch_compositor(shot.scene, True)
    render, plate = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeImage")
    plate.image = bpy.data.images.load(shot.settings.plate_path)
    over, behind, front = compat.new_alpha_over(tree)
    output = compat.new_output_node(tree)
    tree.links.new(plate.outputs["Image"], behind)
    tree.links.new(render.outputs["Image"], front)
    tree.links.new(over.outputs[0], output.inputs[0])
    if hasattr(shot.scene.render, "compositor_device"):
        shot.scene.render.compositor_device = "CPU"


def rendered(shot: Any, frame: int, name: str) -> Any:
    import bpy
    from addon_scene import read

    shot.scene.frame_set(frame)
    kept, shot.scene.render.filepath = shot.scene.render.filepath, str(shot.folder / name)
    bpy.ops.render.render(write_still=True)
    shot.scene.render.filepath = kept
    return read(shot.folder / name).astype(int)


def _expected(shot: Any, frame: int) -> Any:
    """The add-on's own picture with one grade: the rendered layer under the look, over the plate."""
    import bpy
    import numpy as np

    from harmonize_core.runtime import harmonize_layers

    options = addon("options").read_options(bpy.context, animation=True)
    look = addon("shot_time").looks_of(options)[frame].global_only().scaled(shot.settings.strength)
    files, pixels = addon("shot_files").ShotFiles(options), addon("bridge.pixels")
    cut, plate = files.read_cut("characters", frame), pixels.read_plate(Path(shot.settings.plate_path))
    picture = harmonize_layers(look, cut.framed(cut.rgb_linear), cut.framed(cut.alpha), plate)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(int)


def _links(tree: Any) -> set[tuple[str, str, str, str]]:
    return {(k.from_node.name, k.from_socket.identifier, k.to_node.name, k.to_socket.identifier) for k in tree.links}


def check_nodes_show_what_the_add_on_makes(folder: Path) -> None:
    """Within 2 of 255 everywhere, soft edges too, and changing over time; taken out, the artist's tree is as before."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, snapshot

    shot = graded_shot(folder)
    shot.settings.strength = 0.8
    over_plate(shot)
    tree = addon("compat").compositor_tree(shot.scene)
    plain = rendered(shot, 1, "plain.png")
    before, links, places = snapshot(shot.scene), _links(tree), {n.name: tuple(n.location) for n in tree.nodes}
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    node = addon("look_nodes").look_nodes(tree)[0]
    assert {n.name: tuple(n.location) for n in tree.nodes if n.name in places} == places
    assert len(tree.nodes) == len(places) + 1
    curves = addon("compat").curves_of(tree)
    assert {len(c.keyframe_points) for c in curves} == {3}, [len(c.keyframe_points) for c in curves]
    assert len(curves) == 9, [c.data_path for c in curves]
    for frame in (1, 3):
        shown = rendered(shot, frame, f"nodes_{frame}.png")
        assert np.abs(shown - _expected(shot, frame)).max() <= 2, np.abs(shown - _expected(shot, frame)).max()
    assert np.abs(rendered(shot, 1, "nodes_1.png") - plain).max() > 10
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    assert addon("look_nodes").look_nodes(tree) == [node]
    assert len(addon("compat").curves_of(tree)) == 9
    strength = node.inputs["Strength"]
    strength.default_value = 0.0
    strength.keyframe_insert("default_value", frame=1)
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    assert (rendered(shot, 1, "off.png") == plain).all()
    assert bpy.ops.harmonize.remove_look() == {"FINISHED"}
    shot.scene.frame_set(1)
    assert _links(tree) == links
    assert_unchanged(before, shot.scene)
    assert (rendered(shot, 1, "after.png") == plain).all()


def check_nodes_play_without_the_add_on_and_come_back(folder: Path) -> None:
    """A baked file is opened where the add-on is off: the finished picture is rendered, background and all."""
    import addon_utils
    import bpy
    import numpy as np

    shot = graded_shot(folder, frames=2)
    shot.scene.render.film_transparent = False
    was_on = addon("compat").compositor_is_on(shot.scene)
    bpy.ops.harmonize.bake_look()
    expected = _expected(shot, 2)
    scene = shot.scene
    assert addon("compat").compositor_is_on(scene)
    if hasattr(scene.render, "compositor_device"):
        scene.render.compositor_device = "CPU"
    own = rendered(shot, 2, "own.png")
    assert np.abs(own - expected).max() <= 2
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "baked.blend"))
    addon_utils.disable(ADDON)
    bpy.ops.wm.open_mainfile(filepath=str(folder / "baked.blend"))
    shot.scene = bpy.context.scene
    assert (rendered(shot, 2, "without.png") == own).all()
    addon_utils.enable(ADDON)
    assert bpy.ops.harmonize.remove_look() == {"FINISHED"}
    assert addon("compat").compositor_is_on(shot.scene) == was_on
    assert not getattr(addon("compat").compositor_tree(shot.scene), "nodes", ())
    assert not shot.scene.render.film_transparent
    assert not [g for g in bpy.data.node_groups if g.name.startswith(("Harmonize", "Scene"))]
    assert not [i for i in bpy.data.images if i.name.startswith("plate")]
    assert np.abs(rendered(shot, 2, "removed.png") - own).max() > 10


def check_nodes_under_a_view_transform(folder: Path) -> None:
    """Behind AgX the nodes' grade is another than the one in the picture, and comes near it."""
    import bpy
    import numpy as np

    shot = graded_shot(folder, frames=1, color=(0.5, 0.35, 0.25), level=100)
    shot.scene.view_settings.view_transform = "AgX"
    bpy.ops.harmonize.animation()
    options = addon("options").read_options(bpy.context, animation=True)
    shot_time = addon("shot_time")
    from harmonize_core.runtime import Look

    path = shot_time.estimate_path(options, 1)
    kept = shot_time.read_estimate(path)
    look = Look(np.array([-0.3, 0.1, 0, 0, 0, 0, 0.05, 0, 0, -0.2], np.float32), Look.identity().map)
    shot_time.write_estimate(path, type(kept)(look, kept.centre, kept.light))
    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    if hasattr(shot.scene.render, "compositor_device"):
        shot.scene.render.compositor_device = "CPU"
    shown = rendered(shot, 1, "nodes.png")
    cut = addon("shot_files").ShotFiles(options).read_cut("characters", 1)
    inside = cut.framed(cut.alpha) == 1
    gap = np.abs(shown - _expected(shot, 1))[inside]
    assert gap.mean() < 3, gap.mean()
    bpy.ops.harmonize.remove_look()
    assert np.abs(rendered(shot, 1, "plain.png") - _expected(shot, 1))[inside].mean() > 3 * gap.mean()
