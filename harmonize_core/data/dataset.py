# SPDX-License-Identifier: Apache-2.0
"""Triplets from files to tensors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.data.batch import STYLES, Batch
from harmonize_core.data.batch import Movable as Movable
from harmonize_core.data.batch import SampleSource as SampleSource
from harmonize_core.data.options import DataConfig
from harmonize_core.data.rng import chances, generator
from harmonize_core.data.stream import BatchStream as BatchStream
from harmonize_core.data.stream import in_advance as in_advance
from harmonize_core.data.stream import prefetch as prefetch
from harmonize_core.data.transforms import Crop, apply_crop, draw_crop, resize
from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.images import check_same_size, read_image, read_mask, to_uint8
from harmonize_core.formats.member import ImageFile
from harmonize_core.formats.triplet import TripletPaths

Integers = NDArray[np.uint8] | NDArray[np.uint16]
"""uint8 for 8-bit files, uint16 for deeper ones; the largest value is 1."""

_log = logging.getLogger(__name__)


class Arrays(NamedTuple):
    """One triplet as integers: composite and real (H, W, 3) sRGB, mask (H, W), its largest value = foreground."""

    composite: Integers
    mask: Integers
    real: Integers


class TripletDataset:
    """Triplets of one domain, read on demand, kept decoded in memory while `cache_mb` lasts.

    Sample (epoch, index) is a pure function of (seed, epoch, index): no state, any order, any thread.
    """

    def __init__(
        self,
        triplets: Sequence[TripletPaths],
        *,
        size: int = 256,
        seed: int = 0,
        augment: bool = True,
        cache_mb: int = 2048,
        skip_corrupt: bool = False,
        data: DataConfig | None = None,
        pin: bool = False,
    ) -> None:
        """Args:
        triplets: What to read; at least one.
        size: Side S of the square output in pixels.
        seed: Root of the augmentation's randomness.
        augment: Random crop and flip; otherwise the whole image is resized.
        cache_mb: Memory for decoded images. Cached images are shrunk to a shorter side of 3/2 S first: the smallest
            crop then still has S pixels a side. 0 reads every file every time, at full size.
        skip_corrupt: Take the next usable triplet instead of one that cannot be read, and say so once; otherwise the
            first such triplet is an error. What replaces what depends on the files alone.
        data: How crops are drawn.
        pin: Keep batches in memory that a GPU can fetch from.
        """
        if not triplets:
            raise DatasetError("a data set for training or evaluation needs at least one triplet but got none")
        self.triplets = list(triplets)
        self.size = size
        self.seed = seed
        self.augment = augment
        self._cache_limit = cache_mb * 2**20
        self.skip_corrupt = skip_corrupt
        self.kind = "triplets"
        self._data = data or DataConfig()
        self._pin = pin
        self.skipped: dict[int, str] = {}
        """Why triplets were left out, by their index."""
        self._cache: dict[ImageFile, Integers] = {}
        self._cached_bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.triplets)

    def arrays(self, index: int, epoch: int = 0) -> Arrays:
        """Sample `index` of `epoch` at (size, size).

        Raises:
            InputError: a file is missing or damaged, the sizes of the three differ, or the mask is empty; with
                `skip_corrupt`, every triplet is so.
        """
        return self._sample(index, epoch)[1]

    def _sample(self, index: int, epoch: int) -> tuple[TripletPaths, Arrays]:
        """The triplet that stands for `index`, and its arrays."""
        for number in (*range(index, len(self)), *range(index)):
            if number in self.skipped:
                continue
            try:
                return self.triplets[number], self._read(number, epoch)
            except InputError as error:
                if not self.skip_corrupt:
                    raise InputError(f"{error}; --skip-corrupt leaves such triplets out") from error
                composite = str(self.triplets[number].composite)
                reason = str(error) if composite in str(error) else f"{composite}: {error}"
                with self._lock:
                    if number not in self.skipped:
                        self.skipped[number] = reason
                        _log.warning("left out: %s", reason)
        raise InputError(f"none of the {len(self)} triplets can be read; the first: {self.skipped[0]}")

    def _read(self, index: int, epoch: int) -> Arrays:
        paths = self.triplets[index]
        mask, composite, real = (self._load(p, p == paths.mask) for p in (paths.mask, paths.composite, paths.real))
        check_same_size(composite, paths.composite, mask, paths.mask)
        check_same_size(real, paths.real, mask, paths.mask)
        if not mask.any():
            raise InputError(f"{paths.mask} should mark a foreground but is black all over; draw the mask again")
        crop = Crop(0, 0, mask.shape[0], mask.shape[1])
        if self.augment:
            crop = draw_crop(generator(self.seed, "augment", epoch, index), mask, self._data)
        return Arrays(*(apply_crop(image, crop, self.size) for image in (composite, mask, real)))

    def batch(self, samples: Sequence[tuple[int, int]]) -> Batch:
        """The batch of the given (epoch, index) pairs, in their order, on the CPU."""
        found = [self._sample(index, epoch) for epoch, index in samples]
        chosen, arrays = [paths for paths, _ in found], [images for _, images in found]
        soft = [t.style_soft or (0.0,) * STYLES for t in chosen]
        hard = [-1 if t.style_hard is None else t.style_hard - 1 for t in chosen]
        composite, mask, real = (
            _to_tensor(images, self._pin)
            for images in ([a.composite for a in arrays], [a.mask[..., None] for a in arrays], [a.real for a in arrays])
        )
        return Batch(
            composite=composite,
            mask=mask,
            real=real,
            style_soft=torch.tensor(soft, dtype=torch.float32),
            style_hard=torch.tensor(hard, dtype=torch.int64),
            chance=torch.from_numpy(chances(self.seed, samples)),
        )

    def _load(self, path: ImageFile, is_mask: bool) -> Integers:
        with self._lock:
            if path in self._cache:
                return self._cache[path]
        pixels = _to_integers(read_mask(path) if is_mask else read_image(path))
        if not self._cache_limit:
            return pixels
        height, width = pixels.shape[:2]
        factor = 1.5 * self.size / min(height, width)
        if factor < 1:
            pixels = resize(pixels, (round(height * factor), round(width * factor)))
        with self._lock:
            if self._cached_bytes + pixels.nbytes <= self._cache_limit and path not in self._cache:
                self._cache[path] = pixels
                self._cached_bytes += pixels.nbytes
        return pixels


def _to_integers(image: NDArray[np.float32]) -> Integers:
    """Values in [0, 1] as uint8 where that loses nothing, else as uint16."""
    eight_bit = to_uint8(image)
    if np.abs(eight_bit * np.float32(1 / 255) - image).max(initial=0) < 1e-6:
        return eight_bit
    return np.rint(np.clip(image, 0, 1) * 65535).astype(np.uint16)


def _to_tensor(images: list[Integers], pin: bool) -> Tensor:
    """(S, S, C) integers each to float32 (B, C, S, S) in [0, 1], pinned if `pin`."""
    units = [image.astype(np.float32) / np.iinfo(image.dtype).max for image in images]
    batch = torch.from_numpy(np.stack(units))
    return (batch.pin_memory() if pin else batch).permute(0, 3, 1, 2)
