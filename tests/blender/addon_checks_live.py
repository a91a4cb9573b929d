# SPDX-License-Identifier: Apache-2.0
"""Live and the before/after split: what they show, what they leave of the file, and that they go without a trace."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from addon_session import ADDON, addon


def look_shot(folder: Path, frames: tuple[int, ...] = (1,)) -> Any:
    """A shot with rendered layers of some frames, matched by a network that estimates looks."""
    import bpy
    from addon_scene import new_shot

    bpy.context.preferences.addons[ADDON].preferences.model_path = os.environ["ADDON_LOOK_NETWORK"]
    shot = new_shot(folder)
    for frame in frames:
        shot.scene.frame_set(frame)
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    return shot


def done() -> None:
    import bpy

    addon("live").stop()
    bpy.context.preferences.addons[ADDON].preferences.model_path = ""


def _node(scene: Any) -> Any:
    nodes = addon("look_nodes").look_nodes(addon("compat").compositor_tree(scene))
    assert len(nodes) == 1, [n.name for n in nodes]
    return nodes[0]


def _tree_of(scene: Any) -> Any:
    """Everything in the compositing nodes that Live could change."""
    tree = addon("compat").compositor_tree(scene)
    if tree is None:
        return None
    sockets = {
        (n.name, i): tuple(v) if hasattr(v := s.default_value, "__len__") else v
        for n in tree.nodes
        for i, s in enumerate(n.inputs)
        if hasattr(s, "default_value")
    }
    links = sorted((link.from_node.name, link.to_node.name) for link in tree.links)
    marks = {n.name: sorted(n.keys()) for n in tree.nodes}
    mutes = [(c.data_path, c.array_index, c.mute) for c in addon("compat").curves_of(tree)]
    return sockets, links, marks, mutes


def check_live_shows_the_look_of_the_frame_and_leaves_nothing(folder: Path) -> None:
    """One tick without a window: the node holds the grade that a run estimates; off, the file is as before."""
    import bpy
    from addon_scene import assert_unchanged, snapshot

    try:
        shot = look_shot(folder)
        shot.scene.frame_set(1)
        compat = addon("compat")
        compat.new_compositor_tree(shot.scene)  # Blender 4 keeps a tree for good once there was one
        compat.drop_compositor_tree(shot.scene)
        before, groups = snapshot(shot.scene), len(bpy.data.node_groups)
        tree_before = _tree_of(shot.scene)
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        node = _node(shot.scene)
        options = addon("options").read_options(bpy.context, animation=False)
        estimate = addon("shot_time").read_estimate(addon("shot_time").estimate_path(options, 1))
        wanted = addon("look_nodes").socket_values(estimate.transform)
        assert abs(wanted["Exposure"]) > 0.1
        assert abs(node.inputs["Exposure"].default_value - wanted["Exposure"]) < 0.02, "the small capture tells less"
        # at another frame nothing is rendered: the nearest layers count
        shot.scene.frame_set(4)
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert "frame 1" in addon("live").session().text
        shot.scene.frame_set(1)
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        assert addon("live").session() is None
        if "users" in before["scene"]:
            before["scene"]["users"] = shot.scene.users  # Blender 5 miscounts those of a matte node that is gone
        assert_unchanged(before, shot.scene)
        assert _tree_of(shot.scene) == tree_before
        assert len(bpy.data.node_groups) == groups
    finally:
        done()


def check_live_borrows_a_baked_look_and_gives_it_back(folder: Path) -> None:
    """Keyframes of a baked look sleep while Live is on; values, keyframes and the saved file are not changed."""
    import bpy

    try:
        shot = look_shot(folder, (1, 2, 3, 4, 5))
        assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
        shot.scene.frame_set(2)
        node = _node(shot.scene)
        render = next(n for n in node.id_data.nodes if n.bl_idname == "CompositorNodeRLayers")
        mask = node.id_data.links.new(render.outputs["Alpha"], node.inputs["Mask"])
        node.inputs["Over Shadow"].default_value = 1.0
        baked = _tree_of(shot.scene)
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        assert mask.is_muted, "3D views have no Cryptomatte"
        groups = len(bpy.data.node_groups)
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert len(bpy.data.node_groups) == groups, "a group that is whole is used again"
        _node(shot.scene).inputs["Exposure"].default_value = 5.0
        awake = [m for *_, m in _tree_of(shot.scene)[3] if not m]
        assert len(awake) < len(baked[3]) or not baked[3]
        bpy.ops.wm.save_mainfile()
        assert _tree_of(shot.scene) == baked, "what is saved is the file without Live"
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
        assert addon("live_node").MARK not in _node(shot.scene)
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        shot.scene.frame_set(2)
        assert _tree_of(shot.scene) == baked
        assert not any(link.is_muted for link in _node(shot.scene).inputs["Mask"].links)
    finally:
        done()


def check_live_is_not_in_the_way_of_undo(folder: Path) -> None:
    """Undo takes back the artist's step alone; a state from while Live was on comes back without Live."""
    import bpy

    try:
        shot = look_shot(folder)
        bpy.ops.ed.undo_push(message="start")
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        bpy.context.scene.objects["Ball"].location.z = 1
        bpy.ops.ed.undo_push(message="move")
        bpy.context.scene.objects["Ball"].location.z = 2
        bpy.ops.ed.undo_push(message="move")
        bpy.ops.ed.undo()
        scene = bpy.context.scene
        assert scene.objects["Ball"].location.z == 1
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert _node(scene).inputs["Exposure"].default_value != 0
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        bpy.ops.ed.redo()
        scene = bpy.context.scene
        assert scene.objects["Ball"].location.z == 2
        assert not addon("look_nodes").look_nodes(addon("compat").compositor_tree(scene))
        assert shot.folder.is_dir()
    finally:
        done()


def check_live_says_what_is_missing(folder: Path) -> None:
    import bpy

    try:
        shot = look_shot(folder, ())
        said = ""
        try:
            bpy.ops.harmonize.live()
        except RuntimeError as error:
            said = str(error)
        assert "press Harmonize Frame" in said, said
        addon("live").stop()
        shot.settings.characters = None
        assert not bpy.ops.harmonize.live.poll()
        assert not bpy.ops.harmonize.live_update.poll()
    finally:
        done()


def check_the_split_finds_the_picture_before(folder: Path) -> None:
    """File names say what belongs together; without a window the switch draws nothing and leaves nothing."""
    import bpy

    split = addon("split_view")
    assert split.before_path(Path("a/shot_0012.png")) == Path("a/shot_before_0012.png")
    assert split.before_path(Path("a/harmonized_2_0001.exr")) == Path("a/harmonized_2_before_0001.exr")
    assert split.before_path(Path("a/harmonized_-003.png")) == Path("a/harmonized_before_-003.png")
    assert split.before_path(Path("a/shot_before_0012.png")) is None
    assert split.before_path(Path("a/picture.png")) is None
    settings = bpy.context.window_manager.harmonize_split
    settings.show = True
    settings.position = 0.3
    settings.show = False
    assert split._view.handle is None
    assert folder.is_dir()


def check_live_takes_the_nearest_of_frames_before_zero(folder: Path) -> None:
    import bpy

    try:
        shot = look_shot(folder, (-5, 3))
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        for frame, nearest in ((-2, -5), (0, 3), (-9, -5), (-1, 3)):
            shot.scene.frame_set(frame)
            assert bpy.ops.harmonize.live_update() == {"FINISHED"}
            said = addon("live").session().text
            assert re.search(rf"frame {nearest}\b", said), (frame, said)
    finally:
        done()
