# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals of means over images: a percentile bootstrap that resamples photographs, not composites.

Composites of one photograph share their background, so they are not independent: what is drawn with replacement is the
group (the cluster bootstrap; Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2000
_CHUNK = 100


@dataclass(frozen=True)
class Interval:
    """Bounds of a mean; NaN where there are less than two groups to draw from."""

    low: float
    high: float


def interval_of_mean(
    values: Sequence[float],
    groups: Sequence[str],
    *,
    seed: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """The interval that holds the mean with probability `level`; the same seed gives the same bounds.

    Shifting all values shifts the bounds, scaling them scales the bounds.

    Args:
        values: One number per image; NaN and infinite ones are left out, as in the mean.
        groups: What each image is cut from: images of one group are drawn together.
        seed: Root of the resampling's randomness.
        level: Share of the resampled means between the bounds.
        resamples: How many times groups are drawn.
    """
    return interval_of_ratio(values, [1.0] * len(values), groups, seed=seed, level=level, resamples=resamples)


def interval_of_ratio(
    values: Sequence[float],
    references: Sequence[float],
    groups: Sequence[str],
    *,
    seed: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """As `interval_of_mean`, of the sum of the values over the sum of what each is held against.

    Pairs of which one is NaN or infinite are left out.
    """
    pairs = zip(values, references, groups, strict=True)
    known = [(v, r, g) for v, r, g in pairs if math.isfinite(v) and math.isfinite(r)]
    numbers = {g: i for i, g in enumerate(dict.fromkeys(g for _, _, g in known))}
    if len(numbers) < 2:
        return Interval(math.nan, math.nan)
    index = np.array([numbers[g] for _, _, g in known])
    sums = np.bincount(index, weights=[v for v, _, _ in known]).astype(np.float64)
    references_of = np.bincount(index, weights=[r for _, r, _ in known]).astype(np.float64)
    ratios = _resampled_ratios(sums, references_of, np.random.default_rng(seed), resamples)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _resampled_ratios(
    sums: NDArray[np.float64], references: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    chunks = []
    for start in range(0, resamples, _CHUNK):  # a matrix of all draws would take 100 MB for iHarmony4
        drawn = rng.integers(0, len(sums), (min(_CHUNK, resamples - start), len(sums)))
        chunks.append(sums[drawn].sum(axis=1) / references[drawn].sum(axis=1))
    return np.concatenate(chunks)
