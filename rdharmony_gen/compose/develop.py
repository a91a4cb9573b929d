# SPDX-License-Identifier: GPL-3.0-or-later
"""Expose a scene-linear render as a camera would: metering with the style's aim and jitter, and white balance.

Metering is a log-average (Reinhard et al. 2002) with a guard for highlights. What becomes of exposed light on a display
is the view transform's affair (`compose.view_transform`).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import luminance
from rdharmony_gen.compose.view_transform import ViewTransform, display, scene_grey
from rdharmony_gen.spec.condition import ConditionSpec

RGB = tuple[float, float, float]
_HIGHLIGHT_PERCENTILE, _HIGHLIGHT_LEVEL = 92.0, 0.90
_GUARD_YIELDS = 0.45
_BRIGHT_PERCENTILE = 75.0
_SUBJECT_LEVEL, _NIGHT_LEVEL = 1.8, 3.3
"""Where the brighter parts of a subject should be at night, and those of the picture at most: multiples of the key."""
_LIFT_YIELDS, _LIFT_EV = 0.7, 0.8
"""How much of that is done, and how many stops at most."""
_SUBJECT_HIGHLIGHT, _DROP_EV = 0.72, 1.2
"""Linear display level above which the brighter parts of a subject burn out, and how many stops that may cost."""


def meter(
    image_linear: NDArray[np.floating],
    condition: ConditionSpec,
    view: ViewTransform = "standard",
    coverage: NDArray[np.floating] | None = None,
) -> float:
    """The exposure in stops that a camera would choose.

    Args:
        image_linear: (H, W, 3) scene-linear Rec.709 radiance.
        condition: supplies the exposure key and its jitter.
        view: through which transform the aim is to be met.
        coverage: (H, W) in [0, 1], the subjects' share of each pixel: the camera keeps them from burning out, and
            at night from drowning.
    """
    light = luminance(image_linear * np.asarray(condition.white_balance)).astype(np.float64)
    rows, columns = np.linspace(-1, 1, light.shape[0])[:, None], np.linspace(-1, 1, light.shape[1])[None, :]
    weight = np.exp(-(rows**2 + columns**2) / 1.2)
    typical = max(float(np.percentile(light, 50)), 1e-9)
    # values far from the median say little about the right exposure: a lamp in a night, a black doorway
    bounded = np.clip(light, typical / 40, typical * 40)
    average = float(np.exp((weight * np.log(np.maximum(bounded, 1e-9))).sum() / weight.sum()))
    exposure = np.log2(_scene_level(condition.exposure_key, view) / average)
    bright = max(float(np.percentile(light, _HIGHLIGHT_PERCENTILE)), 1e-9)
    guard = np.log2(_scene_level(_HIGHLIGHT_LEVEL, view) / bright)
    if exposure > guard:  # give in less than half way: a window may burn out, a whole sky should not
        exposure = guard + _GUARD_YIELDS * (exposure - guard)
    if coverage is not None and (subject := coverage >= 0.5).any():
        if condition.key == "moon":
            exposure += _lift_for_subject(light * 2.0**exposure, subject, condition, view)
        bright = max(float(np.percentile(light[subject], _BRIGHT_PERCENTILE)) * 2.0**exposure, 1e-9)
        exposure -= np.clip(np.log2(bright / _scene_level(_SUBJECT_HIGHLIGHT, view)), 0.0, _DROP_EV)
    return float(exposure + condition.exposure_jitter_ev)


def _lift_for_subject(
    exposed: NDArray[np.floating], subject: NDArray[np.bool_], condition: ConditionSpec, view: ViewTransform
) -> float:
    """Stops more for a subject that would be too dark to read; lamps may burn out, but the sky stays that of a night.

    Args:
        exposed: (H, W) exposed luminance.
        subject: (H, W).
        condition: a night.
        view: as of `meter`.
    """

    def below(level: float, light: NDArray[np.floating]) -> float:
        """Stops by which the brighter parts of some light are below a multiple of the key."""
        bright = max(float(np.percentile(light, _BRIGHT_PERCENTILE)), 1e-9)  # a black suit may be black
        return float(np.log2(_scene_level(level * condition.exposure_key, view) / bright))

    return max(0.0, min(_LIFT_YIELDS * below(_SUBJECT_LEVEL, exposed[subject]), below(_NIGHT_LEVEL, exposed), _LIFT_EV))


def expose(
    image_linear: NDArray[np.floating],
    condition: ConditionSpec,
    view: ViewTransform = "standard",
    coverage: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float32], float, RGB]:
    """Scale a render to what reaches the sensor.

    Args:
        image_linear: (H, W, 3) scene-linear Rec.709 radiance, 0 or more.
        condition: supplies the exposure key, its jitter and the white balance.
        view: through which transform the aim is to be met.
        coverage: (H, W) in [0, 1], the subjects' share of each pixel, if the camera is to mind them.

    Returns: (H, W, 3) exposed linear light, unbounded above; the exposure in stops; the white-balance gains.
    """
    exposure_ev = meter(image_linear, condition, view, coverage)
    return expose_by(exposure_ev, image_linear, condition), exposure_ev, condition.white_balance


def expose_by(exposure_ev: float, image_linear: NDArray[np.floating], condition: ConditionSpec) -> NDArray[np.float32]:
    """The same with an exposure that is known, in stops, as for the frames of a clip."""
    exposed = image_linear * (np.asarray(condition.white_balance) * 2.0**exposure_ev)
    return np.maximum(exposed, 0.0).astype(np.float32)


def develop(
    image_linear: NDArray[np.floating],
    condition: ConditionSpec,
    view: ViewTransform = "standard",
    coverage: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float32], float, RGB]:
    """`expose`, then the view transform: (H, W, 3) sRGB in [0, 1], the exposure in stops, the gains."""
    exposed, exposure_ev, gains = expose(image_linear, condition, view, coverage)
    return display(exposed, view), exposure_ev, gains


@functools.cache
def _scene_level(display_linear: float, view: ViewTransform) -> float:
    return scene_grey(display_linear, view)
