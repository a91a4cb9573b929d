# SPDX-License-Identifier: Apache-2.0
"""Edits of photographs' foregrounds on batches in torch: what `harmonize_core.data.edits` does to one in NumPy.

An edit becomes numbers on the CPU, from a sample of the foreground's colours (its own and the donor's statistics), and
is applied to the foreground's pixels on the device. Order: transfer, camera, relight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.color import linear_to_lalphabeta, linear_to_srgb
from harmonize_core.color_transfer import affine_of_covariances, match_histogram, statistics
from harmonize_core.data import colors
from harmonize_core.data.edits import STD_RATIOS, Camera, Edit, Relight, Transfer, pivot_of

KNOTS = 65
"""Points of a histogram's curve, even steps of sRGB."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The edits of one sample as numbers; None where there is no such edit."""

    lalphabeta: Floats | None = None
    """(2, 3): factor and offset of each channel."""
    matrix: Floats | None = None
    """(3, 4): affine map of sRGB."""
    curves: Floats | None = None
    """(3, KNOTS): sRGB to sRGB of each channel."""
    camera: Floats | None = None
    """(12,): gains with exposure, gamma, contrast, pivot, black, saturation, shadow tint, highlight tint."""
    relight: Floats | None = None
    """(3,): stops, warmth, and the mean of the factor's luminance that it is divided by."""

    @property
    def nothing(self) -> bool:
        """Whether there is no edit at all."""
        return all(getattr(self, name) is None for name in _STEPS)


def numbers_of(edits: Sequence[Edit], own: Floats, donor: Floats, shade: Floats | None) -> Numbers:
    """Edits as numbers.

    Args:
        edits: as drawn, in their order.
        own: (N, 3) linear colours that stand for the foreground.
        donor: (M, 3) the same of the photograph that lends its colours.
        shade: (N,) light of the relight edit at those pixels, -0.5 to 0.5; None without such an edit.
    """
    found: dict[str, Floats] = {}
    for edit in edits:
        if isinstance(edit, Transfer):
            found |= _transfer(edit, own, donor)
        elif isinstance(edit, Camera):
            gains = np.array(edit.gains) * 2.0**edit.exposure_ev
            pivot = pivot_of(edit, own, np.ones(len(own), np.float32))
            tones = (edit.gamma, edit.contrast, pivot, edit.black, edit.saturation)
            found["camera"] = np.array([*gains, *tones, *edit.shadow_tint, *edit.highlight_tint], np.float32)
        else:
            assert isinstance(edit, Relight)
            assert shade is not None
            factor = edit.factor(shade)
            found["relight"] = np.array([edit.stops, edit.warmth, edit.mean_of(factor)], np.float32)
    return Numbers(**found)


def edited(linear: Tensor, counts: Sequence[int], numbers: Sequence[Numbers], shade: Tensor) -> Tensor:
    """Foregrounds under other light, unclipped.

    Args:
        linear: (1, 3, 1, N) linear colours of the pixels of B samples, sample by sample.
        counts: how many pixels each sample has.
        numbers: of each sample.
        shade: (1, 1, 1, N), light of the relight edits from -0.5 to 0.5.
    """
    pieces, shades = list(linear.split(list(counts), dim=3)), shade.split(list(counts), dim=3)
    for name, apply in _STEPS.items():
        rows = [i for i, n in enumerate(numbers) if getattr(n, name) is not None and counts[i]]
        if rows:
            values = torch.from_numpy(np.stack([getattr(numbers[i], name) for i in rows])).to(linear.device)
            sizes = torch.tensor([counts[i] for i in rows], device=linear.device)
            places = torch.arange(len(rows), device=linear.device)
            owner = torch.repeat_interleave(places, sizes, output_size=sum(counts[i] for i in rows))
            light = torch.cat([shades[i] for i in rows], dim=3)
            changed = apply(torch.cat([pieces[i] for i in rows], dim=3), values, owner, light)
            for i, piece in zip(rows, changed.split([counts[i] for i in rows], dim=3), strict=True):
                pieces[i] = piece
    return torch.cat(pieces, dim=3)


def _transfer(edit: Transfer, own: Floats, donor: Floats) -> dict[str, Floats]:
    if edit.method == "reinhard":
        mine, other = statistics(linear_to_lalphabeta(own)), statistics(linear_to_lalphabeta(donor))
        ratio = np.clip(other.std / np.maximum(mine.std, 1e-3), *STD_RATIOS)
        offset = other.mean - mine.mean * ratio
        return {"lalphabeta": np.stack([1 + edit.strength * (ratio - 1), edit.strength * offset]).astype(np.float32)}
    shown, wanted = linear_to_srgb(own), linear_to_srgb(donor)
    if edit.method == "mkl":
        transform, offset = affine_of_covariances(shown, wanted)
        matrix = np.eye(3) + edit.strength * (transform - np.eye(3))
        return {"matrix": np.concatenate([matrix, edit.strength * offset[:, None]], axis=1).astype(np.float32)}
    curves = [_curve(shown[:, c], wanted[:, c], edit.strength) for c in range(3)]
    return {"curves": np.stack(curves).astype(np.float32)}


def _curve(own: NDArray, donor: NDArray, strength: float) -> NDArray:
    """A histogram's curve at even steps; beyond the foreground's values it goes on in parallel to the identity."""
    order = np.argsort(own)
    place, value = own[order], match_histogram(own, donor)[order]
    knots = np.linspace(0, 1, KNOTS)
    inside = np.interp(knots, place, value)
    outside = knots - np.clip(knots, place[0], place[-1])
    return knots + strength * (np.clip(inside + outside, 0, 1) - knots)


def _lalphabeta(linear: Tensor, values: Tensor, owner: Tensor, _shade: Tensor) -> Tensor:
    factor, offset = (_each_pixels(values[:, row], owner) for row in (0, 1))
    return colors.lalphabeta_to_linear(colors.linear_to_lalphabeta(linear) * factor + offset)


def _matrix(linear: Tensor, values: Tensor, owner: Tensor, _shade: Tensor) -> Tensor:
    shown = colors.linear_to_srgb(linear)
    columns = [_each_pixels(values[:, :, j], owner) for j in range(4)]
    moved = sum((columns[j] * shown[:, j : j + 1] for j in range(3)), start=columns[3])
    return colors.srgb_to_linear(moved)


def _curves(linear: Tensor, values: Tensor, owner: Tensor, _shade: Tensor) -> Tensor:
    place = colors.linear_to_srgb(linear).clamp(0, 1) * (KNOTS - 1)
    index = place.floor().clamp_max(KNOTS - 2)
    channel = torch.arange(3, device=linear.device)[:, None, None]
    flat, first = values.flatten(), (owner * 3 + channel) * KNOTS + index.long()
    left, right = flat[first], flat[first + 1]
    return colors.srgb_to_linear(left + (place - index) * (right - left))


def _camera(linear: Tensor, values: Tensor, owner: Tensor, _shade: Tensor) -> Tensor:
    """`Camera.apply`, step by step."""
    of_each = _each_pixels(values, owner)
    gamma, contrast, pivot, black, saturation = of_each[:, 3:8].split(1, dim=1)
    shadow, highlight = of_each[:, 8:10], of_each[:, 10:12]
    lab = colors.linear_to_oklab(linear.clamp_min(0) * of_each[:, :3])
    lightness = lab[:, :1].clamp_min(0) ** gamma
    reach = torch.where(lightness < pivot, pivot, (1 - pivot).clamp_min(1e-3))
    distance = ((lightness - pivot) / reach).clamp(-1, 1)
    lightness = lightness + (contrast - 1) * reach * distance * (1 - distance**2)
    high = lightness.clamp(0, 1)
    chroma = lab[:, 1:] * saturation + (1 - high) * shadow + high * highlight
    return colors.oklab_to_linear(torch.cat([black + (1 - black) * lightness, chroma], dim=1))


def _relight(linear: Tensor, values: Tensor, owner: Tensor, shade: Tensor) -> Tensor:
    stops, warmth, mean = _each_pixels(values, owner).split(1, dim=1)
    tint = torch.tensor([0.5, 0.0, -0.5], dtype=linear.dtype, device=linear.device)[:, None, None]
    return linear * (torch.exp2(stops * shade) * torch.exp(shade * warmth * tint) / mean)


def _each_pixels(values: Tensor, owner: Tensor) -> Tensor:
    """Numbers of samples (R, K) as those of their pixels (1, K, 1, N)."""
    return values[owner].T[None, :, None]


_STEPS = {"lalphabeta": _lalphabeta, "matrix": _matrix, "curves": _curves, "camera": _camera, "relight": _relight}
