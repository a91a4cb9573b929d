# SPDX-License-Identifier: Apache-2.0
"""How the add-on's runs go: resume, cancel, the background process, keyframes, cameras, registration."""

from __future__ import annotations

import os
from pathlib import Path

from addon_checks_export import refusal
from addon_session import ADDON, addon, background_blender, coverage


def check_animation_resumes_and_changes_of_strength_do_not_render_again(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, new_shot, read, snapshot

    shot = new_shot(folder)
    before = snapshot(shot.scene)
    assert bpy.ops.harmonize.animation() == {"FINISHED"}
    assert_unchanged(before, shot.scene)
    middles = [np.nonzero(coverage(shot, frame))[1].mean() for frame in (1, 3, 5)]
    assert middles[1] - middles[0] > 3 < middles[2] - middles[1], middles
    results = sorted(shot.out.glob("harmonized_000*.png"))
    assert len(results) == 5
    stamps = {p: p.stat().st_mtime_ns for p in shot.out.rglob("*") if p.suffix in (".png", ".exr")}
    bpy.ops.harmonize.animation()
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    first = read(results[0])
    shot.settings.strength = 0.0
    bpy.ops.harmonize.animation()
    for path, stamp in stamps.items():
        assert path.suffix != ".exr" or path.stat().st_mtime_ns == stamp, f"{path} was rendered again"
    assert (read(results[0]) != first).any()
    for path in results:
        assert (read(path) == read(path.with_name(path.name.replace("_0", "_before_0")))).all()
    assert bpy.data.images["Harmonized Animation"].source == "SEQUENCE"
    shot.settings.skip_finished = False
    bpy.ops.harmonize.animation()
    assert all(p.stat().st_mtime_ns != stamp for p, stamp in stamps.items())


def check_a_network_that_estimates_looks(folder: Path) -> None:
    """Its grade changes the characters' light by one factor; a second run reads it back and writes nothing."""
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    preferences = bpy.context.preferences.addons[ADDON].preferences
    preferences.model_path = os.environ["ADDON_LOOK_NETWORK"]
    try:
        shot = new_shot(folder)
        shot.settings.smoothing = 1.0
        assert bpy.ops.harmonize.animation() == {"FINISHED"}
        results = sorted(shot.out.glob("harmonized_000*.png"))
        name = results[2].name
        after, before = (read(shot.out / n) / 255 for n in (name, name.replace("_0", "_before_0")))
        solid = coverage(shot, 3) == 1
        assert (after[coverage(shot, 3) == 0] == before[coverage(shot, 3) == 0]).all()
        light = [np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) for v in (after[solid], before[solid])]
        clear = (light[0] > 0.05) & (light[0] < 0.9) & (light[1] > 0.05) & (light[1] < 0.9)
        factors = light[0][clear] / light[1][clear]
        assert clear.sum() > 20
        assert abs(np.median(factors) - 1) > 0.05
        assert np.percentile(factors, 90) / np.percentile(factors, 10) < 1.1
        stamps = {p: p.stat().st_mtime_ns for p in results}
        bpy.ops.harmonize.animation()
        assert stamps == {p: p.stat().st_mtime_ns for p in results}
    finally:
        preferences.model_path = ""


def check_cancelled_run_continues_to_the_same_bytes(folder: Path) -> None:
    import bpy
    from addon_scene import assert_unchanged, new_shot, snapshot

    shot = new_shot(folder / "whole")
    bpy.ops.harmonize.animation()
    whole = {p.name: p.read_bytes() for p in shot.out.glob("*.png")}
    for stop in (3, 9, 17):
        shot = new_shot(folder / f"stopped_{stop}")
        before = snapshot(shot.scene)
        job = addon("job").Job(addon("options").read_options(bpy.context, animation=True), interactive=False)
        said = ""
        try:
            for count, _ in enumerate(job.steps()):
                job.cancelled = count >= stop
        except addon("job").Cancelled as error:
            said = str(error)
        assert "run again to continue" in said
        assert_unchanged(before, shot.scene)
        bpy.ops.harmonize.animation()
        assert {p.name: p.read_bytes() for p in shot.out.glob("*.png")} == whole
        assert not list(shot.out.rglob("*partial*"))


def check_background_process_gives_the_same_bytes_and_stops_at_once(folder: Path) -> None:
    """In the window frames are rendered by a second Blender; as a module that is this Python, behind a script."""
    import time

    import bpy
    from addon_scene import assert_unchanged, new_shot, snapshot

    def run(shot: object, stop_after: float = 1e9) -> str:
        job = addon("job").Job(addon("options").read_options(bpy.context, animation=True), interactive=True)
        started = time.monotonic()
        try:
            for _ in job.steps():
                time.sleep(0.005)
                job.cancelled = time.monotonic() - started > stop_after
        except addon("job").HarmonizeError as error:
            return str(error)
        return job.summary("Harmonized")

    with background_blender(folder) as script:
        for view in ("Standard", "AgX"):
            shot = new_shot(folder / view / "here")
            shot.scene.view_settings.view_transform, shot.scene.frame_end = view, 3
            bpy.ops.harmonize.animation()
            here = {p.name: p.read_bytes() for p in shot.out.glob("*.png")}
            shot = new_shot(folder / view / "there")
            shot.scene.view_settings.view_transform, shot.scene.frame_end = view, 3
            before = snapshot(shot.scene)
            if view == "Standard":
                assert "run again to continue" in run(shot, stop_after=0.3)
                assert not list(shot.out.rglob("*.blend"))
            said = run(shot)
            assert "Harmonized: 3 of 3 frames" in said, said
            assert_unchanged(before, shot.scene)
            assert bpy.data.filepath.endswith("shot.blend")
            assert {p.name: p.read_bytes() for p in shot.out.glob("*.png")} == here
        if script is None:
            return
        shot = new_shot(folder / "broken")
        script.write_text("#!/bin/sh\nexit 3\n")
        assert "ended without rendering frame 1" in run(shot)


def check_cameras_bound_to_markers(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, new_shot, snapshot

    shot = new_shot(folder)
    shot.hero.animation_data_clear()
    near = bpy.data.objects.new("Near", bpy.data.cameras.new("Near"))
    near.location, near.rotation_euler = (0, -3, 0), (np.pi / 2, 0, 0)
    shot.scene.collection.objects.link(near)
    for frame, camera in ((1, shot.scene.camera), (4, near)):
        shot.scene.timeline_markers.new(camera.name, frame=frame).camera = camera
    bpy.context.view_layer.update()
    before = snapshot(shot.scene)
    bpy.ops.harmonize.animation()
    assert_unchanged(before, shot.scene)
    sizes = [(coverage(shot, frame) > 0.5).sum() for frame in (1, 3, 4, 5)]
    assert sizes[0] == sizes[1] < 0.5 * sizes[2], sizes
    assert sizes[2] == sizes[3]


def check_keyframed_strength(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    shot = new_shot(folder)
    for frame, strength in ((1, 0.0), (5, 1.0)):
        shot.settings.strength = strength
        shot.settings.keyframe_insert("strength", frame=frame)
    bpy.ops.harmonize.animation()

    def change(frame: int) -> float:
        pair = [read(shot.out / f"{n}_{frame:04d}.png").astype(int) for n in ("harmonized", "harmonized_before")]
        return float(np.abs(pair[0] - pair[1]).sum())

    assert change(1) == 0 < change(2) < change(5)


def check_no_result_replaces_what_is_read(folder: Path) -> None:
    """A plate, any picture of its sequence, an existing render: names that would meet are refused."""
    import shutil

    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    for number in range(1, 6):
        (folder / "plates").mkdir(exist_ok=True)
        shutil.copyfile(folder / "plate.png", folder / f"plates/plate_{number:04d}.png")
    plates = {path: path.read_bytes() for path in (folder / "plates").iterdir()}
    settings = shot.settings
    settings.plate_path, settings.folder = str(folder / "plates/plate_0001.png"), str(folder / "plates")
    settings.name_prefix = "plate"
    for settings.plate_is_sequence, frame in ((True, 3), (False, 1)):
        shot.scene.frame_set(frame)
        assert "is a picture that Harmonize reads" in refusal(bpy.ops.harmonize.frame)
    assert {path: path.read_bytes() for path in (folder / "plates").iterdir()} == plates
    settings.plate_path, settings.folder, settings.name_prefix = str(folder / "plate.png"), "//out/", "harmonized"
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    layer, render = shot.out / "harmonized_work/characters_0001.exr", shot.out / "again_0001.exr"
    shutil.copyfile(layer, render)
    settings.source, settings.foreground, settings.file_format = "FILES", "ALPHA", "EXR"
    settings.render_path, settings.name_prefix = str(render), "again"
    assert "is a picture that Harmonize reads" in refusal(bpy.ops.harmonize.frame)
    assert render.read_bytes() == layer.read_bytes()


def check_backgrounds_that_change_are_noticed(folder: Path) -> None:
    """A file, with the composite before written or not, and an image that was painted inside Blender."""
    import bpy
    import numpy as np
    from addon_scene import HEIGHT, WIDTH, new_shot, read, write_plate

    shot = new_shot(folder)
    bpy.ops.harmonize.frame()
    plate = write_plate(folder / "plate.png", seed=5)
    for shot.settings.write_composite in (False, True):
        bpy.ops.harmonize.frame()
    for name in ("harmonized", "harmonized_before"):
        assert (read(shot.out / f"{name}_0001.png")[0] == plate[0]).all(), name
    image = bpy.data.images.new("Painted", WIDTH, HEIGHT)
    camera = shot.scene.camera.data
    camera.show_background_images = True
    camera.background_images.new().image = image
    shot.settings.background = "CAMERA"
    for level in (0.2, 0.8):
        image.pixels.foreach_set(np.full(WIDTH * HEIGHT * 4, level, np.float32))
        bpy.ops.harmonize.frame()
        assert abs(read(shot.out / "harmonized_0001.png")[0, 0, 0] / 255 - level) < 0.01, level


def check_clearing_layers_leaves_what_is_the_artists(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    work = shot.out / "harmonized_work"
    work.mkdir(parents=True)
    (work / "notes.txt").write_text("mine")
    bpy.ops.harmonize.frame()
    assert bpy.ops.harmonize.clear_layers() == {"FINISHED"}
    assert [path.name for path in work.iterdir()] == ["notes.txt"]


def check_results_become_a_strip(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    shot = new_shot(folder)
    assert "no results" in refusal(bpy.ops.harmonize.add_strip)
    bpy.ops.harmonize.animation()
    results = sorted(shot.out.glob("harmonized_000*.png"))
    results[2].unlink()  # frame 3: frame 2 stands in for it
    assert bpy.ops.harmonize.add_strip() == {"FINISHED"}
    strip = addon("compat").strips_of(shot.scene)[0]
    assert (strip.frame_final_start, strip.frame_final_duration) == (1, 5)
    shot.scene.render.image_settings.file_format = "PNG"
    for frame, shown in ((2, results[1]), (3, results[1]), (5, results[4])):
        shot.scene.frame_set(frame)
        shot.scene.render.filepath = str(folder / f"strip_{frame}.png")
        bpy.ops.render.render(write_still=True)
        far = np.abs(read(folder / f"strip_{frame}.png") - read(shown)).max()
        assert far <= 1.01 / 255, (frame, far)


def check_disable_and_enable(folder: Path) -> None:
    import addon_utils
    import bpy

    addon_utils.disable(ADDON)
    assert not hasattr(bpy.types.Scene, "harmonize")
    assert not hasattr(bpy.types, "HARMONIZE_PT_sidebar")
    addon_utils.enable(ADDON)
    assert hasattr(bpy.types.Scene, "harmonize")
