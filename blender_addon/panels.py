# SPDX-License-Identifier: GPL-3.0-or-later
"""Where panels are: in the sidebar of the 3D view and in the render properties, the same ones in both."""

from __future__ import annotations

from collections.abc import Callable

import bpy

SIDEBAR, RENDER = "HARMONIZE_PT_sidebar", "HARMONIZE_PT_render"
"""The main panels (`main_panel`), above those of the tools."""


class Sidebar:
    """Sidebar of the 3D view."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Harmonize"


class Render:
    """Render properties."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"


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
    sidebar = {"bl_parent_id": SIDEBAR, **shared}
    render = {"bl_parent_id": RENDER, **shared}
    return (
        type(f"HARMONIZE_PT_sidebar_{name}", (Sidebar, bpy.types.Panel), sidebar),
        type(f"HARMONIZE_PT_render_{name}", (Render, bpy.types.Panel), render),
    )
