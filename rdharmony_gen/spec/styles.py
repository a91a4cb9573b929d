# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture conditions (styles) as distributions: the ten of RdHarmony's shape, and the kinds a user may add.

A style is one of three kinds by where its light comes from: `SunAndSky`, `Hdri` or `Lamps`. Every pair of numbers is a
closed range from which `rdharmony_gen.sampling.conditions` draws one number a view. RdHarmony renders three times of
day × three weathers and night but publishes no order; the numbering 1 to 10 is ours, own styles follow from 11 on.
"""

# ruff: noqa: E501 - the table reads best as a table

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

Time = Literal["sunrise_sunset", "noon", "other", "night"]
Weather = Literal["clear", "partly_cloudy", "cloudy"]
Range = tuple[float, float]
RGB = tuple[float, float, float]

TIME_WORDS = {"sunrise_sunset": "sunrise/sunset", "noon": "noon", "other": "morning/afternoon", "night": "night"}
WEATHER_WORDS = {"clear": "clear", "partly_cloudy": "partly cloudy", "cloudy": "cloudy"}
OWN_WORDS = "own styles"
NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
"""What a style may be called."""


class StyleBase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="light"):
    """What every kind of style has: a name, a camera, lamps that may be lit, and air."""

    name: str
    """Lower case letters, digits and single underscores: it becomes part of file names."""
    style_id: int = 0
    """1 to 10 for the styles of the program, from 11 on for own ones in the order of their file; never written by hand."""
    exposure_key: Range = (0.11, 0.15)
    """Display-linear log-average luminance the camera aims at: 0.18 is a bright day, 0.02 a night."""
    adaptation: Range = (0.5, 0.8)
    """How far the camera's white balance cancels the colour of the light, 0 none, 1 all."""
    warmth: Range = (0.97, 1.05)
    """The photographer's own shift: red is multiplied by it, blue divided; over 1 is warmer."""
    lamps: float = 0.0
    """Chance from 0 to 1 that street lamps, lamps in rooms and windows are lit."""
    lamp_temperature_k: Range = (2500.0, 3800.0)
    """Colour temperature of those lamps, kelvin."""
    visibility_m: Range | None = None
    """How far one sees through fog, metres (contrast falls to 2 % there); none is clear air, hazy by turbidity alone."""
    fog_height_m: Range = (15.0, 60.0)
    """Height over which fog thins out to a third, metres."""

    @property
    def group(self) -> str:
        """Heading under which a report lists the style."""
        return OWN_WORDS

    @property
    def label(self) -> str:
        """The style in words, below its heading."""
        return self.name.replace("_", " ")

    @property
    def title(self) -> str:
        """The style in words that need no heading."""
        return self.label


class SunAndSky(StyleBase, frozen=True, kw_only=True, tag="sun_and_sky"):
    """The sun (at night the moon) and a computed sky with clouds."""

    time: Time = "other"
    """Styles of one time share the direction of the sun within a view; at night the moon shines."""
    weather: Weather = "clear"
    """A word for reports and tables; the numbers below are what counts."""
    elevation_deg: Range = (20.0, 45.0)
    """Height of the sun (the moon at night) over the horizon, degrees."""
    cloud_cover: Range = (0.0, 0.3)
    """Fraction of the sky dome behind cloud."""
    key_transmission: Range = (0.9, 1.0)
    """Fraction of the direct light that the clouds let through."""
    key_angle_deg: Range = (0.53, 1.0)
    """Apparent diameter of the sun, degrees; clouds before it make it larger and its shadows softer."""
    turbidity: Range = (1.5, 3.0)
    """Haze, 1 (very clear) to 10; reddens low suns and whitens the horizon."""

    @property
    def group(self) -> str:
        return TIME_WORDS[self.time] if self.style_id <= len(STYLES) else OWN_WORDS

    @property
    def label(self) -> str:
        if self.style_id > len(STYLES):
            return self.name.replace("_", " ")
        return WEATHER_WORDS[self.weather]

    @property
    def title(self) -> str:
        return self.group if self.time == "night" else f"{self.group}, {self.label}"


class Hdri(StyleBase, frozen=True, kw_only=True, tag="hdri"):
    """A photographed panorama; a sun in it is taken out and shines as a light of its own, with sharp shadows."""

    hdri: str
    """An asset (`rdharmony assets --category outdoor indoor` lists `hdri_*`) or the path of a .hdr or .exr file."""
    sha256: str = ""
    """Of a file of the user's; filled in when the style is read."""
    rotation_deg: Range = (0.0, 360.0)
    """Turn of the panorama, clockwise seen from above, degrees."""
    irradiance: Range = (3.0, 6.0)
    """Light on level ground after scaling, in units where clear noon is near 10; matters beside lamps only."""


class Lamps(StyleBase, frozen=True, kw_only=True, tag="lamps"):
    """A night lit by practical lights: lamps in given colours, and the glow of signs around the place."""

    lamps: float = 1.0
    exposure_key: Range = (0.03, 0.045)
    adaptation: Range = (0.0, 0.15)
    colours: tuple[str, ...] = ()
    """Of the lamps in turn, as "#rrggbb" in sRGB; none means the warm white of `lamp_temperature_k`."""
    glow: Range = (0.0, 0.0)
    """Light that coloured signs around the place throw on an upright surface; 0.1 is a dim street, 0.5 a bright one."""
    signs: tuple[int, int] = (3, 5)
    """Number of those signs."""
    elevation_deg: Range = (20.0, 60.0)
    """Height of the moon, degrees."""
    cloud_cover: Range = (0.1, 0.6)
    """Fraction of the night sky behind cloud."""


Style = SunAndSky | Hdri | Lamps


def _built_in(
    style_id: int, name: str, time: Time, weather: Weather, elevation: Range, cover: Range, transmission: Range,
    angle: Range, exposure: Range, adaptation: Range, warmth: Range, lamps: float,
) -> SunAndSky:  # fmt: skip
    turbidity = (2.5, 5.0) if time == "sunrise_sunset" else (1.5, 3.0)
    return SunAndSky(
        name=name, style_id=style_id, time=time, weather=weather, elevation_deg=elevation, cloud_cover=cover,
        key_transmission=transmission, key_angle_deg=angle, turbidity=turbidity, exposure_key=exposure,
        adaptation=adaptation, warmth=warmth, lamps=lamps,
    )  # fmt: skip


# styles of one time share direction and size of the key light, and overcast skies have none: so their renders are shared
_LOW, _HIGH, _MIDDLE = (4.0, 10.0), (55.0, 75.0), (20.0, 45.0)
_CLEAR, _PARTLY, _OVERCAST = (0.0, 0.02), (0.4, 0.6), (0.9, 1.0)

STYLES: tuple[SunAndSky, ...] = (
    _built_in(1, "sunrise_sunset_clear", "sunrise_sunset", "clear", _LOW, _CLEAR, (0.95, 1.0), (0.6, 1.0), (0.105, 0.135), (0.0, 0.15), (1.10, 1.22), 0.0),
    _built_in(2, "sunrise_sunset_partly_cloudy", "sunrise_sunset", "partly_cloudy", _LOW, _PARTLY, (0.4, 0.85), (0.6, 1.0), (0.075, 0.10), (0.0, 0.12), (1.10, 1.24), 0.0),
    _built_in(3, "sunrise_sunset_cloudy", "sunrise_sunset", "cloudy", _LOW, _OVERCAST, (0.0, 0.0), (20.0, 40.0), (0.042, 0.062), (0.1, 0.3), (1.0, 1.1), 0.5),
    _built_in(4, "noon_clear", "noon", "clear", _HIGH, _CLEAR, (0.95, 1.0), (0.53, 0.7), (0.18, 0.22), (0.85, 1.0), (0.98, 1.03), 0.0),
    _built_in(5, "noon_partly_cloudy", "noon", "partly_cloudy", _HIGH, _PARTLY, (0.4, 0.9), (0.53, 0.7), (0.155, 0.19), (0.8, 0.95), (0.98, 1.03), 0.0),
    _built_in(6, "noon_cloudy", "noon", "cloudy", _HIGH, _OVERCAST, (0.0, 0.0), (25.0, 45.0), (0.115, 0.145), (0.7, 0.9), (0.93, 0.99), 0.0),
    _built_in(7, "other_clear", "other", "clear", _MIDDLE, _CLEAR, (0.95, 1.0), (0.53, 0.8), (0.14, 0.17), (0.5, 0.7), (1.03, 1.10), 0.0),
    _built_in(8, "other_partly_cloudy", "other", "partly_cloudy", _MIDDLE, _PARTLY, (0.4, 0.9), (0.53, 0.8), (0.115, 0.145), (0.45, 0.65), (1.0, 1.07), 0.0),
    _built_in(9, "other_cloudy", "other", "cloudy", _MIDDLE, _OVERCAST, (0.0, 0.0), (25.0, 45.0), (0.08, 0.105), (0.35, 0.6), (0.90, 0.97), 0.0),
    _built_in(10, "night", "night", "clear", _MIDDLE, (0.05, 0.3), (0.9, 1.0), (0.53, 0.8), (0.022, 0.032), (0.0, 0.1), (0.86, 0.96), 1.0),
)  # fmt: skip

STYLE_NAMES: tuple[str, ...] = tuple(style.name for style in STYLES)
TIMES: tuple[Time, ...] = ("sunrise_sunset", "noon", "other", "night")


def words_of(name: str) -> str:
    """The style of this name in words."""
    return next((style.title for style in STYLES if style.name == name), name.replace("_", " "))


def group_of(name: str) -> str:
    """Heading of the style of this name."""
    return next((style.group for style in STYLES if style.name == name), OWN_WORDS)


def label_of(name: str) -> str:
    """The style of this name in words below its heading."""
    return next((style.label for style in STYLES if style.name == name), name.replace("_", " "))


def style_table(names: Sequence[str], own: Sequence[Style] = ()) -> tuple[Style, ...]:
    """The styles of these names in the order of their numbers, from the ten and a set's own."""
    return tuple(style for style in (*STYLES, *own) if style.name in names)


def style_lines(styles: Sequence[Style]) -> list[str]:
    """A table of styles for a terminal: what the light is, the sun's height, clouds, lamps and fog."""
    rows = [("id", "name", "light", "height", "clouds", "lamps", "sees")]
    for style in styles:
        moon = isinstance(style, Lamps) or (isinstance(style, SunAndSky) and style.time == "night")
        light = style.hdri.rpartition("/")[2] if isinstance(style, Hdri) else "moon" if moon else "sun"
        if isinstance(style, Lamps):
            light = f"lamps, {len(style.colours)} colours" if style.colours else "lamps"
        sky = None if isinstance(style, Hdri) else style
        rows.append(
            (
                str(style.style_id),
                style.name,
                light,
                f"{_span(sky.elevation_deg)} deg" if sky else "-",
                _span(sky.cloud_cover) if sky else "-",
                "on" if style.lamps == 1 else "sometimes" if style.lamps else "off",
                f"{_span(style.visibility_m)} m" if style.visibility_m else "far",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _span(pair: Range) -> str:
    low, high = pair
    return f"{low:g}" if low == high else f"{low:g}..{high:g}"
