# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen through the windows of a room: a garden, a street, the roofs of a town, a yard.

East and west stay low or open, so that a rising or setting sun reaches the windows.
"""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as urban
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_indoor import Room

TREES = ("tree_06_poplar", "tree_03_copper_beech", "tree_08_peach_blossom", "tree_02_ficus", "tree_01_acacia")
CARDS = ("card_green_tree", "card_thick_tree", "card_horse_chestnut_tree", "card_willow", "card_birch")
HOUSES = ("building_04_stucco_house", "building_07_stone_cottage", "building_10_wood_cabin")


def _woods(room: Room, near: float, far: float, base: float = 0.0) -> None:
    """Trees all around, lower in the east and west."""
    stage = room.stage
    before = set(stage.collection.objects)
    backdrop.ring(
        stage,
        stage.rng("woods"),
        CARDS,
        backdrop.falling(0.6, 22.0),
        count=100,
        sway=2.0,
        radii=(near, far),
        scales=(0.8, 1.2),
    )
    for made in set(stage.collection.objects) - before:
        made.location[2] = base


def garden(room: Room, level: float = -0.25) -> None:
    """A lawn with hedges, a few trees, shrubs by the wall, a house behind them."""
    stage, rng = room.stage, room.stage.rng("garden")
    stage.floor("lawn", -90, -90, 90, 90, surfaces.lawn(stage), z=level)
    x, y = room.half_x, room.half_y
    terrace = surfaces.paving(stage, "terrace")
    stage.box("terrace", (-x - 2.4, -y - 2.6, level - 0.1), (x + 2.4, -y, level + 0.05), terrace)
    hedge = pick(rng, ("bush_02_hedge", "bush_03_hedge_trimmed"))
    for step in np.arange(-x - 5, x + 5.5, 1.45):
        room.put(hedge, step, -y - rng.uniform(5.4, 5.6), level)
    for side in (-1, 1):
        for step in np.arange(-y - 5, y + 6, 1.5):
            room.put("bush_03_hedge_trimmed", side * (x + 6.0), step, level, yaw=90)
    kinds = some(rng, TREES, 3)
    for number, dx in enumerate((-x - 1, 0.3, x + 2)):
        where = -y - rng.uniform(9, 15)
        room.put(
            kinds[number], dx + rng.uniform(-2, 2), where, level, yaw=rng.uniform(0, 360), scale=rng.uniform(0.8, 1.1)
        )
    for side in (-1, 1):
        for dy in (5.0, -8.0):
            room.put(
                kinds[0],
                side * (x + rng.uniform(12, 16)),
                dy + rng.uniform(-1.5, 1.5),
                level,
                yaw=rng.uniform(0, 360),
                scale=rng.uniform(0.6, 0.8),
            )
    for number in range(5):
        shrub = ("bush_01", "card_palmy", "card_thick_leafes")[number % 3]
        room.put(
            shrub,
            rng.uniform(-x, x),
            -y - rng.uniform(3.6, 4.8),
            level,
            yaw=rng.uniform(0, 360),
            scale=rng.uniform(0.5, 0.8),
        )
    house = pick(rng, HOUSES)
    room.put(
        house, rng.choice([-1, 1]) * rng.uniform(9, 14), -y - rng.uniform(24, 28), level, yaw=180 + rng.uniform(-20, 20)
    )
    _woods(room, 38, 50, level)


def street(room: Room, level: float = -0.16) -> None:
    """A street along the south side with parked cars, trees and houses; low gardens to the east and west."""
    stage, rng = room.stage, room.stage.rng("street")
    x, y = room.half_x, room.half_y
    near, far = -y - 4.2, -y - 12.2  # the kerbs
    stage.floor("asphalt", -120, -90, 120, 90, surfaces.asphalt(stage), z=level - 0.13)
    paving, kerb = surfaces.paving(stage), surfaces.stone(stage)
    for y0, y1 in ((near, 60.0), (-70.0, far)):
        stage.box("pavement", (-110, y0 + 0.18, level - 0.4), (110, y1 - 0.18, level), paving)
        stage.box("kerb", (-110.1, y0, level - 0.4), (110.1, y1, level - 0.012), kerb)
    row = urban.row(
        stage,
        "opposite",
        names.TOWN_HOUSES + names.LOW_HOUSES,
        "south",
        far - 3.2,
        -48,
        48,
        z=level - 0.01,
        gap=(0.1, 3.5),
    )
    assert row
    cars = some(rng, names.CARS, 4)
    for number, step in enumerate((-13.5, -7.2, 0.6, 6.4, 12.5)):
        if rng.random() < 0.75:
            lane = near - 1.2 if rng.random() < 0.35 else far + 1.2
            room.put(
                cars[number % 4], step + rng.uniform(-0.8, 0.8), lane, level - 0.13, yaw=90 if lane > far + 2 else -90
            )
    tree = pick(rng, TREES)
    for step in (-11.0, -3.4, 4.6, 11.6):
        room.put(
            tree, step + rng.uniform(-1, 1), far - 1.1, level, yaw=rng.uniform(0, 360), scale=rng.uniform(0.75, 0.95)
        )
    post = pick(rng, ("lamp_02_classic", "lamp_03_round"))
    room.put(post, rng.uniform(-2.5, 2.5), near + 0.7, level, yaw=180, scale=1.25)
    for side in (-1, 1):
        for step in np.arange(near + 1.4, y + 7, 1.5):
            room.put("bush_03_hedge_trimmed", side * (x + 5.5), step, level, yaw=90, scale=0.9)
        for dy in (2.0, 9.0):
            room.put(
                tree,
                side * (x + rng.uniform(10, 13)),
                dy + rng.uniform(-1, 1),
                level,
                yaw=rng.uniform(0, 360),
                scale=0.65,
            )
        room.put("building_11_warehouse", side * 62, rng.uniform(-6, 6), level, yaw=side * -90)
    _woods(room, 55, 70, level)


def roofs(room: Room, level: float = -11.5) -> None:
    """A town from the fourth floor: streets and houses below, taller ones to the south."""
    stage, rng = room.stage, room.stage.rng("roofs")
    ground = materials.tiled(
        stage.library, "ground", "concrete_tiles_01", 9.0, tint=(0.8, 0.8, 0.78), variation=0.4, variation_m=22.0
    )
    stage.floor("ground", -220, -220, 220, 220, ground, z=level)
    y = -room.half_y
    tall = ("building_05_office", "building_12_balcony_block", "building_03_brick_apartment", "building_09_highrise")
    urban.row(stage, "first", names.TOWN_HOUSES + names.LOW_HOUSES, "south", y - 26, -60, 60, z=level, gap=(3.0, 9.0))
    urban.row(stage, "second", tall, "south", y - 52, -90, 90, z=level, gap=(5.0, 16.0))
    for side in ("east", "west"):
        low = ("building_04_stucco_house", "building_08_townhouse", "building_07_stone_cottage")
        reach = room.half_x + 20
        urban.row(
            stage, f"near_{side}", low, side, reach if side == "east" else -reach, -45, 30, z=level, gap=(3.0, 8.0)
        )
        reach += 26
        kinds = ("building_06_shops", "building_04_stucco_house", "building_11_warehouse", "building_08_townhouse")
        urban.row(
            stage, f"far_{side}", kinds, side, reach if side == "east" else -reach, -60, 40, z=level, gap=(4.0, 12.0)
        )
    for _ in range(18):
        a, r = rng.uniform(0, 2 * np.pi), rng.uniform(14, 23)
        room.put(pick(rng, TREES[:3]), r * np.cos(a), y * 0 - abs(r * np.sin(a)), level, scale=rng.uniform(0.8, 1.1))
    _woods(room, 105, 130, level)


def yard(room: Room, level: float = -0.03) -> None:
    """A works yard: concrete, containers, barrels, a warehouse, a fence and trees behind it."""
    stage, rng = room.stage, room.stage.rng("yard")
    x, y = room.half_x, room.half_y
    ground = materials.tiled(
        stage.library,
        "yard",
        "concrete_tiles_01",
        3.4,
        second="asphalt_01",
        second_share=0.35,
        tint=(0.95, 0.93, 0.88),
        variation=0.35,
        variation_m=4.0,
    )
    stage.floor("yard", -40, -40, 40, 40, ground, z=level)
    stage.floor("meadow", -120, -120, 120, 120, surfaces.lawn(stage), z=level - 0.02)
    for number, (dx, dy) in enumerate(((-6.5, -11.0), (-1.5, -12.5), (5.5, -10.5))):
        if rng.random() < 0.75:
            turn = 90 + rng.uniform(-6, 6) if number != 1 else rng.uniform(-8, 8)
            room.put("container_01", dx + rng.uniform(-1, 1), -y + dy + rng.uniform(-1, 1), level, yaw=turn)
    room.put("building_11_warehouse", rng.uniform(-14, 14), -y - 33, level, yaw=180)
    room.put(pick(rng, ("truck_01", "car_10_van")), rng.uniform(-9, 9), -y - 17, level, yaw=rng.choice([90, -90]))
    for side in (-1, 1):
        for number in range(3):
            thing = ("barrel_01", "crate_01", "bin_02_wheelie")[number]
            room.put(thing, side * (x + 7.5 + rng.uniform(-1, 1)), -4.5 + 4.2 * number, level, yaw=rng.uniform(0, 360))
        for step in np.arange(-y - 8, y + 9, 1.8):
            room.put("fence_01", side * (x + 13), step, level, yaw=90)
        for dy in (-7.0, 3.0, 11.0):
            room.put(
                pick(rng, TREES),
                side * (x + rng.uniform(19, 24)),
                dy + rng.uniform(-2, 2),
                level,
                yaw=rng.uniform(0, 360),
                scale=rng.uniform(0.6, 0.8),
            )
    _woods(room, 46, 60, level)
