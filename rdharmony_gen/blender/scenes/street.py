# SPDX-License-Identifier: GPL-3.0-or-later
"""A residential street: family houses behind front gardens, parked cars, street trees, bins at the kerb.

It runs east to west, so that a low sun stands at its end.
"""

import numpy as np

from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_shapes import FACING, dashes, marks, zebra
from rdharmony_gen.blender.stage import Patch, Place, Stage

ROAD, WALK, FRONT = 4.1, 7.4, 12.0
"""Half width of the road, outer edge of the pavements, line of the house fronts."""
GARDEN = kit.KERB - 0.03
"""Height of the lawns."""
HOMES = ("building_04_stucco_house", "building_07_stone_cottage", "building_08_townhouse", "building_10_wood_cabin")
TREES = ("tree_02_ficus", "tree_06_poplar", "tree_08_peach_blossom", "tree_03_copper_beech", "tree_12_sycamore")
SHRUBS = ("bush_01", "card_bush_low", "card_thick_leafes")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the street."""
    crossing = float(stage.rng("layout").uniform(-7.0, 7.0))
    _grounds(stage, crossing)
    tops = [top for side in ("north", "south") for top in _plots(stage, side)]
    _kerbside(stage, crossing)
    _back_gardens(stage)
    kit.bystanders(stage, [(-17.0, 6.2), (13.0, -6.2), (21.0, 6.2), (-22.0, -6.3)], kit.KERB)
    backdrop.town(stage)
    return Place(
        stand=(
            Patch(-15, ROAD + 1.5, 15, WALK - 0.7, kit.KERB),
            Patch(-15, -WALK + 0.7, 15, -ROAD - 1.5, kit.KERB),
            Patch(crossing - 1.3, -1.5, crossing + 1.3, 1.5),
        ),
        drive=(Patch(-15, -0.9, 15, 0.9),),
        tops=tuple(tops),
        camera_room=((-24.0, -FRONT + 2.0, 0.6), (24.0, FRONT - 2.0, 2.6)),
        sky_share=0.28,
    )


def _grounds(stage: Stage, crossing: float) -> None:
    slabs, kerb, paint = surfaces.paving(stage, "slabs"), surfaces.stone(stage), surfaces.road_paint(stage)
    lawn = surfaces.lawn(stage)
    stage.floor("asphalt", -170, -ROAD - 0.5, 170, ROAD + 0.5, surfaces.asphalt(stage))
    for sign in (-1.0, 1.0):
        y0, y1 = sorted((sign * ROAD, sign * WALK))
        kit.pavement(stage, -170, y0, 170, y1, slabs, kerb)
    stage.floor("lawn", -170, WALK - 0.1, 170, 170, lawn, z=GARDEN)
    stage.floor("lawn", -170, -170, 170, -WALK + 0.1, lawn, z=GARDEN)
    lines = dashes(-120, 120, 0.0, (crossing - 2.2, crossing + 2.2))
    marks(stage, "lines", lines + zebra(crossing - 1.6, crossing + 1.6, -ROAD, ROAD), paint, 0.005)


def _plots(stage: Stage, side: str) -> list[Patch]:
    """Houses with a hedge, fence or wall before each, a path to the door, a drive between two; returns table tops."""
    rng = stage.rng("plots", side)
    sign = 1.0 if side == "north" else -1.0
    path = surfaces.paving(stage, f"path_{side}")
    drive = surfaces.paving(
        stage, f"drive_{side}", [("gravel_01", 1.2, (1.0, 0.95, 0.86)), ("cinder_blocks_01", 1.6, (1.5, 1.4, 1.28))]
    )
    brick, coping = (
        surfaces.paving(stage, f"wall_{side}", [("brick_01", 1.7, (1.1, 1.0, 0.95))]),
        surfaces.stone(stage, "coping"),
    )
    start = -52 + rng.uniform(0, 6)
    plots = kit.row(stage, side, HOMES, side, sign * FRONT, start, 56, z=GARDEN, gap=(3.6, 6.0))
    line, tops = sign * (WALK + 0.45), []
    for number, (a, b) in enumerate(plots):
        door = (a + b) / 2
        near, far = sorted((sign * (WALK - 0.1), sign * (FRONT + 0.3)))
        stage.floor("garden_path", door - 0.6, near, door + 0.6, far, path, z=GARDEN + 0.012)
        near, far = sorted((sign * (WALK - 0.1), sign * (FRONT + 5.0)))
        stage.floor("drive", b + 0.4, near, b + 3.2, far, drive, z=GARDEN + 0.01)
        border = pick(rng, ("hedge", "fence", "wall", "open"))
        for p, q in ((a - 0.2, door - 0.9), (door + 0.9, b + 0.2)):
            if border == "hedge":
                for x in np.arange(p + 0.75, q - 0.5, 1.5):
                    stage.put("bush_03_hedge_trimmed", x, line, GARDEN - 0.03, yaw=rng.uniform(-2, 2))
            elif border == "fence":
                for x in np.arange(p + 0.9, q - 0.8, 1.8):
                    stage.put("fence_01", x, line, GARDEN)
            elif border == "wall":
                kit.wall(stage, "garden_wall", (p, line - 0.14, -0.1), (q, line + 0.14, 0.72), brick, coping)
        if rng.random() < 0.6:
            stage.put("mailbox_01", door + 1.1, sign * (WALK - 0.25), kit.KERB, yaw=FACING[side])
        for x in (a + rng.uniform(0.8, 2.0), b - rng.uniform(0.8, 2.0)):
            kind, turn, scale = pick(rng, SHRUBS), rng.uniform(0, 360), rng.uniform(0.5, 0.8)
            stage.put(kind, x, sign * (FRONT - 1.1), GARDEN, yaw=turn, scale=scale)
        if abs(door) < 22 and (border == "open" or number % 2):
            tops.append(_garden_table(stage, rng, door + rng.choice([-1, 1]) * 2.6, sign * (WALK + 2.1)))
    return tops


def _back_gardens(stage: Stage) -> None:
    """Trees and shrubs between and behind the houses close the view; fewer and lower towards the ends."""
    rng = stage.rng("back")
    cards = some(rng, names.TOWN_CARDS, 3)
    for sign in (-1.0, 1.0):
        for x in np.arange(-50.0, 52.0, 5.0):
            at = x + rng.uniform(-2, 2), sign * (FRONT + rng.uniform(13, 20))
            kit.plant(stage, rng, pick(rng, cards), *at, GARDEN, (0.7, 1.1))
        for _ in range(16):
            at = rng.uniform(-30, 30), sign * (FRONT + rng.uniform(9.5, 11.5))
            kit.plant(stage, rng, "bush_01", *at, GARDEN, (0.8, 1.4))


def _garden_table(stage: Stage, rng: np.random.Generator, x: float, y: float) -> Patch:
    chair = pick(rng, ("chair_07_rattan", "chair_04_plaid", "chair_02_oak"))
    stage.put("living_table_01", x, y, GARDEN, scale=0.85).scale[2] = 1.0
    for dx, dy, yaw in ((-0.5, 0.8, 0), (0.45, -0.8, 180)):
        stage.put(chair, x + dx, y + dy, GARDEN, yaw=yaw + rng.uniform(-20, 20))
    return Patch(x - 0.6, y - 0.16, x + 0.6, y + 0.16, GARDEN + 0.739)


def _kerbside(stage: Stage, crossing: float) -> None:
    rng = stage.rng("kerbside")
    tree = pick(rng, TREES)
    scale = 0.6 if tree == "tree_12_sycamore" else 0.9
    for sign in (-1.0, 1.0):
        shift = rng.uniform(-2.0, 2.0)
        for x in np.arange(-44.0, 48.0, 9.0) + shift:
            if abs(x - crossing) > 3.0:
                kit.street_tree(stage, tree, float(x), sign * (ROAD + 0.85), kit.KERB, rng, scale)
        for x in np.arange(-21.5, 30.0, 18.0) + shift:
            stage.put("lamp_04_street", float(x), sign * (ROAD + 0.45), kit.KERB, yaw=0 if sign > 0 else 180)
        for x in (-13.4 + shift, 4.6 + shift):
            if rng.random() < 0.7:
                stage.put(
                    "bin_02_wheelie", x, sign * (WALK - 0.5), kit.KERB, yaw=FACING["north" if sign > 0 else "south"]
                )
    spots = [(x, sign * -3.0, sign * 90) for sign in (-1, 1) for x in np.arange(-36.0, 40.0, 6.3)]
    kit.parked(stage, [s for s in spots if abs(s[0] - crossing) > 5.5], share=0.5, sway=0.4)
    stage.put("hydrant_01", crossing + 3.4, ROAD + 0.5, kit.KERB)
    stage.put(pick(rng, ("bicycle_01", "bicycle_02")), crossing - 4.2, WALK - 0.3, kit.KERB, yaw=90)
