# SPDX-License-Identifier: GPL-3.0-or-later
"""A playground: climbing frames and swings on sand, a seesaw, benches, a fence around, houses and trees behind."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import jittered, pick, several
from rdharmony_gen.blender.scenes.kit_shapes import Quads
from rdharmony_gen.blender.stage import Patch, Place, Stage

BRIGHT = ((0.62, 0.05, 0.03), (0.05, 0.22, 0.55), (0.80, 0.45, 0.02), (0.10, 0.36, 0.10))
X, NORTH, SOUTH = 15.0, 10.5, -11.0
"""The fence."""


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the playground."""
    path = _ground(stage)
    _equipment(stage)
    top = _edge(stage)
    _fence(stage)
    _neighbourhood(stage, path)
    return Place(
        stand=(Patch(-6, -2.2, 6, 2.2), Patch(-9, -4, 9, 3)),
        drive=(),
        tops=(top,),
        camera_room=((-14.0, -10.0, 0.6), (14.0, 9.5, 2.6)),
    )


def _ground(stage: Stage) -> np.ndarray:
    rng = stage.rng("ground")
    stage.floor("lawn", -150, -150, 150, 150, paint.lawn(stage), z=-0.03)
    path = kit.winding(rng, 60.0, 0.7)
    texture = pick(rng, ("sand_01", "paving_01", "gravel_01"))
    tint = {"sand_01": (0.8, 0.72, 0.62), "paving_01": (1.1, 1.05, 0.98), "gravel_01": (1.0, 0.92, 0.84)}[texture]
    edge = paint.earth(stage, "edge", "soil_01", (1.0, 0.95, 0.9))
    stage.strip("edge", path, 3.0, edge, -0.016)
    way = materials.tiled(
        stage.library,
        "path",
        texture,
        {"sand_01": 1.8, "paving_01": 2.0, "gravel_01": 0.9}[texture],
        tint=tint,
        variation=0.25,
        variation_m=2.5,
        break_tiling=texture != "paving_01",
    )
    stage.strip("path", path, 2.6, way, 0.0)
    if rng.random() < 0.6:
        pit = paint.earth(stage, "sand", "sand_01", (1.0, 0.96, 0.9))
    else:  # soft rubber in one colour, as new playgrounds have
        colour = np.array(pick(rng, BRIGHT)) * 1.2 + 0.12
        pit = materials.tiled(
            stage.library, "rubber", "asphalt_01", 1.1, tint=tuple(1.7 * colour), variation=0.15, variation_m=1.5
        )
    beam = paint.timber(stage, "kerb", (0.8, 0.7, 0.6))
    for y, ry in ((-6.0, 3.1), (6.0, 2.9)):
        rim = kit.blob(stage, rng, "pit", (rng.uniform(-1, 1), y), (9.5, ry), pit, -0.008)
        logs = Quads()
        for a, b in zip(rim, np.roll(rim, -1, axis=0), strict=True):
            logs.beam((*a, 0.03), (*b, 0.03), 0.14, 0.16)
        logs.build(stage, "kerb", beam)
    return path


def _equipment(stage: Stage) -> None:
    rng = stage.rng("equipment")
    mirror = float(rng.choice([-1.0, 1.0]))
    first, second = several(rng, ("playground_01", "playground_02"), 2)
    stage.put(first, mirror * -4.6, -6.8, -0.01, yaw=rng.uniform(-20, 20) + 180 * (rng.random() < 0.5))
    stage.put(second, mirror * 4.8, 6.4, -0.01, yaw=rng.uniform(-15, 15) + 90)
    stage.put("swing_01", mirror * 1.2, -7.2, -0.01, yaw=rng.uniform(-12, 12), scale=1.25)
    if rng.random() < 0.7:
        stage.put("swing_01", mirror * 4.2, -7.0, -0.01, yaw=rng.uniform(-12, 12), scale=1.25)
    for x, y in ((mirror * 7.2, -6.0), (mirror * -2.4, 6.0), (mirror * -0.6, 7.2)):
        if rng.random() < 0.8:
            stage.put("spring_rider_01", x, y, -0.01, yaw=rng.uniform(0, 360))
    colour = pick(rng, BRIGHT)
    plank, foot = Quads(), Quads()  # a seesaw
    tilt = float(rng.choice([-1.0, 1.0])) * 0.32
    plank.beam((-1.7, 0, 0.55 - tilt), (1.7, 0, 0.55 + tilt), 0.24, 0.05)
    for s in (-1, 1):
        plank.beam((s * 1.25, -0.2, 0.78 + s * tilt * 0.74), (s * 1.25, 0.2, 0.78 + s * tilt * 0.74), 0.04, 0.04)
        foot.beam((s * 1.25, 0, 0.53 + s * tilt * 0.74), (s * 1.25, 0, 0.79 + s * tilt * 0.74), 0.04, 0.04)
        foot.beam((0, s * 0.3, 0.0), (0, 0, 0.56), 0.09, 0.09, (1, 0, 0))
    at, yaw = (mirror * -6.4, 6.2, 0.0), rng.uniform(-40, 40)
    plank.build(stage, "seesaw", materials.plain("seesaw", colour, 0.45), at, yaw)
    foot.build(stage, "seesaw_foot", paint.timber(stage, "seesaw_foot"), at, yaw)
    frame, bars = Quads(), Quads()  # monkey bars
    for x in (-1.3, 1.3):
        for y in (-0.45, 0.45):
            frame.block((x - 0.05, y - 0.05, -0.1), (x + 0.05, y + 0.05, 2.1))
    for y in (-0.45, 0.45):
        frame.block((-1.35, y - 0.04, 2.0), (1.35, y + 0.04, 2.1))
    for x in np.linspace(-1.1, 1.1, 7):
        bars.beam((x, -0.45, 2.03), (x, 0.45, 2.03), 0.035, 0.035)
    at = (mirror * 7.6, -8.2, 0.0)
    frame.build(stage, "bars", paint.timber(stage, "frame", (1.1, 1.0, 0.9)), at, 90 + rng.uniform(-20, 20))
    bars.build(stage, "rungs", materials.plain("rungs", pick(rng, BRIGHT), 0.4), at, 90)


def _edge(stage: Stage) -> Patch:
    """Lamps, benches, a picnic table, parents and children; returns the table's top."""
    rng = stage.rng("edge")
    post, bench = pick(rng, names.LAMP_POSTS), pick(rng, names.PARK_BENCHES)
    for k, x in enumerate((-12.5, -7.5, -2.5, 2.5, 7.5, 12.5)):
        side = 1 if k % 2 else -1
        stage.put(post, x + rng.uniform(-0.5, 0.5), side * 2.35, 0.0, yaw=0 if side > 0 else 180)
        if rng.random() < 0.8:
            stage.put(bench, x + 2.2, side * 2.5, 0.0, yaw=0 if side > 0 else 180)
    stage.put("bin_01_park", rng.uniform(-6, 6), 2.6, 0.0)
    for name, x, y in (
        (names.CHILDREN[0], rng.uniform(-3, -1), -4.6),
        (names.CHILDREN[1], rng.uniform(1, 3), 5.4),
        (pick(rng, names.ADULTS), rng.choice([-1, 1]) * rng.uniform(9.5, 11.5), rng.uniform(-1, 1)),
        (pick(rng, names.ADULTS), rng.uniform(-9.5, -8), 4.4),
    ):
        stage.put(name, x, y, -0.005, yaw=rng.uniform(0, 360))
    if rng.random() < 0.5:
        stage.put("bicycle_02", 9.0, 3.3, 0.0, yaw=rng.uniform(60, 110))
    x, y = float(rng.choice([-1, 1]) * rng.uniform(10.6, 11.4)), float(rng.choice([-1, 1]) * 4.9)
    things.picnic_table(stage, x, y, paint.timber(stage, "table", (0.9, 0.8, 0.7)), 0.0, -0.03)
    return Patch(x - 0.6, y - 0.12, x + 0.6, y + 0.12, things.TOP - 0.03)


def _fence(stage: Stage) -> None:
    rng = stage.rng("fence")
    style = int(rng.integers(3))
    gate = 2.6
    north, south = ((-X, gate), (-X, NORTH), (X, NORTH), (X, gate)), ((-X, -gate), (-X, SOUTH), (X, SOUTH), (X, -gate))
    if style == 0:
        for side in (north, south):
            things.rail_fence(stage, side, paint.timber(stage, "fence", (0.8, 0.72, 0.64)), height=1.0, rails=2)
    else:
        colour = paint.gloss(stage, "fence") if style == 1 else paint.timber(stage, "fence", (0.9, 0.8, 0.7))
        for side in (north, south):
            things.pickets(stage, side, colour, 0.8)
    shrubs = [(float(rng.uniform(-X, X)), y + s * 1.2) for y, s in ((NORTH, 1), (SOUTH, -1)) for _ in range(9)]
    kit.scatter(stage, rng, ("bush_01", "bush_02_hedge", "card_bush_low"), shrubs, (0.7, 1.1), -0.03)
    grass = [(float(x), float(y)) for x, y in rng.uniform((-X, SOUTH), (X, NORTH), (60, 2)) if abs(y) > 2.4]
    kit.tufts(stage, rng, grass, each=4, scale=(0.12, 0.3))


def _neighbourhood(stage: Stage, path: np.ndarray) -> None:
    rng = stage.rng("neighbours")
    for x, y, turn in (
        (-17, 21, 6),
        (0, 24, 0),
        (18, 22, -8),
        (-14, -25, 184),
        (7, -27, 178),
        (27, -22, 190),
        (-36, 13, 60),
        (37, 15, -65),
        (-40, -15, 120),
        (41, -13, -110),
    ):
        if rng.random() < 0.85:
            house = pick(rng, names.COUNTRY_HOUSES)
            stage.put(house, x + rng.uniform(-2, 2), y + rng.uniform(-1, 2), -0.03, yaw=turn + rng.uniform(-6, 6))
    kinds = several(rng, names.TREES, 3)
    spots = jittered(
        rng,
        (
            (-12, 8),
            (0.5, 13),
            (12.5, 8.2),
            (-12.5, -9),
            (11.5, -8.8),
            (-20, 9),
            (20, -8),
            (-8, -15),
            (18, 13),
            (-19, -12),
            (-26, 14),
            (26, 9),
        ),
        1.2,
        1,
    )
    kit.scatter(stage, rng, kinds, spots, (0.85, 1.2), -0.03)
    kit.avenue(stage, rng, kinds, path)
    backdrop.landscape(stage, names.LEAFY_CARDS, radii=(46.0, 66.0), open_sides=0.6)
