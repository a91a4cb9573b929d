# SPDX-License-Identifier: Apache-2.0
"""What happens to pictures on their way to an artist: JPEG, noise, 8 bits, resampling, and masks drawn by hand.

Drawn per sample on the CPU, applied on the device. Composite and real go through the same; outside the foreground the
real then takes the composite's pixels, so that backgrounds are equal bit for bit (a JPEG block on the outline would
else differ in both).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from harmonize_core.data.options import DataConfig

MASK_CHANGES = ("soft", "wider", "much wider", "narrower", "much narrower", "blurred")
_LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
"""ITU-T T.81, table K.1."""
_CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99,) * 8,) * 4,
)  # fmt: skip
"""Table K.2."""
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""ITU-T T.871."""


@dataclass(frozen=True)
class Damage:
    """What happens to one sample; the defaults are nothing."""

    jpeg: int = 0
    """Quality 1..100 of the JPEG standard's scaled tables, 4:4:4; 0: none."""
    noise: NDArray[np.float16] | None = None
    """(3, S, S) to be added."""
    shrink: float = 1.0
    """Factor by which the picture is shrunk and grown again."""
    eight_bit: bool = False
    mask: str = ""
    """One of `MASK_CHANGES`."""


NONE = Damage()


def draw_damage(rng: np.random.Generator, data: DataConfig, side: int) -> Damage:
    """What happens to a sample of `side` pixels."""
    shares = (data.jpeg, data.noise, data.blur, data.eight_bit, data.mask)
    if not any(shares):
        return NONE
    hit = rng.random(5) < shares
    quality, shrink, change = rng.integers(40, 96), rng.uniform(1.15, 2.0), rng.integers(len(MASK_CHANGES))
    return Damage(
        jpeg=int(quality) if hit[0] else 0,
        noise=_noise(rng, side) if hit[1] else None,
        shrink=float(shrink) if hit[2] else 1.0,
        eight_bit=bool(hit[3]),
        mask=MASK_CHANGES[int(change)] if hit[4] else "",
    )


def damaged(composite: Tensor, real: Tensor, coverage: Tensor, damage: list[Damage]) -> tuple[Tensor, Tensor]:
    """Composites and reals (B, 3, H, W) with their damage; equal to each other where coverage (B, 1, H, W) is 0."""
    if all(d.shrink == 1 and d.noise is None and not d.eight_bit and not d.jpeg for d in damage):
        return composite, real
    pair = torch.stack([composite, real], dim=1)  # (B, 2, 3, H, W)
    pair = _each(pair, damage, lambda d: d.shrink != 1, _resampled)
    pair = _each(pair, damage, lambda d: d.noise is not None, _noisy)
    pair = _each(pair, damage, lambda d: d.eight_bit or d.jpeg > 0, lambda p, _: torch.round(p.clamp(0, 1) * 255) / 255)
    pair = _each(pair, damage, lambda d: d.jpeg > 0, _as_jpeg)
    composite, real = pair.unbind(dim=1)
    return composite, torch.where(coverage > 0, real, composite)


def changed_masks(mask: Tensor, coverage: Tensor, damage: list[Damage]) -> Tensor:
    """Masks (B, 1, H, W) as they would have been drawn by hand; `coverage` is the true one."""
    if not any(d.mask for d in damage):
        return mask
    rows = [_changed_mask(mask[i : i + 1], coverage[i : i + 1], d.mask) for i, d in enumerate(damage)]
    return torch.cat(rows)


def jpeg(pictures: Tensor, quality: int) -> Tensor:
    """What baseline JPEG with 4:4:4 chroma leaves of pictures (B, 3, H, W) in [0, 1].

    ITU-T T.81: 8x8 cosine transform, tables K.1 and K.2 scaled as the Independent JPEG Group's library does. Without
    entropy coding, which loses nothing. Sizes that are no multiples of 8 are padded by their edge.
    """
    height, width = pictures.shape[-2:]
    padded = functional.pad(pictures, (0, -width % 8, 0, -height % 8), mode="replicate")
    matrix = torch.tensor(_TO_YCC, dtype=pictures.dtype, device=pictures.device)
    ycc = torch.round(torch.einsum("ij,bjhw->bihw", matrix, padded * 255))
    ycc = ycc - torch.tensor([128.0, 0, 0], dtype=pictures.dtype, device=pictures.device)[:, None, None]
    batch, _, tall, wide = ycc.shape
    blocks = ycc.reshape(batch, 3, tall // 8, 8, wide // 8, 8).transpose(3, 4)
    basis, table = _cosines(pictures), _table(quality, pictures)
    levels = torch.round(basis @ blocks @ basis.T / table)
    back = (basis.T @ (levels * table) @ basis).transpose(3, 4).reshape(batch, 3, tall, wide)
    back = torch.round(back) + torch.tensor([128.0, 0, 0], dtype=pictures.dtype, device=pictures.device)[:, None, None]
    rgb = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(matrix), back) / 255
    return (torch.round(rgb.clamp(0, 1) * 255) / 255)[..., :height, :width]


def _noise(rng: np.random.Generator, side: int) -> NDArray[np.float16]:
    """Of a sensor: partly the same in all channels, at times coarser than a pixel."""
    strength, coarse, shared = rng.uniform(0.004, 0.04), rng.random() < 0.3, rng.uniform(0.2, 0.9)
    size = -(-side // 2) if coarse else side
    grey, colour = rng.standard_normal((1, size, size), np.float32), rng.standard_normal((3, size, size), np.float32)
    noise = strength * (shared * grey + np.sqrt(1 - shared**2) * colour)
    if coarse:
        noise = noise.repeat(2, axis=1).repeat(2, axis=2)[:, :side, :side]
    return noise.astype(np.float16)


def _each(
    pair: Tensor,
    damage: list[Damage],
    hit: Callable[[Damage], bool],
    change: Callable[[Tensor, Damage], Tensor],
) -> Tensor:
    """`change` of the samples that are hit, each with its damage."""
    rows = [change(pair[i], d) if hit(d) else pair[i] for i, d in enumerate(damage)]
    return torch.stack(rows) if any(map(hit, damage)) else pair


def _resampled(pair: Tensor, damage: Damage) -> Tensor:
    height, width = pair.shape[-2:]
    small = (max(8, round(height / damage.shrink)), max(8, round(width / damage.shrink)))
    shrunk = functional.interpolate(pair, small, mode="bilinear", antialias=True, align_corners=False)
    return functional.interpolate(shrunk, (height, width), mode="bilinear", align_corners=False)


def _noisy(pair: Tensor, damage: Damage) -> Tensor:
    noise = torch.from_numpy(damage.noise).to(pair.device, torch.float32)
    return (pair + noise).clamp(0, 1)


def _as_jpeg(pair: Tensor, damage: Damage) -> Tensor:
    return jpeg(pair, damage.jpeg)


def _changed_mask(mask: Tensor, coverage: Tensor, change: str) -> Tensor:
    if not change:
        return mask
    if change == "soft":
        return coverage
    if change == "blurred":
        soft = functional.avg_pool2d(functional.pad(mask, (2,) * 4, mode="replicate"), 3, 1)
        return functional.avg_pool2d(soft, 3, 1)
    reach = 2 if "much" in change else 1
    sign = 1 if "wider" in change else -1
    moved = sign * functional.max_pool2d(sign * mask, 2 * reach + 1, 1, reach)
    return torch.where((moved > 0.5).any(), moved, mask)  # a thin foreground is not narrowed to nothing


def _cosines(like: Tensor) -> Tensor:
    """The orthonormal 8-point cosine transform (8, 8)."""
    k, n = np.mgrid[:8, :8]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)
    return torch.as_tensor(basis, dtype=like.dtype, device=like.device)


def _table(quality: int, like: Tensor) -> Tensor:
    """(3, 1, 1, 8, 8) steps of Y, Cb and Cr."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    tables = np.array([_LUMA_TABLE, _CHROMA_TABLE, _CHROMA_TABLE])
    steps = np.clip((tables * scale + 50) // 100, 1, 255)[:, None, None]
    return torch.as_tensor(steps, dtype=like.dtype, device=like.device)
