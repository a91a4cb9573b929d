# SPDX-License-Identifier: Apache-2.0
"""The extension as a guest in Blender: its engines, what it leaves behind, files without it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

from addon_session import ADDON, addon


@contextlib.contextmanager
def without_onnxruntime() -> Generator[None]:
    """Importing it fails, as it does where its libraries do not load."""
    kept = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "onnxruntime"}
    try:
        for name in kept:
            del sys.modules[name]
        sys.modules["onnxruntime"] = None  # what the import system takes for "not to be had"
        addon("model").forget()
        yield
    finally:
        del sys.modules["onnxruntime"]
        sys.modules.update(kept)
        addon("model").forget()


def check_numpy_takes_over_and_says_so(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    def harmonized() -> np.ndarray:
        shot.settings.skip_finished = False
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        return read(shot.out / "harmonized_0001.png").astype(int)

    shot = new_shot(folder)
    preferences = bpy.context.preferences.addons[ADDON].preferences
    model = addon("model")
    fast = harmonized()
    assert model.engine_lines()[0][0].startswith("Runs in ONNX Runtime 1.")
    assert bpy.ops.harmonize.test_network() == {"FINISHED"}
    with without_onnxruntime():
        slow = harmonized()
        lines = model.engine_lines()
        assert [good for _, good in lines] == [False, False], lines
        assert "NumPy" in lines[0][0], lines
        assert "ONNX Runtime does not load in this Blender: " in lines[1][0], lines
        assert "pip" not in lines[1][0], lines
        assert bpy.ops.harmonize.test_network() == {"FINISHED"}
    assert np.abs(fast - slow).max() <= 1
    preferences.engine = "NUMPY"
    try:
        chosen = harmonized()
        assert model.open_model(model.model_path(), 0, model.chosen_runtime())[0].info.engine.startswith("NumPy")
    finally:
        preferences.engine = "AUTO"
    assert np.array_equal(chosen, slow)


def check_disabled_leaves_nothing_behind(folder: Path) -> None:
    import addon_utils
    import bpy
    from addon_scene import new_shot

    new_shot(folder)
    bpy.ops.harmonize.frame()
    assert list(traces()), "this check sees nothing"
    addon_utils.disable(ADDON)
    try:
        left = list(traces())
    finally:
        addon_utils.enable(ADDON)
    assert not left, "\n".join(left)
    for _ in range(2):  # as when an extension is updated
        addon_utils.disable(ADDON)
        addon_utils.enable(ADDON)
    shot = new_shot(folder / "again")
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert (shot.out / "harmonized_0001.png").is_file()


def traces() -> Iterator[str]:
    """Everything in Blender that comes from the add-on: classes, properties, handlers, menu entries, keys."""
    import bpy

    for name in dir(bpy.types):
        kind = getattr(bpy.types, name)
        if name.upper().startswith("HARMONIZE") or getattr(kind, "__module__", "").startswith(ADDON):
            yield f"class {name}"
        for prop in getattr(getattr(kind, "bl_rna", None), "properties", ()):
            if prop.identifier.startswith("harmonize"):
                yield f"property {name}.{prop.identifier}"
        for function in getattr(getattr(kind, "draw", None), "_draw_funcs", ()):
            if function.__module__.startswith(ADDON):
                yield f"menu entry in {name}"
    for name in dir(bpy.app.handlers):
        functions = getattr(bpy.app.handlers, name)
        for function in functions if isinstance(functions, list) else ():
            if function.__module__.startswith(ADDON):
                yield f"handler {name}: {function.__name__}"
    yield from (f"operator {name}" for name in dir(bpy.ops.harmonize))
    for config in bpy.context.window_manager.keyconfigs:
        for keymap in config.keymaps:
            yield from (f"key {i.idname}" for i in keymap.keymap_items if i.idname.startswith("harmonize."))


def check_saved_files_open_without_the_addon(folder: Path) -> None:
    import addon_utils
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    shot.settings.strength = 0.25
    shot.settings.keyframe_insert("strength", frame=3)
    bpy.ops.harmonize.animation()
    file = str(folder / "shot.blend")
    bpy.ops.wm.save_mainfile()
    addon_utils.disable(ADDON)
    try:
        assert bpy.ops.wm.open_mainfile(filepath=file) == {"FINISHED"}
        scene = bpy.context.scene
        assert len(scene.objects) == 2
        scene.frame_set(2)
        assert bpy.ops.render.render() == {"FINISHED"}
        bpy.ops.wm.save_mainfile()
    finally:
        addon_utils.enable(ADDON)
    bpy.ops.wm.open_mainfile(filepath=file)
    settings = bpy.context.scene.harmonize
    assert (settings.strength, settings.characters.name, settings.folder) == (0.25, "Hero", "//out/")
    stamps = {p: p.stat().st_mtime_ns for p in shot.out.glob("*.png")}
    assert bpy.ops.harmonize.animation() == {"FINISHED"}
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}, "what was finished is still known"
