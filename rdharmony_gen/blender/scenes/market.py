# SPDX-License-Identifier: GPL-3.0-or-later
"""A market on a cobbled square: two lines of stalls under striped roofs, crates, trays of fruit, houses around."""

import numpy as np

from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_market
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_shapes import FACING, marks
from rdharmony_gen.blender.stage import Patch, Place, Stage

NORTH, SOUTH, END = 12.5, -14.5, 25.0
"""Lines of the house fronts, and where the paving ends in the east and west."""
AISLE = 3.3
"""Half the distance between the fronts of the two lines of stalls."""
STONES = (
    ("paving_01", 1.3, (1.0, 0.93, 0.86)),
    ("cinder_blocks_01", 1.1, (1.5, 1.4, 1.28)),
    ("stone_wall_01", 2.2, (0.62, 0.60, 0.58)),
    ("brick_01", 1.6, (1.1, 1.0, 0.95)),
)
WARES = (*5 * ("fruit",), *2 * ("bottles",), *2 * ("flowers",), "bakery")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the market."""
    _grounds(stage)
    counters = _stalls(stage)
    tables = _tables(stage)
    _square(stage)
    kit.bystanders(stage, [(-10.5, 1.6), (-4.0, -1.7), (4.5, 1.7), (10.5, -1.5), (16.5, 6.0), (-17.0, -6.5)], share=0.7)
    backdrop.town(stage)
    return Place(
        stand=(Patch(-12, -1.6, 12, 1.6), Patch(-12, -1.2, 12, 1.2), Patch(13, -6, 18, 6), Patch(-18, -6, -13, 6)),
        drive=(Patch(13.5, -6.5, 18, 6.5), Patch(-18, -6.5, -13.5, 6.5)),
        tops=(*counters, *tables),
        camera_room=((-22.0, SOUTH + 2.0, 0.6), (22.0, NORTH - 1.5, 2.6)),
        sky_share=0.22,
    )


def _grounds(stage: Stage) -> None:
    stage.floor("lawn", -170, -170, 170, 170, surfaces.lawn(stage), z=-0.05)
    stage.floor("square", -END, SOUTH - 14, END, NORTH + 14, surfaces.paving(stage, "cobbles", STONES))
    gutter = surfaces.stone(stage, "gutter", 0.7)
    marks(stage, "gutter", [[-END, y - 0.16, END, y + 0.16] for y in (-2.1, 2.1)], gutter, 0.004)
    road = surfaces.asphalt(stage)
    for sign in (-1.0, 1.0):
        stage.floor("road", *((END, -3.0, 170, 3.0) if sign > 0 else (-170, -3.0, -END, 3.0)), road, z=-0.02)


def _stalls(stage: Stage) -> list[Patch]:
    """Two lines of stalls that face each other, with gaps; returns the free parts of the counters."""
    rng = stage.rng("stalls")
    kinds = some(rng, WARES, len(WARES))
    counters = []
    for sign, side in ((1.0, "north"), (-1.0, "south")):
        start = rng.uniform(-10.6, -9.4)
        for number in range(5):
            if number == 2 and rng.random() < 0.2:
                stage.put("car_10_van", start + 5.0 * number, sign * (AISLE + 2.4), yaw=90 + rng.uniform(-4, 4))
                continue
            x = start + 5.0 * number + rng.uniform(-0.35, 0.35)
            kind = kinds.pop()
            yaw = FACING[side]
            counters.append(
                kit_market.stall(
                    stage,
                    f"{side}{number}",
                    x,
                    sign * (AISLE + 0.5),
                    yaw,
                    goods=kind,
                    lamp=bool((number + (sign > 0)) % 2),
                )
            )
            if rng.random() < 0.7:
                stage.put(
                    pick(rng, ("crate_01", "barrel_01", "bin_02_wheelie")),
                    x + 2.3,
                    sign * (AISLE + 0.7),
                    yaw=rng.uniform(-20, 20),
                )
            if rng.random() < 0.5:
                stage.put(
                    pick(rng, names.PASSERS_BY), x - sign * 0.3, sign * (AISLE + 1.35), yaw=yaw + rng.uniform(-25, 25)
                )
    return counters


def _tables(stage: Stage) -> list[Patch]:
    """A snack corner at both ends of the aisle."""
    rng = stage.rng("tables")
    chair = pick(rng, names.CAFE_CHAIRS)
    tops = []
    for x, y in ((-14.5, 8.6), (-11.8, 9.1), (13.0, 9.0), (15.8, 8.5)):
        if rng.random() < 0.85:
            tops.append(
                kit_market.cafe(stage, x + rng.uniform(-0.4, 0.4), y, 0.0, rng, chair, parasol=bool(rng.random() < 0.5))
            )
    return tops


def _square(stage: Stage) -> None:
    """Fronts, lamps, trees, a fountain at one end, stacked crates and pallets."""
    rng = stage.rng("square")
    kit.row(stage, "north", names.TOWN_HOUSES, "north", NORTH, -44, 44, z=-0.02)
    kit.row(stage, "south", (*names.LOW_HOUSES, "building_06_shops"), "south", SOUTH, -44, 44, z=-0.02, gap=(0.1, 3.0))
    post = pick(rng, names.LAMP_POSTS)
    for x, sign in ((-12.6, 1.0), (-2.5, -1.0), (2.6, 1.0), (12.6, -1.0)):
        stage.put(post, x + rng.uniform(-0.4, 0.4), sign * 2.5, yaw=0 if sign > 0 else 180, scale=1.2)
    for x in (-19.5, 19.5):
        stage.put(post, x, 0.0, yaw=90 if x > 0 else -90, scale=1.2)
    tree = pick(rng, names.STREET_TREES)
    for x in (-20.5, 20.5):
        for y in (-9.0, 9.5):
            kit.street_tree(stage, tree, x + rng.uniform(-0.6, 0.6), y, 0.0, rng, 0.9)
    for x in (-13.0, -5.0, 4.0, 12.5):
        kit.street_tree(stage, tree, x + rng.uniform(-0.8, 0.8), SOUTH + 3.0, 0.0, rng, 0.75)
    end = float(rng.choice([-1.0, 1.0]))
    stage.put("fountain_01", end * 21.0, 3.6, scale=1.5)
    stage.put(pick(rng, names.BENCHES), end * 18.8, 3.8, yaw=-end * 90)
    for k in range(5):
        stage.put("pallet_01", -end * 20.5, 4.0, 0.12 * k, yaw=rng.uniform(-5, 5))
    for dx, dy, z in ((0.0, 2.2, 0.0), (0.7, 2.3, 0.0), (0.3, 2.2, 0.594)):
        stage.put("crate_01", -end * 20.5 + dx, 4.0 + dy, z, yaw=rng.uniform(-15, 15))
    stage.put("barrel_01", -end * 20.3, 7.2)
    for sign in (-1.0, 1.0):
        kit.wayside(stage, rng, sign, END + 0.5, SOUTH, NORTH, way=4.6)
        for y in np.r_[np.arange(SOUTH, -4.0, 1.5), np.arange(4.5, NORTH, 1.5)]:
            stage.put("bush_03_hedge_trimmed", sign * (END + 0.6), float(y), -0.05, yaw=90 + rng.uniform(-2, 2))
    kit.parked(stage, [(-30.0, 1.6, -90), (33.0, -1.6, 90), (41.0, 1.6, -90), (-42.0, -1.6, 90)], kinds=2, share=0.7)
