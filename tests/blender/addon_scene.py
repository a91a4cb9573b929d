# SPDX-License-Identifier: Apache-2.0
"""Small scenes for the add-on's checks, and a snapshot of everything of the artist's that a run must not change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48


def write_plate(
    path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), seed: int = 0, level: int | None = None
) -> np.ndarray:
    """A plate of random bytes (every pixel different) or of one level; returns its (H, W, 3) uint8."""
    shape = (size[1], size[0], 3)
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    if level is not None:
        values = np.full(shape, level, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return values


def read(path: Path) -> np.ndarray:
    """An 8-bit picture as (H, W, 3) uint8."""
    return np.asarray(Image.open(path).convert("RGB"))


def emission(name: str, color: tuple[float, float, float], strength: float = 1.0) -> bpy.types.Material:
    """A material that shines with exactly this linear colour."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shader, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    shader.inputs["Color"].default_value = (*color, 1)
    shader.inputs["Strength"].default_value = strength
    tree.links.new(shader.outputs[0], output.inputs[0])
    return material


def ball(name: str, location: tuple[float, float, float], radius: float, collection: Any, material: Any = None) -> Any:
    """A sphere in one collection only."""
    bpy.ops.mesh.primitive_uv_sphere_add(location=location, radius=radius, segments=24, ring_count=12)
    thing = bpy.context.object
    thing.name = name
    for other in list(thing.users_collection):
        other.objects.unlink(thing)
    collection.objects.link(thing)
    if material is not None:
        thing.data.materials.append(material)
    return thing


def new_shot(folder: Path, *, color: tuple[float, float, float] = (0.6, 0.2, 0.1), level: int | None = None) -> Any:
    """A saved file with a shining ball of `color` as character before a plate; the ball moves in frames 1 to 5."""
    bpy.ops.wm.read_homefile(use_factory_startup=False, use_empty=True)
    folder.mkdir(parents=True, exist_ok=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 4, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.frame_start, scene.frame_end = 1, 5
    scene.view_settings.view_transform = "Standard"
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -6, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    characters = bpy.data.collections.new("Hero")
    scene.collection.children.link(characters)
    hero = ball("Ball", (0, 0, 0), 0.9, characters, emission("Shine", color))
    for frame, x in ((1, -0.5), (5, 0.5)):
        hero.location.x = x
        hero.keyframe_insert("location", frame=frame)
    scene.frame_set(1)
    plate = write_plate(folder / "plate.png", level=level)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    settings = scene.harmonize
    settings.characters, settings.background = characters, "FILE"
    settings.plate_path, settings.folder = str(folder / "plate.png"), "//out/"
    settings.smoothing = 1.0
    return SimpleNamespace(
        scene=scene, settings=settings, hero=hero, characters=characters, plate=plate, folder=folder, out=folder / "out"
    )


def values_of(item: Any, depth: int = 2) -> dict[str, Any]:
    """Every readable property of an RNA struct, nested structs included to a depth."""
    found: dict[str, Any] = {}
    for prop in item.bl_rna.properties:
        name = prop.identifier
        if name in ("rna_type", "bl_rna", "depsgraph", "uv_sculpt"):  # the last crashes 4.2.0
            continue
        if name == "users" and bpy.app.version < (4, 3, 0):  # copying a scene counts twice there, whoever does it
            continue
        try:
            value = getattr(item, name)
        except (AttributeError, RuntimeError):
            continue
        if prop.type == "POINTER":
            same_data = getattr(value, "id_data", None) == item.id_data
            if value is None or isinstance(value, bpy.types.ID) or not same_data or not depth:
                found[name] = getattr(value, "name", str(value))
            else:
                found[name] = values_of(value, depth - 1)
        elif prop.type == "COLLECTION":
            found[name] = [getattr(v, "name", "") for v in value]
        else:
            found[name] = tuple(value) if getattr(prop, "is_array", False) else value
    return found


def snapshot(scene: Any) -> dict[str, Any]:
    """What an artist would notice if it changed: scene, layers, collections, objects, preferences, datablocks."""
    layers = [values_of(layer, 1) for layer in scene.view_layers]
    objects = {o.name: (values_of(o, 0), tuple(map(tuple, o.matrix_world))) for o in scene.objects}
    blocks = {
        kind: sorted(d.name for d in getattr(bpy.data, kind))
        for kind in ("scenes", "collections", "objects", "worlds", "cameras", "materials", "node_groups", "actions")
    }
    view = values_of(bpy.context.preferences.view, 0)
    handlers = {n: len(getattr(bpy.app.handlers, n)) for n in ("render_complete", "render_cancel", "load_post")}
    children = {c.name: values_of(c, 1) for c in bpy.data.collections}
    everything = {"scene": values_of(scene), "layers": layers, "objects": objects, "blocks": blocks, "view": view}
    return {**everything, "handlers": handlers, "collections": children, "window_scene": bpy.context.scene.name}


def assert_unchanged(before: dict[str, Any], scene: Any) -> None:
    """Compare with a new snapshot and name what differs."""
    differing = list(_differences(before, snapshot(scene), ""))
    assert not differing, "\n".join(differing)


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _differences(a, b, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {old} became {new}"
