# SPDX-License-Identifier: GPL-3.0-or-later
"""The first part of the panel: who is matched to what. It draws and decides nothing."""

from __future__ import annotations

import bpy

from .diagnosis import draw_diagnosis
from .plates import MOVIE_SUFFIXES


def draw_setup(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Foreground, background, and a diagnosis of both."""
    settings = context.scene.harmonize
    column = layout.column(align=True)
    column.prop(settings, "source")
    if settings.source == "FILES":
        column.prop(settings, "render_path", text="File")
    column = layout.column(align=True)
    column.prop(settings, "foreground")
    if settings.foreground == "COLLECTION":
        row = column.row(align=True)
        row.prop(settings, "characters", text="Collection")
        row.operator("harmonize.collect_selected", text="", icon="ADD")
    elif settings.foreground == "MATTE":
        row = column.row(align=True)
        row.prop(settings, "matte", text="Name")
        row.operator("harmonize.name_selected", text="", icon="ADD")
    by_itself = settings.source == "RENDER" and settings.foreground == "COLLECTION"
    if by_itself and settings.background != "SCENE":
        column.prop(settings, "others")

    column = layout.column(align=True)
    column.prop(settings, "background")
    if settings.background == "FILE":
        _draw_file(column, settings)
    draw_diagnosis(layout, context)


def _draw_file(column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    row = column.row(align=True)
    row.prop(settings, "plate_path", text="File")
    is_movie = settings.plate_path.lower().endswith(MOVIE_SUFFIXES)
    if not is_movie:
        column.prop(settings, "plate_is_sequence")
    if is_movie or settings.plate_is_sequence:
        column.prop(settings, "plate_start")
    column.prop(settings, "plate_fit")
