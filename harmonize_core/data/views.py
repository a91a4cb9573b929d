# SPDX-License-Identifier: Apache-2.0
"""Linear views in the decoded cache, and what a sample is cut out of them: the part of threads, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from harmonize_core.color import luminance
from harmonize_core.compositing import OPAQUE, separate, soft_pixels
from harmonize_core.data.batch import STYLES
from harmonize_core.data.cache import Arrays, Recipe
from harmonize_core.data.degrade import Damage
from harmonize_core.data.grades import Grade
from harmonize_core.data.transforms import Crop, resize
from harmonize_core.formats.linear_views import LinearView, open_view

BRIGHTEST = 16.0
"""Exposed light of soft pixels counts no further, as in the files: one pixel of sun would outshine a whole edge."""

Floats = NDArray[np.float32]

Seconds = tuple[tuple[int, float] | None, tuple[int, float] | None]
"""Index of another style and its share of the light, for the real picture and for the foreground."""


@dataclass(frozen=True)
class Draw:
    """The choices of one sample."""

    view: int
    real: int
    """Index of the real picture's style in the view."""
    fronts: tuple[int, ...]
    """Indices of the styles of the foregrounds, one for all of them or one for each subject."""
    crop: Crop
    real_grade: Grade
    front_grade: Grade
    harmonious: bool
    """The composite is the real picture."""
    damage: Damage
    second: Seconds = (None, None)
    """Light that is mixed into that of the real picture, and into that of a foreground of one style."""
    paint: NDArray[np.float32] | None = None
    """Other colours for the foreground (`data.paint`)."""


@dataclass(frozen=True)
class Cut:
    """What a thread takes out of the files for one sample of S x S pixels."""

    real: NDArray[np.float16]
    """(S, S, 3) exposed light of the real picture."""
    planes: Floats
    """(S, S, 2): coverage, and the mask as the set has it."""
    place: NDArray[np.int64]
    """(N,) pixels with coverage in the picture laid flat; none in a harmonious sample."""
    parts: Floats
    """(6, N) premultiplied light of the foreground and of the background there."""
    style_soft: Floats
    """(10,)"""


def recipe(size: int) -> Recipe[LinearView]:
    """How a view becomes an entry of the decoded cache for training pictures of `size` pixels.

    Views are shrunk to a shorter side of 3/2 S first, as pictures from files are: the smallest crop then still has S.
    """
    return Recipe(f"rendered-view/2/{3 * size // 2}", lambda view: [view.path], lambda view: decode(view, size))


def decode(view: LinearView, size: int) -> dict[str, NDArray]:
    """The arrays of an entry.

    Returns:
        picture: (n, H, W, 3) float16 exposed light.
        coverage, mask: (H, W) uint16 and uint8; the mask is strict at the view's own size.
        shares: (k, H, W) uint8 of single subjects, where there are several.
        place: (N,) int32, the soft pixels' places in a picture laid flat.
        soft: (n, N, 6) float16, their pure foreground and background.
        levels: (n, 2) float32, 90th percentile of luminance of foreground and picture.
    """
    light = open_view(view)
    coverage = light.coverage.astype(np.float32) / 65535
    mask = (coverage >= 0.5).astype(np.float32)
    shares = light.shares.astype(np.float32) / 65535
    height, width = coverage.shape
    factor = 1.5 * size / min(height, width)
    target = (round(height * factor), round(width * factor)) if factor < 1 else (height, width)
    stored, mask = np.rint(resize(coverage, target) * 65535).astype(np.uint16), resize(mask, target)
    coverage = _coverage(stored)  # what is soft is decided by what is kept
    pictures, soft, levels = [], [], []
    for exposed in light.light:
        picture = resize(exposed.astype(np.float32), target)
        pure = separate(np.minimum(picture, BRIGHTEST), coverage)
        bright = luminance(picture)
        inside = bright[mask >= 0.5] if (mask >= 0.5).any() else bright
        pictures.append(picture.astype(np.float16))
        soft.append(np.concatenate([pure.foreground, pure.background], axis=1).astype(np.float16))
        levels.append((np.percentile(inside, 90), np.percentile(bright, 90)))
    arrays: dict[str, NDArray] = {
        "picture": np.stack(pictures),
        "coverage": stored,
        "mask": np.rint(mask * 255).astype(np.uint8),
        "place": np.flatnonzero(soft_pixels(coverage)).astype(np.int32),
        "soft": np.stack(soft),
        "levels": np.array(levels, np.float32),
    }
    if len(shares) > 1:
        arrays["shares"] = np.stack([np.rint(resize(s, target) * 255).astype(np.uint8) for s in shares])
    return arrays


def cut(entry: Arrays, draw: Draw, styles: Sequence[int], size: int) -> Cut:
    """Cut a sample out of an entry and bring it to (S, S): premultiplied light is averaged, so nothing bleeds."""
    crop = draw.crop
    rows, columns = slice(crop.top, crop.top + crop.height), slice(crop.left, crop.left + crop.width)
    alpha = _coverage(entry["coverage"][rows, columns])
    opaque, clear = alpha >= OPAQUE, alpha <= 0
    alpha[opaque] = 1
    down, across = np.divmod(entry["place"], entry["coverage"].shape[1])
    here = np.flatnonzero(
        (down >= crop.top) & (down < crop.top + crop.height) & (across >= crop.left) & (across < crop.left + crop.width)
    )
    place = (down[here] - crop.top, across[here] - crop.left)
    share = alpha[place][:, None]

    of_real, of_front = draw.second

    def picture(style: int) -> Floats:
        return torch.from_numpy(entry["picture"][style, rows, columns]).float().numpy()

    def pure(style: int, first: int) -> Floats:
        return entry["soft"][style][here, first : first + 3].astype(np.float32)

    def front(style: int) -> Floats:
        light = picture(style) * opaque[..., None]
        light[place] = pure(style, 0) * share
        return light

    real = _mixed(picture, draw.real, of_real)
    weights = _weights(entry, draw, rows, columns)
    planes = np.stack([alpha, entry["mask"][rows, columns] * np.float32(1 / 255)], axis=-1)
    planes = _fitted(planes, crop, size)
    label = _soft_label(draw, styles, planes[..., 0], weights)
    covered, parts = np.zeros(0, np.int64), np.zeros((6, 0), np.float32)
    if not draw.harmonious:
        fronts = _mixed(front, draw.fronts[0], of_front)
        if len(draw.fronts) > 1:
            fronts = np.sum([front(style) * w for style, w in zip(draw.fronts, weights, strict=True)], axis=0)
        back = real * clear[..., None]
        back[place] = _mixed(lambda style: pure(style, 3), draw.real, of_real) * (1 - share)
        covered = np.flatnonzero(planes[..., 0])
        parts = np.concatenate([_fitted(p, crop, size).reshape(-1, 3)[covered].T for p in (fronts, back)])
    real = torch.from_numpy(_fitted(real, crop, size)).half().numpy()
    return Cut(real, planes, covered, parts, label)


def _mixed(light: Callable[[int], Floats], style: int, second: tuple[int, float] | None) -> Floats:
    """Light of a style, or of two at once: light adds up."""
    return light(style) if second is None else (1 - second[1]) * light(style) + second[1] * light(second[0])


def _coverage(stored: NDArray[np.uint16]) -> Floats:
    return stored.astype(np.float32) * np.float32(1 / 65535)


def _weights(entry: Arrays, draw: Draw, rows: slice, columns: slice) -> list[Floats | float]:
    """Which part of the foreground each of the drawn styles lights, (H, W, 1) each."""
    if len(draw.fronts) == 1:
        return [1.0]
    shares = entry["shares"][:, rows, columns].astype(np.float32)
    total = shares.sum(axis=0)
    even = np.float32(1 / len(shares))
    return [np.where(total > 0, share / np.maximum(total, 1), even)[..., None].astype(np.float32) for share in shares]


def _soft_label(draw: Draw, styles: Sequence[int], coverage: Floats, weights: Sequence[Floats | float]) -> Floats:
    """Shares of the cut-out's area by style."""
    label, area = np.zeros(STYLES, np.float32), float(coverage.mean())
    of_real, of_front = draw.second
    parts = np.array([np.mean(weight) for weight in weights])
    lit = [(draw.real, 1 - area, of_real)]
    lit += [(style, area * part, of_front) for style, part in zip(draw.fronts, parts / parts.sum(), strict=True)]
    for style, part, second in lit:
        other, share = second or (style, 0.0)
        label[styles[style] - 1] += part * (1 - share)
        label[styles[other] - 1] += part * share
    return label


def _fitted(image: Floats, crop: Crop, size: int) -> Floats:
    """A cut-out (h, w, C) at (S, S), mirrored if the crop says so."""
    fitted = resize(image, (size, size))
    return np.asarray(cv2.flip(fitted, 1), np.float32) if crop.flip else fitted
