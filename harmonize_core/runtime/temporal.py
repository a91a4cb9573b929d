# SPDX-License-Identifier: Apache-2.0
"""Looks and colour transforms of consecutive frames, made steady over time in their own numbers; NumPy alone.

What is smoothed is what each kind of transform holds: stops, logarithms and linear offsets of a `Look`, coefficients of
a `ColorTransform`; what is local goes with the foreground, by the centroid of its mask. Where the light changes at once
(a lamp is switched on) and which frames lie outside is found on what the transforms make of a few colours, in units of
sRGB, so that it means the same for both.

`smooth` looks at a finished shot: a kernel regression with a gaussian, of first order (Cleveland, "Robust Locally
Weighted Regression and Smoothing Scatterplots", JASA 1979; Fan and Gijbels, "Local Polynomial Modelling and Its
Applications", 1996), which never reaches over a step and leaves outliers out. Inside a shot that is a centred gaussian,
without lag; at its ends and at steps slow changes keep most of their slope. `lock` gives one transform for all of a
shot. For frames as they come there is `harmonize_core/runtime/follower.py`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Floats = NDArray[np.float32]

Arrays = TypeVar("Arrays", bound="DataclassInstance")
"""A dataclass of arrays."""


class Appliable(Protocol):
    """What `ColorTransform` and `look.Look` share: single pixels can be changed."""

    def apply_to(
        self, colors_srgb: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], size_hw: tuple[int, int]
    ) -> Floats:
        """Change pixels (N, 3) at positions of a picture of a size."""
        ...


Kind = TypeVar("Kind", bound=Appliable)

VISIBLE = 3 / 255
"""Root mean square in sRGB of a change that can be a step or an outlier; smaller ones are smoothed like noise."""

SEEN = 1 / 255
"""The same of the means of foreground and background, when the light of a picture changes."""

CLEAR = 4.0
"""How many times larger than what changes from frame to frame anyway a step or an outlier is."""

SUDDEN = 0.6
"""Share of a step that is seen between two frames before and two from it on; slower changes are slopes."""

REACH, NEAR, LASTS = 8, 2, 4
"""Frames before and after that a step is seen from: all of it, how sudden it is, and the fewest on each side."""

FEWEST = 8
"""Frames in which slopes and steps can be told apart."""

MEDIAN = 5
"""Frames of the running median that outliers are told by: up to two in a row."""

RADIUS = 3.5
"""Standard deviations at which the kernel ends."""

RIDGE = 0.3
"""How far slopes at the ends of a shot are drawn to 0, in units of the kernel's variance: few frames are noisy."""

_COLORS = np.array(  # greys, skin, sky, leaf
    [[0.15] * 3, [0.4] * 3, [0.7] * 3, [0.62, 0.38, 0.28], [0.25, 0.42, 0.62], [0.3, 0.5, 0.22]], dtype=np.float32
)
_LOCAL = {"map": (1, 2), "coefficients": (0, 1)}
"""Arrays over the frame, with their axes of rows and columns."""

_LIGHT_SIDE = 128
"""Rows and columns that means are taken of, about."""

_SIDE = 96
_PLACES = np.array([16, 48, 80], dtype=np.intp)


@dataclass(frozen=True)
class Shares:
    """Of which frames, and how much of each, the smoothed transform of one frame is made."""

    start: int
    """The first frame."""
    weights: NDArray[np.float64]
    """(m,) of this frame and the following; they sum to 1."""


@dataclass(frozen=True)
class Steadying:
    """What `steady` decided for the frames of one shot."""

    shares: tuple[Shares, ...]
    """For each frame."""
    steps: tuple[int, ...]
    """Frames at which the light is another than before."""
    outliers: tuple[int, ...]
    """Frames that do not count."""


def probe(transform: Appliable) -> Floats:
    """What a transform makes of six colours at nine places of the picture: (162,) sRGB."""
    rows, columns = (axis.ravel() for axis in np.meshgrid(_PLACES, _PLACES, indexing="ij"))
    many = len(_COLORS)
    colors = np.tile(_COLORS, (len(rows), 1))
    return transform.apply_to(colors, np.repeat(rows, many), np.repeat(columns, many), (_SIDE, _SIDE)).ravel()


def smooth(
    transforms: Sequence[Kind],
    sigma_frames: float,
    times: Sequence[float] | None = None,
    centres: NDArray[np.floating] | None = None,
    lights: NDArray[np.floating] | None = None,
) -> list[Kind]:
    """Make the transforms of one shot steady: no flicker, no lag, and steps of the light stay steps.

    Args:
        transforms: one per frame, in order, all of one kind and size.
        sigma_frames: standard deviation of the gaussian in frames; 0 returns the transforms unchanged.
        times: number of each frame, increasing, where some are missing; None: none is.
        centres: (n, 2) where the foreground is, as `centre_of`: what is local goes with it; None: it stands still.
        lights: (n, 6) of each picture, as `light_of`: a step is kept only where it is seen there, too. None: a network
            that changes its mind at once cannot be told from a lamp.
    """
    if sigma_frames <= 0 or len(transforms) < 2:
        return list(transforms)
    decided = steady(np.stack([probe(t) for t in transforms]), sigma_frames, times, lights)
    found = []
    for i, share in enumerate(decided.shares):
        of = slice(share.start, share.start + len(share.weights))
        parts = transforms[of]
        if centres is not None:
            parts = [moved(part, centres[i] - centre) for part, centre in zip(parts, centres[of], strict=True)]
        found.append(mixed(parts, share.weights))
    return found


def lock(transforms: Sequence[Kind]) -> Kind:
    """One transform for all frames of a shot: a mean in which frames far from most others count little.

    Args:
        transforms: at least one, all of one kind and size.
    """
    return mixed(transforms, locked_weights(np.stack([probe(t) for t in transforms])))


def centre_of(mask: NDArray[np.floating]) -> NDArray[np.float64]:
    """The centroid (2,) of a mask (H, W) that is not empty: row and column, in heights and widths of the frame."""
    height, width = mask.shape
    rows, columns = mask.sum(axis=1, dtype=np.float64), mask.sum(axis=0, dtype=np.float64)
    total = rows.sum()
    return np.array([rows @ (np.arange(height) + 0.5) / height, columns @ (np.arange(width) + 0.5) / width]) / total


def light_of(picture: NDArray[np.floating], mask: NDArray[np.floating]) -> Floats:
    """What tells a change of the light from one of the network's mind: mean sRGB of foreground and background, (6,).

    Args:
        picture: (H, W, 3) sRGB.
        mask: (H, W) in [0, 1].
    """
    thin = np.s_[:: max(1, mask.shape[0] // _LIGHT_SIDE), :: max(1, mask.shape[1] // _LIGHT_SIDE)]
    colors, share = np.clip(picture[thin], 0, 1).reshape(-1, 3), mask[thin].reshape(-1)
    means = [weight @ colors / max(float(weight.sum()), 1e-6) for weight in (share, 1 - share)]
    return np.concatenate(means).astype(np.float32)


def moved(transform: Kind, shift: NDArray[np.floating]) -> Kind:
    """A transform whose local part (the map of a `Look`, the cells of a `ColorTransform`) goes with what it is of.

    Args:
        transform: what to move; others have no local part and stay.
        shift: (2,) down and to the right, in heights and widths of the frame; cells at the edge are repeated.
    """
    for name, axes in _LOCAL.items():
        values = getattr(transform, name, None)
        if values is not None:
            for axis, by in zip(axes, shift, strict=True):
                values = _shifted(values, axis, float(by) * values.shape[axis])
            return dataclasses.replace(transform, **{name: values})  # ty: ignore[invalid-argument-type]
    return transform


def mixed(transforms: Sequence[Kind], weights: NDArray[np.floating]) -> Kind:
    """The weighted sum of transforms of one kind, in their own numbers; weights (n,) should sum to 1."""
    first = transforms[0]
    return type(first)(**_summed(transforms, weights[None], [f.name for f in dataclasses.fields(first)])[0])  # ty: ignore[invalid-argument-type]


def steady(
    probes: NDArray[np.floating],
    sigma_frames: float,
    times: Sequence[float] | NDArray[np.floating] | None = None,
    lights: NDArray[np.floating] | None = None,
    *,
    every: bool = False,
) -> Steadying:
    """What `smooth` does with one shot, from the probes of its frames alone, so that long shots need little memory.

    Args:
        probes: (n, k) of `probe`, one row a frame, in order.
        sigma_frames: as `smooth`.
        times: as `smooth`.
        lights: as `smooth`.
        every: no frame is left out and no step kept: a plain smoothing.
    """
    count = len(probes)
    if sigma_frames <= 0:
        return Steadying(tuple(Shares(i, np.ones(1)) for i in range(count)), (), ())
    at = np.arange(count, dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
    found = () if every else steps(probes, lights)
    counts = np.ones(count, dtype=bool)
    shares: list[Shares] = []
    for start, stop in zip((0, *found), (*found, count), strict=True):
        if not every:
            counts[start:stop] = ~_outliers(probes[start:stop])
        shares += [_shares(at, counts, i, start, stop, sigma_frames) for i in range(start, stop)]
    return Steadying(tuple(shares), tuple(found), tuple(int(i) for i in np.flatnonzero(~counts)))


def steps(probes: NDArray[np.floating], lights: NDArray[np.floating] | None = None) -> tuple[int, ...]:
    """The frames of one shot at which the light is another than before, from probes (n, k); fades and noise are none.

    A step is visible, far above what changes from frame to frame, lasts, and most of it happens at once; and in the
    pictures, of which `lights` (n, 6) are the `light_of`, something happens at once, too.
    """
    count = len(probes)
    if count < FEWEST:
        return ()
    usual = float(np.median(size_of(np.diff(probes, axis=0)))) / math.sqrt(2)
    jumps = np.zeros(count)
    for i in range(LASTS, count - LASTS + 1):
        far = _between(probes, i, REACH)
        sudden = far >= max(VISIBLE, CLEAR * usual) and _between(probes, i, NEAR) >= SUDDEN * far
        if sudden and (lights is None or _is_lit_anew(lights, i)):
            jumps[i] = far * (1 + size_of(probes[i] - probes[i - 1]))  # of neighbours, that where most happens at once
    found: list[int] = []
    while jumps.max() > 0:
        at = int(jumps.argmax())
        found.append(at)
        jumps[max(0, at - LASTS) : at + LASTS + 1] = 0
    return tuple(sorted(found))


def locked_weights(probes: NDArray[np.floating]) -> NDArray[np.float64]:
    """The share (n,) of each frame in the one transform of a shot, from probes (n, k); they sum to 1.

    Weights of Welsch at twice the median distance from the current mean, from the median on, ten rounds (Holland and
    Welsch, "Robust Regression Using Iteratively Reweighted Least-Squares", 1977).
    """
    centre = np.median(probes, axis=0)
    weights = np.full(len(probes), 1 / len(probes))
    for _ in range(10):
        distance = size_of(probes - centre)
        scale = max(2 * float(np.median(distance)), VISIBLE / 10)
        weights = np.exp(-0.5 * (distance / scale) ** 2)
        weights /= weights.sum()
        centre = weights @ probes
    return weights


def smooth_over_time(transforms: Sequence[Arrays], sigma_frames: float) -> list[Arrays]:
    """Smooth any arrays of consecutive frames with a centred gaussian; `smooth` is for shots, and minds their steps.

    Args:
        transforms: one per frame, in order, all of one kind (`ColorTransform`, `look.Look`) and size.
        sigma_frames: standard deviation in frames; 0 returns the transforms unchanged. Frames near the ends use the
            neighbours there are.
    """
    if sigma_frames <= 0 or len(transforms) < 2:
        return list(transforms)
    distance = np.subtract.outer(np.arange(len(transforms)), np.arange(len(transforms)))
    weights = np.exp(-0.5 * (distance / sigma_frames) ** 2)
    weights[np.abs(distance) > 4 * sigma_frames + 1] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    kind, names = type(transforms[0]), [field.name for field in dataclasses.fields(transforms[0])]
    return [kind(**arrays) for arrays in _summed(transforms, weights, names)]


def _shifted(values: Floats, axis: int, cells: float) -> Floats:
    """Values moved along an axis by a number of cells, between two of them by both."""
    count = values.shape[axis]
    if cells == 0 or count == 1:
        return values
    source = np.clip(np.arange(count) - cells, 0, count - 1)
    low = np.floor(source).astype(np.intp)
    share = (source - low).astype(np.float32).reshape(-1, *(1,) * (values.ndim - 1 - axis))
    near, far = values.take(low, axis), values.take(np.minimum(low + 1, count - 1), axis)
    return near + share * (far - near)


def _summed(
    transforms: Sequence[object], weights: NDArray[np.floating], names: Sequence[str]
) -> list[dict[str, Floats]]:
    """For each row of weights (m, n) the weighted sums of the arrays of n transforms."""
    sums = {
        name: np.tensordot(weights, np.stack([getattr(t, name) for t in transforms]), axes=(1, 0)).astype(np.float32)
        for name in names
    }
    return [{name: sums[name][i] for name in names} for i in range(len(weights))]


def _shares(at: NDArray[np.float64], counts: NDArray[np.bool_], i: int, start: int, stop: int, sigma: float) -> Shares:
    near = np.flatnonzero(np.abs(at[start:stop] - at[i]) <= RADIUS * sigma + 1) + start
    low, high = int(near[0]), int(near[-1]) + 1
    distance = (at[low:high] - at[i]) / sigma
    weights = np.exp(-0.5 * distance**2) * counts[low:high]
    if not weights.any():
        return Shares(i, np.ones(1))
    weights /= weights.sum()
    first, second = float(weights @ distance), float(weights @ distance**2)
    spread = second - first**2 + RIDGE
    weights *= 1 - first * (distance - first) / spread
    return Shares(low, weights)


def _outliers(probes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which frames (n,) of a stretch without steps lie far from the median of those around them."""
    count, half = len(probes), MEDIAN // 2
    if count < MEDIAN:
        return np.zeros(count, dtype=bool)
    inner = np.stack([np.median(probes[i : i + MEDIAN], axis=0) for i in range(count - MEDIAN + 1)])
    if len(inner) <= half:
        usual = np.concatenate([inner[:1]] * half + [inner] + [inner[-1:]] * half)
    else:  # at the ends a slope goes on
        away = np.arange(half, 0, -1)[:, None] / half
        first = inner[0] - away * (inner[half] - inner[0])
        last = inner[-1] - away[::-1] * (inner[-1 - half] - inner[-1])
        usual = np.concatenate([first, inner, last])
    distance = size_of(probes - usual)
    usual_change = float(np.median(size_of(np.diff(probes, axis=0))))
    return distance > max(VISIBLE, CLEAR * float(np.median(distance)), CLEAR / 2 * usual_change)


def _is_lit_anew(lights: NDArray[np.floating], i: int) -> bool:
    """Whether the means of the pictures jump at frame i, give or take one."""
    usual = float(np.median(size_of(np.diff(lights, axis=0)))) / math.sqrt(2)
    return any(_between(lights, j, NEAR) >= max(SEEN, CLEAR * usual) for j in range(i - 1, i + 2))


def _between(probes: NDArray[np.floating], i: int, reach: int) -> float:
    """How far apart the medians of the frames before i and from i on are."""
    before, after = np.median(probes[max(0, i - reach) : i], axis=0), np.median(probes[i : i + reach], axis=0)
    return float(size_of(after - before))


def size_of(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Root mean square of the last axis."""
    return np.sqrt(np.mean(np.square(values, dtype=np.float64), axis=-1))
