# SPDX-License-Identifier: GPL-3.0-or-later
"""A path through the woods: tall trees on both sides, ferns, fallen logs, a lit cabin between the trunks."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import pick, several
from rdharmony_gen.blender.scenes.kit_shapes import log
from rdharmony_gen.blender.stage import Patch, Place, Stage

TALL = ("tree_06_poplar", "tree_12_sycamore", "tree_03_copper_beech", "tree_02_ficus", "tree_09_pine")
FERNS = ("card_palmy", "card_grass", "card_thick_leafes", "card_bush_low")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the forest path."""
    path = _ground(stage)
    taken = [(float(x), float(y), 2.6) for x, y in path] + [(0.0, 0.0, 5.0), (-4.5, 0.0, 4.0), (4.5, 0.0, 4.0)]
    top = _resting_place(stage, path, taken)
    _cabin(stage, taken)
    _trees(stage, taken)
    _undergrowth(stage, path, taken)
    backdrop.landscape(
        stage,
        names.FIR_CARDS if stage.rng("woods").random() < 0.6 else names.LEAFY_CARDS,
        radii=(27.0, 44.0),
        count=140,
        scales=(0.9, 1.35),
        open_sides=0.75,
    )
    return Place(
        stand=(Patch(-7, -1.3, 7, 1.3), Patch(-9, -3, 9, 3)),
        drive=(Patch(-6, -1.0, 6, 1.0),),
        tops=(top,),
        camera_room=((-16.0, -8.0, 0.6), (16.0, 8.0, 2.6)),
        sky_share=0.2,
    )


def _ground(stage: Stage) -> np.ndarray:
    rng = stage.rng("ground")
    autumn = rng.random()
    floor = materials.tiled(
        stage.library,
        "forest_floor",
        "soil_01",
        1.6,
        second="grass_01",
        second_share=float(rng.uniform(0.2, 0.45)),
        tint=(0.60 + 0.16 * autumn, 0.6, 0.52),
        variation=0.45,
        variation_m=2.6,
        break_tiling=True,
        roughness=0.95,
    )
    rise = kit.swell(rng, 16.0)

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return -0.02 + kit.ramp(np.abs(y), 5.5, 9.0) * (0.9 + 0.9 * rise(x, y))

    kit.terrain(stage, "forest_floor", height, floor)
    path = kit.winding(rng, 70.0, 1.0)
    texture = pick(rng, ("soil_01", "gravel_01", "sand_01"))
    tint = {"soil_01": (1.35, 1.25, 1.1), "gravel_01": (0.62, 0.50, 0.39), "sand_01": (0.58, 0.52, 0.45)}[texture]
    stage.strip("path_edge", path, 3.0, paint.earth(stage, "path_edge", "soil_01", (0.8, 0.78, 0.75)), -0.008)
    stage.strip("path", path, 2.3, paint.earth(stage, "path", texture, tint), 0.0)
    return path


def _resting_place(stage: Stage, path: np.ndarray, taken: list[kit.Disc]) -> Patch:
    """A table by the path, a stump and a log to sit on; returns the table's top."""
    rng = stage.rng("rest")
    wood, bark = paint.timber(stage, "table", (0.8, 0.72, 0.62)), paint.planks(stage, "bark", (0.8, 0.74, 0.66), 1.0)
    cut = paint.timber(stage, "cut", (1.15, 1.05, 0.9))
    x = float(rng.uniform(-4, 4))
    side = float(rng.choice([-1.0, 1.0]))
    y = float(np.interp(x, path[:, 0], path[:, 1])) + side * 3.1
    things.picnic_table(stage, x, y, wood)
    taken.append((x, y, 3.0))
    for k in range(3):
        a, b = x + rng.uniform(3, 8) * (-1) ** k, side * rng.uniform(3.2, 4.4) * (-1) ** (k // 2 + 1)
        if k == 0:
            log(stage, "stump", (a, b, -0.1), (a, b, rng.uniform(0.35, 0.5)), rng.uniform(0.25, 0.4), bark, cut)
        else:
            turn = rng.uniform(0, np.pi)
            step = np.array([np.cos(turn), np.sin(turn), 0.0]) * rng.uniform(1.2, 2.0)
            radius = rng.uniform(0.2, 0.3)
            middle = np.array([a, b + (-1 if b < 0 else 1) * 0.6, radius - 0.04])
            log(stage, "fallen_log", middle - step, middle + step, radius, bark, cut)
        taken.append((a, b, 1.2))
    for k, along in enumerate((-11.0, -5.0, 1.0 * side, 5.5, 11.5)):
        at = float(np.interp(along, path[:, 0], path[:, 1]))
        things.lantern_post(stage, along, at + (1.9 if k % 2 else 2.1), wood)
    name = several(rng, names.ADULTS, 1)[0]
    a = float(rng.choice([-1.0, 1.0]) * rng.uniform(11, 15))
    stage.put(name, a, float(np.interp(a, path[:, 0], path[:, 1])) + rng.uniform(-0.5, 0.5), yaw=rng.uniform(0, 360))
    return Patch(x - 0.6, y - 0.12, x + 0.6, y + 0.12, things.TOP)


def _cabin(stage: Stage, taken: list[kit.Disc]) -> None:
    rng = stage.rng("cabin")
    x, y = float(rng.choice([-1.0, 1.0]) * rng.uniform(3, 10)), float(rng.uniform(12.5, 15))
    house = "building_10_wood_cabin" if rng.random() < 0.7 else "building_07_stone_cottage"
    stage.put(house, x, y, 0.35, yaw=rng.uniform(-15, 15))
    things.lantern(stage, (x + 1.2, y - 4.1, 2.5), 110.0)
    bark, cut = paint.planks(stage, "firewood_bark", (0.7, 0.62, 0.55), 1.0), paint.timber(stage, "firewood_cut")
    for row in range(4):  # a pile of firewood
        for k in range(9 - row):
            u, v = x - 3.4 + 0.21 * k + 0.105 * row, y - 4.6
            log(stage, "firewood", (u, v - 0.3, 0.1 + 0.19 * row), (u, v + 0.3, 0.1 + 0.19 * row), 0.1, bark, cut, 8)
    taken += [(x, y, 6.5), (x, y - 4.0, 4.0)]


def _trees(stage: Stage, taken: list[kit.Disc]) -> None:
    rng = stage.rng("trees")
    kinds = several(rng, TALL, 3)
    near = kit.free_spots(rng, taken, 16, (-18, -10, 18, 10), 1.3)
    kit.scatter(stage, rng, kinds, near, (1.25, 1.8), -0.1)
    far = kit.free_spots(rng, taken, 26, (-30, -24, 30, 24), 1.6)
    kit.scatter(stage, rng, kinds, far, (1.3, 1.9), -0.05)
    firs = kit.free_spots(rng, taken, 44, (-52, -26, 52, 26), 1.8)
    firs = [(x, y) for x, y in firs if abs(y) > 9 or abs(x) > 18]
    kit.scatter(stage, rng, ("card_spruce_little", "card_fir", "card_fine_tree"), firs, (0.5, 0.9), -0.1)


def _undergrowth(stage: Stage, path: np.ndarray, taken: list[kit.Disc]) -> None:
    rng = stage.rng("undergrowth")
    spots = []
    for _ in range(90):
        x = float(rng.uniform(-22, 22))
        middle = float(np.interp(x, path[:, 0], path[:, 1]))
        spots.append((x, middle + float(rng.choice([-1, 1])) * float(1.5 + rng.gamma(2.0, 1.4))))
    line = rng.uniform(-16, 16, 1500)
    beside = np.interp(line, path[:, 0], path[:, 1]) + rng.choice([-1, 1], 1500) * (0.3 + rng.gamma(2.0, 0.9, 1500))
    fallen = np.stack([line, beside], -1)[np.abs(beside) < 5.5]
    kit.leaves(stage, rng, fallen, ((0.30, 0.13, 0.03), (0.36, 0.24, 0.05), (0.16, 0.08, 0.04)))
    kit.tufts(stage, rng, spots[:60], ids=("card_grass", "card_grass2"), each=4, scale=(0.25, 0.6))
    kit.tufts(stage, rng, spots[60:], ids=FERNS, each=2, spread=0.4, scale=(0.3, 0.75))
    small: list[kit.Disc] = [(float(x), float(y), 1.9) for x, y in path]
    kit.scatter(
        stage, rng, ("bush_01", "bush_02_hedge"), kit.free_spots(rng, small, 9, (-18, -9, 18, 9), 1.0), (0.5, 1.0), -0.1
    )
    rocks = kit.free_spots(rng, small, 9, (-14, -7, 14, 7), 0.6)
    kit.scatter(stage, rng, ("rock_01", "rock_02", "rock_03"), rocks, (0.6, 1.7), -0.12)
