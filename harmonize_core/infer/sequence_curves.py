# SPDX-License-Identifier: Apache-2.0
"""A picture of what happens to a sequence over time: the numbers of each frame, as estimated and as made steady."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from harmonize_core.color import srgb_to_linear
from harmonize_core.runtime.cube import Cube
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.temporal import probe
from harmonize_core.runtime.transform import ColorTransform

WIDTH, PANEL, LEFT, TOP, GAP = 960, 120, 70, 48, 34

_RAW, _STEADY, _TEXT, _LINE = "#e0913f", "#1f5fa8", "#333333", "#dddddd"


@dataclass(frozen=True)
class Curve:
    """One frame."""

    number: int
    shot: int
    """Counted from 0."""
    raw: dict[str, float]
    """As estimated, by name."""
    steady: dict[str, float]
    """As applied."""


def parameters(transform: Look | ColorTransform | Cube) -> dict[str, float]:
    """A few numbers that say what a transform does, by what they are called."""
    if isinstance(transform, Look):
        grade = transform.grade
        return {
            "exposure, stops": float(grade[0]),
            "temperature": float(grade[1]),
            "tint": float(grade[2]),
            "contrast": float(grade[6:9].mean()),
            "saturation": float(grade[9]),
            "local gains": float(np.sqrt(np.mean(transform.map[:9] ** 2))),
        }
    made = srgb_to_linear(probe(transform).reshape(9, 6, 3)[:, :3].mean(axis=0))  # of three greys
    greys = srgb_to_linear(np.array([0.15, 0.4, 0.7], dtype=np.float32))
    stops = np.log2(np.maximum(made, 1e-4) / greys[:, None])
    return {
        "mid grey, red, stops": float(stops[1, 0]),
        "mid grey, green, stops": float(stops[1, 1]),
        "mid grey, blue, stops": float(stops[1, 2]),
        "light over dark grey, stops": float((stops[2] - stops[0]).mean()),
    }


def curves_svg(title: str, curves: Sequence[Curve]) -> str:
    """The curves of a sequence as an SVG file: a panel for each number, a line where a shot begins.

    Args:
        title: above it.
        curves: of the frames with foreground, in order.
    """
    names = list(curves[0].raw) if curves else []
    height = TOP + len(names) * (PANEL + GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{_TEXT}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
        f'<text x="{LEFT}" y="38"><tspan fill="{_RAW}">estimated</tspan> and '
        f'<tspan fill="{_STEADY}">applied</tspan>, frame by frame</text>',
    ]
    for row, name in enumerate(names):
        parts += _panel(curves, name, TOP + row * (PANEL + GAP) + 14, last=row == len(names) - 1)
    return "\n".join([*parts, "</svg>", ""])


def _panel(curves: Sequence[Curve], name: str, top: int, last: bool) -> list[str]:
    numbers = np.array([c.number for c in curves], dtype=float)
    raw, steady = (np.array([values[name] for values in group]) for group in _both(curves))
    every = np.concatenate([raw, steady])
    low, high = float(every.min()), float(every.max())
    spare = max(0.08 * (high - low), 0.01)
    low, high = low - spare, high + spare
    x = LEFT + (numbers - numbers[0]) / max(numbers[-1] - numbers[0], 1) * (WIDTH - LEFT - 20)
    parts = [
        f'<text x="{LEFT}" y="{top - 4}">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - 20}" height="{PANEL}" fill="none" stroke="{_LINE}"/>',
    ]
    digits = 2 if high - low > 0.1 else 3
    for value in (low + spare, high - spare):
        y = top + PANEL * (high - value) / (high - low)
        shift = -2 if value < (low + high) / 2 else 8  # beyond the line, so that close ones do not meet
        parts.append(f'<text x="{LEFT - 6}" y="{y + 8 - shift:.1f}" text-anchor="end">{value:.{digits}f}</text>')
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 20}" stroke="{_LINE}"/>')
    shots = np.array([c.shot for c in curves])
    firsts = [0, *(np.flatnonzero(np.diff(shots)) + 1)]
    if last:
        end = f'<text x="{x[-1]:.1f}" y="{top + PANEL + 14}" text-anchor="end">{curves[-1].number}</text>'
        parts.append(end)
    for start, stop in zip(firsts, [*firsts[1:], len(curves)], strict=True):
        if start:
            edge = (x[start - 1] + x[start]) / 2
            parts.append(f'<path d="M{edge:.1f} {top}v{PANEL}" stroke="{_TEXT}" stroke-dasharray="4 3"/>')
        if last:
            parts.append(f'<text x="{x[start]:.1f}" y="{top + PANEL + 14}">{curves[start].number}</text>')
        for values, color, wide in ((raw, _RAW, 1.2), (steady, _STEADY, 2)):
            y = top + PANEL * (high - values[start:stop]) / (high - low)
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[start:stop], y, strict=True))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{wide}"/>')
    return parts


def _both(curves: Sequence[Curve]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    return [c.raw for c in curves], [c.steady for c in curves]
