# SPDX-License-Identifier: Apache-2.0
"""What the add-on says when something is missing or fails: one sentence, nothing half-written, nothing changed."""

from __future__ import annotations

import functools
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from addon_checks_export import lit_shot, refusal
from addon_session import ADDON, Skipped, addon, small_files


def check_messages_say_what_to_do(folder: Path) -> None:
    import bpy
    from addon_scene import assert_unchanged, new_shot, snapshot

    def refused(what: str, operator: str = "frame", **changes: object) -> None:
        for name, value in changes.items():
            setattr(shot.settings, name, value)
        before = snapshot(shot.scene)
        try:
            getattr(bpy.ops.harmonize, operator)()
        except RuntimeError as error:
            text = str(error).removeprefix("Error: ").strip()
            assert what in text, (what, text)
            assert "\n" not in text, text
            assert "Traceback" not in text, text
        else:
            raise AssertionError(f"not refused: {what}")
        assert_unchanged(before, shot.scene)

    def fresh() -> object:
        nonlocal number
        number += 1
        return new_shot(folder / str(number))

    number = 0
    shot = fresh()
    refused("No characters are chosen", characters=None)
    shot = fresh()
    shot.scene.camera = None
    refused("no camera")
    shot = fresh()
    refused("'Empty' is empty", characters=bpy.data.collections.new("Empty"))
    shot = fresh()
    shot.characters.hide_render = True
    refused("is hidden from renders")
    shot = fresh()
    refused("The camera has no background image", background="CAMERA")
    refused("No background is chosen", background="FILE", plate_path="")
    refused("does not exist", plate_path=str(folder / "nowhere.png"))
    (folder / "broken.png").write_bytes((shot.folder / "plate.png").read_bytes()[:300])
    refused("damaged", plate_path=str(folder / "broken.png"))
    (folder / "broken.mp4").write_bytes(b"not a movie")
    refused("convert it to an image sequence", plate_path=str(folder / "broken.mp4"))
    refused("no frame number", plate_path=str(shot.folder / "plate.png"), plate_is_sequence=True)
    shot = fresh()
    background = shot.scene.camera.data.background_images.new()
    background.image = bpy.data.images.load(str(shot.folder / "plate.png"))
    background.rotation = 0.1
    refused("scaled, shifted or turned", background="CAMERA")
    shot = fresh()
    (folder / "file").write_text("")
    refused("choose a folder", folder=str(folder / "file"))
    refused("cannot be written", folder=str(folder / "file" / "below"))
    refused("No output folder", folder=" ")
    shot = fresh()
    bpy.context.window_manager.harmonize_progress.running = True
    refused("already running", "animation")
    bpy.context.window_manager.harmonize_progress.running = False
    shot.hero.select_set(False)
    refused("Nothing is selected", "collect_selected")
    preferences = bpy.context.preferences.addons[ADDON].preferences
    preferences.model_path = str(folder / "gone.onnx")
    refused("choose it again in the add-on's preferences")
    preferences.model_path = str(folder / "broken.png")
    refused("not a readable ONNX model")
    preferences.model_path = ""
    bundled = addon("model").BUNDLED
    hidden = bundled.rename(bundled.with_suffix(".away"))
    refused("No network")
    hidden.rename(bundled)
    shot.scene.render.engine = "BLENDER_WORKBENCH"
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    collection = bpy.data.collections.new("Hero")
    scene.collection.children.link(collection)
    from addon_scene import ball

    ball("Ball", (0, 0, 0), 1, collection)
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.harmonize.characters = collection
    scene.harmonize.background, scene.harmonize.plate_path = "FILE", str(folder / "1" / "plate.png")
    shot.scene, shot.settings = scene, scene.harmonize
    refused("never saved")


def check_full_disk_is_one_sentence_and_keeps_what_is_finished(folder: Path) -> None:
    """Whatever lies on the disk then is whole, and with more room the run ends as if nothing had been."""
    import subprocess

    import bpy
    from addon_scene import assert_unchanged, new_shot, snapshot

    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        raise Skipped("mounting a small disk needs root")
    try:
        shot = new_shot(folder / "shot")
        assert bpy.ops.harmonize.animation() == {"FINISHED"}
        whole = {p.name: p.read_bytes() for p in shot.out.glob("*.png")}
        shot.settings.folder = str(disk)
        before = snapshot(shot.scene)
        said = refusal(bpy.ops.harmonize.animation)
        assert "disk is full" in said or "rendered no picture" in said or "could not render" in said, said
        assert_unchanged(before, shot.scene)
        there = [path for path in disk.rglob("*") if path.is_file()]
        assert there
        for path in there:
            assert path.suffix in READERS, path
            READERS[path.suffix](path)
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        assert bpy.ops.harmonize.animation() == {"FINISHED"}
        assert {p.name: p.read_bytes() for p in disk.glob("*.png")} == whole
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def check_what_cannot_be_written_whole_stays_as_it_was(folder: Path) -> None:
    """Results of every kind, lists of a data set and presets, cut off in the middle: not a byte is another."""
    import bpy
    from addon_scene import write_plate

    def cut_off(button: Any, most: int, where: Path) -> None:
        known = {path: path.read_bytes() for path in where.rglob("*") if path.is_file()}
        with small_files(most):
            said = refusal(button)
        assert "could not be written (File too large)" in said, said
        assert {path: path.read_bytes() for path in where.rglob("*") if path.is_file()} == known, said

    shot = lit_shot(folder)
    scene, settings = shot.scene, shot.scene.harmonize
    scene.frame_end = 1
    write_plate(folder / "plate.png")  # of noise, so that pictures are large
    settings.background, settings.plate_path = "FILE", str(folder / "plate.png")
    for settings.file_format in ("PNG", "PNG16", "EXR"):
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        settings.strength *= 0.9  # written anew from what is rendered
        cut_off(bpy.ops.harmonize.frame, 4000, folder / "out")
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert bpy.ops.harmonize.export_dataset() == {"FINISHED"}
    cut_off(bpy.ops.harmonize.export_dataset, 1000, folder / "dataset")
    save = functools.partial(bpy.ops.harmonize.save_preset, name="Whole")
    assert save() == {"FINISHED"}
    try:
        cut_off(save, 60, addon("presets").folder(create=True))
    finally:
        assert bpy.ops.harmonize.delete_preset(name="Whole") == {"FINISHED"}


def _whole_picture(path: Path) -> None:
    from PIL import Image

    Image.open(io.BytesIO(path.read_bytes())).load()


def _whole_arrays(path: Path) -> None:
    import numpy as np

    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        assert [arrays[name].size for name in arrays]


READERS: dict[str, Callable[[Path], object]] = {
    ".png": _whole_picture,
    ".exr": lambda path: addon("bridge.pixels").read_layer(path),
    ".npz": _whole_arrays,
    ".json": lambda path: json.loads(path.read_text()),
}
"""Fail at files that are cut off; none keeps its file open, so that the disk can be taken away."""
