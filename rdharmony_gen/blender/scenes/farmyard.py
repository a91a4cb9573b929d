# SPDX-License-Identifier: GPL-3.0-or-later
"""A farmyard: earth between a barn and a farmhouse, a paddock with cows and horses to the south, hay, crates."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import jittered, pick, several
from rdharmony_gen.blender.scenes.kit_shapes import Quads, log
from rdharmony_gen.blender.stage import Patch, Place, Stage

ANIMALS = ("cow_01_black_white", "cow_02_beige", "cow_03_bull_black", "horse_01", "horse_02")
BARN_RED, BARN_GREY, BARN_BROWN = (1.5, 0.42, 0.32), (1.15, 1.12, 1.1), (1.05, 0.85, 0.65)
FENCE_Y = -9.5


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the farmyard."""
    side = 1.0 if stage.rng("side").random() < 0.5 else -1.0  # of the barn: east or west
    track = _ground(stage)
    _buildings(stage, side)
    top = _yard(stage, side)
    _paddock(stage)
    _planting(stage, track)
    backdrop.landscape(stage, names.LEAFY_CARDS, radii=(48.0, 70.0), open_sides=0.6)
    return Place(
        stand=(Patch(-7, -4, 7, 3.5), Patch(-10, -6.5, 10, 4.5)),
        drive=(Patch(-7, -3.5, 7, 1.5),),
        tops=(top,),
        camera_room=((-20.0, -15.0, 0.6), (20.0, 8.0, 2.6)),
    )


def _ground(stage: Stage) -> np.ndarray:
    rng = stage.rng("ground")
    stage.floor("meadow", -150, -150, 150, 150, paint.lawn(stage, dry=float(rng.uniform(0, 0.6))), z=-0.02)
    texture = pick(rng, ("soil_01", "sand_01", "gravel_01"))
    tint = {"soil_01": (1.5, 1.4, 1.25), "sand_01": (0.56, 0.50, 0.42), "gravel_01": (1.25, 1.1, 0.92)}[texture]
    yard = paint.earth(stage, "yard", texture, tint)
    mud = paint.earth(stage, "mud", "soil_01", (1.1, 1.1, 1.05))
    track = kit.winding(rng, 80.0)
    stage.strip("verge", track, 5.4, mud, -0.014)
    kit.blob(stage, rng, "verge", (0.0, 0.0), (15.0, 8.6), mud, -0.010)
    stage.strip("track", track, 4.2, yard, -0.006)
    kit.blob(stage, rng, "yard", (0.0, 0.2), (14.0, 8.0), yard, 0.0)
    for side in (-0.75, 0.75):  # wheel ruts across the yard
        stage.strip("rut", track + np.array([0.0, side]), 0.4, mud, 0.004)
    hay = paint.hay(stage)
    for _ in range(5):
        spot = float(rng.uniform(-9, 9)), float(rng.choice([-1, 1]) * rng.uniform(2.5, 5.5))
        kit.blob(stage, rng, "straw", spot, (rng.uniform(0.5, 1.3), rng.uniform(0.3, 0.8)), hay, 0.006)
    field = hay
    stage.floor("stubble", -90, -95, 90, -34, field, z=-0.012)
    return track


def _buildings(stage: Stage, side: float) -> None:
    rng = stage.rng("buildings")
    tint = pick(rng, (BARN_RED, BARN_GREY, BARN_BROWN))
    boards = paint.planks(stage, "barn_boards", tint, 2.2)
    tiles = materials.tiled(
        stage.library,
        "barn_roof",
        "roof_tiles_01" if rng.random() < 0.5 else "wood_planks_01",
        2.0,
        tint=(0.75, 0.72, 0.72),
        variation=0.3,
        variation_m=3.0,
    )
    x, y, yaw = side * rng.uniform(7.5, 9.0), 16.0, side * rng.uniform(-6, 10)
    width, depth = rng.uniform(9.5, 11.5), 14.0
    things.gabled(stage, "building_barn", (x, y, 0), yaw, (width, depth, 4.2, 8.0), boards, tiles, 0.6)
    trim = paint.gloss(stage, "trim") if tint == BARN_RED else paint.timber(stage, "trim", (0.6, 0.5, 0.42))
    dark = paint.planks(stage, "barn_door", (0.7 * tint[0], 0.7 * tint[1], 0.7 * tint[2]), 1.3)
    door, frame = Quads(), Quads()
    front = -depth / 2 - 0.03
    door.block((-1.75, front - 0.04, 0.02), (1.75, front, 3.3))
    for a, b in (
        ((-1.8, 3.35), (1.8, 3.35)),
        ((-1.8, 0), (-1.8, 3.3)),
        ((1.8, 0), (1.8, 3.3)),
        ((0, 0), (0, 3.3)),
        ((-1.75, 0.1), (-0.05, 3.25)),
        ((1.75, 0.1), (0.05, 3.25)),
        ((-0.7, 5.1), (0.7, 5.1)),
        ((-0.7, 6.3), (0.7, 6.3)),
        ((-0.7, 5.1), (-0.7, 6.3)),
        ((0.7, 5.1), (0.7, 6.3)),
        ((-0.65, 5.15), (0.65, 6.25)),
    ):
        frame.beam((a[0], front - 0.06, a[1]), (b[0], front - 0.06, b[1]), 0.16, 0.05, (0, 1, 0))
    door.block((-0.65, front - 0.02, 5.15), (0.65, front, 6.25))
    for s in (-1, 1):
        frame.block((s * width / 2 - 0.09, front - 0.02, 0), (s * width / 2 + 0.09, front + 0.1, 4.2))
    door.build(stage, "barn_door", dark, (x, y, 0), yaw)
    frame.build(stage, "barn_trim", trim, (x, y, 0), yaw)
    for u in (-2.7, 2.7):  # lanterns beside the door
        a = np.radians(yaw)
        at = (x + u * np.cos(a) - (front - 0.25) * np.sin(a), y + u * np.sin(a) + (front - 0.25) * np.cos(a), 2.9)
        things.lantern(stage, at, 90.0)
    house = pick(rng, ("building_07_stone_cottage", "building_04_stucco_house", "building_10_wood_cabin"))
    stage.put(house, -side * rng.uniform(9, 11), rng.uniform(16, 18), yaw=-side * rng.uniform(0, 12))
    stage.put("lamp_02_classic", -side * rng.uniform(3.0, 4.0), 7.0)
    stage.put("lamp_02_classic", -side * 10.5, -7.0)
    stage.put("lamp_02_classic", side * 10.5, -6.4)
    stage.put("building_01_garden_hut", -side * 17.0, 4.0, yaw=-side * 60)
    stage.put("building_11_warehouse", side * 38.0, 24.0, yaw=side * -20)


def _yard(stage: Stage, side: float) -> Patch:
    """Crates, barrels, hay and hens along the edge of the yard; returns the top of the work table."""
    rng = stage.rng("yard")
    hay, twine = paint.hay(stage), paint.earth(stage, "bale_end", "grass_01", (2.0, 0.9, 1.5))
    x = side * 13.0
    for k, (dx, dy, z) in enumerate(((0, 0, 0), (0, 1.3, 0), (0, 2.6, 0), (0, 0.65, 1.12), (0, 1.95, 1.12))):
        if k < 3 or rng.random() < 0.75:
            a = rng.uniform(-0.06, 0.06)
            middle = np.array([x + dx + rng.uniform(-0.1, 0.1), 2.2 + dy, 0.64 + z])
            step = np.array([0.6 * np.cos(a), 0.6 * np.sin(a), 0.0])
            log(stage, "bale", middle - step, middle + step, 0.64, hay, twine, 28)
    bales = Quads()
    for k in range(int(rng.integers(4, 8))):  # small square bales by the house
        bales.block(
            (-0.5, 0.55 * (k % 3) - 0.25, 0.42 * (k // 3)), (0.5, 0.55 * (k % 3) + 0.25, 0.42 * (k // 3) + 0.41)
        )
    bales.build(stage, "bales", hay, (-side * 6.6, 8.2, 0), rng.uniform(-12, 12))
    kit.blob(stage, rng, "litter", (x, 3.0), (2.4, 2.8), hay, 0.006)
    stacks = (side * 2.4, 7.3)
    stage.put("pallet_01", stacks[0], stacks[1], yaw=rng.uniform(-8, 8))
    for dx, dy, z in ((-0.31, 0.28, 0.12), (0.31, 0.3, 0.12), (0.0, -0.32, 0.12), (0.0, 0.28, 0.714)):
        if z < 0.5 or rng.random() < 0.7:
            stage.put("crate_01", stacks[0] + dx, stacks[1] + dy, z, yaw=rng.uniform(-4, 4))
    for k in range(int(rng.integers(2, 4))):
        stage.put("barrel_01", -side * (0.6 + 0.95 * k), 7.9 + rng.uniform(-0.2, 0.2), yaw=rng.uniform(0, 360))
    things.well(stage, (-side * 5.6, 5.6, 0.0), rng.uniform(-10, 10))
    wood = paint.planks(stage, "cart", (0.95, 0.85, 0.75), 1.1)
    things.hay_cart(stage, rng, (side * rng.uniform(9.0, 10.0), -3.6), wood)
    if rng.random() < 0.6:
        vehicle = pick(rng, ("truck_01", "car_10_van", "car_08_minivan"))
        stage.put(vehicle, -side * 15.0, -1.5 + rng.uniform(-1, 1), yaw=side * rng.uniform(70, 110))
    for _ in range(5):
        stage.put("chicken_01", -side * rng.uniform(11, 14), rng.uniform(1.5, 5.5), yaw=rng.uniform(0, 360))
    for name in several(rng, names.ADULTS, 1):
        stage.put(name, side * rng.uniform(10, 11.5), rng.uniform(5.5, 6.8), yaw=rng.uniform(-60, 60))
    x, y = float(rng.uniform(-3, 3)), 4.6
    things.picnic_table(stage, x, y, paint.timber(stage, "table", (0.85, 0.75, 0.65)), 0.0)
    return Patch(x - 0.6, y - 0.12, x + 0.6, y + 0.12, things.TOP)


def _paddock(stage: Stage) -> None:
    rng = stage.rng("paddock")
    wood = paint.gloss(stage, "rails") if rng.random() < 0.4 else paint.timber(stage, "rails", (0.7, 0.66, 0.62))
    things.rail_fence(stage, ((-34, -30), (-34, FENCE_Y), (34, FENCE_Y), (34, -30), (-34, -30)), wood)
    taken: list[kit.Disc] = []
    for x, y in kit.free_spots(rng, taken, 7, (-20, -26, 20, FENCE_Y - 2.5), 1.8):
        animal = pick(rng, ANIMALS)
        stage.put(animal, x, y, -0.02, yaw=rng.uniform(0, 360), scale=rng.uniform(0.9, 1.05))
    hay = paint.hay(stage)
    for x, y in kit.free_spots(rng, taken, 3, (-30, -27, 30, -15), 1.5):
        a = rng.uniform(0, np.pi)
        step = np.array([0.6 * np.cos(a), 0.6 * np.sin(a), 0.0])
        log(stage, "bale", np.array([x, y, 0.62]) - step, np.array([x, y, 0.62]) + step, 0.64, hay, hay, 28)
    spots = [(rng.uniform(-20, 20), FENCE_Y + rng.normal(0, 0.25)) for _ in range(34)]
    kit.tufts(stage, rng, spots, ids=("card_grass", "card_grass2"), each=4, scale=(0.35, 0.75))


def _planting(stage: Stage, track: np.ndarray) -> None:
    rng = stage.rng("planting")
    kinds = several(rng, ("tree_01_acacia", "tree_02_ficus", "tree_06_poplar", "tree_12_sycamore"), 3)
    trees = ((0.5, 17), (-21, 12), (22, 11), (-25, -11), (26, -14), (-27, 20), (-9, -32), (12, -33), (30, -32))
    spots = jittered(rng, trees, 2.0, 1.5)
    kit.scatter(stage, rng, kinds, spots, (0.9, 1.35), -0.02)
    kit.avenue(stage, rng, kinds, track, span=(21.0, 52.0), offset=5.0, step=8.0, scale=(0.7, 1.0))
    kit.scatter(
        stage,
        rng,
        ("bush_01", "card_bush_low"),
        [(s * rng.uniform(15, 20), rng.uniform(5, 9)) for s in (-1, 1, -1, 1)],
        (0.6, 1.0),
    )
    edge = [
        (14.5 * np.cos(a) + rng.normal(0, 0.8), 8.3 * np.sin(a) + rng.normal(0, 0.5))
        for a in rng.uniform(0, 2 * np.pi, 50)
    ]
    kit.tufts(stage, rng, [p for p in edge if abs(p[1]) > 3.5], scale=(0.2, 0.5))
