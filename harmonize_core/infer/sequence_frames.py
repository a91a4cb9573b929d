# SPDX-License-Identifier: Apache-2.0
"""Consecutive frames and their masks, from numbered files, folders and videos, one after the other.

Masks may be as many files as there are frames, a video, one still for all of them, or the frames' own alpha.
"""

from __future__ import annotations

import collections
import hashlib
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats.picture import Picture, open_picture
from harmonize_core.infer.files import Reading
from harmonize_core.infer.masks import mask_of, mask_of_picture
from harmonize_core.infer.pairs import existing, find_images, is_many
from harmonize_core.infer.video import is_video, video_frames, video_info

Floats = NDArray[np.float32]

RATE = Fraction(24)
"""Frames a second where nothing says it."""


@dataclass(frozen=True)
class Frame:
    """One frame, not read yet."""

    name: str
    """Of its work file, unlike any other."""
    number: int
    """As its user calls it."""
    path: Path
    digest: str
    """Of the files it and its mask are read from."""
    read: Callable[[], tuple[Picture, Floats]]
    """The picture and its mask (H, W).

    Raises:
        InputError: damaged, or their sizes differ.
    """


@dataclass(frozen=True)
class Footage:
    """The frames of a sequence, in order; going through them reads nothing that is not asked for."""

    images: tuple[Path, ...]
    """Files, or one video."""
    masks: tuple[Path | None, ...]
    """One for each file, or one for all frames; None: the pictures' own alpha."""
    reading: Reading
    rate: Fraction
    """Frames a second."""
    count: int
    """Of frames; of videos, as they say."""

    @property
    def video(self) -> Path | None:
        """The video that the frames are of."""
        return self.images[0] if is_video(self.images[0]) else None

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Frame]:
        """All frames.

        Raises:
            InputError: there are fewer masks than frames, or a video is damaged.
        """
        masks = self._masks()
        for name, number, path, digest, picture in self._pictures():
            mask = next(masks, None)
            if mask is None:
                raise InputError(
                    f"{self.masks[0]} has {number - 1} masks for more frames of {path}; give as many, or one picture"
                )
            mask_digest, masked = mask
            yield Frame(name, number, path, f"{digest} {mask_digest}", partial(_both, picture, masked))

    def _pictures(self) -> Iterator[tuple[str, int, Path, str, Callable[[], Picture]]]:
        if self.video is not None:
            whole = file_digest(self.video)
            for picture in video_frames(self.video):
                name = f"frame_{picture.number:06d}"
                yield name, picture.number, self.video, f"{whole}:{picture.number}", partial(_itself, picture)
            return
        unlike = len({path.name for path in self.images}) == len(self.images)
        for path, number in zip(self.images, numbers_of(self.images), strict=True):
            yield (
                path.name if unlike else f"{number:06d}_{path.name}",
                number,
                path,
                file_digest(path),
                partial(open_picture, path, self.reading.layer),
            )

    def _masks(self) -> Iterator[tuple[str, Callable[[Picture], Floats]]]:
        choice, first = self.reading.mask, self.masks[0]
        if first is not None and is_video(first):
            whole = file_digest(first)
            for mask in video_frames(first):
                yield f"{whole}:{mask.number}", partial(mask_of_picture, mask=mask, choice=choice)
            return
        masks = itertools.repeat(first) if len(self.masks) == 1 else iter(self.masks)
        for path in masks:
            yield ("" if path is None else file_digest(path)), partial(mask_of, path=path, choice=choice)


def find_footage(images: Sequence[Path], mask: Path | None, reading: Reading, rate: float | None = None) -> Footage:
    """Pair the frames of a sequence with their masks.

    Files are paired by the numbers in their names, or one after the other where names hold none.

    Args:
        images: one video; or files, folders and patterns of frames.
        mask: a video, file, folder or pattern; None: the frames' own alpha.
        reading: layers and how masks are read.
        rate: frames a second; None: the video's own, or 24.

    Raises:
        InputError: something is missing, or frames have no mask; the message counts and names them.
        ConfigError: a video among other images.
        DatasetError: a folder or pattern without pictures.
        EnvironmentFault: a video without PyAV.
    """
    if rate is not None and not 0 < rate <= 1000:
        raise ConfigError(f"--fps should be above 0 but is {rate:g}")
    if any(is_video(path) and not path.is_dir() for path in images):
        if len(images) > 1:
            raise ConfigError(
                f"{images[0]} and {len(images) - 1} more: a video is harmonized by itself; run them apart"
            )
        video = existing(images[0], "video")
        info = video_info(video)
        masks = _masks_of_video(mask, info.count)
        return Footage(
            (video,), masks, reading, Fraction(rate).limit_denominator(1001) if rate else info.rate, info.count
        )
    frames = find_images(images)
    if mask is None:
        masks = (None,)
    elif not is_many(mask):
        masks = (existing(mask, "mask"),)
    else:
        found = find_images([mask])
        frames = [f for f in frames if f not in set(found)] or frames
        masks = _paired(frames, found, mask)
    used = Fraction(rate).limit_denominator(1001) if rate else RATE
    return Footage(tuple(frames), tuple(masks), reading, used, len(frames))


def numbers_of(paths: Sequence[Path]) -> tuple[int, ...]:
    """The number of each frame: the last in its name, where all have one and they rise; else counted from 1."""
    found = [re.findall(r"[0-9]+", path.stem) for path in paths]
    if all(found):
        numbers = [int(digits[-1]) for digits in found]
        if all(a < b for a, b in itertools.pairwise(numbers)):
            return tuple(numbers)
    return tuple(range(1, len(paths) + 1))


def times_of(numbers: Sequence[int]) -> NDArray[np.float64]:
    """When each frame is seen, in frames: their numbers, divided by the step that most of them are apart."""
    steps = collections.Counter(b - a for a, b in itertools.pairwise(numbers))
    usual = steps.most_common(1)[0][0] if steps else 1
    return (np.asarray(numbers, dtype=np.float64) - numbers[0]) / usual


def file_digest(path: Path) -> str:
    """Of all bytes of a file, read once while it stays as it is.

    Raises:
        InputError: missing, or it may not be read.
    """
    try:
        state = os.stat(path)
        return _digest(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path and its rights") from error


@cache
def _digest(path: Path, _size: int, _changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _masks_of_video(mask: Path | None, count: int) -> tuple[Path | None, ...]:
    if mask is None:
        return (None,)
    if not is_many(mask):
        return (existing(mask, "mask"),)
    found = find_images([mask])
    if count and len(found) != count:
        raise InputError(
            f"{mask} holds {len(found)} masks for {count} frames; give one for each, or one picture for all"
        )
    return tuple(found)


def _paired(frames: Sequence[Path], masks: Sequence[Path], source: Path) -> tuple[Path, ...]:
    by_number = dict(zip(numbers_of(masks), masks, strict=True))
    numbers = numbers_of(frames)
    if all(number in by_number for number in numbers):
        return tuple(by_number[number] for number in numbers)
    if len(frames) == len(masks) and tuple(by_number) == tuple(range(1, len(masks) + 1)):
        return tuple(masks)
    missing = [path for path, number in zip(frames, numbers, strict=True) if number not in by_number]
    raise InputError(
        f"{len(missing)} of {len(frames)} frames have no mask of their number in {source}, such as {missing[0].name}; "
        "nothing was written"
    )


def _itself(picture: Picture) -> Picture:
    return picture


def _both(picture: Callable[[], Picture], mask: Callable[[Picture], Floats]) -> tuple[Picture, Floats]:
    shown = picture()
    return shown, mask(shown)
