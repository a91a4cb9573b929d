# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a look in the nodes to its characters, where the render shows more than them: Cryptomatte or an AOV."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

import bpy

from .layers import CHARACTERS, has_surface
from .options import ShotOptions

NAME = "Harmonize Mask"
HELPERS, MATTE_PASS = "harmonize_helpers", "harmonize_matte_pass"
"""Custom properties of a look's node: names of nodes that feed its mask, and the pass that was switched on for them."""

SEPARATOR = "\n"

PASSES = {"CryptoObject": "use_pass_cryptomatte_object", "CryptoMaterial": "use_pass_cryptomatte_material"}


@dataclass(frozen=True)
class Mask:
    """Where the characters are in the scene's own render."""

    source: str
    """"CryptoObject" or "CryptoMaterial"; else the name of an AOV."""
    names: tuple[str, ...] = ()
    """In the Cryptomatte."""
    over_shadow: bool = False
    """Only shadows share pixels with the characters."""


def find_mask(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, options: ShotOptions, layer: str = CHARACTERS
) -> Mask | None:
    """What tells the characters of a layer in the scene's own render; None where all that it shows are they."""
    source, cast = options.source, options.cast
    if source.split == "ALPHA":
        return None
    if source.split and scene.harmonize.foreground == "MATTE":
        if source.names[0] in view_layer.aovs:
            return Mask(source.names[0])
        found = Mask("CryptoObject", _matching(bpy.data.objects, source.names))
        return found if found.names else Mask("CryptoMaterial", _matching(bpy.data.materials, source.names))
    parts = {part.layer: part.objects for part in cast.parts}
    opaque = not scene.render.film_transparent or _any_shown((*cast.others, *cast.holdouts))
    if layer in parts or source.split or opaque or _any_shown(cast.catchers):
        over_shadow = not (opaque or source.split or layer in parts)
        return Mask("CryptoObject", _object_names(parts.get(layer, cast.characters)), over_shadow)
    return None


def put_on(node: bpy.types.Node, mask: Mask, view_layer: bpy.types.ViewLayer) -> None:
    """Feed a look's node with a mask, unless the artist feeds it with one; ours gets the names that hold now."""
    tree = node.id_data
    if node.inputs["Mask"].is_linked:
        helper = tree.nodes.get(node.get(HELPERS, ""))
        if mask.names and helper is not None and helper.bl_idname == "CompositorNodeCryptomatteV2":
            helper.matte_id = ",".join(mask.names)
        return
    if mask.source not in PASSES:
        helper, output = _render_node(tree, view_layer, node), mask.source
    else:
        helper, output = tree.nodes.new("CompositorNodeCryptomatteV2"), "Matte"
        if not getattr(view_layer, PASSES[mask.source]):
            setattr(view_layer, PASSES[mask.source], True)
            node[MATTE_PASS] = SEPARATOR.join((view_layer.name, PASSES[mask.source]))
        helper.name = helper.label = NAME
        helper.source, helper.scene = "RENDER", view_layer.id_data
        helper.layer_name = f"{view_layer.name}.{mask.source}"
        helper.matte_id = ",".join(mask.names)
        helper.location = (node.location.x - 260, node.location.y - 420)  # below the passes of the render
        node[HELPERS] = helper.name
    tree.links.new(helper.outputs[output], node.inputs["Mask"])
    node.inputs["Over Shadow"].default_value = float(mask.over_shadow)


def take_off(node: bpy.types.Node, scene: bpy.types.Scene) -> None:
    """Remove what `put_on` made for a look's node."""
    tree = node.id_data
    for name in filter(None, node.get(HELPERS, "").split(SEPARATOR)):
        if name in tree.nodes:
            tree.nodes.remove(tree.nodes[name])
    layer, _, used = node.get(MATTE_PASS, "").partition(SEPARATOR)
    if layer not in scene.view_layers:
        return
    if not any(n.bl_idname == "CompositorNodeCryptomatteV2" for n in tree.nodes):
        setattr(scene.view_layers[layer], used, False)
    elif (heir := next((n for n in tree.nodes if n != node and HELPERS in n), None)) is not None:
        heir[MATTE_PASS] = node[MATTE_PASS]  # another look needs the pass yet


def _render_node(tree: bpy.types.NodeTree, view_layer: bpy.types.ViewLayer, node: bpy.types.Node) -> bpy.types.Node:
    """A node that gives the passes of a view layer."""
    for other in tree.nodes:
        if other.bl_idname == "CompositorNodeRLayers" and (other.scene, other.layer) == (
            view_layer.id_data,
            view_layer.name,
        ):
            return other
    helper = tree.nodes.new("CompositorNodeRLayers")
    helper.scene, helper.layer = view_layer.id_data, view_layer.name
    helper.location = (node.location.x - 320, node.location.y - 300)
    node[HELPERS] = helper.name
    return helper


def _any_shown(objects: Iterable[bpy.types.Object]) -> bool:
    return any(has_surface(o) and not o.hide_render for o in objects)


def _object_names(objects: Iterable[bpy.types.Object]) -> tuple[str, ...]:
    """As a Cryptomatte names objects, and those that they are instances of."""
    own = list(objects)
    inside = [o.instance_collection for o in own if o.instance_type == "COLLECTION" and o.instance_collection]
    return tuple(sorted({o.name for o in (*own, *(o for c in inside for o in c.all_objects)) if has_surface(o)}))


def _matching(things: Iterable[bpy.types.ID], patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(t.name for t in things if any(fnmatch.fnmatchcase(t.name, p) for p in patterns)))
