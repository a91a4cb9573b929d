# SPDX-License-Identifier: Apache-2.0
"""The first pass over a sequence: what makes each frame fit, which shots there are, and how frames are made steady."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, InputError
from harmonize_core.infer import shots as shot_rules
from harmonize_core.infer.controls import Controlled, Controls
from harmonize_core.infer.sequence_curves import Curve, parameters
from harmonize_core.infer.sequence_frames import Footage, Frame, times_of
from harmonize_core.infer.sequence_work import Estimate, Transform, Work, digest_of
from harmonize_core.infer.video_writer import check_size
from harmonize_core.runtime.temporal import RADIUS, Shares, locked_weights, steady
from harmonize_core.runtime.transform import MaskEmpty

Temporal = Literal["off", "smooth", "lock"]

SMOOTHING_S = 0.25
"""Standard deviation over time, in seconds, where none is given."""

Progress = Callable[[str, Iterable[Frame], int], Iterable[Frame]]
"""(what is done, frames, how many) to the frames, shown as they go."""


@dataclass(frozen=True)
class Steady:
    """How frames are made steady over time."""

    temporal: Temporal = "smooth"
    """off: each frame by itself; smooth: over its neighbours, where steps of the light stay; lock: one for the shot."""
    sigma_frames: float = 6.0
    """Standard deviation of `smooth`."""
    shots: str | None = None
    """First frames of the shots, or a file of them; None: they are detected."""


@dataclass(frozen=True)
class Shot:
    """One shot, as it was found."""

    first: int
    """The number of its first frame, as its user calls it."""
    last: int
    steps: tuple[int, ...]
    """Numbers of the frames at which the light becomes another."""
    outliers: tuple[int, ...]
    """Numbers of the frames whose own estimate does not count."""


def sigma_of(smoothing: str | None, rate: Fraction) -> float:
    """How far `smooth` reaches, in frames, from "0.25s" (seconds) or "6" (frames); None: `SMOOTHING_S`.

    Raises:
        ConfigError: anything else.
    """
    found = re.fullmatch(r"([0-9]*\.?[0-9]+) *(s|f|)", smoothing or f"{SMOOTHING_S}s")
    if found is None:
        raise ConfigError(f"--smoothing should be seconds as 0.25s or frames as 6 but is {smoothing}")
    return float(found[1]) * (float(rate) if found[2] == "s" else 1.0)


@dataclass(frozen=True)
class Known:
    """A frame after the first pass, without its transform."""

    name: str
    number: int
    key: str
    probe: NDArray[np.float32]
    """Empty: no foreground."""
    thumbnail: NDArray[np.uint8]
    size: tuple[int, int]
    """Rows and columns."""
    centre: NDArray[np.float64]
    """(2,) of the foreground, as `temporal.centre_of`."""
    light: NDArray[np.float32]
    """(6,) of the picture, as `temporal.light_of`."""
    raw: dict[str, float]


class PlannedSequence:
    """Steady transforms of all frames, each mixed when it is asked for, from estimates on disk."""

    def __init__(self, known: Sequence[Known], work: Work, steadied: Steady) -> None:
        """Args:
        known: the frames, in order.
        work: where their estimates are.
        steadied: how they are made steady.

        Raises:
            ConfigError: `shots` names frames that are not there.
        """
        self.known, self.curves = known, list[Curve]()
        self._work = work
        self._locked: tuple[int, Transform | None] = (-1, None)
        self._places = {k.name: i for i, k in enumerate(known)}
        numbers = [k.number for k in known]
        given = steadied.shots
        starts = shot_rules.cuts([k.thumbnail for k in known]) if given is None else shot_rules.given(given, numbers)
        self._shares: dict[int, tuple[Sequence[int], NDArray[np.floating], int]] = {}
        times, shots = times_of(numbers), []
        for number, (start, stop) in enumerate(itertools.pairwise((*starts, len(known)))):
            at = [i for i in range(start, stop) if known[i].probe.size]
            shares, steps, outliers = _made_steady(known, at, times, steadied) if at else ((), (), ())
            for i, share in zip(at, shares, strict=True):
                self._shares[i] = (at[share.start : share.start + len(share.weights)], share.weights, number)
            named = (tuple(numbers[at[s]] for s in group) for group in (steps, outliers))
            shots.append(Shot(numbers[start], numbers[stop - 1], *named))
        self.shots = tuple(shots)
        self._one_a_shot = steadied.temporal == "lock"

    def transform(self, frame: Frame) -> Transform | None:
        """The steady transform of a frame; None: it has no foreground."""
        i = self._places[frame.name]
        if i not in self._shares:
            return None
        others, weights, shot = self._shares[i]
        mixture = self._locked[1] if self._locked[0] == shot else None
        if mixture is None:
            frames = [self.known[j] for j in others]
            shifts = None if self._one_a_shot else self.known[i].centre - np.stack([k.centre for k in frames])
            mixture = self._work.mixture([(k.name, k.key) for k in frames], weights, shifts)
        self._locked = (shot if self._one_a_shot else -1, mixture)
        self.curves.append(Curve(frame.number, shot, self.known[i].raw, parameters(mixture)))
        return mixture


def planned_sequence(
    model: Controlled,
    footage: Footage,
    folder: Path,
    steadied: Steady,
    asked: str,
    progress: Progress,
    *,
    one_size: bool = False,
) -> PlannedSequence:
    """Estimate what makes each frame fit, where that is not known from before, and make it steady.

    Args:
        model: the network under its controls.
        footage: frames and masks.
        folder: of the work files.
        steadied: how frames are made steady.
        asked: a word for all that estimates depend on beside the frames.
        progress: wraps the frames.
        one_size: all frames become one video, so must be of one size.

    Raises:
        InputError: a frame or mask is missing, damaged, or of another size; there are no frames.
        ConfigError: `shots` names frames that are not there.
    """
    sigma = steadied.sigma_frames if steadied.temporal == "smooth" else 0.0
    work = Work(folder, keep=int(2 * RADIUS * sigma) + 8)
    known: list[Known] = []
    for frame in progress("estimating", footage, len(footage)):
        known.append(_estimated(model, work, frame, digest_of(asked, frame.digest)))
        if one_size:
            name = frame.path if footage.video is None else f"frame {frame.number} of {frame.path}"
            check_size(name, known[-1].size, known[0].size)
    if not known:
        raise InputError(f"{footage.images[0]} holds no frames; check the file")
    return PlannedSequence(known, work, steadied)


def concerned(controls: Controls, mask: NDArray[np.float32]) -> bool:
    """Whether a frame with this mask (H, W) has something to fit, and something that may change."""
    return bool(mask.any() and controls.changed(mask).any())


def _estimated(model: Controlled, work: Work, frame: Frame, key: str) -> Known:
    found = work.estimate(frame.name, key)
    if found is None:
        picture, mask = frame.read()
        transform = None
        with contextlib.suppress(MaskEmpty):  # so small that the network does not see it
            transform = model.estimate(picture.srgb, mask) if concerned(model.controls, mask) else None
        thumbnail = shot_rules.thumbnail(picture.srgb, mask)
        found = Estimate.of(transform, thumbnail, picture.srgb, model.controls.changed(mask))
        work.keep_estimate(frame.name, key, found)
    raw = {} if found.transform is None else parameters(found.transform)
    return Known(
        frame.name, frame.number, key, found.probe, found.thumbnail, found.size, found.centre, found.light, raw
    )


def _made_steady(
    known: Sequence[Known], at: Sequence[int], times: NDArray[np.float64], steadied: Steady
) -> tuple[Sequence[Shares], Sequence[int], Sequence[int]]:
    """Of the frames of a shot with foreground: what each is made of, and which of them are steps and outliers."""
    probes = np.stack([known[i].probe for i in at])
    if steadied.temporal == "lock":
        return [Shares(0, locked_weights(probes))] * len(at), (), ()
    found = steady(probes, steadied.sigma_frames, times[list(at)], np.stack([known[i].light for i in at]))
    return found.shares, found.steps, found.outliers
