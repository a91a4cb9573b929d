# SPDX-License-Identifier: GPL-3.0-or-later
"""Our copy of the artist's world, with a tint before each Background node; the artist's own stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from numpy.typing import NDArray

from .compat import curves_of, nodes_of, remove_curves, remove_empty_action, switch_nodes_on, uses_nodes

WORLD, TINT = "Harmonize World", "Harmonize Tint"
"""The world, and its node that holds the gain, as X, Y and Z."""


def can_tint(world: bpy.types.World | None) -> bool:
    """A world whose light is its colour, or comes from Background nodes that are not inside groups."""
    return world is not None and (not uses_nodes(world) or any(_backgrounds(world)))


def _backgrounds(world: bpy.types.World) -> Iterator[bpy.types.Node]:
    yield from (n for n in world.node_tree.nodes if n.type == "BACKGROUND" and n.outputs[0].is_linked)


def own_world(scene: bpy.types.Scene) -> bpy.types.World:
    """A copy of the scene's world, in its place."""
    settings = scene.harmonize_lights
    if settings.world is not None:  # the artist chose another world since
        _remove(settings.world)
    settings.world_before = scene.world
    world = scene.world.copy()
    world.name = WORLD
    for block in (world, world.node_tree):
        animation = block.animation_data if block else None
        if animation and animation.action:
            animation.action = animation.action.copy()
    if not uses_nodes(world):
        switch_nodes_on(world)
        background = next(n for n in nodes_of(world).nodes if n.type == "BACKGROUND")
        background.inputs["Color"].default_value = (*world.color, 1)
        background.inputs["Strength"].default_value = 1
    scene.world = settings.world = world
    _add_tint(world)
    return world


def new_world(scene: bpy.types.Scene) -> bpy.types.World:
    """A grey world for a scene without one."""
    world = bpy.data.worlds.new(WORLD)
    switch_nodes_on(world)
    background = next(n for n in nodes_of(world).nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value, background.inputs["Strength"].default_value = (0.5, 0.5, 0.5, 1), 0.7
    scene.world = scene.harmonize_lights.world = world
    _add_tint(world)
    return world


def give_back(scene: bpy.types.Scene) -> None:
    """The artist's world in its place, ours removed."""
    settings = scene.harmonize_lights
    if settings.world is not None:
        if scene.world == settings.world:
            scene.world = settings.world_before
        world, settings.world = settings.world, None
        _remove(world)
    settings.world_before = None


def _remove(world: bpy.types.World) -> None:
    """Remove our world, unless the artist shows it in another scene."""
    if all(scene.world != world for scene in bpy.data.scenes):
        bpy.data.worlds.remove(world)


def untint(world: bpy.types.World) -> None:
    """Remove the keyframes of our world's tint."""
    tree = nodes_of(world)
    remove_curves(tree, f'nodes["{TINT}"]')
    remove_empty_action(tree)


def _add_tint(world: bpy.types.World) -> None:
    tree = nodes_of(world)
    tint = tree.nodes.new("ShaderNodeCombineXYZ")
    tint.name = tint.label = TINT
    for socket in tint.inputs:
        socket.default_value = 1.0
    for background in list(_backgrounds(world)):
        color = background.inputs["Color"]
        times = tree.nodes.new("ShaderNodeVectorMath")
        times.operation = "MULTIPLY"
        x, y = background.location
        times.location, tint.location = (x - 180, y), (x - 360, y - 160)
        if color.is_linked:
            tree.links.new(color.links[0].from_socket, times.inputs[0])
        else:
            times.inputs[0].default_value = color.default_value[:3]
        tree.links.new(tint.outputs[0], times.inputs[1])
        tree.links.new(times.outputs[0], color)


def set_tint(world: bpy.types.World, gains: dict[int, NDArray[np.float64]], now: int) -> None:
    """Multiply the light of our world.

    Args:
        world: from `own_world` or `new_world`.
        gains: (3,) by frame; several become keyframes.
        now: which of them is shown until the frame changes.
    """
    tree = nodes_of(world)
    if TINT not in tree.nodes:  # the artist removed it
        _add_tint(world)
    for socket, *values in zip(tree.nodes[TINT].inputs, *gains.values(), strict=True):
        if len(gains) > 1:
            for frame, value in zip(gains, values, strict=True):
                socket.default_value = value
                socket.keyframe_insert("default_value", frame=frame)
        socket.default_value = values[list(gains).index(now)]
    make_linear(tree, (f'nodes["{TINT}"]',))


def make_linear(datablock: bpy.types.ID, paths: tuple[str, ...]) -> None:
    """Estimates lie close together, and at cuts of the camera next to each other: nothing swings beyond them."""
    for curve in (c for path in paths for c in curves_of(datablock, path)):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
