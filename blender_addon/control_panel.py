# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels *Look Control* and *Characters*; they draw and decide nothing."""

from __future__ import annotations

import bpy

from .diagnosis import wrapped
from .panels import sub_panel
from .preset_menu import draw_row as draw_presets
from .translations import say


def draw_control(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Presets, limits, spared materials, reset."""
    control = context.scene.harmonize_control
    draw_presets(layout, context)
    column = layout.column(align=True)
    column.prop(control, "mode")
    column.prop(control, "keep_hue")
    row = layout.row(align=True, heading="Limit Change")
    row.prop(control, "use_limit", text="")
    value = row.row(align=True)
    value.active = control.use_limit
    value.prop(control, "largest", text="")
    layout.prop(control, "skin")
    column = layout.column(align=True)
    amount = column.row()
    amount.active = bool(control.materials)
    amount.prop(control, "materials_amount", text="Materials")
    for index, item in enumerate(control.materials):
        row = column.row(align=True)
        row.prop(item, "material", text="")
        row.operator("harmonize.unprotect_material", text="", icon="X").index = index
    column.operator("harmonize.protect_material", icon="ADD")
    layout.operator("harmonize.reset_look", icon="LOOP_BACK")


def draw_characters(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The switch, and the strength of each character."""
    settings = context.scene.harmonize_characters
    layout.prop(settings, "separate")
    collection = context.scene.harmonize.characters
    if collection is None or not settings.separate:
        return
    if not collection.children:
        text = say("Put each character into a collection inside {name}", name=collection.name)
        lines = layout.column(align=True)
        for number, line in enumerate(wrapped(text, context)):
            lines.label(text=line, icon="BLANK1" if number else "INFO", translate=False)
    column = layout.column(align=True)
    beside = [collection] if collection.objects else []
    for character in (*collection.children, *beside):
        row = column.row()
        row.enabled = character.library is None
        row.prop(character.harmonize_character, "strength", text=character.name, translate=False)


CLASSES = (
    *sub_panel("control", "Look Control", draw_control, 10),
    *sub_panel("characters", "Characters", draw_characters, 12),
)
