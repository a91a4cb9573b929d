# SPDX-License-Identifier: GPL-3.0-or-later
"""The sky of a capture condition as a panorama: the picture the camera sees and the light the scene gets are one.

Clear sky from `light.atmosphere`; clouds are a flat layer of filtered noise, lit by the same sun with shadowing
towards it; overcast skies follow the CIE overcast distribution (CIE S 011/E:2003, type 1).
"""

import functools

import cv2
import numpy as np

from rdharmony_gen.light import atmosphere, haze, hdri
from rdharmony_gen.light.hdri import directions
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.condition import ConditionSpec

GROUND_ALBEDO = np.array([0.16, 0.16, 0.12])
MOON_TINT = np.array([0.55, 0.75, 1.15])
CLOUD_DEPTH = 3.2
"""Optical depth of a cloud of thickness 1."""
_FIELD = 512
_STAR_CELLS = 3072
GROUND_BEGINS = -np.sin(np.radians(1.5))
"""Sine of the elevation under which lit ground takes the place of the sky."""
SHIFTS = 256
SEEN_GLOW = 0.07
"""Part of the glow of signs that is seen over the horizon."""
CLOSED = 0.8
"""Cloud cover from which no sun is to be found behind the clouds."""


@functools.cache
def _spectrum(slope: float) -> np.ndarray:
    """Amplitudes of a power law without its longest waves: several clouds fit into the field."""
    frequency = np.fft.fftfreq(_FIELD)[:, None] ** 2 + np.fft.rfftfreq(_FIELD)[None, :] ** 2
    return np.where(frequency > (3.0 / _FIELD) ** 2, np.maximum(frequency, 1e-9) ** (-slope / 2), 0.0)


def _noise_field(rng: np.random.Generator, slope: float) -> np.ndarray:
    """Tileable noise (512, 512) with a power-law spectrum, values in [0, 1]."""
    amplitude = _spectrum(slope)
    angle = (2 * np.pi) * rng.random(amplitude.shape)
    field = np.fft.irfft2(amplitude * (np.cos(angle) + 1j * np.sin(angle)), (_FIELD, _FIELD))
    field = (field - field.mean()) / field.std()
    return (0.5 * (1 + np.tanh(0.8 * field))).astype(np.float32)


def _lookup(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(
        field,
        (x % _FIELD).astype(np.float32),
        (y % _FIELD).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


@functools.lru_cache(maxsize=12)
def _clouds(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Large and small shapes of one sky's clouds, places in the field in [0, 1) to choose from, and a scatter."""
    rng = rng_for(seed, "clouds")
    base = _noise_field(rng, 1.75)
    puffs = 1.0 - np.abs(2.0 * _noise_field(rng, 1.25) - 1.0)
    return base, puffs, rng.random((SHIFTS, 1, 2)), rng.standard_normal((1, 12, 3))


def _cloud_density(condition: ConditionSpec, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Optical thickness of the cloud layer along each upward view, and what lies towards the sun, both (N, M)."""
    base, puffs, unit_shifts, jitter = _clouds(condition.cloud_seed)
    sun = atmosphere.direction(condition.elevation_deg, condition.azimuth_deg)
    scale = 46.0 / condition.cloud_scale
    cover = condition.cloud_cover
    shift = np.zeros(2)

    def place(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reach = 1.0 / (np.maximum(view[..., 2], 0.0) + 0.10)
        return view[..., 0] * reach + shift[0], view[..., 1] * reach + shift[1]

    def thickness(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        value = _lookup(base, x * scale, y * scale)
        value = 0.72 * value + 0.20 * _lookup(puffs, x * scale * 2.7 + 311, y * scale * 2.7 + 97)
        value = value + 0.08 * _lookup(puffs, x * scale * 9.1 + 53, y * scale * 9.1 + 211)
        edge = np.interp(cover, [0.0, 0.1, 0.5, 0.9, 1.0], [1.1, 0.80, 0.57, 0.36, 0.25])
        return np.clip((value - edge) / 0.22, 0.0, 1.6)

    # of many places in the field, the sun stands before that whose cloud is as thick as its light says
    shifts = unit_shifts * (_FIELD / scale * (cover < CLOSED))
    around = sun + np.radians(2.0) * jitter
    there = thickness(*(p + shifts[..., k] for k, p in enumerate(place(around))))
    shift = shifts[np.abs(there - veil_before(condition)).mean(axis=1).argmin(), 0]
    x, y = place(view)
    here = thickness(x, y)
    step = 0.05 + 0.05 / (sun[2] + 0.25)
    heading = sun[:2] / (np.linalg.norm(sun[:2]) + 1e-6)
    towards_sun = 0.6 * thickness(x + heading[0] * step, y + heading[1] * step)
    towards_sun = towards_sun + 0.4 * thickness(x + heading[0] * 2.6 * step, y + heading[1] * 2.6 * step)
    return here, towards_sun


def veil_before(condition: ConditionSpec) -> float:
    """Thickness of the cloud before the sun that leaves the condition's share of direct light."""
    return -float(np.log(max(condition.key_transmission, 0.02))) / CLOUD_DEPTH


def _smooth(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _day(condition: ConditionSpec, view: np.ndarray) -> np.ndarray:
    sun = atmosphere.direction(condition.elevation_deg, condition.azimuth_deg)
    clear = atmosphere.clear_sky(view, condition.elevation_deg, condition.azimuth_deg, condition.turbidity)
    up = np.maximum(view[..., 2], 0.0)[..., None]
    cosine = (view @ sun)[..., None]
    sun_at_cloud = atmosphere.sun_colour(condition.elevation_deg, condition.turbidity * 0.6, 2_000.0)
    above = directions(64)[: 64 // 4]
    around = atmosphere.clear_sky(above, condition.elevation_deg, condition.azimuth_deg, condition.turbidity)
    ambient = around[above[..., 2] > 0.15].mean(axis=0)
    overcast = _smooth(np.array(condition.cloud_cover), 0.65, 0.95)

    here, towards_sun = (d[..., None] for d in _cloud_density(condition, view))
    # the light of the sun must not come through a thicker cloud than the camera sees in front of it
    before_sun = _smooth(cosine, np.cos(np.radians(8.0)), np.cos(np.radians(1.5)))
    here = here + before_sun * np.minimum(veil_before(condition) - here, 0.0)
    glow = 0.35 + 0.9 * np.maximum(cosine, 0.0) ** 24 + 0.25 * np.maximum(cosine, 0.0) ** 3
    sine = max(float(sun[2]), 0.12)
    direct = sun_at_cloud / np.pi * (0.35 + 0.65 * sine) * (1.0 + glow)
    lit = np.exp(-1.9 * towards_sun) * (1.0 - 0.35 * np.minimum(here, 1.0))
    cumulus = direct * (0.12 + 0.88 * lit) * 0.62 + ambient * 1.1
    # overcast: the layer itself is what glows; brightest at the zenith, a little towards the sun
    total = (sun_at_cloud * sine + ambient * np.pi) / np.pi
    layer = total * 0.36 * (1 + 2 * up) / 3 * (0.65 + 0.65 * np.exp(-1.3 * towards_sun))
    layer = layer * (1 + 0.8 * np.maximum(cosine, 0.0) ** 8)
    grey = layer.mean(axis=-1, keepdims=True) * np.array([0.97, 1.0, 1.06])
    warm = np.exp(-up / 0.18) * (0.35 + 0.65 * np.maximum(cosine, 0.0) ** 2) * (1 - _smooth(sun[2:3], 0.2, 0.5))
    layer = (0.62 - 0.5 * warm) * grey + (0.38 + 0.5 * warm) * layer
    cloud = (1 - overcast) * cumulus + overcast * layer
    alpha = 1 - np.exp(-CLOUD_DEPTH * here)
    alpha = np.maximum(alpha, overcast * _smooth(np.array(condition.cloud_cover), 0.8, 0.96))
    haze = np.exp(-up / 0.045)
    alpha = alpha * (1 - 0.75 * haze * (1 - overcast))
    return clear * (1 - alpha) + cloud * alpha


def _disc(condition: ConditionSpec, view: np.ndarray) -> np.ndarray:
    """The sun or moon as the camera sees it: bright, but of little energy, as its light is a lamp of its own."""
    if condition.key == "moon":
        moon = (view @ atmosphere.direction(condition.elevation_deg, condition.azimuth_deg))[..., None]
        return _smooth(moon, np.cos(np.radians(0.75)), np.cos(np.radians(0.6))) * np.array([1.0, 0.98, 0.9]) * 0.8
    cosine = (view @ atmosphere.direction(condition.elevation_deg, condition.azimuth_deg))[..., None]
    disc = _smooth(cosine, np.cos(np.radians(0.9)), np.cos(np.radians(0.45)))
    return disc * np.array(condition.key_irradiance) * 6.0 * _smooth(np.array(condition.key_transmission), 0.1, 0.4)


def _night(condition: ConditionSpec, view: np.ndarray) -> np.ndarray:
    moon = atmosphere.direction(condition.elevation_deg, condition.azimuth_deg)
    up = np.maximum(view[..., 2], 0.0)[..., None]
    cosine = (view @ moon)[..., None]
    zenith, horizon = np.array([0.0030, 0.0058, 0.0160]), np.array([0.0110, 0.0165, 0.0310])
    town = np.array([0.0065, 0.0042, 0.0022]) * np.exp(-up / 0.10)
    sky = zenith + (horizon - zenith) * np.exp(-up / 0.22) + town
    sky = sky + _stars(condition, view)[..., None] * np.minimum(up * 3, 1.0)
    here, towards = (d[..., None] for d in _cloud_density(condition, view))
    alpha = (1 - np.exp(-2.2 * here)) * (1 - 0.7 * np.exp(-up / 0.05))
    halo = 0.5 + 3.0 * np.maximum(cosine, 0.0) ** 30 + 0.8 * np.maximum(cosine, 0.0) ** 4
    cloud = MOON_TINT * 0.0105 * halo * (0.5 + np.exp(-1.5 * towards)) + town
    sky = sky * (1 - alpha) + cloud * alpha
    glow = MOON_TINT * (0.010 * np.maximum(cosine, 0.0) ** 60 + 0.05 * np.maximum(cosine, 0.0) ** 1500)
    return sky + glow


@functools.lru_cache(maxsize=2)
def _star_table(seed: int) -> np.ndarray:
    luck = rng_for(seed, "stars").random((_STAR_CELLS // 4, _STAR_CELLS))
    table = np.zeros(luck.shape, np.float32)
    bright = luck > 0.995  # the others would be too dark to see
    table[bright] = luck[bright] ** 2500 * 0.10
    return table


def _stars(condition: ConditionSpec, view: np.ndarray) -> np.ndarray:
    """Radiance (...,) of the stars: few of many small cells of the sky hold one, whoever looks and however finely."""
    table = _star_table(condition.cloud_seed)
    column = np.arctan2(view[..., 1], view[..., 0]) / (2 * np.pi) * _STAR_CELLS
    row = np.arcsin(np.clip(view[..., 2], -1.0, 1.0)) / np.pi * (_STAR_CELLS // 2)
    row = np.clip(row.astype(int), 0, len(table) - 1)
    return table[row, np.floor(column).astype(int) % _STAR_CELLS]


def radiance(condition: ConditionSpec, view: np.ndarray, *, disc: bool = True) -> np.ndarray:
    """What is seen of the sky in any directions; the same in a direction whichever others are asked for.

    Args:
        condition: what is drawn.
        view: (N, M, 3) unit vectors, +Z up; a little below the horizon lit ground begins, for reflections.
        disc: as the camera sees it: with the sun's or moon's own disc, and of signs, which stand beside the picture, a
            glow alone. As light from the sky the disc would only be counted twice, and found rarely.

    Returns: (N, M, 3) float32 linear Rec.709 radiance.
    """
    key = np.array(condition.key_irradiance) * np.sin(np.radians(condition.elevation_deg))
    picture = _above(condition, view)
    if condition.signs:
        picture = picture + _signs(condition, view, seen=disc)
    if disc:
        picture = picture + _disc(condition, view)
    if condition.visibility_m > 0:
        small = directions(64)
        dome = _above(condition, small) + (_signs(condition, small, seen=False) if condition.signs else 0.0)
        light = irradiance(np.where(small[..., 2:] > 0, dome, 0.0)) + key
        picture = haze.fogged_sky(condition, view, picture, light)
    if condition.hdri and condition.visibility_m <= 0:
        return picture.astype(np.float32)
    ground = GROUND_ALBEDO * (np.array(condition.sky_irradiance) + key) / np.pi
    return np.where(view[..., 2:] < GROUND_BEGINS, ground, picture).astype(np.float32)


def panorama(condition: ConditionSpec, width: int, *, disc: bool = True) -> np.ndarray:
    """The sky around the scene.

    Args:
        condition: what is drawn.
        width: of the picture in pixels, even.
        disc: as for `radiance`.

    Returns: (width // 2, width, 3) float32 linear Rec.709 radiance, equirectangular, top row first; +X in the middle
        column, +Y a quarter to its left. The lower half is lit ground, for reflections.
    """
    return radiance(condition, directions(width), disc=disc)


def _above(condition: ConditionSpec, view: np.ndarray) -> np.ndarray:
    """The sky without disc and fog."""
    if condition.hdri:
        return _photographed(condition, view)
    sky = (_night if condition.key == "moon" else _day)(condition, view)
    return sky


def _photographed(condition: ConditionSpec, view: np.ndarray) -> np.ndarray:
    """A panorama, turned, in any directions."""
    sky = hdri.split(condition.hdri, condition.hdri_sha256).sky
    height, width = sky.shape[:2]
    if view.shape[1] == 2 * view.shape[0] and view.shape[1] < width:  # a whole panorama, smaller: no lamp may be missed
        return hdri.turned(sky, condition.hdri_rotation_deg, view.shape[1]) * np.float32(condition.hdri_gain)
    turn = np.radians(condition.hdri_rotation_deg)
    azimuth = np.arctan2(view[..., 1], view[..., 0]) + turn
    x = ((0.5 - azimuth / (2 * np.pi)) % 1.0) * width - 0.5
    y = (0.5 - np.arcsin(np.clip(view[..., 2], -1.0, 1.0)) / np.pi) * height - 0.5
    pad = 2
    wide = np.concatenate([sky[:, -pad:], sky, sky[:, :pad]], axis=1)
    seen = cv2.remap(
        wide, (x + pad).astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen * np.float32(condition.hdri_gain)


def _signs(condition: ConditionSpec, view: np.ndarray, *, seen: bool) -> np.ndarray:
    """Coloured signs low around the place, as soft patches that together light an upright surface as drawn.

    A camera that looks their way (`seen`) sees a faint glow over the horizon instead.
    """
    rng = rng_for(condition.cloud_seed, "signs")
    colours = condition.lamp_colours or ((1.0, 0.75, 0.5),)
    start = float(rng.uniform(0.0, 360.0))
    glow = np.zeros((*view.shape[:2], 3))
    for number in range(condition.signs):
        azimuth = start + 360.0 * (number + float(rng.uniform(-0.3, 0.3))) / condition.signs
        elevation, width, height = (float(rng.uniform(*b)) for b in ((2.5, 7.0), (1.5, 5.0), (0.6, 2.0)))
        across = np.degrees(np.arctan2(view[..., 0], view[..., 1])) - azimuth
        across = (across + 180.0) % 360.0 - 180.0
        up = np.degrees(np.arcsin(np.clip(view[..., 2], -1.0, 1.0))) - elevation
        patch = np.exp(-((across / width) ** 8) - (up / height) ** 8)
        halo = 0.06 * np.exp(-((across / (3.0 * width)) ** 2) - (up / (3.0 * height)) ** 2)
        patch = SEEN_GLOW * halo if seen else patch + halo
        # a patch with such edges and these half widths covers some 3.6 times their product
        area = (3.6 + 0.06 * 9.0 * np.pi) * np.radians(width) * np.radians(height)
        colour = np.array(colours[number % len(colours)])
        glow += patch[..., None] * colour * condition.sign_irradiance / (0.5 * condition.signs * area)
    return glow


def irradiance(picture: np.ndarray) -> np.ndarray:
    """Irradiance (3,) on the ground from the upper half of a panorama (H, 2 H, 3)."""
    height, width = picture.shape[:2]
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    weight = np.maximum(np.sin(elevation), 0.0) * np.cos(elevation) * (np.pi / height) * (2 * np.pi / width)
    return np.einsum("ijk,i->k", picture.astype(float), weight)
