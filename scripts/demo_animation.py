# SPDX-License-Identifier: Apache-2.0
"""A 24-frame shot for the demo: a rigged man walks over a photographed square, matched to it by the add-on itself.

    python scripts/demo_animation.py dist demo_out/animation

The first argument is the extension zip, or the folder that holds it. It is installed into a Blender user folder of its
own inside OUT, the shot is built and saved as OUT/shot.blend, and the add-on's operator Harmonize Animation runs as an
artist would run it, without a window. Writes OUT/harmonized_####.png, OUT/harmonized_before_####.png and
OUT/animation.png (animated, before above after). Run again, it resumes.

The plate is the lower part of a photograph of the Brandenburg Gate at dusk; its horizon and the people in it give the
height of the camera (1.05 m) and its tilt (level, shifted).
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLATE = ROOT / "harmonize_core/photos/gc_cat_brandenburggate.jpg"
WALKER = ROOT / "rdharmony_gen/assets/characters/human_male_10_walking_nathan.glb"

CROP = (300, 408, 940, 768)
"""Left, top, right, bottom of the plate in the photograph, in pixels."""

HORIZON = 650
"""Row of the photograph at the height of the camera: where the people's sizes extrapolate to nothing."""

FOCAL_PIXELS = 996.0
"""35 mm on a full frame, for the photograph's 1024 pixels."""

CAMERA_HEIGHT = 1.05
DISTANCE = 9.7
HEADING = math.radians(65)
"""From facing the camera (0) to walking to the right (90 degrees)."""

SPEED = 1.3
"""Metres a second at which the feet of this walk cycle do not slide."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when all frames were written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extension", type=Path, help="the extension zip, or the folder it is in")
    parser.add_argument("out", type=Path, help="folder of the results")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--samples", type=int, default=32, help="Cycles samples a pixel")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--build-only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.inside:
        return run_in_blender(args)
    zips = sorted(args.extension.glob("harmonize-*.zip")) if args.extension.is_dir() else [args.extension]
    if not zips or not zips[-1].is_file():
        print(
            f"error: no extension zip was found at {args.extension}; build one with scripts/build_extension.py",
            file=sys.stderr,
        )
        return 1
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    crop_plate(out / "plate.png")
    command = [sys.executable, __file__, "--inside", str(zips[-1].resolve()), str(out)]
    command += ["--frames", str(args.frames), "--samples", str(args.samples)]
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(out / "blender_user")}
    done = subprocess.run(command, env=environment)
    if done.returncode:
        return done.returncode
    write_animation(out, args.frames)
    print(f"{args.frames} frames in {out}, animation in {out / 'animation.png'}")
    return 0


def crop_plate(target: Path) -> None:
    """Cut the plate out of the photograph, pixel for pixel; keeps the file where it is already there."""
    from PIL import Image

    if not target.is_file():
        with Image.open(PLATE) as photograph:
            photograph.convert("RGB").crop(CROP).save(target)


def write_animation(out: Path, frames: int) -> None:
    """Before above after as one animated PNG."""
    from PIL import Image

    pictures = []
    for frame in range(1, frames + 1):
        pair = [Image.open(out / f"{name}_{frame:04d}.png") for name in ("harmonized_before", "harmonized")]
        width, height = pair[0].size
        both = Image.new("RGB", (width, 2 * height))
        for row, picture in enumerate(pair):
            both.paste(picture, (0, row * height))
        pictures.append(both)
    partial = out / "animation.partial.png"
    pictures[0].save(partial, save_all=True, append_images=pictures[1:], duration=round(1000 / 24), loop=0)
    partial.replace(out / "animation.png")


def run_in_blender(args: argparse.Namespace) -> int:
    """Inside a Python that has bpy: install, build the shot, press the button."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.extensions.package_install_files(
        filepath=str(args.extension), repo="user_default", enable_on_install=True, overwrite=True
    )
    build_shot(args.out / "plate.png", args.frames, args.samples)
    bpy.ops.wm.save_as_mainfile(filepath=str(args.out / "shot.blend"))
    if args.build_only:
        return 0
    code = 0
    try:
        bpy.ops.harmonize.animation()
    except RuntimeError as error:  # what an operator reports as an error arrives like this
        print(f"error: {str(error).removeprefix('Error: ').strip()}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Blender as a module may crash while Python shuts down


def build_shot(plate: Path, frames: int, samples: int) -> None:
    """The walker, a ground that only catches shadows, a plain light, and a camera placed from the plate."""
    import bpy

    scene = bpy.context.scene
    left, top, right, bottom = CROP
    width, height = right - left, bottom - top
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = False  # seen: 3.7 of 5 CPU seconds a layer, for little at this size
    scene.frame_start, scene.frame_end = 1, frames
    scene.render.fps = 24
    scene.view_settings.view_transform = "Standard"

    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, 0, CAMERA_HEIGHT), (math.pi / 2, 0, 0)
    camera.data.sensor_width, camera.data.lens = 36, 36 * FOCAL_PIXELS / width
    camera.data.shift_y = (HORIZON - top - height / 2) / width
    scene.camera = camera
    background = camera.data.background_images.new()
    background.image = bpy.data.images.load(str(plate))
    background.alpha = 1
    camera.data.show_background_images = True

    walker = import_walker(scene)
    start = -SPEED * frames / 24 / 2
    for frame in (1, frames):
        along = start + SPEED * (frame - 1) / 24
        x, y = along * math.sin(HEADING), DISTANCE - along * math.cos(HEADING)
        walker.location = (x - 0.3, y, 0)
        walker.keyframe_insert("location", frame=frame)
    for curve in location_curves(walker):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"

    bpy.ops.mesh.primitive_plane_add(size=7, location=(0, DISTANCE, 0))
    ground = bpy.context.object
    ground.name, ground.is_shadow_catcher, ground.display_type = "Ground", True, "WIRE"

    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle = 4.0, math.radians(70)
    sun.rotation_euler = (math.radians(40), math.radians(-20), 0)
    scene.collection.objects.link(sun)
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.6, 0.6, 0.6, 1)

    settings = scene.harmonize
    settings.background = "CAMERA"
    settings.folder = "//"
    settings.smoothing = 2


def import_walker(scene: Any) -> Any:
    """The rigged man in a collection of his own, on a root that can be moved; returns the root."""
    import bpy

    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(WALKER))
    imported = [o for o in bpy.data.objects if o not in before]
    armature = next(o for o in imported if o.type == "ARMATURE")
    for helper in [o for o in imported if o.type == "MESH" and o.parent is None]:
        bpy.data.objects.remove(helper)  # the importer's drawing of a bone
        imported.remove(helper)
    characters = bpy.data.collections.new("Characters")
    scene.collection.children.link(characters)
    root = bpy.data.objects.new("Walker", None)
    for thing in [root, *imported]:
        for collection in list(thing.users_collection):
            collection.objects.unlink(thing)
        characters.objects.link(thing)
    armature.parent = root
    armature.hide_set(True)  # only its drawing in the viewport
    for leftover in [c for c in bpy.data.collections if not c.all_objects]:
        bpy.data.collections.remove(leftover)
    root.rotation_euler = (0, 0, HEADING)
    scene.harmonize.characters = characters
    return root


def location_curves(thing: Any) -> list[Any]:
    """The animation curves of an object; Blender 4.4 put them under layers and slots."""
    action = thing.animation_data.action
    if getattr(action, "layers", None):
        slot = thing.animation_data.action_slot
        return [c for layer in action.layers for strip in layer.strips for c in strip.channelbag(slot).fcurves]
    return list(action.fcurves)


if __name__ == "__main__":
    # `blender -b --python THIS -- ARGUMENTS` works too
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
