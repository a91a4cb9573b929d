# SPDX-License-Identifier: Apache-2.0
"""The estimates of a shot's frames made steady: what each frame gets, and when a first version of that is known.

What a frame gets is decided by `temporal.steady` (or `lock`) from all frames of its shot, so that it does not depend on
whether a run was stopped in between. As rendering takes long and pictures should be seen early, the frames around one
(`Timing.around`) already give a version that is nearly always the same.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harmonize_core.runtime.look import Look
from harmonize_core.runtime.temporal import (
    RADIUS,
    REACH,
    Floats,
    Shares,
    centre_of,
    light_of,
    locked_weights,
    mixed,
    moved,
    probe,
    steady,
)
from harmonize_core.runtime.transform import ColorTransform

Transform = ColorTransform | Look


@dataclass(frozen=True)
class Estimate:
    """What was found in one frame."""

    transform: Transform
    centre: NDArray[np.float64]
    """(2,) of the foreground, as `temporal.centre_of`."""
    light: Floats
    """(6,) of the picture, as `temporal.light_of`."""

    @classmethod
    def of(cls, transform: Transform, composite: Floats, mask: Floats) -> Estimate:
        """From a composite (H, W, 3) sRGB and its mask (H, W) in [0, 1], which is not empty."""
        return cls(transform, centre_of(mask), light_of(composite, mask))

    @cached_property
    def probe(self) -> Floats:
        """(k,) as `temporal.probe`."""
        return probe(self.transform)


@dataclass(frozen=True)
class Timing:
    """How the frames of a run, numbered 0, 1, 2 ..., are made steady."""

    count: int
    """Frames of the run."""
    sigma_frames: float = 0.0
    """As `temporal.smooth`; 0 takes each frame alone."""
    lock: bool = False
    """One transform for each shot instead."""
    cuts: tuple[int, ...] = ()
    """Frames at which another shot begins, increasing; 0 is none."""

    def shot(self, index: int) -> range:
        """The frames of the shot that a frame belongs to."""
        starts = (0, *self.cuts, self.count)
        place = bisect.bisect_right(starts, index)
        return range(starts[place - 1], starts[min(place, len(starts) - 1)])

    def around(self, index: int) -> range:
        """The frames that nearly decide what a frame gets."""
        shot = self.shot(index)
        if self.lock:
            return shot
        if self.sigma_frames <= 0:
            return range(index, index + 1)
        # the kernel, and what tells whether frames in it are steps or outliers
        reach = math.ceil(RADIUS * self.sigma_frames + 1) + REACH
        return range(max(shot.start, index - reach), min(shot.stop, index + reach + 1))


class SteadyShot:
    """The transforms of one shot's frames, made steady."""

    def __init__(self, timing: Timing, known: Mapping[int, Estimate | None]) -> None:
        """Args:
        timing: how.
        known: what was found in the frames of one shot, or in some that follow each other; None where there is no
            foreground, which does not count.
        """
        self._places = [i for i in sorted(known) if known[i] is not None]
        self._estimates = [e for i in self._places if (e := known[i]) is not None]
        self._locked: tuple[Transform, NDArray[np.float64]] | None = None
        self._shares: tuple[Shares, ...] = ()
        if not self._places:
            return
        probes = np.stack([e.probe for e in self._estimates])
        if timing.lock:
            self._locked = _one_for_all(self._estimates, locked_weights(probes))
        else:
            lights = np.stack([e.light for e in self._estimates])
            self._shares = steady(probes, timing.sigma_frames, [float(i) for i in self._places], lights).shares

    def transform(self, index: int) -> Transform | None:
        """What a frame gets; None: it has no foreground. What is local goes with the foreground."""
        if index not in self._places:
            return None
        place = self._places.index(index)
        own = self._estimates[place].centre
        if self._locked is not None:
            transform, centre = self._locked
            return moved(transform, own - centre)
        share = self._shares[place]
        parts = self._estimates[share.start : share.start + len(share.weights)]
        return mixed([moved(e.transform, own - e.centre) for e in parts], share.weights)


def _one_for_all(estimates: Sequence[Estimate], weights: NDArray[np.float64]) -> tuple[Transform, NDArray[np.float64]]:
    """The one transform of a shot, and where the foreground is that it is for."""
    centre = weights @ np.stack([e.centre for e in estimates])
    return mixed([moved(e.transform, centre - e.centre) for e in estimates], weights), centre
