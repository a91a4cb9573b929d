# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Blender 4.2 and 5.2, one function per difference (tried in 4.3, 4.5 and 5.2)."""

from __future__ import annotations

from pathlib import Path

import bpy
import gpu

from .bridge.color_spaces import LINEAR_REC709, linear_rec709


def set_still_format(scene: bpy.types.Scene, file_format: str, mode: str, depth: str) -> None:
    """Choose the still image a scene writes; Blender 5.0 asks for the kind of media first."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = file_format
    settings.color_mode = mode
    settings.color_depth = depth
    if file_format == "OPEN_EXR":
        settings.exr_codec = "ZIP"
        # The file's numbers are Rec.709 whatever the working space (Blender 5 offers others).
        settings.color_management = "OVERRIDE"
        settings.linear_colorspace_settings.name = linear_rec709()
    else:
        settings.color_management = "FOLLOW_SCENE"


def set_multilayer_format(scene: bpy.types.Scene, depth: str = "16", space: str = "") -> None:
    """Have a scene write all its passes into one EXR of one part; Blender 5.0 would make a part of each.

    Args:
        scene: whose output it is.
        depth: bits of a colour's channel; Cryptomattes keep their 32.
        space: colour space of the file whatever the working space is; empty leaves what is chosen.
    """
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"
    settings.color_depth = depth
    settings.exr_codec = "ZIP"
    if hasattr(settings, "use_exr_interleave"):
        settings.use_exr_interleave = True
    if space:
        settings.color_management = "OVERRIDE"
        settings.linear_colorspace_settings.name = space


def literal_path(path: Path) -> str:
    """A path for a scene's output that means itself; since Blender 4.5 {names} in it stand for values."""
    return str(path).replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5, 0) else str(path)


def strips_of(scene: bpy.types.Scene) -> bpy.types.StripsTopLevel:
    """The strips of a scene's sequencer, made if there is none; they were called sequences before Blender 4.4."""
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def new_movie_strip(scene: bpy.types.Scene, path: Path) -> bpy.types.Strip | None:
    """A movie strip from frame 1 in a scene's sequencer; None when Blender cannot read the file."""
    try:
        return strips_of(scene).new_movie(path.name, str(path), 1, 1, fit_method="ORIGINAL")
    except RuntimeError:
        return None


def find_curve(datablock: bpy.types.ID, path: str) -> bpy.types.FCurve | None:
    """The animation curve of a property; None where it is not keyframed."""
    return next((c for c in curves_of(datablock, path) if c.data_path == path), None)


def animated_value(datablock: bpy.types.ID, path: str, frame: float, default: float) -> float:
    """A keyframed property at a frame without moving the scene there; `default` where it is not keyframed."""
    curve = find_curve(datablock, path)
    return default if curve is None else float(curve.evaluate(frame))


RESULT = "harmonize_result"
"""Custom property of images that show results: which."""


def result_image(name: str, path: Path, sequence_length: int) -> bpy.types.Image:
    """Our image datablock for results of this name, showing a file, or a sequence that begins with it.

    It is told by a custom property: an artist may have an image of that name.
    """
    image = next((image for image in bpy.data.images if image.get(RESULT) == name and image.library is None), None)
    if image is None:
        image = bpy.data.images.load(str(path), check_existing=False)
        image.name, image[RESULT] = name, name
    image.source = "SEQUENCE" if sequence_length > 1 else "FILE"
    image.filepath = str(path)
    image.reload()
    return image


_TREES_ARE_GROUPS = bpy.app.version >= (5, 0, 0)
"""Compositing nodes are a datablock, with the Math node of all editors; before they were a part of their scene."""


def compositor_tree(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    """The compositing nodes a scene has, in use or not; Blender 5.0 made them a datablock of their own."""
    if _TREES_ARE_GROUPS:
        return scene.compositing_node_group
    return scene.node_tree


def compositor_is_on(scene: bpy.types.Scene) -> bool:
    """Whether a rendering goes through the scene's compositing nodes, if it has any."""
    return bool(scene.render.use_compositing and (_TREES_ARE_GROUPS or scene.use_nodes))


def switch_compositor(scene: bpy.types.Scene, on: bool) -> None:
    """Let renderings go through the scene's compositing nodes, or not."""
    if on:
        scene.render.use_compositing = True
    if not _TREES_ARE_GROUPS:
        scene.use_nodes = on
    elif not on:
        scene.render.use_compositing = False


def new_compositor_tree(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """Give a scene without compositing nodes an empty tree."""
    if _TREES_ARE_GROUPS:
        tree = bpy.data.node_groups.new(f"{scene.name} Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        return tree
    scene.use_nodes = True
    scene.node_tree.nodes.clear()
    return scene.node_tree


def drop_compositor_tree(scene: bpy.types.Scene) -> None:
    """Take the tree of `new_compositor_tree` away again; in Blender 4 it stays with the scene, empty and off.

    In Blender 5 a copied scene has the same tree, which then stays with it.
    """
    if _TREES_ARE_GROUPS:
        tree, scene.compositing_node_group = scene.compositing_node_group, None
        if any(other.compositing_node_group == tree for other in bpy.data.scenes):
            return
        for node in list(tree.nodes):  # removed as they are, they or their tree would keep counting as users of a scene
            if hasattr(node, "scene"):
                node.scene = None
            tree.nodes.remove(node)
        bpy.data.node_groups.remove(tree)
        return
    scene.node_tree.nodes.clear()
    scene.use_nodes = False


def new_output_node(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """The node whose first input is the picture that a rendering writes."""
    return tree.nodes.new("NodeGroupOutput" if _TREES_ARE_GROUPS else "CompositorNodeComposite")


def is_output_node(node: bpy.types.Node) -> bool:
    """Whether a rendering writes what comes into a node of the compositor's tree."""
    return node.bl_idname == ("NodeGroupOutput" if _TREES_ARE_GROUPS else "CompositorNodeComposite")


def new_math_node(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """A Math node of the compositor; 4.2 and 4.3 know only its own kind, 5.0 only that of all editors."""
    return tree.nodes.new("ShaderNodeMath" if _TREES_ARE_GROUPS else "CompositorNodeMath")


def new_separate_xyz_node(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """The same of Separate XYZ."""
    return tree.nodes.new("ShaderNodeSeparateXYZ" if _TREES_ARE_GROUPS else "CompositorNodeSeparateXYZ")


def new_alpha_over(
    tree: bpy.types.NodeTree,
) -> tuple[bpy.types.Node, bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """An Alpha Over node, its background and its foreground; Blender 5.0 changed the order of its inputs."""
    node = tree.nodes.new("CompositorNodeAlphaOver")
    if "Background" in node.inputs:
        return node, node.inputs["Background"], node.inputs["Foreground"]
    return node, node.inputs[1], node.inputs[2]


def nodes_of(datablock: bpy.types.ID) -> bpy.types.NodeTree:
    """The node tree of a new world or material; Blender 5 makes it always and warns of the switch."""
    if datablock.node_tree is None:
        datablock.use_nodes = True
    return datablock.node_tree


def uses_nodes(world: bpy.types.World) -> bool:
    """Whether a world shines through its nodes and not in its plain colour, which Blender 5 has no more."""
    return world.node_tree is not None and (bpy.app.version >= (5, 0, 0) or world.use_nodes)


def switch_nodes_on(world: bpy.types.World) -> None:
    """Let a world shine through its nodes; in Blender 5 every world does."""
    if not uses_nodes(world):
        world.use_nodes = True


def _channels(datablock: bpy.types.ID) -> list[bpy.types.bpy_prop_collection]:
    """The collections of animation curves that a datablock uses.

    Blender 4.4 put channels of an action under slots; 5.0 removed the flat list.
    """
    animation = datablock.animation_data
    action = animation.action if animation else None
    if action is None:
        return []
    if getattr(action, "layers", None) and getattr(animation, "action_slot", None):
        bags = (strip.channelbag(animation.action_slot) for layer in action.layers for strip in layer.strips)
        return [bag.fcurves for bag in bags if bag]
    return [action.fcurves] if hasattr(action, "fcurves") else []


def curves_of(datablock: bpy.types.ID, start: str = "") -> list[bpy.types.FCurve]:
    """The animation curves of a datablock whose paths begin so."""
    return [curve for channel in _channels(datablock) for curve in channel if curve.data_path.startswith(start)]


def remove_curves(datablock: bpy.types.ID, start: str) -> None:
    """Remove the animation curves whose paths begin so."""
    for channel in _channels(datablock):
        for curve in [c for c in channel if c.data_path.startswith(start)]:
            channel.remove(curve)


def remove_empty_action(datablock: bpy.types.ID) -> None:
    """Remove a datablock's animation once its action holds no curves, has one user and nothing else animates."""
    animation = datablock.animation_data
    action = animation.action if animation else None
    if action is None or any(len(channel) for channel in _channels(datablock)):
        return
    if action.users > 1 or action.use_fake_user or animation.nla_tracks or animation.drivers:
        return
    datablock.animation_data_clear()
    bpy.data.actions.remove(action)


def new_curve(owner: bpy.types.bpy_struct, name: str, channel: int, frame: int) -> bpy.types.FCurve:
    """A new animation curve of a property that has none, with one keyframe; `channel` is -1 for a single number."""
    owner.keyframe_insert(name, index=channel, frame=frame)
    path = owner.path_from_id(name)
    return next(c for c in curves_of(owner.id_data, path) if channel < 0 or c.array_index == channel)


def linear_picture_shader() -> gpu.types.GPUShader:
    """The built-in shader that draws a texture of linear colours in a draw handler.

    Blender 5's frame buffers take sRGB and have a shader that encodes; those of 4.x encode what they get.
    """
    try:
        return gpu.shader.from_builtin("IMAGE_SCENE_LINEAR_TO_REC709_SRGB")
    except ValueError:
        return gpu.shader.from_builtin("IMAGE")


def working_space() -> str:
    """The linear colour space that scenes and compositor of the file work in; before 5.0 the configuration's."""
    settings = getattr(bpy.data, "colorspace", None)
    if hasattr(settings, "working_space"):
        name = settings.working_space
    elif linear_rec709() == LINEAR_REC709[0]:  # Blender's own configuration
        return LINEAR_REC709[0]
    else:
        image = bpy.data.images.new("Harmonize (temporary)", 1, 1, float_buffer=True)
        name = image.colorspace_settings.name
        bpy.data.images.remove(image)
    return LINEAR_REC709[0] if name in LINEAR_REC709 else name


def new_fit_node(tree: bpy.types.NodeTree, method: str) -> bpy.types.Node:
    """A Scale node that brings a picture to the size of the render: "STRETCH", "FIT" or "CROP"."""
    node = tree.nodes.new("CompositorNodeScale")
    if hasattr(node, "space"):
        node.space, node.frame_method = "RENDER_SIZE", method
    else:  # menus became sockets in 5.0
        node.inputs["Type"].default_value, node.inputs["Frame Type"].default_value = "Render Size", method.title()
    return node
