# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections by name and file: one that is linked from a library may be named like one of this file."""

from __future__ import annotations

import bpy


def library_path(datablock: bpy.types.ID) -> str:
    """Absolute path of the file that something is linked from; empty where it is not."""
    library = datablock.library
    return bpy.path.abspath(library.filepath, library=library.library) if library else ""


def find_collection(name: str, library: str) -> bpy.types.Collection:
    """A collection in this file or in a copy of it that was saved elsewhere."""
    return next(c for c in bpy.data.collections if c.name == name and library_path(c) == library)
