# SPDX-License-Identifier: Apache-2.0
"""Small pictures that Live estimates from: what they hold, and what they cost to get."""

from __future__ import annotations

from pathlib import Path

from addon_checks_live import done, look_shot
from addon_session import Skipped, addon


def check_small_captures_average_the_file(folder: Path) -> None:
    """Blender's own reduction is an average: what the network sees is what it would see of the large picture."""
    import numpy as np
    from PIL import Image

    capture = addon("capture")
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (300, 640, 3), dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(folder / "large.png")
    small = capture.read_small(folder / "large.png", 64)
    means = values.reshape(30, 10, 64, 10, 3).mean(axis=(1, 3)) / 255
    assert small.shape == (30, 64, 4)
    assert np.abs(small[..., :3] - means).max() < 0.02, np.abs(small[..., :3] - means).max()


def check_kept_backgrounds_follow_the_size_of_the_render(folder: Path) -> None:
    """A background is kept small as it lies in the render as it is now, also where the picture itself is the same."""
    import bpy
    import numpy as np
    from addon_scene import new_shot

    shot, small = new_shot(folder), addon("small_pictures")
    for height in (48, 24):
        shot.scene.render.resolution_y = height
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        kept = small.kept_plate(addon("options").read_options(bpy.context, animation=False), 1, (height, 64))
        assert kept is not None
        top = (48 - height) // 2
        assert np.abs(kept - shot.plate[top : top + height] / 255).max() < 1e-3


def check_what_only_live_reads_stops_no_run(folder: Path) -> None:
    """Behind a view transform results are made of the layer's PNG: one whose EXR is damaged is written all the same."""
    import os

    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    shot.scene.view_settings.view_transform = "AgX"
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    results = {path: path.read_bytes() for path in shot.out.glob("*.png")}
    layer = shot.out / "harmonized_work/characters_0001.exr"
    layer.with_suffix(".live.npz").unlink()
    date = layer.stat().st_mtime_ns
    layer.write_bytes(layer.read_bytes()[:-9])
    os.utime(layer, ns=(date, date))
    for path in results:
        path.unlink()
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert results == {path: path.read_bytes() for path in shot.out.glob("*.png")}


def check_live_opens_no_large_picture_of_a_frame_that_was_matched(folder: Path) -> None:
    """A run keeps layers and background small, while they are the same; the look is that of reading them again."""
    import bpy
    import cv2
    import numpy as np

    try:
        shot = look_shot(folder, ())
        capture, live_session = addon("capture"), addon("live_session")
        codes = np.random.default_rng(1).integers(0, 256, (384, 512, 3), dtype=np.uint8)
        codes[:, ::2] //= 3
        plates = [folder / f"large_{frame:04d}.png" for frame in (1, 2)]
        for path in plates:
            cv2.imwrite(str(path), codes)
        shot.settings.plate_path, shot.settings.plate_is_sequence = str(plates[0]), True
        shot.scene.render.resolution_x, shot.scene.render.resolution_y = 512, 384
        options, looks, captures = None, [], []
        for matched in (True, False):
            if matched:
                shot.scene.frame_set(1)
                assert bpy.ops.harmonize.frame() == {"FINISHED"}
            else:
                kept = list(shot.out.rglob("*.live.npz"))
                assert kept, "nothing was kept"
                for path in kept:
                    path.unlink()
            options = addon("options").read_options(bpy.context, animation=False)
            layer = options.work_folder / "characters_0001.exr"
            assert (addon("small_pictures").kept_plate(options, 1, (192, 256)) is not None) == matched
            assert (addon("small_pictures").kept_layer(layer) is not None) == matched
            captures.append(capture.from_layers(options, 1, capture.Store()))
            looks.append(live_session._estimate(options, captures[-1], live_session.plainly_shown, None)[0])
        wanted = codes.reshape(192, 2, 256, 2, 3).mean(axis=(1, 3))[..., ::-1] / 255
        off = np.abs(captures[0].plate - wanted).max()
        assert off < 1e-3, off
        assert np.abs(captures[1].plate - captures[0].plate).max() < 0.02
        assert np.abs(captures[1].rgb_linear - captures[0].rgb_linear).max() < 1e-3
        assert np.abs(captures[1].alpha - captures[0].alpha).max() < 1e-3
        assert np.abs(looks[0].grade - looks[1].grade).max() < 0.01
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        cv2.imwrite(str(plates[0]), codes // 2)
        assert addon("small_pictures").kept_plate(options, 1, (192, 256)) is None, "the background is another"
    finally:
        done()


def check_small_layers_are_averages_of_the_whole_ones(folder: Path) -> None:
    import numpy as np

    from harmonize_core.runtime.resize import resize

    capture, pixels, files = addon("capture"), addon("bridge.pixels"), addon("bridge.files")
    rgba = np.zeros((300, 640, 4), np.float32)
    rgba[80:190, 201:377] = np.random.default_rng(0).uniform(0, 1, (110, 176, 4))
    files.write_atomic(folder / "layer.exr", files.encode_exr(rgba))
    small = capture.small_layer(folder / "layer.exr", capture.Store())
    assert small.shape == (120, 256, 4)
    assert np.abs(small - resize(pixels.read_values(folder / "layer.exr"), (120, 256))).max() < 1e-3
    assert np.abs(small - capture.read_small(folder / "layer.exr", 256)).max() < 0.05


def check_live_reads_ahead_one_picture_at_a_time(folder: Path) -> None:
    """With nothing else to do the next frames are read, so that showing them reads nothing."""
    import bpy

    try:
        shot = look_shot(folder, (1, 2))
        shot.scene.frame_set(1)
        assert bpy.ops.harmonize.live() == {"FINISHED"}
        live = addon("live").session()
        before = live.store.read
        live._rest_until = 0.0
        live.step(bpy.context)
        assert live.store.read == before + 1
        for _ in range(20):
            live._rest_until = 0.0
            live.step(bpy.context)
        before = live.store.read
        shot.scene.frame_set(2)
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert live.store.read == before, "all of it was read ahead"
    finally:
        done()


def check_a_capture_of_the_view_knows_the_characters(folder: Path) -> None:
    """What a 3D view draws of the characters is taken, nothing else, and the view is left as it was."""
    import bpy
    import gpu
    import numpy as np

    if not hasattr(gpu, "init"):
        raise Skipped("this Blender draws nothing without a window")
    try:
        gpu.init()
    except SystemError as error:
        raise Skipped(f"no graphics: {error}") from error
    try:
        look_shot(folder)
        screen = bpy.context.window_manager.windows[0].screen
        area = next(a for a in screen.areas if a.type == "VIEW_3D")
        space, region = area.spaces.active, next(r for r in area.regions if r.type == "WINDOW")
        space.shading.type, space.shading.use_compositor = "SOLID", "ALWAYS"
        capture, shown = addon("capture"), addon("look_bake").plainly_shown
        options = addon("options").read_options(bpy.context, animation=True)
        view = addon("view_capture").from_view(bpy.context, (space, region), options, 1, shown, capture.Store())
        layers = capture.from_layers(options, 1, capture.Store())
        assert layers.alpha.shape == (48, 64)
        rows, columns = (np.nonzero(view.alpha > 0.5)[axis].mean() / view.alpha.shape[axis] for axis in (0, 1))
        wanted = [np.nonzero(layers.alpha > 0.5)[axis].mean() / layers.alpha.shape[axis] for axis in (0, 1)]
        assert np.allclose((rows, columns), wanted, atol=0.02), (rows, columns, wanted)
        assert abs(view.alpha.mean() - layers.alpha.mean()) < 0.02
        assert (view.rgb_linear[view.alpha > 0.9] > 0).all()
        assert space.overlay.show_overlays
        assert space.shading.use_compositor == "ALWAYS"
    finally:
        done()


def check_live_reads_large_pictures_one_a_tick(folder: Path) -> None:
    """The window has its turn between them; what is asked for at once is read at once."""
    import bpy

    module = addon("live_session")
    long, module.LONG = module.LONG, 0.0
    try:
        shot = look_shot(folder)
        for path in shot.out.rglob("*.live.npz"):
            path.unlink()
        shot.scene.frame_set(1)
        live = addon("live").start()
        counts = []
        for _ in range(3):
            live.step(bpy.context)
            counts.append((live.store.read, live._pending is not None or live._target is not None))
        assert counts == [(1, False), (2, False), (2, True)], counts
        live._wait()
        live.store.clear()
        live._known.clear()
        assert bpy.ops.harmonize.live_update() == {"FINISHED"}
        assert live.store.read == 4
    finally:
        module.LONG = long
        done()
