# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a look into the artist's compositing nodes, and taking it out again with nothing left behind.

Nothing of the artist's is moved, changed or removed: the node is spliced into the links that leave the render's
picture, and `take_out` joins those links again, wherever the artist has moved it meanwhile. What else was needed (a
mask, a tree where there was none, the compositor switched on) is noted on the node itself and undone with it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import bpy

from harmonize_core.errors import InputError

from . import compat, look_mask
from .look_backdrop import put_behind, remove_pictures
from .look_nodes import MARK, is_look_group, look_group, look_nodes, lost_nodes, new_look_node
from .plates import Plate

OF, MADE_TREE, MADE_TRANSPARENT, SWITCHED_ON = (
    f"harmonize_{what}" for what in ("of", "made_tree", "made_transparent", "switched_on")
)
"""Custom properties of a look's node: whose look it is, and what else was done for it."""


def put_in(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    of: str = "",
    backdrop: Plate | None = None,
    pictures: Collection[str] = (),
) -> bpy.types.Node:
    """The node of a look in a scene's compositor: the one that is there, or a new one behind the render.

    Args:
        scene: the artist's.
        view_layer: the one whose picture is changed, if the nodes use several.
        of: the character whose look it is; "" for all. Each has a node, one behind the other.
        backdrop: what is laid behind the characters where the scene has no nodes; None: nothing. The film gets
            transparent for it.
        pictures: files of an existing render; where the nodes show one of them, that is what is changed.

    Raises:
        InputError: the tree cannot be edited, or holds no render; the sentence says what to do.
    """
    tree = compat.compositor_tree(scene)
    found = look_nodes(tree)
    if tree is not None and not _is_linked(tree, scene) and _is_broken(tree):
        take_out(scene)
        tree, found = compat.compositor_tree(scene), []
    if tree is not None and _is_linked(tree, scene):
        raise InputError(
            f"The compositing nodes {tree.name!r} are linked from another file: make them local (Make Single User), "
            "then bake again"
        )
    for node in found:
        if node.get(OF, "") == of:
            node.node_tree = look_group()  # it may be of an older version
            return node
    was_on = compat.compositor_is_on(scene)
    if tree is None or not tree.nodes:
        node = _in_new_tree(scene, view_layer, backdrop)
    else:
        source = found[-1].outputs["Image"] if found else _render_socket(tree, scene, view_layer, pictures)
        node = _spliced(tree, source)
    if of:
        node[OF] = of
        node.label = f"{node.label}: {of}"
    if not was_on:
        compat.switch_compositor(scene, True)
        node[SWITCHED_ON] = True
    return node


def keep_looks_of(scene: bpy.types.Scene, names: Collection[str]) -> None:
    """Take out the looks of characters that have none of their own any more, else they would come on top.

    Args:
        scene: the artist's; its nodes hold at least one look that stays.
        names: as `of` of `put_in`.
    """
    tree = compat.compositor_tree(scene)
    found = look_nodes(tree)
    staying = next(node for node in found if node.get(OF, "") in names)
    for node in [node for node in found if node.get(OF, "") not in names]:
        for mark in (MADE_TREE, MADE_TRANSPARENT, SWITCHED_ON):
            if mark in node:
                staying[mark] = node[mark]
        _unplug(staying.id_data, node, scene)


def take_out(scene: bpy.types.Scene) -> int:
    """Remove all looks from a scene's compositor; returns how many there were."""
    tree = compat.compositor_tree(scene)
    found = [*look_nodes(tree), *lost_nodes(tree)]
    if tree is None or _is_linked(tree, scene):
        return 0
    switched_on = any(SWITCHED_ON in node for node in found)
    made_tree = any(MADE_TREE in node for node in found) or (not found and len(tree.nodes) > 0)
    if any(MADE_TRANSPARENT in node for node in found):
        scene.render.film_transparent = False
    for node in found:
        _unplug(tree, node, scene)
    compat.remove_empty_action(tree)
    if switched_on:
        compat.switch_compositor(scene, False)
    if made_tree and all(_is_ours(node) for node in tree.nodes):
        compat.drop_compositor_tree(scene)
    remove_pictures()
    for group in [g for g in bpy.data.node_groups if is_look_group(g) and not _is_used(g)]:
        bpy.data.node_groups.remove(group)
    return len(found)


def _render_socket(
    tree: bpy.types.NodeTree, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, pictures: Collection[str]
) -> bpy.types.NodeSocket:
    """Where the picture of the render comes from: a node that shows an existing one, the view layer's, any of the
    scene's, else what is written."""
    files = {Path(picture) for picture in pictures}
    for node in tree.nodes if files else ():
        image = node.image if node.bl_idname == "CompositorNodeImage" else None
        if image and not node.mute and Path(bpy.path.abspath(image.filepath)) in files:
            shown = next((o for o in node.outputs if o.is_linked and o.name in ("Image", "Combined")), None)
            if shown is not None:
                return shown
    renders = [n for n in tree.nodes if n.bl_idname == "CompositorNodeRLayers" and n.scene == scene]
    renders.sort(key=lambda n: n.layer != view_layer.name)
    for render in renders:
        if not render.mute and render.outputs["Image"].is_linked:
            return render.outputs["Image"]
    outputs = [n for n in tree.nodes if compat.is_output_node(n) and n.inputs and n.inputs[0].is_linked]
    if not outputs:
        raise InputError(
            "The compositing nodes pass no picture of this scene on: connect a Render Layers node to the output, "
            "then bake again"
        )
    return outputs[0].inputs[0].links[0].from_socket


def _spliced(tree: bpy.types.NodeTree, source: bpy.types.NodeSocket) -> bpy.types.Node:
    """A new node in all links that leave a socket; the artist's nodes stay where they are."""
    targets = [link.to_socket for link in source.links]
    node = new_look_node(tree)
    giver = source.node
    node.parent = giver.parent
    node.location = (giver.location.x + giver.width + 40, giver.location.y + 60)
    for target in targets:
        tree.links.new(node.outputs["Image"], target)  # takes the place of the artist's link
    tree.links.new(source, node.inputs["Image"])
    return node


def _in_new_tree(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, backdrop: Plate | None) -> bpy.types.Node:
    """Render, look, what lies behind it and output, where the scene has no compositing nodes."""
    tree = compat.new_compositor_tree(scene)
    render, output = tree.nodes.new("CompositorNodeRLayers"), compat.new_output_node(tree)
    render.scene, render.layer = scene, view_layer.name
    render.location, output.location = (0, 0), (900, 0)
    picture = render.outputs["Image"]
    tree.links.new(picture if backdrop is None else put_behind(tree, picture, backdrop), output.inputs[0])
    node = _spliced(tree, picture)
    node[MADE_TREE] = True
    if backdrop is not None and not scene.render.film_transparent:
        scene.render.film_transparent = node[MADE_TRANSPARENT] = True
    for helper in (render, output):
        helper[MARK] = True
    return node


def _unplug(tree: bpy.types.NodeTree, node: bpy.types.Node, scene: bpy.types.Scene) -> None:
    """Remove a look's node and what was made for it, and join what came in with what went out."""
    incoming = node.inputs["Image"].links if "Image" in node.inputs else ()
    if incoming and node.outputs:
        source = incoming[0].from_socket
        for target in [link.to_socket for link in node.outputs["Image"].links]:
            tree.links.new(source, target)
    look_mask.take_off(node, scene)
    compat.remove_curves(tree, f'nodes["{bpy.utils.escape_identifier(node.name)}"].')
    tree.nodes.remove(node)


def _is_broken(tree: bpy.types.NodeTree) -> bool:
    """Whether the artist deleted our group, or our node out of nodes that are otherwise all ours."""
    alone = bool(tree.nodes) and all(_is_ours(node) for node in tree.nodes)
    return bool(lost_nodes(tree)) or (alone and not look_nodes(tree))


def _is_linked(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> bool:
    """Whether a tree is another file's and cannot be changed here."""
    return tree.library is not None or scene.library is not None


def has_look(scene: bpy.types.Scene) -> bool:
    """Whether there is a look in a scene's compositor that could be taken out, whole or not."""
    tree = compat.compositor_tree(scene)
    return bool(look_nodes(tree) or lost_nodes(tree))


def _is_used(group: bpy.types.NodeTree) -> bool:
    """Whether nodes hold a group, or the artist keeps it; an editor that shows it does not count."""
    users = bpy.data.user_map(subset=[group])[group]
    return group.use_fake_user or any(isinstance(user, bpy.types.NodeTree | bpy.types.Scene) for user in users)


def _is_ours(node: bpy.types.Node) -> bool:
    return MARK in node or node.name.startswith(look_mask.NAME)
