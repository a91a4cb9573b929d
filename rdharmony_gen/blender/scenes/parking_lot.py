# SPDX-License-Identifier: GPL-3.0-or-later
"""The car park of a market hall: marked bays, trees and lamps, a shop front, a road beyond a hedge."""

import numpy as np

from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_market
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_shapes import arrow, boxes, dashes, lettering, marks
from rdharmony_gen.blender.stage import Patch, Place, Stage

WEST, EAST, SOUTH, WALK, SHOPS = -24.0, 24.0, -14.5, 11.5, 16.0
"""Edges of the asphalt, inner edge of the shops' pavement, line of the shop fronts."""
BAY = 2.7
NAMES = ("MARKET", "FRESH", "CITY MARKET", "SUPER", "GARDEN & HOME")
BRANDS = ((0.55, 0.03, 0.03), (0.02, 0.22, 0.10), (0.02, 0.10, 0.40), (0.75, 0.32, 0.02))


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the car park."""
    _grounds(stage)
    _bays(stage)
    table = _shops(stage)
    _edges(stage)
    kit.bystanders(stage, [(-9.0, 13.6), (8.0, 13.8), (-17.0, 0.5), (15.0, -0.5)])
    backdrop.town(stage)
    return Place(
        stand=(Patch(-16, -2.4, 16, 2.2), Patch(-16, WALK + 1.0, 16, SHOPS - 2.0, kit.KERB)),
        drive=(Patch(-16, -1.8, 16, 1.4),),
        tops=(table,),
        camera_room=((WEST + 2.0, SOUTH + 1.5, 0.6), (EAST - 2.0, SHOPS - 0.8, 2.6)),
        sky_share=0.3,
    )


def _grounds(stage: Stage) -> None:
    slabs, kerb = surfaces.paving(stage, "slabs"), surfaces.stone(stage)
    stage.floor("lawn", -170, -170, 170, 170, surfaces.lawn(stage), z=-0.04)
    tar = surfaces.asphalt(stage)
    stage.floor("asphalt", WEST, SOUTH, EAST, WALK, tar)
    stage.floor("road", -170, -28.0, 170, -20.5, tar, z=-0.02)
    stage.floor("yard", WEST - 40, WALK + 0.3, EAST + 40, 45, slabs, z=-0.01)
    for x in (-7.0, 7.0):  # the way in
        stage.floor("entry", x - 3.2, -21.0, x + 3.2, SOUTH + 0.2, tar, z=-0.012)
    kit.pavement(stage, WEST, WALK, EAST, SHOPS + 0.3, slabs, kerb)


def _bays(stage: Stage) -> None:
    """Two rows of bays with cars; islands with trees between those that stand nose to nose."""
    rng = stage.rng("bays")
    paint, kerb = surfaces.road_paint(stage), surfaces.stone(stage, "island")
    edges = np.arange(-7, 8) * BAY
    lines = [[x - 0.05, y0, x + 0.05, y0 + 5.0] for y0 in (-9.4, 4.2) for x in edges]
    lines += [[edges[0], y - 0.05, edges[-1], y + 0.05] for y in (-9.4, 9.2)]
    x = float(rng.uniform(-5, 5))
    marks(stage, "lines", lines, paint, 0.005)
    for u in (x - 11.0, x, x + 11.0):
        arrow(stage, u, -1.4, 0.0, paint, 0.005)
        arrow(stage, u + 3.0, 1.4, 180.0, paint, 0.005)
    middles = (edges[:-1] + edges[1:]) / 2
    spots = [(float(u), -6.9, pick(rng, (0.0, 180.0))) for u in middles] + [
        (float(u), 6.7, pick(rng, (0.0, 180.0, 0.0))) for u in middles
    ]
    kit.parked(stage, spots, kinds=5, share=0.62, sway=0.25)
    bed = surfaces.lawn(stage, "bed")
    stage.box("island_kerb", (edges[0], -11.9, -0.1), (edges[-1], -9.9, 0.13), kerb)
    stage.box("island", (edges[0] + 0.15, -11.75, -0.1), (edges[-1] - 0.15, -10.05, 0.16), bed)
    tree = pick(rng, names.STREET_TREES)
    for u in np.arange(-16.0, 17.0, 8.0):
        kit.plant(stage, rng, tree, u + rng.uniform(-0.8, 0.8), -10.9, 0.14, (0.75, 0.95))
        stage.put("card_bush_low", u + 3.5, -10.9, 0.14, yaw=rng.uniform(0, 360), scale=0.5)
    for u in (-20.0, -4.0, 12.0):
        stage.put("lamp_04_street", u + 0.2, -10.8, 0.14, yaw=180)
    for end in (-1.0, 1.0):
        u = end * 20.6
        stage.box("island_kerb", (u - 1.3, 4.0, -0.1), (u + 1.3, 9.6, 0.13), kerb)
        stage.box("island", (u - 1.15, 4.15, -0.1), (u + 1.15, 9.45, 0.16), bed)
        stage.put(tree, u, 6.8, 0.14, yaw=rng.uniform(0, 360), scale=0.85)
        stage.put("lamp_04_street", u, 4.5, 0.14)
    if rng.random() < 0.7:
        for u, v in ((-3.0, 4.3), (-1.6, 4.5), (3.9, -4.4)):
            stage.put("cone_01", u + x, v)


def _shops(stage: Stage) -> Patch:
    """The market with its sign, smaller shops beside it, goods for sale before it; returns the sales table's top."""
    rng = stage.rng("shops")
    shift = float(rng.uniform(-4.0, 4.0))
    hall = kit.house(stage, "building_11_warehouse", "north", shift, SHOPS, kit.KERB - 0.02)
    kit.row(
        stage,
        "west",
        (*names.TOWN_HOUSES, "building_05_office"),
        "north",
        SHOPS + 1.0,
        -52,
        hall.location[0] - 9.6,
        z=0.0,
    )
    kit.row(stage, "east", (*names.TOWN_HOUSES, "building_05_office"), "north", SHOPS + 1.0, shift + 9.8, 54, z=0.0)
    brand = pick(rng, BRANDS)
    board, white = surfaces.sign(stage, "board", brand, 0.35), surfaces.sign(stage, "letters", (0.85, 0.85, 0.82), 0.9)
    boxes(stage, "sign", [((-4.6, -0.25, 0), (4.6, 0.0, 1.3))], board, (shift, SHOPS, 4.9))
    lettering(stage, pick(rng, NAMES), (shift, SHOPS - 0.27, 5.55), 0.8, white, fit=8.4)
    striped = surfaces.cloth(stage, "awning", 0.3)
    for x in (-5.2, 0.0, 5.2):
        kit_market.awning(stage, x + shift, SHOPS - 0.02, 3.25, 4.4, 1.3, striped)
    planks = surfaces.wood(stage, "sales_wood")
    x, y = shift + float(rng.uniform(-7.5, -3.5)), SHOPS - 2.3
    legs = [((sx - 0.04, sy - 0.04, 0), (sx + 0.04, sy + 0.04, 0.74)) for sx in (-1.2, 1.2) for sy in (-0.38, 0.38)]
    boxes(stage, "sales_table", [*legs, ((-1.3, -0.45, 0.74), (1.3, 0.45, 0.79))], planks, (x, y, kit.KERB))
    for k in range(2):
        kit_market.tray(
            stage, pick(rng, kit_market.FRUIT), (x - 1.0, y - 0.2 + 0.4 * k, kit.KERB + 0.79), 0.0, planks, rng
        )
    for u in (2.6, 3.5, 4.4):
        stage.put("flowerbox_01", x + u, y + 0.5, kit.KERB, scale=1.2)
        stage.put("living_plant_02", x + u, y - 0.2, kit.KERB, yaw=rng.uniform(0, 360))
    for u in (-15.0, 9.0, 16.0):
        stage.put("bench_03_concrete", u, WALK + 1.1, kit.KERB, yaw=0)
        stage.put("bin_01_park", u + 1.5, WALK + 1.0, kit.KERB)
    for u in (12.0, 13.0, 14.0):  # a stand for bicycles
        stage.put("railing_01", u, WALK + 3.2, kit.KERB, yaw=90, scale=0.8)
        if rng.random() < 0.6:
            stage.put("bicycle_01", u + 0.3, WALK + 3.0, kit.KERB, yaw=180 * int(rng.integers(2)))
    for u in (-11.0, 0.0, 11.0):
        stage.put("lamp_02_classic", u, WALK + 0.7, kit.KERB, scale=1.3)
    for k in range(4):
        stage.put("pallet_01", shift + 8.0, SHOPS - 1.2, kit.KERB + 0.12 * k, yaw=rng.uniform(-4, 4))
    return Patch(x - 0.3, y - 0.16, x + 1.0, y + 0.16, kit.KERB + 0.79)


def _edges(stage: Stage) -> None:
    """A hedge and the road in the south with houses beyond, fences and trees in the east and west."""
    rng = stage.rng("edges")
    for x in np.arange(WEST, EAST, 1.5):
        if min(abs(x + 7.0), abs(x - 7.0)) > 4.0:
            stage.put("bush_03_hedge_trimmed", x, SOUTH - 0.9, -0.05, yaw=rng.uniform(-2, 2))
    for sign in (-1.0, 1.0):
        for y in np.arange(SOUTH + 1.0, WALK, 1.8):
            stage.put("fence_01", sign * (EAST + 0.5), y, -0.04, yaw=90)
        kit.wayside(stage, rng, sign, EAST, SOUTH, WALK)
    paint = surfaces.road_paint(stage)
    marks(stage, "road_lines", dashes(-120, 120, -24.2), paint, -0.014)
    kit.row(stage, "south", (*names.LOW_HOUSES, "building_06_shops"), "south", -33.0, -58, 58, z=-0.05, gap=(1.0, 6.0))
    for x in np.arange(-50.0, 55.0, 9.0):
        kit.plant(stage, rng, names.TOWN_CARDS[0], x + rng.uniform(-2, 2), -30.5, -0.05, (0.6, 0.8))
