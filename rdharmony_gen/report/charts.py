# SPDX-License-Identifier: GPL-3.0-or-later
"""Small charts as inline SVG: where the suns stand, how bright the pictures are, how large the foregrounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from harmonize_core.color import linear_to_srgb
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.records import RealLine, ViewRecord


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
    for real in reals:
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


def strips(rows: Sequence[tuple[str, Sequence[float]]], low: float, high: float, unit: str) -> str:
    """One labelled line a row with a dot a value."""
    width, left, right, step = 600, 218, 16, 25
    height = step * len(rows) + 34
    scale = (width - left - right) / (high - low)
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(unit)} by style">']
    for tick in np.linspace(low, high, 5):
        x = left + (tick - low) * scale
        parts.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="6" y2="{height - 26}"/>')
        parts.append(f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{height - 10}">{tick:g}</text>')
    for index, (name, values) in enumerate(rows):
        y = 18 + index * step
        parts.append(f'<text x="0" y="{y + 4}">{escape(name)}</text>')
        parts += [
            f'<circle class="dot" cx="{left + (min(max(v, low), high) - low) * scale:.1f}" cy="{y}" r="5">'
            f"<title>{v:.3g}</title></circle>"
            for v in values
        ]
    return "".join(parts) + "</svg>"


def histogram(values: Sequence[float], edges: Sequence[float], labels: Sequence[str]) -> str:
    """Bars of counts between edges."""
    counts, _ = np.histogram(values, bins=edges)
    width, height, base = 420, 190, 150
    bar = width / len(counts)
    top = max(int(counts.max()), 1)
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Histogram">']
    for index, count in enumerate(counts):
        h = 120 * int(count) / top
        x = index * bar
        parts.append(
            f'<rect class="bar" x="{x + 3:.1f}" y="{base - h:.1f}" width="{bar - 6:.1f}" height="{h:.1f}" rx="3"/>'
        )
        if count:
            parts.append(f'<text text-anchor="middle" x="{x + bar / 2:.1f}" y="{base - h - 6:.1f}">{int(count)}</text>')
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{x + bar / 2:.1f}" y="{base + 18}">'
            f"{escape(labels[index])}</text>"
        )
    parts.append(f'<line class="rule" x1="0" x2="{width}" y1="{base}" y2="{base}"/>')
    return "".join(parts) + "</svg>"


def foreground_histogram(records: Sequence[ViewRecord]) -> str:
    """How much of the picture the foreground fills, in per cent."""
    edges = [0.0, 0.03, 0.05, 0.10, 0.15, 0.20, 0.30, 0.45, 1.0]
    labels = ["0-3", "3-5", "5-10", "10-15", "15-20", "20-30", "30-45", "45+"]
    return histogram([r.view.fg_ratio for r in records], edges, labels)
