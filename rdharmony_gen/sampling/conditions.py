# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the ten capture conditions of a view from the style table, each number from its own named generator.

The three weathers of one time of day share the direction of the sun, as they would at one place and hour.
"""

from dataclasses import replace

import numpy as np

from rdharmony_gen.light import atmosphere, sky
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.condition import RGB, ConditionSpec
from rdharmony_gen.spec.styles import STYLES, Range, Style

MOON_IRRADIANCE = 0.11
WARM_WINDOW_SIDE_DEG = 35.0
"""How far from due east or west a low sun may stand: the scenes are open to those sides."""


def _draw(rng: np.random.Generator, bounds: Range) -> float:
    return round(float(rng.uniform(*bounds)), 4)


def _rgb(values: np.ndarray) -> RGB:
    red, green, blue = (round(float(v), 6) for v in values)
    return red, green, blue


def _key_direction(seed: int, path: tuple[str | int, ...], style: Style) -> tuple[float, float]:
    rng = rng_for(seed, *path, style.time, "direction")
    elevation = _draw(rng, style.elevation_deg)
    if style.time == "sunrise_sunset":
        side = 90.0 if rng.random() < 0.5 else 270.0
        azimuth = side + float(rng.uniform(-WARM_WINDOW_SIDE_DEG, WARM_WINDOW_SIDE_DEG))
    elif style.time == "night":
        azimuth = float(rng.uniform(0.0, 360.0))
    else:  # the sun passes through the south
        azimuth = 180.0 + float(rng.uniform(-60.0, 60.0)) * (1.5 if style.time == "other" else 1.0)
    return elevation, round(azimuth % 360.0, 4)


def _white_balance(light: np.ndarray, adaptation: float, warmth: float) -> RGB:
    """Gains that cancel the given share (in log space) of the colour of the light, then warm; green fixed at 1."""
    tint = light / light[1]
    return _rgb(np.clip(tint**-adaptation, 0.4, 2.5) * (warmth, 1.0, 1.0 / warmth))


def sample_condition(seed: int, path: tuple[str | int, ...], style: Style) -> ConditionSpec:
    """Draw one condition of the view that `path` names."""
    rng = rng_for(seed, *path, style.name)
    elevation, azimuth = _key_direction(seed, path, style)
    night = style.time == "night"
    turbidity = _draw(rng, (2.5, 5.0) if style.time == "sunrise_sunset" else (1.5, 3.0))
    transmission = _draw(rng, style.key_transmission)
    cover = _draw(rng, style.cloud_cover)
    angle = _draw(rng, style.key_angle_deg)
    lamps_on = bool(rng.random() < style.lamps)
    if night:
        key = sky.MOON_TINT * MOON_IRRADIANCE * float(rng.uniform(0.8, 1.25))
    else:
        key = atmosphere.sun_colour(elevation, turbidity) * transmission
    condition = ConditionSpec(
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
        lamp_temperature_k=_draw(rng, (2500.0, 3800.0)),
        lit_windows=_draw(rng, (0.3, 0.6)) if lamps_on else 0.0,
        exposure_key=_draw(rng, style.exposure_key),
        exposure_jitter_ev=round(float(np.clip(rng.normal(0.0, 0.18), -0.35, 0.35)), 4),
        white_balance=(1.0, 1.0, 1.0),
    )
    dome = sky.irradiance(sky.panorama(condition, 128))
    ground = dome + np.array(condition.key_irradiance) * np.sin(np.radians(elevation))
    upright = dome / 2 + np.array(condition.key_irradiance) * np.cos(np.radians(elevation)) / 2
    seen = (
        0.8 * dome + 0.2 * ground if "room" in path else (ground + upright) / 2
    )  # a room sees the sky more than the sun
    balance = _white_balance(seen, _draw(rng, style.adaptation), _draw(rng, style.warmth))
    return replace(condition, sky_irradiance=_rgb(dome), white_balance=balance)


def sample_conditions(seed: int, scene: str, variation: int, view: int) -> tuple[ConditionSpec, ...]:
    """The ten conditions of one view, in the order of their style numbers; equal arguments give equal numbers."""
    path = ("conditions", scene, variation, view)
    return tuple(sample_condition(seed, path, style) for style in STYLES)
