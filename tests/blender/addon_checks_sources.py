# SPDX-License-Identifier: Apache-2.0
"""Characters out of whole pictures: existing renders, Cryptomattes, AOVs and alpha."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from addon_checks_setup import crowded_shot, own_render
from addon_session import addon, background_blender, coverage


def render_frames(shot: Any, kind: str, last: int = 2) -> None:
    """The artist's own rendering of frames 1 to `last`."""
    import bpy

    for mend in ("film",) if shot.settings.background != "SCENE" else ():
        bpy.ops.harmonize.mend(what=mend)
    if kind == "PASSES":
        bpy.ops.harmonize.mend(what="output")
        if hasattr(shot.scene.render.image_settings, "use_exr_interleave"):  # as Blender 5 does it by itself
            shot.scene.render.image_settings.use_exr_interleave = False
        bpy.ops.harmonize.mend(what="passes")
    else:
        addon("compat").set_still_format(shot.scene, kind, "RGBA", "16" if kind == "OPEN_EXR" else "8")
    shot.scene.render.dither_intensity = 0
    shot.scene.render.filepath = "//own/own_"
    shot.scene.frame_end = last
    bpy.ops.render.render(animation=True)
    shot.scene.frame_set(1)


def check_an_existing_render_with_alpha_takes_the_place_of_rendering(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, new_shot, read, snapshot

    for kind in ("PNG", "OPEN_EXR"):
        shot = new_shot(folder / kind)
        shot.scene.view_settings.view_transform = "AgX"
        bpy.ops.harmonize.frame()
        wanted, alpha = read(shot.out / "harmonized_before_0001.png").astype(int), coverage(shot, 1)
        shot.settings.source, shot.settings.foreground = "FILES", "ALPHA"
        assert next(f.mend for f in addon("diagnosis").diagnose(bpy.context)) == "render"
        render_frames(shot, kind)
        assert [f.text for f in addon("diagnosis").diagnose(bpy.context)] == []
        before = snapshot(shot.scene)
        assert bpy.ops.harmonize.animation() == {"FINISHED"}
        assert_unchanged(before, shot.scene)
        composite = read(shot.out / "harmonized_before_0001.png").astype(int)
        assert np.abs(composite - wanted).max() <= 2, (kind, np.abs(composite - wanted).max())
        assert np.array_equal(composite[alpha == 0], shot.plate[alpha == 0])
        result = read(shot.out / "harmonized_0001.png").astype(int)
        assert np.abs(result - composite)[alpha == 1].mean() > 3
        stamps = {p: p.stat().st_mtime_ns for p in shot.out.rglob("*_000*.*")}
        bpy.ops.harmonize.animation()
        assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
        second = next((folder / kind / "own").glob("own_0002.*"))
        second.write_bytes(next((folder / kind / "own").glob("own_0001.*")).read_bytes())
        bpy.ops.harmonize.animation()
        changed = {p.name for p, stamp in stamps.items() if p.stat().st_mtime_ns != stamp}
        assert {"characters_0002.exr", "harmonized_0002.png"} <= changed
        assert "characters_0001.exr" not in changed


def check_cryptomatte_of_an_existing_render(folder: Path) -> None:
    """The picture before is the artist's own, bit for bit outside the characters and to 1/255 in them."""
    import bpy
    import numpy as np
    from addon_scene import read

    shot = crowded_shot(folder)
    shot.settings.background = "SCENE"
    bpy.ops.harmonize.frame()
    alone = coverage(shot, 1)
    own = own_render(shot, folder / "own.png")
    shot.settings.source = "FILES"
    render_frames(shot, "PASSES", last=1)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    composite, result = (read(shot.out / f"harmonized{n}_0001.png").astype(int) for n in ("_before", ""))
    told = coverage(shot, 1)
    assert np.abs(told - alone).max() < 0.01
    assert np.abs(composite - own).max() <= 1, np.abs(composite - own).max()
    assert np.array_equal(result[told == 0], composite[told == 0])
    assert np.abs(result - composite)[told == 1].mean() > 3
    soft = (told > 0.3) & (told < 0.7)
    assert soft.sum() > 20
    assert 0.5 < np.abs(result - composite)[soft].mean() < np.abs(result - composite)[told == 1].mean()

    shot.settings.background = "FILE"
    said = ""
    try:
        bpy.ops.harmonize.frame()
    except RuntimeError as error:
        said = str(error)
    assert "opaque, so no background shows" in said, said
    render_frames(shot, "PASSES", last=1)
    bpy.ops.harmonize.frame()
    from harmonize_core.color import linear_to_srgb, srgb_to_linear
    from harmonize_core.runtime.exr_reader import read_exr
    from harmonize_core.runtime.mattes import color_channels

    channels = read_exr(folder / "own/own_0001.exr", lambda name: ".Combined." in name).channels
    *colors, alpha = (channels[name] for name in color_channels(list(channels), ""))
    rgb = np.dstack(colors)
    wanted = linear_to_srgb(rgb + (1 - alpha[..., None]) * srgb_to_linear(shot.plate / np.float32(255))) * 255
    composite = read(shot.out / "harmonized_before_0001.png")
    assert np.abs(np.clip(wanted, 0, 255) - composite).max() <= 1.5
    assert np.array_equal(composite[alpha == 0], shot.plate[alpha == 0])


def check_existing_renders_are_split_in_the_background_alike(folder: Path) -> None:
    """As in the window, by a second Blender."""
    import shutil
    import time

    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder / "shot")
    shot.scene.view_settings.view_transform = "AgX"
    shot.settings.background, shot.settings.source = "SCENE", "FILES"
    render_frames(shot, "PASSES")
    bpy.ops.harmonize.animation()
    here = {p.name: p.read_bytes() for p in shot.out.glob("*.png")}
    shutil.rmtree(shot.out)
    with background_blender(folder):
        options = addon("options").read_options(bpy.context, animation=True)
        for _ in addon("job").Job(options, interactive=True).steps():
            time.sleep(0.005)
    assert {p.name: p.read_bytes() for p in shot.out.glob("*.png")} == here
    assert len(here) == 4


def check_a_matte_of_the_whole_scene(folder: Path) -> None:
    """Rendered in one go: a Cryptomatte name and an AOV tell the same, and the picture before is Blender's own."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, read, snapshot

    shot = crowded_shot(folder)
    shot.settings.background, shot.settings.foreground, shot.settings.characters = "SCENE", "MATTE", None
    for thing in shot.scene.objects:
        thing.select_set(thing == shot.hero)
    shot.hero.name = "Ball, the 1st"
    assert bpy.ops.harmonize.name_selected() == {"FINISHED"}
    assert shot.settings.matte == "Ball? the 1st"
    own = own_render(shot, folder / "own.png")
    aov = bpy.context.view_layer.aovs.add()
    aov.name, aov.type = "hero", "VALUE"
    tree = bpy.data.materials["Shine"].node_tree
    output = tree.nodes.new("ShaderNodeOutputAOV")
    output.aov_name, output.inputs["Value"].default_value = "hero", 1
    before = snapshot(shot.scene)
    coverages = []
    for matte in ("Ball? the 1st", "Shine", "hero"):
        shot.settings.matte = matte
        before["scene"]["harmonize"]["matte"] = matte
        assert bpy.ops.harmonize.frame() == {"FINISHED"}
        assert_unchanged(before, shot.scene)
        coverages.append(coverage(shot, 1))
        composite = read(shot.out / "harmonized_before_0001.png").astype(int)
        assert np.abs(composite - own).max() <= 1, (matte, np.abs(composite - own).max())
    assert 100 < coverages[0].sum() < 1500
    for other in coverages[1:]:
        assert np.abs(coverages[0] - other).max() < 0.01
    assert not list(shot.out.rglob("whole_*"))
    _other_tools_know_the_matte(shot)


def _other_tools_know_the_matte(shot: Any) -> None:
    """The look is baked with the AOV as its mask; lights, which need the characters alone, are refused."""
    import bpy

    assert bpy.ops.harmonize.bake_look() == {"FINISHED"}
    tree = addon("compat").compositor_tree(shot.scene)
    (node,) = (n for n in tree.nodes if n.type == "GROUP")
    assert node.inputs["Mask"].links[0].from_socket.name == shot.settings.matte
    bpy.ops.harmonize.remove_look()
    options = addon("options").read_options(bpy.context, animation=False)
    captured = addon("capture").from_layers(options, 1, addon("capture").Store())
    assert 0 < captured.alpha.mean() < 1
    shot.settings.characters = shot.characters
    said = ""
    try:
        bpy.ops.harmonize.estimate_lights()
    except RuntimeError as error:
        said = str(error)
    assert "renders the characters by themselves" in said, said


def check_hair_and_motion_blur_have_no_fringe(folder: Path) -> None:
    """White hair that moves over white, black over black: each way of telling it gives one flat picture back.

    A wrong premultiplication, a matte that does not fit or light that is shared out wrongly shows as a line.
    """
    import bpy
    import numpy as np
    from addon_scene import new_shot, read

    for level in (0, 255):
        light = level / 255
        shot = new_shot(folder / str(level), color=(light,) * 3, level=level)
        curves = bpy.data.curves.new("Hair", "CURVE")
        curves.dimensions, curves.bevel_depth, curves.bevel_resolution = "3D", 0.012, 0
        for strand in range(60):
            spline = curves.splines.new("POLY")
            spline.points.add(1)
            turn = 2 * np.pi * strand / 60
            spline.points[0].co = (0, 0, 0, 1)
            spline.points[1].co = (1.6 * np.cos(turn), 0, 1.6 * np.sin(turn), 1)
        curves.materials.append(bpy.data.materials["Shine"])
        hair = bpy.data.objects.new("Hair", curves)
        hair.parent = shot.hero
        shot.characters.objects.link(hair)
        shot.scene.render.use_motion_blur, shot.scene.render.motion_blur_shutter = True, 1.0
        shot.scene.frame_set(3)
        for foreground in ("COLLECTION", "MATTE"):
            shot.settings.foreground, shot.settings.matte = foreground, "Hair, Ball"
            bpy.ops.harmonize.frame()
            alpha = coverage(shot, 3)
            assert ((alpha > 0) & (alpha < 1)).sum() > 600
            for name in ("harmonized", "harmonized_before"):
                off = np.abs(read(shot.out / f"{name}_0003.png").astype(int) - level)
                assert off.max() <= 1, (level, foreground, name, off.max())


def check_pictures_that_do_not_fit_are_refused(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot, write_plate

    def refused(what: str, **changes: object) -> None:
        for name, value in changes.items():
            setattr(shot.settings, name, value)
        try:
            bpy.ops.harmonize.frame()
        except RuntimeError as error:
            text = str(error).removeprefix("Error: ").strip()
            assert what in text, (what, text)
            assert "\n" not in text, text
        else:
            raise AssertionError(f"not refused: {what}")

    shot = new_shot(folder)
    refused("No matte is named", foreground="MATTE")
    refused("Nothing is named 'Cat'", matte="Cat")
    refused("cannot be told from the rest", matte="Ball", background="WORLD")
    refused("nothing of the scene is left", foreground="ALPHA", background="SCENE")
    refused("lacks 1 of 1 frames", source="FILES", background="FILE")
    write_plate(folder / "opaque_0001.png")
    refused("opaque everywhere", render_path=str(folder / "opaque_0001.png"))
    refused("holds no passes", foreground="MATTE")
    refused("lacks 1 of 1 frames", render_path=str(folder / "other_0007.png"))
    refused("A movie tells no characters", render_path=str(folder / "a.mp4"))
    (folder / "broken_0001.exr").write_bytes(b"no picture")
    refused("damaged or no EXR file", render_path=str(folder / "broken_0001.exr"))
    shot.settings.foreground = "COLLECTION"
    refused("No characters are chosen", characters=None)
