# SPDX-License-Identifier: Apache-2.0
"""What the checks of the installed add-on share; importable without Blender."""

from __future__ import annotations

import importlib
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
