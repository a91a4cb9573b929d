# SPDX-License-Identifier: GPL-3.0-or-later
"""The ten capture conditions: three times of day × three weathers, and night.

RdHarmony renders ten styles of this shape but publishes no order; the numbering 1 to 10 here is ours. Each
row is a distribution: `rdharmony_gen.sampling.conditions` draws one `ConditionSpec` a view from it.
"""

# ruff: noqa: E501 - the table reads best as a table

from dataclasses import dataclass
from typing import Literal

Time = Literal["sunrise_sunset", "noon", "other", "night"]
Weather = Literal["clear", "partly_cloudy", "cloudy"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """One row of the style table; every pair is a closed range that is drawn from uniformly.

    Attributes:
        style_id: 1 to 10, the number in file names and labels.
        name: the word used everywhere else.
        time: which of the four directions of the key light a view shares among its weathers.
        elevation_deg: height of the sun (the moon at night) over the horizon, degrees.
        cloud_cover: fraction of the sky dome behind cloud.
        key_transmission: fraction of the key light that the clouds let through.
        key_angle_deg: apparent diameter of the key light, degrees; larger is softer.
        exposure_key: the display-linear log-average luminance the camera aims at.
        adaptation: how far the camera's white balance cancels the colour of the light, 0 none, 1 all.
        warmth: the photographer's own shift: red is multiplied by it, blue divided; over 1 is warmer.
        lamps: chance that practical lamps and windows are lit.
    """

    style_id: int
    name: str
    time: Time
    weather: Weather
    elevation_deg: Range
    cloud_cover: Range
    key_transmission: Range
    key_angle_deg: Range
    exposure_key: Range
    adaptation: Range
    warmth: Range
    lamps: float


_LOW, _HIGH, _MIDDLE, _MOON = (4.0, 10.0), (55.0, 75.0), (20.0, 45.0), (20.0, 60.0)
_CLEAR, _PARTLY, _OVERCAST = (0.0, 0.02), (0.4, 0.6), (0.9, 1.0)

STYLES: tuple[Style, ...] = (
    Style(1, "sunrise_sunset_clear", "sunrise_sunset", "clear", _LOW, _CLEAR, (0.95, 1.0), (0.6, 1.0), (0.105, 0.135), (0.0, 0.15), (1.10, 1.22), 0.0),
    Style(2, "sunrise_sunset_partly_cloudy", "sunrise_sunset", "partly_cloudy", _LOW, _PARTLY, (0.45, 0.7), (1.5, 4.0), (0.075, 0.10), (0.0, 0.12), (1.10, 1.24), 0.0),
    Style(3, "sunrise_sunset_cloudy", "sunrise_sunset", "cloudy", _LOW, _OVERCAST, (0.0, 0.03), (20.0, 40.0), (0.042, 0.062), (0.1, 0.3), (1.0, 1.1), 0.5),
    Style(4, "noon_clear", "noon", "clear", _HIGH, _CLEAR, (0.95, 1.0), (0.53, 0.7), (0.18, 0.22), (0.85, 1.0), (0.98, 1.03), 0.0),
    Style(5, "noon_partly_cloudy", "noon", "partly_cloudy", _HIGH, _PARTLY, (0.5, 0.8), (1.0, 3.0), (0.155, 0.19), (0.8, 0.95), (0.98, 1.03), 0.0),
    Style(6, "noon_cloudy", "noon", "cloudy", _HIGH, _OVERCAST, (0.0, 0.03), (25.0, 45.0), (0.115, 0.145), (0.7, 0.9), (0.93, 0.99), 0.0),
    Style(7, "other_clear", "other", "clear", _MIDDLE, _CLEAR, (0.95, 1.0), (0.53, 0.8), (0.14, 0.17), (0.5, 0.7), (1.03, 1.10), 0.0),
    Style(8, "other_partly_cloudy", "other", "partly_cloudy", _MIDDLE, _PARTLY, (0.45, 0.75), (1.0, 3.5), (0.115, 0.145), (0.45, 0.65), (1.0, 1.07), 0.0),
    Style(9, "other_cloudy", "other", "cloudy", _MIDDLE, _OVERCAST, (0.0, 0.03), (25.0, 45.0), (0.08, 0.105), (0.35, 0.6), (0.90, 0.97), 0.0),
    Style(10, "night", "night", "clear", _MOON, (0.05, 0.3), (0.9, 1.0), (0.6, 1.2), (0.019, 0.028), (0.0, 0.1), (0.86, 0.96), 1.0),
)  # fmt: skip

STYLE_NAMES: tuple[str, ...] = tuple(style.name for style in STYLES)
TIMES: tuple[Time, ...] = ("sunrise_sunset", "noon", "other", "night")
