# SPDX-License-Identifier: GPL-3.0-or-later
"""A courtyard between brick houses: cobbles, a tree with a round bench, bicycles, tables, strings of bulbs.

Walls and garages of no more than 2.7 m close it to the east and west, so that morning and evening sun come in.
"""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_market
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_shapes import boxes, drum, marks
from rdharmony_gen.blender.stage import Patch, Place, Stage

NORTH, SOUTH, END = 9.2, -10.6, 14.5
"""The inner faces of the houses and of the walls at both ends."""
BRICKS = ((1.15, 1.02, 0.95), (0.95, 0.80, 0.74), (1.35, 1.22, 1.05), (0.85, 0.82, 0.80))
STONES = (
    ("paving_01", 1.3, (1.05, 0.97, 0.9)),
    ("cinder_blocks_01", 1.1, (1.6, 1.48, 1.36)),
    ("stone_wall_01", 2.4, (0.68, 0.66, 0.63)),
    ("gravel_01", 1.2, (1.1, 1.03, 0.95)),
)


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the courtyard."""
    rng = stage.rng("layout")
    mirror = float(rng.choice([-1.0, 1.0]))
    brick = materials.tiled(
        stage.library, "brick", "brick_01", 1.8, tint=pick(rng, BRICKS), variation=0.2, variation_m=2.5
    )
    _grounds(stage)
    _houses(stage)
    _garages(stage, mirror, brick)
    _gate(stage, -mirror, brick)
    tree = (mirror * float(rng.uniform(2.5, 4.0)), float(rng.uniform(-2.2, -0.5)))
    _tree(stage, *tree)
    tops = _life(stage, mirror)
    kit.bystanders(stage, [(-mirror * 9.0, 2.0), (mirror * 11.0, -5.5)])
    backdrop.town(stage, near=60.0)
    return Place(
        stand=(Patch(-7, -6, 7, 4.5), Patch(-10, -5, 10, 3.5)),
        drive=(Patch(-9, -5, 9, 2.5),),
        tops=tuple(tops),
        camera_room=((-END + 1.3, SOUTH + 1.6, 0.6), (END - 1.3, NORTH - 1.3, 2.5)),
        sky_share=0.22,
    )


def _grounds(stage: Stage) -> None:
    stage.floor("lawn", -170, -170, 170, 170, surfaces.lawn(stage), z=-0.05)
    stage.floor("yard", -END - 5.0, SOUTH - 10, END + 5.0, NORTH + 10, surfaces.paving(stage, "cobbles", STONES))
    slabs = surfaces.paving(stage, "path")
    marks(stage, "path", [[-END, 6.6, END, 8.0], [-END, -9.2, END, -7.8]], slabs, 0.006)
    marks(
        stage,
        "gutter",
        [[-END, y - 0.12, END, y + 0.12] for y in (6.4, -7.6)],
        surfaces.stone(stage, "gutter", 0.75),
        0.008,
    )
    border = surfaces.lawn(stage, "border")
    marks(stage, "border", [[-END, 8.2, END, NORTH + 0.4], [-END, SOUTH - 0.4, END, -9.4]], border, 0.03)


def _houses(stage: Stage) -> None:
    rng = stage.rng("houses")
    north = ("building_03_brick_apartment", "building_08_townhouse", "building_06_shops", "building_12_balcony_block")
    kit.row(stage, "north", north, "north", NORTH, -24 + rng.uniform(-4, 0), 30, z=-0.02, gap=(0.0, 0.05))
    south = ("building_04_stucco_house", "building_07_stone_cottage", "building_10_wood_cabin")
    kit.row(stage, "south", south, "south", SOUTH, -23 + rng.uniform(-3, 0), 27, z=-0.02, gap=(0.6, 2.6))
    for y in (NORTH - 0.55, SOUTH + 0.6):
        for x in np.arange(-13.0, 14.0, 1.7):
            if rng.random() < 0.65:
                kind = pick(rng, ("bush_01", "card_thick_leafes", "card_bush_low", "living_plant_02"))
                kit.plant(stage, rng, kind, x + rng.uniform(-0.4, 0.4), y, 0.02, (0.4, 0.6))


def _garages(stage: Stage, mirror: float, brick: object) -> None:
    """A line of low brick garages with painted doors across one end."""
    rng = stage.rng("garages")
    tall, coping = 2.55, surfaces.stone(stage, "coping")
    colour = pick(rng, ((0.10, 0.22, 0.16), (0.30, 0.06, 0.05), (0.10, 0.16, 0.30), (0.42, 0.40, 0.36)))
    door = materials.tiled(
        stage.library, "door", "wood_planks_01", 1.0, tint=tuple(np.array(colour) * 4.5), variation=0.15, roughness=0.6
    )
    x = mirror * END
    boxes(stage, "building_garages", [((x, SOUTH + 0.5, -0.1), (x + mirror * 5.5, NORTH - 0.3, tall))], brick)
    boxes(
        stage,
        "garage_coping",
        [((x - mirror * 0.08, SOUTH + 0.5, tall), (x + mirror * 5.6, NORTH - 0.3, tall + 0.12))],
        coping,
    )
    frame = surfaces.stone(stage, "frame", 0.95)
    for y in np.arange(SOUTH + 2.6, NORTH - 2.0, 3.35):
        boxes(stage, "garage_frame", [((x - mirror * 0.03, y - 1.35, 0), (x + mirror * 0.02, y + 1.35, 2.18))], frame)
        boxes(stage, "garage_door", [((x - mirror * 0.06, y - 1.22, 0.02), (x, y + 1.22, 2.08))], door)
    for y in (-5.3, 4.9):
        stage.lamp((x - mirror * 0.45, y, 2.3), 55.0)
        lamp = surfaces.sign(stage, "wall_lamp", (0.8, 0.75, 0.65), 1.2)
        boxes(stage, "wall_lamp", [((x - mirror * 0.25, y - 0.09, 2.2), (x, y + 0.09, 2.45))], lamp)


def _gate(stage: Stage, side: float, brick: object) -> None:
    """A brick wall with an open iron gate between pillars; trees and a lane behind."""
    rng = stage.rng("gate")
    x, coping = side * END, surfaces.stone(stage, "gate_coping")
    for y0, y1 in ((SOUTH + 0.4, -3.4), (1.4, NORTH - 0.2)):
        kit.wall(stage, "yard_wall", (x - 0.18, y0, -0.1), (x + 0.18, y1, 2.1), brick, coping)
        for y in np.arange(y0 + 1.0, y1, 3.6):
            boxes(stage, "pier", [((x - 0.28, y - 0.25, -0.1), (x + 0.28, y + 0.25, 2.2))], brick)
    for y in (-3.15, 1.15):
        kit.wall(stage, "pillar", (x - 0.32, y - 0.32, -0.1), (x + 0.32, y + 0.32, 2.5), brick, coping)
    for y, turn in ((-2.75, 12.0), (0.75, -12.0)):
        stage.put("fence_01", x + side * 0.95, y, 0.0, yaw=turn, scale=1.0)
    stage.floor(
        "lane", min(x, side * 120), -2.9, max(x, side * 120), 0.9, surfaces.paving(stage, "lane", STONES), z=-0.02
    )
    for _ in range(7):
        at = side * rng.uniform(24, 50), rng.choice([-1, 1]) * rng.uniform(5, 17)
        kit.plant(stage, rng, pick(rng, names.TOWN_CARDS), *at, -0.05, (0.5, 0.7))
    for y in (SOUTH + 2.0, 3.6, NORTH - 1.6):  # ivy
        stage.put("bush_02_hedge", x - side * 0.45, y, -0.05, yaw=90, scale=rng.uniform(0.8, 1.2))


def _tree(stage: Stage, x: float, y: float) -> None:
    """A tree in a raised round bed with a bench around it."""
    rng = stage.rng("tree")
    drum(stage, "bed_rim", x, y, 1.35, -0.1, 0.42, surfaces.stone(stage, "bed_rim", 0.9))
    drum(
        stage,
        "bed",
        x,
        y,
        1.2,
        0.0,
        0.44,
        materials.tiled(stage.library, "bed_soil", "soil_01", 1.4, variation=0.3, variation_m=0.7),
    )
    kit.plant(stage, rng, pick(rng, names.STREET_TREES), x, y, 0.42, (0.9, 1.1))
    for angle in np.arange(0, 360, 60):
        a = np.radians(angle)
        stage.put("card_thick_leafes", x + 0.85 * np.cos(a), y + 0.85 * np.sin(a), 0.43, yaw=angle, scale=0.45)
    bench = pick(rng, names.BENCHES)
    for angle in (90, 210, 330):
        a = np.radians(angle)
        stage.put(bench, x + 1.85 * np.cos(a), y + 1.85 * np.sin(a), yaw=angle + 90)


def _life(stage: Stage, mirror: float) -> list[Patch]:
    """Tables, bicycles, bins, a hut, washing, strings of bulbs; returns the table tops."""
    rng = stage.rng("life")
    chair = pick(rng, names.CAFE_CHAIRS)
    x, y = -mirror * rng.uniform(5.0, 6.5), rng.uniform(4.2, 4.8)
    stage.put("living_table_01", x, y)
    for dx, dy, yaw in ((-0.6, 0.85, 0), (0.5, 0.85, 0), (-0.5, -0.85, 180)):
        stage.put(
            "chair_02_oak" if rng.random() < 0.5 else "chair_04_plaid", x + dx, y + dy, yaw=yaw + rng.uniform(-15, 15)
        )
    tops = [Patch(x - 0.8, y - 0.2, x + 0.8, y + 0.2, 0.739)]
    tops.append(kit_market.cafe(stage, mirror * 8.0, 4.6, 0.0, rng, chair, parasol=bool(rng.random() < 0.4)))
    for k in range(4):
        if rng.random() < 0.75:
            stage.put(
                pick(rng, ("bicycle_01", "bicycle_02")),
                -mirror * (3.6 - 0.75 * k),
                SOUTH + 1.9,
                yaw=rng.uniform(-8, 8),
            )
    for k in range(3):
        stage.put("bin_02_wheelie", mirror * (END - 1.0), NORTH - 1.3 - 0.75 * k, yaw=-mirror * 90 + rng.uniform(-8, 8))
    stage.put("building_01_garden_hut", -mirror * (END - 1.8), SOUTH + 2.4, yaw=mirror * 90)
    stage.put("crate_01", -mirror * (END - 1.5), SOUTH + 4.4, yaw=rng.uniform(0, 90))
    stage.put("barrel_01", -mirror * (END - 1.6), SOUTH + 5.4)
    for u in (-10.0, 0.0, 9.0):
        stage.put("flowerbox_01", u + rng.uniform(-1, 1), 6.1, yaw=0, scale=1.5)
    if rng.random() < 0.5:
        kit.parked(stage, [(mirror * 11.0, -5.6, mirror * 90 + 180)], kinds=1, share=1.0)
    kit_market.laundry(stage, -mirror * (END - 4.0), -3.0)
    planks = surfaces.wood(stage, "planter")
    for k in range(3):
        px, py = mirror * (5.0 + 2.0 * k), -6.6 + rng.uniform(-0.2, 0.2)
        boxes(stage, "planter", [((-0.75, -0.35, 0.0), (0.75, 0.35, 0.5))], planks, (px, py, 0.0))
        for dx in (-0.5, 0.0, 0.5):
            kind = pick(rng, ("card_thick_leafes", "card_bush_low", "card_palmy", "card_grass2"))
            kit.plant(stage, rng, kind, px + dx, py, 0.48, (0.35, 0.55))
    post = pick(rng, names.LAMP_POSTS)
    for u, v in ((-8.5, -7.2), (8.5, -7.2), (0.0, 6.0)):
        stage.put(post, u, v, yaw=180 if v < 0 else 0, scale=1.15)
    bulb = surfaces.sign(stage, "bulb", (1.0, 0.85, 0.6), 2.5)
    wire = materials.plain("wire", (0.02, 0.02, 0.02), 0.6)
    for number, u in enumerate((-8.0, -1.0, 6.0)):
        kit_market.garland(stage, (u, NORTH - 0.1, 4.4), (u + rng.uniform(-1.5, 1.5), SOUTH + 0.1, 3.4), wire, bulb)
        stage.lamp((u, -1.0 + number, 3.1), 70.0, radius=0.4)
    return tops
