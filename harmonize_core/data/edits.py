# SPDX-License-Identifier: Apache-2.0
"""Ways to change the light of a foreground, chosen by name: colour transfer, camera edits, relighting.

A generator draws an edit; an edit maps the linear colours of a foreground's pixels. Names joined by `+` are applied one
after the other. Transfers are what iHarmony4 was made with (Cong et al., "DoveNet", CVPR 2020, section 3: Reinhard et
al. 2001 and histogram matching among them) and MKL (Pitié and Kokaram, CVMP 2007).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import (
    lalphabeta_to_linear,
    linear_to_lalphabeta,
    linear_to_oklab,
    linear_to_srgb,
    luminance,
    oklab_to_linear,
    srgb_to_linear,
)
from harmonize_core.color_transfer import match_covariance, match_histogram, match_statistics, statistics
from harmonize_core.errors import ConfigError

Floats = NDArray[np.float32]

DONOR_PIXELS = 8192
"""Pixels that stand for a foreground when it lends its colours."""

STD_RATIOS = (0.5, 2.0)
"""Smallest and largest factor of a standard deviation: flat foregrounds would blow up noise."""


@dataclass(frozen=True, eq=False)
class Foreground:
    """The pixels of a photograph's foreground."""

    colors: Floats
    """(N, 3) linear RGB."""
    weights: Floats
    """(N,) mask in (0, 1]."""
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    mask: Floats
    """(H, W) the mask they are taken from."""

    @classmethod
    def of(cls, image_srgb: Floats, mask: Floats) -> Foreground:
        """Pixels with mask > 0 of (H, W, 3) sRGB in [0, 1] and (H, W)."""
        rows, columns = np.nonzero(mask > 0)
        return cls(srgb_to_linear(image_srgb[rows, columns]), mask[rows, columns], rows, columns, mask)

    def sample(self) -> Floats:
        """At most DONOR_PIXELS linear colours (M, 3) of pixels with mask >= 0.5, evenly spread."""
        colors = self.colors[self.weights >= 0.5]
        return colors[:: max(1, math.ceil(len(colors) / DONOR_PIXELS))]


TransferMethod = Literal["reinhard", "mkl", "histogram"]


@dataclass(frozen=True)
class Transfer:
    """Colours of another foreground: all of `method` at strength 1."""

    method: TransferMethod
    strength: float

    def apply(self, foreground: Foreground, colors: Floats, donor: Floats) -> Floats:
        encode, decode, match = _TRANSFERS[self.method]
        own = encode(colors)
        moved = own + self.strength * (match(own, encode(donor), foreground.weights) - own)
        return decode(moved.astype(np.float32))


@dataclass(frozen=True)
class Camera:
    """What a camera and a developer would have done otherwise, in this order."""

    exposure_ev: float
    """Stops added in linear light."""
    gains: tuple[float, float, float]
    """White-balance factors of linear R, G, B."""
    gamma: float
    """Exponent on Oklab lightness: below 1 lifts the mid-tones."""
    contrast: float
    """Slope of lightness around the foreground's mean, falling to 1 at black and white: an S-curve above 1."""
    black: float
    """Lightness of black: haze above 0."""
    saturation: float
    """Factor on Oklab a and b."""
    shadow_tint: tuple[float, float]
    """Oklab a and b added to black, fading to none at white."""
    highlight_tint: tuple[float, float]
    """Oklab a and b added to white, fading to none at black."""

    def apply(self, foreground: Foreground, colors: Floats, donor: Floats) -> Floats:
        linear = np.maximum(colors, 0) * np.float32(2.0**self.exposure_ev) * np.array(self.gains, np.float32)
        lab = linear_to_oklab(linear)
        lightness = np.maximum(lab[:, 0], 0) ** self.gamma
        pivot = _pivot(lightness, foreground.weights)
        reach = np.where(lightness < pivot, pivot, max(1 - pivot, 1e-3))
        distance = np.clip((lightness - pivot) / reach, -1, 1)
        lightness += (self.contrast - 1) * reach * distance * (1 - distance**2)
        lab[:, 0] = self.black + (1 - self.black) * lightness
        lab[:, 1:] *= self.saturation
        high = np.clip(lightness, 0, 1)[:, None]
        lab[:, 1:] += (1 - high) * np.array(self.shadow_tint) + high * np.array(self.highlight_tint)
        return oklab_to_linear(lab)


@dataclass(frozen=True)
class Relight:
    """Light from one side, as a smooth factor over the foreground whose mean is 1.

    Normals are those of a cushion blown up from the silhouette (Johnston, "Lumo: Illumination for Cel Animation", NPAR
    2002), and a ramp across the foreground is added, since light also falls off.
    """

    angle: float
    """Where the light comes from in the picture, radians; 0 is right, pi / 2 up."""
    height: float
    """Sine of the light's elevation towards the camera, 0..1."""
    stops: float
    """Between the lit and the dark side."""
    warmth: float
    """Natural logarithm of red over blue on the lit side, the opposite on the dark side."""

    def apply(self, foreground: Foreground, colors: Floats, donor: Floats) -> Floats:
        shade = shade_of(foreground, self.angle, self.height)
        factor = self.factor(shade[foreground.rows, foreground.columns])
        return (colors * (factor / self.mean_of(factor, foreground.weights))).astype(np.float32)

    def factor(self, shade: NDArray[np.floating]) -> NDArray[np.float64]:
        """What the light at some pixels (N,), -0.5 to 0.5, multiplies their colours by, (N, 3)."""
        return np.exp2(self.stops * shade)[:, None] * np.exp(shade[:, None] * self.warmth * np.array([0.5, 0, -0.5]))

    def mean_of(self, factor: NDArray[np.floating], weights: Floats | None = None) -> float:
        """Mean luminance of factors (N, 3), by which they are divided."""
        return float(np.average(luminance(factor), weights=weights))


def pivot_of(camera: Camera, colors: Floats, weights: Floats) -> float:
    """The lightness around which a camera's contrast turns, for linear colours (N, 3) with weights (N,)."""
    exposed = np.maximum(colors, 0) * np.float32(2.0**camera.exposure_ev) * np.array(camera.gains, np.float32)
    return _pivot(np.maximum(linear_to_oklab(exposed)[:, 0], 0) ** camera.gamma, weights)


def _pivot(lightness: NDArray[np.floating], weights: Floats) -> float:
    return float(np.clip(np.average(lightness, weights=weights), 0.2, 0.8))


Edit = Transfer | Camera | Relight
Draw = Callable[[np.random.Generator], Edit]


def draw_edits(generator: str, rng: np.random.Generator) -> tuple[Edit, ...]:
    """The edits of one composite for a generator's name, e.g. `camera` or `transfer+camera`."""
    return tuple(_DRAWS[name](rng) for name in generator.split("+"))


def apply_edits(edits: tuple[Edit, ...], foreground: Foreground, donor: Floats) -> Floats:
    """The foreground's new colours (N, 3), linear, unclipped; `donor` holds linear colours (M, 3)."""
    colors = foreground.colors
    for edit in edits:
        colors = edit.apply(foreground, colors, donor)
    return colors


def check_generators(names: tuple[str, ...], option: str = "--generators") -> None:
    """Refuse an empty list and unknown names of an option.

    Raises:
        ConfigError: says which names there are.
    """
    unknown = [part for name in names for part in name.split("+") if part not in _DRAWS]
    if unknown or not names:
        found = repr(unknown[0]) if unknown else "none"
        raise ConfigError(f"{option} should name some of {', '.join(_DRAWS)}, joined by + or not, but got {found}")


def record(edit: Edit) -> dict:
    """An edit as JSON-ready values rounded to what can be seen."""
    values = {
        k: [round(v, 5) for v in value] if isinstance(value, tuple) else value for k, value in asdict(edit).items()
    }
    return {"edit": type(edit).__name__.lower()} | {
        k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()
    }


def shade_of(foreground: Foreground, angle: float, height: float) -> NDArray[np.float64]:
    """How much light each place of the mask gets, (H, W), from -0.5 (dark side) to 0.5 (lit side)."""
    solid = np.pad((foreground.mask >= 0.5).astype(np.uint8), 1)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 5)[1:-1, 1:-1]
    radius = max(float(depth.max()), 1.0)
    rise = np.sqrt(np.clip(1 - (1 - np.minimum(depth / radius, 1)) ** 2, 0, None)) * radius
    rise = cv2.GaussianBlur(rise, (0, 0), max(0.12 * radius, 0.8))
    down, across = np.gradient(rise)
    toward = np.array([math.cos(angle), -math.sin(angle)]) * math.sqrt(1 - height**2)
    lambert = (-across * toward[0] - down * toward[1] + height) / np.sqrt(1 + across**2 + down**2)
    rows, columns = np.indices(foreground.mask.shape, sparse=True)
    place = columns * toward[0] + rows * toward[1]
    return 0.6 * _centred(lambert.astype(np.float64), foreground) + 0.4 * _centred(place, foreground)


def _centred(values: NDArray[np.float64], foreground: Foreground) -> NDArray[np.float64]:
    """Values (H, W) moved and scaled to -0.5..0.5 between their 2nd and 98th percentile in the foreground."""
    low, high = np.percentile(values[foreground.rows, foreground.columns], [2, 98])
    return np.clip((values - (low + high) / 2) / max(high - low, 1e-6), -0.5, 0.5)


def _reinhard(own: Floats, donor: Floats, weights: Floats) -> NDArray[np.float64]:
    return match_statistics(own, statistics(own, weights), statistics(donor), ratio_limits=STD_RATIOS)


def _histogram(own: Floats, donor: Floats, weights: Floats) -> NDArray[np.float64]:
    return np.stack([match_histogram(own[:, c], donor[:, c], weights) for c in range(3)], axis=1)


_TRANSFERS: dict[TransferMethod, tuple[Callable, Callable, Callable]] = {
    "reinhard": (linear_to_lalphabeta, lalphabeta_to_linear, _reinhard),
    "mkl": (linear_to_srgb, srgb_to_linear, match_covariance),
    "histogram": (linear_to_srgb, srgb_to_linear, _histogram),
}


def _draw_transfer(rng: np.random.Generator) -> Edit:
    return _transfer(("reinhard", "mkl", "histogram")[int(rng.integers(3))])(rng)


def _transfer(method: TransferMethod) -> Draw:
    return lambda rng: Transfer(method, float(rng.uniform(0.35, 1.0)))


def _draw_camera(rng: np.random.Generator) -> Camera:
    warm, tint = rng.normal(0, 0.14), rng.normal(0, 0.04)
    return Camera(
        exposure_ev=float(np.clip(rng.normal(0, 0.6), -1.5, 1.5)),
        gains=(math.exp(warm), math.exp(tint), math.exp(-warm)),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        contrast=float(np.clip(np.exp(rng.normal(0, 0.25)), 0.6, 1.5)),  # above 1.5 the curve would fall
        black=float(max(0.0, rng.normal(-0.02, 0.05))),
        saturation=float(np.exp(rng.normal(0, 0.2))),
        shadow_tint=_tint(rng),
        highlight_tint=_tint(rng),
    )


def _tint(rng: np.random.Generator) -> tuple[float, float]:
    a, b = rng.normal(0, 0.008, 2)
    return float(a), float(b)


def _draw_relight(rng: np.random.Generator) -> Relight:
    return Relight(
        angle=float(rng.uniform(0, 2 * math.pi)),
        height=float(rng.uniform(0.1, 0.7)),
        stops=float(rng.uniform(0.8, 2.4)),
        warmth=float(np.clip(rng.normal(0, 0.25), -0.6, 0.6)),
    )


_DRAWS: dict[str, Draw] = {
    "transfer": _draw_transfer,
    "reinhard": _transfer("reinhard"),
    "mkl": _transfer("mkl"),
    "histogram": _transfer("histogram"),
    "camera": _draw_camera,
    "relight": _draw_relight,
}

ORDER = {name: {"camera": 1, "relight": 2}.get(name, 0) for name in _DRAWS}
"""Where a part of a name stands in a sample that is made while training: transfers, then cameras, then light."""
