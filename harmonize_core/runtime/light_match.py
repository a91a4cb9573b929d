# SPDX-License-Identifier: Apache-2.0
"""How strong and what colour the lights of a scene should be, so that its characters fit the picture behind them.

Light adds up, channel by channel: a character under several lights is the sum of what it is under each alone, each
times a gain. A network says what the character should look like (its look, applied); gains that come nearest to this
are a least squares problem in the renders of single lights (Marschner and Greenberg, "Inverse Lighting for
Photography", IS&T/SID Color Imaging Conference 1997). As the relit character is a sum of the same renders, too, the
network is asked about it again, without rendering. Directions of lights are the artist's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import REC709_LUMINANCE, linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.temporal import smooth_over_time
from harmonize_core.runtime.transform import ColorTransform, MaskEmpty

Floats = NDArray[np.float32]
Gains = NDArray[np.float64]
"""(n, 3): what the light of each of n groups is multiplied by, in linear Rec.709."""

Estimate = Callable[[Floats, Floats], Look | ColorTransform]
"""As `LookHarmonizer.estimate`: from a composite (H, W, 3) sRGB and the mask (H, W) of its foreground."""

ROUNDS = 3
"""How often the network is asked about a frame. Five times comes no nearer to the truth on the whole (45 pairs of known
truth: 41 % of the fMSE removed against 40 %, by a part-trained network), and further away where it is wrong."""

RIDGE = 0.003
"""How strongly all lights prefer to change alike, as a share of the light there is: decides what pixels cannot."""

EXTREMES = (2.0**-8, 2.0**8)
"""Smallest and largest gain: no light is put out for good."""

_SOLID = 0.5
"""Coverage from which a pixel shows the character's own colour well enough."""

_DARK, _BRIGHT = 0.02, 4.0
"""Linear light below which errors are not weighed more, and above which a wish is not followed."""


@dataclass(frozen=True)
class Tone:
    """What a view transform makes of grey, between scene-linear light and linear light on the display."""

    scene: NDArray[np.float64]
    """(k,) above 0, increasing."""
    display: NDArray[np.float64]
    """(k,) what is shown of it, above 0, increasing."""

    @classmethod
    def of(cls, scene: NDArray[np.floating], display: NDArray[np.floating]) -> Tone:
        """From measured greys, where those that are shown as black or as the brightest count once.

        Raises:
            InputError: nearly all greys look the same.
        """
        rising = np.maximum.accumulate(np.asarray(display, np.float64))
        keep = np.flatnonzero(np.diff(rising, prepend=1e-6) > 1e-6)
        if len(keep) < 2:
            raise InputError("the view transform shows all greys alike; choose another in the render properties")
        return cls(np.asarray(scene, np.float64)[keep], rising[keep])

    def shown(self, light: NDArray[np.floating]) -> Floats:
        """Scene-linear light (...) as linear light on the display, each channel like grey."""
        return _curve(light, self.scene, self.display)

    def seen(self, shown: NDArray[np.floating]) -> Floats:
        """The other way round."""
        return _curve(shown, self.display, self.scene)


@dataclass(frozen=True)
class LitFrame:
    """The characters of one frame under one group of lights at a time, and the picture behind them."""

    lit: Floats
    """(n, H, W, 3) scene-linear, premultiplied: with one group of lights each."""
    rest: Floats
    """(H, W, 3) the same by what else shines, and stays as it is."""
    alpha: Floats
    """(H, W) coverage in [0, 1]."""
    plate: Floats
    """(H, W, 3) display-referred sRGB in [0, 1]."""


@dataclass(frozen=True)
class LightMatch:
    """Gains that bring characters nearest to what the network wants of them."""

    gains: Gains
    """(n, 3) for all frames together."""
    of_frames: NDArray[np.float64]
    """(frames, n, 3) for each; frames without characters have those of all."""
    before: float
    """How far the characters are from what the network wants of them: root mean square in sRGB, 0 to 1."""
    after: float
    """The same with `gains`."""


@dataclass(frozen=True)
class _LogGains:
    """For `smooth_over_time`."""

    logs: NDArray[np.floating]


@dataclass(frozen=True)
class _Wish:
    """What a network wants of the solid pixels of a character."""

    target: NDArray[np.float64]
    """(N, 3) scene-linear."""
    weight: NDArray[np.float64]
    """(N, 3) of the error of each."""
    apart: float
    """How far away it is: mean square in sRGB."""


class _Sight:
    """One frame, made ready."""

    def __init__(self, frame: LitFrame, tone: Tone | None) -> None:
        self.tone, self.plate, self.alpha = tone, frame.plate, frame.alpha
        self.behind = srgb_to_linear(frame.plate)
        self.solid = frame.alpha > _SOLID
        self.weight = frame.alpha[self.solid].astype(np.float64)
        self.lit, self.rest = frame.lit, frame.rest
        share = self.weight[:, None]
        self.straight = frame.lit[:, self.solid] / share
        self.straight_rest = frame.rest[self.solid] / share

    def wish(self, gains: Gains, estimate: Estimate) -> _Wish:
        """What the network wants of the relit character."""
        alpha = self.alpha[..., None]
        light = np.einsum("gc,ghwc->hwc", gains, self.lit) + self.rest
        own = self._shown(np.maximum(light, 0) / np.maximum(alpha, 1e-6))
        composite = np.where(alpha > 0, linear_to_srgb(alpha * own + (1 - alpha) * self.behind), self.plate)
        composite = np.clip(composite, 0, 1).astype(np.float32)
        look = estimate(composite, self.alpha)
        now = linear_to_srgb(own)
        wanted = look.apply(np.where(self.solid[..., None], now, composite), ceiling=None)[self.solid]
        far = np.clip(wanted, 0, 1) - np.clip(now[self.solid], 0, 1)
        apart = float(self.weight @ np.square(far, dtype=np.float64).mean(axis=1) / self.weight.sum())
        display = np.minimum(srgb_to_linear(wanted), _BRIGHT)
        target = display if self.tone is None else self.tone.seen(display)
        # errors count as in sRGB; a curve of the display bends them once more
        steep = _srgb_slope(display) * np.maximum(display, _DARK) / np.maximum(target, _DARK)
        return _Wish(target.astype(np.float64), self.weight[:, None] * steep**2, apart)

    def moments(self, target: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """Normal equations of the gains: (3, n, n) and (3, n)."""
        weighted = self.straight * weight
        matrix = np.einsum("gpc,hpc->cgh", weighted, self.straight, dtype=np.float64)
        return matrix, np.einsum("gpc,pc->cg", weighted, target - self.straight_rest, dtype=np.float64)

    def _shown(self, light: NDArray[np.floating]) -> Floats:
        """A display without a view transform ends at 1, and so do the pictures that networks learn from."""
        return np.minimum(light, 1).astype(np.float32) if self.tone is None else self.tone.shown(light)


def match_lights(
    frames: Sequence[LitFrame], estimate: Estimate, *, tone: Tone | None = None, shots: Sequence[int] = (0,)
) -> LightMatch:
    """Find the gains of groups of lights.

    Args:
        frames: at least one, in order, with the same groups of lights.
        estimate: the network.
        tone: of the view transform; None where light is shown as it is.
        shots: the index of the first frame of each shot; gains of frames are smoothed within one.

    Raises:
        InputError: there is no light at all.
        MaskEmpty: no frame shows any character.
    """
    sights = {i: _Sight(frame, tone) for i, frame in enumerate(frames) if (frame.alpha > _SOLID).any()}
    if not sights:
        raise MaskEmpty("the characters should be in the picture but are in none of the frames; choose others")
    if not any(sight.straight.max() > 0 for sight in sights.values()):
        raise InputError("some light should fall on the characters but none does; add a light or a world")
    every = list(sights.values())
    start = np.ones((len(frames[0].lit), 3))
    gains, before = _followed(every, start, estimate)
    after = float(np.mean([sight.wish(gains, estimate).apart for sight in every]))
    of_frames = np.tile(gains, (len(frames), 1, 1))
    if len(sights) > 1:
        for i, sight in sights.items():
            of_frames[i] = _followed([sight], start, estimate)[0]
        for first, last in itertools.pairwise((*shots, len(frames))):
            logs = [_LogGains(np.log(of_frames[i])) for i in range(first, last)]
            of_frames[first:last] = [np.exp(s.logs) for s in smooth_over_time(logs, 1.0)]
    return LightMatch(gains, of_frames, before**0.5, after**0.5)


def exposure_and_tint(gain: NDArray[np.floating]) -> tuple[float, tuple[float, float, float]]:
    """A gain (3,) as stops of luminance and a colour whose largest channel is 1."""
    gain = np.asarray(gain, np.float64)
    red, green, blue = (gain / gain.max()).tolist()
    return float(np.log2(gain @ REC709_LUMINANCE.astype(np.float64))), (red, green, blue)


def gain_of(exposure_ev: float, tint: Sequence[float]) -> NDArray[np.float64]:
    """The gain (3,) of stops and a colour, the inverse of `exposure_and_tint`; a darker colour is the same colour."""
    color = np.maximum(np.asarray(tint, np.float64), 1e-3)
    return np.clip(2.0**exposure_ev * color / (color @ REC709_LUMINANCE.astype(np.float64)), *EXTREMES)


def _followed(sights: Sequence[_Sight], gains: Gains, estimate: Estimate) -> tuple[Gains, float]:
    """Gains after some rounds of asking and solving, and the mean square distance at the first."""
    first = 0.0
    for turn in range(ROUNDS):
        wishes = [sight.wish(gains, estimate) for sight in sights]
        moments = [sight.moments(wish.target, wish.weight) for sight, wish in zip(sights, wishes, strict=True)]
        matrix, vector = (np.sum(part, axis=0) for part in zip(*moments, strict=True))
        gains = np.stack([_solved(m, v, g) for m, v, g in zip(matrix, vector, gains.T, strict=True)], axis=1)
        first = first if turn else float(np.mean([wish.apart for wish in wishes]))
    return gains, first


def _solved(matrix: NDArray, vector: NDArray, before: NDArray) -> NDArray[np.float64]:
    """Gains (n,) of one channel, not negative: ridge regression towards all of them changing alike."""
    count = len(before)
    matrix, vector = matrix * np.outer(before, before), vector * before
    light = float(matrix.sum())
    if not light > 1e-12:
        return before
    alike = np.clip(vector.sum() / light, 1 / 64, 64)
    matrix, vector = matrix + RIDGE * light * np.eye(count), vector + RIDGE * light * alike
    best, least = np.full(count, alike), np.inf
    for lights in itertools.product((False, True), repeat=count):  # which are on; there are two or three
        on = np.flatnonzero(lights)
        change = np.zeros(count)
        change[on] = np.linalg.solve(matrix[np.ix_(on, on)], vector[on])
        error = change @ matrix @ change - 2 * change @ vector
        if (change >= 0).all() and error < least:
            best, least = change, error
    return np.clip(best * before, *EXTREMES)


def _srgb_slope(light: NDArray[np.floating]) -> NDArray[np.floating]:
    """Of the sRGB curve at linear light, for errors; nearly black counts as dark."""
    return 1.055 / 2.4 * np.maximum(light, _DARK) ** (1 / 2.4 - 1)


def _curve(values: NDArray[np.floating], start: NDArray[np.float64], end: NDArray[np.float64]) -> Floats:
    """A curve through points in logarithms; below the first point proportional, above the last one level."""
    bounded = np.maximum(values, 1e-9)
    found = np.exp(np.interp(np.log(bounded), np.log(start), np.log(end)))
    return np.where(bounded < start[0], bounded * (end[0] / start[0]), found).astype(np.float32)
