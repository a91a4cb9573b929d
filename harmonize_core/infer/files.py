# SPDX-License-Identifier: Apache-2.0
"""Predictions from files to files, each picture by itself; `sequence` is for consecutive frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.picture import Picture, open_picture
from harmonize_core.infer.controls import Controlled, Controls, apply_controls
from harmonize_core.infer.look_files import SavedLooks, Transform
from harmonize_core.infer.masks import MaskChoice, mask_of
from harmonize_core.infer.pairs import FileJob
from harmonize_core.infer.predictor import Predictor
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


class Recalled:
    """Looks that were saved before in the place of a network, under controls."""

    def __init__(self, saved: SavedLooks, controls: Controls = Controls()) -> None:  # noqa: B008
        """Args:
        saved: one look, or those of frames.
        controls: what is asked beside.
        """
        self.saved, self.controls = saved, controls

    def __call__(self, composite: Floats, mask: Floats, *, ceiling: float | None = 1.0) -> Floats:
        """A picture under the one look; as `Controlled`.

        Raises:
            InputError: the looks are of frames.
        """
        return self.apply(self.saved.at(), composite, mask, ceiling)

    def apply(self, transform: Transform, composite: Floats, mask: Floats, ceiling: float | None = 1.0) -> Floats:
        """As `Controlled.apply`."""
        return apply_controls(transform, composite, mask, self.controls, ceiling)


def predict_files(
    model: Predictor | Controlled | Recalled,
    jobs: Sequence[FileJob],
    reading: Reading = Reading(),
    *,
    single: bool | None = None,
    progress: Progress = iter,
) -> Done:
    """Harmonize each job and write it whole.

    A single picture that cannot be done raises; of several, the others are done all the same.

    Args:
        model: the network, under controls or not.
        jobs: what to read and write.
        reading: layers and masks.
        single: a picture by itself was asked for, and not what is left of several (`Plan.single`); None: as many as
            there are jobs.
        progress: wraps the jobs while they are worked on.

    Raises:
        InputError: the only picture is damaged, of another size than its mask, or has no foreground.
        OutputError: an output cannot be written.
    """
    controlled = model if isinstance(model, Controlled | Recalled) else Controlled(model)
    single = len(jobs) == 1 if single is None else single
    failed, empty = [], 0
    for job in progress(jobs):
        try:
            picture, mask = reading(job)
            if not single and not mask.any():
                picture.save(job.out, picture.srgb, mask)
                empty += 1
                continue
            harmonized = controlled(picture.srgb, mask, ceiling=picture.ceiling)
            picture.save(job.out, harmonized, controlled.controls.changed(mask))
        except MaskEmpty as error:
            raise InputError(f"{job.image}: {error}") from error
        except InputError as error:
            if single:
                raise
            failed.append(str(error))
    return Done(len(jobs) - len(failed), tuple(failed), empty)
