# SPDX-License-Identifier: GPL-3.0-or-later
"""Other light in the temporary scene of an export: its lights are copies, its world is another.

The artist's lights and world stay as they are. Meshes that shine burn in every style.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Iterator
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .compat import animated_value, nodes_of
from .export_styles import AS_LIT, RGB, Numbers, Style, condition_of, generator
from .temporary import LIGHTING, mark, remove_leftovers

NAME = "Harmonize Export (temporary)"
SKY_WIDTH = 1024
"""Pixels of a computed sky round the horizon."""

Lamps = list[tuple[bpy.types.Collection, bpy.types.Object]]


@contextlib.contextmanager
def lit(shot: bpy.types.Scene, style: Style, frame: int, centre: Vector) -> Generator[None]:
    """Light the temporary scene as a style says for one frame; afterwards it has its own light again.

    Args:
        shot: from `layers.shot_scene`.
        style: what to do.
        frame: at which keyframed lamps are read.
        centre: what lamps are turned round.
    """
    world = shot.world
    lamps = [(c, o) for c in shot.collection.children for o in c.objects if o.type == "LIGHT"]
    try:
        if style.condition is None:
            _vary(shot, style, frame, centre, lamps)
        else:
            _replace(shot, style.condition, frame, lamps)
        yield
    finally:
        shot.world = world
        for collection, lamp in lamps:
            if lamp.name not in collection.objects:
                collection.objects.link(lamp)
        remove_leftovers(LIGHTING)


def describe(style: Style, shot: bpy.types.Scene) -> Numbers:
    """A style as the manifest tells it: the generator's numbers, or what is known of the artist's lamps (else 0)."""
    if style.condition is not None:
        return style.condition
    lamps = [o for c in shot.collection.children for o in c.objects if o.type == "LIGHT"]
    suns = [o for o in lamps if o.data.type == "SUN"]
    key = max(suns, key=lambda o: o.data.energy, default=None)
    elevation = azimuth = angle = 0.0
    irradiance = [0.0, 0.0, 0.0]
    if key is not None:
        towards = Matrix.Rotation(math.radians(style.turn_deg), 3, "Z") @ key.matrix_world.to_3x3() @ Vector((0, 0, 1))
        elevation = math.degrees(math.asin(max(-1.0, min(1.0, towards.normalized().z))))
        azimuth = math.degrees(math.atan2(towards.x, towards.y)) % 360
        angle = math.degrees(key.data.angle) * style.spread
        irradiance = [key.data.energy * c * g for c, g in zip(key.data.color, style.lamps, strict=True)]
    return {
        "style": style.name,
        "style_id": style.style_id,
        "key": "sun",
        "elevation_deg": round(elevation, 4),
        "azimuth_deg": round(azimuth, 4),
        "key_irradiance": [round(v, 6) for v in irradiance],
        "key_angle_deg": round(angle, 4),
        "sky_irradiance": [0.0, 0.0, 0.0],
        "turbidity": 0.0,
        "cloud_cover": 0.0,
        "key_transmission": 1.0,
        "cloud_seed": 0,
        "cloud_scale": 1.0,
        "lamps": 1.0,
        "lamp_temperature_k": 0.0,
        "lit_windows": 0.0,
        "exposure_key": 0.0,
        "exposure_jitter_ev": 0.0,
        "white_balance": [1.0, 1.0, 1.0],
    }


def _ours(block: Any) -> Any:
    """The datablock, marked and named as a temporary one."""
    block.name = NAME
    mark(block)
    return block


def _vary(shot: bpy.types.Scene, style: Style, frame: int, centre: Vector, lamps: Lamps) -> None:
    if style.name == AS_LIT:
        return
    turn = math.radians(style.turn_deg)
    for collection, lamp in lamps:
        copy = _copied(collection, lamp, frame)
        _scale(copy.data, style.lamps)
        _spread(copy.data, style.spread)
        if turn and copy.parent is None:  # who carries a lamp keeps it
            pivot = _ours(bpy.data.objects.new(NAME, None))
            pivot.location, pivot.rotation_euler = centre, (0, 0, turn)
            collection.objects.link(pivot)
            copy.parent, copy.matrix_parent_inverse = pivot, Matrix.Translation(-centre)
    if shot.world is not None:
        shot.world = _ours(shot.world.copy())
        _scale_world(shot.world, style.world)
        _turn_world(shot.world, turn)


def _replace(shot: bpy.types.Scene, numbers: Numbers, frame: int, lamps: Lamps) -> None:
    """The generator's sun and sky; the artist's lamps but suns burn where the condition has lamps lit."""
    condition = condition_of(numbers)
    for collection, lamp in lamps:
        if lamp.data.type == "SUN":
            collection.objects.unlink(lamp)
        else:
            power = condition.lamps**2
            _scale(_copied(collection, lamp, frame).data, (power, power, power))
    strength = max(condition.key_irradiance)
    data = _ours(bpy.data.lights.new(NAME, "SUN"))
    data.energy, data.angle = strength, math.radians(condition.key_angle_deg)
    data.color = [c / max(strength, 1e-9) for c in condition.key_irradiance]
    sun = _ours(bpy.data.objects.new(NAME, data))
    elevation, azimuth = math.radians(condition.elevation_deg), math.radians(condition.azimuth_deg)
    sun.rotation_euler = (math.pi / 2 - elevation, 0.0, math.pi - azimuth)
    shot.collection.children[0].objects.link(sun)
    picture = generator("light.sky").panorama(condition, SKY_WIDTH, disc=False)
    shot.world = _ours(bpy.data.worlds.new(NAME))
    if shot.render.engine == "CYCLES":  # which makes a map of 4096 x 2048 for each render by itself
        shot.world.cycles.sampling_method, shot.world.cycles.sample_map_resolution = "MANUAL", SKY_WIDTH
    tree = nodes_of(shot.world)
    texture = tree.nodes.new("ShaderNodeTexEnvironment")
    texture.image = _image(np.asarray(picture, np.float32))
    background = next(n for n in tree.nodes if n.type == "BACKGROUND")
    tree.links.new(texture.outputs[0], background.inputs[0])


def _copied(collection: bpy.types.Collection, lamp: bpy.types.Object, frame: int) -> bpy.types.Object:
    """A copy of a lamp in its place, with its power as keyframed."""
    copy = _ours(lamp.copy())
    copy.data = _ours(lamp.data.copy())
    copy.data.energy = animated_value(lamp.data, "energy", frame, lamp.data.energy)
    copy.data.animation_data_clear()
    collection.objects.unlink(lamp)
    collection.objects.link(copy)
    return copy


def _scale(light: bpy.types.Light, gain: RGB) -> None:
    most = max(*gain, 1e-9)
    light.energy *= max(gain)
    light.color = [c * g / most for c, g in zip(light.color, gain, strict=True)]


def _spread(light: bpy.types.Light, factor: float) -> None:
    if light.type == "SUN":
        light.angle = min(light.angle * factor, math.radians(120))
    elif light.type == "AREA":
        light.size, light.size_y = light.size * factor, light.size_y * factor
    else:
        light.shadow_soft_size *= factor


def _scale_world(world: bpy.types.World, gain: RGB) -> None:
    if world.node_tree is None or not world.node_tree.nodes:
        world.color = [c * g for c, g in zip(world.color, gain, strict=True)]
        return
    tree = world.node_tree
    for node in [n for n in tree.nodes if n.type == "BACKGROUND"]:
        color = node.inputs["Color"]
        if not color.is_linked:
            color.default_value = [*(c * g for c, g in zip(color.default_value[:3], gain, strict=True)), 1]
            continue
        source = color.links[0].from_socket
        scaled = tree.nodes.new("ShaderNodeVectorMath")
        scaled.operation = "MULTIPLY"
        scaled.inputs[1].default_value = gain
        tree.links.new(source, scaled.inputs[0])
        tree.links.new(scaled.outputs[0], color)


def _turn_world(world: bpy.types.World, turn: float) -> None:
    """Panoramas and computed skies that look where the ray does are turned."""
    tree = world.node_tree
    for node in _pictures_of_sky(tree) if tree and turn else ():
        vector = node.inputs.get("Vector")
        place = tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"]
        if vector.is_linked:
            place = vector.links[0].from_socket
        turned = tree.nodes.new("ShaderNodeMapping")
        turned.inputs["Rotation"].default_value = (0, 0, -turn)
        tree.links.new(place, turned.inputs["Vector"])
        tree.links.new(turned.outputs[0], vector)


def _pictures_of_sky(tree: bpy.types.NodeTree) -> Iterator[bpy.types.Node]:
    yield from [n for n in tree.nodes if n.type in ("TEX_ENVIRONMENT", "TEX_SKY") and n.inputs.get("Vector")]


def _image(picture: np.ndarray) -> bpy.types.Image:
    """A panorama (H, 2 H, 3), top row first."""
    height, width = picture.shape[:2]
    image = _ours(bpy.data.images.new(NAME, width, height, alpha=False, float_buffer=True))
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = picture[::-1]
    image.pixels.foreach_set(rgba.ravel())
    return image
