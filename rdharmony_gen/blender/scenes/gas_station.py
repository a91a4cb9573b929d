# SPDX-License-Identifier: GPL-3.0-or-later
"""A gas station: pumps under a lit canopy, a shop with a glass front, a price board, a road with houses beyond."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_shapes import arrow, boxes, dashes, drum, lettering, marks
from rdharmony_gen.blender.stage import Patch, Place, Stage

SHOP, ROAD_NORTH, ROAD_SOUTH, EDGE = 11.0, -11.0, -19.0, 18.6
"""Front of the shop, the edges of the road, half the width of the forecourt."""
CONCRETES = (
    ("concrete_tiles_01", 3.0, (0.72, 0.70, 0.66)),
    ("concrete_01", 2.4, (0.70, 0.68, 0.64)),
    ("cinder_blocks_01", 1.6, (1.45, 1.38, 1.3)),
)
BRANDS = (
    ("NOVA", (0.60, 0.03, 0.03)),
    ("ORBIT", (0.02, 0.13, 0.45)),
    ("LINDEN", (0.02, 0.26, 0.10)),
    ("SOLIS", (0.80, 0.36, 0.01)),
)


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the gas station."""
    rng = stage.rng("layout")
    shift = float(rng.uniform(-2.0, 2.0))
    name, colour = pick(rng, BRANDS)
    brand = surfaces.sign(stage, "brand", colour, 0.45)
    letters = surfaces.sign(stage, "letters", (0.85, 0.85, 0.82), 1.0)
    _grounds(stage)
    _canopy(stage, shift, name, brand, letters)
    table = _shop(stage, shift, name, brand, letters)
    _price_board(stage, shift, name, brand, letters)
    _around(stage, shift)
    kit.bystanders(stage, [(shift - 3.2, 8.6), (shift + 9.5, 3.0), (shift - 11.0, -4.0)])
    return Place(
        stand=(
            Patch(shift - 12, -8.5, shift + 12, -3.6),
            Patch(shift - 11, 4.2, shift + 9, 8.0),
            Patch(shift - 5, -1.5, shift + 5, 1.5),
        ),
        drive=(Patch(shift - 11, -7.5, shift + 11, -4.4), Patch(shift - 9, 4.6, shift + 7, 6.8)),
        tops=(table,),
        camera_room=((-EDGE + 1.2, ROAD_SOUTH - 1.0, 0.6), (EDGE - 1.2, SHOP - 1.4, 2.6)),
        sky_share=0.26,
    )


def _grounds(stage: Stage) -> None:
    rng = stage.rng("ground")
    slabs = surfaces.paving(stage, "forecourt", CONCRETES)
    tar, kerb, paint = surfaces.asphalt(stage), surfaces.stone(stage), surfaces.road_paint(stage)
    stage.floor("lawn", -170, -170, 170, 170, surfaces.lawn(stage), z=-0.05)
    stage.floor("road", -170, ROAD_SOUTH, 170, ROAD_NORTH, tar, z=-0.012)
    stage.floor("forecourt", -EDGE, ROAD_NORTH - 0.1, EDGE, 24.0, slabs)
    joints = [[x - 0.02, ROAD_NORTH, x + 0.02, 24.0] for x in np.arange(-EDGE + 3.0, EDGE, 4.0)]
    joints += [[-EDGE, y - 0.02, EDGE, y + 0.02] for y in np.arange(ROAD_NORTH + 2.5, 24.0, 4.0)]
    marks(stage, "joints", joints, surfaces.stone(stage, "joint", 0.3), 0.004)
    walk = surfaces.paving(stage, "walk")
    for x0, x1 in ((-170, -17.6), (-8.4, 8.4), (17.6, 170)):
        kit.pavement(stage, x0, ROAD_NORTH, x1, ROAD_NORTH + 1.8, walk, kerb)
    kit.pavement(stage, -170, ROAD_SOUTH - 2.6, 170, ROAD_SOUTH, walk, kerb)
    marks(stage, "lines", dashes(-120, 120, (ROAD_NORTH + ROAD_SOUTH) / 2), paint, -0.006)
    for x in (-11.5, 14.5):
        arrow(stage, x, ROAD_NORTH + 3.2, 90.0 if x < 0 else -90.0, paint, 0.008)
    for x in np.arange(-7.0, 7.5, 1.4):
        stage.put("bush_03_hedge_trimmed", x, ROAD_NORTH + 0.95, kit.KERB - 0.02, yaw=rng.uniform(-2, 2), scale=0.7)


def _canopy(stage: Stage, shift: float, name: str, brand: object, letters: object) -> None:
    """A flat roof on columns over two islands, each with two pumps; four lamps in its ceiling."""
    rng = stage.rng("canopy")
    white = materials.plain("canopy_white", (0.74, 0.74, 0.72), 0.4)
    steel = materials.plain("steel", (0.45, 0.46, 0.47), 0.35, 0.8)
    dark = materials.plain("rubber", (0.02, 0.02, 0.022), 0.6)
    kerb, half_x, half_y, low, high = surfaces.stone(stage, "island", 1.0), 8.2, 4.3, 4.6, 5.35
    at = (shift, 0.0, 0.0)
    boxes(stage, "canopy", [((-half_x, -half_y, low), (half_x, half_y, high))], white, at)
    band = [((s * half_x, -half_y, low + 0.12), (s * (half_x + 0.05), half_y, high - 0.12)) for s in (-1, 1)]
    band += [
        ((-half_x - 0.05, s * half_y, low + 0.12), (half_x + 0.05, s * (half_y + 0.05), high - 0.12)) for s in (-1, 1)
    ]
    boxes(stage, "canopy_band", band, brand, at)
    for u in (-5.0, 5.0):
        lettering(stage, name, (shift + u, -half_y - 0.07, (low + high) / 2), 0.34, letters)
    panels = []
    for u in (-4.6, 0.0, 4.6):
        for v in (-2.1, 2.1):
            panels.append(((u - 0.35, v - 0.35, low - 0.03), (u + 0.35, v + 0.35, low)))
            if u:
                stage.lamp((shift + u, v, low - 0.25), 210.0, radius=0.3)
    boxes(stage, "canopy_lights", panels, letters, at)
    for u in (-4.6, 4.6):
        x = shift + u
        stage.box("island", (x - 0.75, -3.4, 0.0), (x + 0.75, 3.4, 0.16), kerb)
        for v in (-2.9, 2.9):
            drum(stage, "column", x, v, 0.19, 0.16, low, steel)
            drum(stage, "bollard", x, v * 1.31, 0.08, 0.0, 0.75, brand, sides=20)
        for v in (-1.25, 1.25):
            _pump(stage, x, v, brand, white, dark, letters)
        if rng.random() < 0.6:
            stage.put("bin_01_park", x, 0.0, 0.16, scale=0.8)


def _pump(stage: Stage, x: float, y: float, brand: object, white: object, dark: object, screen: object) -> None:
    at = (x, y, 0.16)
    body = [((-0.26, -0.42, 0.0), (0.26, 0.42, 1.18)), ((-0.22, -0.36, 1.18), (0.22, 0.36, 1.62))]
    panel = [((-0.28, -0.38, 0.12), (0.28, 0.38, 0.62)), ((-0.24, -0.42, 1.62), (0.24, 0.42, 1.84))]
    boxes(stage, "pump", body, white, at)
    boxes(stage, "pump_panel", panel, brand, at)
    boxes(stage, "pump_screen", [((-0.235, -0.2, 1.28), (0.235, 0.2, 1.5))], screen, at)
    sides = [(s, v) for s in (-1, 1) for v in (-0.3, -0.1, 0.1, 0.3)]
    hoses = [((s * 0.28, v - 0.045, 0.72), (s * 0.36, v + 0.045, 1.02)) for s, v in sides]
    hoses += [((s * 0.29, v - 0.014, 0.2), (s * 0.32, v + 0.014, 0.74)) for s, v in sides]
    boxes(stage, "pump_hoses", hoses, dark, at)


def _shop(stage: Stage, shift: float, name: str, brand: object, letters: object) -> Patch:
    """A flat shop with a glass front, goods before it; returns the top of a table beside its door."""
    rng = stage.rng("shop")
    half, depth, tall = 7.5, 7.0, 3.7
    walls = materials.tiled(
        stage.library,
        "shop_wall",
        *pick(rng, (("stucco_01", 2.0), ("brick_01", 1.8), ("concrete_02", 3.0))),
        tint=(1.15, 1.1, 1.02),
        variation=0.12,
    )
    frame, glass = materials.plain("shop_frame", (0.08, 0.085, 0.09), 0.4), surfaces.shop_glass(stage)
    at = (shift, SHOP, 0.0)
    inner = half - 1.2
    shell = [
        ((-half, 0, 0), (-inner, depth, tall)),
        ((inner, 0, 0), (half, depth, tall)),
        ((-inner, 0.3, 3.0), (inner, depth, tall)),
        ((-inner, 0.3, 0), (inner, 0.5, 0.45)),
        ((-inner, depth - 0.2, 0), (inner, depth, 3.0)),
    ]
    boxes(stage, "building_shop", shell, walls, at)
    boxes(stage, "building_shop_glass", [((-half + 1.2, 0.38, 0.45), (half - 1.2, 0.44, 3.0))], glass, at)
    bars = [((u - 0.04, 0.33, 0.45), (u + 0.04, 0.47, 3.0)) for u in np.linspace(-half + 1.2, half - 1.2, 8)]
    boxes(
        stage,
        "shop_frame",
        [*bars, ((-half + 1.2, 0.33, 2.2), (half - 1.2, 0.47, 2.28)), ((-1.1, 0.28, 0.0), (1.1, 0.36, 0.45))],
        frame,
        at,
    )
    boxes(stage, "shop_board", [((-half - 0.1, -0.12, 2.9), (half + 0.1, 0.32, 3.95))], brand, at)
    lettering(
        stage,
        pick(rng, (f"{name} SHOP", "SHOP & CAFE", f"{name} EXPRESS")),
        (shift, SHOP - 0.14, 3.42),
        0.6,
        letters,
    )
    stage.lamp((shift - 3.0, SHOP - 0.9, 2.8), 45.0)
    stage.lamp((shift + 3.0, SHOP - 0.9, 2.8), 45.0)
    x, y = shift - 5.8, SHOP - 1.2
    stage.put("bar_table_01", x, y)
    for u in (-0.75, 0.75):
        stage.put("bar_stool_02", x + u, y, yaw=-90 if u > 0 else 90)
    for u in (1.9, 2.6, 3.3):
        stage.put("crate_01", shift + u, SHOP - 0.3, yaw=rng.uniform(-6, 6))
    stage.put("crate_01", shift + 2.3, SHOP - 0.3, 0.594, yaw=rng.uniform(-20, 20))
    for u in (4.3, 5.2):
        stage.put("flowerbox_01", shift + u, SHOP - 0.3, scale=1.3)
    for u in (6.2, 6.95):
        stage.put("bin_02_wheelie", shift + u, SHOP - 0.4, yaw=rng.uniform(-10, 10))
    return Patch(x - 0.16, y - 0.16, x + 0.16, y + 0.16, 1.024)


def _price_board(stage: Stage, shift: float, name: str, brand: object, letters: object) -> None:
    rng = stage.rng("prices")
    black = materials.plain("board_black", (0.015, 0.015, 0.018), 0.5)
    side = float(rng.choice([-1.0, 1.0]))
    at = (shift + side * 11.8, ROAD_NORTH + 2.7, 0.0)
    boxes(stage, "price_board", [((-0.95, -0.16, 0.0), (0.95, 0.16, 5.4))], black, at)
    boxes(stage, "price_head", [((-1.0, -0.2, 4.3), (1.0, 0.2, 5.5))], brand, at)
    for look, out in (("north", -0.21), ("south", 0.21)):
        lettering(stage, name, (at[0], at[1] + out, 4.9), 0.36, letters, look)
        for line in range(3):
            price = f"1.{int(rng.integers(45, 99))}9"
            lettering(stage, price, (at[0], at[1] + out * 0.8, 3.7 - 0.85 * line), 0.5, letters, look)


def _around(stage: Stage, shift: float) -> None:
    """Cars at the shop, perhaps a lorry, hedges and trees at the edges, houses all around."""
    rng = stage.rng("around")
    cars = [(shift + x, 13.3, yaw) for x, yaw in ((-10.5, 0.0), (-13.4, 0.0), (10.0, 180.0), (12.8, 0.0))]
    kit.parked(stage, [*cars, (-30.0, -17.0, 90.0), (34.0, -13.0, -90.0), (-46.0, -13.0, -90.0)], kinds=4)
    if rng.random() < 0.5:
        stage.put(pick(rng, ("truck_01", "bus_02_city")), shift + 14.8, 2.0, yaw=rng.uniform(-3, 3))
    stage.put("container_01", shift - 14.9, 4.5, yaw=rng.uniform(-4, 4))
    for x in (-17.0, 0.0, 17.0):
        stage.put("lamp_04_street", x, ROAD_SOUTH - 0.5, kit.KERB, yaw=180)
    for sign in (-1.0, 1.0):
        stage.put("lamp_04_street", sign * (EDGE - 0.6), -5.5, yaw=-sign * 90)
        for y in np.arange(ROAD_NORTH + 2.6, 24.0, 1.5):
            stage.put("bush_03_hedge_trimmed", sign * (EDGE + 0.3), y, -0.06, yaw=90 + rng.uniform(-2, 2), scale=1.1)
        kit.wayside(stage, rng, sign, EDGE, ROAD_NORTH + 3.0, 24.0)
    tree = pick(rng, names.STREET_TREES)
    for x in np.arange(-26.0, 27.0, 5.0):
        kit.plant(stage, rng, tree, x + rng.uniform(-1.5, 1.5), 26.5 + rng.uniform(-1, 1), -0.05, (0.9, 1.3))
    for x in np.arange(-50.0, 52.0, 9.0):
        kit.plant(stage, rng, tree, x + rng.uniform(-2, 2), ROAD_SOUTH - 4.2, -0.05, (0.7, 0.9))
    south = (*names.LOW_HOUSES, "building_10_wood_cabin")
    kit.row(stage, "south", south, "south", ROAD_SOUTH - 7.5, -58, 58, z=-0.05, gap=(2.0, 7.0))
    kit.row(
        stage,
        "north",
        (*names.TOWN_HOUSES, "building_04_stucco_house"),
        "north",
        31.0,
        -60,
        60,
        z=-0.05,
        gap=(1.0, 6.0),
    )
    backdrop.town(stage)
