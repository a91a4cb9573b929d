# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place the extension may write to for itself: the user's folder of it, which survives upgrades."""

from __future__ import annotations

from pathlib import Path

import bpy

from harmonize_core.errors import InputError, OutputError

from .bridge.files import why_not_written


def user_folder(name: str, *, create: bool = False) -> Path:
    """A folder `name` in the extension's user folder.

    Blender returns an empty path, which would mean the current folder, where it cannot make one.

    Raises:
        InputError: the add-on was not installed as an extension and so has no folder.
        OutputError: the folder cannot be made.
    """
    try:
        found = bpy.utils.extension_path_user(__package__ or "", path=name, create=create)
    except ValueError as error:
        raise InputError(
            "The add-on was not installed as an extension and so has no folder of its own; install its zip from disk"
        ) from error
    except OSError as error:
        raise OutputError(why_not_written(Path(error.filename or name), error)) from error
    if not found:
        raise OutputError(
            "Blender's user folder cannot be written to; make it writable, or set BLENDER_USER_RESOURCES to a folder "
            "that is"
        )
    return Path(found)
