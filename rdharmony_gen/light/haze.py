# SPDX-License-Identifier: GPL-3.0-or-later
"""Air between the camera and what it sees: how much light comes through a distance, and what the air adds.

Clean air dims by the Rayleigh and Mie coefficients of `light.atmosphere`; fog dims all colours alike, by Koschmieder's
law (visibility = 3.912 / extinction), and thins out with height (Wenzel 2006, "Real-time atmospheric effects in games";
I. Quilez, "Better fog"). What a long path adds is the radiance of the horizon in that direction, so far land fades into
the very sky that the camera sees.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from rdharmony_gen.light import atmosphere
from rdharmony_gen.spec.condition import ConditionSpec

Floats = NDArray[np.float64]
Reals = NDArray[np.floating]

KOSCHMIEDER = 3.912
FAR_LAND_M, FAR_LAND_BEGINS_M = 4000.0, 160.0
"""The last 100 m of a built place (belts of trees, a ring of hills) stand for land some kilometres away."""


def seen_distance(distance_m: Reals) -> Reals:
    """The distance that scenery of this distance stands for: true near by, kilometres for the backdrop."""
    return distance_m + FAR_LAND_M * -np.expm1(-((distance_m / FAR_LAND_BEGINS_M) ** 3))


def transmittance(condition: ConditionSpec, distance_m: Reals, sine: Reals, height_m: float) -> NDArray[np.float32]:
    """Fraction of light (..., 3) that crosses the air.

    Args:
        condition: supplies turbidity and fog.
        distance_m: (...,) lengths of the paths, finite.
        sine: (...,) of their elevation, upwards positive.
        height_m: of the camera over the ground.
    """
    clean = (atmosphere.RAYLEIGH + 1.1 * atmosphere.MIE * condition.turbidity).astype(np.float32)
    depth = seen_distance(np.asarray(distance_m, np.float32))[..., None] * clean
    if condition.visibility_m > 0:
        depth = depth + fog_depth(condition, distance_m, sine, height_m)[..., None]
    return np.exp(-depth)


def fog_depth(condition: ConditionSpec, distance_m: Reals, sine: Reals, height_m: float) -> NDArray[np.float32]:
    """Optical depth (...,) of the fog along paths from a height; see `transmittance`."""
    if condition.visibility_m <= 0:
        return np.zeros(np.broadcast(distance_m, sine).shape, np.float32)
    distance, sine = np.asarray(distance_m, np.float32), np.asarray(sine, np.float32)
    ground = KOSCHMIEDER / condition.visibility_m * np.exp(-max(height_m, 0.0) / condition.fog_height_m)
    climb = np.maximum(sine, -0.5) * distance / np.float32(condition.fog_height_m)
    level = np.abs(climb) < 1e-3
    thinning = np.where(level, 1.0 - climb / 2, -np.expm1(-np.clip(climb, -8.0, 60.0)) / np.where(level, 1.0, climb))
    return (np.float32(ground) * distance * thinning).astype(np.float32)


def fogged_sky(condition: ConditionSpec, view: Floats, sky: Reals, light: Floats) -> Floats:
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


def airlight(condition: ConditionSpec, azimuth_deg: Reals) -> NDArray[np.float32]:
    """Radiance (..., 3) of the air over a very long path towards compass directions: that of the horizon there."""
    ring = _horizon(condition)
    middles = (np.arange(len(ring)) + 0.5) * (360.0 / len(ring))
    return np.stack([np.interp(azimuth_deg, middles, ring[:, c], period=360.0) for c in range(3)], -1).astype(
        np.float32
    )


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
