# SPDX-License-Identifier: Apache-2.0
"""Existing renders in compressions that our own reader does not know."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
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
    kinds = (Packing("PIZ"), Packing("DWAA"), Packing("DWAB"), Packing("ZIP", tiled=True))
    stages = iter(_packed(own, *(stage for kind in kinds for stage in (kind, Packing("ZIP")))))
    for kind in kinds:
        own.write_bytes(next(stages))
        read = results()
        assert (coverage(shot, 1) == 1).any()
        own.write_bytes(next(stages))
        assert results() == read, kind


def check_damaged_tiles_are_refused(folder: Path) -> None:
    """Blender reads what there is of them and calls the rest black."""
    import bpy

    shot = crowded_shot(folder)
    shot.settings.background = "SCENE"
    render_frames(shot, "PASSES", last=1)
    shot.settings.source = "FILES"
    own = next((folder / "own").glob("own_0001.*"))
    (whole,) = _packed(own, Packing("PIZ", tiled=True))
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
    tiles = (Packing("ZIP", tiled=True), Packing("PIZ", tiled=True))
    *in_tiles, with_matte, in_piz = _packed(own, *tiles, Packing("ZIP", aov="hero.X"), Packing("PIZ"))
    for kind, data in zip(tiles, in_tiles, strict=True):
        own.write_bytes(data)
        assert results() == wanted, kind
    shot.settings.foreground, shot.settings.matte = "MATTE", "hero"
    own.write_bytes(with_matte)
    wanted = results()
    own.write_bytes(in_piz)
    assert results() == wanted


def check_cropped_pictures_keep_their_place(folder: Path) -> None:
    """What other programs cut to what it shows: the same numbers whoever unpacks them."""
    import bpy
    import numpy as np
    from addon_scene import HEIGHT, WIDTH, new_shot

    for told, kind in (("ALPHA", "OPEN_EXR"), ("MATTE", "PASSES")):
        shot = new_shot(folder / told)
        shot.settings.source, shot.settings.foreground, shot.settings.matte = "FILES", told, "Ball"
        render_frames(shot, kind, last=1)
        own = next((folder / told / "own").glob("own_0001.*"))
        bpy.ops.harmonize.frame()
        wanted, result = coverage(shot, 1), (shot.out / "harmonized_0001.png").read_bytes()
        rows, columns = np.nonzero(wanted)
        assert rows.min() > 2
        assert columns.min() > 3
        box = tuple(map(int, (columns.min() - 3, rows.min() - 2, columns.max() + 1, rows.max() + 4)))
        compressions = ("ZIP", "PIZ")
        stages = _packed(own, *(Packing(compression, box=box) for compression in compressions))
        for compression, data in zip(compressions, stages, strict=True):
            own.write_bytes(data)
            assert bpy.ops.harmonize.frame() == {"FINISHED"}
            found = coverage(shot, 1)
            assert found.shape == (HEIGHT, WIDTH), (told, compression, found.shape)
            assert np.array_equal(found, wanted), (told, compression)
            assert (shot.out / "harmonized_0001.png").read_bytes() == result


@dataclass(frozen=True)
class Packing:
    """How an EXR file is written."""

    compression: str
    tiled: bool = False
    aov: str = ""
    """The alpha once more, under this name."""
    box: tuple[int, ...] = ()
    """Left, top, right and bottom of what is left of it; all if empty."""


def _packed(picture: Path, *stages: Packing) -> list[bytes]:
    """An EXR file written anew, and what came of it again, stage by stage; the file itself stays.

    In another process, as Blender has an OpenEXR of its own.
    """
    code = """
import json, sys, numpy, OpenEXR
path, folder, stages = sys.argv[1:]
for number, stage in enumerate(json.loads(stages)):
    picture = OpenEXR.File(path, separate_channels=True)
    for part in picture.parts:
        if stage["box"]:
            edges = numpy.array(stage["box"], numpy.int32)
            start, end = edges[:2] - part.header["dataWindow"][0], edges[2:] - part.header["dataWindow"][0]
            for channel in part.channels.values():
                channel.pixels = channel.pixels[start[1] : end[1] + 1, start[0] : end[0] + 1].copy()
            part.header["dataWindow"] = (edges[:2], edges[2:])
        if stage["aov"]:
            part.channels[stage["aov"]] = OpenEXR.Channel(stage["aov"], part.channels["A"].pixels.copy())
        part.header["compression"] = getattr(OpenEXR, stage["compression"] + "_COMPRESSION")
        part.header["type"] = OpenEXR.tiledimage if stage["tiled"] else OpenEXR.scanlineimage
        part.header.pop("chunkCount", None)
        if stage["tiled"]:
            part.header["tiles"] = OpenEXR.TileDescription()
    path = f"{folder}/{number}.exr"
    picture.write(path)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with tempfile.TemporaryDirectory() as folder:
        told = json.dumps([asdict(stage) for stage in stages])
        subprocess.run([sys.executable, "-c", code, str(picture), folder, told], env=environment, check=True)
        return [(Path(folder) / f"{number}.exr").read_bytes() for number in range(len(stages))]
