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

import numpy as np
import torch
from torch import Tensor

from harmonize_core.data.batch import Batch
from harmonize_core.data.degrade import NONE, changed_masks, damaged, draw_damage
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
from harmonize_core.data.on_the_fly import Drawing, Views, moved, pinned, stacked, whole
from harmonize_core.data.paint import draw_paint, painted
from harmonize_core.data.rng import chances, generator
from harmonize_core.data.transforms import draw_crop
from harmonize_core.data.views import Draw, Seconds, cut
from harmonize_core.formats.linear_views import LinearView, ViewTransform
from harmonize_core.formats.triplet import TripletPaths

REAL_STRENGTH = 0.5
"""Grades of whole real pictures against those of foregrounds: they are the truth, and were exposed with care."""


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
    chance: Tensor
    draws: tuple[Draw, ...]
    transforms: tuple[ViewTransform, ...]

    @torch.no_grad()
    def to(self, device: torch.device) -> Batch:
        """Composed, graded, developed and damaged on `device`, images in channels-last memory order."""
        planes = moved(self.planes, device)
        coverage, mask = planes[:, :1], planes[:, 1:]
        place = self.place.to(device, non_blocking=True)
        paints = [d.paint for d in self.draws]
        light, parts = painted(moved(self.real, device), moved(self.parts, device), place, paints)
        real = self._real(light)
        composite = self._composite(real, coverage, place, parts)
        damage = [d.damage for d in self.draws]
        composite, real = damaged(composite, real, coverage, damage)
        batch = Batch(
            composite=composite,
            mask=changed_masks(mask, coverage, damage),
            real=real,
            style_soft=self.style_soft,
            style_hard=self.style_hard,
            chance=self.chance,
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

    def _composite(self, real: Tensor, coverage: Tensor, place: Tensor, parts: Tensor) -> Tensor:
        """The real pictures with the other foregrounds in them: pixels without coverage stay bit for bit."""
        device = real.device
        front, back = parts[None, :, None].split(3, dim=1)  # (1, 3, 1, N)
        share = coverage.permute(0, 2, 3, 1).reshape(-1)[place]
        samples, counts = (torch.tensor(v, device=device) for v in (range(len(self.counts)), self.counts))
        owner = torch.repeat_interleave(samples, counts, output_size=len(place))
        front = self._graded(front, share, owner, [d.front_grade for d in self.draws])
        back = self._graded(back, 1 - share, owner, [d.real_grade for d in self.draws])
        shown = self._developed(front + back)[0, :, 0].T
        composite = real.clone(memory_format=torch.channels_last)
        composite.permute(0, 2, 3, 1).reshape(-1, 3).index_copy_(0, place, shown)
        return composite

    def _graded(self, light: Tensor, share: Tensor, owner: Tensor, grades: list[Grade]) -> Tensor:
        """Premultiplied light (1, 3, 1, N) under each sample's grade; ungraded samples keep theirs bit for bit."""
        if all(grade == NEUTRAL for grade in grades):
            return light
        numbers = torch.from_numpy(packed(grades)).to(light.device)[owner].T[None, :, None]
        graded = apply_grades(light / share.clamp_min(1e-4), numbers) * share
        changed = torch.tensor([grade != NEUTRAL for grade in grades], device=light.device)
        return torch.where(changed[owner], graded, light)

    def _developed(self, light: Tensor) -> Tensor:
        if len(set(self.transforms)) == 1:
            return display(light, self.transforms[0])
        pieces = zip(light.split(self.counts, dim=3), self.transforms, strict=True)
        return torch.cat([display(piece, transform) for piece, transform in pieces], dim=3)


class RenderedViews:
    """Linear views as a data set whose samples are made while training.

    Sample (epoch, index) is of view `index` modulo the number of views and a pure function of (seed, epoch, index).
    """

    def __init__(self, views: Sequence[LinearView], files: Sequence[Path], drawing: Drawing) -> None:
        """Args:
        views: at least one, all with styles up to 10.
        files: their entries in the decoded cache (`recipe`).
        drawing: how samples are drawn.
        """
        self.views = list(views)
        self.kind = "views on the fly"
        self.skipped: dict[int, str] = {}
        self._entries = Views(files)
        self._drawing = drawing

    def __len__(self) -> int:
        return self._drawing.draws or len(self.views)

    @property
    def triplets(self) -> list[TripletPaths]:
        """The views by index, for names; the fixed draws are called as composites of files would be."""
        return [self._called(index) for index in range(len(self))]

    def draw(self, epoch: int, index: int) -> Draw:
        """The choices of a sample."""
        number = index % len(self.views)
        entry, count = self._entries[number], len(self.views[number].styles)
        rng = generator(self._drawing.seed, "rendered", epoch, index)
        real = int(rng.integers(count))
        if self._drawing.draws:
            front = (real + 1 + int(rng.integers(count - 1))) % count if count > 1 else real
            return Draw(number, real, (front,), whole(entry["mask"]), NEUTRAL, NEUTRAL, False, NONE)
        data = self._drawing.data
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
        damage = draw_damage(rng, data, self._drawing.size)
        lights = generator(self._drawing.seed, "rendered-lights", epoch, index)
        second = _seconds(lights, count, data.mixed, alone=len(fronts) == 1, alike=alike)
        paint = draw_paint(lights) if lights.random() < data.painted else None
        return Draw(number, real, fronts, crop, real_grade, front_grade, harmonious, damage, second, paint)

    def _called(self, index: int) -> TripletPaths:
        view = self.views[index % len(self.views)]
        path, style = view.path.with_suffix(""), None
        if self._drawing.draws:
            draw = self.draw(0, index)
            style, front = view.styles[draw.real], view.styles[draw.fronts[0]]
            path = path.with_name(f"{view.scene_id}-{style}_{front}")
        return TripletPaths(path, view.path, view.path, "rendered", view.place, style_hard=style)

    def batch(self, samples: Sequence[tuple[int, int]]) -> RenderedBatch:
        """The batch of the given (epoch, index) pairs, in their order; `.to(device)` composes it."""
        draws = tuple(self.draw(epoch, index) for epoch, index in samples)
        cuts = [cut(self._entries[d.view], d, self.views[d.view].styles, self._drawing.size) for d in draws]
        area = self._drawing.size * self._drawing.size
        return RenderedBatch(
            real=stacked([c.real for c in cuts], self._drawing.pin),
            planes=stacked([c.planes for c in cuts], self._drawing.pin),
            place=pinned(np.concatenate([c.place + area * i for i, c in enumerate(cuts)]), self._drawing.pin),
            parts=pinned(np.concatenate([c.parts for c in cuts], axis=1), self._drawing.pin),
            counts=tuple(len(c.place) for c in cuts),
            style_soft=torch.from_numpy(np.stack([c.style_soft for c in cuts])),
            style_hard=torch.tensor([self.views[d.view].styles[d.real] - 1 for d in draws], dtype=torch.int64),
            chance=torch.from_numpy(chances(self._drawing.seed, samples)),
            draws=draws,
            transforms=tuple(self.views[d.view].view_transform for d in draws),
        )


def _seconds(rng: np.random.Generator, count: int, share: float, *, alone: bool, alike: bool) -> Seconds:
    """Which light is mixed into a sample's, never more than half; a foreground that is alike has its picture's."""
    real, front = ((int(rng.integers(count)), 0.5 * float(rng.random())) if v < share else None for v in rng.random(2))
    if alike:
        return real, real
    return real, front if alone else None
