# SPDX-License-Identifier: GPL-3.0-or-later
"""The Harmonize panel, in the sidebar of the 3D view and in the render properties; it draws and decides nothing."""

from __future__ import annotations

from collections.abc import Callable

import bpy


def draw_harmonize(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw all settings and buttons, or the progress while a run is on."""
    settings = context.scene.harmonize
    state = context.window_manager.harmonize_progress
    layout.use_property_split = True
    layout.use_property_decorate = False

    body = layout.column()
    body.enabled = not state.running
    column = body.column(align=True)
    column.prop(settings, "characters")
    if settings.characters is None:
        column.operator("harmonize.collect_selected", icon="COLLECTION_NEW")
    column.prop(settings, "others")

    column = body.column(align=True)
    column.prop(settings, "background")
    if settings.background == "FILE":
        column.prop(settings, "plate_path", text="File")
        column.prop(settings, "plate_is_sequence")
        column.prop(settings, "plate_start")
        column.prop(settings, "plate_fit")

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
        layout.operator("harmonize.view_result", icon="IMAGE_DATA")


class _Sidebar:
    """Sidebar of the 3D view."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Harmonize"


class _Render:
    """Render properties."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"


class _Main(bpy.types.Panel):
    """What both places share."""

    bl_label = "Harmonize"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        draw_harmonize(self.layout, context)


class HARMONIZE_PT_sidebar(_Sidebar, _Main):
    """Sidebar of the 3D view."""


class HARMONIZE_PT_render(_Render, _Main):
    """Render properties."""

    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender reads this class attribute)


def sub_panel(
    name: str, label: str, draw: Callable[[bpy.types.UILayout, bpy.types.Context], None], order: int
) -> tuple[type, type]:
    """The panel of one tool, closed at first, under *Harmonize* in both places.

    Args:
        name: end of the class names, in small letters.
        label: shown in its header.
        draw: fills its layout.
        order: place among the panels of tools.
    """

    def drawn(self: bpy.types.Panel, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.layout.enabled = not context.window_manager.harmonize_progress.running
        draw(self.layout, context)

    shared = {"bl_label": label, "bl_options": {"DEFAULT_CLOSED"}, "bl_order": order, "draw": drawn}
    sidebar = {"bl_parent_id": HARMONIZE_PT_sidebar.__name__, **shared}
    render = {"bl_parent_id": HARMONIZE_PT_render.__name__, **shared}
    return (
        type(f"HARMONIZE_PT_sidebar_{name}", (_Sidebar, bpy.types.Panel), sidebar),
        type(f"HARMONIZE_PT_render_{name}", (_Render, bpy.types.Panel), render),
    )


CLASSES = (HARMONIZE_PT_sidebar, HARMONIZE_PT_render)
