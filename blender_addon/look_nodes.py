# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group "Harmonize Look": a look's grade in Blender's own compositor nodes, the same from 4.2 to 5.2.

It is `runtime.look.Look.global_only` term by term: exposure, white balance that keeps the luminance of white, ASC-CDL
with middle grey kept by the power, saturation, all in scene-linear light on straight colours. What the artist sees are
the sockets of the group's node: keyframes are on them, and every node may hold another look. Only Math nodes work on
numbers: Color Balance has no sockets for them in Blender 4.2, and means other things in 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from harmonize_core.color import REC709_LUMINANCE
from harmonize_core.runtime import Look
from harmonize_core.runtime.look import MIDDLE_GREY

from .compat import new_math_node, new_separate_xyz_node

NAME = "Harmonize Look"
MARK = "harmonize_look"
"""Custom property of our group, so that it is found under any name; its value is the version of what is inside."""

VERSION = 1

VALUES = ("Exposure", "Temperature", "Tint", "Offset", "Power", "Saturation")
"""Sockets that a look sets; Strength is the artist's."""

NO_CEILING = 65504.0
"""Of the socket Ceiling where light has no end."""

Socket = bpy.types.NodeSocket
Number = Socket | float


@dataclass(frozen=True)
class _Input:
    """A socket of the group."""

    name: str
    kind: str
    default: float | tuple[float, ...] | None
    lowest: float = -10.0
    highest: float = 10.0
    description: str = ""


_INPUTS = (
    _Input("Image", "Color", None, description="Scene-linear picture; transparent ones premultiplied, as rendered"),
    _Input("Mask", "Float", 1.0, 0.0, 1.0, "Coverage of the characters, as from Cryptomatte; 1 changes all there is"),
    _Input("Strength", "Float", 1.0, 0.0, 2.0, "0 leaves the picture as it is, 1 is the full look"),
    _Input("Exposure", "Float", 0.0, description="Stops"),
    _Input("Temperature", "Float", 0.0, -5.0, 5.0, "Above 0 warmer: half the logarithm of red over blue"),
    _Input("Tint", "Float", 0.0, -5.0, 5.0, "Above 0 more magenta: the logarithm of less green"),
    _Input("Offset", "Vector", (0.0, 0.0, 0.0), -1.0, 1.0, "Added to linear red, green and blue"),
    _Input("Power", "Vector", (1.0, 1.0, 1.0), 0.05, 20.0, "Of red, green and blue; middle grey stays"),
    _Input("Saturation", "Float", 1.0, 0.0, 10.0, "1 leaves it as it is, 0 is grey"),
    _Input("Ceiling", "Float", 1.0, 0.0, NO_CEILING, "Nothing gets brighter than this; raise it for glare"),
    _Input("Over Shadow", "Float", 0.0, 0.0, 1.0, "1 where only shadows share pixels with the characters"),
)


def look_group() -> bpy.types.NodeTree:
    """The group of this file; made where there is none, or only one of another version."""
    for group in bpy.data.node_groups:
        if is_look_group(group) and group[MARK] == VERSION and group.library is None and _is_whole(group):
            return group
    return _build()


def is_look_group(group: bpy.types.NodeTree | None) -> bool:
    """Whether a node group is ours, under whatever name."""
    return group is not None and group.bl_idname == "CompositorNodeTree" and MARK in group


def look_nodes(tree: bpy.types.NodeTree | None) -> list[bpy.types.Node]:
    """The nodes of a compositing tree that hold a look."""
    nodes = () if tree is None else tree.nodes
    return [n for n in nodes if n.bl_idname == "CompositorNodeGroup" and is_look_group(n.node_tree)]


def lost_nodes(tree: bpy.types.NodeTree | None) -> list[bpy.types.Node]:
    """The nodes that held a look until somebody deleted the group."""
    nodes = () if tree is None else tree.nodes
    lost = [n for n in nodes if n.bl_idname == "CompositorNodeGroup" and n.node_tree is None]
    return [n for n in lost if n.name.startswith(NAME)]


def _is_whole(group: bpy.types.NodeTree) -> bool:
    """Whether a group has its sockets and its nodes, as far as is seen; artists may open it and change it."""
    sockets = [item for item in group.interface.items_tree if item.item_type == "SOCKET"]  # Blender lists outputs first
    taken = [item.name for item in sockets if item.in_out == "INPUT"]
    given = [item.name for item in sockets if item.in_out == "OUTPUT"]
    return taken == [item.name for item in _INPUTS] and given == ["Image"] and len(group.nodes) > len(_INPUTS)


def new_look_node(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """A node of the group that changes nothing yet; it is linked to nothing."""
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree = look_group()
    node.name = node.label = NAME
    node.width = 180
    return node


def socket_values(look: Look) -> dict[str, float | tuple[float, ...]]:
    """What the sockets say for the grade of a look; its map is left out."""
    exposure, temperature, tint = (float(v) for v in look.grade[:3])
    offset = tuple(float(v) for v in look.grade[3:6])
    power = tuple(float(v) for v in np.exp(look.grade[6:9].astype(np.float64)))
    saturation = float(np.exp(np.float64(look.grade[9])))
    return dict(zip(VALUES, (exposure, temperature, tint, offset, power, saturation), strict=True))


def set_look(node: bpy.types.Node, look: Look) -> None:
    """Give a node a look; keyframes on its sockets win over it at the next frame."""
    for name, value in socket_values(look).items():
        node.inputs[name].default_value = value


def _build() -> bpy.types.NodeTree:
    group = bpy.data.node_groups.new(NAME, "CompositorNodeTree")
    group[MARK] = VERSION
    for item in _INPUTS:
        socket = group.interface.new_socket(
            item.name, in_out="INPUT", socket_type=f"NodeSocket{item.kind}", description=item.description
        )
        if item.default is not None:
            socket.min_value, socket.max_value = item.lowest, item.highest
            socket.default_value = item.default
        if item.name in ("Strength", "Mask", "Over Shadow"):
            socket.subtype = "FACTOR"
        if item.name == "Image":
            socket.default_value = (0, 0, 0, 0)
    group.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    _Wiring(group).grade()
    return group


class _Wiring:
    """Lays the nodes of the group from left to right: a frame for each step, in it by what depends on what."""

    def __init__(self, group: bpy.types.NodeTree) -> None:
        self._group = group
        self._frame: bpy.types.Node | None = None
        self._first = self._last = 0
        self._rows: dict[int, int] = {}
        self._columns: dict[str, int] = {}

    def grade(self) -> None:
        """All of the grade."""
        given = self._place(self._group.nodes.new("NodeGroupInput"))
        inputs = {item.name: given.outputs[item.name] for item in _INPUTS}
        strength = inputs["Strength"]
        self._begin("Straight Colours")
        channels = self._place(self._group.nodes.new("CompositorNodeSeparateColor"))
        self._group.links.new(inputs["Image"], channels.inputs[0])
        picture, alpha = [channels.outputs[i] for i in range(3)], channels.outputs[3]
        # a shadow adds coverage to a pixel but no light: over it, all light is the characters'
        masked = self._math("MINIMUM", inputs["Mask"], alpha)
        covered = self._math("MULTIPLY_ADD", self._math("SUBTRACT", masked, alpha), inputs["Over Shadow"], alpha)
        # what covers nothing, such as glow that is only added, has no share and is left alone
        share = self._math("DIVIDE", masked, covered)
        share.node.use_clamp = True
        straight = [self._math("DIVIDE", color, covered) for color in picture]

        self._begin("White Balance and Exposure")
        warm = self._math("MULTIPLY", inputs["Temperature"], strength)
        pink = self._math("MULTIPLY", inputs["Tint"], strength)
        logs = (warm, self._math("MULTIPLY", pink, -1.0), self._math("MULTIPLY", warm, -1.0))
        gains = [self._math("EXPONENT", log) for log in logs]
        stops = self._math("MULTIPLY", inputs["Exposure"], strength)
        gain = self._math("DIVIDE", self._math("POWER", 2.0, stops), self._luminance(gains))

        self._begin("Slope, Offset and Power (ASC-CDL)")
        powers = [self._math("POWER", power, strength) for power in self._parts(inputs["Power"])]
        offsets = [self._math("MULTIPLY", offset, strength) for offset in self._parts(inputs["Offset"])]
        scales = [
            self._math("POWER", MIDDLE_GREY, self._math("SUBTRACT", self._math("DIVIDE", 1.0, power), 1.0))
            for power in powers
        ]
        graded = []
        for i in range(3):
            slope = self._math("MULTIPLY", self._math("MULTIPLY", gain, gains[i]), scales[i])
            offset = self._math("MULTIPLY", offsets[i], scales[i])
            light = self._math("MAXIMUM", self._math("MULTIPLY_ADD", straight[i], slope, offset), 0.0)
            graded.append(self._math("POWER", light, powers[i]))

        self._begin("Saturation")
        saturation = self._math("POWER", inputs["Saturation"], strength)
        luma = self._luminance(graded)
        colors = [self._math("MULTIPLY_ADD", self._math("SUBTRACT", c, luma), saturation, luma) for c in graded]

        self._begin("Premultiplied, Where the Mask Is")
        mixed = []
        for i in range(3):
            ceiling = self._math("MAXIMUM", straight[i], inputs["Ceiling"])
            limited = self._math("MINIMUM", self._math("MAXIMUM", colors[i], 0.0), ceiling)
            change = self._math("SUBTRACT", self._math("MULTIPLY", limited, covered), picture[i])
            mixed.append(self._math("MULTIPLY_ADD", change, share, picture[i]))
        self._begin(None)
        result = self._place(self._group.nodes.new("CompositorNodeCombineColor"))
        for socket, value in zip(result.inputs, (*mixed, alpha), strict=True):
            self._group.links.new(value, socket)
        output = self._place(self._group.nodes.new("NodeGroupOutput"), (result.outputs[0],))
        self._group.links.new(result.outputs[0], output.inputs[0])

    def _begin(self, label: str | None) -> None:
        """Following nodes go to the right of all before, into a frame of this name; None: into no frame."""
        self._first, self._rows, self._columns = self._last + 1, {}, {}
        self._frame = None
        if label is not None:
            self._frame = self._group.nodes.new("NodeFrame")
            self._frame.label, self._frame.select = label, False

    def _math(self, operation: str, first: Number, second: Number | None = None, third: Number | None = None) -> Socket:
        node = new_math_node(self._group)
        node.operation = operation
        node.hide = True
        given = [v for v in (first, second, third) if v is not None]
        for socket, value in zip(node.inputs, given, strict=False):
            if isinstance(value, float):
                socket.default_value = value
            else:
                self._group.links.new(value, socket)
        return self._place(node, tuple(v for v in given if not isinstance(v, float))).outputs[0]

    def _parts(self, vector: Socket) -> list[Socket]:
        """The three numbers of a vector."""
        node = self._place(new_separate_xyz_node(self._group), (vector,))
        self._group.links.new(vector, node.inputs[0])
        node.hide = True
        return list(node.outputs)

    def _luminance(self, colors: list[Socket]) -> Socket:
        red, green, blue = (float(v) for v in REC709_LUMINANCE)
        luma = self._math("MULTIPLY", colors[0], red)
        luma = self._math("MULTIPLY_ADD", colors[1], green, luma)
        return self._math("MULTIPLY_ADD", colors[2], blue, luma)

    def _place(self, node: bpy.types.Node, sources: tuple[Socket, ...] = ()) -> bpy.types.Node:
        """One column to the right of what it depends on in this frame, under what is there already."""
        inside = [self._columns[s.node.name] + 1 for s in sources if s.node.name in self._columns]
        column = max(inside, default=self._first)
        row = self._rows.get(column, 0)
        self._rows[column], self._columns[node.name] = row + 1, column
        self._last = max(self._last, column)
        node.parent, node.select = self._frame, False
        node.location = (200 * column, -50 * row)
        return node
