# SPDX-License-Identifier: GPL-3.0-or-later
"""A boulevard: a promenade between two lines of trees, traffic on both sides, tall house fronts, benches, a kiosk.

It runs east to west; palms or leafy trees, cobbles or slabs, the kiosk and the traffic differ.
"""

import numpy as np

from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_market
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_shapes import dashes, marks, zebra
from rdharmony_gen.blender.stage import Patch, Place, Stage

WALK, ROAD, FRONT = 5.6, 12.6, 17.2
"""Half width of the promenade, outer edge of the roads, line of the house fronts."""
LINES = (
    ("tree_07_palm", 0.7),
    ("tree_14_sabal_palm", 0.75),
    ("tree_06_poplar", 1.1),
    ("tree_02_ficus", 1.15),
    ("tree_12_sycamore", 0.62),
    ("tree_04_cypress", 1.1),
)


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the boulevard."""
    rng = stage.rng("layout")
    kiosk = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(11.0, 13.0))
    _grounds(stage)
    _fronts(stage)
    tops = _promenade(stage, kiosk)
    _traffic(stage)
    kit.bystanders(stage, [(-15.0, 1.5), (8.5, -1.5), (17.0, 1.0), (-7.0, 15.0), (10.0, 14.8)], kit.KERB)
    backdrop.town(stage)
    return Place(
        stand=(
            Patch(-11, -2.4, 9, 2.4, kit.KERB),
            Patch(-9, -1.8, 11, 1.8, kit.KERB),
            Patch(-14, ROAD + 0.9, 14, FRONT - 1.9, kit.KERB),
        ),
        drive=(Patch(-15, -ROAD + 1.6, 15, -WALK - 3.4), Patch(-15, WALK + 3.4, 15, ROAD - 1.6)),
        tops=tuple(tops),
        camera_room=((-24.0, -ROAD + 0.5, 0.6), (24.0, FRONT - 1.5, 2.6)),
        sky_share=0.26,
    )


def _grounds(stage: Stage) -> None:
    first, second = some(stage.rng("paving"), surfaces.PAVINGS, 2)
    middle, walk, kerb, paint = (
        surfaces.paving(stage, "middle", [first]),
        surfaces.paving(stage, "walk", [second]),
        surfaces.stone(stage),
        surfaces.road_paint(stage),
    )
    stage.floor("asphalt", -170, -ROAD - 0.5, 170, ROAD + 0.5, surfaces.asphalt(stage))
    kit.pavement(stage, -150, -WALK, 150, WALK, middle, kerb)
    for y0, y1 in ((ROAD, 60.0), (-60.0, -ROAD)):
        kit.pavement(stage, -150, y0, 150, y1, walk, kerb)
    middles = [s * (WALK + ROAD) / 2 for s in (-1, 1)]
    lines = [r for y in middles for r in dashes(-120, 120, y, (-19.0, -15.0))]
    crossings = zebra(-18.6, -15.4, WALK, ROAD) + zebra(-18.6, -15.4, -ROAD, -WALK)
    marks(stage, "lines", lines + crossings, paint, 0.005)
    bands = [[x - 0.3, -2.9, x + 0.3, 2.9] for x in np.arange(-64.0, 65.0, 8.0)]
    bands += [[-100, s * 3.1 - 0.2, 100, s * 3.1 + 0.2] for s in (-1, 1)]
    marks(stage, "bands", bands, walk, kit.KERB + 0.004)


def _fronts(stage: Stage) -> None:
    z = kit.KERB - 0.01
    kit.row(stage, "north", (*names.TOWN_HOUSES, "building_05_office"), "north", FRONT, -62, 62, z=z)
    kit.row(
        stage,
        "south",
        (*names.TOWN_HOUSES, "building_04_stucco_house"),
        "south",
        -FRONT - 1.5,
        -62,
        62,
        z=z,
        gap=(0.1, 2.0),
    )
    rng = stage.rng("fronts")
    for x in np.arange(-22.0, 24.0, 3.6):
        if rng.random() < 0.5:
            stage.put("flowerbox_01", x, FRONT - 0.8, kit.KERB, scale=1.4)


def _promenade(stage: Stage, kiosk: float) -> list[Patch]:
    """Trees, lamps and benches in step, a kiosk with tables at one end; returns table and counter tops."""
    rng = stage.rng("promenade")
    tree, scale = pick(rng, LINES)
    bench, post = pick(rng, names.BENCHES), pick(rng, ("lamp_02_classic", "lamp_03_round", "lamp_02_classic"))
    for x in np.arange(-56.0, 57.0, 8.0):
        for sign in (-1.0, 1.0):
            kit.street_tree(stage, tree, float(x), sign * 4.3, kit.KERB, rng, scale)
    for number, x in enumerate(np.arange(-20.0, 21.0, 8.0)):
        sign = -1.0 if number % 2 else 1.0
        stage.put(post, x, sign * 3.9, kit.KERB, yaw=0 if sign > 0 else 180, scale=1.3)
        if abs(x - kiosk) > 5.0:
            for s in (-1.0, 1.0):
                if rng.random() < 0.75:
                    stage.put(bench, x + 2.0, s * 3.9, kit.KERB, yaw=0 if s > 0 else 180)
            if rng.random() < 0.5:
                stage.put("bin_01_park", x + 3.6 * 0.95, sign * 3.9, kit.KERB, scale=0.85)
    for x, sign in ((-21.0, 1.0), (-8.0, -1.0), (7.0, 1.0), (20.0, -1.0)):
        stage.put("lamp_04_street", x, sign * (ROAD + 0.5), kit.KERB, yaw=0 if sign > 0 else 180)
    tops = [
        kit_market.stall(stage, "kiosk", kiosk, 2.6, 0.0, kit.KERB, goods=pick(rng, ("bakery", "bottles", "flowers")))
    ]
    chair = pick(rng, names.CAFE_CHAIRS)
    inwards = -np.sign(kiosk)
    for number in range(3):
        at = kiosk + inwards * (3.0 + 2.2 * number), (-2.2, 2.0, -2.0)[number]
        tops.append(kit_market.cafe(stage, *at, kit.KERB, rng, chair, parasol=bool(rng.random() < 0.4)))
    for x in np.arange(-14.0, 15.0, 9.0):
        if rng.random() < 0.4:
            pot, turn = pick(rng, ("flowerbox_01", "living_plant_02")), 90 * int(rng.integers(2))
            stage.put(pot, x, 0.0, kit.KERB, yaw=turn, scale=1.6)
    if rng.random() < 0.5:
        stage.put("fountain_01", -kiosk * 1.45, 0.0, kit.KERB, scale=1.6)
    return tops


def _traffic(stage: Stage) -> None:
    rng = stage.rng("traffic")
    spots = [(x, ROAD - 1.1, -90) for x in np.arange(-34.0, 36.0, 6.2)] + [
        (x, -ROAD + 1.1, 90) for x in np.arange(-34.0, 36.0, 6.2)
    ]
    spots += [(-31.0, WALK + 1.8, -90), (30.0, -WALK - 1.8, 90), (44.0, WALK + 1.8, -90)]
    kit.parked(stage, [s for s in spots if not -21.0 < s[0] < -13.0], kinds=5, share=0.5)
    bus = pick(rng, ("bus_01_coach", "bus_02_city", "truck_01"))
    stage.put(bus, rng.choice([-1, 1]) * rng.uniform(33, 38), -WALK - 2.0, yaw=90)
    tree = pick(rng, names.STREET_TREES)
    for x in np.arange(-40.0, 42.0, 9.0):
        for sign in (-1.0, 1.0):
            kit.street_tree(stage, tree, x + rng.uniform(-0.5, 0.5), sign * (ROAD + 1.0), kit.KERB, rng, 0.7)
