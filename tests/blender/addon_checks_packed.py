# SPDX-License-Identifier: Apache-2.0
"""Existing renders in compressions that our own reader does not know."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from addon_checks_export import refusal
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


def check_damaged_tiles_are_refused(folder: Path) -> None:
    """Blender reads what there is of them and calls the rest black."""
    import bpy

    shot = crowded_shot(folder)
    shot.settings.background = "SCENE"
    render_frames(shot, "PASSES", last=1)
    shot.settings.source = "FILES"
    own = next((folder / "own").glob("own_0001.*"))
    _pack(own, "PIZ", "tiled")
    whole = own.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-5]):
        own.write_bytes(damaged)
        assert "is damaged" in refusal(bpy.ops.harmonize.frame)
        assert not list(shot.out.glob("*.png"))
    own.write_bytes(whole)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}


def check_plain_pictures_in_tiles_and_with_a_matte(folder: Path) -> None:
    """Pictures of one layer, as other programs write them: tiles told by alpha, an AOV beside R, G, B and A in PIZ."""
    import bpy
    from addon_scene import new_shot

    def results() -> dict[str, bytes]:
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        return {p.name: p.read_bytes() for p in shot.out.glob("*.png")}

    shot = new_shot(folder)
    shot.settings.source, shot.settings.foreground = "FILES", "ALPHA"
    render_frames(shot, "OPEN_EXR", last=1)
    own = next((folder / "own").glob("own_0001.*"))
    wanted = results()
    assert (coverage(shot, 1) == 1).any()
    for compression in ("ZIP", "PIZ"):
        _pack(own, compression, "tiled")
        assert results() == wanted, compression
    shot.settings.foreground, shot.settings.matte = "MATTE", "hero"
    _pack(own, "ZIP", "", "hero.X")
    wanted = results()
    _pack(own, "PIZ", "")
    assert results() == wanted


def _pack(picture: Path, compression: str, kind: str, aov: str = "") -> None:
    """Compress an EXR file anew, maybe with its alpha once more under another name.

    In another process, as Blender has an OpenEXR of its own.
    """
    code = """
import sys, OpenEXR
path, compression, kind, aov = sys.argv[1:]
picture = OpenEXR.File(path, separate_channels=True)
for part in picture.parts:
    if aov:
        part.channels[aov] = OpenEXR.Channel(aov, part.channels["A"].pixels.copy())
    part.header["compression"] = getattr(OpenEXR, compression + "_COMPRESSION")
    part.header["type"] = OpenEXR.tiledimage if kind else OpenEXR.scanlineimage
    part.header.pop("chunkCount", None)
    if kind:
        part.header["tiles"] = OpenEXR.TileDescription()
picture.write(path)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(picture), compression, kind, aov], env=environment, check=True)
