# SPDX-License-Identifier: Apache-2.0
"""Transformer layers over tokens (B, L, C), normalised after each part, with positions added to queries and keys.

Used by `dht.py` and `pctnet.py`. Layers as in DETR (Carion et al., "End-to-End Object Detection with Transformers",
ECCV 2020), which zhenglab/HarmonyTransformer d8430b5 takes over; without positions they are `torch.nn`'s, which
rakutentech/PCT-Net-Image-Harmonization 1572176 uses.
Changed: tokens are batch first, and the projections of queries, keys and values are three layers.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head scaled dot-product attention."""

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None = None) -> Tensor:
        """Queries (B, L, C); keys and values (B, S, C); seen (B, S) bool, False hides a token: (B, L, C)."""
        q, k, v = (
            project(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project, tokens in ((self.query, query), (self.key, key), (self.value, value))
        )
        visible = None if seen is None else seen[:, None, None, :]
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(q, k, v, visible, dropout_p=dropout)
        return self.out(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Sequential):
    """Linear to twice the channels, GELU, linear back."""

    def __init__(self, channels: int, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * channels, channels)
        )


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each added and normalised."""

    def __init__(self, channels: int, heads: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.self_attention = Attention(channels, heads, dropout)
        self.feed_forward = FeedForward(channels, dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(channels) for _ in range(2)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        placed = tokens if positions is None else tokens + positions
        tokens = self.norms[0](tokens + self.dropout(self.self_attention(placed, placed, tokens)))
        return self.norms[1](tokens + self.dropout(self.feed_forward(tokens)))


class DecoderLayer(nn.Module):
    """Self-attention, attention to a memory, feed-forward, each added and normalised."""

    def __init__(self, channels: int, heads: int = 2) -> None:
        super().__init__()
        self.self_attention = Attention(channels, heads)
        self.cross_attention = Attention(channels, heads)
        self.feed_forward = FeedForward(channels)
        self.norms = nn.ModuleList([nn.LayerNorm(channels) for _ in range(3)])

    def forward(
        self, tokens: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor, seen: Tensor | None = None
    ) -> Tensor:
        """Tokens (B, L, C), memory (B, S, C), positions of both, seen (B, S) bool: (B, L, C)."""
        placed = tokens + positions
        tokens = self.norms[0](tokens + self.self_attention(placed, placed, tokens))
        attended = self.cross_attention(tokens + positions, memory + memory_positions, memory, seen)
        tokens = self.norms[1](tokens + attended)
        return self.norms[2](tokens + self.feed_forward(tokens))


def sine_positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """(height * width, channels) sines and cosines of the row (first half) and the column, both counted from 1.

    Entry 2i and 2i + 1 of a half are sin and cos of place / 10000^(2i / half): Carion et al., without normalisation.
    """
    half = channels // 2
    frequency = 10000.0 ** (-torch.arange(0, half, 2, dtype=torch.float32, device=like.device) / half)
    rows, columns = (
        torch.arange(1, side + 1, dtype=torch.float32, device=like.device)[:, None] * frequency
        for side in (height, width)
    )
    rows, columns = (torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1) for angle in (rows, columns))
    grid = torch.cat([rows[:, None].expand(height, width, half), columns[None].expand(height, width, half)], dim=2)
    return grid.flatten(0, 1).to(like.dtype)


def to_tokens(features: Tensor) -> Tensor:
    """(B, C, H, W) to (B, H * W, C), row by row."""
    return features.flatten(2).transpose(1, 2)


def to_patches(image: Tensor, side: int) -> Tensor:
    """(B, C, H, W) to (B, H * W / side^2, side^2 * C): squares row by row, pixels row by row, channels fastest."""
    patches = functional.unfold(image, side, stride=side).unflatten(1, (image.shape[1], -1))
    return patches.transpose(1, 2).flatten(1, 2).transpose(1, 2)


def to_features(tokens: Tensor, height: int) -> Tensor:
    """Inverse of `to_tokens`, for features of this height."""
    return tokens.transpose(1, 2).unflatten(2, (height, -1))


_PARTS = {
    "self_attn": "self_attention",
    "multihead_attn": "cross_attention",
    "linear1": "feed_forward.0",
    "linear2": "feed_forward.3",
    "norm1": "norms.0",
    "norm2": "norms.1",
    "norm3": "norms.2",
}


def remap_layer(name: str, value: Tensor) -> Mapping[str, Tensor]:
    """Our names and weights of one entry of an official layer, such as "self_attn.in_proj_weight"."""
    part, *rest = name.split(".")
    ours = _PARTS[part]
    if rest[0].startswith("in_proj_"):
        parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
        return {f"{ours}.{projection}.{rest[0].removeprefix('in_proj_')}": v for projection, v in parts}
    return {".".join([ours, *rest]).replace("out_proj", "out"): value}
