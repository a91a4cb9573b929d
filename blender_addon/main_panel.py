# SPDX-License-Identifier: GPL-3.0-or-later
"""The Harmonize panel; it draws and decides nothing."""

from __future__ import annotations

import bpy

from .panels import Render, Sidebar
from .setup_panel import draw_setup


def draw_harmonize(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw all settings and buttons, or the progress while a run is on."""
    settings = context.scene.harmonize
    state = context.window_manager.harmonize_progress
    layout.use_property_split = True
    layout.use_property_decorate = False

    body = layout.column()
    body.enabled = not state.running
    draw_setup(body, context)

    column = body.column(align=True)
    column.use_property_decorate = True
    column.prop(settings, "strength")
    column.use_property_decorate = False
    column.prop(settings, "smoothing")

    column = body.column(align=True)
    column.prop(settings, "folder")
    column.prop(settings, "name_prefix")
    column.prop(settings, "file_format")
    column.prop(settings, "write_composite")
    row = column.row(align=True)
    row.prop(settings, "skip_finished")
    row.operator("harmonize.clear_layers", text="", icon="TRASH")

    layout.separator()
    if state.running:
        layout.progress(factor=state.factor, text=state.text)
        layout.operator("harmonize.stop", icon="CANCEL")
        return
    buttons = layout.column(align=True)
    buttons.operator("harmonize.frame", icon="RENDER_STILL")
    buttons.operator("harmonize.animation", icon="RENDER_ANIMATION")
    if state.last_result:
        row = layout.row(align=True)
        row.operator("harmonize.view_result", icon="IMAGE_DATA")
        row.operator("harmonize.add_strip", icon="SEQUENCE")
    if settings.characters is None:
        layout.operator("harmonize.open_demo", icon="FILE_BLEND")


class _Main(bpy.types.Panel):
    """What both places share."""

    bl_label = "Harmonize"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        draw_harmonize(self.layout, context)


class HARMONIZE_PT_sidebar(Sidebar, _Main):
    """Sidebar of the 3D view."""


class HARMONIZE_PT_render(Render, _Main):
    """Render properties."""

    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender reads this class attribute)


CLASSES = (HARMONIZE_PT_sidebar, HARMONIZE_PT_render)
