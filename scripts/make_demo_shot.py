# SPDX-License-Identifier: Apache-2.0
"""Build the demo shot that the extension carries: a man walks over a photographed square, 48 frames.

    python scripts/make_demo_shot.py [--python PYTHON_WITH_BPY_4.2]        ->  blender_addon/demo/

Writes harmonize_demo.blend with the walker inside, plate.jpg beside it, and CREDITS.md. Save it with the oldest Blender
that the extension serves: newer ones open such files, older ones may not open newer files as they are. The walker comes
from `rdharmony_gen/assets`, the photograph from `harmonize_core/photos`; his light is noon's, the plate's is dusk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "scripts"))

import demo_animation  # noqa: E402

OUT = ROOT / "blender_addon/demo"
FRAMES, SAMPLES = 48, 16
CREDITS = """# Works in the demo shot

- `plate.jpg`: part of "Brandenburger Tor" by freakyman, CC BY 2.0 (https://creativecommons.org/licenses/by/2.0/),
  https://commons.wikimedia.org/wiki/File:Brandenburger_Tor_-_freakyman_2.jpg, cropped
- the walker in `harmonize_demo.blend`: based on "Nathan Animated 003 - Walking 3D Man"
  (https://sketchfab.com/3d-models/nathan-animated-003-walking-3d-man-143a2b1ea5eb4385ae90a73657aca3bc) by Renderpeople
  (https://sketchfab.com/renderpeople), CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), made smaller
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when the shot was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="Python that has bpy (default: this one)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.inside:
        return build()
    from PIL import Image

    OUT.mkdir(exist_ok=True)
    (OUT / "CREDITS.md").write_text(CREDITS)
    with Image.open(demo_animation.PLATE) as photograph:
        crop = photograph.convert("RGB").crop(demo_animation.CROP)
        crop.save(OUT / "plate.jpg", quality=95, subsampling=0)
    done = subprocess.run([args.python, __file__, "--inside"])
    if done.returncode == 0:
        sizes = ", ".join(f"{p.name} {p.stat().st_size / 1e6:.2f} MB" for p in sorted(OUT.iterdir()))
        print(f"{OUT}: {sizes}")
    return done.returncode


def build() -> int:
    """Inside a Python that has bpy: the shot with the add-on's settings, saved."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.addons.new().module = "blender_addon"
    import blender_addon

    blender_addon.register()
    demo_animation.build_shot(OUT / "plate.jpg", FRAMES, SAMPLES)
    scene = bpy.context.scene
    walk_on()
    scene.harmonize.folder = "//harmonized/"
    scene.frame_set(1)
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    path = OUT / "harmonize_demo.blend"
    path.unlink(missing_ok=True)  # no .blend1 beside it
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)
    scene.camera.data.background_images[0].image.filepath = "//plate.jpg"
    bpy.ops.wm.save_mainfile(compress=True)
    path.with_suffix(".blend1").unlink(missing_ok=True)
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may crash while Python shuts down


def walk_on() -> None:
    """The walk goes on where its action ends before the shot does."""
    import bpy

    for thing in bpy.data.objects:
        if thing.type != "ARMATURE" or thing.animation_data is None:
            continue
        for curve in demo_animation.location_curves(thing):
            if curve.keyframe_points[-1].co.x < FRAMES:
                curve.modifiers.new("CYCLES")


if __name__ == "__main__":
    sys.exit(main())
