# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour of the sun and of the clear sky from one model of the atmosphere.

Single scattering through Rayleigh, Mie and ozone layers (Nishita et al. 1993, "Display of the Earth taking into
account atmospheric scattering"; coefficients as in Bruneton and Neyret 2008) plus an isotropic estimate of the
light scattered more than once, on a coarse grid: the clear sky is symmetric about the sun's azimuth.
"""

import functools
import itertools

import numpy as np

GROUND_M, TOP_M = 6_360e3, 6_420e3
RAYLEIGH = np.array([5.8e-6, 13.56e-6, 33.1e-6])
OZONE = np.array([0.65e-6, 1.88e-6, 0.085e-6])
MIE = 4.0e-6
RAYLEIGH_HEIGHT_M, MIE_HEIGHT_M = 8_000.0, 1_200.0
MIE_FORWARD = 0.76
SOLAR_IRRADIANCE = 10.0
"""Of the sun above the atmosphere, in the units of all light in the scenes."""

ELEVATIONS, AZIMUTHS = 40, 37


def direction(elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    """Unit vector (3,) towards a compass direction: azimuth clockwise from +Y, +Z up."""
    elevation, azimuth = np.radians(elevation_deg), np.radians(azimuth_deg)
    return np.array([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])


def _density(height_m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height_m = np.maximum(height_m, 0.0)
    ozone = np.maximum(0.0, 1.0 - np.abs(height_m - 25e3) / 15e3)
    return np.exp(-height_m / RAYLEIGH_HEIGHT_M), np.exp(-height_m / MIE_HEIGHT_M), ozone


def transmittance(height_m: np.ndarray, sine: np.ndarray, turbidity: float, steps: int = 12) -> np.ndarray:
    """Fraction of light (..., 3) that arrives at a height from outside, for a direction of the given sine."""
    radius = GROUND_M + np.asarray(height_m, float)
    sine = np.asarray(sine, float)
    length = -radius * sine + np.sqrt(np.maximum((radius * sine) ** 2 + TOP_M**2 - radius**2, 0.0))
    nodes = ((np.arange(steps) + 0.5) / steps) ** 2  # dense near the start, where the air is
    widths = np.diff(np.concatenate([[0.0], ((np.arange(steps) + 1.0) / steps) ** 2]))
    depth = np.zeros((*np.broadcast(radius, sine).shape, 3))
    for node, width in zip(nodes, widths, strict=True):
        along = length * node
        height = np.sqrt(radius**2 + along**2 + 2 * radius * along * sine) - GROUND_M
        rayleigh, mie, ozone = (layer[..., None] for layer in _density(height))
        depth += (RAYLEIGH * rayleigh + 1.1 * MIE * turbidity * mie + OZONE * ozone) * (length * width)[..., None]
    return np.exp(-depth)


def sun_colour(elevation_deg: float, turbidity: float, height_m: float = 0.0) -> np.ndarray:
    """Irradiance (3,) of the unclouded sun on a surface that faces it."""
    sine = np.sin(np.radians(elevation_deg))
    return SOLAR_IRRADIANCE * transmittance(np.array(height_m), np.array(sine), turbidity, steps=40)


@functools.lru_cache(maxsize=64)
def clear_sky_grid(elevation_deg: float, turbidity: float) -> np.ndarray:
    """Radiance of the clear sky on a grid.

    Returns: (ELEVATIONS, AZIMUTHS, 3); rows from the horizon to the zenith with the square of the row number,
        columns from the sun's azimuth to its opposite.
    """
    elevation = (np.linspace(0.0, 1.0, ELEVATIONS) ** 2 * (np.pi / 2 - 0.02) + 0.02)[:, None]
    azimuth = np.linspace(0.0, np.pi, AZIMUTHS)[None, :]
    sun = np.radians(elevation_deg)
    view = np.stack(
        np.broadcast_arrays(
            np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)
        ),
        -1,
    )
    to_sun = np.array([0.0, np.cos(sun), np.sin(sun)])
    cosine = view @ to_sun
    sine = view[..., 2]
    length = -GROUND_M * sine + np.sqrt((GROUND_M * sine) ** 2 + TOP_M**2 - GROUND_M**2)
    phase_rayleigh = 3 / (16 * np.pi) * (1 + cosine**2)
    g = MIE_FORWARD
    phase_mie = 3 / (8 * np.pi) * (1 - g * g) * (1 + cosine**2) / ((2 + g * g) * (1 + g * g - 2 * g * cosine) ** 1.5)
    steps = 20
    edges = (np.arange(steps + 1) / steps) ** 2
    radiance = np.zeros((*cosine.shape, 3))
    depth = np.zeros_like(radiance)
    for near, far in itertools.pairwise(edges):
        along = length * (near + far) / 2
        position = view * along[..., None] + np.array([0.0, 0.0, GROUND_M])
        radius = np.linalg.norm(position, axis=-1)
        rayleigh, mie, ozone = (layer[..., None] for layer in _density(radius - GROUND_M))
        scatter_rayleigh, scatter_mie = RAYLEIGH * rayleigh, MIE * turbidity * mie
        step_depth = (scatter_rayleigh + 1.1 * scatter_mie + OZONE * ozone) * (length * (far - near))[..., None]
        sun_sine = np.maximum((position @ to_sun) / radius, 0.0)
        lit = transmittance(radius - GROUND_M, sun_sine, turbidity, steps=6)
        source = scatter_rayleigh * phase_rayleigh[..., None] + scatter_mie * phase_mie[..., None]
        # light scattered more than once: what the beam brings, and about half of what it lost on its way. Without the
        # latter, which is blue, the horizon of a high sun would be green
        diffuse = 0.5 * lit + 1.2 * np.sin(sun) * (1 - lit)
        again = (scatter_rayleigh + scatter_mie) * diffuse / (4 * np.pi)
        through = np.exp(-depth - step_depth / 2)
        radiance += SOLAR_IRRADIANCE * (source * lit + again) * through * (length * (far - near))[..., None]
        depth += step_depth
    return radiance


def clear_sky(view: np.ndarray, elevation_deg: float, azimuth_deg: float, turbidity: float) -> np.ndarray:
    """Radiance (..., 3) of the clear sky in unit directions (..., 3); below the horizon, the horizon's."""
    grid = clear_sky_grid(round(elevation_deg, 3), round(turbidity, 3))
    elevation = np.clip((np.arcsin(np.clip(view[..., 2], 0.0, 1.0)) - 0.02) / (np.pi / 2 - 0.02), 0.0, 1.0)
    row = np.sqrt(elevation) * (ELEVATIONS - 1)
    relative = np.arctan2(view[..., 0], view[..., 1]) - np.radians(azimuth_deg)
    column = np.abs(np.arctan2(np.sin(relative), np.cos(relative))) / np.pi * (AZIMUTHS - 1)
    row0 = np.minimum(row.astype(int), ELEVATIONS - 2)
    column0 = np.minimum(column.astype(int), AZIMUTHS - 2)
    down, right = (row - row0)[..., None], (column - column0)[..., None]
    upper = grid[row0, column0] * (1 - right) + grid[row0, column0 + 1] * right
    lower = grid[row0 + 1, column0] * (1 - right) + grid[row0 + 1, column0 + 1] * right
    return upper * (1 - down) + lower * down
