# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons: Harmonize Frame, Harmonize Animation, and small helpers; the work is in `job`."""

from __future__ import annotations

import bpy

from harmonize_core.errors import HarmonizeError

from .options import output_folder, work_folder
from .running import Run
from .shot_files import clear
from .translations import sentence


class HARMONIZE_OT_frame(Run):
    """Render the characters of this frame, match them to the background and write the result"""

    bl_idname = "harmonize.frame"
    bl_label = "Harmonize Frame"
    bl_options = {"UNDO"}  # noqa: RUF012 (Blender reads this class attribute)


class HARMONIZE_OT_animation(Run):
    """Match the characters of every frame to the background; run again to continue where it stopped"""

    bl_idname = "harmonize.animation"
    bl_label = "Harmonize Animation"
    bl_options = {"UNDO"}  # noqa: RUF012
    animation = True


class HARMONIZE_OT_stop(bpy.types.Operator):
    """Stop (Esc does the same); finished frames are kept, and the next run continues after them"""

    bl_idname = "harmonize.stop"
    bl_label = "Stop"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the running operator to stop at its next step."""
        context.window_manager.harmonize_progress.cancel = True
        return {"FINISHED"}


class HARMONIZE_OT_clear_layers(bpy.types.Operator):
    """Delete the rendered layers kept for this shot, so that the next run renders them again"""

    bl_idname = "harmonize.clear_layers"
    bl_label = "Clear Rendered Layers"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Only our own files in the work folder are touched; results stay."""
        settings = context.scene.harmonize
        try:
            folder = work_folder(output_folder(settings.folder), settings.name_prefix)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        try:
            clear(folder)
        except OSError as error:
            text = f"{folder} cannot be emptied ({error.strerror}): close what uses its files, or delete it yourself"
            self.report({"ERROR"}, sentence(text))
            return {"CANCELLED"}
        self.report({"INFO"}, sentence(f"No rendered layers are left in {folder}"))
        return {"FINISHED"}


class HARMONIZE_OT_view_result(bpy.types.Operator):
    """Show the last result in a window of its own"""

    bl_idname = "harmonize.view_result"
    bl_label = "View Result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is a result and a window."""
        if context.window_manager.harmonize_progress.last_result not in bpy.data.images:
            cls.poll_message_set("There is no result yet: press Harmonize Frame first")
        elif bpy.app.background:
            cls.poll_message_set("Blender runs without a window")
        else:
            return True
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        """A new window with an image editor, playing along with the timeline."""
        image = bpy.data.images[context.window_manager.harmonize_progress.last_result]
        scene = context.scene
        bpy.ops.wm.window_new()
        area = context.window_manager.windows[-1].screen.areas[0]
        area.type = "IMAGE_EDITOR"
        space = area.spaces.active
        space.image = image
        if image.source == "SEQUENCE":
            user = space.image_user
            user.frame_start = scene.frame_start
            user.frame_offset = scene.frame_start - 1
            user.frame_duration = scene.frame_end - scene.frame_start + 1
            user.use_auto_refresh = True
        return {"FINISHED"}


CLASSES = (
    HARMONIZE_OT_frame,
    HARMONIZE_OT_animation,
    HARMONIZE_OT_stop,
    HARMONIZE_OT_clear_layers,
    HARMONIZE_OT_view_result,
)
