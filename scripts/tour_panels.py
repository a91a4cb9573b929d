# SPDX-License-Identifier: Apache-2.0
"""For the tour of the extension: its modules, its run's progress, and opening its panels in the sidebar."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Generator
from typing import Any

import bpy
from tour_window import Wait, inside

MODULE = "bl_ext.user_default.harmonize"
NUMBERS = itertools.count()
KEPT = ("bl_label", "bl_order", "bl_parent_id", "bl_translation_context", "draw")
ORIGINALS: dict[str, type] = {}
"""The tools' panels as the add-on registered them, by name."""


def module(name: str) -> Any:
    """A module of the installed add-on."""
    return sys.modules[f"{MODULE}.{name}"]


def show_tools(*opened: str) -> None:
    """Draw the tools' panels of the sidebar anew, with these open; Blender has no call that opens one."""
    number = next(NUMBERS)
    for name in [n for n in dir(bpy.types) if n.startswith("HARMONIZE_PT_sidebar_")]:
        old = getattr(bpy.types, name)
        tool = re.sub(r"_\d+$", "", name.removeprefix("HARMONIZE_PT_sidebar_"))
        ORIGINALS.setdefault(tool, old)
        kept = {k: v for k, v in vars(old).items() if k in KEPT}
        kept["bl_options"] = set() if tool in opened else {"DEFAULT_CLOSED"}
        bpy.utils.unregister_class(old)
        bpy.utils.register_class(type(f"HARMONIZE_PT_sidebar_{tool}_{number}", old.__bases__, kept))


def give_panels_back() -> Generator[Wait]:
    """So that the add-on can be switched off again."""
    for name in [n for n in dir(bpy.types) if re.fullmatch(r"HARMONIZE_PT_sidebar_\w+_\d+", n)]:
        bpy.utils.unregister_class(getattr(bpy.types, name))
    for panel in ORIGINALS.values():
        bpy.utils.register_class(panel)
    yield 0.5


def scroll(area: bpy.types.Area, amount: int) -> None:
    """Move the sidebar: to its end (1), or to its beginning (-1)."""
    with inside(area, "UI"):
        for _ in range(40):
            (bpy.ops.view2d.scroll_down if amount > 0 else bpy.ops.view2d.scroll_up)()


def progress() -> Any:
    """Of the add-on's run."""
    return bpy.context.window_manager.harmonize_progress
