# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing in one step what takes several settings: a background, an existing render, the names of a matte."""

from __future__ import annotations

import re
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from .plates import MOVIE_SUFFIXES, sequence_range, split_number
from .translations import sentence


def use_plate(settings: bpy.types.PropertyGroup, scene: bpy.types.Scene, path: Path) -> None:
    """Make a file the background; one of several numbered pictures stands for all of them.

    Sequences that are numbered as the scene's frames begin at their own number, others with the first frame.
    """
    settings.background, settings.plate_path = "FILE", str(path)
    if bpy.data.filepath:
        settings.plate_path = bpy.path.relpath(str(path)) if _same_drive(path) else str(path)
    numbered = path.suffix.lower() not in MOVIE_SUFFIXES and bool(split_number(path.name)[1])
    first, length = sequence_range(path) if numbered else (0, 1)
    settings.plate_is_sequence = length > 1
    counts_alike = first <= scene.frame_start < first + length
    settings.plate_start = first if length > 1 and counts_alike else scene.frame_start


def _same_drive(path: Path) -> bool:
    return Path(bpy.data.filepath).anchor.lower() == path.anchor.lower()


class _Choose:
    """An operator that asks for a picture or a movie."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filepath: StringProperty(subtype="FILE_PATH")  # ty: ignore[invalid-type-form]
    filter_image: BoolProperty(default=True, options={"HIDDEN"})  # ty: ignore[invalid-type-form]
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})  # ty: ignore[invalid-type-form]
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})  # ty: ignore[invalid-type-form]

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class HARMONIZE_OT_choose_render(_Choose, bpy.types.Operator):
    """Choose one picture of an existing render, numbered like the scene's frames"""

    bl_idname = "harmonize.choose_render"
    bl_label = "Choose Existing Render"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take it instead of rendering."""
        settings = context.scene.harmonize
        settings.source, settings.render_path = "FILES", self.filepath
        return {"FINISHED"}


class HARMONIZE_OT_choose_background(_Choose, bpy.types.Operator):
    """Choose the picture, sequence or movie behind the characters; one of several numbered pictures stands for all"""

    bl_idname = "harmonize.choose_background"
    bl_label = "Choose Background"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set file, sequence and start together."""
        path = Path(bpy.path.abspath(self.filepath))
        if not path.is_file():
            self.report({"ERROR"}, sentence(f"The background {path} does not exist; choose a picture or a movie"))
            return {"CANCELLED"}
        use_plate(context.scene.harmonize, context.scene, path)
        return {"FINISHED"}


class HARMONIZE_OT_name_selected(bpy.types.Operator):
    """Tell the characters by the names of the selected objects and their children"""

    bl_idname = "harmonize.name_selected"
    bl_label = "Name Selected"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Signs that mean something in a list of patterns become ?, which stands for any one."""
        things = [o for o in context.selected_objects for o in (o, *o.children_recursive)]
        if not things:
            self.report({"ERROR"}, sentence("Nothing is selected: select the characters first"))
            return {"CANCELLED"}
        settings = context.scene.harmonize
        names = sorted({re.sub(r"[,*\[\]]", "?", o.name) for o in things})
        settings.foreground, settings.matte = "MATTE", ", ".join(names)
        return {"FINISHED"}


CLASSES = (HARMONIZE_OT_choose_background, HARMONIZE_OT_choose_render, HARMONIZE_OT_name_selected)
