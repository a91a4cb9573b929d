# SPDX-License-Identifier: Apache-2.0
"""How near Match Lights comes to the truth: a character lit for one style, in a place photographed under another.

    python scripts/bench_match_lights.py NETWORK.onnx --out FOLDER             35 pairs at 112x80

Each view of the generator is rendered under several capture conditions, exposed and balanced as its camera would: these
are plates and truth. The character with sun and sky of one condition is the artist's shot, a render of another its
plate. The add-on itself harmonizes it, matches the lights, and harmonizes it again; each picture is compared with the
truth on the character (fMSE, 0..255). The direction of the sun is the artist's, and differs from the plate's where the
times of day do. Prints a line a pair and the means; FOLDER/pairs.png shows them: before, look, lights, both, truth.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb
from harmonize_core.errors import HarmonizeError, InputError
from harmonize_core.formats.images import read_exr, read_image, write_image
from harmonize_core.metrics.pixels import fmse

Floats = NDArray[np.float32]

VIEWS = ("park:1", "street:2", "plaza:3", "beach:1", "courtyard:2")
LIT = (1, 4, 8)
"""Styles that have a sun, for the artist's shot: clear sunset, clear noon, partly cloudy morning."""
PLATES = (4, 8, 9)
"""Styles of plates; the last is overcast."""
NAMES = ("before", "look", "lights", "both")
SOLID = 0.98
"""Coverage of the pixels that are compared."""


@dataclass(frozen=True)
class Pair:
    """One pair, scored."""

    name: str
    errors: dict[str, float]
    """fMSE of `NAMES`."""
    pictures: list[Floats]
    """(H, W, 3) sRGB of `NAMES`, and the truth."""


class View:
    """A view of the generator, built in this Blender."""

    def __init__(self, place: str, number: int, size: tuple[int, int], samples: int, folder: Path) -> None:
        from rdharmony_gen.blender.device import CPU
        from rdharmony_gen.blender.lighting import Lights
        from rdharmony_gen.blender.render_job import build_view
        from rdharmony_gen.sampling.conditions import sample_conditions
        from rdharmony_gen.spec.job import RenderJob
        from rdharmony_gen.spec.styles import STYLES

        styles = [style for style in STYLES if style.style_id in {*LIT, *PLATES}]
        conditions = sample_conditions(7, place, 0, number, styles)
        name = f"{place}_00_v{number:03d}"
        job = RenderJob(f"S/{name}", "human", place, name, 0, number, 7, *size, samples, conditions)
        built = build_view(job, CPU)
        self.name, self.scene, self.folder = name, built.scene, folder
        self.conditions = {c.style_id: c for c in conditions}
        self.lights = Lights(built.stage, size[0])
        self.characters = _collection(self.scene, built.subjects)
        self.gains: dict[int, Floats] = {}

    def photograph(self, style: int) -> Floats:
        """The whole view under a condition, developed: (H, W, 3) sRGB."""
        from rdharmony_gen.blender.session import render
        from rdharmony_gen.compose.develop import meter

        condition = self.conditions[style]
        self.lights.apply(condition)
        self.scene.render.film_transparent = False
        channels = render(self.scene, self.folder / "scratch.exr", "RGB")
        linear = np.stack([channels[c] for c in "RGB"], axis=-1)
        gain = 2.0 ** meter(linear, condition) * np.asarray(condition.white_balance)
        self.gains[style] = gain.astype(np.float32)
        return linear_to_srgb(np.clip(linear * gain, 0, 1))

    def light(self, style: int) -> None:
        """The lights of a condition as they arrive in its photograph, for who has no camera to expose with."""
        self.lights.apply(self.conditions[style])
        gain = self.gains[style]
        sun = self.lights.sun.holder.data
        strength = np.array(sun.color) * sun.energy * gain
        sun.energy, sun.color = strength.max(), strength / max(strength.max(), 1e-9)
        image = self.lights.lighting.image
        values = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(values)
        image.pixels.foreach_set((values.reshape(-1, 4) * np.array([*gain, 1], np.float32)).ravel())


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when every pair was scored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help=".onnx file of `harmonize export`")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures")
    parser.add_argument("--views", nargs="+", default=VIEWS, help="PLACE:NUMBER of the generator")
    parser.add_argument("--pairs", nargs="*", default=[], help="CHARACTER:PLATE style numbers (default all)")
    parser.add_argument("--size", default="112x80")
    parser.add_argument("--samples", type=int, default=16)
    args = parser.parse_args(argv)
    try:
        pairs = list(score(args))
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    means = {name: float(np.mean([pair.errors[name] for pair in pairs])) for name in NAMES}
    nearer = sum(pair.errors["lights"] < pair.errors["before"] for pair in pairs)
    print(_row(f"mean of {len(pairs)}", means))
    print("removed: " + ", ".join(f"{name} {1 - means[name] / means['before']:.0%}" for name in NAMES[1:]))
    print(f"lights nearer to the truth in {nearer} of {len(pairs)} pairs")
    rows = [np.concatenate(pair.pictures, axis=1) for pair in pairs]
    write_image(args.out / "pairs.png", np.concatenate(rows))
    return 0


def score(args: argparse.Namespace) -> Iterator[Pair]:
    """Score the pairs one after the other, and print them."""
    if not args.network.is_file():
        raise InputError(f"the network {args.network} does not exist; write one with `harmonize export`")
    width, height = (int(n) for n in args.size.split("x"))
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = [tuple(int(n) for n in pair.split(":")) for pair in args.pairs]
    wanted = wanted or [(a, b) for a in LIT for b in PLATES if a != b]
    print(f"{'character > plate':24}" + "".join(f"{name:>10}" for name in NAMES))
    for place, _, number in (view.partition(":") for view in args.views):
        view = View(place, int(number), (width, height), args.samples, args.out)
        truth = {style: view.photograph(style) for style in sorted({s for pair in wanted for s in pair})}
        settle(view, args)
        for lit, plate in wanted:
            view.light(lit)
            pair = harmonized(view, truth[plate], f"{view.name} {lit} > {plate}")
            print(_row(pair.name, pair.errors), flush=True)
            yield pair


def settle(view: View, args: argparse.Namespace) -> None:
    """Register the add-on in this Blender and choose the shot, once a view: it begins from factory settings."""
    import bpy

    from blender_addon import registration

    if not hasattr(bpy.types.Scene, "harmonize"):
        registration.register()
    addon = bpy.context.preferences.addons.get("blender_addon") or bpy.context.preferences.addons.new()
    addon.module = "blender_addon"
    addon.preferences.model_path = str(args.network.resolve())
    settings = view.scene.harmonize
    settings.characters, settings.background = view.characters, "FILE"
    settings.plate_path, settings.folder = str(args.out.resolve() / "plate.png"), str(args.out.resolve())
    settings.others, settings.skip_finished = "HOLDOUT", False
    view.scene.view_settings.view_transform = "Standard"
    view.scene.render.use_persistent_data = False


def harmonized(view: View, truth: Floats, name: str) -> Pair:
    """The add-on's pictures of one pair, with the artist's lights and with matched ones."""
    import bpy

    write_image(view.folder / "plate.png", truth)
    bpy.ops.harmonize.frame()
    pictures = [_read(view, "_before"), _read(view, "")]
    bpy.ops.harmonize.estimate_lights()
    bpy.ops.harmonize.set_lights()
    bpy.ops.harmonize.frame()
    pictures += [_read(view, "_before"), _read(view, "")]
    bpy.ops.harmonize.reset_lights()
    layer = read_exr(next((view.folder / "harmonized_work").glob("characters_*.exr")))
    mask = (layer["A"] > SOLID).astype(np.float32)
    errors = {n: fmse(255 * p, 255 * truth, mask) for n, p in zip(NAMES, pictures, strict=True)}
    return Pair(name, errors, [*pictures, truth])


def _read(view: View, kind: str) -> Floats:
    return read_image(view.folder / f"harmonized{kind}_{view.scene.frame_current:04d}.png")[..., :3]


def _collection(scene: Any, subjects: list[list[Any]]) -> Any:
    import bpy

    collection = bpy.data.collections.new("Characters")
    scene.collection.children.link(collection)
    for thing in {o for objects in subjects for root in objects for o in (root, *root.children_recursive)}:
        collection.objects.link(thing)
    return collection


def _row(name: str, errors: dict[str, float]) -> str:
    return f"{name:24}" + "".join(f"{errors[n]:10.1f}" for n in NAMES)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module may crash while Python shuts down
