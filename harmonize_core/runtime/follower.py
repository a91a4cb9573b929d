# SPDX-License-Identifier: Apache-2.0
"""Looks and colour transforms made steady frame by frame, as live pictures come; NumPy alone."""

from __future__ import annotations

import math

import numpy as np

from harmonize_core.runtime.temporal import CLEAR, VISIBLE, Appliable, Kind, mixed, probe, size_of


class Follower:
    """Steady transforms of frames as they come: an exponential mean that follows a step once it has lasted.

    The mean's noise is that of `smooth` with the same `sigma_frames`; its lag is about 1.8 of them. A step is followed
    at its third frame, so one or two odd frames change nothing.
    """

    PATIENCE = 3
    """Frames after which what looked like an outlier is a step."""

    def __init__(self, sigma_frames: float) -> None:
        """Args:
        sigma_frames: as of `smooth`; 0 follows each frame.
        """
        self.gain = -math.expm1(-1 / (math.sqrt(math.pi) * sigma_frames)) if sigma_frames > 0 else 1.0
        self.reset()

    def reset(self) -> None:
        """Forget all frames: a new shot begins."""
        self._mean: Appliable | None = None
        self._last = np.zeros(0, np.float32)
        self._waiting: list[Appliable] = []
        self._usual = 0.0

    def follow(self, transform: Kind) -> Kind:
        """The steady transform for the frame that `transform` was estimated on; all are of one kind and size."""
        made = probe(transform)
        change = float(size_of(made - self._last)) if self._last.size else 0.0
        self._last = made
        if self._mean is None or self.gain == 1:
            self._mean = transform
            return transform
        mean: Kind = self._mean  # ty: ignore[invalid-assignment]
        if self._far(float(size_of(made - probe(mean)))):
            if self._far(change):  # not even like the one before it
                self._waiting = []
            self._waiting.append(transform)
            if len(self._waiting) < self.PATIENCE:
                return mean
            waiting: list[Kind] = self._waiting  # ty: ignore[invalid-assignment]
            mean = mixed(waiting, np.full(len(waiting), 1 / len(waiting)))
        else:
            self._usual = max(change, self._usual) if self._usual == 0 else self._usual + 0.1 * (change - self._usual)
            mean = mixed([mean, transform], np.array([1 - self.gain, self.gain]))
        self._mean, self._waiting = mean, []
        return mean

    def _far(self, distance: float) -> bool:
        """Whether a distance is no noise; a mean is farther from each frame than its neighbours are."""
        return distance > max(2 * VISIBLE, CLEAR * self._usual)
