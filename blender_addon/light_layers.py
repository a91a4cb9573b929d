# SPDX-License-Identifier: GPL-3.0-or-later
"""The characters under one group of lights at a time, small: what Match Lights solves for.

The temporary scene of `layers` links only the lamps of one group, and has the world or not; nothing of the artist's is
touched, and it is the same in Cycles and EEVEE. Run as a module's `main` it is the background Blender's side.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from . import layers
from .bridge import pixels
from .bridge.files import encode_exr, write_atomic
from .light_settings import AMBIENT, SUN
from .linked import find_collection
from .renderers import FrameTask, ShotSpec
from .worker import work_off

REST = "rest"
"""The light that is in no group: of other lamps, of things that shine."""

LONG_SIDE = 256
"""Pixels: networks look at 256x256."""
MOST_SAMPLES = 64

RAMP = 2.0 ** np.linspace(-14, 10, 385)
"""Greys that tell what the view transform does."""


@dataclass(frozen=True)
class LightSpec:
    """How to find the lights in the file."""

    shot: ShotSpec
    sun: tuple[str, ...]
    """Objects of the group."""
    ambient: tuple[str, ...]
    world: bool
    """The world belongs to the ambient group, and not to the rest."""
    ramp: str
    """Path of a PNG for `RAMP` through the view transform; empty for none."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LightSpec:
        """The same again from `dataclasses.asdict` and JSON."""
        sun, ambient = tuple(data["sun"]), tuple(data["ambient"])
        return cls(ShotSpec(**data["shot"]), sun, ambient, data["world"], data["ramp"])


def render_lights(spec: LightSpec, tasks: list[FrameTask]) -> Generator[int]:
    """Render the characters of frames under the groups that the tasks name; yields each finished frame.

    Raises:
        HarmonizeError: Blender could not render or write.
    """
    names = spec.shot
    scene = bpy.data.scenes[names.scene]
    view_layer = scene.view_layers[names.view_layer]
    cast = layers.sort_cast(scene, view_layer, find_collection(names.characters, names.library))
    with layers.shot_scene(scene, view_layer, replace(cast, under=()), names.cut) as shot:
        _make_small(shot)
        if spec.ramp:
            ramp = Path(spec.ramp)
            exr = ramp.with_suffix(".exr")
            write_atomic(exr, encode_exr(np.tile(RAMP[None, :, None], (2, 1, 3)).astype(np.float32)))
            layers.write_view(shot, exr, ramp)
        lamps = [(c, o) for c in shot.collection.children for o in c.objects if o.type == "LIGHT"]
        world = shot.world
        for task in tasks:
            for group, path in task.layers:
                _light_only(shot, spec, group, lamps, world)
                layers.render_layer(shot, layers.CHARACTERS, task.frame, Path(path))
            yield task.frame


def read_ramp(path: Path) -> np.ndarray:
    """What is shown of `RAMP`, sRGB (k,)."""
    return pixels.read_values(path)[0, :, :3].mean(axis=-1)


def main(orders_file: str) -> None:
    """Render the tasks of an orders file; the process ends here, with code 0 only when all are done."""
    orders = json.loads(Path(orders_file).read_text())
    tasks = [FrameTask(t["frame"], tuple((name, path) for name, path in t["layers"]), ()) for t in orders["tasks"]]
    work_off(render_lights(LightSpec.from_json(orders["spec"]), tasks))


def _light_only(shot: bpy.types.Scene, spec: LightSpec, group: str, lamps: list, world: bpy.types.World | None) -> None:
    """What is in no group always shines."""
    sky = not spec.world or group == AMBIENT
    shot.world = world if sky else None
    members = {SUN: spec.sun, AMBIENT: spec.ambient}
    grouped = {*spec.sun, *spec.ambient}
    for collection, lamp in lamps:
        # Cycles 4.5 crashes on portals without a world
        shines = sky if is_portal(lamp) else lamp.name not in grouped or lamp.name in members.get(group, ())
        if shines and lamp.name not in collection.objects:
            collection.objects.link(lamp)
        elif not shines and lamp.name in collection.objects:
            collection.objects.unlink(lamp)


def is_portal(lamp: bpy.types.Object) -> bool:
    """A lamp without light, which tells Cycles where the world shines in."""
    return lamp.data.type == "AREA" and bool(getattr(getattr(lamp.data, "cycles", None), "is_portal", False))


def _make_small(shot: bpy.types.Scene) -> None:
    render = shot.render
    longer = max(render.resolution_x, render.resolution_y)
    render.resolution_percentage = max(1, min(render.resolution_percentage, round(100 * LONG_SIDE / longer)))
    render.use_border = False
    if render.engine == "CYCLES":
        shot.cycles.samples = min(shot.cycles.samples, MOST_SAMPLES)
    elif hasattr(shot, "eevee"):
        shot.eevee.taa_render_samples = min(shot.eevee.taa_render_samples, MOST_SAMPLES)
