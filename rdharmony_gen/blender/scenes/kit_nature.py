# SPDX-License-Identifier: GPL-3.0-or-later
"""Building blocks of the landscape scenes: what is in them by name, backdrops, ground, paths and planting.

Lengths in metres, angles of things in degrees anti-clockwise (0 faces -Y), compass arcs in degrees from +Y by +X.
"""

from collections.abc import Callable, Iterable, Sequence

import bpy
import numpy as np

from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_shapes import Quads, lattice
from rdharmony_gen.blender.stage import Stage

Disc = tuple[float, float, float]
Area = tuple[float, float, float, float]


def free_spots(
    rng: np.random.Generator, taken: list[Disc], count: int, area: Area, radius: float
) -> list[tuple[float, float]]:
    """Up to `count` points of an area (x0, y0, x1, y1) whose discs touch none of `taken`, which they then join."""
    found: list[tuple[float, float]] = []
    for _ in range(count * 12):
        if len(found) == count:
            break
        x, y = float(rng.uniform(area[0], area[2])), float(rng.uniform(area[1], area[3]))
        if all((x - a) ** 2 + (y - b) ** 2 > (radius + r) ** 2 for a, b, r in taken):
            taken.append((x, y, radius))
            found.append((x, y))
    return found


def scatter(
    stage: Stage,
    rng: np.random.Generator,
    ids: Sequence[str],
    spots: Sequence[tuple[float, float]],
    scale: tuple[float, float] = (0.85, 1.25),
    z: float = 0.0,
) -> None:
    """One of the assets at each spot, turned and scaled at random."""
    for x, y in spots:
        name = pick(rng, ids)
        stage.put(name, x, y, z, yaw=rng.uniform(0, 360), scale=rng.uniform(*scale))


def tufts(
    stage: Stage,
    rng: np.random.Generator,
    spots: Iterable[tuple[float, float]],
    *,
    ids: Sequence[str] = ("card_grass",),
    each: int = 5,
    spread: float = 0.22,
    scale: tuple[float, float] = (0.15, 0.36),
    ground: Callable[[float, float], float] = lambda x, y: 0.0,
) -> None:
    """Grass in small groups; the spots may be drawn from `rng` one by one."""
    for x, y in spots:
        for _ in range(each):
            a, b = x + rng.normal(0.0, spread), y + rng.normal(0.0, spread)
            name = pick(rng, ids)
            stage.put(name, a, b, ground(a, b) - 0.03, yaw=rng.uniform(0, 360), scale=rng.uniform(*scale))


def flowers(
    stage: Stage, rng: np.random.Generator, spots: Sequence[tuple[float, float]], colours: Sequence[paint.RGB]
) -> None:
    """Clumps of small blossoms over leaves: beds and meadows with colour."""
    blossoms = [Quads() for _ in colours]
    for x, y in spots:
        stage.put("card_thick_leafes", x, y, -0.02, yaw=rng.uniform(0, 360), scale=rng.uniform(0.26, 0.42))
        quads, size = blossoms[int(rng.integers(len(colours)))], rng.uniform(0.8, 1.4)
        for _ in range(26):
            centre = np.array([x, y, 0.0]) + rng.normal(0.0, 1.0, 3) * (0.16, 0.16, 0.0)
            centre[2] = size * rng.uniform(0.16, 0.36)
            face = rng.normal(0.0, 0.45, 3) + np.array([0.0, 0.0, 1.0])
            u = np.cross(face, rng.normal(0.0, 1.0, 3))
            v = np.cross(u, face)
            face, u, v = (w / np.linalg.norm(w) * size * rng.uniform(0.015, 0.023) for w in (face, u, v))
            for turn in (0.0, 1.57, 3.14, 4.71):  # petals around a cup
                out = np.cos(turn) * u + np.sin(turn) * v
                side = (np.cos(turn) * v - np.sin(turn) * u) * 0.62
                quads.add(
                    centre, centre + out * 0.75 - side, centre + out * 1.5 + 0.5 * face, centre + out * 0.75 + side
                )
    for quads, colour in zip(blossoms, colours, strict=True):
        quads.build(stage, "blossoms", paint.cloth("petals", colour))


def leaves(
    stage: Stage, rng: np.random.Generator, spots: np.ndarray, colours: Sequence[paint.RGB], ground: float = 0.0
) -> None:
    """Fallen leaves, one at each of the spots (N, 2): what makes bare soil a forest floor."""
    heaps = [Quads() for _ in colours]
    for x, y in spots:
        u = rng.normal(0.0, 1.0, 3) * (1.0, 1.0, 0.25)
        v = np.cross((0.0, 0.0, 1.0), u) + rng.normal(0.0, 0.2, 3)
        u, v = u / np.linalg.norm(u) * rng.uniform(0.03, 0.06), v / np.linalg.norm(v) * rng.uniform(0.02, 0.035)
        at = np.array([x, y, ground + 0.018])
        heaps[int(rng.integers(len(colours)))].add(at - u, at - v, at + u, at + v)
    for heap, colour in zip(heaps, colours, strict=True):
        heap.build(stage, "leaves", paint.cloth("leaf", colour))


def avenue(
    stage: Stage,
    rng: np.random.Generator,
    kinds: Sequence[str],
    line: np.ndarray,
    *,
    span: tuple[float, float] = (17.0, 46.0),
    offset: float = 3.6,
    step: float = 6.5,
    scale: tuple[float, float] = (0.6, 0.85),
) -> None:
    """Trees on both sides of a way, beyond the middle of the scene: they close its ends and let a low sun through.

    Args:
        stage: under construction.
        rng: picks and turns the trees.
        kinds: asset ids of trees.
        line: middle of the way (N, 2), from west to east.
        span: least and greatest |x| of a tree.
        offset: from the middle of the way.
        step: between the trees of a side.
        scale: smallest and largest; with `offset` it decides how far the crowns reach over the way.
    """
    for x in np.arange(span[0], span[1], step):
        for end in (-1, 1):
            for side in (-1, 1):
                u = end * x + rng.uniform(-1.2, 1.2)
                v = float(np.interp(u, line[:, 0], line[:, 1])) + side * (offset + rng.uniform(0, 1.0))
                name = pick(rng, kinds)
                stage.put(name, u, v, -0.03, yaw=rng.uniform(0, 360), scale=rng.uniform(*scale))


def ramp(x: np.ndarray, start: float, width: float) -> np.ndarray:
    """0 before `start`, 1 from `width` metres beyond it on, smooth between (3t² - 2t³)."""
    t = np.clip((x - start) / width, 0.0, 1.0)
    return t**2 * (3 - 2 * t)


def swell(rng: np.random.Generator, size_m: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A smooth random height in about [-1, 1] with bumps of the given size."""
    turn, phase = rng.uniform(0, 2 * np.pi, (2, 6))
    pace = 2 * np.pi / size_m * rng.uniform(0.6, 1.5, 6)

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        terms = (np.sin(p * (np.cos(t) * x + np.sin(t) * y) + f) for p, t, f in zip(pace, turn, phase, strict=True))
        return sum(terms, np.zeros_like(np.asarray(x, float))) / 3.0

    return height


def terrain(
    stage: Stage,
    name: str,
    height: Callable[[np.ndarray, np.ndarray], np.ndarray],
    material: bpy.types.Material,
    *,
    extent: float = 150.0,
    cells: int = 120,
) -> None:
    """Ground of varying height, finely divided in the middle."""
    axis = extent * np.sinh(3.2 * np.linspace(-1, 1, cells + 1)) / np.sinh(3.2)
    x, y = np.meshgrid(axis, axis)
    points = np.column_stack([x.ravel(), y.ravel(), height(x, y).ravel()])
    stage.surface(name, points, lattice(cells + 1, cells + 1), points[:, :2], material).data.shade_smooth()


def blob(
    stage: Stage,
    rng: np.random.Generator,
    name: str,
    centre: tuple[float, float],
    radii: tuple[float, float],
    material: bpy.types.Material,
    z: float,
) -> np.ndarray:
    """A patch of ground with a wandering edge; returns the edge (48, 2)."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wobble = 1.0 + sum(0.16 / k * np.sin(k * angle + rng.uniform(0, 6.28)) for k in (2, 3, 5, 8, 13))
    edge = np.stack([np.cos(angle) * radii[0], np.sin(angle) * radii[1]], -1) * wobble[:, None] + centre
    points = np.column_stack([np.concatenate([edge, [centre]]), np.full(49, z)])
    i = np.arange(48)
    stage.surface(name, points, np.stack([i, (i + 1) % 48, np.full(48, 48)], -1), points[:, :2], material)
    return edge


def winding(rng: np.random.Generator, reach: float, sway: float = 1.1, step: float = 2.0) -> np.ndarray:
    """A path's middle line (N, 2) from west to east that wanders about y = 0."""
    x = np.arange(-reach, reach + step / 2, step)
    y = sway * np.sin(x / rng.uniform(9, 14) + rng.uniform(0, 6)) * np.clip(np.abs(x) / 10, 0.2, 2.5)
    return np.stack([x, y], -1)
