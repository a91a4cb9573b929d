# SPDX-License-Identifier: Apache-2.0
"""The pictures the add-on makes: bit-exact plates, edges, formats, shadows, view transforms, backgrounds."""

from __future__ import annotations

from pathlib import Path

from addon_session import coverage


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
    for view in ("Standard", "AgX"):
        shot.scene.view_settings.view_transform = view
        bpy.ops.harmonize.frame()
        alpha, picture = coverage(shot, 1)[..., None], read(shot.out / "harmonized_before_0001.png")
        color = np.array([0.6, 0.2, 0.1])
        if view != "Standard":  # what Blender makes of it is in `check_view_transform_is_the_artists`
            color = srgb_to_linear(picture[alpha[..., 0] == 1] / np.float32(255)).mean(axis=0)
        linear = color * alpha + (1 - alpha) * srgb_to_linear(shot.plate / np.float32(255))
        expected = linear_to_srgb(linear) * 255
        assert np.abs(expected - picture)[alpha[..., 0] > 0].max() < 1.5, view


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


def check_lights_catch_no_shadows(folder: Path) -> None:
    """Blender says of every light that it is a shadow catcher; a layer for that would double the time of rendering."""
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    shot.scene.collection.objects.link(bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN")))
    bpy.ops.harmonize.frame()
    assert not list(shot.out.rglob("shadows_*")), "a layer of shadows was rendered"


def check_view_transform_is_the_artists(folder: Path) -> None:
    """Under AgX or Raw the picture before harmonization shows the character as Blender's own render does."""
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    shot = new_shot(folder, color=(4.0, 0.5, 0.1))
    view, shot.scene.render.dither_intensity = shot.scene.view_settings, 0.0
    for view.view_transform, view.exposure in (("AgX", 0.5), ("Raw", 0.0)):
        bpy.ops.harmonize.frame()
        inside = coverage(shot, 1) == 1
        shot.scene.render.filepath = str(folder / "own.png")
        bpy.ops.render.render(write_still=True)
        difference = read(folder / "own.png").astype(int) - read(shot.out / "harmonized_before_0001.png")
        assert np.abs(difference[inside]).max() <= 1, view.view_transform
    view.view_transform = "AgX"
    shot.settings.skip_finished = False
    shown = []
    for shot.scene.display_settings.display_device in ("sRGB", "Display P3"):
        bpy.ops.harmonize.frame()
        shown.append(read(shot.out / "harmonized_before_0001.png"))
    assert np.array_equal(*shown), "the artist's screen is no part of a picture"


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

    background.image = bpy.data.images.load(str(folder / "seq/plate_007.png"))
    background.image.source, user = "SEQUENCE", background.image_user
    user.frame_start, user.frame_offset, user.frame_duration, user.use_cyclic = 1, 6, 2, True
    bpy.ops.harmonize.animation()
    for frame, number in ((1, 7), (2, 8), (3, 7), (5, 7)):
        outside = coverage(shot, frame) == 0
        assert np.array_equal(read(shot.out / f"harmonized_{frame:04d}.png")[outside], plates[number][outside])

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
