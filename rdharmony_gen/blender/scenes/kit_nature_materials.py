# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials that the landscape scenes share: water, snow, hay, leaf litter, cloth, fire."""

import bpy

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.materials import Nodes, Socket
from rdharmony_gen.blender.scenes.kit_surfaces import grass
from rdharmony_gen.blender.stage import Stage

RGB = tuple[float, float, float]
CLOTHS = (
    (0.55, 0.05, 0.04),
    (0.04, 0.16, 0.42),
    (0.75, 0.42, 0.03),
    (0.05, 0.28, 0.16),
    (0.62, 0.60, 0.54),
    (0.30, 0.07, 0.28),
    (0.05, 0.33, 0.36),
)


def lawn(stage: Stage, *, dry: float = 0.0, name: str = "lawn") -> bpy.types.Material:
    """Meadow grass of a seeded green; `dry` from 0 (spring) to 1 (straw)."""
    rng = stage.rng(name)
    tint = (0.95 + 0.2 * rng.random() + 0.35 * dry, 0.95 + 0.1 * rng.random() - 0.05 * dry, 0.85)
    return grass(stage, name, tint)


def earth(stage: Stage, name: str, texture: str = "soil_01", tint: RGB = (1.0, 1.0, 1.0)) -> bpy.types.Material:
    """Trodden ground: a track, a yard, a bed of flowers; textures `soil_01`, `sand_01`, `gravel_01` and the like."""
    tile = 0.8 if texture == "gravel_01" else 1.8
    return materials.tiled(
        stage.library, name, texture, tile, variation=0.3, variation_m=2.5, tint=tint, break_tiling=True, roughness=0.95
    )


def hay(stage: Stage) -> bpy.types.Material:
    """Dry straw, for bales and scattered litter."""
    return materials.tiled(
        stage.library, "hay", "grass_03", 0.7, tint=(2.1, 1.3, 1.35), variation=0.3, variation_m=0.5, roughness=0.95
    )


def planks(stage: Stage, name: str, tint: RGB = (1.0, 1.0, 1.0), tile_m: float = 1.6) -> bpy.types.Material:
    """Boards that run along the second UV direction, stained or weathered by the tint."""
    return materials.tiled(
        stage.library, name, "wood_planks_01", tile_m, tint=tint, variation=0.22, variation_m=0.9, roughness=0.85
    )


def timber(stage: Stage, name: str, tint: RGB = (1.0, 1.0, 1.0)) -> bpy.types.Material:
    """Sawn wood: posts, rails, tables."""
    return materials.tiled(
        stage.library, name, "wood_01", 0.9, tint=tint, variation=0.25, variation_m=0.5, roughness=0.8
    )


def gloss(stage: Stage, name: str, tint: RGB = (0.82, 0.81, 0.78)) -> bpy.types.Material:
    """Painted wood or render: trims, white fences, beach huts."""
    return materials.tiled(
        stage.library, name, "drywall_01", 1.5, tint=tint, variation=0.12, variation_m=0.7, roughness=0.55
    )


def snow(stage: Stage, name: str = "snow", tint: RGB = (0.94, 0.96, 1.0)) -> bpy.types.Material:
    """Fresh snow over UVs in metres."""
    return materials.tiled(
        stage.library, name, "snow_01", 2.6, tint=tint, variation=0.06, variation_m=3.0, break_tiling=True, bump=1.4
    )


def roof_snow(material: bpy.types.Material) -> None:
    """Cover an imported material with snow, whatever its UVs are: a lumpy white that is thin in places."""
    nodes = Nodes(material)
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    lumps = nodes.new("ShaderNodeTexNoise", {"Vector": place, "Scale": 2.2, "Detail": 4.0}).outputs[0]
    normal = nodes.new("ShaderNodeBump", {"Height": lumps, "Strength": 0.6, "Distance": 0.12}).outputs[0]
    colour = nodes.mix(lumps, (0.74, 0.79, 0.86, 1.0), (0.86, 0.87, 0.89, 1.0))
    nodes.output(nodes.new("ShaderNodeBsdfDiffuse", {"Color": colour, "Normal": normal}).outputs[0])


def water(
    name: str,
    colour: RGB,
    *,
    wave_m: float,
    height_m: float,
    shallow: RGB | None = None,
    shore: tuple[float, float] = (0.0, 1.0),
) -> bpy.types.Material:
    """Open water: it mirrors the sky by Fresnel's law over a dark body; far waves melt into a rougher mirror.

    Args:
        name: of the material.
        colour: of the deep water, diffuse.
        wave_m: length of the small waves.
        height_m: of their crests.
        shallow: colour over the shallows.
        shore: world y of the water's edge and of where it is deep.
    """
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    far = nodes.new("ShaderNodeCameraData").outputs["View Distance"]

    def waves(length: float, turn: float, detail: float) -> Socket:
        mapping = nodes.new(
            "ShaderNodeMapping", {"Vector": place, "Scale": (0.55 / length, 1 / length, 1.0), "Rotation": (0, 0, turn)}
        )
        return nodes.new(
            "ShaderNodeTexNoise", {"Vector": mapping.outputs[0], "Scale": 1.0, "Detail": detail, "Roughness": 0.55}
        ).outputs[0]

    height = nodes.math("ADD", waves(wave_m, 0.35, 3.0), nodes.math("MULTIPLY", waves(wave_m * 4.3, -0.2, 1.0), 2.2))
    calm = nodes.new("ShaderNodeMapRange", {0: far, 1: 4.0, 2: 90.0, 3: 1.0, 4: 0.12}).outputs[0]
    normal = nodes.new("ShaderNodeBump", {"Height": height, "Strength": calm, "Distance": height_m}).outputs[0]
    rough = nodes.new("ShaderNodeMapRange", {0: far, 1: 5.0, 2: 120.0, 3: 0.03, 4: 0.16}).outputs[0]
    body: object = (*colour, 1.0)
    if shallow:
        y = nodes.new("ShaderNodeSeparateXYZ", {0: place}).outputs[1]
        depth = nodes.new("ShaderNodeMapRange", {0: y, 1: shore[0], 2: shore[1]}, interpolation_type="SMOOTHSTEP")
        body = nodes.mix(depth.outputs[0], (*shallow, 1.0), body)
    inputs: dict[str | int, object] = {"Base Color": body, "Roughness": rough, "IOR": 1.33, "Normal": normal}
    nodes.output(nodes.new("ShaderNodeBsdfPrincipled", inputs).outputs[0])
    return material


def foam(name: str = "foam") -> bpy.types.Material:
    """The lace where a wave runs out: white in threads, open between; UV v is 0 at sea and 1 on the sand."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    across = nodes.new("ShaderNodeSeparateXYZ", {0: nodes.new("ShaderNodeUVMap", uv_map="metres").outputs[0]}).outputs[
        1
    ]
    cells = nodes.new("ShaderNodeTexNoise", {"Vector": place, "Scale": 1.7, "Detail": 5.0, "Roughness": 0.65}).outputs[
        0
    ]
    thread = nodes.math(
        "SUBTRACT", 1.0, nodes.math("MULTIPLY", nodes.math("ABSOLUTE", nodes.math("SUBTRACT", cells, 0.5)), 7.0)
    )
    edge = nodes.math("MULTIPLY", nodes.math("MULTIPLY", across, across), nodes.math("SUBTRACT", 1.0, across))
    alpha = nodes.math("MULTIPLY", nodes.math("MAXIMUM", thread, 0.0), nodes.math("MULTIPLY", edge, 6.0))
    alpha = nodes.math("MINIMUM", alpha, 0.9)
    white = nodes.new("ShaderNodeBsdfDiffuse", {"Color": (0.8, 0.82, 0.82, 1.0)}).outputs[0]
    clear = nodes.new("ShaderNodeBsdfTransparent").outputs[0]
    nodes.output(nodes.new("ShaderNodeMixShader", {0: alpha, 1: clear, 2: white}).outputs[0])
    return material


def cloth(name: str, colour: RGB) -> bpy.types.Material:
    """Thin cloth that lets some light through: tents, towels, flags, petals."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    rgba = (*colour, 1.0)
    diffuse = nodes.new("ShaderNodeBsdfDiffuse", {"Color": rgba}).outputs[0]
    through = nodes.new("ShaderNodeBsdfTranslucent", {"Color": rgba}).outputs[0]
    nodes.output(nodes.new("ShaderNodeMixShader", {0: 0.3, 1: diffuse, 2: through}).outputs[0])
    return material


def _controls(nodes: Nodes) -> tuple[Socket, Socket]:
    """The values that `Lights` sets on whatever glows."""
    glow = nodes.new("ShaderNodeValue", name="glow").outputs[0]
    glow.default_value = 0.0
    return glow, nodes.new("ShaderNodeRGB", name="warmth").outputs[0]


def embers(name: str = "embers") -> bpy.types.Material:
    """Charred wood with glowing cracks when the lamps are on, cold ash when they are off."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    glow, _ = _controls(nodes)
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    cracks = nodes.new("ShaderNodeTexNoise", {"Vector": place, "Scale": 9.0, "Detail": 3.0}).outputs[0]
    hot = nodes.new("ShaderNodeMapRange", {0: cracks, 1: 0.5, 2: 0.68}).outputs[0]
    inputs: dict[str | int, object] = {
        "Base Color": nodes.mix(cracks, (0.012, 0.011, 0.010, 1.0), (0.10, 0.095, 0.09, 1.0)),
        "Roughness": 0.9,
        "Emission Color": (1.0, 0.22, 0.03, 1.0),
        "Emission Strength": nodes.math("MULTIPLY", hot, glow),
    }
    nodes.output(nodes.new("ShaderNodeBsdfPrincipled", inputs).outputs[0])
    material.cycles.emission_sampling = "NONE"
    return material


def flame(name: str = "flame") -> bpy.types.Material:
    """A tongue of fire on a card, UV (-1..1, 0..1); nothing at all when the lamps are off."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    glow, _ = _controls(nodes)
    uv = nodes.new("ShaderNodeUVMap", uv_map="metres").outputs[0]
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    across, up, _ = nodes.new("ShaderNodeSeparateXYZ", {0: uv}).outputs
    noise = nodes.new("ShaderNodeTexNoise", {"Vector": place, "Scale": 7.0, "Detail": 2.0}).outputs[0]
    swing = nodes.math("MULTIPLY", nodes.math("SUBTRACT", noise, 0.5), nodes.math("MULTIPLY", up, 2.6))
    width = nodes.math(
        "MULTIPLY", nodes.math("SUBTRACT", 1.0, up), nodes.math("ADD", 0.35, nodes.math("POWER", up, 0.4))
    )
    inside = nodes.math("SUBTRACT", width, nodes.math("ABSOLUTE", nodes.math("ADD", across, swing)))
    body = nodes.new("ShaderNodeMapRange", {0: inside, 1: 0.0, 2: 0.45}, interpolation_type="SMOOTHSTEP").outputs[0]
    colour = nodes.mix(body, (1.0, 0.16, 0.01, 1.0), (1.0, 0.62, 0.20, 1.0))
    strength = nodes.math("MULTIPLY", nodes.math("MULTIPLY", body, glow), 1.0)
    fire = nodes.new("ShaderNodeEmission", {"Color": colour, "Strength": strength}).outputs[0]
    clear = nodes.new("ShaderNodeBsdfTransparent").outputs[0]
    nodes.output(nodes.new("ShaderNodeAddShader", {0: clear, 1: fire}).outputs[0])
    material.cycles.emission_sampling = "NONE"
    return material
