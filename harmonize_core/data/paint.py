# SPDX-License-Identifier: Apache-2.0
"""Foregrounds in other colours: what a surface reflects is scaled, in the composite and in the real picture alike.

Light that comes off a surface is the light that falls on it times what it reflects, so a smooth field of gains makes
another character in the same light. A network that has seen few characters then cannot know their colours by heart.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CELLS = 4
"""Rows and columns of a field before it is enlarged."""

LEVEL, TINT = 0.5, 0.2
"""Standard deviation of the whole field's log gain, common to the channels, and of each channel's own."""

UNEVEN, MOTLEY = 0.3, 0.1
"""The same from cell to cell."""

LARGEST = 1.4
"""Log gains go no further, either way."""


def draw_paint(rng: np.random.Generator) -> NDArray[np.float32]:
    """Log gains (3, 4, 4) of linear R, G, B over the picture."""
    whole = rng.normal(0, LEVEL) + rng.normal(0, TINT, (3, 1, 1))
    cells = rng.normal(0, UNEVEN, (1, CELLS, CELLS)) + rng.normal(0, MOTLEY, (3, CELLS, CELLS))
    return np.clip(whole + cells, -LARGEST, LARGEST).astype(np.float32)


def painted(
    real: Tensor, parts: Tensor, place: Tensor, paints: list[NDArray[np.float32] | None]
) -> tuple[Tensor, Tensor]:
    """Paint the foregrounds of a batch.

    Args:
        real: (B, 3, S, S) linear light of the real pictures, channels last in memory.
        parts: (6, N) premultiplied light of the composites' foregrounds and of the background.
        place: (N,) where those are in the batch laid flat, sample by sample.
        paints: log gains (3, h, w) for each sample, None for those that keep their colours.

    Returns:
        `real` and `parts`, painted; without paint the same tensors.
    """
    if all(paint is None for paint in paints):
        return real, parts
    side = real.shape[2]
    none = np.zeros((3, CELLS, CELLS), np.float32)
    logs = torch.from_numpy(np.stack([none if paint is None else paint for paint in paints])).to(real.device)
    field = functional.interpolate(torch.exp(logs), (side, side), mode="bicubic", align_corners=False)
    gains = field.clamp(np.exp(-LARGEST), np.exp(LARGEST)).permute(0, 2, 3, 1).reshape(-1, 3)[place].T
    front, back = parts.split(3)
    real = real.clone(memory_format=torch.channels_last)
    flat = real.permute(0, 2, 3, 1).reshape(-1, 3)
    own = (flat[place].T - back).clamp_min(0)
    flat.index_copy_(0, place, (flat[place].T + own * (gains - 1)).T.contiguous())
    return real, torch.cat([front * gains, back])
