# SPDX-License-Identifier: GPL-3.0-or-later
"""A bus stop: a glass shelter with a bench, a kiosk, a bus in the bay or gone, houses across the road."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_market
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes import kit_urban as kit
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_shapes import boxes, dashes, drum, lettering, marks, zebra
from rdharmony_gen.blender.stage import Patch, Place, Stage

ROAD_SOUTH, ROAD_NORTH, WALK, FRONT = -4.5, 4.0, 9.5, 14.5
"""Edges of the road, outer edge of the northern pavement, line of the northern fronts."""


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the bus stop."""
    rng = stage.rng("layout")
    x = float(rng.uniform(-2.0, 2.0))
    side = float(rng.choice([-1.0, 1.0]))
    _grounds(stage, x)
    bench = _shelter(stage, x)
    _stop_sign(stage, x - 4.6)
    counter = kit_market.stall(stage, "kiosk", x + side * 8.4, WALK - 1.3, 0.0, kit.KERB)
    _traffic(stage, x)
    _surroundings(stage, x, side)
    kit.bystanders(stage, [(x + 3.4, 6.2), (x - 6.5, 7.8), (-15.0, -6.6), (x + side * 10.2, 6.9)], kit.KERB)
    return Place(
        stand=(
            Patch(x - 12, 4.9, x + 12, 6.0, kit.KERB),
            Patch(x - 12, 7.6, x + 12, 8.6, kit.KERB),
            Patch(-13, -7.2, 13, -5.8, kit.KERB),
        ),
        drive=(Patch(-14, -3.0, 14, 0.2),),
        tops=(bench, counter),
        camera_room=((-20.0, -8.0, 0.6), (20.0, WALK - 0.4, 2.6)),
        sky_share=0.26,
    )


def _grounds(stage: Stage, x: float) -> None:
    slabs, kerb, paint = surfaces.paving(stage, "slabs"), surfaces.stone(stage), surfaces.road_paint(stage)
    lawn = surfaces.lawn(stage)
    stage.floor("asphalt", -170, ROAD_SOUTH - 0.5, 170, ROAD_NORTH + 0.5, surfaces.asphalt(stage))
    kit.pavement(stage, -170, ROAD_NORTH, 170, WALK, slabs, kerb)
    kit.pavement(stage, -170, -8.5, 170, ROAD_SOUTH, slabs, kerb)
    stage.floor("lawn", -170, WALK - 0.1, 170, 170, lawn, z=kit.KERB - 0.03)
    stage.floor("lawn", -170, -170, 170, -8.4, lawn, z=kit.KERB - 0.03)
    bay = [
        [x - 9, 1.0, x + 9, 1.12],
        [x - 9, 3.7, x + 9, 3.8],
        [x - 9, 1.0, x - 8.88, 3.8],
        [x + 8.88, 1.0, x + 9, 3.8],
    ]
    lettering(stage, "BUS", (x, 2.4, 0.0), 1.5, paint, "road")
    marks(stage, "lines", dashes(-120, 120, -0.3) + zebra(13.2, 16.2, ROAD_SOUTH, ROAD_NORTH) + bay, paint, 0.005)
    marks(stage, "guide", [[-60, 4.5, 60, 4.8]], surfaces.stone(stage, "guide", 1.35), kit.KERB + 0.004)


def _shelter(stage: Stage, x: float) -> Patch:
    """Steel frame, glass on three sides, a lit poster, a bench; returns the free part of the bench."""
    rng = stage.rng("shelter")
    half, south, north, tall = 2.4, 6.2, 7.5, 2.45
    steel = materials.plain(
        "shelter_steel", pick(rng, ((0.06, 0.07, 0.075), (0.35, 0.36, 0.37), (0.03, 0.10, 0.07))), 0.4, 0.6
    )
    glass, at = materials.clear_glass("shelter_glass"), (x, 0.0, kit.KERB)
    posts = [
        ((u - 0.035, v - 0.035, 0), (u + 0.035, v + 0.035, tall)) for u in (-half, 0.0, half) for v in (south, north)
    ]
    rails = [((-half, north - 0.02, z), (half, north + 0.02, z + 0.05)) for z in (0.22, 1.2)]
    roof = [((-half - 0.2, south - 0.35, tall), (half + 0.2, north + 0.15, tall + 0.09))]
    boxes(stage, "shelter", posts + rails + roof, steel, at)
    panes = [
        ((-half, north - 0.006, 0.27), (half, north + 0.006, tall - 0.05)),
        ((-half - 0.006, south + 0.1, 0.22), (-half + 0.006, north, tall - 0.05)),
    ]
    boxes(stage, "shelter_glass", panes, glass, at)
    poster = surfaces.sign(stage, "poster", tuple(rng.uniform(0.05, 0.75, 3)), 0.8)
    letters = surfaces.sign(stage, "letters", (0.85, 0.85, 0.82), 0.9)
    boxes(stage, "poster_frame", [((half - 0.09, south + 0.1, 0.3), (half + 0.09, north - 0.05, 2.2))], steel, at)
    boxes(
        stage,
        "poster",
        [((s * 0.1 + half - 0.012, south + 0.18, 0.42), (s * 0.1 + half + 0.012, north - 0.13, 2.1)) for s in (-1, 1)],
        poster,
        at,
    )
    boxes(stage, "name", [((-1.1, south - 0.36, tall + 0.1), (1.1, south - 0.3, tall + 0.38))], poster, at)
    lettering(
        stage,
        pick(rng, ("MILL LANE", "OLD TOWN", "STATION", "MUSEUM", "PARK STREET")),
        (x, south - 0.37, kit.KERB + tall + 0.24),
        0.17,
        letters,
    )
    planks = surfaces.wood(stage, "bench_wood")
    boxes(
        stage,
        "shelter_bench",
        [((-2.1, 6.9, 0.44), (1.1, 7.34, 0.49)), *[((u, 7.0, 0), (u + 0.06, 7.25, 0.44)) for u in (-1.8, -0.5, 0.8)]],
        planks,
        at,
    )
    stage.lamp((x, 6.8, kit.KERB + tall - 0.15), 40.0)
    stage.put("bin_01_park", x + half + 0.9, 6.9, kit.KERB)
    return Patch(x - 1.6, 7.06, x + 0.6, 7.18, kit.KERB + 0.49)


def _stop_sign(stage: Stage, x: float) -> None:
    rng = stage.rng("stop_sign")
    pole, face = (
        materials.plain("pole", (0.3, 0.31, 0.32), 0.4, 0.7),
        surfaces.sign(stage, "stop_face", (0.75, 0.55, 0.02), 0.25),
    )
    dark = materials.plain("stop_text", (0.02, 0.06, 0.03), 0.5)
    drum(stage, "pole", x, 4.95, 0.035, kit.KERB, 2.95, pole, sides=16)
    boxes(
        stage,
        "stop_face",
        [((-0.3, -0.02, 2.3), (0.3, 0.02, 2.9)), ((-0.22, -0.02, 1.1), (0.22, 0.02, 1.75))],
        face,
        (x, 4.91, kit.KERB),
    )
    for look, out in (("north", -0.03), ("south", 0.03)):
        lettering(stage, "BUS", (x, 4.91 + out, kit.KERB + 2.7), 0.14, dark, look)
        lettering(stage, str(int(rng.integers(2, 99))), (x, 4.91 + out, kit.KERB + 2.45), 0.13, dark, look)


def _traffic(stage: Stage, x: float) -> None:
    rng = stage.rng("traffic")
    place = int(rng.integers(3))  # in the bay's head, coming, or gone
    bus = pick(rng, ("bus_01_coach", "bus_02_city"))
    if place == 0:
        stage.put(bus, x - 11.5, 2.4, yaw=-90)
    elif place == 1:
        stage.put(bus, x + 27.0, 2.0, yaw=-90)
    else:
        stage.put(bus, x - 24.0, -2.6, yaw=90)
    kit.parked(
        stage,
        [(-34.0, -3.4, 90), (-41.0, -3.4, 90), (22.0, -3.4, 90), (28.5, -3.4, 90), (38.0, 2.9, -90), (-31.0, 2.9, -90)],
        kinds=4,
        share=0.75,
    )


def _surroundings(stage: Stage, x: float, side: float) -> None:
    """A park or a row of houses behind the stop, houses across the road, trees and lamps along it."""
    rng = stage.rng("surroundings")
    tree = pick(rng, names.STREET_TREES)
    kit.row(
        stage,
        "south",
        (*names.LOW_HOUSES, "building_06_shops"),
        "south",
        -10.0,
        -56,
        56,
        z=kit.KERB - 0.02,
        gap=(0.3, 4.5),
    )
    if rng.random() < 0.5:
        kit.row(stage, "north", names.TOWN_HOUSES, "north", FRONT, -56, 56, z=kit.KERB - 0.02, gap=(0.1, 2.5))
    else:
        kit.row(stage, "north", names.LOW_HOUSES, "north", 30.0, -52, 52, z=kit.KERB - 0.05, gap=(6.0, 14.0))
        for _ in range(14):
            at = rng.uniform(-34, 34), rng.uniform(15, 26)
            kit.plant(stage, rng, pick(rng, some(rng, names.STREET_TREES, 3)), *at, kit.KERB - 0.05, (0.9, 1.2))
    fence = pick(rng, (("bush_03_hedge_trimmed", 1.5), ("fence_01", 1.8), ("bush_02_hedge", 1.5)))
    for u in np.arange(-40.0, 41.0, fence[1]):
        stage.put(fence[0], u, WALK + 0.5, kit.KERB - 0.04, yaw=rng.uniform(-1, 1))
    for u in (-29.0, -20.0, -13.0, 20.5, 29.0, 38.0):
        kit.street_tree(stage, tree, u + rng.uniform(-0.6, 0.6), ROAD_NORTH + 1.0, kit.KERB, rng, 0.85)
    for u in np.arange(-40.0, 41.0, 9.5):
        kit.street_tree(stage, tree, u + rng.uniform(-0.6, 0.6), ROAD_SOUTH - 0.9, kit.KERB, rng, 0.75)
    for u in (-16.0, 0.5, 17.0):
        stage.put("lamp_04_street", u + x * 0.5, ROAD_SOUTH - 0.45, kit.KERB, yaw=180)
    post = pick(rng, names.LAMP_POSTS)
    for u in (-9.0, 6.2, 14.5):
        stage.put(post, x + u, WALK - 0.7, kit.KERB, scale=1.2)
    bicycles = x - side * 7.5
    for k in range(3):
        stage.put("railing_01", bicycles + 0.9 * k, WALK - 1.2, kit.KERB, yaw=90, scale=0.62)
        if rng.random() < 0.75:
            stage.put(
                pick(rng, ("bicycle_01", "bicycle_02")),
                bicycles + 0.9 * k + 0.3,
                WALK - 1.2,
                kit.KERB,
                yaw=180 * int(rng.integers(2)),
            )
    stage.put(pick(rng, names.BENCHES), x - side * 11.5, WALK - 0.9, kit.KERB)
    stage.put("hydrant_01", x + side * 12.5, ROAD_NORTH + 0.7, kit.KERB)
    backdrop.town(stage)
