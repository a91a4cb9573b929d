# SPDX-License-Identifier: GPL-3.0-or-later
"""Who renders: this Blender (without a window, or from a script), or a second one in the background (from the window).

Rendering in the artist's own process would have to change scenes that the window is showing, could be undone in the
middle, and crashed Blender 4.3's window after some tens of frames; a copy of the file in a background process leaves
the interface free, and Esc ends it at once. Both run the same functions of `layers`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import bpy

from harmonize_core.errors import OutputError

from . import layers, sources, spared
from .bridge.files import write_atomic
from .linked import find_collection

FRAME_MARK, ERROR_MARK = "HARMONIZE frame ", "HARMONIZE error "


@dataclass(frozen=True)
class FrameTask:
    """What is missing of one frame: layers to render as (name, EXR), and to show through the view as (EXR, PNG)."""

    frame: int
    layers: tuple[tuple[str, str], ...]
    views: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ShotSpec:
    """How to find the shot in the file: names, whether other objects cut holes, and what of it is the background."""

    scene: str
    view_layer: str
    characters: str
    cut: bool
    backdrop: str = ""
    separate: bool = False
    """Every character is a layer of its own."""
    materials: bool = False
    """Where materials are is kept beside the layers of characters."""
    split: str = ""
    """What tells the characters in a whole picture (`sources.Source`); empty where they are rendered by themselves."""
    names: tuple[str, ...] = ()
    pictures: dict[str, str] = field(default_factory=dict)
    library: str = ""
    """Absolute path of the file that the characters' collection is linked from; one of this file may be named alike."""


def render_tasks(spec: ShotSpec, tasks: list[FrameTask]) -> Generator[int]:
    """Render frame after frame in this process; yields the number of each finished frame.

    Raises:
        HarmonizeError: Blender could not render or write.
    """
    scene = bpy.data.scenes[spec.scene]
    view_layer = scene.view_layers[spec.view_layer]
    if spec.split:
        yield from sources.split_frames(scene, spec, tasks)
        return
    characters = find_collection(spec.characters, spec.library)
    cast = layers.sort_cast(scene, view_layer, characters, spec.backdrop, separate=spec.separate)
    with layers.shot_scene(scene, view_layer, cast, spec.cut) as shot:
        if spec.materials:
            spared.ask_for(shot.view_layers[0])
        for task in tasks:
            for name, path in task.layers:
                layers.render_layer(shot, name, task.frame, Path(path))
                spared.matte_path(Path(path)).unlink(missing_ok=True)
                if spec.materials and name in cast.over:
                    spared.keep(shot, Path(path))
            for exr, png in task.views:
                layers.write_view(shot, Path(exr), Path(png))
            yield task.frame


class Here:
    """Renders in this process, one frame at a time, when it is waited for."""

    def __init__(self, spec: ShotSpec, tasks: list[FrameTask]) -> None:
        self._frames = render_tasks(spec, tasks)
        self._done: set[int] = set()

    def wait_for(self, frame: int) -> Iterator[None]:
        """Returns when the frame is rendered."""
        while frame not in self._done:
            self._done.add(next(self._frames))
            yield

    def close(self) -> None:
        """Remove the temporary scene."""
        self._frames.close()


class InBackground:
    """Renders a copy of the file in a background Blender; its output goes to a log beside the layers.

    Args:
        spec: dataclass that the worker is told, as JSON.
        tasks: the same, one by one.
        folder: for the copy, the orders and the log.
        worker: module whose `main` does the work there.
    """

    def __init__(self, spec: Any, tasks: list[FrameTask], folder: Path, worker: str = "worker") -> None:
        self._copy = folder / "render.blend"
        self._orders = folder / "render.json"
        self._log = folder / "render.log"
        self._done: set[int] = set()
        try:
            self._start(spec, tasks, worker)
        except OutputError:
            self._remove_files()
            raise
        self._read = open(self._log, encoding="utf-8", errors="replace")
        self._last = ""
        self._error = ""

    def _start(self, spec: Any, tasks: list[FrameTask], worker: str) -> None:
        """Save the copy and the orders, and begin."""
        folder = self._copy.parent
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(self._copy), copy=True, check_existing=False)
        except RuntimeError as error:
            message = str(error).strip().removeprefix("Error: ").splitlines()[0]
            raise OutputError(f"A copy of the file could not be saved for rendering in {folder}: {message}") from error
        orders = {"spec": asdict(spec), "tasks": [asdict(task) for task in tasks]}
        write_atomic(self._orders, json.dumps(orders).encode())
        start = f"import {__package__}.{worker} as worker; worker.main({str(self._orders)!r})"
        command = [bpy.app.binary_path, "--background", "-Y" if bpy.app.autoexec_fail else "-y"]
        command += [str(self._copy), "--python-exit-code", "1", "--python-expr", start]
        no_console = 0x08000000 if sys.platform == "win32" else 0
        write_atomic(self._log, b"")
        try:
            with open(self._log, "wb") as log:
                # The worker ends when its standard input is closed, so it cannot outlive this Blender.
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, creationflags=no_console
                )
        except OSError as error:
            raise OutputError(
                f"Blender could not be started a second time for rendering ({command[0]!r}: {error.strerror}): save "
                "the file, and start Blender anew"
            ) from error

    def wait_for(self, frame: int) -> Iterator[None]:
        """Returns when the frame is rendered.

        Raises:
            OutputError: the background process said why it failed, or ended without a word.
        """
        while frame not in self._done:
            ended = self._process.poll() is not None
            self._follow_log()
            if frame in self._done:
                return
            if ended:
                raise OutputError(
                    self._error
                    or f"The background Blender ended without rendering frame {frame}: run again to continue; what it "
                    f"said last is in {self._log}"
                )
            yield

    def close(self) -> None:
        """End the process and remove the copy of the file; the log stays."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._read.close()
        self._remove_files()

    def _remove_files(self) -> None:
        for path in [self._copy, self._orders, *self._copy.parent.glob("*.partial.*")]:
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _follow_log(self) -> None:
        text = self._last + self._read.read()
        *lines, self._last = text.split("\n")
        for line in lines:
            if line.startswith(FRAME_MARK):
                self._done.add(int(line.removeprefix(FRAME_MARK)))
            elif line.startswith(ERROR_MARK):
                self._error = line.removeprefix(ERROR_MARK)


def tell(line: str) -> None:
    """Write a line for the Blender that waits."""
    print(f"\n{line}", flush=True)
