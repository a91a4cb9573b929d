# SPDX-License-Identifier: GPL-3.0-or-later
"""What the capture conditions of a view have in common, so that light is rendered once and weighed many times.

Light adds up, and a light of one colour may be dimmed and tinted after rendering: its picture times a gain for each
channel is exact. So a view needs one render for each *direction* of the key light, not for each condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rdharmony_gen.spec.condition import RGB, ConditionSpec

Gain = tuple[float, float, float]


@dataclass(frozen=True)
class Sun:
    """A directional light, as bright in each channel as the brightest condition that it serves.

    Attributes:
        elevation_deg: height over the horizon.
        azimuth_deg: compass direction.
        angle_deg: apparent diameter.
        irradiance: on a surface facing it.
    """

    elevation_deg: float
    azimuth_deg: float
    angle_deg: float
    irradiance: RGB


@dataclass(frozen=True)
class LampState:
    """Lit lamps: what cannot be changed after rendering, and the highest level asked for.

    Attributes:
        lit_windows: fraction of windows that are lit.
        temperature_k: colour temperature of the lamps.
        colours: of the lamps in turn, where a style has such.
        level: 0 to 1; power goes with its square.
    """

    lit_windows: float
    temperature_k: float
    colours: tuple[RGB, ...]
    level: float


@dataclass(frozen=True)
class SharedLight:
    """The lights of a view, each once."""

    suns: tuple[Sun, ...]
    lamps: tuple[LampState, ...]

    def sun_of(self, condition: ConditionSpec) -> tuple[int, Gain] | None:
        """Which sun serves a condition, and how strongly; None without a key light."""
        if not max(condition.key_irradiance) > 0:
            return None
        number = next(i for i, sun in enumerate(self.suns) if _direction(sun) == _key(condition))
        gain = [k / max(s, 1e-12) for k, s in zip(condition.key_irradiance, self.suns[number].irradiance, strict=True)]
        return number, (gain[0], gain[1], gain[2])

    def lamps_of(self, condition: ConditionSpec) -> tuple[int, float] | None:
        """Which lamp state serves a condition, and how strongly; None with the lamps off."""
        if not condition.lamps > 0:
            return None
        number = next(i for i, state in enumerate(self.lamps) if _kind(state) == _lamps(condition))
        return number, (condition.lamps / self.lamps[number].level) ** 2


def _key(condition: ConditionSpec) -> tuple[float, float, float]:
    return condition.elevation_deg, condition.azimuth_deg, condition.key_angle_deg


def _direction(sun: Sun) -> tuple[float, float, float]:
    return sun.elevation_deg, sun.azimuth_deg, sun.angle_deg


def _lamps(condition: ConditionSpec) -> tuple[float, float, tuple[RGB, ...]]:
    return condition.lit_windows, condition.lamp_temperature_k, condition.lamp_colours


def _kind(state: LampState) -> tuple[float, float, tuple[RGB, ...]]:
    return state.lit_windows, state.temperature_k, state.colours


def shared_light(conditions: Sequence[ConditionSpec]) -> SharedLight:
    """The lights that conditions need; the same for any order of the conditions."""
    suns: dict[tuple[float, float, float], np.ndarray] = {}
    lamps: dict[tuple[float, float, tuple[RGB, ...]], float] = {}
    for condition in conditions:
        if max(condition.key_irradiance) > 0:
            known = suns.get(_key(condition), np.zeros(3))
            suns[_key(condition)] = np.maximum(known, condition.key_irradiance)
        if condition.lamps > 0:
            lamps[_lamps(condition)] = max(lamps.get(_lamps(condition), 0.0), condition.lamps)
    return SharedLight(
        tuple(Sun(*key, (float(c[0]), float(c[1]), float(c[2]))) for key, c in sorted(suns.items())),
        tuple(LampState(*kind, level) for kind, level in sorted(lamps.items())),
    )
