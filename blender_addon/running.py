# SPDX-License-Identifier: GPL-3.0-or-later
"""How the buttons that take long run: in the window step by step with a timer, from scripts at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

from harmonize_core.errors import HarmonizeError

from .bridge.files import why_not_written
from .compat import result_image
from .job import Cancelled, Job, Progress
from .options import read_options
from .translations import say, sentence

_TICK_SECONDS = 0.05
_STEP_BUDGET_SECONDS = 0.03
"""Steps are taken in a timer tick until this much time has passed, so that quick ones do not wait for ticks."""


_alive: list[tuple[Generator[Progress], list[bpy.types.Timer]]] = []
"""The steps of a run and its timer: disabled in the middle of it, the add-on ends both."""


def has_characters(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For `poll`: characters are chosen, and nothing else runs; else the button says why it is grey."""
    if context.window_manager.harmonize_progress.running:
        operator.poll_message_set("Harmonize is already running: wait for it, or press Esc")
    elif context.scene.harmonize.characters is None:
        operator.poll_message_set("Choose the characters in the Harmonize panel first")
    else:
        return True
    return False


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
        _alive[-1][1].append(self._timer)
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
        except (HarmonizeError, OSError, MemoryError) as error:
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
        except (HarmonizeError, OSError, MemoryError) as error:
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
        _alive.append((self._steps, []))
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

    def _end(self, context: bpy.types.Context, error: Exception | None) -> set[str]:
        self._clean_up(context)
        if error is not None:
            self.report({"WARNING" if isinstance(error, Cancelled) else "ERROR"}, sentence(why_ended(error)))
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
        _alive.clear()
        if self._timer is not None:
            manager.event_timer_remove(self._timer)
            self._timer = None
        if context.workspace:
            context.workspace.status_text_set(None)
        manager.harmonize_progress.running = False
        redraw_panels(context)


def why_ended(error: Exception) -> str:
    """The sentence for what ended a run; files may vanish under it, and memory may not suffice."""
    if isinstance(error, MemoryError):
        return "There is not enough memory for pictures of this size: lower the resolution, or use a smaller background"
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{error.filename} vanished while Harmonize was working: run again, what is finished is kept"
    return why_not_written(Path(error.filename), error) if isinstance(error, OSError) and error.filename else str(error)


def redraw_panels(context: bpy.types.Context) -> None:
    """Redraw the panels only; redrawing the viewport itself could take seconds."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            region_type = {"VIEW_3D": "UI", "PROPERTIES": "WINDOW"}.get(area.type)
            for region in area.regions:
                if region.type == region_type:
                    region.tag_redraw()


CLASSES: tuple[type, ...] = ()


def unregister() -> None:
    """End a run that is under way; Blender forgets its operator without a word to it."""
    while _alive:
        steps, timers = _alive.pop()
        with contextlib.suppress(ValueError):  # it is this very run that switches the add-on off
            steps.close()
        for timer in timers:
            bpy.context.window_manager.event_timer_remove(timer)
        if bpy.context.workspace:
            bpy.context.workspace.status_text_set(None)
