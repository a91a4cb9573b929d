# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""Over Time: one look for a shot or one that follows the light, and the looks as keyframed compositing nodes."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, PointerProperty

from harmonize_core.errors import HarmonizeError

from . import compat, live_node, look_bake, look_tree, shot_time
from .look_nodes import look_nodes
from .panels import sub_panel
from .sources import tells_characters
from .translations import say, sentence

_OTHER_KINDS = (
    *("transforms", "shapekeys", "modifiers", "meshes", "lattices", "cameras", "materials", "lights", "linestyles"),
    *("textures", "curves", "worlds", "particles", "metaballs", "armatures", "speakers", "cache_files"),
    *("hair_curves", "pointclouds", "volumes", "lightprobes", "gpencil", "movieclips"),
)
"""What else a graph editor shows the curves of; nodes of the scene are left."""


class HarmonizeTime(bpy.types.PropertyGroup):
    """`scene.harmonize_time`: how looks go over time. `shot_time.timing_of` is the reader."""

    lock: BoolProperty(
        name="Lock to Shot",
        description="One look for all frames of a shot, an average in which odd frames count little; without it the "
        "look follows the light, smoothed. A new shot begins where markers bring in another camera",
    )


class HARMONIZE_OT_bake_look(bpy.types.Operator):
    """Put the look of each frame into the compositor: a node of Blender's own nodes with keyframes, for any Blender"""

    bl_idname = "harmonize.bake_look"
    bl_label = "Bake Look to Nodes"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There are characters, and no run is writing the estimates just now."""
        if not tells_characters(context.scene):
            cls.poll_message_set("Choose the characters and press Harmonize Animation first")
            return False
        if context.window_manager.harmonize_progress.running:
            cls.poll_message_set("Wait until Harmonize has finished, or press Esc")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Bake, and say what came of it."""
        live_node.release_all()  # what Live borrowed or made is no look to bake into
        try:
            baked = look_bake.bake(context)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        if baked.alone:
            text = say("Baked the look of this frame for all frames; Harmonize Animation gives each its own")
        else:
            text = say("Baked the looks of {count} frames: {keys} keyframes", count=baked.frames, keys=baked.keyframes)
        if baked.error:
            near = say("within {error} of 255 of the picture with one grade", error=f"{baked.error * 255:.1f}")
            text = f"{text} ({near})"
        self.report({"INFO"}, text)
        return {"FINISHED"}


class HARMONIZE_OT_remove_look(bpy.types.Operator):
    """Take the look out of the compositor, with its keyframes; the other nodes stay as they are"""

    bl_idname = "harmonize.remove_look"
    bl_label = "Remove Look from Nodes"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is one."""
        return _has_look(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove all looks of this scene."""
        look_tree.take_out(context.scene)
        return {"FINISHED"}


class HARMONIZE_OT_show_curves(bpy.types.Operator):
    """Show the keyframes of the look in the graph editor, in a window of its own"""

    bl_idname = "harmonize.show_curves"
    bl_label = "Show Curves"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is a look in the nodes, and a window."""
        if bpy.app.background:
            cls.poll_message_set("Blender runs without a window")
            return False
        return _has_look(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """A graph editor that shows all of the curves."""
        tree = compat.compositor_tree(context.scene)
        looks = look_nodes(tree)
        if tree is None or not looks:
            return {"CANCELLED"}
        for node in tree.nodes:
            node.select = node in looks
        tree.nodes.active = looks[0]
        bpy.ops.wm.window_new()
        window = context.window_manager.windows[-1]
        area = window.screen.areas[0]
        area.type = "GRAPH_EDITOR"
        space = area.spaces.active
        space.mode = "FCURVES"
        sheet = space.dopesheet
        sheet.show_only_selected = False
        for kind in _OTHER_KINDS:
            if hasattr(sheet, f"show_{kind}"):
                setattr(sheet, f"show_{kind}", False)
        sheet.show_nodes = sheet.show_scenes = True
        for curve in compat.curves_of(tree):
            ours = any(curve.data_path.startswith(n.path_from_id()) for n in looks)
            curve.hide, curve.select = not ours, ours
        region = next(r for r in area.regions if r.type == "WINDOW")
        with context.temp_override(window=window, area=area, region=region):
            bpy.ops.anim.channels_expand(all=True)
            bpy.ops.graph.view_all()
        return {"FINISHED"}


def _has_look(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if look_tree.has_look(context.scene):
        return True
    cls.poll_message_set("There is no look in the compositor: press Bake Look to Nodes first")
    return False


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the settings, what cuts there are, and the buttons."""
    scene = context.scene
    layout.prop(scene.harmonize_time, "lock")
    column = layout.column()
    column.enabled = not scene.harmonize_time.lock
    column.prop(scene.harmonize, "smoothing")
    frames = range(scene.frame_start, scene.frame_end + 1)
    if cuts := shot_time.camera_cuts(scene, frames):
        shown = ", ".join(str(frames[i]) for i in cuts[:4]) + (" ..." if len(cuts) > 4 else "")
        layout.label(text=say("New shots at frames {frames}", frames=shown), icon="OUTLINER_OB_CAMERA")
    column = layout.column(align=True)
    column.operator("harmonize.bake_look", icon="NODETREE")
    row = column.row(align=True)
    row.operator("harmonize.show_curves", icon="GRAPH")
    row.operator("harmonize.remove_look", text="", icon="TRASH")


CLASSES = (
    HarmonizeTime,
    HARMONIZE_OT_bake_look,
    HARMONIZE_OT_remove_look,
    HARMONIZE_OT_show_curves,
    *sub_panel("over_time", "Over Time", draw, order=2),
)


def register() -> None:
    """Hang the settings on the scene."""
    bpy.types.Scene.harmonize_time = PointerProperty(type=HarmonizeTime)


def unregister() -> None:
    """Take them away again; nodes that were baked stay and need the add-on no more."""
    del bpy.types.Scene.harmonize_time
