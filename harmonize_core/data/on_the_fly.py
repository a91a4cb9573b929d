# SPDX-License-Identifier: Apache-2.0
"""What rendered and photographic samples made on the fly have in common: how entries are opened and batches move."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.data.batch import B, SampleSource
from harmonize_core.data.cache import Arrays, opened
from harmonize_core.data.options import DataConfig
from harmonize_core.data.transforms import Crop
from harmonize_core.formats.triplet import TripletPaths


@dataclass(frozen=True)
class Drawing:
    """How a set that composes its samples draws them."""

    data: DataConfig
    """What is drawn how often."""
    size: int = 256
    """Side S of the square output in pixels."""
    seed: int = 0
    """Root of all draws."""
    draws: int = 0
    """0 for training; otherwise a fixed set of so many samples, in whole and without damage, to validate on."""
    pin: bool = False
    """Keep batches in memory that a GPU can fetch from."""


class Chosen(Generic[B]):
    """Some samples of a set, by their indices in it."""

    def __init__(self, whole: SampleSource[B], indices: Sequence[int]) -> None:
        self.whole, self.indices = whole, list(indices)
        self.kind = whole.kind
        self.skipped: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def triplets(self) -> list[TripletPaths]:
        """What the chosen samples are called."""
        named = self.whole.triplets
        return [named[index] for index in self.indices]

    def batch(self, samples: Sequence[tuple[int, int]]) -> B:
        """The whole set's batch of the chosen samples."""
        return self.whole.batch([(epoch, self.indices[index]) for epoch, index in samples])


class Views:
    """Entries of the decoded cache by number, mapped when they are first needed."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(files)
        self._open: dict[int, Arrays] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> Arrays:
        with self._lock:
            if number not in self._open:
                self._open[number] = opened(self._files[number])
            return self._open[number]


def whole(mask: NDArray) -> Crop:
    """No crop at all."""
    return Crop(0, 0, mask.shape[0], mask.shape[1])


def stacked(images: Sequence[NDArray], pin: bool) -> Tensor:
    """(H, W, C) each to (B, C, H, W) with the same type, in channels-last memory order."""
    return pinned(np.stack(images), pin).permute(0, 3, 1, 2)


def pinned(array: NDArray, pin: bool) -> Tensor:
    """An array as a tensor, in memory that a GPU can fetch from by itself where `pin`."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory() if pin else tensor


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """On `device` as float32, without waiting for the copy."""
    return tensor.to(device, non_blocking=True).to(torch.float32)
