# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room is made of: seeded floors, walls, ceilings, trims, table tops and metals, fine enough to be seen closely.

Textures are laid at the size at which a table-top picture still finds detail in them (about 1 mm a texel); stone is
procedural and has no size.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.materials import Nodes
from rdharmony_gen.blender.scenes.kit_draw import pick, several
from rdharmony_gen.blender.stage import Stage

RGB = tuple[float, float, float]
PAINTS: tuple[RGB, ...] = (
    (0.80, 0.76, 0.68),
    (0.62, 0.68, 0.62),
    (0.60, 0.66, 0.74),
    (0.78, 0.66, 0.54),
    (0.74, 0.74, 0.72),
    (0.72, 0.60, 0.58),
    (0.84, 0.82, 0.78),
)
DEEP: tuple[RGB, ...] = (
    (0.10, 0.20, 0.17),
    (0.09, 0.14, 0.24),
    (0.30, 0.09, 0.07),
    (0.32, 0.22, 0.10),
    (0.16, 0.16, 0.17),
    (0.22, 0.30, 0.32),
)
FLOORS: dict[str, tuple[str, float, RGB, float]] = {
    "parquet": ("parquet_01", 1.4, (1.0, 1.0, 1.0), 0.42),
    "pale_parquet": ("parquet_01", 1.4, (1.9, 2.1, 2.4), 0.45),
    "planks": ("wood_planks_01", 1.6, (1.3, 1.2, 1.1), 0.5),
    "oak": ("wood_02_light", 1.1, (0.85, 0.8, 0.75), 0.45),
    "walnut": ("wood_01", 1.2, (0.55, 0.5, 0.5), 0.4),
    "tiles": ("floor_tiles_02_white", 1.6, (0.95, 0.93, 0.9), 0.25),
    "grey_tiles": ("floor_tiles_02_white", 1.9, (0.36, 0.37, 0.39), 0.3),
    "checker": ("floor_tiles_01_checker", 1.4, (0.9, 0.9, 0.88), 0.28),
    "terracotta": ("floor_tiles_02_white", 1.2, (0.62, 0.30, 0.19), 0.5),
    "concrete": ("concrete_02", 2.6, (0.95, 0.93, 0.9), 0.55),
    "slabs": ("concrete_tiles_01", 2.4, (1.15, 1.12, 1.05), 0.45),
    "carpet": ("asphalt_01", 1.1, (0.75, 0.8, 0.95), 0.95),
    "rubber": ("asphalt_02", 0.9, (1.5, 1.5, 1.55), 0.8),
}
"""Texture, tile in metres, tint, roughness."""
WOODS: dict[str, tuple[str, float, RGB]] = {
    "oak": ("wood_02_light", 0.62, (0.92, 0.88, 0.84)),
    "walnut": ("wood_01", 0.66, (0.50, 0.44, 0.42)),
    "pine": ("wood_02_light", 0.7, (1.15, 1.1, 1.0)),
    "cherry": ("wood_01", 0.66, (0.95, 0.72, 0.6)),
    "butcher": ("parquet_01", 0.62, (1.35, 1.25, 1.1)),
    "rustic": ("wood_planks_01", 0.75, (1.25, 1.15, 1.0)),
}
"""Texture, tile in metres, tint."""


def rgb(values: np.ndarray) -> RGB:
    """A colour of three numbers."""
    red, green, blue = (float(v) for v in values)
    return red, green, blue


@dataclass
class Finish:
    """The materials of one room, made when first asked for; a builder sets those that it does not leave to chance."""

    stage: Stage
    floor: bpy.types.Material = field(init=False)
    wall: bpy.types.Material = field(init=False)
    accent: bpy.types.Material = field(init=False)
    ceiling: bpy.types.Material = field(init=False)
    trim: bpy.types.Material = field(init=False)
    frame: bpy.types.Material = field(init=False)
    cloth: bpy.types.Material = field(init=False)
    dark: bpy.types.Material = field(init=False)
    metal: bpy.types.Material = field(init=False)
    _made: dict[str, bpy.types.Material] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trim = materials.plain("trim", (0.78, 0.77, 0.74), 0.5)
        self.frame = self.trim
        self.dark = materials.plain("dark", (0.035, 0.034, 0.033), 0.45)
        self.metal = materials.plain("metal", (0.62, 0.61, 0.59), 0.3, 1.0)
        self.ceiling = materials.tiled(self.stage.library, "ceiling", "drywall_01", 2.0, variation=0.04)

    def choose(
        self,
        floors: tuple[str, ...],
        walls: tuple[str, ...] = ("paint",),
        accents: tuple[str, ...] = ("paint", "deep", "brick"),
        black_frames: float = 0.3,
    ) -> None:
        """Draw floor, walls, accent wall, curtains and window frames among what suits the room."""
        rng = self.stage.rng("finish")
        self.floor = self.floor_of(pick(rng, floors))
        first, second, third = several(rng, PAINTS, 3)
        self.wall = self.wall_of("wall", pick(rng, walls), first)
        self.accent = self.wall_of("accent", pick(rng, accents), second)
        self.cloth = self.fabric("curtain", np.array(third) * rng.uniform(0.45, 0.95))
        self.frame = self.dark if rng.random() < black_frames else self.trim

    def floor_of(self, kind: str) -> bpy.types.Material:
        """A floor by its name in `FLOORS`."""
        texture, tile, tint, roughness = FLOORS[kind]
        return materials.tiled(
            self.stage.library,
            f"floor_{kind}",
            texture,
            tile,
            tint=tint,
            variation=0.12,
            variation_m=1.7,
            roughness=roughness,
            bump=0.5,
            break_tiling=kind in ("carpet", "rubber", "concrete"),
        )

    def wall_of(self, name: str, kind: str, paint: RGB) -> bpy.types.Material:
        """A wall: `paint`, `deep` colour, `plaster`, `brick`, `white_brick`, `stone`, `tiles`, `blocks`, `panels`."""
        rng = self.stage.rng("finish", name)
        deep = pick(rng, DEEP)
        texture, tile, tint = {
            "paint": ("drywall_01", 1.7, np.array(paint) * 1.15),
            "deep": ("drywall_01", 1.7, np.array(deep) * 1.2),
            "plaster": ("stucco_01", 1.4, np.array(paint) * 1.15),
            "brick": ("brick_01", 2.2, np.array((1.25, 1.15, 1.1))),
            "white_brick": ("cinder_blocks_01", 0.95, np.array((2.9, 2.7, 2.5))),
            "stone": ("stone_wall_01", 2.2, np.array((1.0, 0.97, 0.92))),
            "tiles": ("floor_tiles_02_white", 0.8, np.array(paint) * 1.2),
            "blocks": ("cinder_blocks_01", 2.2, np.array((2.0, 1.95, 1.85))),
            "panels": ("wood_01", 1.1, np.array((0.75, 0.68, 0.62))),
            "concrete": ("concrete_tiles_01", 2.8, np.array((1.1, 1.08, 1.05))),
        }[kind]
        roughness = {"tiles": 0.25, "panels": 0.5}.get(kind, 0.9)
        return materials.tiled(
            self.stage.library,
            name,
            texture,
            tile,
            tint=tuple(tint),
            variation=0.06,
            variation_m=1.4,
            roughness=roughness,
            offset=float(rng.uniform(0, 9)),
        )

    def once(self, name: str, make: Callable[[], bpy.types.Material]) -> bpy.types.Material:
        """The material of this name, made when it is first asked for."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def wood(self, kind: str, roughness: float = 0.42) -> bpy.types.Material:
        """Wood by its name in `WOODS`; the grain runs along y on a level face, along z on an upright one."""
        key = f"wood_{kind}_{roughness}"
        texture, tile, tint = WOODS[kind]

        def make() -> bpy.types.Material:
            library = self.stage.library
            return materials.tiled(
                library, key, texture, tile, tint=tint, variation=0.12, variation_m=0.5, roughness=roughness, bump=0.4
            )

        return self.once(key, make)

    def draw_wood(self, *path: str | int) -> bpy.types.Material:
        """A wood by chance, the same for the same path."""
        kinds = ("cherry", "oak", "pine", "walnut")
        return self.wood(pick(self.stage.rng("wood", *path), kinds))

    def top(self, *path: str | int, kinds: tuple[str, ...] = ("wood", "marble", "granite")) -> bpy.types.Material:
        """A table top by chance: wood, marble or granite."""
        rng = self.stage.rng("top", *path)
        kind = pick(rng, kinds)
        if kind == "wood":
            woods = sorted(WOODS)
            return self.wood(pick(rng, woods))
        if kind == "marble":
            base, vein = (((0.74, 0.72, 0.69), (0.30, 0.29, 0.28)), ((0.045, 0.05, 0.05), (0.42, 0.40, 0.36)))[
                int(rng.random() < 0.3)
            ]
            return stone("marble", base, vein, roughness=0.16, seed=float(rng.uniform(0, 50)))
        shade = float(rng.uniform(0.08, 0.4))
        return stone(
            "granite",
            rgb(np.full(3, shade)),
            rgb(np.full(3, 0.3 * shade)),
            roughness=0.22,
            seed=float(rng.uniform(0, 50)),
            grains=True,
        )

    def fabric(self, name: str, colour: np.ndarray) -> bpy.types.Material:
        """Woven cloth of a colour: curtains, napkins, cushions, mats."""
        grey = np.array((0.28, 0.28, 0.29))  # the mean of the texture that gives the weave
        tint = rgb(colour / grey)
        return materials.tiled(
            self.stage.library, name, "asphalt_01", 0.35, tint=tint, variation=0.06, variation_m=0.3, roughness=0.95
        )

    def paint(self, name: str, *, deep: bool = False, roughness: float = 0.4) -> bpy.types.Material:
        """Furniture paint by chance, one a name."""
        rng = self.stage.rng("paint", name)
        colours = DEEP if deep else PAINTS
        colour = np.array(pick(rng, colours)) * rng.uniform(0.85, 1.05)
        return self.once(name, lambda: materials.plain(name, rgb(colour), roughness))

    def ceiling_tiles(self) -> bpy.types.Material:
        """A suspended ceiling of 60 cm tiles."""
        return materials.tiled(self.stage.library, "ceiling_tiles", "ceiling_tiles_01", 2.4, variation=0.04)

    def glowing(self, glow: float) -> bpy.types.Material:
        """The milky cover of a lamp that is lit with the others."""

        def make() -> bpy.types.Material:
            material = bpy.data.materials.new("glowing")
            materials.lamp_glass(material)
            self.stage.glowing.append((material, glow))
            return material

        return self.once(f"glowing_{glow}", make)


def stone(
    name: str, base: RGB, vein: RGB, *, roughness: float, seed: float, grains: bool = False
) -> bpy.types.Material:
    """Polished stone without a texture: wandering veins (marble), or with `grains` speckles of a few millimetres."""
    material = bpy.data.materials.new(name)
    nodes = Nodes(material)
    place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    moved = nodes.new("ShaderNodeVectorMath", {0: place, 1: (seed, seed * 0.7, seed * 1.3)}).outputs[0]

    def noise(scale: float, detail: float, bend: float = 0.0) -> bpy.types.NodeSocket:
        inputs = {"Vector": moved, "Scale": scale, "Detail": detail, "Roughness": 0.6, "Distortion": bend}
        return nodes.new("ShaderNodeTexNoise", inputs).outputs[0]

    clouds = nodes.new("ShaderNodeMapRange", {0: noise(2.2, 3.0), 1: 0.3, 2: 0.7, 3: 0.82, 4: 1.08}).outputs[0]
    if grains:
        cells = nodes.new("ShaderNodeTexVoronoi", {"Vector": moved, "Scale": 210.0}).outputs["Color"]
        speck = nodes.new("ShaderNodeSeparateColor", {0: cells}).outputs[0]
        pattern = nodes.new("ShaderNodeMapRange", {0: speck, 1: 0.25, 2: 0.95}).outputs[0]
        pattern = nodes.math("MULTIPLY", pattern, 0.8)
    else:  # a vein is where the noise crosses its mean
        ridge = nodes.math("ABSOLUTE", nodes.math("SUBTRACT", noise(2.6, 5.0, 1.1), 0.5))
        thin = nodes.new("ShaderNodeMapRange", {0: ridge, 1: 0.0, 2: 0.035, 3: 1.0, 4: 0.0}).outputs[0]
        pattern = nodes.math(
            "MULTIPLY", thin, nodes.new("ShaderNodeMapRange", {0: noise(1.3, 1.0), 1: 0.4, 2: 0.75}).outputs[0]
        )
    colour = nodes.mix(pattern, (*base, 1.0), (*vein, 1.0))
    colour = nodes.mix(1.0, colour, clouds, "MULTIPLY")
    shader = nodes.new("ShaderNodeBsdfPrincipled", {"Base Color": colour, "Roughness": roughness})
    nodes.output(shader.outputs[0])
    return material
