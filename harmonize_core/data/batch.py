# SPDX-License-Identifier: Apache-2.0
"""What training and validation take: batches of triplets, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from harmonize_core.formats.triplet import TripletPaths

STYLES = 10
"""Capture conditions that a batch has labels for."""


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
    chance: Tensor
    """(B,) float32 in [0, 1), a number of each sample's own (`rng.chances`): for what is done to a share of samples."""

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
