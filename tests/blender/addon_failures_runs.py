# SPDX-License-Identifier: Apache-2.0
"""Failures in the middle of a run: what it works with is deleted, or what renders for it is killed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

from addon_failures import Failure, broken, new_children, nothing, setting


def _remove_camera(shot: Any) -> None:
    shot.bpy.data.objects.remove(shot.scene.camera)


@broken
def _camera_again(shot: Any) -> Iterator[None]:
    yield
    bpy = shot.bpy
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -6, 0), (1.5708, 0, 0)
    shot.scene.collection.objects.link(camera)
    shot.scene.camera = camera


@broken
def _plate_again(shot: Any) -> Iterator[None]:
    kept = (shot.folder / "plate.png").read_bytes()
    yield
    (shot.folder / "plate.png").write_bytes(kept)


def _kill_renderer(shot: Any) -> None:
    for number in new_children(shot):
        os.kill(number, signal.SIGKILL)


RUNS = (
    Failure(
        "The camera is deleted during a run",
        "Blender could not render frame <frame> (Cannot render, no camera): mend that and run again",
        _camera_again,
        during=_remove_camera,
    ),
    Failure(
        "The background is deleted during a run",
        "The image <file> does not exist; check the path",
        _plate_again,
        during=lambda shot: (shot.folder / "plate.png").unlink(),
    ),
    Failure(
        "The output folder is deleted during a run",
        "<file> vanished while Harmonize was working: run again, what is finished is kept",
        nothing,
        during=lambda shot: shutil.rmtree(shot.out),
    ),
    Failure(
        "The background Blender is killed",
        "The background Blender ended without rendering frame <frame>: run again to continue; what it said last is in "
        "<file>",
        setting("scene.frame_end", 60),
        during=_kill_renderer,
        background=True,
    ),
)
