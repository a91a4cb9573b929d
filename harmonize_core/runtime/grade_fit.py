# SPDX-License-Identifier: Apache-2.0
"""The one grade in scene-linear light that comes nearest to what a transform does to the picture as it is shown.

Transforms are estimated on the picture that is looked at: behind a view transform (AgX, Filmic), which a compositor
applies last. A grade in front of it must be another one. And transforms of other kinds than looks have no grade at all.
Both are fitted by Levenberg and Marquardt's method on colours of the characters (Marquardt, "An Algorithm for
Least-Squares Estimation of Nonlinear Parameters", 1963), in the units of what is seen: sRGB behind the view transform.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb
from harmonize_core.runtime.look import GRADE, Look
from harmonize_core.runtime.temporal import Appliable

Floats = NDArray[np.float32]

Show = Callable[[Floats], Floats]
"""Scene-linear colours (N, 3) to sRGB in [0, 1] (N, 3), as the view transform shows them."""

SIDE = 24
"""Values of red, green and blue that a view transform is sampled at."""

DARKEST_STOP, BRIGHTEST_STOP = -9.0, 6.0
"""Their range around 1.0; one more is 0."""

ROUNDS = 8
STEP = 1e-3
RIDGE = 2e-5
"""How far numbers that hardly matter are drawn to where they began, in squared sRGB."""

_SIZE = 64
"""Rows and columns of the picture in which colours are placed."""


def chart() -> Floats:
    """The scene-linear colours (SIDE^3, 3) that a view transform is to be asked about; red changes slowest."""
    axis = _axis()
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)


@dataclass(frozen=True)
class Shown:
    """A view transform, by what it makes of the `chart`."""

    answers: Floats
    """(SIDE^3, 3) sRGB in [0, 1]."""

    def __call__(self, rgb_linear: Floats) -> Floats:
        """Scene-linear colours (N, 3) as they are shown, (N, 3) sRGB; between the chart's colours in proportion."""
        axis = _axis()
        place = np.interp(rgb_linear, axis, np.arange(SIDE)) if rgb_linear.size else np.zeros((0, 3))
        low = np.minimum(place.astype(np.intp), SIDE - 2)
        share = (place - low)[..., None]
        cells = self.answers.reshape(SIDE, SIDE, SIDE, 3)
        result = np.zeros((len(rgb_linear), 3))
        for corner in np.ndindex(2, 2, 2):
            at = low + corner
            weight = np.prod(np.where(np.array(corner)[:, None] == 1, share, 1 - share), axis=1)
            result += weight * cells[at[:, 0], at[:, 1], at[:, 2]]
        return result.astype(np.float32)


def plainly_shown(rgb_linear: Floats) -> Floats:
    """The view transform of plain sRGB."""
    return np.clip(linear_to_srgb(rgb_linear), 0, 1)


@dataclass(frozen=True)
class Fitted:
    """A grade, and how well it does."""

    look: Look
    """Without a map, for scene-linear light."""
    error: float
    """Root mean square over the colours, in sRGB."""


def fit_grade(
    transform: Appliable,
    rgb_linear: Floats,
    shown: Show = plainly_shown,
    *,
    centre: NDArray[np.floating] | None = None,
    start: Look | None = None,
) -> Fitted:
    """The grade in scene-linear light whose picture, as shown, is nearest to the transform of the picture as shown.

    Args:
        transform: of the picture as shown; where it differs from place to place, what it does at `centre` counts.
        rgb_linear: (N, 3) scene-linear colours of the characters, some hundreds.
        shown: the view transform.
        centre: (2,) of the foreground, as `temporal.centre_of`; None: the middle of the frame.
        start: where to begin, such as the grade of the frame before; None: no change.
    """
    row, column = (0.5, 0.5) if centre is None else centre
    places = [np.full(len(rgb_linear), np.clip(int(v * _SIZE), 0, _SIZE - 1), np.intp) for v in (row, column)]
    wanted = transform.apply_to(shown(rgb_linear), *places, (_SIZE, _SIZE)).astype(np.float64)
    identity = Look.identity()
    begin = np.zeros(GRADE) if start is None else start.grade.astype(np.float64)

    def made(grade: NDArray[np.float64]) -> NDArray[np.float64]:
        cdl = Look(grade.astype(np.float32), identity.map).cdl()
        return shown(cdl.apply(rgb_linear.T).T).astype(np.float64)

    def cost(grade: NDArray[np.float64], now: NDArray[np.float64]) -> float:
        return float(np.mean((now - wanted) ** 2) + RIDGE * np.sum(grade**2) / GRADE)

    grade, damping = begin, 1e-3
    now = made(grade)
    best = cost(grade, now)
    for _ in range(ROUNDS):
        slopes = np.stack([(made(grade + STEP * unit) - now).ravel() / STEP for unit in np.eye(GRADE)], axis=1)
        normal = slopes.T @ slopes / now.size
        pull = slopes.T @ (wanted - now).ravel() / now.size - RIDGE / GRADE * grade
        for _ in range(6):
            matrix = normal + (RIDGE / GRADE) * np.eye(GRADE) + damping * np.diag(np.diag(normal) + 1e-6)
            candidate = grade + np.linalg.solve(matrix, pull)
            tried = made(candidate)
            found = cost(candidate, tried)
            if found < best:
                break
            damping *= 8
        else:
            break
        gained = best - found
        grade, now, best, damping = candidate, tried, found, damping / 5
        if gained < 1e-3 * best:
            break
    error = float(np.sqrt(np.mean((now - wanted) ** 2)))
    return Fitted(Look(grade.astype(np.float32), identity.map), error)


def _axis() -> NDArray[np.float64]:
    return np.concatenate([[0.0], 2.0 ** np.linspace(DARKEST_STOP, BRIGHTEST_STOP, SIDE - 1)])
