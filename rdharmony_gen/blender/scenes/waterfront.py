# SPDX-License-Identifier: GPL-3.0-or-later
"""A promenade along a lake: paving, railing and lamps by the water to the south, houses behind, a far shore.

The lake is open to the east and west; lamps and lit windows of the far shore are mirrored in it at night.
"""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes.kit_draw import fronts, pick, several
from rdharmony_gen.blender.scenes.kit_shapes import Quads
from rdharmony_gen.blender.stage import Patch, Place, Stage

FRONTS = ("building_08_townhouse", "building_04_stucco_house", "building_06_shops", "building_03_brick_apartment")
EDGE, LANE, FRONT = -4.5, 6.2, 15.0
"""South edge of the quay, south edge of the lane, line of the house fronts."""
LAKE = -1.0


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the waterfront."""
    _quay(stage)
    _lake(stage)
    top = _furniture(stage)
    _houses(stage)
    return Place(
        stand=(Patch(-9, -3.0, 9, 3.0), Patch(-11, -3.4, 11, 4.6)),
        drive=(Patch(-9, LANE + 1.6, 9, LANE + 2.6, -0.1), Patch(-9, 0.0, 9, 1.8)),
        tops=(top,),
        camera_room=((-20.0, EDGE + 0.4, 0.6), (20.0, 11.0, 2.6)),
    )


def _quay(stage: Stage) -> None:
    rng = stage.rng("quay")
    texture, tile, tint = pick(
        rng,
        (
            ("paving_01", 2.2, (1.15, 1.08, 1.0)),
            ("brick_01", 1.8, (1.1, 0.98, 0.92)),
            ("concrete_tiles_01", 2.6, (0.82, 0.79, 0.74)),
            ("paving_01", 1.3, (0.95, 0.98, 1.05)),
        ),
    )
    paving = materials.tiled(
        stage.library, "promenade", texture, tile, tint=tint, variation=0.28, variation_m=2.8, roughness=0.72
    )
    stone = materials.tiled(
        stage.library, "quay_wall", "stone_wall_01", 2.4, tint=(0.8, 0.8, 0.8), variation=0.3, variation_m=3.0
    )
    edge = materials.tiled(stage.library, "coping", "concrete_01", 1.4, tint=(0.85, 0.83, 0.8), variation=0.25)
    lane = surfaces.asphalt(stage, "lane", 2.2)
    stage.box("quay_wall", (-170, EDGE, -4.0), (170, EDGE + 0.5, -0.16), stone)
    stage.box("coping", (-170, EDGE - 0.06, -0.16), (170, EDGE + 0.44, 0.02), edge)
    stage.box("promenade", (-170, EDGE + 0.44, -0.4), (170, LANE - 0.2, 0.0), paving)
    stage.box("kerb", (-170, LANE - 0.2, -0.4), (170, LANE, -0.005), edge)
    stage.floor("lane", -170, LANE, 170, LANE + 5.0, lane, z=-0.1)
    stage.box("kerb", (-170, LANE + 5.0, -0.4), (170, LANE + 5.2, 0.0), edge)
    stage.box("pavement", (-170, LANE + 5.2, -0.4), (170, 80, 0.0), paving)
    iron = bool(rng.random() < 0.5)
    if iron:
        for x in np.arange(-27, 28, 1.8):
            stage.put("fence_01", x, EDGE + 0.2, 0.02)
    rail = Quads()
    for x in np.arange(-60, 60.1, 2.0):
        if not iron or abs(x) > 28:
            rail.block((x - 0.035, EDGE + 0.165, 0.0), (x + 0.035, EDGE + 0.235, 1.05))
    for z in (0.3, 0.55, 0.8, 1.05):
        for x0, x1 in ((-60, -27.9), (27.9, 60)) if iron else ((-60, 60),):
            rail.beam((x0, EDGE + 0.2, z), (x1, EDGE + 0.2, z), 0.05, 0.04 if z < 1 else 0.07)
    colour = pick(rng, ((0.03, 0.05, 0.045), (0.55, 0.56, 0.56), (0.05, 0.10, 0.16)))
    rail.build(stage, "railing", materials.plain("railing", colour, 0.45, 0.4))


def _lake(stage: Stage) -> None:
    rng = stage.rng("lake")
    body = np.array([0.012, 0.035, 0.033]) * rng.uniform(0.6, 1.4)
    lake = paint.water("lake", tuple(body), wave_m=0.6, height_m=float(rng.uniform(0.02, 0.05)))
    stage.floor("lake", -700, -700, 700, EDGE + 0.2, lake, z=LAKE)
    wood = paint.timber(stage, "jetty", (0.75, 0.7, 0.64))
    x = float(rng.choice([-1, 1]) * rng.uniform(4, 12))
    things.jetty(stage, x, EDGE - 0.1, EDGE - 9.0, -0.35, wood)
    for side in (-1, 1):
        for k in range(int(rng.integers(1, 3))):
            turn = rng.uniform(-10, 10)
            stage.put("boat_01_rowboat", x + side * 1.9, EDGE - 3.0 - 3.8 * k, LAKE - 0.14, yaw=turn, scale=1.1)
    far = kit.swell(rng, 40.0)
    bank_x = np.linspace(-260, 260, 105)  # the far shore: a bank of grass with trees and houses
    bank_y = -78.0 + 5.0 * far(bank_x, 0 * bank_x)
    rows = [np.column_stack([bank_x, bank_y - d, np.full(105, z)]) for d, z in ((0, LAKE - 0.2), (3, 0.0), (160, 3.0))]
    points = np.concatenate(rows)
    i = np.arange(104)
    faces = np.concatenate([np.stack([i, i + 105, i + 106, i + 1], -1) + 105 * r for r in (0, 1)])
    stage.surface("far_bank", points, faces, points[:, :2], paint.lawn(stage, dry=0.2))
    for u in np.arange(-90, 91, 18.0):
        if rng.random() < 0.75:
            u = u + rng.uniform(-4, 4)
            stage.put(
                pick(rng, names.COUNTRY_HOUSES),
                u,
                float(np.interp(u, bank_x, bank_y)) - rng.uniform(12, 16),
                -0.1,
                yaw=180 + rng.uniform(-15, 15),
            )
    for u in np.arange(-130, 131, 4.2):
        card = pick(rng, names.LEAFY_CARDS)
        v = float(np.interp(u, bank_x, bank_y)) - (rng.uniform(5, 8) if rng.random() < 0.3 else rng.uniform(20, 40))
        stage.put(card, u + rng.uniform(-2, 2), v, -0.1, yaw=rng.uniform(0, 360), scale=rng.uniform(0.8, 1.3))
    woods = paint.earth(stage, "woods", "grass_01", (0.26, 0.33, 0.22))
    backdrop.ridge(stage, "south_hills", 170.0, 24.0, woods, (98.0, 262.0))
    count = 130
    angles = np.linspace(102, 258, count) + rng.uniform(-1, 1, count)
    radii = np.minimum(112 / -np.cos(np.radians(angles)), 160.0) + rng.uniform(0, 30, count)
    cards = several(rng, names.LEAFY_CARDS, 4)
    stage.belt("far_woods", cards, angles, radii, rng.uniform(1.2, 2.0, count), rng)


def _furniture(stage: Stage) -> Patch:
    rng = stage.rng("furniture")
    post, bench = pick(rng, names.LAMP_POSTS), pick(rng, names.PARK_BENCHES)
    tree = pick(rng, ("tree_02_ficus", "tree_06_poplar", "tree_08_peach_blossom", "tree_03_copper_beech"))
    for x in (-18.0, -10.5, -3.5, 3.5, 10.5, 18.0):
        stage.put(post, x + rng.uniform(-0.5, 0.5), EDGE + 0.95, 0.0, scale=1.15)
        if rng.random() < 0.7:
            stage.put(bench, x + 3.0, EDGE + 1.2, 0.0, yaw=180 if rng.random() < 0.6 else 0)
    soil = paint.earth(stage, "tree_pit", "soil_01", (0.8, 0.78, 0.75))
    for x in np.arange(-30, 31, 7.5):
        x = x + rng.uniform(-0.6, 0.6)
        stage.floor("tree_pit", x - 0.6, 4.7, x + 0.6, 5.8, soil, z=0.006)
        stage.put(tree, x, 5.25, 0.0, yaw=rng.uniform(0, 360), scale=rng.uniform(0.85, 1.05))
        if rng.random() < 0.5:
            stage.put("flowerbox_01", x + 2.2, 5.3, 0.0, scale=1.5)
    for x in (-13.0, 0.5, 13.0):
        stage.put("lamp_04_street", x + rng.uniform(-1, 1), LANE + 5.5, 0.0, yaw=0)
    stage.put("bin_01_park", rng.uniform(-6, 6), EDGE + 1.0, 0.0)
    kinds = several(rng, names.CARS[:6], 4)
    for number, x in enumerate((-24.0, -13.5, 14.0, 23.0)):
        if rng.random() < 0.8:
            stage.put(kinds[number], x + rng.uniform(-1, 1), LANE + 3.9, -0.1, yaw=90 + rng.uniform(-2, 2))
    for number, name in enumerate(several(rng, names.ADULTS, 3)):
        x = (-14.0, 12.5, 4.0)[number] + rng.uniform(-1.5, 1.5)
        y = (EDGE + 1.0, 0.0, LANE + 6.6)[number] + rng.uniform(-0.2, 0.5)
        stage.put(name, x, y, 0.0, yaw=rng.uniform(0, 360))
    kiosk = float(rng.choice([-1, 1]) * rng.uniform(12.5, 14.5))  # ice cream and newspapers
    colour = np.array(pick(rng, paint.CLOTHS)) * 0.8 + 0.1
    walls = paint.gloss(stage, "kiosk", (colour[0], colour[1], colour[2]))
    things.kiosk(stage, (kiosk, 2.9, 0), 0.0, 3.0, walls, paint.planks(stage, "kiosk_roof", (0.8, 0.78, 0.76), 1.2))
    stage.put("parasol_01", kiosk - np.sign(kiosk) * 2.9, 2.2, 0.0, scale=1.15)
    for x in (-16.5, -8.5, 8.5, 17.0):
        stage.put("flowerbox_01", x, 0.9 + rng.uniform(-0.4, 0.4), 0.0, scale=1.9)
    if rng.random() < 0.6:
        stage.put("bicycle_01", rng.uniform(-8, 8), 5.6, 0.0, yaw=80)
    x, y = float(rng.uniform(-5, 5)), 3.9
    if rng.random() < 0.5:  # a café table under a parasol, or a picnic table
        stage.put("parasol_01", x, y + 0.7, 0.0, scale=1.1)
        stage.put("bar_cafe_table_01", x, y, 0.0)
        for side in (-1, 1):
            stage.put("chair_06_cafe", x + side * 0.75, y + 0.1, 0.0, yaw=side * -90 + rng.uniform(-20, 20))
        return Patch(x - 0.1, y - 0.1, x + 0.1, y + 0.1, 0.739)
    things.picnic_table(stage, x, y, paint.timber(stage, "table", (0.9, 0.8, 0.7)))
    return Patch(x - 0.6, y - 0.12, x + 0.6, y + 0.12, things.TOP)


def _houses(stage: Stage) -> None:
    rng = stage.rng("houses")
    for name, x, depth in fronts(rng, FRONTS, -58.0, 58, (0.1, 4.5)):
        stage.put(name, x, FRONT + depth / 2 + rng.uniform(0, 0.6), -0.01)
    backdrop.landscape(stage, names.LEAFY_CARDS, radii=(62.0, 80.0), count=90, arc=(-84.0, 84.0), hill=16.0)
    for end in (-1, 1):  # the promenade ends in a little wood, low enough for a low sun
        for _ in range(16):
            card = pick(rng, names.LEAFY_CARDS)
            x, y = end * rng.uniform(64, 92), rng.uniform(EDGE + 1.5, 14)
            stage.put(card, x, y, 0.0, yaw=rng.uniform(0, 360), scale=rng.uniform(0.45, 0.75))
