# SPDX-License-Identifier: GPL-3.0-or-later
"""What closes the view outdoors: trees in a ring before far hills, low in the east and west, where the sun is low.

Lengths in metres, compass degrees from +Y by +X.
"""

from collections.abc import Callable, Sequence

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes.kit_draw import several, some
from rdharmony_gen.blender.scenes.kit_names import TOWN_CARDS
from rdharmony_gen.blender.stage import Stage

Sides = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From compass degrees (N,) of trees to what leaves the sun free: factors on their sizes, metres by which they stand
farther off."""


def falling(smaller: float, farther: float) -> Sides:
    """Trees get smaller by a share and stand metres farther off, little by little, towards due east and west."""

    def sides(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        to_side = np.abs(np.sin(np.radians(degrees)))  # 1 in the east and west
        return 1 - smaller * np.clip((to_side - 0.72) / 0.2, 0, 1), farther * to_side**6

    return sides


def stepped(near: float, far: float, low_from: float) -> Sides:
    """Trees stand `near` or, to the sides, `far`; where |sin| of their direction exceeds `low_from` they are low."""

    def sides(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        to_side = np.abs(np.sin(np.radians(degrees)))
        return np.where(to_side > low_from, 0.55, 1.0), np.where(to_side > 0.7, far, near)

    return sides


def ring(
    stage: Stage,
    rng: np.random.Generator,
    cards: Sequence[str],
    sides: Sides,
    *,
    count: int,
    sway: float,
    radii: tuple[float, float],
    scales: tuple[float, float],
    kinds: int = 4,
) -> None:
    """Trees all around.

    Args:
        stage: under construction.
        rng: draws directions, sizes, cards and distances, in this order.
        cards: asset ids of tree cards.
        sides: how they give way in the east and west.
        count: of trees.
        sway: degrees by which they may stand off their even distribution.
        radii: bounds of what is drawn of a tree's distance; `sides` adds to it.
        scales: smallest and largest.
        kinds: how many of the cards are used; all of them, in their order, when there are no more.
    """
    angles = _around(rng, count, sway)
    factor, away = sides(angles)
    sizes = rng.uniform(*scales, count) * factor
    used = some(rng, cards, kinds) if len(cards) > kinds else cards
    stage.belt("belt", used, angles, rng.uniform(*radii, count) + away, sizes, rng)


def woods(
    stage: Stage,
    cards: Sequence[str],
    *,
    count: int = 150,
    radii: tuple[float, float] = (36.0, 60.0),
    scales: tuple[float, float] = (0.8, 1.3),
    arc: tuple[float, float] = (0.0, 360.0),
    open_sides: float = 1.0,
) -> None:
    """Woods in a ring or an arc; arguments as of `landscape`."""
    rng = stage.rng("belt")
    angles = _around(rng, count, 2.5, arc)
    factor, away = falling(0.55 * open_sides, 25 * open_sides)(angles)
    distances = rng.uniform(*radii, count) + away
    sizes = rng.uniform(*scales, count) * factor
    stage.belt("belt", several(rng, cards, min(5, len(cards))), angles, distances, sizes, rng)


def _around(rng: np.random.Generator, count: int, sway: float, arc: tuple[float, float] = (0.0, 360.0)) -> np.ndarray:
    return np.linspace(*arc, count, endpoint=False) + rng.uniform(-sway, sway, count)


def landscape(
    stage: Stage,
    cards: Sequence[str],
    *,
    count: int = 150,
    radii: tuple[float, float] = (36.0, 60.0),
    scales: tuple[float, float] = (0.8, 1.3),
    hill: float = 13.0,
    arc: tuple[float, float] = (0.0, 360.0),
    open_sides: float = 1.0,
    far: bpy.types.Material | None = None,
) -> None:
    """Woods in a ring before far hills.

    Args:
        stage: under construction.
        cards: asset ids of tree cards, of which up to five are used.
        count: of trees.
        radii: nearest and farthest tree.
        scales: smallest and largest.
        hill: height of the hills.
        arc: compass degrees from and to; less than the whole ring where the rest is water.
        open_sides: how much lower and farther off the trees stand in the east and west, where the sun is low: 0 to 1.
        far: what covers the hills.
    """
    woods(stage, cards, count=count, radii=radii, scales=scales, arc=arc, open_sides=open_sides)
    ridge(stage, "ridge", max(105.0, radii[1] + 30.0), hill, far or wooded(stage), arc)


def town(stage: Stage, *, near: float = 74.0, far: float = 104.0) -> None:
    """What lies behind a town: trees all around, farther and lower to the sides, and hills."""
    sides = stepped(near, far, 0.8)
    ring(stage, stage.rng("horizon"), TOWN_CARDS, sides, count=150, sway=1.0, radii=(0.0, 14.0), scales=(0.7, 1.1))
    stage.hills("hills", far + 26.0, 11.0, wooded(stage, break_tiling=False))


def wooded(stage: Stage, *, break_tiling: bool = True) -> bpy.types.Material:
    """Far hillsides, dark with trees."""
    return materials.tiled(
        stage.library,
        "woods",
        "grass_01",
        9.0,
        tint=(0.42, 0.5, 0.36),
        variation=0.6,
        variation_m=14.0,
        break_tiling=break_tiling,
        roughness=1.0,
    )


def ridge(
    stage: Stage, name: str, radius: float, height: float, material: bpy.types.Material, arc: tuple[float, float]
) -> None:
    """Far hills over an arc of the compass, lower in the east and west; the ends of an open arc run out into a cape."""
    rng = stage.rng(name)
    closed = arc[1] - arc[0] >= 360.0
    count = 128
    azimuth = np.radians(np.linspace(*arc, count, endpoint=not closed))
    wave = sum(np.sin(azimuth * k + rng.uniform(0, 6.28)) / k for k in (3, 5, 9, 14, 23))
    crest = height * (0.8 + 0.25 * wave) * (1 - 0.72 * np.sin(azimuth) ** 4)
    if not closed:
        run = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / 14.0, 0.0, 1.0)
        crest = crest * run * run * (3 - 2 * run) - 1.0 * (1 - run)
    ring = np.stack([np.sin(azimuth), np.cos(azimuth)], -1)
    levels = ((1.0, -0.5, 0.0), (1.08, 0.0, 0.42), (1.2, 0.0, 0.8), (1.4, 0.0, 1.0))
    points = np.concatenate(
        [np.column_stack([ring * radius * r, np.full(count, base) + crest * share]) for r, base, share in levels]
    )
    i = np.arange(count if closed else count - 1)
    j = (i + 1) % count
    rows = range(0, (len(levels) - 1) * count, count)
    faces = np.concatenate([np.stack([i + r, j + r, j + r + count, i + r + count], -1) for r in rows])
    stage.surface(name, points, faces, points[:, :2], material).data.shade_smooth()
