# SPDX-License-Identifier: Apache-2.0
"""Export Triplets: what is written is right to the pixel, kept and continued; nothing of the artist's changes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from addon_session import addon, background_blender


def check_export_exchanges_characters_between_lights(folder: Path) -> None:
    """Composites are the real image of light A outside the character, and that of light B inside."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, read, snapshot

    shot = lit_shot(folder)
    before = snapshot(shot.scene)
    assert bpy.ops.harmonize.export_dataset() == {"FINISHED"}
    assert_unchanged(before, shot.scene)
    root = folder / "dataset"
    lines = [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]
    kinds = [line["kind"] for line in lines]
    assert [kinds.count(k) for k in ("view", "real", "triplet")] == [2, 6, 12], kinds
    assert len((root / "SCar/SCar_all_labeled.txt").read_text().splitlines()) == 12
    assert len((root / "splits/val.txt").read_text().splitlines()) == 12
    reals = {(x["scene_id"], x["style"]): read(root / x["path"]) for x in lines if x["kind"] == "real"}
    assert len({r.tobytes() for r in reals.values()}) == 6
    for line in (x for x in lines if x["kind"] == "triplet"):
        a, b = (reals[line["scene_id"], line[f"{x}_style"]].astype(int) for x in ("bg", "fg"))
        made = read(root / line["composite"])
        alpha = grey16(root / f"SCar/alpha/{line['scene_id']}.png")
        assert (made[alpha == 0] == a[alpha == 0]).all()
        assert np.abs(made[alpha == 65535] - b[alpha == 65535]).max() <= 1
        assert np.abs(made.astype(int) - a)[alpha == 65535].mean() > 3
        mask = grey(root / line["mask"])
        assert (mask == np.where(alpha >= 32768, 255, 0)).all()
        assert 50 < (mask == 255).sum() < 1500
    assert _problems(root) == []
    stamps = {p: p.stat().st_mtime_ns for p in root.rglob("*.png")}
    assert bpy.ops.harmonize.export_dataset() == {"FINISHED"}
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    (gone := root / "SCar/real_images/lit_shot_00_v002-1.png").unlink()
    assert bpy.ops.harmonize.export_dataset() == {"FINISHED"}
    assert gone.is_file()
    again = [p.name for p, stamp in stamps.items() if p != gone and p.stat().st_mtime_ns != stamp]
    assert again, "nothing of the frame was made again"
    assert all("_v002" in name for name in again), again


def check_export_before_a_plate_keeps_the_plate_and_one_truth(folder: Path) -> None:
    """Own light is the truth there: one real image a frame, whose plate is the plate's bytes, also through a view."""
    import bpy
    from addon_scene import read, write_plate

    shot = lit_shot(folder)
    plate = write_plate(folder / "plate.png", level=None)
    shot.scene.harmonize.background = "FILE"
    shot.scene.harmonize.plate_path = str(folder / "plate.png")
    shot.scene.view_settings.view_transform = "AgX"
    shot.settings.background = "PLATE"
    shot.scene.frame_set(2)
    assert bpy.ops.harmonize.export_triplet() == {"FINISHED"}
    root = folder / "dataset"
    reals = list(root.glob("SCar/real_images/*"))
    composites = list(root.glob("SCar/composite_images/*"))
    assert [p.name for p in reals] == ["lit_shot_00_v002-1.png"]
    assert sorted(p.name for p in composites) == ["lit_shot_00_v002-1_2.png", "lit_shot_00_v002-1_3.png"]
    alpha = grey16(root / "SCar/alpha/lit_shot_00_v002.png")
    for path in (*reals, *composites):
        assert (read(path)[alpha == 0] == plate[alpha == 0]).all(), path
    assert (read(composites[0]) != read(reals[0])).any()
    assert _problems(root) == []


def check_export_stops_where_it_cannot_go(folder: Path) -> None:
    """Sentences for what is missing; an interrupted export lists what it finished."""
    import bpy

    shot = lit_shot(folder)
    shot.settings.folder = str(folder / "lit shot.blend")
    assert "is a file" in refusal(bpy.ops.harmonize.export_triplet)
    (folder / "theirs/jobs").mkdir(parents=True)
    (folder / "theirs/jobs/spec.json").write_text("{}")
    shot.settings.folder = str(folder / "theirs")
    assert "rdharmony generator" in refusal(bpy.ops.harmonize.export_triplet)
    shot.settings.folder = "//dataset/"
    shot.hero.location.x = 1000
    assert "not in the picture" in refusal(bpy.ops.harmonize.export_triplet)
    shot.scene.render.use_border = True
    assert "Render Region off" in refusal(bpy.ops.harmonize.export_triplet)
    shot.scene.render.use_border = False
    for frame, x in ((1, 1000), (2, 0)):
        shot.hero.location.x = x
        shot.hero.keyframe_insert("location", frame=frame)
    assert bpy.ops.harmonize.export_dataset() == {"FINISHED"}
    lines = (folder / "dataset/manifest.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 3 + 6
    assert all("_v002" in line for line in lines)
    shot.hero.animation_data_clear()
    shot.hero.location.x = 0
    shot.settings.shot = "second"
    plan = addon("export_triplets").read_plan(bpy.context, animation=True)
    job = addon("export_job").ExportJob(plan, interactive=False)
    said = ""
    try:
        for progress in job.steps():
            job.cancelled = progress.written == 1
    except addon("progress").Cancelled as error:
        said = str(error)
    assert "1 of 2 frames" in said, said
    assert len((folder / "dataset/manifest.jsonl").read_text().splitlines()) == 2 * (1 + 3 + 6)
    shot.scene.harmonize.characters = None
    assert not bpy.ops.harmonize.export_dataset.poll()


def _problems(root: Path) -> list[str]:
    """What the generator's own validation finds, where this Blender's Python has it."""
    if not addon("export_styles").has_generator():
        return []
    from rdharmony_gen.validate.exported import validate_exported

    return [str(problem) for problem in validate_exported(root).problems]


def lit_shot(folder: Path) -> Any:
    """A ball on a floor under a sun and a grey world, two frames, to be exported in three lights."""
    import bpy
    from addon_scene import ball, new_shot

    shot = new_shot(folder)
    scene = shot.scene
    scene.frame_end = 2
    shot.hero.animation_data_clear()
    shot.hero.location = (0, 0, 0)
    shot.hero.data.materials.clear()
    ball("Moon", (2.2, 2, 0.8), 0.6, scene.collection)
    bpy.ops.mesh.primitive_plane_add(size=30, location=(0, 0, -0.9))
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.7, 0.3, 0.0)
    scene.collection.objects.link(sun)
    scene.world = bpy.data.worlds.new("World")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.3, 0.32, 0.4, 1)
    for frame, energy in ((1, 3.0), (2, 2.0)):
        sun.data.energy = energy
        sun.data.keyframe_insert("energy", frame=frame)
    scene.frame_set(1)
    settings = scene.harmonize_export
    settings.background, settings.use_generator, settings.styles = "SCENE", False, 3
    settings.category, settings.split, settings.folder = "car", "val", "//dataset/"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "lit shot.blend"))
    shot.settings = settings
    return shot


def refusal(operator: Any) -> str:
    """What an operator says when it refuses."""
    try:
        operator()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("it did not refuse")


def grey(path: Path) -> Any:
    """A grey picture as it is in the file."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(path))


def grey16(path: Path) -> Any:
    """A 16-bit grey picture, (H, W) in 0..65535."""
    return grey(path).astype(int)


def check_export_in_the_background_gives_the_same_bytes(folder: Path) -> None:
    """In the window a second Blender exports a copy of the file; as a module that is this Python, behind a script."""
    import bpy
    from addon_scene import assert_unchanged, snapshot

    with background_blender(folder):
        lit_shot(folder / "here")
        bpy.ops.harmonize.export_dataset()
        shot = lit_shot(folder / "there")
        before = snapshot(shot.scene)
        plan = addon("export_triplets").read_plan(bpy.context, animation=True)
        job = addon("export_job").ExportJob(plan, interactive=True)
        for _ in job.steps():
            time.sleep(0.005)
        assert "Exported 2 of 2 frames" in job.summary(), job.summary()
        assert_unchanged(before, shot.scene)
    root = folder / "here/dataset"
    made = {p.relative_to(root): p.read_bytes() for p in root.rglob("*.png")}
    assert len(made) == 2 * (2 + 3 + 6)
    for path, data in made.items():
        assert (folder / "there/dataset" / path).read_bytes() == data, path
    assert not list(folder.rglob("render.blend"))


def check_export_takes_the_generators_styles_where_it_is(folder: Path) -> None:
    """Its numbers are in the manifest and its sun and sky in the pictures; without it the shot's own lights vary."""
    import bpy
    from addon_scene import assert_unchanged, read, snapshot

    shot = lit_shot(folder)
    shot.settings.use_generator, shot.settings.styles = True, 2
    before = snapshot(shot.scene)
    assert bpy.ops.harmonize.export_triplet() == {"FINISHED"}
    assert_unchanged(before, shot.scene)
    lines = [json.loads(line) for line in (folder / "dataset/manifest.jsonl").read_text().splitlines()]
    reals = {line["condition"]["style"]: line for line in lines if line["kind"] == "real"}
    if not addon("export_styles").has_generator():
        assert set(reals) == {"as_lit", "overcast"}
        return
    assert {name: line["style"] for name, line in reals.items()} == {"sunrise_sunset_clear": 1, "noon_clear": 4}
    assert reals["noon_clear"]["condition"]["elevation_deg"] > 40
    pictures = {name: read(folder / "dataset" / x["path"]) for name, x in reals.items()}
    red, _, blue = pictures["noon_clear"][:6].mean((0, 1))
    assert blue > 1.4 * red, "the sky behind the scene"
    colors = {name: picture[30:].mean((0, 1)) for name, picture in pictures.items()}
    warmth = {name: red / blue for name, (red, _, blue) in colors.items()}
    assert warmth["sunrise_sunset_clear"] > 1.2 * warmth["noon_clear"], warmth


def check_a_data_set_of_others_is_left_alone(folder: Path) -> None:
    """Its lists would be replaced."""
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    lists = folder / "set/splits/train.txt"
    lists.parent.mkdir(parents=True)
    lists.write_text("theirs\n")
    export = shot.scene.harmonize_export
    export.folder, export.background, export.styles = str(folder / "set"), "PLATE", 2
    assert "was not exported here" in refusal(bpy.ops.harmonize.export_triplet)
    assert [path.name for path in (folder / "set").iterdir()] == ["splits"]
    assert lists.read_text() == "theirs\n"
