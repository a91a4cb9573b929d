# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the capture conditions of a view from its styles, each style from its own named generators.

Styles of one time of day share the direction of the sun, as they would at one place and hour.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harmonize_core.color import srgb_to_linear
from rdharmony_gen.light import atmosphere, haze, hdri, sky
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.condition import RGB, ConditionSpec
from rdharmony_gen.spec.scenes import SCENES
from rdharmony_gen.spec.styles import STYLES, Hdri, Lamps, Range, Style, SunAndSky, Time

MOON_IRRADIANCE = 0.11
WARM_WINDOW_SIDE_DEG = 10.0
"""How far from due east or west a low sun may stand: streets run that way, and three in four subjects in them are lit
by it; of 35 degrees it was one in four."""

LIT_ROOM = 2.0
"""A room by night is exposed for its lamps, this much brighter than a street."""


def _draw(rng: np.random.Generator, bounds: Range) -> float:
    return round(float(rng.uniform(*bounds)), 4)


def _rgb(values: np.ndarray) -> RGB:
    red, green, blue = (round(float(v), 6) for v in values)
    return red, green, blue


def _key_direction(seed: int, path: tuple[str | int, ...], time: Time, elevation_deg: Range) -> tuple[float, float]:
    # the moon stands where the sun stood in the morning: lights from one direction share their renders
    rng = rng_for(seed, *path, "other" if time == "night" else time, "direction")
    elevation = _draw(rng, elevation_deg)
    if time == "sunrise_sunset":
        side = 90.0 if rng.random() < 0.5 else 270.0
        azimuth = side + float(rng.uniform(-WARM_WINDOW_SIDE_DEG, WARM_WINDOW_SIDE_DEG))
    else:  # sun and moon pass through the south
        azimuth = 180.0 + float(rng.uniform(-60.0, 60.0)) * (1.5 if time in ("other", "night") else 1.0)
    return elevation, round(azimuth % 360.0, 4)


def _white_balance(light: np.ndarray, adaptation: float, warmth: float) -> RGB:
    """Gains that cancel the given share (in log space) of the colour of the light, then warm; green fixed at 1."""
    tint = light / light[1]
    return _rgb(np.clip(tint**-adaptation, 0.4, 2.5) * (warmth, 1.0, 1.0 / warmth))


def sample_condition(seed: int, path: tuple[str | int, ...], style: Style, *, indoor: bool = False) -> ConditionSpec:
    """Draw one condition of the view that `path` names.

    Raises:
        InputError: the style's panorama is missing or was changed.
    """
    match style:
        case SunAndSky():
            condition = _sun_and_sky(seed, path, style)
        case Hdri():
            condition = _hdri(seed, path, style)
        case Lamps():
            condition = _lamps(seed, path, style)
    condition = _air(seed, path, style, condition)
    if indoor and condition.key == "moon" and condition.lamps > 0.0:
        condition = replace(condition, exposure_key=LIT_ROOM * condition.exposure_key)
    dome = sky.irradiance(sky.panorama(condition, 128, disc=False))
    balance = _balance(rng_for(seed, *path, style.name, "balance"), style, condition, dome, indoor=indoor)
    return replace(condition, sky_irradiance=_rgb(dome), white_balance=balance)


def sample_conditions(
    seed: int, scene: str, variation: int, view: int, styles: Sequence[Style] = STYLES, *, indoor: bool | None = None
) -> tuple[ConditionSpec, ...]:
    """The conditions of one view, in the order of the styles; each depends on its own style and the view only.

    `indoor` is known of the scenes of this program; a place of the user's own must say it.
    """
    path = ("conditions", scene, variation, view)
    if indoor is None:
        indoor = scene in SCENES and SCENES[scene].indoor
    return tuple(sample_condition(seed, path, style, indoor=indoor) for style in styles)


def _sun_and_sky(seed: int, path: tuple[str | int, ...], style: SunAndSky) -> ConditionSpec:
    rng = rng_for(seed, *path, style.name)
    elevation, azimuth = _key_direction(seed, path, style.time, style.elevation_deg)
    night = style.time == "night"
    turbidity = _draw(rng, style.turbidity)
    transmission = _draw(rng, style.key_transmission)
    cover = _draw(rng, style.cloud_cover)
    angle = _draw(rng_for(seed, *path, "other" if night else style.time, "disc"), style.key_angle_deg)
    evening = rng_for(seed, *path, "evening")  # the same lamps and windows in all styles of a view
    lamps_on = bool(rng.random() < style.lamps)
    if night:
        key = sky.MOON_TINT * MOON_IRRADIANCE * float(rng.uniform(0.8, 1.25))
    else:
        key = atmosphere.sun_colour(elevation, turbidity) * transmission
    return ConditionSpec(
        style=style.name,
        style_id=style.style_id,
        key="moon" if night else "sun",
        elevation_deg=elevation,
        azimuth_deg=azimuth,
        key_irradiance=_rgb(key),
        key_angle_deg=angle,
        sky_irradiance=(0.0, 0.0, 0.0),
        turbidity=turbidity,
        cloud_cover=cover,
        key_transmission=transmission,
        cloud_seed=int(rng.integers(2**31)),
        cloud_scale=_draw(rng, (0.7, 1.5)),
        lamps=(1.0 if night else 0.5) if lamps_on else 0.0,
        lamp_temperature_k=_draw(evening, style.lamp_temperature_k),
        lit_windows=_draw(evening, (0.3, 0.6)) if lamps_on else 0.0,
        exposure_key=_draw(rng, style.exposure_key),
        exposure_jitter_ev=_exposure_jitter(rng),
        white_balance=(1.0, 1.0, 1.0),
    )


def _hdri(seed: int, path: tuple[str | int, ...], style: Hdri) -> ConditionSpec:
    rng = rng_for(seed, *path, style.name)
    parts = hdri.split(style.hdri, style.sha256)
    rotation = _draw(rng, style.rotation_deg)
    east, north, up = (float(v) for v in parts.direction)
    elevation = float(np.degrees(np.arcsin(np.clip(up, -1.0, 1.0))))
    azimuth = (float(np.degrees(np.arctan2(east, north))) + rotation) % 360.0
    level = sky.irradiance(parts.sky) + parts.key_irradiance * up
    gain = _draw(rng, style.irradiance) / max(float(level.mean()), 1e-9)
    lamps_on = bool(rng.random() < style.lamps)
    return ConditionSpec(
        style=style.name,
        style_id=style.style_id,
        key="sun",
        elevation_deg=round(elevation, 4),
        azimuth_deg=round(azimuth, 4),
        key_irradiance=_rgb(parts.key_irradiance * gain),
        key_angle_deg=0.6,
        sky_irradiance=(0.0, 0.0, 0.0),
        turbidity=1.0,
        cloud_cover=0.0,
        key_transmission=1.0 if parts.key_irradiance.any() else 0.0,
        cloud_seed=int(rng.integers(2**31)),
        cloud_scale=1.0,
        lamps=0.5 if lamps_on else 0.0,
        lamp_temperature_k=_draw(rng, style.lamp_temperature_k),
        lit_windows=_draw(rng, (0.3, 0.6)) if lamps_on else 0.0,
        exposure_key=_draw(rng, style.exposure_key),
        exposure_jitter_ev=_exposure_jitter(rng),
        white_balance=(1.0, 1.0, 1.0),
        hdri=style.hdri,
        hdri_sha256=style.sha256,
        hdri_rotation_deg=rotation,
        hdri_gain=round(gain, 8),
    )


def _lamps(seed: int, path: tuple[str | int, ...], style: Lamps) -> ConditionSpec:
    rng = rng_for(seed, *path, style.name)
    elevation, azimuth = _key_direction(seed, path, "night", style.elevation_deg)
    lamps_on = bool(rng.random() < style.lamps)
    return ConditionSpec(
        style=style.name,
        style_id=style.style_id,
        key="moon",
        elevation_deg=elevation,
        azimuth_deg=azimuth,
        key_irradiance=_rgb(sky.MOON_TINT * MOON_IRRADIANCE * 0.3),
        key_angle_deg=1.0,
        sky_irradiance=(0.0, 0.0, 0.0),
        turbidity=_draw(rng, (1.5, 3.0)),
        cloud_cover=_draw(rng, style.cloud_cover),
        key_transmission=0.3,
        cloud_seed=int(rng.integers(2**31)),
        cloud_scale=_draw(rng, (0.7, 1.5)),
        lamps=1.0 if lamps_on else 0.0,
        lamp_temperature_k=_draw(rng, style.lamp_temperature_k),
        lit_windows=_draw(rng, (0.4, 0.7)) if lamps_on else 0.0,
        exposure_key=_draw(rng, style.exposure_key),
        exposure_jitter_ev=_exposure_jitter(rng),
        white_balance=(1.0, 1.0, 1.0),
        lamp_colours=tuple(hex_colour(colour) for colour in style.colours),
        signs=int(rng.integers(style.signs[0], style.signs[1] + 1)) if style.glow[1] > 0 else 0,
        sign_irradiance=_draw(rng, style.glow),
    )


def _air(seed: int, path: tuple[str | int, ...], style: Style, condition: ConditionSpec) -> ConditionSpec:
    """Fog, if the style has any, and what it leaves of the key light."""
    if style.visibility_m is None:
        return condition
    rng = rng_for(seed, *path, style.name, "fog")
    low, high = style.visibility_m
    visibility = round(float(low * (high / low) ** rng.random()), 3)  # what counts is the ratio
    height = _draw(rng, style.fog_height_m)
    lift = 2.0 ** (1.6 * float(np.exp(-visibility / 200.0)))  # fog is bright: a meter alone would make it grey
    key = round(condition.exposure_key * (lift if condition.key == "sun" else 1.0), 6)
    foggy = replace(condition, visibility_m=visibility, fog_height_m=height, exposure_key=key)
    direct, through = np.array(foggy.key_irradiance), haze.key_through_fog(foggy)
    glow = direct * (1.0 - through) * np.sin(np.radians(foggy.elevation_deg))
    return replace(foggy, key_irradiance=_rgb(direct * through), fog_glow=_rgb(glow))


def _balance(
    rng: np.random.Generator, style: Style, condition: ConditionSpec, dome: np.ndarray, *, indoor: bool
) -> RGB:
    """The camera's white balance: most of its error lies between warm and cold, a little between green and magenta."""
    key = np.array(condition.key_irradiance)
    elevation = np.radians(condition.elevation_deg)
    ground = dome + key * np.sin(elevation)
    upright = (dome + key * np.cos(elevation)) / 2
    # a room sees the sky more than the sun
    seen = 0.8 * dome + 0.2 * ground if indoor else (ground + upright) / 2
    red, green, blue = _white_balance(seen, _draw(rng, style.adaptation), _draw(rng, style.warmth))
    tint = float(np.clip(rng.normal(0.0, 0.012), -0.03, 0.03))
    return _rgb(np.array([red, green * (1.0 + tint), blue]))


def _exposure_jitter(rng: np.random.Generator) -> float:
    """Stops by which a camera misses its aim."""
    return round(float(np.clip(rng.normal(0.0, 0.18), -0.35, 0.35)), 4)


def hex_colour(text: str) -> RGB:
    """Colour "#rrggbb" in sRGB as linear light whose largest channel is 1."""
    linear = srgb_to_linear(np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0).astype(float)
    return _rgb(linear / max(linear.max(), 1e-6))
