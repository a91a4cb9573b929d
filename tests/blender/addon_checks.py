# SPDX-License-Identifier: Apache-2.0
"""What the installed add-on must do, as functions run one after the other inside Blender by test_addon_installed.py.

    python addon_checks.py EXTENSION.zip FOLDER RESULTS.json [CHECK ...]

Works in any Python that has bpy, and in Blender itself (`blender -b --python addon_checks.py -- ...`).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path


def check_frame_keeps_background_bits_and_the_artists_settings(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, new_shot, read, snapshot

    shot = new_shot(folder)
    before = snapshot(shot.scene)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert_unchanged(before, shot.scene)
    result, untouched = read(shot.out / "harmonized_0001.png"), read(shot.out / "harmonized_before_0001.png")
    alpha = coverage(shot, 1)
    assert 200 < (alpha > 0).sum() < 1500
    assert np.array_equal(result[alpha == 0], shot.plate[alpha == 0])
    assert np.array_equal(untouched[alpha == 0], shot.plate[alpha == 0])
    moved = np.abs(result[alpha == 1].astype(int) - untouched[alpha == 1]).mean()
    assert moved > 5, moved
    image = bpy.data.images["Harmonized Frame"]
    assert tuple(image.size) == (64, 48)
    pixels = np.array(image.pixels[:]).reshape(48, 64, 4)[::-1, :, :3]
    assert np.array_equal(np.rint(pixels * 255), result)


def check_edges_have_no_fringe(folder: Path) -> None:
    """A white ball over a white plate is white everywhere: a wrong premultiplication shows as a dark or bright ring."""
    import bpy
    from addon_scene import new_shot, read

    shot = new_shot(folder, color=(1, 1, 1), level=255)
    bpy.ops.harmonize.frame()
    soft = (coverage(shot, 1) > 0) & (coverage(shot, 1) < 1)
    assert soft.sum() > 20
    for name in ("harmonized", "harmonized_before"):
        assert read(shot.out / f"{name}_0001.png").min() >= 254


def check_edges_blend_in_linear_light(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    from harmonize_core.color import linear_to_srgb, srgb_to_linear

    shot = new_shot(folder, color=(0.6, 0.2, 0.1))
    bpy.ops.harmonize.frame()
    alpha = coverage(shot, 1)[..., None]
    linear = np.array([0.6, 0.2, 0.1]) * alpha + (1 - alpha) * srgb_to_linear(shot.plate / np.float32(255))
    expected = linear_to_srgb(linear) * 255
    assert np.abs(expected - read(shot.out / "harmonized_before_0001.png"))[alpha[..., 0] > 0].max() < 1.5


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


def check_exr_and_16_bit_results(folder: Path) -> None:
    import bpy
    import numpy as np
    import OpenEXR
    from addon_scene import new_shot

    from harmonize_core.color import linear_to_srgb

    shot = new_shot(folder)
    outside = None
    for kind in ("EXR", "PNG16"):
        shot.settings.file_format = kind
        bpy.ops.harmonize.frame()
        outside = coverage(shot, 1) == 0
    with OpenEXR.File(str(shot.out / "harmonized_0001.exr")) as file:
        linear = np.asarray(file.channels()["RGB"].pixels, dtype=np.float32)
    assert np.array_equal(np.rint(linear_to_srgb(linear) * 255)[outside], shot.plate[outside])
    import cv2

    deep = cv2.imread(str(shot.out / "harmonized_0001.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert deep.dtype == np.uint16
    assert np.array_equal(deep[outside], shot.plate[outside].astype(np.uint16) * 257)


def check_other_objects_light_or_cut(folder: Path) -> None:
    import bpy
    from addon_scene import ball, new_shot

    shot = new_shot(folder)
    ball("Front", (-0.5, -2, 0.2), 0.3, shot.scene.collection)
    bpy.ops.harmonize.frame()
    whole = coverage(shot, 1)
    shot.settings.others = "HOLDOUT"
    bpy.ops.harmonize.frame()
    cut = coverage(shot, 1)
    assert (whole > 0).sum() - (cut > 0).sum() > 50
    assert (cut <= whole + 0.3).all()


def check_shadows_are_laid_under_but_not_recoloured(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    shot = new_shot(folder, level=180)
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, 0, -0.9))
    bpy.context.object.is_shadow_catcher = True
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy = 3
    shot.scene.collection.objects.link(sun)
    shot.scene.camera.location.z, shot.scene.camera.rotation_euler.x = 1.5, 1.35
    bpy.ops.harmonize.frame()
    result, before = (read(shot.out / f"{n}_0001.png") for n in ("harmonized", "harmonized_before"))
    alpha = coverage(shot, 1)
    assert np.array_equal(result[alpha == 0], before[alpha == 0])
    dark = (result.astype(int).mean(2) < 140) & (alpha == 0)
    assert 20 < dark.sum() < 900, dark.sum()
    assert (result[alpha == 0] == 180).all(axis=1).mean() > 0.3
    assert len(bpy.data.scenes) == 1


def check_view_transform_is_the_artists(folder: Path) -> None:
    """With AgX the picture before harmonization shows the character as Blender's own render does."""
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    shot = new_shot(folder, color=(4.0, 0.5, 0.1))
    shot.scene.view_settings.view_transform = "AgX"
    shot.scene.view_settings.exposure = 0.5
    bpy.ops.harmonize.frame()
    inside = coverage(shot, 1) == 1
    shot.scene.render.filepath = str(folder / "own.png")
    bpy.ops.render.render(write_still=True)
    difference = read(folder / "own.png").astype(int) - read(shot.out / "harmonized_before_0001.png")
    assert np.abs(difference[inside]).max() <= 1


def check_sequences_movies_and_camera_backgrounds(folder: Path) -> None:
    import bpy
    import cv2
    import numpy as np
    from addon_scene import HEIGHT, WIDTH, new_shot, read, write_plate

    shot = new_shot(folder)
    outside = None
    plates = {n: write_plate(folder / f"seq/plate_{n:03d}.png", seed=n) for n in range(7, 11)}
    shot.settings.plate_path, shot.settings.plate_is_sequence = str(folder / "seq/plate_008.png"), True
    bpy.ops.harmonize.animation()
    for frame, number in ((1, 7), (2, 8), (4, 10), (5, 10)):
        outside = coverage(shot, frame) == 0
        assert np.array_equal(read(shot.out / f"harmonized_{frame:04d}.png")[outside], plates[number][outside])

    movie = str(folder / "movie.avi")
    writer = cv2.VideoWriter(movie, cv2.VideoWriter_fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for level in (40, 90, 140, 190, 240):
        writer.write(np.full((HEIGHT, WIDTH, 3), level, dtype=np.uint8))
    writer.release()
    shot.settings.plate_path, shot.settings.plate_is_sequence = movie, False
    bpy.ops.harmonize.animation()
    for frame, level in ((1, 40), (2, 90), (5, 240)):
        shown = read(shot.out / f"harmonized_{frame:04d}.png")[coverage(shot, frame) == 0]
        assert np.abs(shown.astype(int) - level).max() <= 3, (frame, level, shown.min(), shown.max())
    assert len(bpy.data.scenes) == 1

    camera = shot.scene.camera.data
    background = camera.background_images.new()
    background.image = bpy.data.images.load(str(folder / "plate.png"))
    camera.show_background_images = True
    shot.settings.background = "CAMERA"
    background.use_flip_x = True
    bpy.ops.harmonize.frame()
    assert np.array_equal(read(shot.out / "harmonized_0001.png")[:, :8], shot.plate[:, ::-1][:, :8])

    background.use_flip_x = False
    background.image.pack()
    (folder / "plate.png").unlink()
    bpy.ops.harmonize.frame()
    assert np.array_equal(read(shot.out / "harmonized_0001.png")[:, :8], shot.plate[:, :8])

    wide = write_plate(folder / "wide.png", (WIDTH * 2, HEIGHT), level=200)
    shot.settings.background, shot.settings.plate_path = "FILE", str(folder / "wide.png")
    for method, corner in (("CROP", 200), ("STRETCH", 200), ("FIT", 0)):
        shot.settings.plate_fit = method
        bpy.ops.harmonize.frame()
        result = read(shot.out / "harmonized_0001.png")
        assert result.shape == (HEIGHT, WIDTH, 3)
        assert (result[0, 0] == corner).all(), method
    assert wide.shape[1] == 2 * WIDTH


def check_frames_without_characters_keep_the_plate(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    shot = new_shot(folder)
    shot.hero.animation_data_clear()
    shot.hero.location = (50, 0, 0)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert np.array_equal(read(shot.out / "harmonized_0001.png"), shot.plate)


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
        shot.settings.folder = str(disk)
        before = snapshot(shot.scene)
        said = ""
        try:
            bpy.ops.harmonize.animation()
        except RuntimeError as error:
            said = str(error)
        assert "disk is full" in said or "rendered no picture" in said or "could not render" in said, said
        assert_unchanged(before, shot.scene)
        assert not list(disk.rglob("*.partial"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def check_selected_objects_become_the_characters(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    shot.settings.characters = None
    shot.hero.select_set(True)
    assert bpy.ops.harmonize.collect_selected() == {"FINISHED"}
    assert list(shot.settings.characters.objects) == [shot.hero]
    assert shot.hero.name in bpy.data.collections["Hero"].objects
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert bpy.ops.harmonize.clear_layers() == {"FINISHED"}
    assert not (shot.out / "harmonized_work").exists()


def check_leftovers_of_a_run_are_removed_when_a_file_is_loaded(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    options = addon("options").read_options(bpy.context, animation=False)
    layers = addon("layers")
    with layers.shot_scene(shot.scene, bpy.context.view_layer, options.cast, False):
        assert len(bpy.data.scenes) == 2
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "during.blend"), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(folder / "during.blend"))
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    assert not [c for c in bpy.data.collections if "temporary" in c.name]


def check_disable_and_enable(folder: Path) -> None:
    import addon_utils
    import bpy

    addon_utils.disable(ADDON)
    assert not hasattr(bpy.types.Scene, "harmonize")
    assert not hasattr(bpy.types, "HARMONIZE_PT_sidebar")
    addon_utils.enable(ADDON)
    assert hasattr(bpy.types.Scene, "harmonize")


ADDON = "bl_ext.user_default.harmonize"
CHECKS = {name.removeprefix("check_"): f for name, f in list(globals().items()) if name.startswith("check_")}


class Skipped(Exception):
    """This check cannot run here."""


def addon(module: str):
    """A module of the installed add-on."""
    return importlib.import_module(f"{ADDON}.{module}")


def coverage(shot, frame: int):
    """Alpha of the rendered characters layer, top row first."""
    return addon("bridge.pixels").read_layer(shot.out / f"harmonized_work/characters_{frame:04d}.exr").alpha


def main(zip_file: str, folder: str, results: str, *names: str) -> None:
    """Install the extension, run the checks, write {name: "ok" or what went wrong}."""
    import bpy

    sys.path.insert(0, str(Path(__file__).resolve().parent))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
    outcome = {}
    for name in names or CHECKS:
        (place := Path(folder) / name).mkdir(parents=True)
        try:
            CHECKS[name](place)
            outcome[name] = "ok"
        except Skipped as reason:
            outcome[name] = f"skip {reason}"
        except BaseException:
            outcome[name] = traceback.format_exc()
        Path(results).write_text(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may crash while Python shuts down


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    main(*arguments)
