# SPDX-License-Identifier: GPL-3.0-or-later
"""A village in snow: cabins with white roofs along a trodden lane, snowy firs, a snowman, lamps, far mountains."""

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.assets import manifest
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import pick, several
from rdharmony_gen.blender.scenes.kit_shapes import Quads, log
from rdharmony_gen.blender.stage import Patch, Place, Stage

CABINS = ("building_10_wood_cabin", "building_07_stone_cottage", "building_04_stucco_house", "building_10_wood_cabin")
FIRS = ("tree_10_pine_snow", "tree_11_blue_pine_snow")
CARS = ("car_04_suv", "car_09_hatchback", "car_08_minivan", "car_02_beetle")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the village."""
    snow = paint.snow(stage)
    _ground(stage, snow)
    taken: list[kit.Disc] = [(x, 0.0, 3.4) for x in np.arange(-60.0, 61.0, 3.0)] + [(0.0, 0.0, 5.5)]
    _cabins(stage, taken)
    top = _lane(stage, snow, taken)
    _trees(stage, taken)
    # the moon on snow is bright: only strong lamps are seen against it
    stage.lamps[:] = [(lamp, 2.0 * watts) for lamp, watts in stage.lamps]
    far = paint.snow(stage, "far_snow", (0.78, 0.84, 0.95))
    backdrop.landscape(
        stage, names.SNOW_CARDS, radii=(40.0, 66.0), scales=(0.7, 1.15), hill=34.0, far=far, open_sides=0.6
    )
    return Place(
        stand=(Patch(-8, -2.0, 8, 2.0), Patch(-9, -3.6, 9, 3.6)),
        drive=(Patch(-7, -1.2, 7, 1.2),),
        tops=(top,),
        camera_room=((-20.0, -8.0, 0.6), (20.0, 8.0, 2.6)),
    )


def _ground(stage: Stage, snow: bpy.types.Material) -> None:
    rng = stage.rng("ground")
    rise, drift = kit.swell(rng, 17.0), kit.swell(rng, 3.1)

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return -0.02 + kit.ramp(np.abs(y), 4.2, 3.0) * (0.22 + 0.10 * drift(x, y) + 0.12 * rise(x, y))

    kit.terrain(stage, "snow", height, snow, cells=150)
    lane = kit.winding(rng, 90.0, 0.8)
    trodden = materials.tiled(
        stage.library,
        "trodden",
        "snow_01",
        1.3,
        second="gravel_01",
        second_share=float(rng.uniform(0.05, 0.2)),
        tint=(0.76, 0.78, 0.83),
        variation=0.14,
        variation_m=0.9,
        break_tiling=True,
        bump=1.8,
    )
    stage.strip("lane_edge", lane, 5.4, paint.snow(stage, "lane_edge", (0.86, 0.89, 0.95)), -0.012)
    stage.strip("lane", lane, 4.2, trodden, -0.003)
    ruts = paint.snow(stage, "ruts", (0.66, 0.69, 0.75))
    for side in (-0.8, 0.8):
        stage.strip("ruts", lane + np.array([0.0, side]), 0.34, ruts, 0.002)


def _snow_roof(stage: Stage, name: str) -> None:
    mesh = stage.library.mesh(name)
    stage.dress(name, mesh)
    for material in mesh.materials:
        if material is not None and material.name.lower().startswith("roof"):
            paint.roof_snow(material)


def _cabins(stage: Stage, taken: list[kit.Disc]) -> None:
    """Two loose rows along the lane, their fronts towards it."""
    rng = stage.rng("cabins")
    for side, start in ((1.0, -46.0), (-1.0, -43.0)):
        x = start + rng.uniform(0, 5)
        while x < 40:
            name = pick(rng, CABINS)
            _snow_roof(stage, name)
            width, depth = manifest()[name]["size_m"][:2]
            y = side * (8.6 + depth / 2 + rng.uniform(0, 2.5)) * (1.0 if side > 0 else 1.2)
            stage.put(name, x + width / 2, y, 0.05, yaw=(0 if side > 0 else 180) + rng.uniform(-10, 10))
            taken += [(x + width / 2 + u, y, 4.6) for u in (-2.5, 2.5)]
            x += width + rng.uniform(2.5, 6.5)


def _lane(stage: Stage, snow: bpy.types.Material, taken: list[kit.Disc]) -> Patch:
    """Lamps, fences, a snowman, firewood, people; returns the top of a table."""
    rng = stage.rng("lane")
    wood, cap = paint.timber(stage, "wood", (0.6, 0.5, 0.42)), paint.snow(stage, "cap")
    post = pick(rng, names.LAMP_POSTS)
    for k, x in enumerate((-17.0, -11.0, -6.5, -2.0, 2.5, 7.0, 11.5, 17.5)):
        side = 1 if k % 2 else -1
        stage.put(post, x + rng.uniform(-0.6, 0.6), side * 3.4, 0.0, yaw=0 if side > 0 else 180)
    for side, spans in ((1, ((-22, -13), (-8, 1), (6, 14))), (-1, ((-19, -10), (-5, 3), (8, 20)))):
        for a, b in spans:
            if rng.random() < 0.8:
                y = side * (5.6 + rng.uniform(0, 0.4))
                things.rail_fence(stage, ((a, y), (b, y)), wood, height=1.0, rails=2, cap=cap)
    stage.put("snowman_01", rng.uniform(-5, 5), -5.0, 0.02, yaw=180 + rng.uniform(-40, 40), scale=rng.uniform(1.3, 1.7))
    if rng.random() < 0.5:
        stage.put(
            "snowman_01", rng.choice([-1, 1]) * rng.uniform(8, 12), 5.0, 0.02, yaw=rng.uniform(-40, 40), scale=1.5
        )
    bark, cut = paint.planks(stage, "bark", (0.7, 0.62, 0.55), 1.0), paint.timber(stage, "cut", (1.1, 1.0, 0.88))
    x, pile = float(rng.choice([-1, 1]) * rng.uniform(5, 8)), Quads()
    for row in range(5):
        for k in range(10):
            u, z = x + 0.2 * k + 0.1 * (row % 2), 0.12 + 0.175 * row
            log(stage, "firewood", (u, 7.0, z), (u, 7.6, z), 0.095, bark, cut, 8)
    pile.block((x - 0.15, 6.95, 0.92), (x + 2.1, 7.65, 1.02))
    pile.build(stage, "pile_snow", cap)
    for number, name in enumerate(several(rng, names.ADULTS, 2)):
        stage.put(name, (-1) ** number * rng.uniform(9.5, 14), rng.uniform(-2.0, 2.0), -0.003, yaw=rng.uniform(0, 360))
    if rng.random() < 0.6:
        car = pick(rng, CARS)
        stage.put(car, rng.choice([-1, 1]) * 20.0, 3.0, -0.01, yaw=90)
    stage.put("mailbox_01", rng.uniform(-4, 4), 5.2, 0.0, yaw=0)
    a, b = float(rng.uniform(-6, 6)), float(rng.choice([-1, 1])) * 3.6
    things.picnic_table(stage, a, b, wood, 0.0, -0.02)
    seats = Quads()
    for side in (-1, 1):  # swept table, snow on its benches
        seats.block((a - 0.93, b + side * 0.73 - 0.13, 0.43), (a + 0.93, b + side * 0.73 + 0.12, 0.475))
    seats.build(stage, "bench_snow", cap)
    taken += [(x + 1.0, 7.3, 1.6), (a, b, 1.8)]
    return Patch(a - 0.6, b - 0.12, a + 0.6, b + 0.12, things.TOP - 0.02)


def _trees(stage: Stage, taken: list[kit.Disc]) -> None:
    rng = stage.rng("trees")
    near = kit.free_spots(rng, taken, 14, (-26, -16, 26, 16), 1.7)
    kit.scatter(stage, rng, FIRS, near, (0.8, 1.4), 0.05)
    lane = np.array([(-90.0, 0.0), (90.0, 0.0)])
    kit.avenue(stage, rng, FIRS, lane, span=(24.0, 60.0), offset=4.6, step=9.0, scale=(0.6, 0.95))
    far = kit.free_spots(rng, taken, 34, (-64, -36, 64, 36), 2.4)
    kit.scatter(stage, rng, ("card_snowy_spruce", "card_snowy_tree", "card_snowy_spruce"), far, (0.6, 1.0), 0.0)
    grass = [(float(a), float(b)) for a, b in rng.uniform((-20, -9), (20, 9), (40, 2)) if abs(b) > 4.6]
    kit.tufts(stage, rng, grass, ids=("card_dry_grass",), each=3, scale=(0.3, 0.6), ground=lambda x, y: 0.08)
    rocks = kit.free_spots(rng, taken, 6, (-16, -9, 16, 9), 0.6)
    kit.scatter(stage, rng, ("rock_02", "rock_03"), rocks, (0.7, 1.4), 0.0)
