# SPDX-License-Identifier: Apache-2.0
"""The same pictures as they come to an artist: soft masks, JPEG, noise, scene-linear light, small and large, several.

Composite and real go through the same damage, and the real then takes the composite's background: what is compared is
the foreground alone, as in training (`data/degrade.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.data.rng import generator
from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.quality import Branches
from harmonize_core.evaluate.report import SEED
from harmonize_core.formats.images import to_uint8
from harmonize_core.formats.triplet import Domain, Triplet, load_triplet
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import Interval, fmse, interval_of_ratio

Floats = NDArray[np.float32]

JPEG_QUALITY = 50
NOISE = 0.04
"""Standard deviation of the noise, of white."""
STOPS = 2.0
SMALL = (0.01, 0.035)
"""Share of the picture that a foreground of about 2 % covers."""
LARGE = 0.6
LARGE_WITHIN = 0.08
LEAST_SIDE = 96
"""Shortest side in pixels of a cut-out."""
PIECE = 0.08
"""Least share of the foreground that counts as one of several."""


@dataclass(frozen=True)
class Situation:
    """What happens to a triplet, and how it is harmonized then."""

    name: str
    change: Callable[[Triplet, np.random.Generator], Triplet | None]
    """None where the picture is not one of these."""
    shown_mask: Callable[[Floats], Floats] = lambda mask: mask
    """What the network gets for a mask."""
    stops: float | None = None
    """Given as scene-linear light, so many stops brighter, and taken back after."""


@dataclass(frozen=True)
class Stress:
    """One situation in one domain."""

    situation: str
    domain: Domain
    images: int
    composite_fmse: float
    fmse: float
    removed: float
    interval: Interval


def soft(mask: Floats) -> Floats:
    """Edges as a wide brush leaves them: a blur of 1/100 of the longer side."""
    return cv2.GaussianBlur(mask, (0, 0), max(mask.shape) / 100).clip(0, 1)


def wider(mask: Floats) -> Floats:
    """Drawn outside the outline by 1/150 of the longer side."""
    reach = 2 * max(1, round(max(mask.shape) / 150)) + 1
    return cv2.dilate(mask, np.ones((reach, reach), np.uint8)).astype(np.float32)


def as_jpeg(triplet: Triplet, _rng: np.random.Generator) -> Triplet:
    """Written and read as JPEG of quality 50 (4:2:0)."""
    pair = []
    for picture in (triplet.composite, triplet.real):
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        coded = cv2.imencode(".jpg", cv2.cvtColor(to_uint8(picture), cv2.COLOR_RGB2BGR), options)[1]
        read = cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        pair.append(read.astype(np.float32) / 255)
    return _same_background(pair[0], pair[1], triplet.mask)


def noisy(triplet: Triplet, rng: np.random.Generator) -> Triplet:
    """The same noise on both pictures."""
    noise = NOISE * rng.standard_normal(triplet.real.shape, np.float32)
    pair = ((picture + noise).clip(0, 1) for picture in (triplet.composite, triplet.real))
    return _same_background(*pair, triplet.mask)


def small(triplet: Triplet, _rng: np.random.Generator) -> Triplet | None:
    """Only pictures whose foreground is small already."""
    low, high = SMALL
    return triplet if low <= float(np.mean(triplet.mask > 0.5)) < high else None


def large(triplet: Triplet, _rng: np.random.Generator) -> Triplet | None:
    """Cut to the part around the foreground of which it covers about 60 %; None where there is no such part."""
    height, width = triplet.mask.shape
    rows, columns = (np.flatnonzero((triplet.mask > 0.5).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    best: tuple[float, tuple[slice, slice]] | None = None
    for grown in np.linspace(0, 0.5, 26):
        down, across = grown * (rows[-1] - rows[0] + 1), grown * (columns[-1] - columns[0] + 1)
        box = (
            slice(max(0, round(rows[0] - down)), min(height, round(rows[-1] + 1 + down))),
            slice(max(0, round(columns[0] - across)), min(width, round(columns[-1] + 1 + across))),
        )
        off = abs(float(np.mean(triplet.mask[box] > 0.5)) - LARGE)
        if best is None or off < best[0]:
            best = (off, box)
    if best is None or best[0] > LARGE_WITHIN:
        return None
    cut = Triplet(triplet.composite[best[1]], triplet.mask[best[1]], triplet.real[best[1]])
    return cut if min(cut.mask.shape) >= LEAST_SIDE else None


def several(triplet: Triplet, _rng: np.random.Generator) -> Triplet | None:
    """Only pictures whose mask has several pieces that count."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((triplet.mask > 0.5).astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return triplet if len(areas) and int((areas >= PIECE * areas.sum()).sum()) > 1 else None


SITUATIONS = (
    Situation("as they are", lambda t, _: t),
    Situation("soft mask", lambda t, _: t, soft),
    Situation("mask drawn too wide", lambda t, _: t, wider),
    Situation(f"JPEG, quality {JPEG_QUALITY}", as_jpeg),
    Situation(f"noise, {100 * NOISE:.0f} % of white", noisy),
    Situation(f"EXR, {STOPS:.0f} stops brighter", lambda t, _: t, stops=STOPS),
    Situation(f"EXR, {STOPS:.0f} stops darker", lambda t, _: t, stops=-STOPS),
    Situation(f"foreground of {100 * SMALL[0]:.0f}-{100 * SMALL[1]:.1f} %", small),
    Situation(f"foreground of about {100 * LARGE:.0f} %, cut out", large),
    Situation("several foregrounds", several),
)


def stress(branches: Branches, held_out: HeldOut, situations: Sequence[Situation] = SITUATIONS) -> list[Stress]:
    """Every situation on the pictures of a set, at their own size, with the branch of their domain.

    Raises:
        InputError: a picture is missing or damaged.
    """
    found: dict[str, list[tuple[float, float, str]]] = {situation.name: [] for situation in situations}
    for number, paths in enumerate(held_out.triplets):
        whole = load_triplet(paths)
        for situation in situations:
            triplet = situation.change(whole, generator(SEED, "stress", number, situation.name))
            if triplet is None:
                continue
            after = harmonized(branches[held_out.domain], triplet, situation)
            before, left = (
                fmse(255 * picture, 255 * triplet.real, triplet.mask) for picture in (triplet.composite, after)
            )
            found[situation.name].append((before, left, paths.group))
    return [_row(name, held_out.domain, rows) for name, rows in found.items()]


def harmonized(predictor: Predictor, triplet: Triplet, situation: Situation) -> Floats:
    """A triplet's composite, harmonized as the situation says; (H, W, 3) sRGB in [0, 1]."""
    mask = situation.shown_mask(triplet.mask)
    if situation.stops is None:
        return np.clip(predictor(triplet.composite, mask), 0, 1)
    gain = np.float32(2.0**situation.stops)
    light = linear_to_srgb(srgb_to_linear(triplet.composite) * gain)
    result = predictor(light, mask, ceiling=None)
    return np.clip(linear_to_srgb(srgb_to_linear(result) / gain), 0, 1)


def _same_background(composite: Floats, real: Floats, mask: Floats) -> Triplet:
    return Triplet(composite, mask, np.where(mask[..., None] > 0, real, composite))


def _row(name: str, domain: Domain, rows: Sequence[tuple[float, float, str]]) -> Stress:
    if not rows:
        nothing = float("nan")
        return Stress(name, domain, 0, nothing, nothing, nothing, Interval(nothing, nothing))
    before, after, groups = (list(column) for column in zip(*rows, strict=True))
    left = interval_of_ratio(after, before, groups, seed=SEED)
    means = float(np.mean(before)), float(np.mean(after))
    return Stress(name, domain, len(rows), *means, 1 - means[1] / means[0], Interval(1 - left.high, 1 - left.low))
