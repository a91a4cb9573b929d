# SPDX-License-Identifier: GPL-3.0-or-later
"""A park: lawn and gravel path, a house among trees, street furniture, woods all around; open to east and west."""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes.kit_draw import jittered, pick, several
from rdharmony_gen.blender.stage import Patch, Place, Stage

FEATURES = ("fountain_01", "playground_01", "playground_02", "swing_01", "lantern_01_stone", "parasol_01")
PEOPLE = (
    "human_female_01_standing",
    "human_male_01_standing",
    "human_girl_01_standing",
    "human_female_06_holding",
    "human_male_03_standing",
)


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the park."""
    _ground(stage)
    path = _path(stage)
    _house(stage)
    _trees(stage)
    _furniture(stage, path)
    table = _picnic(stage, path)
    backdrop.woods(stage, names.LEAFY_CARDS)
    stage.hills("hills", 105.0, 13.0, backdrop.wooded(stage))
    return Place(
        stand=(Patch(-7, -1.2, 7, 1.2), Patch(-9, -6, 9, 6)),
        drive=(Patch(-6, -1.0, 6, 1.0), Patch(-8, -5, 8, 4)),
        tops=(table,),
        camera_room=((-22.0, -16.0, 0.6), (22.0, 12.0, 2.6)),
    )


def _ground(stage: Stage) -> None:
    rng = stage.rng("ground")
    tint = (0.95 + 0.25 * rng.random(), 0.95 + 0.1 * rng.random(), 0.85)
    stage.floor("lawn", -150, -150, 150, 150, surfaces.grass(stage, tint=tint), z=-0.012)


def _path(stage: Stage) -> np.ndarray:
    rng = stage.rng("path")
    line = kit.winding(rng, 60.0)
    kind = pick(rng, ("gravel_01", "paving_01", "sand_01"))
    surface = materials.tiled(
        stage.library,
        "path",
        kind,
        {"gravel_01": 1.2, "paving_01": 2.0, "sand_01": 1.8}[kind],
        variation=0.25,
        variation_m=3.0,
        tint=(1.0, 0.95, 0.86),
        break_tiling=kind != "paving_01",
    )
    edge = materials.tiled(stage.library, "edge", "soil_01", 1.5, variation=0.3, variation_m=2.0, break_tiling=True)
    stage.strip("edge", line, 3.1, edge, -0.006)
    stage.strip("path", line, 2.7, surface, 0.0)
    return line


def _house(stage: Stage) -> None:
    rng = stage.rng("house")
    first, second = several(rng, names.COUNTRY_HOUSES, 2)
    x = rng.uniform(-9, 9)
    stage.put(first, x, rng.uniform(17, 21), yaw=rng.uniform(-14, 14))
    stage.put(second, x + rng.choice([-1, 1]) * rng.uniform(20, 25), rng.uniform(22, 28), yaw=rng.uniform(-25, 25))
    for side in (-1, 1):
        for step in range(int(rng.integers(2, 4))):
            stage.put(
                "bush_02_hedge", x + side * (3.2 + 1.35 * step), 11.6 + 0.4 * rng.random(), yaw=rng.uniform(-8, 8)
            )


def _trees(stage: Stage) -> None:
    rng = stage.rng("trees")
    kinds = several(rng, names.TREES, 4)
    spots = jittered(
        rng,
        (
            (-13, 9),
            (13, 8.5),
            (-8, 12.5),
            (-15, -9),
            (-6, -12),
            (4, -11),
            (14, -10),
            (22, 13),
            (-23, 14),
            (-24, -13),
            (25, -14),
            (9, -19),
            (-12, -20),
        ),
        1.6,
        1.3,
    )
    for number, (x, y) in enumerate(spots):
        kind = kinds[number % len(kinds)] if rng.random() < 0.8 else pick(rng, names.TREES)
        if kind not in kinds:
            kind = kinds[0]
        stage.put(kind, x, y, yaw=rng.uniform(0, 360), scale=rng.uniform(0.85, 1.25))
    for _ in range(7):
        x, y = rng.uniform(-16, 16), rng.choice([-1, 1]) * rng.uniform(4.5, 9)
        stage.put(
            "card_bush_low" if rng.random() < 0.4 else "bush_01",
            x,
            y,
            yaw=rng.uniform(0, 360),
            scale=rng.uniform(0.5, 0.95),
        )
    kit.tufts(stage, rng, ((rng.uniform(-13, 13), rng.choice([-1, 1]) * rng.uniform(1.8, 10)) for _ in range(36)))


def _furniture(stage: Stage, path: np.ndarray) -> None:
    rng = stage.rng("furniture")
    bench = pick(rng, names.BENCHES)
    post = pick(rng, names.LAMP_POSTS)
    for x in (-9.0, -1.5, 6.0, 14.0):
        x = x + rng.uniform(-1, 1)
        side = rng.choice([-1.0, 1.0])
        y = float(np.interp(x, path[:, 0], path[:, 1]))
        stage.put(post, x, y + side * 1.9, yaw=0 if side > 0 else 180)
        if rng.random() < 0.75:
            stage.put(bench, x + 2.3, y + side * 2.2, yaw=0 if side > 0 else 180)
        if rng.random() < 0.6:
            stage.put("bin_01_park", x + 0.9, y + side * 2.0)
    feature = pick(rng, FEATURES)
    stage.put(feature, rng.uniform(-8, 8), -7.5 + rng.uniform(-0.8, 0.8), yaw=rng.uniform(-30, 30))
    for number, person in enumerate(several(rng, PEOPLE, 2)):
        x = (-1) ** number * rng.uniform(8, 13)
        stage.put(
            person,
            x,
            float(np.interp(x, path[:, 0], path[:, 1])) + rng.uniform(-0.8, 0.8),
            yaw=rng.uniform(0, 360),
        )
    for rock in range(4):
        stage.put(
            f"rock_0{1 + rock % 3}",
            rng.uniform(-11, 11),
            rng.choice([-1, 1]) * rng.uniform(3.2, 8),
            yaw=rng.uniform(0, 360),
            scale=rng.uniform(0.5, 1.2),
        )


def _picnic(stage: Stage, path: np.ndarray) -> Patch:
    """A wooden table on the lawn; returns its top."""
    rng = stage.rng("picnic")
    x = float(rng.uniform(-5, 5))
    y = float(np.interp(x, path[:, 0], path[:, 1])) + 4.0
    stage.put("living_table_01", x, y, -0.02)
    return Patch(x - 0.7, y - 0.2, x + 0.7, y + 0.2, 0.719)
