# SPDX-License-Identifier: GPL-3.0-or-later
"""A beach: sand that slopes into the sea, parasols and towels, a boat, palms, a hut with lamps, dunes behind.

The sea lies to the south or to the north; the shore runs east to west, so that low suns shine along it.
"""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_nature as kit
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes import kit_nature_things as things
from rdharmony_gen.blender.scenes.kit_draw import pick, several, some
from rdharmony_gen.blender.scenes.kit_shapes import Quads, lattice
from rdharmony_gen.blender.stage import Patch, Place, Stage

PALMS = ("tree_13_coconut", "tree_07_palm", "tree_14_sabal_palm")
CARDS = ("card_palm3", "card_palm_tree2", "card_olive_bush", "card_wide_tree2", "card_thick_tree")
SEA = -0.55


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the beach."""
    land = 1.0 if stage.rng("side").random() < 0.6 else -1.0  # the land lies north (1) or south (-1)
    _sand_and_sea(stage, land)
    top = _visitors(stage, land)
    _hut(stage, land)
    _palms(stage, land)
    middle = 0.0 if land > 0 else 180.0
    dunes = paint.earth(stage, "far_dunes", "grass_01", (0.62, 0.62, 0.42))
    backdrop.landscape(
        stage,
        CARDS,
        radii=(34.0, 58.0),
        scales=(0.6, 1.1),
        hill=18.0,
        count=100,
        arc=(middle - 84, middle + 84),
        far=dunes,
    )
    low, high = sorted((land * -4.0, land * 10.0))
    y0, y1 = sorted((land * -2.5, land * 3.5))
    return Place(
        stand=(Patch(-8, y0, 8, y1),),
        drive=(),
        tops=(top,),
        camera_room=((-18.0, low - 2.0, 0.6), (18.0, high, 2.6)),
    )


def _shore(stage: Stage) -> tuple[np.ndarray, np.ndarray]:
    """Where the sand reaches the water, for land to the north: x and y."""
    rng = stage.rng("shore")
    x = np.linspace(-170, 170, 341)
    y = -8.3 + sum(a * np.sin(x / s + rng.uniform(0, 6.28)) for a, s in ((0.8, 9.0), (0.45, 4.3), (1.6, 31.0)))
    return x, y - 0.0011 * x**2


def _sand_and_sea(stage: Stage, land: float) -> None:
    rng = stage.rng("sand")
    tone = rng.uniform(0.85, 1.05)
    sand = materials.tiled(
        stage.library,
        "sand",
        "sand_01",
        2.3,
        tint=(tone, tone * rng.uniform(0.94, 1.0), tone * rng.uniform(0.86, 1.0)),
        variation=0.14,
        variation_m=2.2,
        break_tiling=True,
        bump=1.6,
    )
    wet = materials.tiled(
        stage.library,
        "wet_sand",
        "sand_01",
        2.3,
        tint=(0.55, 0.52, 0.47),
        variation=0.15,
        variation_m=2.5,
        break_tiling=True,
        roughness=0.28,
        bump=0.5,
    )
    sx, sy = _shore(stage)
    bumps, dune = kit.swell(rng, 1.7), kit.swell(rng, 13.0)

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inland = land * y - np.interp(x, sx, sy)  # metres from the water's edge
        slope = SEA + 0.115 * inland
        beach = np.where(slope > -0.03, -0.03 * np.exp(-np.maximum(slope + 0.03, 0.0) * 9), slope)
        back = kit.ramp(land * y, 7.0, 12.0)
        rough = np.clip((np.abs(x) - 9) / 4, 0, 1) + np.clip((land * y - 4.5) / 2, 0, 1)
        return beach + 0.045 * np.minimum(rough, 1.0) * bumps(x, y) + back * (1.3 + dune(x, y))

    kit.terrain(stage, "sand", height, sand, cells=170)
    offsets = np.array([-3.5, -0.4, 0.9, 2.1])  # a wet band follows the edge, just over the sand
    z = SEA + 0.115 * offsets + np.array([0.004, 0.012, 0.010, 0.004])
    points = np.concatenate(
        [np.column_stack([sx, land * (sy + o), np.full(len(sx), h)]) for o, h in zip(offsets, z, strict=True)]
    )
    n = len(sx)
    stage.surface("wet_sand", points, lattice(n, len(offsets)), points[:, :2], wet)
    blue = np.array([0.012, 0.075, 0.10]) * rng.uniform(0.6, 1.2)
    sea = paint.water(
        "sea", tuple(blue), wave_m=0.9, height_m=0.10, shallow=(0.10, 0.27, 0.25), shore=(land * -9.0, land * -30.0)
    )
    stage.floor(
        "sea", -800, *sorted((land * -4.0, land * -900.0))[:1], 800, sorted((land * -4.0, land * -900.0))[1], sea, z=SEA
    )
    lace = paint.foam()
    for run, (a, b) in enumerate(((-2.2, 0.25), (-6.0, -4.6))):
        swing = 0.35 * np.sin(sx / rng.uniform(1.6, 2.6) + run) + 0.25 * np.sin(sx / 0.9)
        edges = [sy + a + 0.3 * swing, sy + b + swing]
        heights = [SEA + 0.012, SEA + 0.02 + (0.0 if run else 0.115 * 0.6)]
        points = np.concatenate(
            [np.column_stack([sx, land * e, np.full(n, h)]) for e, h in zip(edges, heights, strict=True)]
        )
        uv = np.concatenate([np.column_stack([sx, np.full(n, v)]) for v in (0.0, 1.0)])
        stage.surface("foam", points, lattice(n), uv, lace)


def _visitors(stage: Stage, land: float) -> Patch:
    """Parasols, towels, people, a boat; returns the top of a small table."""
    rng = stage.rng("visitors")
    taken: list[kit.Disc] = [(0.0, 0.0, 3.2)]
    camps = kit.free_spots(rng, taken, 6, (-14, -4.0, 14, 5.5), 1.9)
    colours = some(rng, paint.CLOTHS, len(paint.CLOTHS))
    for number, (x, y) in enumerate(camps):
        y = land * y
        if number < 5:
            stage.put("parasol_01", x, y, 0.0, yaw=rng.uniform(0, 360), scale=rng.uniform(0.95, 1.15))
        turn = rng.uniform(-25, 25)
        towel = Quads()
        towel.add((-0.4, -0.9, 0), (0.4, -0.9, 0), (0.4, 0.9, 0), (-0.4, 0.9, 0))
        towel.build(stage, "towel", paint.cloth("towel", colours[number % len(colours)]), (x + 0.9, y, 0.012), turn)
        if number % 2 == 0:
            name = pick(rng, names.SEATED)
            stage.put(name, x + 0.9, y, 0.015, yaw=turn + (0 if land > 0 else 180))
        elif rng.random() < 0.6:
            chair = pick(rng, ("chair_07_rattan", "chair_06_cafe"))
            stage.put(chair, x - 1.0, y, 0.0, yaw=rng.uniform(-40, 40) + (0 if land > 0 else 180))
    for name in several(rng, names.ADULTS, 2):
        stage.put(
            name,
            rng.choice([-1, 1]) * rng.uniform(9, 15),
            land * rng.uniform(-4.5, -3.5),
            -0.02,
            yaw=rng.uniform(0, 360),
        )
    boat = rng.choice([-1, 1]) * rng.uniform(6.0, 9.0)
    stage.put("boat_01_rowboat", boat, land * -5.6, -0.22, yaw=rng.uniform(-35, 35), scale=1.15)
    x, y = float(rng.uniform(-2.5, 2.5)), land * 4.6
    stage.put("parasol_01", x, y + land * 0.75, 0.0, scale=1.1)
    if rng.random() < 0.5:
        stage.put("bar_cafe_table_01", x, y, 0.0)
        return Patch(x - 0.1, y - 0.1, x + 0.1, y + 0.1, 0.739)
    things.picnic_table(stage, x, y, paint.gloss(stage, "table", (0.75, 0.78, 0.8)))
    return Patch(x - 0.6, y - 0.12, x + 0.6, y + 0.12, things.TOP)


def _hut(stage: Stage, land: float) -> None:
    """A bar of boards with a counter and lanterns, a boardwalk with lamp posts, huts in a row."""
    rng = stage.rng("hut")
    x = float(rng.choice([-1, 1]) * rng.uniform(6, 9))
    facing = 0.0 if land > 0 else 180.0
    colour = np.array(pick(rng, paint.CLOTHS)) * 0.8 + 0.25
    roof = paint.planks(stage, "hut_roof", (1.2, 1.1, 0.95), 1.4)
    walls = paint.planks(stage, "hut", (2.2 * colour[0], 2.2 * colour[1], 2.2 * colour[2]), 1.3)
    things.kiosk(stage, (x, land * 11.0, 0), facing, 4.6, walls, roof)
    for dx in (-0.8, 0.8):
        stage.put("bar_stool_02", x + dx, land * 8.2, 0.0, yaw=facing + 180)
    for k in range(4):
        u = -np.sign(x) * (3.0 + 3.1 * k)
        tint = np.array(paint.CLOTHS[(k * 3 + int(rng.integers(3))) % len(paint.CLOTHS)]) * 0.7 + 0.3
        walls = paint.gloss(stage, "cabin", (tint[0], tint[1], tint[2]))
        things.gabled(stage, "building_cabin", (u, land * 11.5, 0.05), facing, (2.0, 2.2, 2.1, 2.9), walls, roof, 0.25)
        door = Quads()
        door.block((-0.42, -1.14, 0.05), (0.42, -1.11, 1.9))
        door.build(stage, "cabin_door", paint.gloss(stage, "cabin_door"), (u, land * 11.5, 0.05), facing)
    walk = Quads()
    for u in np.arange(-30, 30, 0.17):
        walk.block((u, 6.6, 0.0), (u + 0.155, 8.0, 0.035))
    walk.build(stage, "boardwalk", paint.timber(stage, "boardwalk", (0.85, 0.82, 0.78)), (0, 0, 0), facing)
    post = pick(rng, names.LAMP_POSTS)
    for u in (-12.5, -6.5, -1.0, 4.5, 10.5):
        stage.put(post, u + rng.uniform(-0.6, 0.6), land * 6.1, 0.0, yaw=facing)


def _palms(stage: Stage, land: float) -> None:
    rng = stage.rng("palms")
    kind = several(rng, PALMS, 2)
    taken: list[kit.Disc] = [(float(u), 11.0, 3.2) for u in np.arange(-16, 17, 2.0)]
    for area, count in (((-26, 8.6, 26, 24), 12), ((-24, -2, -11, 8), 2), ((11, -2, 24, 8), 2)):
        spots = kit.free_spots(rng, taken, count, area, 1.6)
        kit.scatter(stage, rng, kind, [(x, land * y) for x, y in spots], (0.55, 0.85), -0.2)
    grass = [(float(rng.uniform(-26, 26)), land * float(rng.uniform(9.0, 16.0))) for _ in range(70)]
    kit.tufts(
        stage,
        rng,
        grass,
        ids=("card_dry_grass", "card_grass2", "card_grass"),
        each=3,
        spread=0.4,
        scale=(0.5, 0.95),
        ground=lambda x, y: 0.1 + 0.09 * max(0.0, land * y - 9.0),
    )
    rocks = [(s * rng.uniform(13, 22), land * rng.uniform(-8, -4.5)) for s in (-1, -1, -1, 1, 1, 1)]
    kit.scatter(stage, rng, ("rock_01", "rock_03"), rocks, (1.2, 3.0), -0.75)
