# SPDX-License-Identifier: Apache-2.0
"""Colour spaces on numpy arrays whose last axis is RGB: sRGB transfer function, luminance, Oklab, CIELAB, l-alpha-beta.

Sources: IEC 61966-2-1 (sRGB), ITU-R BT.709 (luminance), B. Ottosson, "A perceptual color space for image processing"
(2020, Oklab), CIE 15 (CIELAB), Reinhard et al. 2001 (l-alpha-beta). Functions accept any float array and return
float32; the transfer functions are odd and unbounded, so scene-linear values above 1 and small negative filter
overshoots survive a round trip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

REC709_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Weights of linear R, G, B in relative luminance (BT.709 primaries, D65)."""

OKLAB_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def srgb_to_linear(rgb: NDArray[np.floating]) -> Floats:
    """Decode display-referred sRGB (1.0 = white) to linear light, element by element."""
    return _by_blocks(decode, rgb)


def linear_to_srgb(rgb_linear: NDArray[np.floating]) -> Floats:
    """Encode linear light to display-referred sRGB (1.0 = white), element by element; nothing is clipped."""
    return _by_blocks(encode, rgb_linear)


BLOCK = 1 << 15
"""Values that are worked on at a time, so that they stay in a core's second-level cache."""


def constant_row(value: float, length: int = BLOCK) -> Floats:
    """A number as often as a row has values: `np.maximum` of two arrays is six times as fast as of an array and one."""
    row = np.full(length, value, dtype=np.float32)
    row.flags.writeable = False
    return row


def decode(encoded: Floats, light: Floats) -> None:
    """sRGB not below 0 into an array for its linear light, without any other memory; `encoded` is used up.

    Args:
        encoded: (..., N), N up to `BLOCK`.
        light: of the same shape; what was in it is lost.
    """
    knee = _KNEE[: encoded.shape[-1]]
    _curved_light(np.maximum(encoded, knee, out=light))
    light -= _LIGHT_AT_KNEE
    np.minimum(encoded, knee, out=encoded)
    encoded *= np.float32(1 / 12.92)
    light += encoded


def _curved_light(encoded: Floats) -> Floats:
    """Above the straight part, in place."""
    encoded += np.float32(0.055)
    encoded *= np.float32(1 / 1.055)
    return power(encoded, 2.4)


def encode(light: Floats, encoded: Floats) -> None:
    """The other way round, as `decode`; `light` is used up."""
    knee = _KNEE_LIGHT[: light.shape[-1]]
    _curved_code(np.maximum(light, knee, out=encoded))
    encoded -= _CODE_AT_KNEE
    np.minimum(light, knee, out=light)
    light *= np.float32(12.92)
    encoded += light


def _curved_code(light: Floats) -> Floats:
    """Above the straight part, in place; 0.055 less is the sRGB value."""
    power(light, 1 / 2.4)
    light *= np.float32(1.055)
    return light


def power(values: Floats, exponent: float | Floats) -> Floats:
    """values^exponent in place, above 0: through logarithms, which NumPy has vector code for on more machines."""
    np.log(values, out=values)
    values *= np.asarray(exponent, dtype=np.float32)
    return np.exp(values, out=values)


def _by_blocks(curve: Callable[[Floats, Floats], None], values: NDArray[np.floating]) -> Floats:
    """A curve for values not below 0, continued as an odd function."""
    values = np.asarray(values, dtype=np.float32)
    result = np.empty(values.shape, dtype=np.float32)
    source, target = values.reshape(-1), result.reshape(-1)
    spare = np.empty(min(source.size, BLOCK), dtype=np.float32)
    for start in range(0, source.size, BLOCK):
        part, into = source[start : start + BLOCK], target[start : start + BLOCK]
        curve(np.abs(part, out=spare[: part.size]), into)
        if not part.min() >= 0:  # or not a number
            np.copysign(into, part, out=into)
    return result


_KNEE, _KNEE_LIGHT = constant_row(0.04045), constant_row(0.0031308)
"""Where the straight part of the curve ends, encoded and in linear light."""

_LIGHT_AT_KNEE, _CODE_AT_KNEE = _curved_light(_KNEE[:16].copy())[0], _curved_code(_KNEE_LIGHT[:16].copy())[0]
"""What the curved parts begin with; taken off, black stays 0."""


def luminance(rgb_linear: NDArray[np.floating]) -> Floats:
    """Relative luminance (..., ) of linear RGB (..., 3)."""
    return np.asarray(rgb_linear, dtype=np.float32) @ REC709_LUMINANCE


def linear_to_oklab(rgb_linear: NDArray[np.floating]) -> Floats:
    """Linear RGB (..., 3) to Oklab (..., 3): lightness in [0, 1] for displayable colours, a and b around 0."""
    lms = np.asarray(rgb_linear, dtype=np.float64) @ OKLAB_LMS.T
    return (np.cbrt(lms) @ OKLAB_LAB.T).astype(np.float32)


def oklab_to_linear(lab: NDArray[np.floating]) -> Floats:
    """Oklab (..., 3) back to linear RGB (..., 3); colours outside the gamut come out below 0 or above 1."""
    lms = (np.asarray(lab, dtype=np.float64) @ np.linalg.inv(OKLAB_LAB).T) ** 3
    return (lms @ np.linalg.inv(OKLAB_LMS).T).astype(np.float32)


_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Linear RGB (BT.709 primaries, D65) to CIE XYZ."""
_XYZ_WHITE = _XYZ.sum(axis=1)
_CIELAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_CIELAB_OFFSET = np.array([16.0, 0.0, 0.0])
_CIELAB_KNEE = 6 / 29


def linear_to_cielab(rgb_linear: NDArray[np.floating]) -> Floats:
    """Linear RGB (..., 3) to CIELAB (..., 3), white D65: L* in [0, 100] for displayable colours, a* and b* around 0."""
    xyz = np.asarray(rgb_linear, dtype=np.float64) @ _XYZ.T / _XYZ_WHITE
    f = np.where(xyz > _CIELAB_KNEE**3, np.cbrt(xyz), xyz / (3 * _CIELAB_KNEE**2) + 4 / 29)
    return (f @ _CIELAB.T - _CIELAB_OFFSET).astype(np.float32)


def cielab_to_linear(lab: NDArray[np.floating]) -> Floats:
    """CIELAB (..., 3) back to linear RGB (..., 3); colours outside the gamut come out below 0 or above 1."""
    f = (np.asarray(lab, dtype=np.float64) + _CIELAB_OFFSET) @ np.linalg.inv(_CIELAB).T
    xyz = np.where(f > _CIELAB_KNEE, f**3, 3 * _CIELAB_KNEE**2 * (f - 4 / 29)) * _XYZ_WHITE
    return (xyz @ np.linalg.inv(_XYZ).T).astype(np.float32)


RUDERMAN_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
RUDERMAN_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
DARKEST_CONE = 5e-4
"""Cone responses below this count as this much in l-alpha-beta: the logarithm of noise would rule the statistics."""


def linear_to_lalphabeta(rgb_linear: NDArray[np.floating]) -> Floats:
    """Linear RGB (..., 3) to the decorrelated logarithmic space of Ruderman et al. (..., 3).

    Reinhard et al., "Color Transfer between Images" (IEEE CG&A 2001), equations 4 to 6, for linear BT.709 primaries.
    Changed: cone responses are at least DARKEST_CONE.
    """
    cones = np.asarray(rgb_linear, dtype=np.float64) @ RUDERMAN_LMS.T
    return (np.log10(np.maximum(cones, DARKEST_CONE)) @ RUDERMAN_LAB.T).astype(np.float32)


def lalphabeta_to_linear(lab: NDArray[np.floating]) -> Floats:
    """l-alpha-beta (..., 3) back to linear RGB (..., 3); colours outside the gamut come out below 0 or above 1."""
    cones = 10.0 ** (np.asarray(lab, dtype=np.float64) @ np.linalg.inv(RUDERMAN_LAB).T)
    return (cones @ np.linalg.inv(RUDERMAN_LMS).T).astype(np.float32)
