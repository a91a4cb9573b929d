# SPDX-License-Identifier: Apache-2.0
"""Compositing in linear light with soft coverage: over, unpremultiply, and the exchange of foregrounds.

Images are (H, W, 3) float32 linear, coverage is (H, W) in [0, 1] with 1 = foreground. Sources: Porter & Duff,
"Compositing Digital Images" (SIGGRAPH 1984); the colours behind a soft edge are estimated by pull-push interpolation
(`harmonize_core.pull_push`) and corrected by the pixel itself (Chuang et al., 2001).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.pull_push import Continuation, Each, Part, Places, Source

Floats = NDArray[np.float32]
Decode = Callable[[NDArray], Floats]

OPAQUE = 0.999
"""Coverage from which a pixel counts as wholly foreground; render filters leave values just below 1."""


def over(foreground_premultiplied: Floats, coverage: Floats, background: Floats) -> Floats:
    """Porter-Duff over; pixels with coverage 0 are the background's, bit for bit."""
    blended = foreground_premultiplied + (1 - coverage[..., None]) * background
    return np.where(coverage[..., None] > 0, blended, background).astype(np.float32)


def unpremultiply(foreground_premultiplied: Floats, coverage: Floats) -> Floats:
    """Straight colour of a premultiplied image; 0 where coverage is 0."""
    alpha = coverage[..., None]
    return np.where(alpha > 0, foreground_premultiplied / np.maximum(alpha, 1e-6), 0).astype(np.float32)


def soft_pixels(coverage: Floats) -> NDArray[np.bool_]:
    """Where foreground and background share a pixel; boolean (H, W)."""
    return (coverage > 0) & (coverage < OPAQUE)


@dataclass(frozen=True)
class SoftLight:
    """The pure colours of the N pixels of one picture that foreground and background share, each (N, 3) linear."""

    foreground: Floats
    """Without any background in it."""
    background: Floats
    """The other way round."""


NEARLY_OPAQUE = 0.9
"""Pixels of more coverage, with none of less beside them, tell what the foreground looks like, once the little
background is taken off: of glass, which is a bit transparent all over, there is nothing better."""
ENOUGH_TRUST = np.float32(0.25)
"""Trust of a pixel, at coverage 0.95, from which pixels with more decide alone what the foreground looks like."""
LOCAL_SPREAD = 0.1
"""Colours next to an unmixed one are taken to vary by at least this share of it."""
_ROWS = 64
"""Rows that are looked at together."""
COVERAGE_ERROR = (0.02, 0.3)
"""Standard deviation of coverage, as a + b * coverage * (1 - coverage): it is rendered with some 64 samples a pixel and
not denoised, as the picture is."""


def separate(image_linear: Floats, coverage: Floats) -> SoftLight:
    """Estimate the pure colours of the soft pixels of (H, W, C), row by row (`SoftEdges`)."""
    return SoftEdges(image_linear, coverage).at(*np.nonzero(soft_pixels(coverage)))


class SoftEdges:
    """The pure colours of a picture's soft pixels, worked out where they are asked for.

    First guesses continue the nearest unmixed pixels (`pull_push`). The pixel itself, c = a F + (1 - a) B, corrects
    them by Bayes' rule: Chuang et al., "A Bayesian Approach to Digital Matting" (CVPR 2001), equation 9 for known
    coverage and one channel at a time, where it is a Kalman update. Where colours around vary much (hair, labels on
    glass, a hand before a skirt) the pixel decides, where they are flat their continuation does. Uncertainty of
    coverage is counted as noise in proportion to |F - B|, so that no dark or bright rim appears where a foreground
    in daylight is put before night.

    Pictures may be encoded: they are read and decoded piece by piece, and only where soft pixels are explained from.
    """

    def __init__(
        self, image: NDArray, coverage: Floats, decode: Decode = np.asarray, each: Each = map, step: int = 1
    ) -> None:
        """Args:
        image: (H, W, C), linear unless `decode` says otherwise.
        coverage: (H, W) in [0, 1].
        decode: from an image's values to linear light, which keeps their order.
        each: `map`, or that of a pool of threads.
        step: far from soft pixels, one in step x step pixels is looked at.
        """
        self._image, self._coverage, self._decode = image, coverage, decode
        self._brightest = decode(image.max(keepdims=True, initial=0)).max()
        size = (coverage.shape[0], coverage.shape[1])
        parts = [(slice(top, top + _ROWS), slice(0, size[1])) for top in range(0, size[0], _ROWS)]
        self._share = _share_of_trust(coverage, parts)
        channels = 2 * image.shape[2]
        self._background = self._foreground = None
        self._columns: dict[int, tuple[Floats, Floats]] = {}
        # What is held reads from copies: a circle of references would keep a frame until garbage is collected.
        reader = copy.copy(self)
        if any((coverage[part] <= 0).any() for part in parts):
            source = Source(
                size, channels, reader._colors, reader._beyond, reader._soft, reader._beyond_all_along, step
            )
            self._background = Continuation(source, each)
        if any(self._within(part).any() for part in parts):
            reader = copy.copy(self)
            source = Source(
                size, channels, reader._cleared_colors, reader._within, reader._soft, reader._within_all_along, step
            )
            self._foreground = Continuation(source, each)

    def at(self, rows: Places, columns: Places) -> SoftLight:
        """The pure colours of N soft pixels."""
        own = self._decode(self._image[rows, columns]).T
        alpha = self._coverage[rows, columns]
        background, variance_b = self._behind(own, rows, columns)
        cleared = _cleared(own, alpha, background)
        moments = _moments(cleared)
        if self._foreground is not None:
            trust = alpha**2
            if self._share:
                trust += self._share * (_trust_at(self._coverage, rows, columns) - trust)
            moments = trust * moments + (1 - trust) * self._foreground.at(rows, columns)
        foreground, variance_f = _spread(moments)
        surprise = own - alpha * foreground - (1 - alpha) * background
        noise = (COVERAGE_ERROR[0] + COVERAGE_ERROR[1] * alpha * (1 - alpha)) * (foreground - background)
        gain = surprise / (alpha**2 * variance_f + (1 - alpha) ** 2 * variance_b + noise**2 + 1e-8)
        return SoftLight(
            np.clip(foreground + alpha * variance_f * gain, 0, self._brightest).astype(np.float32).T,
            np.clip(background + (1 - alpha) * variance_b * gain, 0, self._brightest).astype(np.float32).T,
        )

    def _behind(self, own: Floats, rows: Places, columns: Places) -> tuple[Floats, Floats]:
        """Mean and variance (C, N) of what is continued to soft pixels from the background; without any, their own."""
        if self._background is None:
            return _spread(_moments(own))
        return _spread(self._background.at(rows, columns))

    def _colors(self, part: Part) -> Floats:
        return _moments(self._planes(part))

    def _cleared_colors(self, part: Part) -> Floats:
        """With the background taken off soft pixels that tell of the foreground."""
        colors = self._planes(part)
        coverage = _cut(self._coverage, part)
        rows, columns = np.nonzero((coverage > (NEARLY_OPAQUE if self._share == 1 else 0)) & (coverage < OPAQUE))
        places = _places(part, rows, columns)
        own = colors[:, rows, columns]
        background, _ = self._behind(own, *places)
        colors[:, rows, columns] = _cleared(own, coverage[rows, columns], background)
        return _moments(colors)

    def _planes(self, part: Part) -> Floats:
        """(C, rows, columns) linear."""
        return self._decode(np.ascontiguousarray(_cut(self._image, part).transpose(2, 0, 1)))

    def _beyond(self, part: Part) -> Floats:
        return (_cut(self._coverage, part) <= 0).astype(np.float32)

    def _within(self, part: Part) -> Floats:
        if self._share == 1:
            return _trust(self._coverage, part)
        most = _cut(self._coverage, part) ** 2
        return most + self._share * (_trust(self._coverage, part) - most) if self._share else most

    def _beyond_all_along(self, rows: slice) -> Floats:
        least, most = self._extents(rows)
        return np.where(most <= 0, np.float32(1), np.where(least >= OPAQUE, np.float32(0), np.float32(-1)))

    def _within_all_along(self, rows: slice) -> Floats:
        least, most = self._extents(rows)
        return np.where(least >= OPAQUE, np.float32(1), np.where(most <= 0, np.float32(0), np.float32(-1)))

    def _extents(self, rows: slice) -> tuple[Floats, Floats]:
        """The least and the most coverage of each column in some rows."""
        found = self._columns.get(rows.start)
        if found is None:
            own = self._coverage[rows]
            found = self._columns[rows.start] = own.min(axis=0), own.max(axis=0)
        return found

    def _soft(self, part: Part) -> NDArray[np.bool_]:
        return soft_pixels(_cut(self._coverage, part))


def trust_foreground(coverage: Floats) -> Floats:
    """How much each pixel (H, W) tells of the foreground alone; without any opaque one, those with most of it."""
    trust = _trust(coverage, (slice(0, coverage.shape[0]), slice(0, coverage.shape[1])))
    return trust if trust.any() else coverage**2


def _trust(coverage: Floats, part: Part) -> Floats:
    """The same for a part of (H, W), without that exception."""
    own = _cut(coverage, part)
    trust = (own >= OPAQUE).astype(np.float32)
    rows, columns = np.nonzero((own > NEARLY_OPAQUE) & (own < OPAQUE))
    trust[rows, columns] = _trust_at(coverage, *_places(part, rows, columns))
    return trust


def _share_of_trust(coverage: Floats, parts: Sequence[Part]) -> np.float32:
    """How much `_trust` says what the foreground is explained from; the rest is said by coverage^2.

    1 where anything is opaque, 0 where nothing is nearly so. What is between sets in slowly, or edges would jump when a
    mask gets a little more opaque.
    """
    share = np.float32(0)
    for part in parts:
        share = np.minimum(np.maximum(share, _trust(coverage, part).max(initial=0) / ENOUGH_TRUST), np.float32(1))
        if share == 1:
            break
    return 1 - (1 - share) ** 3  # what little the rest still says counts where nothing else does


def _cut(image: NDArray, part: Part) -> NDArray:
    rows = image[part[0]]
    return rows[:, part[1]] if isinstance(part[1], slice) else rows.take(part[1], axis=1)


def _places(part: Part, rows: Places, columns: Places) -> tuple[Places, Places]:
    """Where in a picture the pixels of a part are."""
    return rows + part[0].start, columns + part[1].start if isinstance(part[1], slice) else part[1][columns]


def _trust_at(coverage: Floats, rows: Places, columns: Places) -> Floats:
    """The same for N soft pixels of (H, W)."""
    height, width = coverage.shape
    own = coverage[rows, columns]
    trust = np.clip((own - np.float32(NEARLY_OPAQUE)) / np.float32(OPAQUE - NEARLY_OPAQUE), 0, 1) ** 2
    near = np.flatnonzero(trust)
    if not len(near):
        return trust
    beside = [np.clip(columns[near] + across, 0, width - 1) for across in (-1, 0, 1)]
    least = own[near]
    for down in (-1, 0, 1):
        below = np.clip(rows[near] + down, 0, height - 1)
        for place in beside:
            np.minimum(least, coverage[below, place], out=least)
    trust[near[least < NEARLY_OPAQUE - COVERAGE_ERROR[0]]] = 0
    return trust


def _cleared(own: Floats, coverage: Floats, background: Floats) -> Floats:
    """Colours (C, N) without the background that shines through them, as far as that can be told."""
    opacity = np.maximum(coverage, np.float32(0.5))
    return np.maximum((own - (1 - opacity) * background) / opacity, 0)


def _moments(colors: Floats) -> Floats:
    """Colours (C, ...) and their squares (2C, ...)."""
    moments = np.empty((2 * len(colors), *colors.shape[1:]), np.float32)
    moments[: len(colors)] = colors
    np.square(colors, out=moments[len(colors) :])
    return moments


def _spread(moments: Floats) -> tuple[Floats, Floats]:
    """Means of colours and of their squares (2C, N) to mean and variance."""
    mean, square = np.split(moments, 2)
    return mean, np.maximum(square - mean**2, (np.float32(LOCAL_SPREAD) * mean) ** 2) + np.float32(1e-7)


def mix(real: SoftLight, donor: SoftLight, coverage: Floats) -> Floats:
    """Soft pixels (N, 3) with the donor's foreground before the real background, under coverage (N,)."""
    alpha = coverage[:, None]
    return alpha * donor.foreground + (1 - alpha) * real.background


def exchange_foreground(real_linear: Floats, donor_linear: Floats, coverage: Floats) -> Floats:
    """Put the donor's foreground into the real image: the composite of two renders of one view.

    At a soft edge both renders mix foreground and background. Blending them again would leave a halo of the donor's
    background, so the pure colours are separated first (`separate`).

    Args:
        real_linear: (H, W, 3) linear render whose background is kept, not below 0.
        donor_linear: (H, W, 3) linear render of the same view whose foreground is taken, not below 0.
        coverage: (H, W) in [0, 1].

    Returns:
        (H, W, 3) linear composite: the real image where coverage is 0 and the donor where it is opaque, bit for bit.
    """
    composite = np.where((coverage >= OPAQUE)[..., None], donor_linear, real_linear).astype(np.float32)
    soft = soft_pixels(coverage)
    composite[soft] = mix(separate(real_linear, coverage), separate(donor_linear, coverage), coverage[soft])
    return composite
