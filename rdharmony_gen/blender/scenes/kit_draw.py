# SPDX-License-Identifier: GPL-3.0-or-later
"""How builders choose among options and shift spots.

A picture depends on which of these a place uses: they draw differently.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from rdharmony_gen.blender.assets import manifest

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of several."""
    return options[int(rng.integers(len(options)))]


def some(rng: np.random.Generator, options: Sequence[T], count: int) -> list[T]:
    """Up to `count` different ones in random order: the first of a permutation."""
    return [options[i] for i in rng.permutation(len(options))[:count]]


def several(rng: np.random.Generator, options: Sequence[T], count: int) -> list[T]:
    """Exactly `count` different ones in random order: drawn without replacement.

    Raises:
        ValueError: there are fewer.
    """
    return [options[i] for i in rng.choice(len(options), count, replace=False)]


def jittered(
    rng: np.random.Generator, spots: Iterable[tuple[float, float]], east: float, north: float
) -> list[tuple[float, float]]:
    """Spots in metres, each moved by up to `east` to either side and by up to `north` up or down."""
    return [(x + rng.uniform(-east, east), y + rng.uniform(-north, north)) for x, y in spots]


def fronts(
    rng: np.random.Generator, names: Sequence[str], start: float, stop: float, gap: tuple[float, float]
) -> Iterator[tuple[str, float, float]]:
    """Buildings along a line until it is full (the last may reach over its end), no two alike side by side.

    Args:
        rng: picks the buildings and the gaps; who takes them may draw from it between two of them.
        names: asset ids of buildings.
        start: of the line, metres.
        stop: of the line.
        gap: least and greatest distance between two of them.

    Yields:
        The building, where its middle is on the line, and its depth.
    """
    x, last = start, ""
    while x < stop:
        name = pick(rng, names)
        if name == last:
            continue
        last = name
        width, depth, _ = manifest()[name]["size_m"]
        yield name, x + width / 2, depth
        x += width + float(rng.uniform(*gap))
