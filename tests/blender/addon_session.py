# SPDX-License-Identifier: Apache-2.0
"""What the checks of the installed add-on share; importable without Blender."""

from __future__ import annotations

import contextlib
import importlib
import os
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
def small_files(most: int) -> Generator[None]:
    """No file can grow beyond so many bytes while this lasts, as on a disk that fills up in the middle of it."""
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    said = [os.dup(number) for number in (1, 2)]
    with open(os.devnull, "wb") as nowhere:  # what Blender says may go into a file, too
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handled)
        for number, kept in enumerate(said, 1):
            os.dup2(kept, number)
            os.close(kept)


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
