# SPDX-License-Identifier: Apache-2.0
"""The demo shot opens with one button and works at once; nothing is written into the extension."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from addon_session import addon


def check_demo_shot_opens_and_harmonizes(_folder: Path) -> None:
    """Characters and plate are chosen, the man walks through the picture for all of its 48 frames."""
    import bpy
    import numpy as np
    from addon_scene import read

    module = addon("demo_shot")
    carried = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in module.DEMO.iterdir()}
    assert sum(size for _, size in carried.values()) < 15e6
    assert bpy.ops.harmonize.open_demo() == {"FINISHED"}
    opened = Path(bpy.data.filepath)
    assert opened.parent == module.demo_folder(), opened
    assert opened.parent != module.DEMO
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end) == (1, 48)
    scene.render.resolution_percentage, scene.cycles.samples = 20, 2
    scene.harmonize.folder = "//small/"
    before, middles = [], []
    for frame in (2, 46):
        scene.frame_set(frame)
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        result, plain = (read(opened.parent / f"small/harmonized_{name}{frame:04d}.png") for name in ("", "before_"))
        changed = np.abs(result.astype(int) - plain).max(axis=2) > 0
        assert 40 < changed.sum() < 3000, (frame, changed.sum())
        middles.append(np.nonzero(changed)[1].mean())
        before.append(plain)
    assert middles[1] - middles[0] > 20, middles
    assert (before[0] != before[1]).any()
    bpy.ops.wm.save_mainfile()
    again = opened.read_bytes()
    assert bpy.ops.harmonize.open_demo() == {"FINISHED"}
    assert Path(bpy.data.filepath).name == "harmonize_demo_2.blend"
    assert opened.read_bytes() == again, "what an artist made of an earlier copy was overwritten"
    assert carried == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in module.DEMO.iterdir()}
    bpy.ops.wm.read_homefile(use_factory_startup=False, use_empty=True)
    for path in (opened, opened.with_name("harmonize_demo_2.blend")):
        os.unlink(path)
    shutil.rmtree(opened.parent / "small")
