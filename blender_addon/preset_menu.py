# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of presets and its buttons; what they do is in `presets`."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from harmonize_core.errors import HarmonizeError

from . import presets
from .compat import find_curve
from .translations import say, sentence


class HARMONIZE_MT_presets(bpy.types.Menu):
    """Choose a preset of the look"""

    bl_label = "Presets"

    def draw(self, _context: bpy.types.Context) -> None:
        """The artist's own below those that came along."""
        last = True
        for preset in presets.all_presets():
            if last and not preset.shipped:
                self.layout.separator()
            last = preset.shipped
            operator = self.layout.operator("harmonize.apply_preset", text=_shown(preset), translate=False)
            operator.name = preset.name


class HARMONIZE_OT_apply_preset(bpy.types.Operator):
    """Set strength, smoothing and limits as this preset has them"""

    bl_idname = "harmonize.apply_preset"
    bl_label = "Apply Preset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    name: StringProperty(name="Name", options={"SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Keyframes win over what is set: say so."""
        found = [p for p in presets.all_presets() if p.name == self.name]
        if not found:
            known = ", ".join(p.name for p in presets.all_presets())
            self.report({"ERROR"}, sentence(f"There is no preset {self.name!r}: there are {known}"))
            return {"CANCELLED"}
        try:
            presets.apply(context.scene, found[-1])
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        if find_curve(context.scene, presets.settings(context.scene)["strength"]) is not None:
            self.report({"WARNING"}, sentence("The strength is keyframed: its keyframes stay and win over the preset"))
        return {"FINISHED"}


class HARMONIZE_OT_save_preset(bpy.types.Operator):
    """Keep strength, smoothing and limits as a preset of your own; one of the same name is replaced"""

    bl_idname = "harmonize.save_preset"
    bl_label = "Save Preset"
    bl_options = {"REGISTER"}  # noqa: RUF012

    name: StringProperty(name="Name", default="My Look", options={"SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for a name."""
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write its file."""
        name = self.name.strip()
        try:
            presets.save(context.scene, name)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        self.report({"INFO"}, say("Preset saved: {name}", name=name))
        return {"FINISHED"}


class HARMONIZE_OT_delete_preset(bpy.types.Operator):
    """Delete this preset of yours; those of the add-on stay"""

    bl_idname = "harmonize.delete_preset"
    bl_label = "Delete Preset"
    bl_options = {"REGISTER"}  # noqa: RUF012

    name: StringProperty(name="Name", options={"SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """There are any."""
        cls.poll_message_set("There are no presets of yours; those of the add-on cannot be deleted")
        return any(not preset.shipped for preset in presets.all_presets())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: files cannot be undone."""
        if not self.name:
            return self.execute(context)
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """The settings stay as they are."""
        try:
            presets.delete(self.name)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        self.report({"INFO"}, say("Preset deleted: {name}", name=self.name))
        return {"FINISHED"}


def draw_row(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The menu of presets with the name of the one in use, and the buttons to keep and delete one."""
    preset = presets.current(context.scene)
    row = layout.row(align=True)
    text = _shown(preset) if preset else say("Presets")
    row.menu(HARMONIZE_MT_presets.__name__, text=text, translate=False)
    row.operator("harmonize.save_preset", text="", icon="ADD")
    row.operator("harmonize.delete_preset", text="", icon="REMOVE").name = (
        preset.name if preset and not preset.shipped else ""
    )


def _shown(preset: presets.Preset) -> str:
    """The name in the interface: ours are translated, what the artist typed stays as it is."""
    return say(preset.name) if preset.shipped else preset.name


CLASSES = (
    HARMONIZE_MT_presets,
    HARMONIZE_OT_apply_preset,
    HARMONIZE_OT_save_preset,
    HARMONIZE_OT_delete_preset,
)
