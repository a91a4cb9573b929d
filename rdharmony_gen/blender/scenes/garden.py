# SPDX-License-Identifier: GPL-3.0-or-later
"""A garden: a house with a terrace to the south, lawn, flower beds, hedges around, a gravel drive beside it."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.assets import manifest
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import pick, several
from rdharmony_gen.blender.scenes.kit_shapes import Quads
from rdharmony_gen.blender.stage import Patch, Place, Stage

TREES = ("tree_08_peach_blossom", "tree_05_japanese_maple", "tree_02_ficus", "tree_01_acacia", "tree_03_copper_beech")
CHAIRS = ("chair_07_rattan", "chair_06_cafe", "chair_02_oak")
PETALS = (
    (0.75, 0.06, 0.10),
    (0.85, 0.55, 0.03),
    (0.80, 0.78, 0.74),
    (0.42, 0.12, 0.50),
    (0.85, 0.30, 0.40),
    (0.14, 0.16, 0.60),
)
SIDE, SOUTH = 13.5, -11.5
"""The hedges: x east and west, y in the south."""


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the garden."""
    side = 1.0 if stage.rng("side").random() < 0.5 else -1.0  # of the drive
    _ground(stage, side)
    _house(stage, side)
    top = _terrace(stage, side)
    _beds(stage, side)
    _hedges(stage, side)
    backdrop.landscape(stage, names.LEAFY_CARDS)
    return Place(
        stand=(Patch(-6, -4.5, 6, 1.5), Patch(-8, -7, 8, 2.2)),
        drive=(Patch(side * 10.6 - 0.3, -4, side * 10.6 + 0.3, 5),),
        tops=(top,),
        camera_room=((-12.5, -10.0, 0.6), (12.5, 6.5, 2.6)),
    )


def _ground(stage: Stage, side: float) -> None:
    rng = stage.rng("ground")
    stage.floor("lawn", -150, -150, 150, 150, paint.lawn(stage), z=-0.012)
    gravel = paint.earth(stage, "drive", "gravel_01" if rng.random() < 0.6 else "sand_01", (0.95, 0.88, 0.78))
    x0, x1 = sorted((side * 9.0, side * 12.3))
    stage.floor("drive", x0, -60, x1, 9, gravel, z=0.0)
    slab = materials.tiled(
        stage.library, "slab", "concrete_01", 1.1, tint=(0.85, 0.82, 0.76), variation=0.3, variation_m=0.8
    )
    stones = Quads()
    y = 3.0
    sway, phase = rng.uniform(0.8, 2.0), rng.uniform(0, 6.28)
    while y > -9:  # stepping stones down the lawn
        x = -side * 2.0 + sway * np.sin(y / 3.2 + phase)
        stones.block((x - 0.29, y - 0.22, -0.05), (x + 0.29, y + 0.22, 0.004))
        y -= 0.62
    stones.build(stage, "stepping_stones", slab)


def _house(stage: Stage, side: float) -> None:
    rng = stage.rng("house")
    house = pick(rng, ("building_04_stucco_house", "building_07_stone_cottage", "building_10_wood_cabin"))
    depth = manifest()[house]["size_m"][1]
    stage.put(house, -side * rng.uniform(1.0, 3.0), 7.6 + depth / 2, 0.0)
    shed = paint.gloss(stage, "garage") if rng.random() < 0.5 else paint.planks(stage, "garage", (1.1, 1.0, 0.9))
    roof = materials.tiled(stage.library, "garage_roof", "roof_tiles_01", 2.0, tint=(0.8, 0.75, 0.75))
    things.gabled(stage, "building_garage", (side * 10.6, 12.5, 0), 0.0, (4.2, 6.0, 2.5, 3.9), shed, roof, 0.35)
    door = Quads()
    door.block((-1.4, -3.06, 0.02), (1.4, -3.0, 2.2))
    door.build(stage, "garage_door", paint.planks(stage, "garage_door", (0.9, 0.8, 0.7), 1.2), (side * 10.6, 12.5, 0))
    things.lantern(stage, (side * 10.6, 9.25, 2.45), 80.0)
    stage.put("building_01_garden_hut", -side * 11.2, -8.5, 0.0, yaw=-side * 55)
    for x, y, turn in ((-26.0, 12.0, 8.0), (27.0, 15.0, -10.0), (-12.0, -32.0, 175.0), (15.0, -34.0, 188.0)):
        name = pick(rng, names.COUNTRY_HOUSES)
        stage.put(name, x + rng.uniform(-2, 2), y + rng.uniform(-2, 2), -0.01, yaw=turn + rng.uniform(-6, 6))


def _terrace(stage: Stage, side: float) -> Patch:
    """Paving before the house with table and chairs, pots, lanterns; returns the table's top."""
    rng = stage.rng("terrace")
    texture, tile, tint = pick(
        rng,
        (
            ("paving_01", 1.5, (1.15, 1.08, 1.0)),
            ("stone_wall_01", 2.4, (0.85, 0.82, 0.78)),
            ("wood_planks_01", 1.6, (1.25, 1.1, 0.95)),
            ("brick_01", 1.6, (1.05, 0.95, 0.9)),
        ),
    )
    floor = materials.tiled(stage.library, "terrace", texture, tile, tint=tint, variation=0.25, variation_m=1.8)
    middle = -side * 2.0
    stage.box("terrace", (middle - 6.2, 3.4, -0.2), (middle + 6.2, 8.2, 0.03), floor)
    x, y, z = float(middle + rng.uniform(-2.5, 2.5)), 5.2, 0.03
    chair = pick(rng, CHAIRS)
    if rng.random() < 0.6:
        things.picnic_table(stage, x, y, paint.timber(stage, "table", (1.0, 0.9, 0.8)), 0.0, z)
        top = Patch(x - 0.6, y - 0.12, x + 0.6, y + 0.12, z + things.TOP)
    else:
        stage.put("living_table_01", x, y, z)
        for dx, dy, turn in ((-0.6, 0.75, 0), (0.6, 0.75, 0), (-0.6, -0.75, 180), (0.6, -0.75, 180)):
            if rng.random() < 0.8:
                stage.put(chair, x + dx, y + dy, z, yaw=turn + rng.uniform(-20, 20))
        top = Patch(x - 0.7, y - 0.2, x + 0.7, y + 0.2, z + 0.739)
    if rng.random() < 0.7:
        stage.put("parasol_01", x + rng.choice([-1, 1]) * 1.7, y + 0.6, z, scale=1.15)
    for u in (-5.7, 5.6):
        pot = pick(rng, ("living_plant_02", "living_plant_01_yucca", "flowerbox_01"))
        stage.put(pot, middle + u, 4.0, z, yaw=rng.uniform(0, 360), scale=1.4 if pot == "living_plant_02" else 1.2)
    for u in (-3.5, -1.2, 1.3, 3.6):
        if rng.random() < 0.7:
            stage.put("flowerbox_01", middle + u, 7.4, z, scale=1.35)
    for u in (-4.6, 4.4):
        things.lantern_post(stage, middle + u, 7.9, paint.timber(stage, "lamp_wood", (0.6, 0.55, 0.5)), z)
    return top


def _beds(stage: Stage, side: float) -> None:
    """Flower beds, trees, a feature on the lawn, people and a pet."""
    rng = stage.rng("beds")
    soil = paint.earth(stage, "bed", "soil_01", (0.75, 0.72, 0.7))
    colours = several(rng, PETALS, 3)
    spots: list[tuple[float, float]] = []
    island = side * rng.uniform(1.5, 3.0), rng.uniform(-8.2, -6.6)
    for x, y, rx, ry in (
        (-side * 10.6, -1.0, 1.5, 4.6),
        (side * 7.2, 1.0, 1.0, 2.4),
        (0.0, -10.2, 7.0, 0.8),
        (*island, 1.5, 1.1),
        (-side * 2.0 - 5.0, 2.9, 2.2, 0.5),
        (-side * 2.0 + 3.0, 2.9, 2.2, 0.5),
    ):
        kit.blob(stage, rng, "bed", (x, y), (rx, ry), soil, -0.002)
        for _ in range(int(7 * rx * ry)):
            a, r = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * 0.85
            spots.append((x + rx * r * np.cos(a), y + ry * r * np.sin(a)))
    kit.flowers(stage, rng, spots, colours)
    kit.tufts(stage, rng, spots[::3], ids=("card_grass", "card_palmy"), each=1, scale=(0.3, 0.6))
    tree = several(rng, TREES, 3)
    for name, (x, y) in zip(tree, ((-side * 9.3, 2.6), (side * 6.5, -7.6), (-side * 6.5, -8.6)), strict=True):
        stage.put(name, x, y, -0.02, yaw=rng.uniform(0, 360), scale=rng.uniform(0.6, 0.85))
    feature = pick(rng, ("fountain_01", "lantern_01_stone", "swing_01", "parasol_01"))
    stage.put(feature, side * 4.5, -5.2, 0.0, yaw=rng.uniform(-30, 30), scale=1.5 if "lantern" in feature else 1.0)
    stage.put(pick(rng, names.LAMP_POSTS), side * 8.4, -3.2, 0.0, yaw=-side * 90)
    stage.put(pick(rng, names.LAMP_POSTS), -side * 8.0, -4.0, 0.0, yaw=side * 90, scale=0.9)
    stage.put(several(rng, names.ADULTS, 1)[0], -side * 7.4, rng.uniform(0, 2), 0.0, yaw=rng.uniform(0, 360))
    stage.put(
        pick(rng, ("cat_01", "cat_02_siamese", "dog_02_bulldog")),
        side * 6.0,
        4.5,
        0.0,
        yaw=rng.uniform(0, 360),
    )
    lawn = [(float(rng.uniform(-8.5, 8.5)), float(rng.uniform(-8.5, 2.5))) for _ in range(26)]
    kit.tufts(stage, rng, lawn, each=3, scale=(0.08, 0.18))


def _hedges(stage: Stage, side: float) -> None:
    rng = stage.rng("hedges")
    kind, step = pick(rng, (("bush_03_hedge_trimmed", 1.5), ("bush_02_hedge", 1.4)))
    for x in np.arange(-SIDE, SIDE + 0.1, step):
        if not 8.6 < side * x < 12.7:
            stage.put(kind, x, SOUTH, -0.02, scale=rng.uniform(1.05, 1.15))
    for x in (-SIDE, SIDE):
        for y in np.arange(SOUTH + 1.2, 13, step):
            stage.put(kind, x, y, -0.02, yaw=90, scale=rng.uniform(1.05, 1.15))
    for u in (8.6, 12.7):
        stage.put("mailbox_01" if u < 9 else "lantern_01_stone", side * u, SOUTH, 0.0)
    taken: list[kit.Disc] = []
    for area in ((-30, -28, 30, -15), (-34, -12, -17, 9), (17, -12, 34, 9)):
        spots = kit.free_spots(rng, taken, 4, area, 3.0)
        kit.scatter(stage, rng, several(rng, names.TREES, 2), spots, (0.8, 1.1), -0.02)
