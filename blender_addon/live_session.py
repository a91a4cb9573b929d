# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: the look of the frame that is shown, estimated anew from a small capture and eased into the compositor.

A timer looks twenty times a second whether the frame, the light or the rendered layers changed. Then it captures
(`capture`, `view_capture`, in the main thread), a thread estimates, and every tick brings the nodes nearer to the
newest estimate (`runtime.Follower`). Where nothing changes nothing is written, so nothing is drawn anew.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import Future, ThreadPoolExecutor

import bpy
import numpy as np

from harmonize_core.errors import HarmonizeError, InputError
from harmonize_core.runtime import Follower, Look
from harmonize_core.runtime.grade_fit import Show, fit_grade, plainly_shown
from harmonize_core.runtime.temporal import centre_of

from . import live_node, model, view_capture
from .capture import Capture, Store, from_layers, nearest_rendered, read_ahead
from .compat import working_space
from .look_bake import COLORS, shown_by
from .options import ShotOptions, read_options, view_key
from .translations import say

TICK = 0.05
"""Seconds between looks at what changed."""

LAG = 1.8
"""By how many of its `sigma_frames` a `Follower` is behind."""

SHARE = 0.25
"""Of the time, at most, captures may take; slow ones wait longer for the next."""

AHEAD = 24
"""Frames whose rendered layers are read before they are shown."""

LONG = 0.02
"""Seconds of reading after which the window has its turn."""

TOO_SLOW = 1.0
"""Seconds after which a 3D view is left alone where the artist has not chosen it."""

SAME = 1e-4
"""Difference of a grade's numbers that is not shown."""


class Session:
    """What Live knows while it is on; it holds no reference into the file."""

    def __init__(self) -> None:
        self.store = Store()
        self.text = ""
        self.failed = False
        """Whether `text` says what is missing."""
        self.seconds: dict[str, float] = {}
        """What the newest update took: "capture" and "set" in the main thread, "estimate" beside it."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="harmonize-live")
        self._pending: Future[tuple[Look | None, float]] | None = None
        self._target: Look | None = None
        self._known: dict[object, Look | None] = {}
        """Looks by what they were estimated from, so that a range that plays again costs nothing."""
        self._asked: object = None
        self._shown: Look | None = None
        self._follower = Follower(0)
        self._scene = ""
        self._camera = ""
        self._key: object = None
        self._options: tuple[object, ShotOptions] | None = None
        self._view: tuple[object, Show] = (None, plainly_shown)
        self._view_is_slow = False
        self._rest_until = 0.0
        self._from_layers = False

    def changed(self) -> None:
        """Something of the scene is another than before; rendered layers stay what they are."""
        if not self._from_layers:
            self._key = None

    def rebuilt(self) -> None:
        """Objects may have come or gone: read everything again."""
        self._options = self._key = None

    def step(self, context: bpy.types.Context) -> None:
        """One tick: take what was estimated, go nearer to it, and begin the next estimate if something changed."""
        if bpy.app.is_job_running("RENDER") or context.window_manager.harmonize_progress.running:
            return
        try:
            options = self._read(context)
            self._take()
            if self._pending is None and time.monotonic() >= self._rest_until:
                self._begin(context, options, at_once=False)
            self._ease(context, options)
            self._read_ahead(context.scene, options)
        except ReferenceError:  # an object of the cast was deleted
            self.rebuilt()
        except HarmonizeError as error:
            self._say(str(error), failed=True)

    def update(self, context: bpy.types.Context) -> None:
        """Estimate and show the frame of the scene at once.

        Raises:
            HarmonizeError: something is missing.
        """
        options = self._read(context)
        self._wait()  # what is under way may be of another frame
        self._key = None
        self._begin(context, options, at_once=True)
        self._wait()
        self._follower = Follower(0)
        self._ease(context, options)

    def close(self) -> None:
        """End the thread and put the file back as it was."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        live_node.release_all()
        self.store.clear()

    def _read(self, context: bpy.types.Context) -> ShotOptions:
        """The artist's settings; read again when one of them is another."""
        scene = context.scene
        settings = scene.harmonize
        values = [str(getattr(settings, p.identifier)) for p in settings.bl_rna.properties]
        render = scene.render
        key = (scene.name, scene.camera and scene.camera.name, render.resolution_x, render.resolution_y, *values)
        if self._options is None or self._options[0] != key:
            if working_space() != "Linear Rec.709":
                raise InputError(
                    f"The file works in {working_space()}, and the nodes' white balance is for Linear Rec.709: set the "
                    "working space in the scene's colour management, or start Blender without OCIO in its environment"
                )
            self._options = (key, read_options(context, animation=True))
            self._key = None
        if scene.name != self._scene:
            live_node.release_all()
            self._scene, self._shown = scene.name, None
        if (camera := scene.camera.name) != self._camera:  # another shot
            self._camera = camera
            self._follower = Follower(scene.harmonize_live.ease / (TICK * LAG))
        return self._options[1]

    def _begin(self, context: bpy.types.Context, options: ShotOptions, *, at_once: bool) -> None:
        """Capture, if anything is another than at the last capture; large pictures are read one a tick."""
        frame, view = context.scene.frame_current, self._usable_view(context)
        folder = options.work_folder
        written = folder.stat().st_mtime_ns if view is None and folder.is_dir() else 0
        key = (frame, view is None, written, context.scene.harmonize_live.source)
        if key == self._key:
            return
        self._key, self._from_layers = key, view is None
        shown = self._view_transform(context.scene, options)
        asked = (*map(str, key), *map(str, options.plate.fingerprint(frame)), str(self._view[0]), options.model_path)
        if view is None and asked in self._known:
            self._found(self._known[asked])
            self._say(say("Frame {frame}, as estimated before", frame=frame))
            return
        if view is None and not at_once and self._reads(options, frame):
            self._key = None
            return
        started, at = time.perf_counter(), frame
        if view is None:
            capture = from_layers(options, frame, self.store)
            at = nearest_rendered(options, frame)
        else:
            capture = view_capture.from_view(context, view, options, frame, shown, self.store)
        took = time.perf_counter() - started
        self.seconds["capture"] = took
        if view is not None and took > TOO_SLOW and context.scene.harmonize_live.source == "AUTO":
            self._view_is_slow = True
        self._rest_until = time.monotonic() + took / SHARE
        milliseconds = round(took * 1000)
        if view is not None:
            self._say(say("Frame {frame}, from the 3D view: {ms} ms", frame=frame, ms=milliseconds))
        elif at == frame:
            self._say(say("Frame {frame}, from its rendered layers: {ms} ms", frame=frame, ms=milliseconds))
        else:
            self._say(say("Frame {frame}, from the rendered layers of frame {at}", frame=frame, at=at))
        self._asked = asked if view is None else None
        self._pending = self._pool.submit(_estimate, options, capture, shown, self._target)

    def _reads(self, options: ShotOptions, frame: int) -> bool:
        """Read what a frame lacks; True when that took so long that the rest is for the next tick."""
        started = time.perf_counter()
        while read_ahead(options, frame, self.store):
            if time.perf_counter() - started > LONG:
                return True
        return False

    def _read_ahead(self, scene: bpy.types.Scene, options: ShotOptions) -> None:
        """While nothing else is to do: one picture of the frames that come next, which take longest of all."""
        busy = self._pending is not None or self._key is None
        if busy or time.monotonic() < self._rest_until or not self._from_layers:
            return
        started = time.monotonic()
        last = min(scene.frame_current + AHEAD, scene.frame_end)
        for frame in range(scene.frame_current + 1, last + 1):
            with contextlib.suppress(InputError):  # not rendered yet, or damaged: said when it is its turn
                if read_ahead(options, frame, self.store):
                    break
        self._rest_until = time.monotonic() + (time.monotonic() - started) / SHARE

    def _usable_view(self, context: bpy.types.Context) -> view_capture.View | None:
        source = context.scene.harmonize_live.source
        if bpy.app.background or source == "LAYERS" or (source == "AUTO" and self._view_is_slow):
            return None
        view = view_capture.usable_view(context)
        if view is None and source == "VIEW":
            raise InputError(
                "No 3D view shows the light of the scene: switch one to Material Preview, or to Rendered with EEVEE "
                "(Cycles cannot be captured there)"
            )
        return view

    def _wait(self) -> None:
        """Take what is under way, once it is there."""
        if self._pending is not None:
            self._pending.exception()
        self._take()

    def _take(self) -> None:
        if self._pending is None or not self._pending.done():
            return
        pending, self._pending = self._pending, None
        look, self.seconds["estimate"] = pending.result()
        if self._asked is not None:
            self._known[self._asked] = look
        self._found(look)

    def _found(self, look: Look | None) -> None:
        if look is None:
            self._say(say("The characters are not in the picture in this frame"))
        else:
            self._target = look

    def _ease(self, context: bpy.types.Context, options: ShotOptions) -> None:
        """Bring the nodes one tick nearer to the newest estimate."""
        nodes = live_node.claim(context.scene, context.view_layer, options)
        if self._target is None:
            return
        look = self._follower.follow(self._target)
        if self._shown is not None and np.abs(look.grade - self._shown.grade).max() < SAME and self._is_shown(nodes):
            return
        started = time.perf_counter()
        live_node.show(nodes, look, context.scene.harmonize.strength)
        self.seconds["set"] = time.perf_counter() - started
        self._shown = look

    def _is_shown(self, nodes: list[bpy.types.Node]) -> bool:
        """Whether the nodes still hold what they were given; undo puts older values back."""
        exposure = float(self._shown.grade[0]) if self._shown else 0.0
        return all(abs(node.inputs["Exposure"].default_value - exposure) < SAME for node in nodes)

    def _view_transform(self, scene: bpy.types.Scene, options: ShotOptions) -> Show:
        if options.view is None:
            return plainly_shown
        key = view_key(scene)
        if self._view[0] != key:
            self._view = (key, shown_by(scene, options))
        return self._view[1]

    def _say(self, text: str, *, failed: bool = False) -> None:
        self.text, self.failed = text, failed


def _estimate(options: ShotOptions, capture: Capture, shown: Show, start: Look | None) -> tuple[Look | None, float]:
    """In the thread: the grade of a capture for scene-linear light, None without characters; and seconds it took."""
    started = time.perf_counter()
    if not capture.alpha.max() > 0.5:
        return None, 0.0
    network, _ = model.open_model(options.model_path, options.threads, options.runtime)
    found = network.estimate(capture.composite(shown), capture.alpha)
    if isinstance(found, Look):
        found = found.global_only()
    if not isinstance(found, Look) or shown is not plainly_shown:
        greys = np.repeat(np.geomspace(0.01, 1.0, 8, dtype=np.float32)[:, None], 3, axis=1)
        colors = np.maximum(np.concatenate([capture.colors(COLORS), greys]), 0)
        found = fit_grade(found, colors, shown, centre=centre_of(capture.alpha), start=start).look
    return found, time.perf_counter() - started
