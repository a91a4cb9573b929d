# SPDX-License-Identifier: Apache-2.0
"""Existing renders in compressions that our own reader does not know."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from addon_checks_setup import crowded_shot
from addon_checks_sources import render_frames
from addon_session import coverage


def check_passes_in_every_compression(folder: Path) -> None:
    """PIZ, DWA and tiles: results are those of the same numbers in ZIP, materials included."""
    import bpy

    def results() -> dict[str, bytes]:
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        assert not [p.name for p in (shot.out / "harmonized_work").iterdir() if p.stem.startswith("whole")]
        return {p.name: p.read_bytes() for p in shot.out.glob("*.png")}

    shot = crowded_shot(folder)
    shot.settings.background = "SCENE"
    bpy.context.view_layer.use_pass_cryptomatte_material = True
    render_frames(shot, "PASSES", last=1)
    shot.scene.harmonize_control.materials.add().material = bpy.data.materials["Shine"]
    shot.scene.harmonize_control.materials_amount = 0.5
    shot.settings.source = "FILES"
    own = next((folder / "own").glob("own_0001.*"))
    for compression, kind in (("PIZ", ""), ("DWAA", ""), ("DWAB", ""), ("ZIP", "tiled")):
        _pack(own, compression, kind)
        read = results()
        assert (coverage(shot, 1) == 1).any()
        _pack(own, "ZIP", "")
        assert results() == read, (compression, kind)


def _pack(picture: Path, compression: str, kind: str) -> None:
    """Compress an EXR file anew; in another process, as Blender has an OpenEXR of its own."""
    code = """
import sys, OpenEXR
path, compression, kind = sys.argv[1:]
picture = OpenEXR.File(path, separate_channels=True)
for part in picture.parts:
    part.header["compression"] = getattr(OpenEXR, compression + "_COMPRESSION")
    part.header["type"] = OpenEXR.tiledimage if kind else OpenEXR.scanlineimage
    part.header.pop("chunkCount", None)
    if kind:
        part.header["tiles"] = OpenEXR.TileDescription()
picture.write(path)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(picture), compression, kind], env=environment, check=True)
