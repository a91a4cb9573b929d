# SPDX-License-Identifier: Apache-2.0
"""Triplets from files to tensors, and an endless stream of batches whose content depends on the step number alone."""

from __future__ import annotations

import collections
import logging
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.data.options import DataConfig
from harmonize_core.data.rng import generator
from harmonize_core.data.transforms import Crop, apply_crop, draw_crop, resize
from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.images import check_same_size, read_image, read_mask, to_uint8
from harmonize_core.formats.member import ImageFile
from harmonize_core.formats.triplet import TripletPaths

T = TypeVar("T")

STYLES = 10

Integers = NDArray[np.uint8] | NDArray[np.uint16]
"""uint8 for 8-bit files, uint16 for deeper ones; the largest value is 1."""

_log = logging.getLogger(__name__)


class Arrays(NamedTuple):
    """One triplet as integers: composite and real (H, W, 3) sRGB, mask (H, W), its largest value = foreground."""

    composite: Integers
    mask: Integers
    real: Integers


@dataclass(frozen=True)
class Batch:
    """B triplets of one domain, images float32 sRGB in [0, 1]."""

    composite: Tensor
    """(B, 3, S, S)"""
    mask: Tensor
    """(B, 1, S, S) in [0, 1], 1 = foreground, soft edges."""
    real: Tensor
    """(B, 3, S, S)"""
    style_soft: Tensor
    """(B, 10) float32, rows sum to 1; zeros for photographs."""
    style_hard: Tensor
    """(B,) int64 in 0..9; -1 for photographs."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`, images in channels-last memory order."""
        moved = {}
        for field in fields(self):
            tensor = getattr(self, field.name)
            if tensor.ndim == 4:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            moved[field.name] = tensor.to(device, non_blocking=True)
        return Batch(**moved)


class Movable(Protocol):
    """A batch, or what becomes one on the device where the network runs."""

    def to(self, device: torch.device) -> Batch: ...


B = TypeVar("B", bound=Movable)
B_co = TypeVar("B_co", bound=Movable, covariant=True)


class SampleSource(Protocol[B_co]):
    """What training and validation draw from: triplets in files, or views and photographs composed on the fly.

    Sample (epoch, index) is a pure function of a seed, epoch and index: no state, any order, any thread.
    """

    skipped: dict[int, str]
    """Why samples were left out, by their index."""

    @property
    def kind(self) -> str:
        """What the samples are taken from, in the plural."""
        ...

    @property
    def triplets(self) -> Sequence[TripletPaths]:
        """What the samples are called and where they come from, by index; not all of these need be files."""
        ...

    def __len__(self) -> int: ...

    def batch(self, samples: Sequence[tuple[int, int]]) -> B_co: ...


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


class BatchStream(Generic[B]):
    """Endless shuffled batches: step k always holds the same samples, so a run resumes by its step number alone.

    Epochs are seeded permutations laid end to end; a batch may span two of them, so no sample is ever dropped.
    """

    def __init__(self, dataset: SampleSource[B], batch_size: int, *, seed: int, name: str) -> None:
        """Args: `name` separates the orders of streams that share a seed."""
        self.dataset = dataset
        self.batch_size = batch_size
        self._seed = seed
        self._name = name
        self._orders: dict[int, NDArray[np.int64]] = {}

    def samples(self, step: int) -> list[tuple[int, int]]:
        """The (epoch, index) pairs of batch `step`, counted from 0."""
        first = step * self.batch_size
        positions = range(first, first + self.batch_size)
        return [
            (p // len(self.dataset), int(self._order(p // len(self.dataset))[p % len(self.dataset)])) for p in positions
        ]

    def batch(self, step: int) -> B:
        return self.dataset.batch(self.samples(step))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = self._orders.get(epoch)
        if order is None:
            order = generator(self._seed, "order", self._name, epoch).permutation(len(self.dataset))
            kept = {e: o for e, o in self._orders.items() if e >= epoch - 2}
            self._orders = {**kept, epoch: order}  # replaced, never changed: other threads may be reading it
        return order


def prefetch(
    streams: Sequence[BatchStream[B]], start: int, stop: int, *, ahead: int = 2, workers: int = 1
) -> Generator[tuple[B, ...]]:
    """Batches `start` .. `stop` - 1 of all streams together, prepared by threads while the caller computes.

    A sample draws from a generator of its own (seed, epoch, index), so the number of workers changes no value.
    """
    return in_advance(lambda step: tuple(stream.batch(step) for stream in streams), start, stop, ahead, workers)


def in_advance(make: Callable[[int], T], start: int, stop: int, ahead: int = 2, workers: int = 1) -> Generator[T]:
    """`make(start)` .. `make(stop - 1)` in order, up to `ahead` of them (at least one a worker) made before they are
    asked for; 0 workers make each when it is asked for. What `make` raises comes in its turn.

    Workers are threads: reading, decoding and resizing release the interpreter lock, processes would only copy the
    cache, and nothing of theirs can outlive this process.
    """
    if workers == 0:
        yield from map(make, range(start, stop))
        return
    ahead = max(ahead, workers)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="batches") as pool:
        waiting: collections.deque[Future[T]] = collections.deque()
        try:
            for step in range(start, min(start + ahead, stop)):
                waiting.append(pool.submit(make, step))
            for step in range(start, stop):
                made = waiting.popleft().result()
                if step + ahead < stop:
                    waiting.append(pool.submit(make, step + ahead))
                yield made
        finally:
            for future in waiting:
                future.cancel()


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
