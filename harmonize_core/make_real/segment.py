# SPDX-License-Identifier: Apache-2.0
"""Masks for photographs that have none, by a segmentation network the user points to.

Known to fit: IS-Net (Qin et al., "Highly Accurate Dichotomous Image Segmentation", ECCV 2022; 1024 pixels, colours
minus 0.5) and U2-Net (Qin et al., Pattern Recognition 2020; 320 pixels, ImageNet statistics), as exported to ONNX by
their authors and by danielgatis/rembg. Nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harmonize_core.data.transforms import resize
from harmonize_core.errors import CheckpointError, ConfigError, InputError
from harmonize_core.formats.images import IMAGE_SUFFIXES, MASK_ENDINGS, read_image, write_image
from harmonize_core.runtime.engines import open_session

Normalization = Literal["auto", "imagenet", "half"]
"""What the network expects: colours minus ImageNet's mean by its spread (U2-Net), or minus 0.5 (IS-Net); `auto` knows
the two by their input of 320 and 1024 pixels."""

_STATISTICS = {
    "imagenet": (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])),
    "half": (np.array([0.5, 0.5, 0.5]), np.array([1.0, 1.0, 1.0])),
}
_BY_SIZE: dict[int, Normalization] = {320: "imagenet", 1024: "half"}

MIN_CONTRAST = 0.2
"""Between the largest and smallest value a network gives; less means that it saw no foreground."""


@dataclass(frozen=True)
class Segmented:
    """What was found."""

    written: tuple[Path, ...]
    skipped: tuple[str, ...]
    """One sentence per photograph without a foreground."""


def segment_missing(
    photos_dir: Path,
    masks_dir: Path,
    model: Path,
    normalization: Normalization = "auto",
    *,
    progress: Callable[[list[Path]], Iterable[Path]] = iter,
) -> Segmented:
    """Write `<photo>_mask.png` to `masks_dir` for every photograph that has no mask there: look at them, correct them.

    Raises:
        InputError: the folder of photographs is missing.
        CheckpointError: the model is missing, damaged, or not (1, 3, S, S) to (1, 1, S, S).
        ConfigError: `auto` does not know a network of this input size.
        InputError: a photograph cannot be read.
    """
    if not photos_dir.is_dir():
        raise InputError(f"{photos_dir} should be the folder of photographs but is no folder; check the path")
    names = {f.stem for f in masks_dir.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES} if masks_dir.is_dir() else set()
    todo = [
        photo
        for photo in sorted(photos_dir.iterdir())
        if photo.suffix.lower() in IMAGE_SUFFIXES
        and not photo.stem.endswith(tuple(ending for ending in MASK_ENDINGS if ending))
        and not any(photo.stem + ending in names and (ending or masks_dir != photos_dir) for ending in MASK_ENDINGS)
    ]
    session = open_session(model)
    size = _input_size(session, model)
    mean, spread = _STATISTICS[_known(normalization, size, model)]
    written, skipped = [], []
    for photo in progress(todo):
        image = read_image(photo)
        small = (resize(image, (size, size)) - mean) / spread
        feed = {session.get_inputs()[0].name: np.ascontiguousarray(small.transpose(2, 0, 1)[None], dtype=np.float32)}
        answer = np.asarray(session.run([session.get_outputs()[0].name], feed)[0])
        if answer.size != size * size:
            raise CheckpointError(
                f"{model} should give one mask of {size}x{size} but gives {answer.shape}; choose a network for salient "
                "objects, e.g. IS-Net or U2-Net"
            )
        low, high = float(answer.min()), float(answer.max())
        if not high - low >= MIN_CONTRAST:
            skipped.append(f"{photo} was left out: the network found no foreground; draw a mask by hand")
            continue
        mask = ((answer.reshape(size, size) - low) / (high - low)).astype(np.float32)
        file = masks_dir / f"{photo.stem}_mask.png"
        write_image(file, np.clip(resize(mask, (image.shape[0], image.shape[1])), 0, 1))
        written.append(file)
    return Segmented(tuple(written), tuple(skipped))


def _input_size(session: Any, model: Path) -> int:
    inputs = session.get_inputs()
    shape = list(inputs[0].shape) if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1] != 3 or not isinstance(shape[2], int) or shape[2] != shape[3]:
        found = ", ".join(str(i.shape) for i in inputs)
        raise CheckpointError(
            f"{model} should take one picture (1, 3, S, S) but takes {found}; choose a network for salient objects of "
            "fixed size, e.g. IS-Net or U2-Net"
        )
    return shape[2]


def _known(normalization: Normalization, size: int, model: Path) -> Normalization:
    if normalization != "auto":
        return normalization
    if size not in _BY_SIZE:
        raise ConfigError(
            f"{model} takes {size}x{size} pixels, which is neither U2-Net (320) nor IS-Net (1024); say how it expects "
            "colours with --segment-colors imagenet or half"
        )
    return _BY_SIZE[size]
