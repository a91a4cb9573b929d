# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that the urban places share: rows of houses, pavements, markings, street trees, cafés, stalls, the horizon.

All lengths in metres, +X is east and +Y north. A `side` names where a thing stands; its front looks to the middle.
"""

from collections.abc import Sequence
from typing import TypeVar

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.assets import manifest
from rdharmony_gen.blender.stage import Stage

T = TypeVar("T")
Colour = tuple[float, float, float]
Box = tuple[Sequence[float], Sequence[float]]

FACING = {"north": 0.0, "south": 180.0, "east": -90.0, "west": 90.0}
"""Yaw in degrees that turns what stands on this side towards the middle of the place."""

KERB = 0.14
TOWN = ("building_03_brick_apartment", "building_06_shops", "building_08_townhouse", "building_12_balcony_block")
LOW = ("building_04_stucco_house", "building_07_stone_cottage", "building_08_townhouse")
CARS = (
    "car_01_hatchback",
    "car_02_beetle",
    "car_04_suv",
    "car_06_compact",
    "car_08_minivan",
    "car_09_hatchback",
    "car_10_van",
)
TREES = ("tree_02_ficus", "tree_03_copper_beech", "tree_06_poplar", "tree_08_peach_blossom", "tree_09_pine")
CARDS = ("card_green_tree", "card_thick_tree", "card_horse_chestnut_tree", "card_green_tree2", "card_fine_tree")
BENCHES = ("bench_02_painted", "bench_03_concrete", "bench_04_wood")
POSTS = ("lamp_01_park", "lamp_02_classic", "lamp_03_round")
CHAIRS = ("chair_06_cafe", "chair_07_rattan", "chair_09_thonet", "chair_03_design")
PEOPLE = (
    "human_female_01_standing",
    "human_female_02_standing",
    "human_female_03_standing",
    "human_female_04_holding",
    "human_female_06_holding",
    "human_male_01_standing",
    "human_male_02_standing",
    "human_male_03_standing",
    "human_male_04_holding",
    "human_girl_01_standing",
)
PAVINGS = (
    ("paving_01", 2.2, (1.15, 1.08, 1.0)),
    ("paving_01", 1.4, (1.0, 0.92, 0.85)),
    ("brick_01", 1.8, (1.15, 1.0, 0.92)),
    ("cinder_blocks_01", 1.6, (1.5, 1.4, 1.28)),
    ("stone_wall_01", 2.6, (0.62, 0.60, 0.58)),
)
PLASTERS = ((1.0, 1.0, 1.0), (1.0, 0.86, 0.62), (1.02, 0.80, 0.70), (0.82, 0.90, 1.0), (0.86, 0.96, 0.82))
CLOTHS: tuple[tuple[Colour, Colour], ...] = (
    ((0.62, 0.06, 0.05), (0.82, 0.79, 0.72)),
    ((0.05, 0.24, 0.12), (0.80, 0.78, 0.70)),
    ((0.05, 0.14, 0.42), (0.80, 0.80, 0.78)),
    ((0.80, 0.48, 0.05), (0.82, 0.78, 0.66)),
    ((0.72, 0.68, 0.58), (0.72, 0.68, 0.58)),
)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of several."""
    return options[int(rng.integers(len(options)))]


def some(rng: np.random.Generator, options: Sequence[T], count: int) -> list[T]:
    """Several different ones in random order."""
    return [options[i] for i in rng.permutation(len(options))[:count]]


# --- materials -------------------------------------------------------------------------------------------------------


def asphalt(stage: Stage) -> bpy.types.Material:
    """Road surface, older or newer."""
    tone = 2.2 * stage.rng("asphalt").uniform(0.8, 1.25)
    return materials.tiled(
        stage.library,
        "asphalt",
        "asphalt_02",
        2.4,
        variation=0.35,
        variation_m=3.5,
        tint=(tone, tone, tone),
        break_tiling=True,
        roughness=0.8,
        bump=0.7,
    )


def paving(stage: Stage, label: str = "paving", kinds: Sequence[tuple[str, float, Colour]] = PAVINGS) -> object:
    """Slabs, cobbles or clinker."""
    rng = stage.rng(label)
    texture, tile, tint = pick(rng, kinds)
    tone = np.array(tint) * rng.uniform(0.88, 1.12)
    return materials.tiled(
        stage.library, label, texture, tile, variation=0.3, variation_m=2.6, tint=tuple(tone), roughness=0.75
    )


def stone(stage: Stage, name: str = "kerbstone", tone: float = 0.85) -> bpy.types.Material:
    """Cut stone or concrete of kerbs, steps, copings."""
    return materials.tiled(
        stage.library, name, "concrete_01", 2.0, variation=0.25, variation_m=0.8, tint=(tone, tone * 0.97, tone * 0.92)
    )


def lawn(stage: Stage, name: str = "lawn") -> bpy.types.Material:
    """Mown grass."""
    return materials.tiled(
        stage.library,
        name,
        "grass_03",
        1.7,
        second="grass_01",
        second_share=0.4,
        tint=(0.95 + 0.25 * stage.rng(name).random(), 1.0, 0.85),
        variation=0.35,
        variation_m=5.0,
        break_tiling=True,
        roughness=0.95,
        bump=0.8,
    )


def wood(stage: Stage, name: str = "wood") -> bpy.types.Material:
    """Planks of stalls, tables, doors."""
    texture, tile = pick(stage.rng(name), (("wood_planks_01", 1.2), ("wood_02_light", 1.1), ("wood_01", 1.0)))
    return materials.tiled(stage.library, name, texture, tile, variation=0.2, variation_m=0.7, roughness=0.7)


def road_paint(stage: Stage) -> bpy.types.Material:
    """Worn white markings."""
    return materials.tiled(
        stage.library, "marking", "concrete_02", 2.0, tint=(1.3, 1.3, 1.25), variation=0.35, variation_m=0.6
    )


def cloth(stage: Stage, label: str, stripe_m: float = 0.22) -> bpy.types.Material:
    """Awning cloth of seeded colours."""
    first, second = pick(stage.rng(label), CLOTHS)
    return materials.canvas(label, first, second, stripe_m)


def shop_glass(stage: Stage) -> bpy.types.Material:
    """Shop windows of our own: lit by night with all others."""
    glass = bpy.data.materials.new("shop_glass")
    materials.window_glass(glass)
    stage.windows.append(glass)
    return glass


def sign(stage: Stage, name: str, colour: Colour, glow: float = 0.5) -> bpy.types.Material:
    """A panel that shines at night."""
    panel = materials.sign_panel(name, colour)
    stage.glowing.append((panel, glow))
    return panel


# --- shapes ----------------------------------------------------------------------------------------------------------


def boxes(
    stage: Stage,
    name: str,
    parts: Sequence[Box],
    material: object,
    at: Sequence[float] = (0.0, 0.0, 0.0),
    yaw: float = 0.0,
) -> bpy.types.Object:
    """Several closed boxes (low, high) as one object, placed at a point and turned by `yaw` degrees."""
    points, uv = [], []
    for low, high in parts:
        lo, hi = np.minimum(low, high), np.maximum(low, high)
        for axis in range(3):
            u, v = ((1, 2), (0, 2), (0, 1))[axis]
            for end, turn in ((lo, -1), (hi, 1)):
                ring = [(lo[u], lo[v]), (hi[u], lo[v]), (hi[u], hi[v]), (lo[u], hi[v])]
                if turn * (-1 if axis == 1 else 1) < 0:  # anti-clockwise from outside
                    ring.reverse()
                for a, b in ring:
                    corner = np.empty(3)
                    corner[axis], corner[u], corner[v] = end[axis], a, b
                    points.append(corner)
                    uv.append((a, b))
    faces = np.arange(len(points)).reshape(-1, 4)
    made = stage.surface(name, np.array(points), faces, np.array(uv), material)
    made.location, made.rotation_euler = tuple(float(c) for c in at), (0.0, 0.0, np.radians(yaw))
    return made


def drum(
    stage: Stage, name: str, x: float, y: float, radius: float, z0: float, z1: float, material: object, sides: int = 40
) -> bpy.types.Object:
    """An upright cylinder, closed on top: columns, bins, round steps and flower beds."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1) * radius + (x, y)
    wall = np.concatenate([np.column_stack([ring, np.full(sides + 1, z)]) for z in (z0, z1)])
    wall_uv = np.concatenate([np.stack([angle * radius, np.full(sides + 1, z)], -1) for z in (z0, z1)])
    top = np.concatenate([np.column_stack([ring, np.full(sides + 1, z1)]), [[x, y, z1]]])
    i = np.arange(sides)
    first = 2 * (sides + 1)
    quads = np.stack([i, i + 1, i + sides + 2, i + sides + 1], -1).tolist()
    caps = np.stack([first + i, first + i + 1, np.full(sides, first + sides + 1)], -1).tolist()
    points, uv = np.concatenate([wall, top]), np.concatenate([wall_uv, top[:, :2]])
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], quads + caps)
    layer = mesh.uv_layers.new(name="metres")
    corners = np.array([c for face in quads + caps for c in face])
    layer.data.foreach_set("uv", uv[corners].astype(np.float32).ravel())
    mesh.materials.append(material)
    mesh.polygons.foreach_set("use_smooth", [True] * sides + [False] * sides)
    made = bpy.data.objects.new(name, mesh)
    stage.collection.objects.link(made)
    return made


def marks(stage: Stage, name: str, rectangles: Sequence[Sequence[float]], material: object, z: float) -> None:
    """Level rectangles (x0, y0, x1, y1) as one object: lines, zebra crossings, bands of paving."""
    r = np.asarray(rectangles, float)
    corners = r[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    points = np.column_stack([corners, np.full(len(corners), z)])
    stage.surface(name, points, np.arange(len(points)).reshape(-1, 4), corners, material)


def arrow(stage: Stage, x: float, y: float, yaw: float, material: object, z: float) -> None:
    """An arrow on the ground, 2.4 long, that points to +X at `yaw` 0."""
    points = np.array([[-1.2, -0.08], [0.2, -0.08], [0.2, 0.08], [-1.2, 0.08], [0.2, -0.3], [1.2, 0.0], [0.2, 0.3]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6]])
    made = stage.surface("arrow", np.column_stack([points, np.zeros(7)]), faces, points, material)
    made.location, made.rotation_euler = (x, y, z), (0.0, 0.0, np.radians(yaw))


def dashes(start: float, stop: float, y: float, skip: tuple[float, float] = (0.0, 0.0)) -> list[list[float]]:
    """Rectangles of a broken line along X; none within `skip`."""
    return [[x, y - 0.06, x + 2.4, y + 0.06] for x in np.arange(start, stop, 5.0) if not skip[0] - 2.4 < x < skip[1]]


def zebra(x0: float, x1: float, y0: float, y1: float) -> list[list[float]]:
    """Rectangles of a crossing over a road along X."""
    return [[x0, y, x1, y + 0.5] for y in np.arange(y0 + 0.3, y1 - 0.6, 1.0)]


def lettering(
    stage: Stage,
    text: str,
    at: Sequence[float],
    height: float,
    material: object,
    side: str = "north",
    *,
    fit: float = np.inf,
) -> bpy.types.Object:
    """Letters centred at a point, read by one who looks towards `side`; "road": flat, for westbound traffic.

    They are `height` tall, or less when the text would be wider than `fit`.
    """
    curve = bpy.data.curves.new("lettering", "FONT")
    curve.body, curve.size, curve.extrude, curve.align_x = text, height * 1.4, 0.012, "CENTER"
    holder = bpy.data.objects.new("lettering", curve)
    stage.collection.objects.link(holder)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(holder.evaluated_get(depsgraph), depsgraph=depsgraph)
    bpy.data.objects.remove(holder)
    bpy.data.curves.remove(curve)
    mesh.name = "lettering"
    mesh.materials.clear()
    mesh.materials.append(material)
    made = bpy.data.objects.new("lettering", mesh)
    shrink = min(1.0, fit / max(v.co.x for v in mesh.vertices) / 2)
    made.scale, height = (shrink, shrink, 1.0), height * shrink
    x, y, z = (float(v) for v in at)
    if side == "road":
        made.location, made.rotation_euler = (x + height / 2, y, z - 0.007), (0.0, 0.0, np.pi / 2)
    else:
        made.location, made.rotation_euler = (x, y, z - height / 2), (np.pi / 2, 0.0, np.radians(FACING[side]))
    stage.collection.objects.link(made)
    return made


# --- houses and ground -----------------------------------------------------------------------------------------------


def house(stage: Stage, name: str, side: str, along: float, front: float, z: float = 0.0) -> bpy.types.Object:
    """A building whose face stands on the line `front`, its middle at `along`; its walls get this place's paint."""
    depth = manifest()[name]["size_m"][1] / 2
    out = front + (depth if side in ("north", "east") else -depth)
    x, y = (along, out) if side in ("north", "south") else (out, along)
    placed = stage.put(name, x, y, z, yaw=FACING[side])
    mesh = placed.data
    if "painted" not in mesh:
        mesh["painted"] = 1
        rng = stage.rng("paint", name)
        tint = np.array(pick(rng, PLASTERS)) if "brick" not in name else np.array((1.0, 0.95, 0.9))
        tint = tuple(tint * rng.uniform(0.82, 1.08))
        for material in mesh.materials:
            if material is not None and material.name.startswith("wall"):
                materials.tint_base(material, tint)
    return placed


def row(
    stage: Stage,
    label: str,
    names: Sequence[str],
    side: str,
    front: float,
    start: float,
    stop: float,
    *,
    z: float = 0.0,
    gap: tuple[float, float] = (0.05, 0.6),
) -> list[tuple[float, float]]:
    """Houses between two points of a line, no two alike side by side; returns the interval that each takes."""
    rng = stage.rng("row", label)
    taken: list[tuple[float, float]] = []
    at, last = start, ""
    while fitting := [n for n in names if n != last and at + manifest()[n]["size_m"][0] <= stop]:
        last = pick(rng, fitting)
        width = manifest()[last]["size_m"][0]
        house(stage, last, side, at + width / 2, front, z)
        taken.append((at, at + width))
        at += width + float(rng.uniform(*gap))
    return taken


def pavement(stage: Stage, x0: float, y0: float, x1: float, y1: float, top: object, kerb: object) -> None:
    """A raised block with kerbstones around it."""
    stage.box("pavement", (x0 + 0.18, y0 + 0.18, -0.2), (x1 - 0.18, y1 - 0.18, KERB), top)
    stage.box("kerb", (x0, y0, -0.2), (x1, y1, KERB - 0.012), kerb)


def wall(
    stage: Stage, name: str, low: Sequence[float], high: Sequence[float], material: object, coping: object
) -> None:
    """A free-standing wall with a coping of stone."""
    stage.box(name, low, high, material)
    stage.box(
        "coping", (low[0] - 0.05, low[1] - 0.05, high[2]), (high[0] + 0.05, high[1] + 0.05, high[2] + 0.07), coping
    )


def horizon(stage: Stage, *, near: float = 74.0, far: float = 104.0, cards: Sequence[str] = CARDS) -> None:
    """Trees all around and hills behind; farther and lower in the east and west, where the sun rises and sets."""
    rng = stage.rng("horizon")
    count = 150
    angles = np.linspace(0, 360, count, endpoint=False) + rng.uniform(-1.0, 1.0, count)
    to_side = np.abs(np.sin(np.radians(angles)))
    scales = rng.uniform(0.7, 1.1, count) * np.where(to_side > 0.8, 0.55, 1.0)
    stage.belt(
        "belt", some(rng, cards, 4), angles, np.where(to_side > 0.7, far, near) + rng.uniform(0, 14, count), scales, rng
    )
    woods = materials.tiled(
        stage.library, "woods", "grass_01", 9.0, tint=(0.42, 0.5, 0.36), variation=0.6, variation_m=14.0, roughness=1.0
    )
    stage.hills("hills", far + 26.0, 11.0, woods)


# --- furniture -------------------------------------------------------------------------------------------------------


def plant(
    stage: Stage,
    rng: np.random.Generator,
    kind: str,
    x: float,
    y: float,
    z: float = 0.0,
    scale: tuple[float, float] = (0.8, 1.0),
) -> None:
    """A tree, card or bush, turned and sized at random."""
    turn = rng.uniform(0, 360)
    stage.put(kind, x, y, z, yaw=turn, scale=rng.uniform(*scale))


def wayside(
    stage: Stage,
    rng: np.random.Generator,
    sign: float,
    near: float,
    south: float,
    north: float,
    *,
    way: float = 0.0,
    z: float = -0.05,
) -> None:
    """Beyond the east or west edge of a place: bushes, low trees, lower ones far off; none within `way` of y = 0."""
    kinds = some(rng, ("tree_02_ficus", "tree_06_poplar", "tree_08_peach_blossom", "tree_09_pine"), 2)
    spots = [("tree", near + rng.uniform(2.5, 5.5), y) for y in np.arange(south + 1.5, north - 1.0, 5.5)]
    spots += [("bush", near + rng.uniform(1.2, 4.0), rng.uniform(south, north)) for _ in range(7)]
    spots += [("card", near + rng.uniform(10, 38), rng.uniform(south - 8, north + 8)) for _ in range(9)]
    for what, x, y in spots:
        kind = {"tree": pick(rng, kinds), "bush": "bush_01", "card": pick(rng, CARDS)}[what]
        scale = {"tree": (0.6, 0.8), "bush": (0.6, 1.0), "card": (0.42, 0.6)}[what]
        if abs(y) > way:
            plant(stage, rng, kind, sign * float(x), float(y), z, scale)


def street_tree(
    stage: Stage, kind: str, x: float, y: float, z: float, rng: np.random.Generator, scale: float = 0.8
) -> None:
    """A tree in a pit of soil that stones frame; a palm keeps its straight stem upright."""
    soil, rim = _tree_pit(stage)
    marks(stage, "soil", [[x - 0.5, y - 0.5, x + 0.5, y + 0.5]], soil, z + 0.008)
    edge = [
        ((-0.6, -0.6, 0), (0.6, -0.5, 0.05)),
        ((-0.6, 0.5, 0), (0.6, 0.6, 0.05)),
        ((-0.6, -0.5, 0), (-0.5, 0.5, 0.05)),
        ((0.5, -0.5, 0), (0.6, 0.5, 0.05)),
    ]
    boxes(stage, "tree_pit", edge, rim, (x, y, z))
    stage.put(kind, x, y, z, yaw=rng.uniform(0, 360), scale=scale * rng.uniform(0.9, 1.12))


def _tree_pit(stage: Stage) -> tuple[object, object]:
    held = {m.name: m for m in bpy.data.materials if m.name in ("pit_soil", "pit_rim")}
    if len(held) < 2:
        soil = materials.tiled(stage.library, "pit_soil", "soil_01", 1.3, variation=0.3, variation_m=0.6)
        return soil, stone(stage, "pit_rim", 0.75)
    return held["pit_soil"], held["pit_rim"]


def bystanders(stage: Stage, spots: Sequence[tuple[float, float]], z: float = 0.0, share: float = 0.8) -> None:
    """Different people, each near a spot, some spots empty."""
    rng = stage.rng("bystanders")
    for person, (x, y) in zip(some(rng, PEOPLE, len(spots)), spots, strict=True):
        dx, dy, turn, here = rng.uniform(-0.7, 0.7), rng.uniform(-0.4, 0.4), rng.uniform(0, 360), rng.random()
        if here < share:
            stage.put(person, x + dx, y + dy, z, yaw=turn)


def parked(
    stage: Stage, spots: Sequence[tuple[float, float, float]], *, kinds: int = 4, share: float = 0.85, sway: float = 0.5
) -> None:
    """Vehicles of a few kinds at spots (x, y, yaw); they may stand up to `sway` off along their own length."""
    rng = stage.rng("parked")
    names = some(rng, CARS, kinds)
    for number, (x, y, yaw) in enumerate(spots):
        along, turn, here = rng.uniform(-sway, sway), rng.uniform(-2, 2), rng.random()
        if here < share:
            a = np.radians(yaw)
            name = names[(number + int(rng.integers(2))) % kinds]
            stage.put(name, x + along * np.sin(a), y - along * np.cos(a), 0.0, yaw=yaw + turn)
