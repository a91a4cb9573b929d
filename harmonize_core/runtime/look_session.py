# SPDX-License-Identifier: Apache-2.0
"""`LookHarmonizer`: an exported network that estimates a look, and the look it finds for an image of any size.

File contract "harmonize-look/1": inputs as "harmonize-onnx/1" (`session.py`); outputs `grade` (1, 10) and `map`
(1, 12, h, w), what a `Look` holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from harmonize_core.runtime.engines import Device, Runtime
from harmonize_core.runtime.look import GRADE, MAP, Floats, Look
from harmonize_core.runtime.session import (
    Harmonizer,
    ModelFile,
    ModelInfo,
    Outputs,
    Run,
    open_model,
    own_view,
    refuse_nan,
)

FORMAT = "harmonize-look/1"

OUTPUTS: Outputs = {"grade": (1, GRADE), "map": (1, MAP, "*", "*")}

Estimate = Callable[[Floats, Floats], Look]
"""(S, S, 3) sRGB in [0, 1] and (S, S) mask to the look that makes the foreground fit."""


class LookHarmonizer(ModelFile):
    """A network of fixed input size, and from it one look per image."""

    formats: ClassVar[Mapping[str, Outputs]] = {FORMAT: OUTPUTS}

    def __init__(self, estimate_own: Estimate, info: ModelInfo) -> None:
        self.estimate_own = estimate_own
        self.info = info

    @classmethod
    def of(cls, run: Run, info: ModelInfo) -> LookHarmonizer:
        """From an opened model of this format."""

        def estimate(composite: Floats, mask: Floats) -> Look:
            grade, cells = run(composite, mask)
            return Look(grade[0], cells[0])

        return cls(estimate, info)

    def network(self, composite: Floats, mask: Floats) -> Floats:
        """What PyTorch makes of a picture of the network's own size: (S, S, 3), (S, S) to (S, S, 3) sRGB in [0, 1]."""
        return np.clip(self.estimate_own(composite, mask).over(composite, mask, separated=False), 0, 1)

    def estimate(self, composite: Floats, mask: Floats, *, checked: bool = False) -> Look:
        """The look that makes the foreground of `composite` fit its background.

        Args:
            composite: (H, W, 3) float sRGB in [0, 1], any size.
            mask: (H, W) float in [0, 1], 1 = foreground.
            checked: they went through `check_arrays`.

        Raises:
            InputError: wrong shape, type or sizes, values that are not finite.
            MaskEmpty: the mask is 0 everywhere.
            CheckpointError: the network's result is not finite.
        """
        look = self.estimate_own(*own_view(composite, mask, self.info.input_size, checked=checked))
        refuse_nan(self.info, look.grade, look.map)
        return look


def open_harmonizer(
    path: str | os.PathLike[str], threads: int | None = None, device: Device = "cpu", runtime: Runtime = "auto"
) -> Harmonizer | LookHarmonizer:
    """Open an ONNX file of either format, arguments and errors as `ModelFile.from_file`."""
    run, info = open_model(Path(path), {**Harmonizer.formats, **LookHarmonizer.formats}, threads, device, runtime)
    kind = LookHarmonizer if info.metadata["format"] == FORMAT else Harmonizer
    return kind.of(run, info)
