# SPDX-License-Identifier: GPL-3.0-or-later
"""A living room with windows to two sides: the capture conditions come through the windows, lamps light it at night.

All lengths in metres. A garden closes the view outside. Mirrored east to west in half of the variants.
"""

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes.kit_draw import pick, several
from rdharmony_gen.blender.scenes.kit_finish import Finish, rgb
from rdharmony_gen.blender.scenes.kit_indoor import Room, Wall, curtain
from rdharmony_gen.blender.stage import Patch, Place, Stage

HALF_X, HALF_Y, HEIGHT, WALL = 3.5, 2.9, 2.75, 0.24
SILL, HEAD = 0.55, 2.5
COUCHES = ("couch_01", "couch_04_leather", "couch_05_burlap", "couch_06", "couch_07_midcentury")
CHAIRS = ("chair_02_oak", "chair_04_plaid", "chair_07_rattan", "chair_01")
FLOORS = (("parquet_01", 1.6), ("wood_planks_01", 2.0), ("wood_01", 1.5), ("floor_tiles_02_white", 1.6))
PAINTS = ((0.80, 0.76, 0.68), (0.62, 0.68, 0.62), (0.66, 0.70, 0.76), (0.78, 0.66, 0.54), (0.72, 0.72, 0.70))
CARDS = ("card_green_tree", "card_thick_tree", "card_horse_chestnut_tree", "card_willow")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the room."""
    mirror = -1.0 if stage.rng("mirror").random() < 0.5 else 1.0
    _shell(stage, mirror)
    table = _furniture(stage, mirror)
    _garden(stage)
    return Place(
        stand=(Patch(-1.9, -1.7, 1.9, 0.7), Patch(-2.6, -2.2, 2.6, 1.2)),
        drive=(Patch(-1.6, -1.2, 1.6, 0.5),),
        tops=(table,),
        camera_room=((-HALF_X + 0.25, -HALF_Y + 0.25, 0.6), (HALF_X - 0.25, HALF_Y - 0.25, 2.3)),
        indoor=True,
    )


def _shell(stage: Stage, mirror: float) -> None:
    """Floor, ceiling and walls with sash windows of their own, wider than those of `kit_indoor.Wall.build`."""
    rng = stage.rng("shell")
    finish = Finish(stage)
    texture, tile = pick(rng, FLOORS)
    finish.floor = materials.tiled(
        stage.library, "floor", texture, tile, variation=0.12, variation_m=1.5, roughness=0.42, bump=0.5
    )
    first, second = (np.array(paint) for paint in several(rng, PAINTS, 2))
    finish.wall = materials.tiled(
        stage.library, "wall", "drywall_01", 2.0, tint=tuple(first * 1.15), variation=0.05, variation_m=1.2
    )
    accent = pick(rng, ("drywall_01", "brick_01", "stucco_01"))
    finish.accent = materials.tiled(
        stage.library,
        "accent",
        accent,
        2.2,
        tint=tuple(second * 1.15) if accent != "brick_01" else (1.25, 1.15, 1.1),
        variation=0.1,
    )
    finish.ceiling = materials.tiled(stage.library, "ceiling", "drywall_01", 2.0, tint=(1.0, 1.0, 0.98), variation=0.04)
    cloth = np.array(pick(rng, PAINTS)) * rng.uniform(0.35, 0.9)
    finish.cloth = materials.plain("curtain", rgb(cloth), 0.95)
    x, y = HALF_X + WALL, HALF_Y + WALL
    stage.box("floor", (-x, -y, -0.2), (x, y, 0.0), finish.floor)
    stage.box("ceiling", (-x, -y, HEIGHT), (x, y, HEIGHT + 0.2), finish.ceiling)
    room = Room(stage, HALF_X, HALF_Y, HEIGHT, finish, 1.0)  # what differs between its sides is mirrored here
    large, small = ("west", "east") if mirror > 0 else ("east", "west")
    _wall(room.wall("south"), finish.wall, [(-2.6, -0.45), (0.45, 2.6)])
    _wall(room.wall(large), finish.wall, [(-1.3, 1.0)])
    _wall(room.wall(small), finish.wall, [(-1.4, 0.2)] if rng.random() < 0.7 else [])
    _wall(room.wall("north"), finish.accent, [])


def _wall(wall: Wall, material: bpy.types.Material, openings: list[tuple[float, float]]) -> None:
    """One wall with windows; `openings` are intervals along it."""
    trim, depths = wall.room.finish.trim, (-WALL, 0.0)
    edge = -wall.half
    for a0, a1 in openings:
        wall.block("wall", (edge, a0), (0.0, HEIGHT), depths, material)
        wall.block("wall", (a0, a1), (0.0, SILL), depths, material)
        wall.block("wall", (a0, a1), (HEAD, HEIGHT), depths, material)
        for post in ((a0, a0 + 0.06), (a1 - 0.06, a1), ((a0 + a1) / 2 - 0.025, (a0 + a1) / 2 + 0.025)):
            wall.block("frame", post, (SILL, HEAD), (-0.15, -0.10), trim)
        for bar in ((SILL, SILL + 0.06), (HEAD - 0.06, HEAD), (1.9, 1.94)):
            wall.block("frame", (a0, a1), bar, (-0.15, -0.10), trim)
        wall.block("sill", (a0 - 0.08, a1 + 0.08), (SILL - 0.05, SILL), (-0.06, 0.14), trim)
        _curtain(wall, a0 - 0.34, a0 + 0.08)
        _curtain(wall, a1 - 0.08, a1 + 0.34)
        wall.portal((a0, a1), (SILL, HEAD), WALL)
        edge = a1
    wall.block("wall", (edge, wall.half), (0.0, HEIGHT), depths, material)
    wall.block("skirting", (-wall.half, wall.half), (0.0, 0.09), (0.0, 0.015), trim)


def _curtain(wall: Wall, a0: float, a1: float) -> None:
    a = np.linspace(a0, a1, 40)
    row = np.array([wall.at(x, 0.09) for x in a])
    row[:, 1 if wall.side in ("north", "south") else 0] += 0.035 * np.sin((a - a0) * 48.0)
    curtain(wall.room.stage, row, a, HEAD + 0.12, wall.room.finish.cloth)


def _furniture(stage: Stage, mirror: float) -> Patch:
    rng = stage.rng("furniture")
    stage.put(pick(rng, COUCHES), mirror * rng.uniform(-0.9, -0.3), HALF_Y - 0.6, yaw=0)
    rug = stage.put("living_rug_01", mirror * -0.4, 0.25, yaw=90)
    rug.scale[2] = 0.3
    stage.put("living_lamp_01", mirror * 1.25, HALF_Y - 0.45, yaw=rng.uniform(-30, 30), scale=1.15)
    stage.put("living_bookcase_01", mirror * 2.25, HALF_Y - 0.2, yaw=0)
    if rng.random() < 0.6:
        stage.put("living_bookcase_01", mirror * 3.0, HALF_Y - 0.2 if rng.random() < 0.5 else HALF_Y - 0.22, yaw=0)
    else:
        stage.put("living_plant_01_yucca", mirror * 3.0, HALF_Y - 0.5, scale=0.95)
    # the side with the smaller window: television or piano
    if rng.random() < 0.5:
        stage.put("living_tv_cabinet_01", mirror * (HALF_X - 0.28), 1.15, yaw=mirror * -90)
        stage.put("living_tv_01", mirror * (HALF_X - 0.28), 1.15, 0.525, yaw=mirror * -90)
    else:
        stage.put("living_piano_01", mirror * (HALF_X - 0.34), 1.2, yaw=mirror * -90)
    stage.put("living_plant_02", mirror * (HALF_X - 0.4), -2.35, scale=1.3)
    # a dining corner on the side of the large window
    x, y = mirror * -(HALF_X - 1.05), -HALF_Y + 0.85
    table = stage.put("living_table_01", x, y, yaw=0, scale=0.72)
    table.scale[2] = 1.0  # shorter, not lower
    top = 0.739
    chair = pick(rng, CHAIRS)
    stage.put(chair, x + mirror * 0.1, y + 0.72, yaw=rng.uniform(-15, 15))
    stage.put(chair, x + mirror * 1.15, y + 0.05, yaw=-90 * mirror + rng.uniform(-15, 15))
    stage.put("living_lamp_02_table", x - mirror * 0.6, y - 0.1, top, scale=0.7)
    stage.put("bar_hanging_light_01", rng.uniform(-0.4, 0.4), -0.3, HEIGHT - 0.66)
    if rng.random() < 0.5:
        stage.put("chair_08_armchair", mirror * -2.6, 1.0, yaw=mirror * 70)
    else:
        stage.put("living_plant_03_indoor", mirror * -3.0, 2.3, scale=1.2)
        stage.put("living_fireplace_01", mirror * -(HALF_X - 0.18), 1.75, yaw=mirror * 90)
    _pictures(stage, mirror)
    low, high = sorted((x - mirror * 0.1, x + mirror * 0.45))
    return Patch(low, y - 0.15, high, y + 0.15, top)


def _pictures(stage: Stage, mirror: float) -> None:
    rng = stage.rng("pictures")
    frame = materials.plain("picture_frame", (0.05, 0.035, 0.025), 0.4)
    motifs = ("marble_01", "rock_01", "sand_01", "roof_tiles_01")
    y = HALF_Y
    for number, x in enumerate((-1.15, -0.3)):
        x = mirror * x + rng.uniform(-0.1, 0.1)
        w, h = rng.uniform(0.22, 0.33), rng.uniform(0.24, 0.38)
        z = 1.72 + rng.uniform(-0.06, 0.06)
        tint = tuple(rng.uniform(0.4, 1.3, 3))
        motif = materials.tiled(
            stage.library,
            f"motif{number}",
            pick(rng, motifs),
            1.3,
            tint=tint,
            variation=0.8,
            variation_m=0.22,
        )
        stage.box("frame", (x - w - 0.03, y - 0.035, z - h - 0.03), (x + w + 0.03, y, z + h + 0.03), frame)
        stage.box("motif", (x - w, y - 0.04, z - h), (x + w, y - 0.03, z + h), motif)


def _garden(stage: Stage) -> None:
    rng = stage.rng("garden")
    stage.floor("lawn", -90, -90, 90, 90, surfaces.grass(stage, bump=1.0), z=-0.25)
    for x, y in ((-5, -13), (4, -15), (0.5, -21)):
        stage.put(
            pick(rng, ("tree_06_poplar", "tree_03_copper_beech", "tree_08_peach_blossom")),
            x + rng.uniform(-1, 1),
            y,
            -0.25,
            yaw=rng.uniform(0, 360),
        )
    for step in range(-7, 8):
        stage.put("bush_02_hedge", 1.45 * step, -8.0 + rng.uniform(-0.1, 0.1), -0.25)
        stage.put("bush_03_hedge_trimmed", -9.5, 1.5 * step, -0.25, yaw=90)
        stage.put("bush_03_hedge_trimmed", 9.5, 1.5 * step, -0.25, yaw=90)
    for x, y in ((-15, 6), (-17, -7), (15, 7), (16, -8)):
        stage.put(
            "tree_02_ficus", x, y + rng.uniform(-1, 1), -0.25, yaw=rng.uniform(0, 360), scale=rng.uniform(0.8, 1.1)
        )
    stage.put("building_04_stucco_house", rng.choice([-1, 1]) * 13, -27, -0.25, yaw=180 + rng.uniform(-15, 15))
    sides = backdrop.falling(0.6, 20.0)
    backdrop.ring(stage, rng, CARDS, sides, count=90, sway=2.0, radii=(38, 50), scales=(0.8, 1.2))
