# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials built or changed here: grounds and walls, foliage, lit windows, lamp glass, car paint.

Node trees are written with `link(tree, from, to)` on sockets, so a material reads like its formula.
"""

import bpy
import numpy as np

from rdharmony_gen.blender.assets import AssetLibrary

Socket = bpy.types.NodeSocket


class Nodes:
    """A material's node tree with short words for the few nodes that are used here."""

    def __init__(self, material: bpy.types.Material) -> None:
        material.use_nodes = True
        self.tree = material.node_tree
        self.tree.nodes.clear()

    def new(self, kind: str, inputs: dict[str | int, object] | None = None, **settings: object) -> bpy.types.Node:
        """Add a node; an input may be a value or a socket to link from."""
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[name])
            else:
                node.inputs[name].default_value = value
        return node

    def math(self, operation: str, a: object, b: object = 0.0) -> Socket:
        """One number from two."""
        return self.new("ShaderNodeMath", {0: a, 1: b}, operation=operation).outputs[0]

    def mix(self, factor: object, a: object, b: object, blend: str = "MIX") -> Socket:
        """Mix two colours."""
        node = self.new("ShaderNodeMix", data_type="RGBA", blend_type=blend)
        sockets = {"Factor_Float": factor, "A_Color": a, "B_Color": b}
        for socket in node.inputs:
            if socket.identifier in sockets:
                value = sockets[socket.identifier]
                if isinstance(value, bpy.types.NodeSocket):
                    self.tree.links.new(value, socket)
                else:
                    socket.default_value = value
        return next(s for s in node.outputs if s.identifier == "Result_Color")

    def output(self, shader: Socket) -> None:
        """Use this shader as the surface."""
        self.new("ShaderNodeOutputMaterial", {"Surface": shader})


def _rgba(colour: np.ndarray | tuple[float, ...]) -> tuple[float, float, float, float]:
    red, green, blue = (float(c) for c in colour)
    return red, green, blue, 1.0


def tiled(
    library: AssetLibrary,
    name: str,
    texture: str,
    tile_m: float,
    *,
    second: str | None = None,
    second_share: float = 0.3,
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),
    variation: float = 0.25,
    variation_m: float = 6.0,
    roughness: float = 0.85,
    bump: float = 1.0,
    break_tiling: bool = False,
    offset: float = 0.0,
) -> bpy.types.Material:
    """A surface of a tiled texture over UVs in metres, with stains of another scale so that the tiling does not show.

    Args:
        library: of textures.
        name: of the material.
        texture: asset id without `_color`; its `_normal` is used where there is one.
        tile_m: edge of one tile.
        second: another texture that shows through in patches.
        second_share: how much of the area it takes.
        tint: multiplies the colour.
        variation: strength of the stains, 0 to 1.
        variation_m: their size.
        roughness: of the surface.
        bump: strength of the normal map.
        break_tiling: blend in the texture turned and at another scale; for grass and soil, not for patterns.
        offset: shifts the stains, so that two walls of one material differ.
    """
    from rdharmony_gen.blender.assets import manifest

    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    uv = nodes.new("ShaderNodeUVMap", uv_map="metres").outputs[0]
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    stains = nodes.new(
        "ShaderNodeTexNoise",
        {
            "Vector": nodes.new("ShaderNodeVectorMath", {0: place, 1: (offset, offset * 1.7, offset)}).outputs[0],
            "Scale": 1.0 / variation_m,
            "Detail": 2.0,
            "Roughness": 0.6,
        },
    ).outputs[0]

    def sample(asset: str, tile: float, turn: float = 0.0) -> Socket:
        mapping = nodes.new(
            "ShaderNodeMapping", {"Vector": uv, "Scale": (1 / tile, 1 / tile, 1.0), "Rotation": (0, 0, turn)}
        )
        return nodes.new("ShaderNodeTexImage", {"Vector": mapping.outputs[0]}, image=library.image(asset)).outputs[0]

    colour = sample(f"{texture}_color", tile_m)
    if break_tiling:
        colour = nodes.mix(0.5, colour, sample(f"{texture}_color", tile_m * 2.7, 0.6))
    if second:
        edge = 0.5 + 0.25 * (1 - 2 * second_share)
        patches = nodes.new("ShaderNodeMapRange", {0: stains, 1: edge - 0.06, 2: edge + 0.06}).outputs[0]
        colour = nodes.mix(patches, colour, sample(f"{second}_color", tile_m * 1.3, 0.3))
    shade = nodes.new("ShaderNodeMapRange", {0: stains, 1: 0.25, 2: 0.75, 3: 1 - variation, 4: 1 + variation}).outputs[
        0
    ]
    colour = nodes.mix(1.0, colour, _rgba(tint), "MULTIPLY")
    colour = nodes.mix(1.0, colour, shade, "MULTIPLY")
    matt = roughness >= 0.8  # a plain diffuse surface costs a third of the full one
    inputs: dict[str | int, object] = {
        "Color" if matt else "Base Color": colour,
        "Roughness": 0.0 if matt else roughness,
    }
    if f"{texture}_normal" in manifest():
        normal = nodes.new(
            "ShaderNodeNormalMap", {"Color": sample(f"{texture}_normal", tile_m), "Strength": bump}, uv_map="metres"
        )
        inputs["Normal"] = normal.outputs[0]
    nodes.output(nodes.new("ShaderNodeBsdfDiffuse" if matt else "ShaderNodeBsdfPrincipled", inputs).outputs[0])
    return material


def plain(
    name: str, colour: tuple[float, float, float], roughness: float = 0.6, metallic: float = 0.0
) -> bpy.types.Material:
    """A surface of one colour, for small parts such as frames, kerbs and posts."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    inputs: dict[str | int, object] = {"Base Color": _rgba(colour), "Roughness": roughness, "Metallic": metallic}
    nodes.output(nodes.new("ShaderNodeBsdfPrincipled", inputs).outputs[0])
    return material


def _texture_of(material: bpy.types.Material) -> bpy.types.Image | None:
    for node in material.node_tree.nodes if material.node_tree else ():
        if node.type == "TEX_IMAGE" and node.outputs["Color"].is_linked:
            return node.image
    return None


def foliage(material: bpy.types.Material, *, cutout: bool, tint: tuple[float, float, float]) -> None:
    """Make leaves of an imported material: light passes through them; cut-out cards are lit as a round crown would be.

    Args:
        material: changed in place.
        cutout: the texture's alpha is the outline (cards); leaf meshes are solid.
        tint: multiplies the colour.
    """
    image = _texture_of(material)
    if image is None:
        return
    nodes = Nodes(material)
    texture = nodes.new("ShaderNodeTexImage", image=image)
    colour = nodes.mix(1.0, texture.outputs["Color"], _rgba(tint), "MULTIPLY")
    normal: dict[str | int, object] = {}
    if cutout:  # a flat card facing away from the sun would be black: bend its normals up
        geometry = nodes.new("ShaderNodeNewGeometry").outputs["Normal"]
        bent = nodes.new("ShaderNodeVectorMath", {0: geometry, 1: (0.0, 0.0, 1.0)}).outputs[0]
        normal["Normal"] = nodes.new("ShaderNodeVectorMath", {0: bent}, operation="NORMALIZE").outputs[0]
    diffuse = nodes.new("ShaderNodeBsdfDiffuse", {"Color": colour, **normal}).outputs[0]
    through = nodes.new("ShaderNodeBsdfTranslucent", {"Color": colour, **normal}).outputs[0]
    leaf = nodes.new("ShaderNodeMixShader", {0: 0.35, 1: diffuse, 2: through}).outputs[0]
    if cutout:
        inside = nodes.math("GREATER_THAN", texture.outputs["Alpha"], 0.5)
        leaf = nodes.new(
            "ShaderNodeMixShader", {0: inside, 1: nodes.new("ShaderNodeBsdfTransparent").outputs[0], 2: leaf}
        ).outputs[0]
    nodes.output(leaf)


def window_glass(material: bpy.types.Material) -> None:
    """Dark mirroring glass by day; by night a share of the windows glows: set by the values `lit` and `glow`."""
    nodes = Nodes(material)
    chance = nodes.new("ShaderNodeAttribute", attribute_name="pane").outputs["Fac"]
    lit = nodes.new("ShaderNodeValue", name="lit").outputs[0]
    glow = nodes.new("ShaderNodeValue", name="glow").outputs[0]
    lit.default_value = glow.default_value = 0.0
    colour = nodes.mix(
        nodes.math("FRACT", nodes.math("MULTIPLY", chance, 37.0)), (1.0, 0.50, 0.18, 1), (1.0, 0.72, 0.42, 1)
    )
    level = nodes.math(
        "ADD", nodes.math("MULTIPLY", nodes.math("FRACT", nodes.math("MULTIPLY", chance, 91.0)), 0.8), 0.3
    )
    strength = nodes.math("MULTIPLY", nodes.math("MULTIPLY", nodes.math("LESS_THAN", chance, lit), glow), level)
    nodes.output(
        nodes.new(
            "ShaderNodeBsdfPrincipled",
            {
                "Base Color": (0.02, 0.025, 0.03, 1),
                "Roughness": 0.06,
                "Emission Color": colour,
                "Emission Strength": strength,
            },
        ).outputs[0]
    )
    material.cycles.emission_sampling = "NONE"


def lamp_glass(material: bpy.types.Material) -> None:
    """Milky glass that glows when its lamp is on; the value named `glow` is the control, `warmth` the colour."""
    nodes = Nodes(material)
    glow = nodes.new("ShaderNodeValue", name="glow").outputs[0]
    glow.default_value = 0.0
    warmth = nodes.new("ShaderNodeRGB", name="warmth").outputs[0]
    nodes.output(
        nodes.new(
            "ShaderNodeBsdfPrincipled",
            {"Base Color": (0.8, 0.78, 0.72, 1), "Roughness": 0.3, "Emission Color": warmth, "Emission Strength": glow},
        ).outputs[0]
    )
    material.cycles.emission_sampling = "NONE"


def enamel(material: bpy.types.Material, colour: tuple[float, float, float]) -> None:
    """Smooth paint on metal in place of an imported material."""
    nodes = Nodes(material)
    inputs: dict[str | int, object] = {"Base Color": _rgba(colour), "Roughness": 0.35}
    nodes.output(nodes.new("ShaderNodeBsdfPrincipled", inputs).outputs[0])


def car_paint(material: bpy.types.Material, colour: tuple[float, float, float]) -> None:
    """Glossy paint with a clear coat in place of an imported material; a texture, windows and all, shows through it."""
    image = _texture_of(material)
    nodes = Nodes(material)
    base: object = _rgba(colour)
    if image is not None:
        texture = nodes.new("ShaderNodeTexImage", image=image).outputs["Color"]
        base = nodes.mix(1.0, texture, _rgba(np.array(colour) * 1.5), "MULTIPLY")
    inputs: dict[str | int, object] = {
        "Base Color": base,
        "Roughness": 0.35,
        "Metallic": 0.3,
        "Coat Weight": 1.0,
        "Coat Roughness": 0.04,
    }
    nodes.output(nodes.new("ShaderNodeBsdfPrincipled", inputs).outputs[0])


def car_glass(material: bpy.types.Material) -> None:
    """Dark glass for vehicles: a mirror over a dark inside, without the cost and noise of refraction."""
    nodes = Nodes(material)
    inputs: dict[str | int, object] = {
        "Base Color": (0.012, 0.015, 0.017, 1),
        "Roughness": 0.03,
        "Specular IOR Level": 0.7,
    }
    nodes.output(nodes.new("ShaderNodeBsdfPrincipled", inputs).outputs[0])


def tint_base(material: bpy.types.Material, tint: tuple[float, float, float]) -> None:
    """Multiply the colour of an imported material, texture and all: the walls of a house in another paint."""
    tree = material.node_tree
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None) if tree else None
    if tree is None or shader is None:
        return
    socket = shader.inputs["Base Color"]
    if not socket.is_linked:
        socket.default_value = _rgba(np.array(socket.default_value[:3]) * tint)
        return
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    by_name = {s.identifier: s for s in mix.inputs}
    by_name["Factor_Float"].default_value = 1.0
    by_name["B_Color"].default_value = _rgba(np.array(tint))
    tree.links.new(socket.links[0].from_socket, by_name["A_Color"])
    tree.links.new(next(s for s in mix.outputs if s.identifier == "Result_Color"), socket)


def canvas(
    name: str, first: tuple[float, float, float], second: tuple[float, float, float], stripe_m: float = 0.25
) -> bpy.types.Material:
    """Striped cloth that lets light through: awnings and stall roofs. Stripes run across the first UV direction."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    across = nodes.new("ShaderNodeSeparateXYZ", {0: nodes.new("ShaderNodeUVMap", uv_map="metres").outputs[0]}).outputs[
        0
    ]
    phase = nodes.math("FRACT", nodes.math("MULTIPLY", across, 0.5 / stripe_m))
    colour = nodes.mix(nodes.math("GREATER_THAN", phase, 0.5), _rgba(first), _rgba(second))
    diffuse = nodes.new("ShaderNodeBsdfDiffuse", {"Color": colour}).outputs[0]
    through = nodes.new("ShaderNodeBsdfTranslucent", {"Color": colour}).outputs[0]
    nodes.output(nodes.new("ShaderNodeMixShader", {0: 0.3, 1: diffuse, 2: through}).outputs[0])
    return material


def clear_glass(name: str, tint: tuple[float, float, float] = (0.86, 0.91, 0.90)) -> bpy.types.Material:
    """A thin pane one looks through: a shelter, a shop door. It mirrors a little and casts hardly a shadow."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    mirror = nodes.new("ShaderNodeBsdfGlossy", {"Roughness": 0.03}).outputs[0]
    open_ = nodes.new("ShaderNodeBsdfTransparent", {"Color": _rgba(tint)}).outputs[0]
    share = nodes.math("MULTIPLY", nodes.new("ShaderNodeLayerWeight", {0: 0.2}).outputs["Fresnel"], 0.8)
    nodes.output(nodes.new("ShaderNodeMixShader", {0: share, 1: open_, 2: mirror}).outputs[0])
    return material


def sign_panel(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """A coloured panel that is lit from inside by night; `glow` and `warmth` as of `lamp_glass`."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    glow = nodes.new("ShaderNodeValue", name="glow").outputs[0]
    glow.default_value = 0.0
    warmth = nodes.new("ShaderNodeRGB", name="warmth").outputs[0]
    shine = nodes.mix(1.0, nodes.mix(0.35, (1.0, 1.0, 1.0, 1.0), warmth), _rgba(colour), "MULTIPLY")
    nodes.output(
        nodes.new(
            "ShaderNodeBsdfPrincipled",
            {"Base Color": _rgba(colour), "Roughness": 0.35, "Emission Color": shine, "Emission Strength": glow},
        ).outputs[0]
    )
    material.cycles.emission_sampling = "NONE"
    return material
