# SPDX-License-Identifier: Apache-2.0
"""Predictions from files to files: one image, a folder of images, or a folder of consecutive frames."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import ConfigError, DatasetError, InputError
from harmonize_core.formats.images import (
    IMAGE_SUFFIXES,
    MASK_ENDINGS,
    check_same_size,
    read_image,
    read_mask,
    write_image,
)
from harmonize_core.infer.predictor import Predictor
from harmonize_core.runtime.layers import apply_transform
from harmonize_core.runtime.transform import ColorTransform, smooth_over_time

WRITABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


@dataclass(frozen=True)
class FileJob:
    """One composite with its mask and where the harmonized image goes."""

    image: Path
    mask: Path
    out: Path


def pair_files(image: Path, mask: Path, out: Path) -> list[FileJob]:
    """What to read and write, checked before anything is computed; folders give one PNG per image, sorted by name.

    Raises:
        InputError: an image or mask is missing.
        ConfigError: a folder where a file belongs or the other way round, or the output would replace the input.
        DatasetError: a folder without images.
    """
    image, mask, out = Path(image), Path(mask), Path(out)
    for path, what in ((image, "image"), (mask, "mask")):
        if not path.exists():
            raise InputError(f"the {what} {path} does not exist; check the path")
    if not image.is_dir():
        if mask.is_dir():
            mask = _mask_in(mask, image)
        if out.is_dir() or not out.suffix:
            out = out / f"{image.stem}.png"
        return [_checked(FileJob(image, mask, out))]
    if not mask.is_dir():
        raise ConfigError(f"{image} is a folder, so --mask should be the folder of its masks, but {mask} is a file")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{image} is a folder, so --out should be a folder too, but {out} is a file")
    same = mask.resolve() == image.resolve()
    images = [f for f in sorted(image.iterdir()) if f.suffix.lower() in IMAGE_SUFFIXES]
    images = [f for f in images if not (same and f.stem.endswith(("_mask", "-mask")))]
    if not images:
        raise DatasetError(f"{image} should hold images ({', '.join(s[1:] for s in IMAGE_SUFFIXES)}) but has none")
    if out.resolve() == image.resolve():
        raise ConfigError(f"--out {out} is the folder of the images, which would become inputs; choose another folder")
    stems = collections.Counter(f.stem for f in images)
    twice = [stem for stem, count in stems.items() if count > 1]
    if twice:
        raise ConfigError(
            f"{image} holds several images named {twice[0]}, which would all become {twice[0]}.png; rename"
        )
    return [_checked(FileJob(f, _mask_in(mask, f), out / f"{f.stem}.png")) for f in images]


def predict_files(
    predictor: Predictor,
    jobs: Sequence[FileJob],
    *,
    strength: float = 1.0,
    sigma_frames: float = 0.0,
    progress: Callable[[Sequence[FileJob]], Iterable[FileJob]] = iter,
) -> list[Path]:
    """Harmonize each job and write it whole; with `sigma_frames` > 0 the jobs are consecutive frames, without flicker.

    Frames are read twice instead of kept, so that a long shot fits into memory; frames without foreground pass through.

    Raises:
        InputError: a file is missing or damaged, sizes differ, or (single images) the mask is empty.
        OutputError: an output cannot be written.
    """
    if sigma_frames <= 0:
        for job in progress(jobs):
            composite, mask = _read(job)
            _write(job, predictor(composite, mask, strength))
        return [job.out for job in jobs]
    estimated: list[tuple[FileJob, ColorTransform]] = []
    for job in progress(jobs):
        composite, mask = _read(job)
        if mask.any():
            estimated.append((job, predictor.harmonizer.estimate(composite, mask)))
    smoothed = smooth_over_time([transform for _, transform in estimated], sigma_frames)
    by_job = {job: transform for (job, _), transform in zip(estimated, smoothed, strict=True)}
    for job in progress(jobs):
        composite, mask = _read(job)
        if job in by_job:
            composite = apply_transform(by_job[job].scaled(strength), composite, mask)
        _write(job, composite)
    return [job.out for job in jobs]


def _read(job: FileJob):
    composite, mask = read_image(job.image), read_mask(job.mask)
    check_same_size(composite, job.image, mask, job.mask)
    return composite, mask


def _write(job: FileJob, harmonized) -> None:
    write_image(job.out, harmonized)


def _mask_in(folder: Path, image: Path) -> Path:
    masks = {f.stem: f for f in sorted(folder.iterdir()) if f.suffix.lower() in IMAGE_SUFFIXES}
    for ending in MASK_ENDINGS:
        found = masks.get(image.stem + ending)
        if found is not None and found.resolve() != image.resolve():
            return found
    raise InputError(f"{folder} should hold a mask for {image.name}, named {image.stem}_mask.png or {image.stem}.png")


def _checked(job: FileJob) -> FileJob:
    if job.out.suffix.lower() not in WRITABLE:
        raise ConfigError(f"--out should end in one of {', '.join(WRITABLE)} but is {job.out}")
    if job.out.resolve() in (job.image.resolve(), job.mask.resolve()):
        raise ConfigError(f"--out {job.out} would replace the input; choose another name")
    return job
