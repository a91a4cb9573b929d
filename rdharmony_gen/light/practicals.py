# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of practical lights: lamps as warm as their filament, or in the colours of a style."""

import numpy as np

from rdharmony_gen.spec.condition import RGB, ConditionSpec


def blackbody(kelvin: float) -> RGB:
    """Colour of a glowing body, linear Rec.709 with the largest channel 1; a fit good from 1500 to 6500 K."""
    t = np.log(np.clip(kelvin, 1500.0, 6500.0) / 6500.0)
    green, blue = np.exp(0.62 * t), np.exp(1.75 * t)
    return 1.0, float(green), float(blue)


def lamp_colours(condition: ConditionSpec, count: int) -> list[RGB]:
    """Linear colours of the place's lamps in their order, largest channel 1; a style's colours come in turn."""
    colours = condition.lamp_colours or (blackbody(condition.lamp_temperature_k),)
    return [colours[number % len(colours)] for number in range(count)]


def glow_colour(condition: ConditionSpec) -> RGB:
    """Colour of glass and shades that all lamps of one model share: the mean of the lamps' colours."""
    colours = np.array(condition.lamp_colours or (blackbody(condition.lamp_temperature_k),))
    red, green, blue = (float(v) for v in colours.mean(axis=0) / colours.mean(axis=0).max())
    return red, green, blue
