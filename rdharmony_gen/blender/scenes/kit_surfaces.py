# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials that outdoor places share: grass, asphalt, paving, stone, boards, paint, cloth, what shines at night."""

from collections.abc import Sequence

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.stage import Stage

Colour = tuple[float, float, float]
Paving = tuple[str, float, Colour]
"""Texture, edge of a tile in metres, tint."""

PAVINGS = (
    ("paving_01", 2.2, (1.15, 1.08, 1.0)),
    ("paving_01", 1.4, (1.0, 0.92, 0.85)),
    ("brick_01", 1.8, (1.15, 1.0, 0.92)),
    ("cinder_blocks_01", 1.6, (1.5, 1.4, 1.28)),
    ("stone_wall_01", 2.6, (0.62, 0.60, 0.58)),
)
CLOTHS: tuple[tuple[Colour, Colour], ...] = (
    ((0.62, 0.06, 0.05), (0.82, 0.79, 0.72)),
    ((0.05, 0.24, 0.12), (0.80, 0.78, 0.70)),
    ((0.05, 0.14, 0.42), (0.80, 0.80, 0.78)),
    ((0.80, 0.48, 0.05), (0.82, 0.78, 0.66)),
    ((0.72, 0.68, 0.58), (0.72, 0.68, 0.58)),
)


def grass(stage: Stage, name: str = "lawn", tint: Colour = (1.0, 1.0, 1.0), *, bump: float = 0.8) -> bpy.types.Material:
    """Two kinds of grass in patches."""
    return materials.tiled(
        stage.library,
        name,
        "grass_03",
        1.7,
        second="grass_01",
        second_share=0.4,
        tint=tint,
        variation=0.35,
        variation_m=5.0,
        break_tiling=True,
        roughness=0.95,
        bump=bump,
    )


def asphalt(stage: Stage, name: str = "asphalt", tone: float | None = None) -> bpy.types.Material:
    """Road surface, older or newer by chance unless its brightness is given."""
    if tone is None:
        tone = 2.2 * stage.rng("asphalt").uniform(0.8, 1.25)
    return materials.tiled(
        stage.library,
        name,
        "asphalt_02",
        2.4,
        variation=0.35,
        variation_m=3.5,
        tint=(tone, tone, tone),
        break_tiling=True,
        roughness=0.8,
        bump=0.7,
    )


def paving(
    stage: Stage, label: str = "paving", kinds: Sequence[tuple[str, float, Colour]] = PAVINGS
) -> bpy.types.Material:
    """Slabs, cobbles or clinker, drawn under their own name."""
    return slabs(stage, stage.rng(label), label, kinds, (0.88, 1.12))


def slabs(
    stage: Stage,
    rng: np.random.Generator,
    name: str,
    kinds: Sequence[Paving],
    shade: tuple[float, float],
) -> bpy.types.Material:
    """One of several kinds, darker or lighter by a factor within `shade`."""
    texture, tile, tint = pick(rng, kinds)
    tone = np.array(tint) * rng.uniform(*shade)
    return materials.tiled(
        stage.library, name, texture, tile, variation=0.3, variation_m=2.6, tint=tuple(tone), roughness=0.75
    )


def stone(stage: Stage, name: str = "kerbstone", tone: float = 0.85) -> bpy.types.Material:
    """Cut stone or concrete of kerbs, steps, copings."""
    return materials.tiled(
        stage.library, name, "concrete_01", 2.0, variation=0.25, variation_m=0.8, tint=(tone, tone * 0.97, tone * 0.92)
    )


def lawn(stage: Stage, name: str = "lawn") -> bpy.types.Material:
    """Mown grass."""
    return grass(stage, name, (0.95 + 0.25 * stage.rng(name).random(), 1.0, 0.85))


def wood(stage: Stage, name: str = "wood") -> bpy.types.Material:
    """Planks of stalls, tables, doors."""
    texture, tile = pick(stage.rng(name), (("wood_planks_01", 1.2), ("wood_02_light", 1.1), ("wood_01", 1.0)))
    return materials.tiled(stage.library, name, texture, tile, variation=0.2, variation_m=0.7, roughness=0.7)


def road_paint(stage: Stage) -> bpy.types.Material:
    """Worn white markings."""
    return materials.tiled(
        stage.library, "marking", "concrete_02", 2.0, tint=(1.3, 1.3, 1.25), variation=0.35, variation_m=0.6
    )


def cloth(stage: Stage, label: str, stripe_m: float = 0.22) -> bpy.types.Material:
    """Awning cloth of seeded colours."""
    first, second = pick(stage.rng(label), CLOTHS)
    return materials.canvas(label, first, second, stripe_m)


def shop_glass(stage: Stage) -> bpy.types.Material:
    """Shop windows of our own: lit by night with all others."""
    glass = bpy.data.materials.new("shop_glass")
    materials.window_glass(glass)
    stage.windows.append(glass)
    return glass


def sign(stage: Stage, name: str, colour: Colour, glow: float = 0.5) -> bpy.types.Material:
    """A panel that shines at night."""
    panel = materials.sign_panel(name, colour)
    stage.glowing.append((panel, glow))
    return panel
