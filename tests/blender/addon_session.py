# SPDX-License-Identifier: Apache-2.0
"""What the checks of the installed add-on share; importable without Blender."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

ADDON = "bl_ext.user_default.harmonize"
HERE = Path(__file__).resolve().parent


class Skipped(Exception):
    """This check cannot run here."""


def addon(module: str) -> Any:
    """A module of the installed add-on."""
    return importlib.import_module(f"{ADDON}.{module}")


def coverage(shot: Any, frame: int) -> Any:
    """Alpha of the rendered characters layer, (H, W), top row first."""
    return addon("bridge.pixels").read_layer(shot.out / f"harmonized_work/characters_{frame:04d}.exr").alpha


@contextlib.contextmanager
def background_blender(folder: Path) -> Generator[Path | None]:
    """A second Blender for what renders in the background while this lasts; the preferences are saved for it.

    Where Blender is a module, a script in `folder` starts this Python in its place (`addon_stand_in.py`).

    Yields:
        The script; None in Blender itself, which knows its program.
    """
    import bpy

    bpy.ops.wm.save_userpref()
    if Path(bpy.app.binary_path).is_file():  # a module has "", and the current folder once that was set again
        yield None
        return
    script = folder / "blender"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "addon_stand_in.py"}" "$@"\n')
    script.chmod(0o755)
    bpy.app.binary_path = str(script)
    try:
        yield script
    finally:
        bpy.app.binary_path = ""
