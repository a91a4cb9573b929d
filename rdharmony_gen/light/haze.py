# SPDX-License-Identifier: GPL-3.0-or-later
"""Air between the camera and what it sees: how much light comes through a distance, and what the air adds.

Clean air dims by the Rayleigh and Mie coefficients of `light.atmosphere`; fog dims all colours alike, by Koschmieder's
law (visibility = 3.912 / extinction), and thins out with height (Wenzel 2006, "Real-time atmospheric effects in games";
I. Quilez, "Better fog"). What a long path adds is the radiance of the horizon in that direction, so far land fades into
the very sky that the camera sees. The lamps of a night do not light the fog.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from rdharmony_gen.light import atmosphere
from rdharmony_gen.spec.condition import ConditionSpec

Floats = NDArray[np.float64]

KOSCHMIEDER = 3.912
FAR_LAND_M, FAR_LAND_BEGINS_M = 4000.0, 160.0
"""The last 100 m of a built place (belts of trees, a ring of hills) stand for land some kilometres away."""


def seen_distance(distance_m: Floats) -> Floats:
    """The distance that scenery of this distance stands for: true near by, kilometres for the backdrop."""
    return distance_m + FAR_LAND_M * -np.expm1(-((distance_m / FAR_LAND_BEGINS_M) ** 3))


def transmittance(condition: ConditionSpec, distance_m: Floats, sine: Floats, height_m: float) -> Floats:
    """Fraction of light (..., 3) that crosses the air.

    Args:
        condition: supplies turbidity and fog.
        distance_m: (...,) lengths of the paths; infinity is the sky, which holds its own haze, and counts as 0.
        sine: (...,) of their elevation, upwards positive.
        height_m: of the camera over the ground.
    """
    distance = np.where(np.isfinite(distance_m), distance_m, 0.0)
    clean = atmosphere.RAYLEIGH + 1.1 * atmosphere.MIE * condition.turbidity
    depth = clean * seen_distance(distance)[..., None]
    return np.exp(-depth - fog_depth(condition, distance, sine, height_m)[..., None])


def fog_depth(condition: ConditionSpec, distance_m: Floats, sine: Floats, height_m: float) -> Floats:
    """Optical depth (...,) of the fog along paths from a height; see `transmittance`."""
    if condition.visibility_m <= 0:
        return np.zeros(np.broadcast(distance_m, sine).shape)
    ground = KOSCHMIEDER / condition.visibility_m * np.exp(-max(height_m, 0.0) / condition.fog_height_m)
    climb = np.maximum(sine, -0.5) * distance_m / condition.fog_height_m
    thinning = np.where(np.abs(climb) < 1e-4, 1.0 - climb / 2, -np.expm1(-np.clip(climb, -8.0, 60.0)) / (climb + 1e-12))
    return ground * distance_m * thinning


def fogged_sky(condition: ConditionSpec, view: Floats, sky: NDArray[np.floating], light: Floats) -> Floats:
    """The sky seen through the whole layer of fog.

    Args:
        condition: supplies the fog and the direction of the key light.
        view: (..., 3) unit directions, upwards.
        sky: (..., 3) radiance above the fog.
        light: (3,) irradiance on level ground of the sky above the fog and of the key light below it.
    """
    if condition.visibility_m <= 0:
        return np.asarray(sky, np.float64)
    depth = KOSCHMIEDER / condition.visibility_m * condition.fog_height_m / np.maximum(view[..., 2], 0.03)
    through = np.exp(-np.minimum(depth, 60.0))[..., None]
    key = atmosphere.direction(condition.elevation_deg, condition.azimuth_deg)
    cosine = np.maximum(view @ key, 0.0)[..., None]
    glow = 0.85 + 0.5 * cosine**2 + 1.6 * np.array(condition.key_transmission) * cosine**16
    return sky * through + (light + condition.fog_glow) / np.pi * 0.8 * glow * (1.0 - through)


def key_through_fog(condition: ConditionSpec) -> float:
    """Share of the direct light that crosses the fog; what is scattered little off its way still counts as direct."""
    if condition.visibility_m <= 0:
        return 1.0
    sine = max(float(np.sin(np.radians(condition.elevation_deg))), 0.05)
    return float(np.exp(-0.35 * KOSCHMIEDER / condition.visibility_m * condition.fog_height_m / sine))


def airlight(condition: ConditionSpec, azimuth_deg: Floats) -> Floats:
    """Radiance (..., 3) of the air over a very long path towards compass directions: that of the horizon there."""
    ring = _horizon(condition)
    place = (np.asarray(azimuth_deg) % 360.0) / 360.0 * len(ring) - 0.5
    first = np.floor(place).astype(int)
    part = (place - first)[..., None]
    return ring[first % len(ring)] * (1 - part) + ring[(first + 1) % len(ring)] * part


@functools.lru_cache(maxsize=16)
def _horizon(condition: ConditionSpec) -> Floats:
    """Radiance (64, 3) of the lowest 3 degrees of the sky by compass direction, smoothed over some 15 degrees."""
    from rdharmony_gen.light import sky

    count, rows = 64, 2
    picture = sky.panorama(condition, 4 * count).astype(np.float64)
    half = picture.shape[0] // 2
    low = picture[half - rows : half].mean(axis=0)
    low = np.minimum(low, 4.0 * np.median(low, axis=0))  # not the sun itself
    # columns go clockwise from -X; compass directions clockwise from +Y
    ring = np.roll(low, -count, axis=0).reshape(count, 4, 3).mean(axis=1)
    spectrum = np.fft.rfft(ring, axis=0) * np.exp(-0.5 * (np.arange(count // 2 + 1) * np.radians(15.0)) ** 2)[:, None]
    return np.maximum(np.fft.irfft(spectrum, count, axis=0), 0.0)
