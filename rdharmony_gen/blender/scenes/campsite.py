# SPDX-License-Identifier: GPL-3.0-or-later
"""A campsite: tents on a clearing between woods and a lake, a fireplace that burns at night, boats on the shore."""

import numpy as np

from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import jittered, pick, several, some
from rdharmony_gen.blender.scenes.kit_shapes import log
from rdharmony_gen.blender.stage import Patch, Place, Stage

CARS = ("car_04_suv", "car_08_minivan", "car_02_beetle", "car_10_van")
TREES = ("tree_09_pine", "tree_06_poplar", "tree_12_sycamore", "tree_02_ficus")
SHORE = -9.5
LAKE = -0.7


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the campsite."""
    taken: list[kit.Disc] = [(0.0, 0.0, 4.0), (-4.0, 0.0, 3.4), (4.0, 0.0, 3.4)]
    side = 1.0 if stage.rng("side").random() < 0.5 else -1.0  # of the fireplace
    _ground(stage, side)
    _shore(stage)
    _fire(stage, side, taken)
    top = _table(stage, side, taken)
    _cars(stage, side, taken)
    _tents(stage, taken)
    _trees(stage, taken)
    backdrop.landscape(
        stage,
        names.FIR_CARDS + names.LEAFY_CARDS[:3],
        radii=(30.0, 52.0),
        count=120,
        arc=(-92.0, 92.0),
        hill=30.0,
        scales=(0.85, 1.3),
    )
    return Place(
        stand=(Patch(-6, -3.4, 6, 2.2), Patch(-9, -5, 9, 3)),
        drive=(Patch(-side * 9.5, 4.2, -side * 9.5 + 0.5, 5.0), Patch(-3, -3, 3, 1)),
        tops=(top,),
        camera_room=((-17.0, SHORE + 1.0, 0.6), (17.0, 9.0, 2.6)),
    )


def _ground(stage: Stage, side: float) -> None:
    rng = stage.rng("ground")
    meadow = paint.lawn(stage, dry=float(rng.uniform(0.1, 0.7)))
    line, rise, fine = kit.swell(rng, 11.0), kit.swell(rng, 26.0), kit.swell(rng, 5.0)

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inland = y - (SHORE + 0.9 * line(x, 0 * x) - 0.004 * np.minimum(np.abs(x), 60.0) ** 2 * 0.3)
        bank = np.where(inland < 0, 0.16 * inland, 0.0)
        north = np.clip((y - 11.0) / 22.0, 0.0, 1.0)
        return (
            -0.02
            + np.maximum(bank, -6.0)
            + north**2 * (3.0 + 1.6 * rise(x, y))
            + np.minimum(north * 5, 1) * 0.12 * fine(x, y)
        )

    kit.terrain(stage, "meadow", height, meadow)
    bare = paint.earth(stage, "bare", "soil_01", (1.45, 1.35, 1.2))
    kit.blob(stage, rng, "camp_ground", (side * 4.6, 1.2), (4.4, 3.4), bare, -0.012)
    track = np.array([(-side * 60, 8.0), (-side * 40, 7.2), (-side * 22, 6.0), (-side * 12, 5.2), (-side * 5, 5.0)])
    gravel = paint.earth(stage, "track", pick(rng, ("gravel_01", "sand_01")), (0.9, 0.82, 0.72))
    stage.strip("track", track[np.argsort(track[:, 0])][::1], 3.4, gravel, -0.004)


def _shore(stage: Stage) -> None:
    rng = stage.rng("shore")
    body = np.array([0.010, 0.034, 0.036]) * rng.uniform(0.6, 1.3)
    lake = paint.water("lake", tuple(body), wave_m=0.7, height_m=float(rng.uniform(0.015, 0.04)))
    stage.floor("lake", -600, -600, 600, SHORE + 3.0, lake, z=LAKE)
    x = float(rng.choice([-1, 1]) * rng.uniform(4, 8))
    things.jetty(stage, x, SHORE - 1.0, SHORE - 12.0, -0.12, paint.timber(stage, "jetty", (0.75, 0.7, 0.64)))
    for side in (-1, 1):
        stage.put(
            "boat_01_rowboat", x + side * 2.0, SHORE - 8.0 + side, LAKE - 0.13, yaw=rng.uniform(-12, 12), scale=1.15
        )
    stage.put("boat_01_rowboat", -x * rng.uniform(0.6, 1.2), SHORE + 0.9, -0.02, yaw=rng.uniform(-60, 60), scale=1.15)
    reeds = [(u, SHORE - 2.4 + float(rng.normal(0, 0.8))) for u in rng.uniform(-40, 40, 60) if abs(u - x) > 2.5]
    kit.tufts(
        stage,
        rng,
        reeds,
        ids=("card_grass2", "card_dry_grass"),
        each=3,
        spread=0.4,
        scale=(0.9, 1.5),
        ground=lambda a, b: LAKE - 0.3,
    )
    rocks = [(float(u), SHORE - 2.6 + float(rng.normal(0, 0.6))) for u in rng.uniform(-20, 20, 12) if abs(u - x) > 2.5]
    kit.scatter(stage, rng, ("rock_01", "rock_02", "rock_03"), rocks, (0.8, 2.2), LAKE - 0.1)
    woods = paint.earth(stage, "far_woods", "grass_01", (0.26, 0.33, 0.22))
    backdrop.ridge(stage, "far_shore", 120.0, 26.0, woods, (104.0, 256.0))
    count = 120
    angles = np.linspace(108, 252, count) + rng.uniform(-1.2, 1.2, count)
    stage.belt("far_trees", names.FIR_CARDS, angles, rng.uniform(117, 128, count), rng.uniform(0.9, 1.5, count), rng)
    stage.put("building_10_wood_cabin", rng.uniform(-40, 40), -121.0, -0.3, yaw=180)


def _fire(stage: Stage, side: float, taken: list[kit.Disc]) -> None:
    """The fireplace with logs to sit on and people around it."""
    rng = stage.rng("fire")
    x, y = side * 5.6, 2.6
    bark, cut = paint.planks(stage, "bark", (0.7, 0.63, 0.56), 1.0), paint.timber(stage, "cut", (1.1, 1.0, 0.88))
    things.fireplace(stage, rng, x, y, bark)
    for k, angle in enumerate((0.6, 2.1, 3.9)):
        a = angle + rng.uniform(-0.25, 0.25)
        middle = np.array([x + 2.0 * np.cos(a), y + 2.0 * np.sin(a), 0.18])
        step = np.array([-np.sin(a), np.cos(a), 0.0]) * rng.uniform(0.6, 0.85)
        log(stage, "seat", middle - step, middle + step, 0.2, bark, cut)
        if k != 1:
            b = a + 0.75
            name = pick(rng, names.SEATED)
            stage.put(name, x + 1.75 * np.cos(b), y + 1.75 * np.sin(b), -0.02, yaw=np.degrees(b) - 90)
    for row in range(3):
        for k in range(7 - row):
            u, v, z = x + side * 3.0, y + 0.2 * k + 0.1 * row, 0.08 + 0.17 * row
            log(stage, "firewood", (u - 0.3, v, z), (u + 0.3, v, z), 0.09, bark, cut, 8)
    taken += [(x, y, 3.2), (x + side * 3.0, y + 0.6, 1.2)]


def _table(stage: Stage, side: float, taken: list[kit.Disc]) -> Patch:
    rng = stage.rng("table")
    wood = paint.timber(stage, "table", (0.85, 0.76, 0.66))
    x, y = float(-side * rng.uniform(1.5, 3.0)), 3.9
    things.picnic_table(stage, x, y, wood, 0.0, -0.02)
    things.lantern(stage, (x + side * 0.82, y + 0.2, things.TOP + 0.13), 25.0)
    for u, v in ((-9.5, -3.4), (-2.5, -4.4), (1.0, 4.8), (4.0, -4.2), (10.0, -3.2)):
        things.lantern_post(stage, u, v + rng.uniform(-0.3, 0.3), wood, -0.02)
        taken.append((u, v, 0.6))
    stage.put("crate_01", x - side * 1.6, y + 0.7, -0.02, yaw=rng.uniform(0, 90))
    stage.put("barrel_01", x - side * 2.6, y + 1.0, -0.02, scale=0.8)
    stage.put("bicycle_01", -side * 6.0, 3.2, -0.02, yaw=rng.uniform(60, 120))
    stage.put(
        several(rng, names.ADULTS, 1)[0],
        -side * rng.uniform(10, 12),
        rng.uniform(-3, 1),
        -0.02,
        yaw=rng.uniform(0, 360),
    )
    for u in (-5.0, 6.5):  # places by the water
        if rng.random() < 0.8:
            for dx in (-0.6, 0.6):
                chair = pick(rng, ("chair_07_rattan", "chair_06_cafe"))
                stage.put(chair, u + dx, -5.6 + rng.uniform(-0.2, 0.2), -0.02, yaw=rng.uniform(-25, 25))
    taken += [(x, y, 1.8), (x - side * 2.2, y + 0.8, 1.0), (-side * 6.0, 3.2, 0.8)]
    return Patch(x - side * 0.3 - 0.3, y - 0.12, x - side * 0.3 + 0.3, y + 0.12, things.TOP - 0.02)


def _cars(stage: Stage, side: float, taken: list[kit.Disc]) -> None:
    rng = stage.rng("cars")
    taken.append((-side * 9.5, 4.8, 3.0))
    for name, x in zip(several(rng, CARS, 2), (-side * 13.0, -side * 16.0), strict=True):
        if rng.random() < 0.85:
            stage.put(name, x, 8.6 + rng.uniform(-0.4, 0.4), -0.02, yaw=rng.uniform(-12, 12))
            taken.append((x, 8.6, 2.6))


def _tents(stage: Stage, taken: list[kit.Disc]) -> None:
    """Dome tents and ridge tents of cloth in different colours, all open towards the lake."""
    rng = stage.rng("tents")
    colours = some(rng, paint.CLOTHS, len(paint.CLOTHS))
    wood = paint.timber(stage, "tent_pole")
    spots = jittered(rng, ((-12.0, 1.0), (-8.6, 7.2), (0.5, 8.2), (5.0, 8.0), (10.5, 6.6), (12.5, 0.5)), 0.8, 0.6)
    for k, (x, y) in enumerate(spots):
        if any((x - a) ** 2 + (y - b) ** 2 < (r + 1.5) ** 2 for a, b, r in taken):
            continue
        taken.append((x, y, 1.7))
        turn = rng.uniform(-35, 35)
        if k % 3 == 0:
            stage.put("tent_01", x, y, -0.02, yaw=turn, scale=rng.uniform(1.1, 1.3))
            continue
        things.ridge_tent(stage, (x, y, -0.02), turn, rng.uniform(1.45, 1.75), colours[k], wood)


def _trees(stage: Stage, taken: list[kit.Disc]) -> None:
    rng = stage.rng("trees")
    kinds = several(rng, TREES, 3)
    for area, count in (((-20, 9.5, 20, 20), 14), ((-26, -7, -13, 10), 4), ((13, -7, 26, 10), 4)):
        spots = kit.free_spots(rng, taken, count, area, 1.4)
        kit.scatter(stage, rng, kinds, spots, (1.0, 1.55), -0.05)
    firs = kit.free_spots(rng, taken, 18, (-34, 14, 34, 30), 2.2)
    kit.scatter(stage, rng, ("card_fir", "card_spruce_little", "card_spruce"), firs, (0.55, 0.9), 0.0)
    grass = [(float(a), float(b)) for a, b in rng.uniform((-18, SHORE), (18, 12), (70, 2)) if abs(b) > 3.6]
    kit.tufts(stage, rng, grass, ids=("card_grass", "card_grass2"), each=4, scale=(0.18, 0.45))
    kit.scatter(
        stage,
        rng,
        ("bush_01", "card_bush_low"),
        kit.free_spots(rng, taken, 8, (-18, 6, 18, 14), 0.8),
        (0.6, 1.0),
        -0.04,
    )
