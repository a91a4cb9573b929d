# SPDX-License-Identifier: GPL-3.0-or-later
"""What Live does to the file while it is on, and the way back: the look's node in the compositor, borrowed or made.

Everything needed to undo it is written on the node itself, so that any state of the file can be cleaned: after an
undo into a time when Live was on, after a crash, in an autosave. Nothing of it is ever saved by Save.
"""

from __future__ import annotations

import json

import bpy

from harmonize_core.runtime import Look

from . import compat, look_mask
from .look_nodes import NO_CEILING, VALUES, look_group, look_nodes, lost_nodes, set_look
from .look_tree import put_in, take_out
from .options import ShotOptions

MARK = "harmonize_live"
"""Custom property of a node that Live drives: JSON of what to put back, or of nothing when Live made the node."""


def claim(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, options: ShotOptions) -> list[bpy.types.Node]:
    """The nodes that Live drives: looks that are there (their keyframes sleep meanwhile), else a new one.

    Raises:
        InputError: the compositing nodes cannot take a look.
    """
    nodes = look_nodes(compat.compositor_tree(scene))
    if not nodes:
        node = put_in(scene, view_layer)
        node[MARK] = ""
        node.label = f"{node.label} (Live)"
        node.inputs["Ceiling"].default_value = 1.0 if options.view is None else NO_CEILING
        if mask := look_mask.find_mask(scene, view_layer, options):
            look_mask.put_on(node, mask, view_layer)
        _lift_mask(node)
        return [node]
    for node in nodes:
        if node.node_tree != (group := look_group()):  # the artist changed what is inside
            node.node_tree = group
        if MARK not in node:
            node[MARK] = json.dumps(
                {"values": _values(node), "asleep": _put_to_sleep(node), "lifted": _lift_mask(node)}
            )
    return nodes


def release(scene: bpy.types.Scene) -> None:
    """Put everything back as it was before Live; nothing where Live was not."""
    tree = compat.compositor_tree(scene)
    nodes = [node for node in look_nodes(tree) if MARK in node]
    if any(node.get(MARK) == "" for node in (*nodes, *lost_nodes(tree))):
        take_out(scene)
        return
    for node in nodes:
        before = json.loads(node[MARK])
        del node[MARK]
        for name, value in before["values"].items():
            node.inputs[name].default_value = value
        for curve in compat.curves_of(tree, _path(node)):
            if [curve.data_path, curve.array_index] in before["asleep"]:
                curve.mute = False
        for link in node.inputs["Mask"].links if before.get("lifted") else ():
            link.is_muted = False


def release_all() -> None:
    """The same for all scenes of the file."""
    for scene in bpy.data.scenes:
        if scene.library is None:
            release(scene)


def show(nodes: list[bpy.types.Node], look: Look, strength: float) -> None:
    """Let nodes show a look; the strength of baked ones is theirs."""
    for node in nodes:
        set_look(node, look)
        if node[MARK] == "":
            node.inputs["Strength"].default_value = strength


def _values(node: bpy.types.Node) -> dict[str, float | list[float]]:
    values = {}
    for name in VALUES:
        value = node.inputs[name].default_value
        values[name] = value if isinstance(value, float) else list(value)
    return values


def _put_to_sleep(node: bpy.types.Node) -> list[list[str | int]]:
    """Mute the keyframes of a node's look; returns which curves were awake."""
    paths = {node.inputs[name].path_from_id("default_value") for name in VALUES}
    asleep = []
    for curve in compat.curves_of(node.id_data, _path(node)):
        if curve.data_path in paths and not curve.mute:
            curve.mute = True
            asleep.append([curve.data_path, curve.array_index])
    return asleep


def _lift_mask(node: bpy.types.Node) -> bool:
    """Mute a mask that only keeps shadows out; returns whether there was one.

    3D views have no Cryptomatte (seen in 4.3 and 5.2 with Cycles): behind such a mask a look would not show in them.
    """
    if not node.inputs["Over Shadow"].default_value:
        return False
    links = [link for link in node.inputs["Mask"].links if not link.is_muted]
    for link in links:
        link.is_muted = True
    return bool(links)


def _path(node: bpy.types.Node) -> str:
    return f'nodes["{bpy.utils.escape_identifier(node.name)}"].'
