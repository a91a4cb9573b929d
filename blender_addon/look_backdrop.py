# SPDX-License-Identifier: GPL-3.0-or-later
"""The background of a shot as compositing nodes behind the characters, where a scene has no compositor of its own."""

from __future__ import annotations

import bpy

from . import compat
from .look_nodes import MARK
from .plates import Plate

SOURCES = {"still": "FILE", "sequence": "SEQUENCE", "movie": "MOVIE"}
"""Kinds of plates that an Image node can show, and what Blender calls them."""


def can_show(plate: Plate) -> bool:
    """Whether nodes can show a plate as the add-on does."""
    return plate.kind in SOURCES and not plate.flip_x and not plate.flip_y


def put_behind(tree: bpy.types.NodeTree, front: bpy.types.NodeSocket, plate: Plate) -> bpy.types.NodeSocket:
    """Lay a picture over the plate of each frame; returns where the two come out."""
    picture = tree.nodes.new("CompositorNodeImage")
    picture.image = bpy.data.images.load(plate.source, check_existing=False)
    picture.image[MARK] = True
    picture.image.source = SOURCES[plate.kind]
    if plate.kind != "still":
        picture.frame_start, picture.frame_offset = plate.first_frame, plate.first_number - 1
        picture.frame_duration = max(1, plate.length)
        picture.use_auto_refresh, picture.use_cyclic = True, plate.cyclic
    size = compat.new_fit_node(tree, plate.method)
    over, behind, before = compat.new_alpha_over(tree)
    tree.links.new(picture.outputs["Image"], size.inputs["Image"])
    tree.links.new(size.outputs[0], behind)
    tree.links.new(front, before)
    for node, x, y in ((picture, 0, -680), (size, 320, -680), (over, 640, 0)):
        node.location, node[MARK] = (x, y), True
    return over.outputs[0]


def remove_pictures() -> None:
    """Remove the pictures that `put_behind` loaded and nothing shows any more."""
    for image in [i for i in bpy.data.images if MARK in i and not i.users]:
        bpy.data.images.remove(image)
