# SPDX-License-Identifier: GPL-3.0-or-later
"""A town square: a fountain in patterned paving, café terraces before house fronts, trees and lamps around.

Houses stand to the north and south; to the east and west low gardens leave the sky to the rising and setting sun.
"""

import numpy as np

from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_market
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_shapes import drum, marks
from rdharmony_gen.blender.stage import Patch, Place, Stage

NORTH, SOUTH, END = 13.5, -15.5, 24.0
"""Lines of the house fronts, and where the paving ends in the east and west."""


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the square."""
    rng = stage.rng("layout")
    centre = (float(rng.uniform(-3.0, 3.0)), float(rng.uniform(-3.5, -1.0)))
    _ground(stage, centre)
    _fronts(stage)
    _fountain(stage, centre)
    tables = _terraces(stage)
    _gardens(stage)
    kit.bystanders(stage, [(-15, 8.0), (13.5, -9.5), (-10.5, -10.5), (16.5, 7.5), (centre[0] + 1.5, 8.6)])
    x = centre[0]
    return Place(
        stand=(Patch(x - 14, -8, x - 5, 6), Patch(x + 5, -8, x + 14, 6), Patch(x - 5, 3.0, x + 5, 7.0)),
        drive=(Patch(x - 15, -7, x - 8, 3), Patch(x + 8, -7, x + 15, 3)),
        tops=tables,
        camera_room=((-19.0, SOUTH + 2.2, 0.6), (19.0, NORTH - 1.6, 2.6)),
        sky_share=0.26,
    )


def _ground(stage: Stage, centre: tuple[float, float]) -> None:
    first, second = some(stage.rng("pattern"), surfaces.PAVINGS, 2)
    field, band = surfaces.paving(stage, "field", [first]), surfaces.paving(stage, "band", [second])
    stage.floor("lawn", -170, -170, 170, 170, surfaces.lawn(stage), z=-0.05)
    stage.floor("square", -END, SOUTH - 14, END, NORTH + 14, field)
    x, y = centre
    bands = [[-END, v - 0.45, END, v + 0.45] for v in (y - 8.5, y + 8.5)]
    bands += [[u - 0.45, SOUTH, u + 0.45, y - 8.95] for u in np.arange(x - 18, x + 19, 9.0)]
    bands += [[u - 0.45, y + 8.95, u + 0.45, NORTH] for u in np.arange(x - 18, x + 19, 9.0)]
    bands += [[u - 0.45, y - 8.05, u + 0.45, y + 8.05] for u in (x - 9.0, x + 9.0)]
    marks(stage, "bands", bands, band, 0.004)
    drum(stage, "ring", x, y, 5.6, -0.1, 0.005, band, sides=64)
    drum(stage, "ring_inside", x, y, 4.7, -0.1, 0.009, field, sides=64)


def _fronts(stage: Stage) -> None:
    kit.row(stage, "north", (*names.TOWN_HOUSES, "building_05_office"), "north", NORTH, -46, 46, z=-0.02)
    kit.row(stage, "south", (*names.LOW_HOUSES, "building_06_shops"), "south", SOUTH, -44, 44, z=-0.02, gap=(0.1, 3.5))


def _fountain(stage: Stage, centre: tuple[float, float]) -> None:
    rng = stage.rng("fountain")
    x, y = centre
    step = surfaces.stone(stage, "step", 0.95)
    drum(stage, "step", x, y, 2.75, -0.1, 0.14, step, sides=64)
    drum(stage, "step_upper", x, y, 2.3, 0.0, 0.28, step, sides=64)
    stage.put("fountain_01", x, y, 0.27, scale=rng.uniform(1.9, 2.25))
    bench = pick(rng, names.BENCHES)
    for angle in (45, 135, 225, 315):
        a = np.radians(angle)
        if rng.random() < 0.8:  # with their backs to the water
            stage.put(bench, x + 4.1 * np.cos(a), y + 4.1 * np.sin(a), yaw=angle + 90)
        stage.put("flowerbox_01", x + 3.3 * np.cos(a + 0.8), y + 3.3 * np.sin(a + 0.8), yaw=angle + 136, scale=1.5)
    post = pick(rng, names.LAMP_POSTS)
    for dx in (-7.0, 7.0):
        for dy in (-6.3, 6.3):
            stage.put(post, x + dx, y + dy, yaw=0 if dy > 0 else 180, scale=1.25)
    for dx in (-15.5, 15.5):
        stage.put(post, x + dx, NORTH - 2.2, scale=1.25)
        stage.put(post, x + dx, SOUTH + 2.2, yaw=180, scale=1.25)
    stage.put("bin_01_park", x + 7.0, y + 5.2)
    stage.put("bin_01_park", x - 8.2, y - 6.4)


def _terraces(stage: Stage) -> tuple[Patch, ...]:
    """Tables before the northern fronts and trees before the southern ones; returns the table tops."""
    rng = stage.rng("terraces")
    chair = pick(rng, names.CAFE_CHAIRS)
    tops = []
    for middle in (-9.5, 0.5, 10.0):
        start = middle + rng.uniform(-1, 1)
        for number in range(int(rng.integers(2, 4))):
            at = start + 2.5 * number, NORTH - 2.6 - rng.uniform(0, 0.8)
            tops.append(kit_market.cafe(stage, *at, 0.0, rng, chair, parasol=bool(rng.random() < 0.45)))
        if rng.random() < 0.7:
            for step in range(3):
                stage.put("flowerbox_01", start - 1.5, NORTH - 1.2 - 1.15 * step, yaw=90, scale=1.5)
    tree = pick(rng, names.STREET_TREES)
    for u in (-17.5, -9.0, 0.5, 9.5, 18.0):
        kit.street_tree(stage, tree, u + rng.uniform(-0.8, 0.8), SOUTH + 3.6, 0.0, rng, 0.85)
    for u in (-13.0, 5.0):
        stage.put(pick(rng, names.BENCHES), u + rng.uniform(-0.6, 0.6), SOUTH + 3.3, yaw=180)
    for sign in (-1.0, 1.0):  # a pair of trees with a bench between them before each end
        for y in (-7.0, 6.5):
            kit.street_tree(stage, tree, sign * (END - 4.0), y + rng.uniform(-0.5, 0.5), 0.0, rng, 0.9)
        stage.put(pick(rng, names.BENCHES), sign * (END - 4.2), rng.uniform(-1.5, 1.0), yaw=-sign * 90)
    stage.put("bicycle_01", -4.2, SOUTH + 2.2, yaw=80)
    stage.put("bicycle_02", -3.4, SOUTH + 2.3, yaw=97)
    return tuple(tops)


def _gardens(stage: Stage) -> None:
    """A low wall or hedge closes the square at both ends; behind it lawns with trees."""
    rng = stage.rng("gardens")
    masonry = surfaces.paving(
        stage, "garden_wall", [("stone_wall_01", 2.0, (0.8, 0.78, 0.75)), ("brick_01", 1.7, (1.1, 1.0, 0.95))]
    )
    coping = surfaces.stone(stage, "coping")
    for sign in (-1.0, 1.0):
        x = sign * END
        hedge = rng.random() < 0.5
        for y0, y1 in ((SOUTH, -4.5), (4.5, NORTH)):
            if hedge:
                for y in np.arange(y0 + 0.8, y1, 1.5):
                    stage.put("bush_03_hedge_trimmed", x, y, -0.03, yaw=90 + rng.uniform(-2, 2))
            else:
                kit.wall(stage, "garden_wall", (x - 0.2, y0, -0.1), (x + 0.2, y1, 0.75), masonry, coping)
        for y in (-4.0, 4.0):
            drum(stage, "pillar", x, y, 0.38, -0.1, 1.1, coping)
            stage.put("lantern_01_stone", x, y, 1.1, scale=1.2)
        path = surfaces.paving(
            stage, f"path_{sign:+.0f}", [("gravel_01", 1.2, (1.0, 0.95, 0.86)), ("sand_01", 1.8, (1.0, 0.95, 0.9))]
        )
        stage.floor("path", min(x, sign * 100), -2.2, max(x, sign * 100), 2.2, path, z=-0.02)
        kit.wayside(stage, rng, sign, END, SOUTH, NORTH, way=3.6)
    backdrop.town(stage)
