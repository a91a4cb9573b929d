# SPDX-License-Identifier: Apache-2.0
"""A contact sheet of training samples as the network gets them: composite, mask and real side by side."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.data.batch import Batch, Movable
from harmonize_core.data.stream import BatchStream
from harmonize_core.data.transforms import resize
from harmonize_core.formats.images import to_uint8

GAP = 4
"""Pixels between samples."""
TILE = 160
"""Side of a picture on the sheet, at most."""


def contact_sheet(stream: BatchStream[Movable], count: int, *, columns: int = 4) -> NDArray[np.uint8]:
    """The first `count` samples of a stream as one picture (H, W, 3), `columns` samples a row."""
    batches = [stream.batch(step).to(torch.device("cpu")) for step in range(-(-count // stream.batch_size))]
    samples = [strip for batch in batches for strip in _strips(batch)][:count]
    height, width = samples[0].shape[:2]
    rows = -(-len(samples) // columns)
    sheet = np.full((rows * (height + GAP), min(columns, len(samples)) * (width + GAP), 3), 255, np.uint8)
    for number, strip in enumerate(samples):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = strip
    return sheet


def _strips(batch: Batch) -> list[NDArray[np.uint8]]:
    """Composite, mask and real of each sample, side by side."""
    parts = [_pictures(batch.composite), _pictures(batch.mask.expand(-1, 3, -1, -1)), _pictures(batch.real)]
    return [np.concatenate(images, axis=1) for images in zip(*parts, strict=True)]


def _pictures(images: Tensor) -> list[NDArray[np.uint8]]:
    side = min(TILE, images.shape[-1])
    return [resize(to_uint8(image.permute(1, 2, 0).numpy()), (side, side)) for image in images]
