# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that the urban places share: rows of houses, pavements, walls, street trees, passers-by, parked cars.

All lengths in metres, +X is east and +Y north. A `side` names where a thing stands; its front looks to the middle.
"""

from collections.abc import Sequence

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.assets import manifest
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_names import CARS, PASSERS_BY, TOWN_CARDS
from rdharmony_gen.blender.scenes.kit_shapes import FACING, boxes, marks
from rdharmony_gen.blender.scenes.kit_surfaces import stone
from rdharmony_gen.blender.stage import Stage

KERB = 0.14
PLASTERS = ((1.0, 1.0, 1.0), (1.0, 0.86, 0.62), (1.02, 0.80, 0.70), (0.82, 0.90, 1.0), (0.86, 0.96, 0.82))


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
        kind = {"tree": pick(rng, kinds), "bush": "bush_01", "card": pick(rng, TOWN_CARDS)}[what]
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
    for person, (x, y) in zip(some(rng, PASSERS_BY, len(spots)), spots, strict=True):
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
