# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons: Harmonize Frame, Harmonize Animation, and three small helpers; the work is in `job`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator
from typing import Any

import bpy

from harmonize_core.errors import HarmonizeError

from .compat import result_image
from .job import Cancelled, Job, Progress
from .options import output_folder, read_options, work_folder
from .translations import say, sentence

_TICK_SECONDS = 0.05
_STEP_BUDGET_SECONDS = 0.03
"""Steps are taken in a timer tick until this much time has passed, so that quick ones do not wait for ticks."""


class Run(bpy.types.Operator):
    """What both main operators share: invoke() runs in the window, execute() at once; the steps are the same."""

    animation = False

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Start in the window, unless there is none."""
        if bpy.app.background:
            return self.execute(context)
        if not self._start(context, interactive=True):
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end before returning, as scripts and command lines need it."""
        if not self._start(context, interactive=False):
            return {"CANCELLED"}
        shown = 0.0
        try:
            for progress in self._steps:
                if bpy.app.background and time.monotonic() - shown > 1:
                    shown = time.monotonic()
                    print(f"Harmonize: {progress.fraction:4.0%} {progress.text()}", flush=True)
        except HarmonizeError as error:
            return self._end(context, error)
        except BaseException:
            self._clean_up(context)
            raise
        return self._end(context, None)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One timer tick of work; Esc cancels; everything else is the artist's."""
        state = context.window_manager.harmonize_progress
        if (event.type == "ESC" and event.value == "PRESS") or state.cancel:
            self._job.cancelled = True
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        deadline = time.monotonic() + _STEP_BUDGET_SECONDS
        try:
            progress = next(self._steps)
            while time.monotonic() < deadline:
                progress = next(self._steps)
        except StopIteration:
            return self._end(context, None)
        except HarmonizeError as error:
            return self._end(context, error)
        except BaseException:
            self._clean_up(context)
            raise
        self._show(context, progress)
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender quits or loads another file."""
        self._steps.close()
        self._clean_up(context)

    def _start(self, context: bpy.types.Context, *, interactive: bool) -> bool:
        state = context.window_manager.harmonize_progress
        if state.running:
            self.report({"ERROR"}, sentence("Harmonize is already running: wait for it, or press Esc"))
            return False
        try:
            self._job = self._new_job(context, interactive=interactive)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return False
        self._timer: bpy.types.Timer | None = None
        self._steps: Generator[Progress] = self._job.steps()
        state.running, state.cancel, state.factor, state.text = True, False, 0.0, "Starting"
        return True

    def _new_job(self, context: bpy.types.Context, *, interactive: bool) -> Any:
        """What is to be done, from the settings: `steps()`, `progress` and `cancelled`, as `job.Job` has them."""
        return Job(read_options(context, animation=self.animation), interactive=interactive)

    def _show(self, context: bpy.types.Context, progress: Progress) -> None:
        state = context.window_manager.harmonize_progress
        text = say("Stopping") if self._job.cancelled else progress.text()
        if state.text == text:
            return
        state.factor, state.text = progress.fraction, text
        if context.workspace:
            context.workspace.status_text_set(f"Harmonize: {text}   Esc: stop")
        redraw_panels(context)

    def _end(self, context: bpy.types.Context, error: HarmonizeError | None) -> set[str]:
        self._clean_up(context)
        if error is not None:
            self.report({"WARNING" if isinstance(error, Cancelled) else "ERROR"}, sentence(error))
            return {"CANCELLED"}
        self._finish(context)
        return {"FINISHED"}

    def _finish(self, context: bpy.types.Context) -> None:
        """Show what was made."""
        options = self._job.options
        name = "Harmonized Animation" if self.animation else "Harmonized Frame"
        image = result_image(name, options.result_path(options.frames[0]), len(options.frames))
        context.window_manager.harmonize_progress.last_result = image.name
        if self._job.without_characters:
            self.report({"WARNING"}, sentence(self._job.without_characters))
        self.report({"INFO"}, sentence(self._job.summary("Harmonized")))

    def _clean_up(self, context: bpy.types.Context) -> None:
        manager = context.window_manager
        if self._timer is not None:
            manager.event_timer_remove(self._timer)
            self._timer = None
        if context.workspace:
            context.workspace.status_text_set(None)
        manager.harmonize_progress.running = False
        redraw_panels(context)


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


class HARMONIZE_OT_collect_selected(bpy.types.Operator):
    """Link the selected objects and their children to a Characters collection, and choose it"""

    bl_idname = "harmonize.collect_selected"
    bl_label = "Collect Selected"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Objects stay in the collections they are in."""
        selected = list(context.selected_objects)
        if not selected:
            self.report({"ERROR"}, sentence("Nothing is selected: select the characters first"))
            return {"CANCELLED"}
        settings = context.scene.harmonize
        collection = settings.characters
        if collection is None or collection.library:  # what is linked from another file cannot be added to
            linked, collection = collection, bpy.data.collections.new("Characters")
            context.scene.collection.children.link(collection)
            if linked:
                collection.children.link(linked)
            settings.characters = collection
        wanted = {*selected, *(child for o in selected for child in o.children_recursive)}
        for thing in wanted - set(collection.objects):
            collection.objects.link(thing)
        return {"FINISHED"}


class HARMONIZE_OT_clear_layers(bpy.types.Operator):
    """Delete the rendered layers kept for this shot, so that the next run renders them again"""

    bl_idname = "harmonize.clear_layers"
    bl_label = "Clear Rendered Layers"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Only our own work folder is touched; results stay."""
        settings = context.scene.harmonize
        try:
            folder = work_folder(output_folder(settings.folder), settings.name_prefix)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        self.report({"INFO"}, sentence(f"{folder} is empty"))
        return {"FINISHED"}


class HARMONIZE_OT_view_result(bpy.types.Operator):
    """Show the last result in a window of its own"""

    bl_idname = "harmonize.view_result"
    bl_label = "View Result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is a result and a window."""
        name = context.window_manager.harmonize_progress.last_result
        return not bpy.app.background and name in bpy.data.images

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


def redraw_panels(context: bpy.types.Context) -> None:
    """Redraw the panels only; redrawing the viewport itself could take seconds."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            region_type = {"VIEW_3D": "UI", "PROPERTIES": "WINDOW"}.get(area.type)
            for region in area.regions:
                if region.type == region_type:
                    region.tag_redraw()


CLASSES = (
    HARMONIZE_OT_frame,
    HARMONIZE_OT_animation,
    HARMONIZE_OT_stop,
    HARMONIZE_OT_collect_selected,
    HARMONIZE_OT_clear_layers,
    HARMONIZE_OT_view_result,
)
