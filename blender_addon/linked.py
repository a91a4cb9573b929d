# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections by name and file: one that is linked from a library may be named like one of this file."""

from __future__ import annotations

import bpy

from harmonize_core.errors import InputError


def library_path(datablock: bpy.types.ID) -> str:
    """Absolute path of the file that something is linked from; empty where it is not."""
    library = datablock.library
    return bpy.path.abspath(library.filepath, library=library.library) if library else ""


def check_local(scene: bpy.types.Scene) -> None:
    """Raises:
    InputError: the scene is another file's, so that nothing can be added to it here.
    """
    if scene.library is not None:
        raise InputError(
            f"The scene {scene.name!r} is linked from another file and cannot be changed here: make a full copy of it "
            "(New Scene > Full Copy), or open that file"
        )


def find_collection(name: str, library: str) -> bpy.types.Collection:
    """A collection in this file or in a copy of it that was saved elsewhere."""
    return next(c for c in bpy.data.collections if c.name == name and library_path(c) == library)
