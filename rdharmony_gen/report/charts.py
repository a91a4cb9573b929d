# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts as inline SVG, bounded in size however many views there are; they need no script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.records import RealLine, ViewRecord
from rdharmony_gen.spec.styles import words_of

MAX_DOTS = 400
"""On the sky; more suns than that are thinned evenly."""
ROW_DOTS = 40
"""Values of a row that are drawn as dots; more are drawn as a hill."""
HILL_BINS = 48
TEMPERATURES_K = (1500.0, 20000.0)
_XYZ_OF_REC709 = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def ground_light(condition: ConditionSpec) -> NDArray[np.float64]:
    """What falls on level ground from the key light and the sky together, linear Rec.709."""
    height = math.sin(math.radians(max(0.0, min(90.0, condition.elevation_deg))))
    return np.asarray(condition.key_irradiance) * height + np.asarray(condition.sky_irradiance)


def colour_temperature(condition: ConditionSpec) -> float | None:
    """Correlated colour temperature of the light on the ground in kelvin, bounded; None where there is no light.

    C. S. McCamy, "Correlated color temperature as an explicit function of chromaticity coordinates" (1992).
    """
    x, y, z = (float(v) for v in _XYZ_OF_REC709 @ ground_light(condition))
    total = x + y + z
    if not total > 1e-12:
        return None
    cx, cy = x / total, y / total
    n = (cx - 0.3320) / (0.1858 - cy) if abs(0.1858 - cy) > 1e-6 else 0.0
    kelvin = 449 * n**3 + 3525 * n**2 + 6823.3 * n + 5520.33
    return float(min(max(kelvin, TEMPERATURES_K[0]), TEMPERATURES_K[1]))


def light_colour(condition: ConditionSpec) -> str:
    """Hue of the key light plus sky as a CSS colour, as bright as a screen shows it."""
    light = np.asarray(condition.key_irradiance) * 0.5 + np.asarray(condition.sky_irradiance)
    light = light / max(float(light.max()), 1e-9)
    values = np.rint(np.clip(linear_to_srgb(light.astype(np.float32)), 0, 1) * 255).astype(int)
    return f"rgb({values[0]},{values[1]},{values[2]})"


def sky_dome(reals: Sequence[RealLine]) -> str:
    """Suns and moons on the sky seen from below: zenith in the middle, horizon at the rim, north up."""
    size, radius = 360, 150
    centre = size / 2
    parts = [f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="Directions of the key light">']
    for elevation in (0, 30, 60):
        r = radius * (90 - elevation) / 90
        parts.append(f'<circle class="rule" cx="{centre}" cy="{centre}" r="{r:.1f}"/>')
        parts.append(f'<text class="tick" x="{centre + 3}" y="{centre - r + 12:.1f}">{elevation}°</text>')
    for name, x, y in (("N", 0, -1), ("E", 1, 0), ("S", 0, 1), ("W", -1, 0)):
        tx, ty = centre + x * (radius + 14), centre + y * (radius + 14) + 4
        parts.append(f'<text class="tick" text-anchor="middle" x="{tx:.0f}" y="{ty:.0f}">{name}</text>')
    shown = [r for r in reals if max(r.condition.key_irradiance) > 0]
    if len(shown) > MAX_DOTS:
        shown = [shown[i * len(shown) // MAX_DOTS] for i in range(MAX_DOTS)]
    for real in shown:
        c = real.condition
        r = radius * (90 - c.elevation_deg) / 90
        x = centre + r * math.sin(math.radians(c.azimuth_deg))
        y = centre - r * math.cos(math.radians(c.azimuth_deg))
        dot = 3.0 + 4.5 * c.key_transmission
        title = escape(f"{real.scene_id}, {c.style}: {c.elevation_deg:.0f}° high, {c.cloud_cover:.0%} clouds")
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{dot:.1f}" fill="{light_colour(c)}" stroke="#0006">'
            f"<title>{title}</title></circle>"
        )
    return "".join(parts) + "</svg>"


def rows(values: Mapping[str, Sequence[float]], ticks: Sequence[float], unit: str, *, logarithmic: bool = False) -> str:
    """One labelled line a style with its values as dots, or as a hill where they are many.

    Args:
        values: By name of the style.
        ticks: Ascending positions with a number below; the first and the last are the ends of the axis.
        unit: For those who cannot see the chart.
        logarithmic: Equal ratios take equal room.
    """
    width, left, right, step = 600, 218, 22, 25
    height = step * len(values) + 34
    place = math.log if logarithmic else float
    low, high = place(ticks[0]), place(ticks[-1])
    scale = (width - left - right) / (high - low)

    def at(value: float) -> float:
        return left + (place(min(max(value, ticks[0]), ticks[-1])) - low) * scale

    parts = [f'<svg class="rows" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(unit)} by style">']
    for tick in ticks:
        parts.append(f'<line class="rule" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="6" y2="{height - 26}"/>')
        parts.append(f'<text class="tick" text-anchor="middle" x="{at(tick):.1f}" y="{height - 10}">{tick:g}</text>')
    for index, (name, own) in enumerate(values.items()):
        y = 18 + index * step
        parts.append(f'<text x="0" y="{y + 4}">{escape(words_of(name)[:32])}</text>')
        if len(own) <= ROW_DOTS:
            parts += [
                f'<circle class="dot" cx="{at(v):.1f}" cy="{y}" r="5"><title>{v:.4g}</title></circle>' for v in own
            ]
        else:
            parts.append(_hill([at(v) for v in own], left, width - right, y + 9, step - 4, own))
    return "".join(parts) + "</svg>"


def _hill(places: Sequence[float], left: float, right: float, base: float, top: float, values: Sequence[float]) -> str:
    """The distribution of places on a line as an outline as high as its fullest bin."""
    counts, edges = np.histogram(places, bins=HILL_BINS, range=(left, right))
    smooth = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
    heights = top * smooth / max(float(smooth.max()), 1e-9)
    middles = (edges[:-1] + edges[1:]) / 2
    line = " ".join(f"L{x:.1f} {base - h:.1f}" for x, h in zip(middles, heights, strict=True))
    median = float(np.median(values))
    return (
        f'<path class="hill" d="M{left} {base} {line} L{right} {base} Z">'
        f"<title>median {median:.4g} of {len(values)}</title></path>"
    )


def histogram(values: Sequence[float], edges: Sequence[float], labels: Sequence[str]) -> str:
    """Bars of counts between edges."""
    counts, _ = np.histogram(values, bins=edges)
    return bars(dict(zip(labels, (int(c) for c in counts), strict=True)))


def bars(counts: Mapping[str, int], width: int = 420) -> str:
    """A bar a name."""
    height, base = 190, 150
    bar = width / max(len(counts), 1)
    top = max(*counts.values(), 1) if counts else 1
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Histogram">']
    for index, (label, count) in enumerate(counts.items()):
        h = 120 * count / top
        x = index * bar
        parts.append(
            f'<rect class="bar" x="{x + 3:.1f}" y="{base - h:.1f}" width="{bar - 6:.1f}" height="{h:.1f}" rx="3"/>'
        )
        if count:
            parts.append(f'<text text-anchor="middle" x="{x + bar / 2:.1f}" y="{base - h - 6:.1f}">{count}</text>')
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{x + bar / 2:.1f}" y="{base + 18}">{escape(label)}</text>'
        )
    parts.append(f'<line class="rule" x1="0" x2="{width}" y1="{base}" y2="{base}"/>')
    return "".join(parts) + "</svg>"


def foreground_histogram(records: Sequence[ViewRecord]) -> str:
    """How much of the picture the foreground fills, in per cent."""
    edges = [0.0, 0.02, 0.05, 0.10, 0.15, 0.20, 0.30, 0.45, 1.0]
    labels = ["0-2", "2-5", "5-10", "10-15", "15-20", "20-30", "30-45", "45+"]
    return histogram([r.view.fg_ratio for r in records], edges, labels)


def change_map(records: Sequence[ViewRecord], styles: Mapping[int, str]) -> str:
    """Mean change of the foreground for each pair of styles; rows are backgrounds, columns foregrounds.

    Args:
        records: The views.
        styles: Number and name of every style.
    """
    sums: dict[tuple[int, int], list[float]] = {}
    for record in records:
        for t in record.triplets:
            entry = sums.setdefault((t.bg_style, t.fg_style), [0.0, 0.0])
            entry[0] += t.fg_change
            entry[1] += 1
    means = {pair: total / count for pair, (total, count) in sums.items()}
    top = max([*means.values(), 1e-9])
    numbers = list(styles)
    side, left, head = 30, 30, 22
    size = left + side * len(numbers)
    box = f'viewBox="0 0 {size + 4} {head + side * len(numbers) + 4}" style="max-width:{1.6 * size:.0f}px"'
    parts = [f'<svg {box} role="img" aria-label="Change by pair">']
    for i, number in enumerate(numbers):
        middle = i * side + side / 2 + 4
        parts.append(f'<text class="tick" text-anchor="middle" x="{left + i * side + side / 2}" y="14">{number}</text>')
        parts.append(f'<text class="tick" text-anchor="end" x="{left - 8}" y="{head + middle}">{number}</text>')
    for (bg_style, fg_style), mean in sorted(means.items()):
        if bg_style not in styles or fg_style not in styles:
            continue
        x, y = left + numbers.index(fg_style) * side, head + numbers.index(bg_style) * side
        words = f"{words_of(styles[fg_style])} on {words_of(styles[bg_style])}"
        title = escape(f"{words}: {mean * 100:.1f} % of the range, {int(sums[bg_style, fg_style][1])} triplets")
        parts.append(
            f'<rect class="bar" x="{x + 1}" y="{y + 1}" width="{side - 2}" height="{side - 2}" rx="3" '
            f'fill-opacity="{0.08 + 0.92 * mean / top:.2f}"><title>{title}</title></rect>'
        )
    return "".join(parts) + "</svg>"
