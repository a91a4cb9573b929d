# SPDX-License-Identifier: GPL-3.0-or-later
"""Open Demo Shot: a walking man over a photographed square, to try every button with (`scripts/make_demo_shot.py`).

The shot is copied out of the extension first, whose folder nothing is ever written to.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy

from harmonize_core.errors import HarmonizeError

from .bridge.files import why_not_written
from .translations import say, sentence
from .user_folder import user_folder

DEMO = Path(__file__).parent / "demo"
SHOT, BESIDE = "harmonize_demo.blend", ("plate.jpg", "CREDITS.md")


def demo_folder() -> Path:
    """Where the copy goes. Raises what `user_folder` raises."""
    return user_folder("demo", create=True)


def copy_shot(folder: Path) -> Path:
    """Copy the shot; what an artist made of an earlier copy stays, under the next free number.

    Raises:
        OSError: the folder cannot be written to.
    """
    for name in BESIDE:
        shutil.copyfile(DEMO / name, folder / name)
    wanted, number = (DEMO / SHOT).read_bytes(), 1
    path = folder / SHOT
    while path.is_file() and path.read_bytes() != wanted:
        number += 1
        path = folder / SHOT.replace(".", f"_{number}.")
    path.write_bytes(wanted)
    return path


class HARMONIZE_OT_open_demo(bpy.types.Operator):
    """Open a shot to try the add-on with: a walking character over a photographed square, 48 frames"""

    bl_idname = "harmonize.open_demo"
    bl_label = "Open Demo Shot"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """The shot came along, and nothing runs that opening another file would end."""
        if not (DEMO / SHOT).is_file():
            cls.poll_message_set("This build of the add-on carries no demo shot")
        elif context.window_manager.harmonize_progress.running:
            cls.poll_message_set("Harmonize is already running: wait for it, or press Esc")
        else:
            return True
        return False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first where changes would be lost."""
        if bpy.data.is_dirty and not bpy.app.background:
            lost = say("Changes of this file that are not saved are lost")
            return context.window_manager.invoke_confirm(self, event, title=say("Open Demo Shot"), message=lost)
        return self.execute(context)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Copy and open it; the windows stay as they are arranged."""
        try:
            folder = demo_folder()
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(str(error)))
            return {"CANCELLED"}
        try:
            path = copy_shot(folder)
        except OSError as error:
            self.report({"ERROR"}, sentence(why_not_written(folder, error)))
            return {"CANCELLED"}
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
        return {"FINISHED"}


CLASSES = (HARMONIZE_OT_open_demo,)
