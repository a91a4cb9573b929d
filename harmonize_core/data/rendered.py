# SPDX-License-Identifier: Apache-2.0
"""Rendered triplets made while training: any two styles of a view, exposed and graded anew, composed on the device.

Threads cut the premultiplied light of both foregrounds and of the background out of mapped files; exchange, grades,
view transform and damage run in torch where the network runs (`RenderedBatch.to`). The arithmetic is that of the set's
own composites (`harmonize_core.compositing`; `rdharmony_gen.compose.exchange` writes the files).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.color import luminance
from harmonize_core.compositing import OPAQUE, separate, soft_pixels
from harmonize_core.data.cache import Arrays, Recipe
from harmonize_core.data.dataset import STYLES, Batch
from harmonize_core.data.degrade import NONE, Damage, changed_masks, damaged, draw_damage
from harmonize_core.data.display import display
from harmonize_core.data.grades import (
    NEUTRAL,
    PICTURE_LIGHT,
    SUBJECT_LIGHT,
    Grade,
    apply_grades,
    draw_grade,
    is_visible,
    packed,
)
from harmonize_core.data.on_the_fly import Views, moved, pinned, stacked, whole
from harmonize_core.data.options import DataConfig
from harmonize_core.data.rng import generator
from harmonize_core.data.transforms import Crop, draw_crop, resize
from harmonize_core.formats.linear_views import LinearView, ViewTransform, open_view
from harmonize_core.formats.triplet import TripletPaths

BRIGHTEST = 16.0
"""Exposed light of soft pixels counts no further, as in the files: one pixel of sun would outshine a whole edge."""
REAL_STRENGTH = 0.5
"""Grades of whole real pictures against those of foregrounds: they are the truth, and were exposed with care."""

Floats = NDArray[np.float32]


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


@dataclass(frozen=True)
class RenderedBatch:
    """B samples before they are composed."""

    real: Tensor
    """(B, 3, S, S) float16 exposed light of the real pictures."""
    planes: Tensor
    """(B, 2, S, S) float32: coverage, mask."""
    place: Tensor
    """(N,) int64, all pixels to be composed in the batch laid flat, sample by sample."""
    parts: Tensor
    """(6, N) premultiplied light of foreground and background there."""
    counts: tuple[int, ...]
    """How many of the N are of each sample."""
    style_soft: Tensor
    style_hard: Tensor
    draws: tuple[Draw, ...]
    transforms: tuple[ViewTransform, ...]

    @torch.no_grad()
    def to(self, device: torch.device) -> Batch:
        """Composed, graded, developed and damaged on `device`, images in channels-last memory order."""
        planes = moved(self.planes, device)
        coverage, mask = planes[:, :1], planes[:, 1:]
        real = self._real(moved(self.real, device))
        composite = self._composite(real, coverage)
        damage = [d.damage for d in self.draws]
        composite, real = damaged(composite, real, coverage, damage)
        batch = Batch(
            composite=composite,
            mask=changed_masks(mask, coverage, damage),
            real=real,
            style_soft=self.style_soft,
            style_hard=self.style_hard,
        )
        return batch.to(device)

    def _real(self, light: Tensor) -> Tensor:
        """Display pictures of the real light (B, 3, S, S)."""
        rows = [i for i, d in enumerate(self.draws) if d.real_grade != NEUTRAL]
        if rows:
            numbers = torch.from_numpy(packed([self.draws[i].real_grade for i in rows])).to(light.device)
            light[rows] = apply_grades(light[rows], numbers[:, :, None, None])
        if len(set(self.transforms)) > 1:
            each = [display(light[i : i + 1], transform) for i, transform in enumerate(self.transforms)]
            return torch.cat(each).contiguous(memory_format=torch.channels_last)
        return display(light, self.transforms[0])

    def _composite(self, real: Tensor, coverage: Tensor) -> Tensor:
        """The real pictures with the other foregrounds in them: pixels without coverage stay bit for bit."""
        device = real.device
        place = self.place.to(device, non_blocking=True)
        front, back = moved(self.parts, device)[None, :, None].split(3, dim=1)  # (1, 3, 1, N)
        share = coverage.permute(0, 2, 3, 1).reshape(-1)[place]
        front = self._graded(front, share, [d.front_grade for d in self.draws])
        back = self._graded(back, 1 - share, [d.real_grade for d in self.draws])
        shown = self._developed(front + back)[0, :, 0].T
        composite = real.clone(memory_format=torch.channels_last)
        composite.permute(0, 2, 3, 1).reshape(-1, 3).index_copy_(0, place, shown)
        return composite

    def _graded(self, light: Tensor, share: Tensor, grades: list[Grade]) -> Tensor:
        """Premultiplied light (1, 3, 1, N) under each sample's grade; ungraded samples keep theirs bit for bit."""
        pieces, start = [], 0
        for grade, count in zip(grades, self.counts, strict=True):
            piece, part = light[..., start : start + count], share[start : start + count]
            if grade != NEUTRAL and count:
                numbers = torch.from_numpy(packed([grade])).to(light.device)[:, :, None, None]
                piece = apply_grades(piece / part.clamp_min(1e-4), numbers) * part
            pieces.append(piece)
            start += count
        return torch.cat(pieces, dim=3)

    def _developed(self, light: Tensor) -> Tensor:
        if len(set(self.transforms)) == 1:
            return display(light, self.transforms[0])
        pieces = zip(light.split(self.counts, dim=3), self.transforms, strict=True)
        return torch.cat([display(piece, transform) for piece, transform in pieces], dim=3)


class RenderedViews:
    """Linear views as a data set whose samples are made while training.

    Sample (epoch, index) is of view `index` modulo the number of views and a pure function of (seed, epoch, index).
    """

    def __init__(
        self,
        views: Sequence[LinearView],
        files: Sequence[Path],
        *,
        data: DataConfig,
        size: int = 256,
        seed: int = 0,
        draws: int = 0,
        pin: bool = False,
    ) -> None:
        """Args:
        views: what the views are; at least one, all with styles up to 10.
        files: their entries in the decoded cache (`recipe`).
        data: what is drawn how often.
        size: side S of the square output in pixels.
        seed: root of all draws.
        draws: 0 for training; otherwise a fixed set of so many samples of whole views without grades or damage, to
            validate on.
        pin: keep batches in memory that a GPU can fetch from.
        """
        self.views = list(views)
        self.size = size
        self.seed = seed
        self.kind = "views on the fly"
        self.skipped: dict[int, str] = {}
        self._entries = Views(files)
        self._data = data
        self._draws = draws
        self._pin = pin

    def __len__(self) -> int:
        return self._draws or len(self.views)

    @property
    def triplets(self) -> list[TripletPaths]:
        """The views by index, for names; the fixed draws are called as composites of files would be."""
        return [self._called(index) for index in range(len(self))]

    def draw(self, epoch: int, index: int) -> Draw:
        """The choices of a sample."""
        number = index % len(self.views)
        entry, count = self._entries[number], len(self.views[number].styles)
        rng = generator(self.seed, "rendered", epoch, index)
        real = int(rng.integers(count))
        if self._draws:
            front = (real + 1 + int(rng.integers(count - 1))) % count if count > 1 else real
            return Draw(number, real, (front,), whole(entry["mask"]), NEUTRAL, NEUTRAL, False, NONE)
        data = self._data
        crop = draw_crop(rng, entry["mask"], data)
        subject, picture = entry["levels"][:, 0], entry["levels"][:, 1]
        chance, graded = rng.random(), rng.random(2) < data.grade
        harmonious = bool(chance < data.identity)
        alike = harmonious or bool(chance < data.identity + data.same_style) or count == 1
        real_grade = draw_grade(rng, picture[real], PICTURE_LIGHT, REAL_STRENGTH) if graded[0] else NEUTRAL
        subjects = entry["shares"].shape[0] if "shares" in entry else 0
        apart = subjects > 1 and not alike and bool(rng.random() < data.apart)
        others = [i for i in range(count) if i != real]
        fronts = tuple(int(rng.choice(others)) for _ in range(subjects if apart else 1)) if not alike else (real,)
        front_grade = NEUTRAL
        if not harmonious and (graded[1] or alike):
            for _ in range(8):
                front_grade = draw_grade(rng, float(subject[fronts[0]]), SUBJECT_LIGHT)
                if not alike or is_visible(front_grade):
                    break
        damage = draw_damage(rng, data, self.size)
        return Draw(number, real, fronts, crop, real_grade, front_grade, harmonious, damage)

    def _called(self, index: int) -> TripletPaths:
        view = self.views[index % len(self.views)]
        path, style = view.path.with_suffix(""), None
        if self._draws:
            draw = self.draw(0, index)
            style, front = view.styles[draw.real], view.styles[draw.fronts[0]]
            path = path.with_name(f"{view.scene_id}-{style}_{front}")
        return TripletPaths(path, view.path, view.path, "rendered", view.place, style_hard=style)

    def batch(self, samples: Sequence[tuple[int, int]]) -> RenderedBatch:
        """The batch of the given (epoch, index) pairs, in their order; `.to(device)` composes it."""
        draws = tuple(self.draw(epoch, index) for epoch, index in samples)
        cuts = [cut(self._entries[d.view], d, self.views[d.view].styles, self.size) for d in draws]
        area = self.size * self.size
        return RenderedBatch(
            real=stacked([c.real for c in cuts], self._pin),
            planes=stacked([c.planes for c in cuts], self._pin),
            place=pinned(np.concatenate([c.place + area * i for i, c in enumerate(cuts)]), self._pin),
            parts=pinned(np.concatenate([c.parts for c in cuts], axis=1), self._pin),
            counts=tuple(len(c.place) for c in cuts),
            style_soft=torch.from_numpy(np.stack([c.style_soft for c in cuts])),
            style_hard=torch.tensor([self.views[d.view].styles[d.real] - 1 for d in draws], dtype=torch.int64),
            draws=draws,
            transforms=tuple(self.views[d.view].view_transform for d in draws),
        )


def recipe(size: int) -> Recipe[LinearView]:
    """How a view becomes an entry of the decoded cache for training pictures of `size` pixels.

    Views are shrunk to a shorter side of 3/2 S first, as pictures from files are: the smallest crop then still has S.
    """
    return Recipe(f"rendered-view/1/{3 * size // 2}", lambda view: [view.path], lambda view: decode(view, size))


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
    coverage, mask = resize(coverage, target), resize(mask, target)
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
        "coverage": np.rint(coverage * 65535).astype(np.uint16),
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
    alpha = entry["coverage"][rows, columns].astype(np.float32) * np.float32(1 / 65535)
    opaque, clear = alpha >= OPAQUE, alpha <= 0
    alpha[opaque] = 1
    down, across = np.divmod(entry["place"], entry["coverage"].shape[1])
    here = np.flatnonzero(
        (down >= crop.top) & (down < crop.top + crop.height) & (across >= crop.left) & (across < crop.left + crop.width)
    )
    place = (down[here] - crop.top, across[here] - crop.left)
    share = alpha[place][:, None]

    def picture(style: int) -> Floats:
        return torch.from_numpy(entry["picture"][style, rows, columns]).float().numpy()

    def pure(style: int, first: int) -> Floats:
        return entry["soft"][style][here, first : first + 3].astype(np.float32)

    def front(style: int) -> Floats:
        light = picture(style) * opaque[..., None]
        light[place] = pure(style, 0) * share
        return light

    real = picture(draw.real)
    weights = _weights(entry, draw, rows, columns)
    planes = np.stack([alpha, entry["mask"][rows, columns] * np.float32(1 / 255)], axis=-1)
    planes = _fitted(planes, crop, size)
    label = _soft_label(draw, styles, planes[..., 0], weights)
    covered, parts = np.zeros(0, np.int64), np.zeros((6, 0), np.float32)
    if not draw.harmonious:
        fronts = front(draw.fronts[0])
        if len(draw.fronts) > 1:
            fronts = np.sum([front(style) * w for style, w in zip(draw.fronts, weights, strict=True)], axis=0)
        back = real * clear[..., None]
        back[place] = pure(draw.real, 3) * (1 - share)
        covered = np.flatnonzero(planes[..., 0])
        parts = np.concatenate([_fitted(p, crop, size).reshape(-1, 3)[covered].T for p in (fronts, back)])
    real = torch.from_numpy(_fitted(real, crop, size)).half().numpy()
    return Cut(real, planes, covered, parts, label)


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
    label[styles[draw.real] - 1] += 1 - area
    parts = np.array([np.mean(weight) for weight in weights])
    for style, part in zip(draw.fronts, parts / parts.sum(), strict=True):
        label[styles[style] - 1] += area * part
    return label


def _fitted(image: Floats, crop: Crop, size: int) -> Floats:
    """A cut-out (h, w, C) at (S, S), mirrored if the crop says so."""
    fitted = resize(image, (size, size))
    return np.asarray(cv2.flip(fitted, 1), np.float32) if crop.flip else fitted
