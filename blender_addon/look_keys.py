# SPDX-License-Identifier: GPL-3.0-or-later
"""A look for each frame as keyframes on the sockets of a look's node, as the graph editor shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.runtime import Look

from . import compat
from .look_nodes import socket_values

STRENGTH_KEYS = "harmonize_strength_keys"
"""Custom property of a node whose strength was keyframed here; else its animation is the artist's."""

SAME = 1e-6
"""Values closer than this to each other need no keyframe of their own."""


def write_keys(
    node: bpy.types.Node, looks: Mapping[int, Look], strengths: Mapping[int, float], cuts: frozenset[int]
) -> int:
    """Keyframe a node; what never changes gets its value and no keyframes.

    Args:
        node: of the group "Harmonize Look".
        looks: of each frame; frames that have none keep what the one before has.
        strengths: of each frame.
        cuts: frames of `looks` at which another shot begins; nothing blends into them.

    Returns:
        How many keyframes were written.
    """
    frames = sorted(looks)
    table = [{**socket_values(looks[f]), "Strength": strengths[f]} for f in frames]
    strength = node.inputs["Strength"].path_from_id("default_value")
    if STRENGTH_KEYS not in node and (compat.curves_of(node.id_data, strength) or _is_driven(node.id_data, strength)):
        for row in table:  # the artist animates it
            del row["Strength"]
    elif np.ptp(list(strengths.values())) > SAME:
        node[STRENGTH_KEYS] = True
    for name, value in table[0].items():
        socket = node.inputs[name]
        compat.remove_curves(node.id_data, socket.path_from_id("default_value"))
        socket.default_value = value
    count = 0
    for name in table[0]:
        values = np.array([row[name] for row in table], dtype=np.float64).reshape(len(frames), -1)
        for channel in range(values.shape[1]):
            vector = values.shape[1] > 1
            count += _write_curve(node, name, channel if vector else -1, frames, values[:, channel], cuts)
    return count


def _is_driven(tree: bpy.types.NodeTree, path: str) -> bool:
    animation = tree.animation_data
    return animation is not None and any(driver.data_path == path for driver in animation.drivers)


def _write_curve(
    node: bpy.types.Node,
    name: str,
    channel: int,
    frames: list[int],
    values: NDArray[np.float64],
    cuts: frozenset[int],
) -> int:
    if np.ptp(values) <= SAME:
        return 0
    curve = compat.new_curve(node.inputs[name], "default_value", channel, frames[0])
    kept = list(_needed(frames, values, cuts))
    points = curve.keyframe_points
    points.add(len(kept) - len(points))
    points.foreach_set("co", np.array([(frames[i], values[i]) for i in kept], dtype=np.float32).ravel())
    for place, (i, point) in enumerate(zip(kept, points, strict=True)):
        ends = place + 1 == len(kept) or any(frames[i] < cut <= frames[kept[place + 1]] for cut in cuts)
        point.interpolation = "CONSTANT" if ends else "LINEAR"
    curve.update()
    return len(kept)


def _needed(frames: list[int], values: NDArray[np.float64], cuts: frozenset[int]) -> Iterator[int]:
    """Places of the keyframes: all, but of equal ones in a row only the first and the last of a shot."""
    last = len(values) - 1
    for i, value in enumerate(values):
        alike = 0 < i < last and abs(value - values[i - 1]) <= SAME >= abs(value - values[i + 1])
        if not alike or frames[i] in cuts or frames[i + 1] in cuts:
            yield i
