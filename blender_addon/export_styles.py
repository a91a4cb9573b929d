# SPDX-License-Identifier: GPL-3.0-or-later
"""The lights that a shot is exported in: the artist's own, varied, or capture conditions of the generator.

The generator (`rdharmony_gen`) is used where its Python package can be imported, which no installation of the extension
needs; nothing of it is imported before somebody asks for it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import luminance
from harmonize_core.errors import EnvironmentFault

AS_LIT = "as_lit"
"""The artist's light, unchanged."""
RGB = tuple[float, float, float]
Floats = NDArray[np.float32]
Numbers = dict[str, Any]


@dataclass(frozen=True)
class Style:
    """One light of a shot."""

    name: str
    """Lower case letters, digits and single underscores."""
    style_id: int
    """From 1; part of file names and labels."""
    lamps: RGB = (1.0, 1.0, 1.0)
    """Gain of the artist's lamps, linear RGB."""
    world: RGB = (1.0, 1.0, 1.0)
    """Gain of the artist's world."""
    turn_deg: float = 0.0
    """Turn of lamps and world round the characters, anticlockwise seen from above."""
    spread: float = 1.0
    """Factor on the size of lamps: larger ones are softer."""
    stops: float = 0.0
    """How much brighter than the artist's light the picture is exposed."""
    condition: Numbers | None = None
    """The numbers of a capture condition of the generator, which takes the place of all of the above."""


@dataclass(frozen=True)
class View:
    """How a scene shows linear light, as far as metering minds it."""

    kind: str
    """"standard", "agx" or "filmic", as the generator knows them."""
    stops: float
    """The scene's own exposure, which is added when its pictures are shown."""


OWN = (
    Style(AS_LIT, 1),
    Style("overcast", 2, (0.06, 0.06, 0.065), (1.5, 1.6, 1.7), spread=6.0),
    Style("low_sun", 3, (1.35, 0.80, 0.42), (0.50, 0.52, 0.62), turn_deg=75.0, stops=-0.3),
    Style("night", 4, (0.10, 0.14, 0.26), (0.03, 0.04, 0.075), turn_deg=-120.0, stops=-2.6),
    Style("hard_light", 5, (1.2, 1.15, 1.05), (0.22, 0.25, 0.30), turn_deg=160.0, spread=0.3, stops=0.2),
    Style("shade", 6, (0.0, 0.0, 0.0), (0.92, 1.0, 1.18), turn_deg=90.0, stops=-0.2),
)
"""The artist's light and what the same place could look like at other times; the numbers are ours."""

PREFERRED = (
    "noon_clear",
    "sunrise_sunset_clear",
    "other_cloudy",
    "night",
    "other_clear",
    "noon_cloudy",
    "sunrise_sunset_cloudy",
    "other_partly_cloudy",
    "noon_partly_cloudy",
    "sunrise_sunset_partly_cloudy",
)
"""Which of the generator's ten styles come first where fewer are wanted: most different ones."""


def generator(module: str) -> Any:
    """A module of the generator.

    Raises:
        EnvironmentFault: it is not installed in this Blender's Python.
    """
    try:
        return importlib.import_module(f"rdharmony_gen.{module}")
    except ImportError as error:
        raise EnvironmentFault(
            f"The generator's styles need the Python package rdharmony in this Blender ({error}); "
            "install it there, or switch Generator Styles off"
        ) from error


@functools.cache
def has_generator() -> bool:
    """Whether the generator's styles are at hand."""
    with contextlib.suppress(EnvironmentFault):
        generator("sampling.conditions")
        generator("compose.develop")
        return True
    return False


def own_styles(count: int) -> tuple[Style, ...]:
    """The artist's light and variations of it, `count` in all."""
    return OWN[: max(2, min(count, len(OWN)))]


def generator_styles(count: int, shot: str, seed: int, *, as_lit: bool) -> tuple[Style, ...]:
    """Capture conditions drawn for one shot by the generator, in the order of their numbers.

    Args:
        count: how many.
        shot: name of the shot; with the seed it decides all numbers.
        seed: 0 or more.
        as_lit: the artist's own light comes as well, as number 11.

    Raises:
        EnvironmentFault: the generator is not installed.
    """
    styles = generator("spec.styles").STYLES
    wanted = PREFERRED[:count]
    sample = generator("sampling.conditions").sample_condition
    path = ("export", shot)
    found = [(s, asdict(sample(seed, path, s))) for s in styles if s.name in wanted]
    own = (Style(AS_LIT, len(styles) + 1),) if as_lit else ()
    return tuple(Style(s.name, s.style_id, condition=_plain(numbers)) for s, numbers in found) + own


def exposure_of(style: Style, linear: Floats, coverage: Floats, reference: float, view: View) -> tuple[float, RGB]:
    """The stops and white-balance gains by which a picture of this style is developed.

    Args:
        style: of the light.
        linear: (H, W, 3) scene-linear Rec.709.
        coverage: (H, W) of the characters.
        reference: `level` of the picture in the artist's light, which stays as it is exposed.
        view: how the scene shows light.
    """
    if style.condition is not None:
        condition = condition_of(style.condition)
        stops = float(generator("compose.develop").meter(linear, condition, view.kind, coverage))
        return round(stops - view.stops, 4), condition.white_balance
    if style.name == AS_LIT:
        return 0.0, (1.0, 1.0, 1.0)
    return round(math.log2(reference / level(linear)) + style.stops, 4), (1.0, 1.0, 1.0)


def level(linear: Floats) -> float:
    """Log-average luminance of a picture (H, W, 3); pixels far from the median count as less far."""
    light = luminance(np.maximum(linear, 0)).astype(np.float64)
    typical = max(float(np.median(light)), 1e-6)
    return float(np.exp(np.log(np.clip(light, typical / 40, typical * 40)).mean()))


def condition_of(numbers: Numbers) -> Any:
    """The generator's own record of a capture condition."""

    def tuples(value: Any) -> Any:
        return tuple(tuples(v) for v in value) if isinstance(value, list) else value

    return generator("spec.condition").ConditionSpec(**{name: tuples(value) for name, value in numbers.items()})


def _plain(numbers: Numbers) -> Numbers:
    """As JSON has it."""

    def lists(value: Any) -> Any:
        return [lists(v) for v in value] if isinstance(value, tuple) else value

    return {name: lists(value) for name, value in numbers.items()}
