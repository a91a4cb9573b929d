# SPDX-License-Identifier: Apache-2.0
"""Predictions from files to files: each picture by itself, or consecutive frames without flicker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.picture import Picture, open_picture
from harmonize_core.infer.masks import MaskChoice, mask_of
from harmonize_core.infer.pairs import FileJob
from harmonize_core.infer.predictor import Predictor
from harmonize_core.runtime.temporal import smooth_over_time
from harmonize_core.runtime.transform import MaskEmpty

Floats = NDArray[np.float32]
Progress = Callable[[Sequence[FileJob]], Iterable[FileJob]]


@dataclass(frozen=True)
class Reading:
    """How pictures and masks are read, the same for all of a run."""

    layer: str | None = None
    """Of EXR pictures, as `harmonize_core.formats.exr_layers.find_layer`."""
    mask: MaskChoice = MaskChoice()  # noqa: RUF009

    def __call__(self, job: FileJob) -> tuple[Picture, Floats]:
        """A picture and its mask in the picture's frame.

        Raises:
            InputError: a file is missing or damaged, or their sizes differ.
        """
        picture = open_picture(job.image, self.layer)
        return picture, mask_of(picture, job.mask, self.mask)


@dataclass(frozen=True)
class Done:
    """What became of a run."""

    written: int
    failed: tuple[str, ...]
    """A sentence for each picture that could not be done."""
    empty: int
    """Pictures with no foreground in them, written as they were."""


def predict_files(
    predictor: Predictor,
    jobs: Sequence[FileJob],
    reading: Reading = Reading(),
    *,
    strength: float = 1.0,
    sigma_frames: float = 0.0,
    single: bool | None = None,
    progress: Progress = iter,
) -> Done:
    """Harmonize each job and write it whole; with `sigma_frames` > 0 the jobs are consecutive frames, without flicker.

    A single picture that cannot be done raises; of several, the others are done all the same. Frames of a sequence are
    read twice instead of kept, so that a long shot fits into memory.

    Args:
        predictor: the network.
        jobs: what to read and write.
        reading: layers and masks.
        strength: 0 = unchanged, 1 = the network's opinion.
        sigma_frames: standard deviation of the smoothing over time.
        single: a picture by itself was asked for, and not what is left of several (`Plan.single`); None: as many as
            there are jobs.
        progress: wraps the jobs while they are worked on.

    Raises:
        InputError: the only picture, or a frame of a sequence, is damaged, of another size than its mask, or has no
            foreground.
        OutputError: an output cannot be written.
    """
    if sigma_frames > 0:
        return _sequence(predictor, jobs, reading, strength, sigma_frames, progress)
    single = len(jobs) == 1 if single is None else single
    failed, empty = [], 0
    for job in progress(jobs):
        try:
            picture, mask = reading(job)
            if not single and not mask.any():
                picture.save(job.out, picture.srgb, mask)
                empty += 1
                continue
            picture.save(job.out, predictor(picture.srgb, mask, strength, ceiling=picture.ceiling), mask)
        except MaskEmpty as error:
            raise InputError(f"{job.image}: {error}") from error
        except InputError as error:
            if single:
                raise
            failed.append(str(error))
    return Done(len(jobs) - len(failed), tuple(failed), empty)


def _sequence(
    predictor: Predictor,
    jobs: Sequence[FileJob],
    reading: Reading,
    strength: float,
    sigma_frames: float,
    progress: Progress,
) -> Done:
    estimated: list[tuple[FileJob, Any]] = []
    for job in progress(jobs):
        picture, mask = reading(job)
        if mask.any():
            estimated.append((job, predictor.estimate(picture.srgb, mask)))
    smoothed = smooth_over_time([transform for _, transform in estimated], sigma_frames)
    by_job = {job: transform for (job, _), transform in zip(estimated, smoothed, strict=True)}
    for job in progress(jobs):
        picture, mask = reading(job)
        harmonized = picture.srgb
        if job in by_job:
            harmonized = predictor.apply(by_job[job], picture.srgb, mask, strength, picture.ceiling)
        picture.save(job.out, harmonized, mask)
    return Done(len(jobs), (), len(jobs) - len(estimated))
