# SPDX-License-Identifier: Apache-2.0
"""Photographic triplets made while training: the foreground of a photograph under other light, the photograph as truth.

What is drawn is what `harmonize make-real` writes to files (`harmonize_core.data.edits`, `plausible`); here it is drawn
anew for every sample. Threads cut pictures out of mapped files and judge draws by a sample of the foreground's colours;
edits, compositing and damage run in torch where the network runs (`PhotoBatch.to`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.data import colors
from harmonize_core.data.batch import STYLES, Batch
from harmonize_core.data.cache import Arrays
from harmonize_core.data.degrade import NONE, Damage, changed_masks, damaged, draw_damage
from harmonize_core.data.edits import Foreground, Relight, apply_edits, draw_edits, shade_of
from harmonize_core.data.grades import NEUTRAL, PICTURE_LIGHT, Grade, apply_grades, draw_grade, packed
from harmonize_core.data.on_the_fly import Drawing, Views, moved, pinned, stacked, whole
from harmonize_core.data.photo_entries import masked
from harmonize_core.data.photos import Photo
from harmonize_core.data.plausible import why_implausible
from harmonize_core.data.rng import chances, generator
from harmonize_core.data.transfers import Numbers, edited, numbers_of
from harmonize_core.data.transforms import Crop, apply_crop, draw_crop, resize
from harmonize_core.formats.triplet import TripletPaths

MAX_TRIES = 12
"""Edits drawn for one sample before its foreground stays as it is."""
STOPS = (-2.5, 0.5)
"""Within which whole photographs are exposed otherwise; what was white has no more to give."""
LENT = (0.02, 0.7)
"""Share of the picture that a borrowed mask covers, or it is not taken."""


@dataclass(frozen=True)
class Draw:
    """The choices of one sample."""

    photo: int
    crop: Crop
    numbers: Numbers
    """Of its edits; none of them: the composite is the photograph."""
    shade: NDArray[np.float32] | None
    """(h, w) small, light of a relight edit."""
    damage: Damage
    grade: Grade = NEUTRAL
    """Of the whole picture's light, composite and photograph."""
    lender: int | None = None
    """Photograph whose mask is taken; none: its own."""


@dataclass(frozen=True)
class PhotoBatch:
    """B samples before they are composed."""

    picture: Tensor
    """(B, 3, S, S) uint8 sRGB."""
    mask: Tensor
    """(B, 1, S, S) uint8."""
    place: Tensor
    """(N,) int64, all pixels to be changed in the batch laid flat, sample by sample."""
    shade: Tensor
    """(N,) float16, light of relight edits there."""
    counts: tuple[int, ...]
    """How many of the N are of each sample."""
    chance: Tensor
    draws: tuple[Draw, ...]

    @torch.no_grad()
    def to(self, device: torch.device) -> Batch:
        """Edited, composed and damaged on `device`, images in channels-last memory order."""
        real, mask = moved(self.picture, device) / 255, moved(self.mask, device) / 255
        place = self.place.to(device, non_blocking=True)
        own = colors.srgb_to_linear(_flat(real, 3)[place].T[None, :, None])
        share = _flat(mask, 1)[place].T[None, :, None]
        shade = moved(self.shade, device)[None, None, None]
        changed = edited(own, self.counts, [d.numbers for d in self.draws], shade)
        blended = colors.linear_to_srgb(share * changed.clamp(0, 1) + (1 - share) * own)
        composite = real.clone(memory_format=torch.channels_last)
        _flat(composite, 3).index_copy_(0, place, blended[0, :, 0].T)
        composite, real = self._graded(composite), self._graded(real)
        damage = [d.damage for d in self.draws]
        composite, real = damaged(composite, real, mask, damage)
        count = len(self.draws)
        batch = Batch(
            composite=composite,
            mask=changed_masks(mask, mask, damage),
            real=real,
            style_soft=torch.zeros(count, STYLES),
            style_hard=torch.full((count,), -1, dtype=torch.int64),
            chance=self.chance,
        )
        return batch.to(device)

    def _graded(self, pictures: Tensor) -> Tensor:
        rows = [i for i, d in enumerate(self.draws) if d.grade != NEUTRAL]
        if rows:
            numbers = torch.from_numpy(packed([self.draws[i].grade for i in rows])).to(pictures.device)
            light = apply_grades(colors.srgb_to_linear(pictures[rows]), numbers[:, :, None, None])
            pictures[rows] = colors.linear_to_srgb(light.clamp(0, 1))
        return pictures


class Photographs:
    """Photographs with masks as a data set whose samples are made while training.

    Sample (epoch, index) is a pure function of (seed, epoch, index): of one photograph, or of any one of a series that
    is longer than `per_series` and counts as so many. The fixed draws go round.
    Colours are lent within a category and never within a series, by the photographs given here alone.
    """

    def __init__(self, photos: Sequence[Photo], files: Sequence[Path], drawing: Drawing) -> None:
        """Args:
        photos: at least one.
        files: their entries in the decoded cache (`recipe`).
        drawing: how samples are drawn.
        """
        self.photos = list(photos)
        self.kind = "photographs on the fly"
        self.skipped: dict[int, str] = {}
        self._entries = Views(files)
        self._drawing = drawing
        self._turns = _turns(self.photos, drawing.data.per_series)
        self._categories: dict[str, list[int]] = {}
        for number, photo in enumerate(self.photos):
            self._categories.setdefault(photo.category, []).append(number)

    def __len__(self) -> int:
        return self._drawing.draws or len(self._turns)

    @property
    def triplets(self) -> list[TripletPaths]:
        """The photographs by index, for names; the fixed draws are numbered."""
        return [self._called(index) for index in range(len(self))]

    def draw(self, epoch: int, index: int) -> Draw:
        """The choices of a sample."""
        number = self._photo(epoch, index)
        entry, data = self._entries[number], self._drawing.data
        rng = generator(self._drawing.seed, "photographic", epoch, index)
        if self._drawing.draws:
            return Draw(number, whole(entry["mask"]), *self._edits(rng, number, entry), NONE)
        more = generator(self._drawing.seed, "photographic-more", epoch, index)
        lender = self._lender(more, number) if more.random() < data.borrowed else None
        entry = self._seen(number, lender)
        crop = draw_crop(rng, entry["mask"], data)
        harmonious = bool(rng.random() < data.identity)
        numbers, shade = (Numbers(), None) if harmonious else self._edits(rng, number, entry)
        damage, grade = draw_damage(rng, data, self._drawing.size), NEUTRAL
        if data.exposed and rng.random() < data.exposed:
            grade = _exposed(float(rng.uniform(*STOPS)), draw_grade(more, 1.0, PICTURE_LIGHT))
        return Draw(number, crop, numbers, shade, damage, grade, lender)

    def batch(self, samples: Sequence[tuple[int, int]]) -> PhotoBatch:
        """The batch of the given (epoch, index) pairs, in their order; `.to(device)` composes it."""
        draws = tuple(self.draw(epoch, index) for epoch, index in samples)
        entries, size = [self._seen(d.photo, d.lender) for d in draws], self._drawing.size
        pictures = [apply_crop(e["picture"], d.crop, size) for e, d in zip(entries, draws, strict=True)]
        masks = [apply_crop(e["mask"], d.crop, size)[..., None] for e, d in zip(entries, draws, strict=True)]
        flat = [
            np.zeros(0, np.int64) if d.numbers.nothing else np.flatnonzero(m) for m, d in zip(masks, draws, strict=True)
        ]
        shades = [_shade_at(e, d, p, size) for e, d, p in zip(entries, draws, flat, strict=True)]
        area = size * size
        return PhotoBatch(
            picture=stacked(pictures, self._drawing.pin),
            mask=stacked(masks, self._drawing.pin),
            place=pinned(np.concatenate([p + area * i for i, p in enumerate(flat)]), self._drawing.pin),
            shade=pinned(np.concatenate(shades), self._drawing.pin),
            counts=tuple(len(p) for p in flat),
            chance=torch.from_numpy(chances(self._drawing.seed, samples)),
            draws=draws,
        )

    def _photo(self, epoch: int, index: int) -> int:
        """Which photograph a sample is of."""
        turn = self._turns[index % len(self._turns)]
        return turn[int(generator(self._drawing.seed, "photograph", epoch, index).integers(len(turn)))]

    def _called(self, index: int) -> TripletPaths:
        photo = self.photos[self._photo(0, index)]
        path = photo.image.with_name(f"{photo.name}_{index // len(self._turns) + 1}")
        return TripletPaths(path, photo.mask, photo.image, "photographic", photo.group)

    def _lender(self, rng: np.random.Generator, number: int) -> int | None:
        """A photograph whose mask, laid over this one, covers neither too little nor too much of it."""
        other = int(rng.integers(len(self.photos)))
        share = float(self._entries[other]["mask"].mean()) / 255
        return other if other != number and LENT[0] <= share <= LENT[1] else None

    def _seen(self, number: int, lender: int | None) -> Arrays:
        """The entry of a photograph, under another one's mask where there is a lender."""
        entry = self._entries[number]
        if lender is None:
            return entry
        mask = self._entries[lender]["mask"]
        mask = resize(mask, (entry["mask"].shape[0], entry["mask"].shape[1]))
        return masked(entry["picture"], mask)

    def _edits(
        self, rng: np.random.Generator, number: int, entry: Arrays
    ) -> tuple[Numbers, NDArray[np.float32] | None]:
        """Edits that leave a plausible foreground, as numbers; none where no draw does."""
        own = entry["colors"]
        rows, columns = entry["places"].T
        weights = np.ones(len(own), np.float32)
        foreground = Foreground(own, weights, rows, columns, entry["small"].astype(np.float32) / 255)
        methods = self._drawing.data.edits
        method = methods[int(rng.integers(len(methods)))]
        for _ in range(MAX_TRIES):
            donor = self._entries[self._donor(rng, number)]["colors"]
            edits = draw_edits(method, rng)
            if why_implausible(own, apply_edits(edits, foreground, donor)) is not None:
                continue
            light = next((edit for edit in edits if isinstance(edit, Relight)), None)
            shade = None if light is None else shade_of(foreground, light.angle, light.height).astype(np.float32)
            at = None if shade is None else shade[rows, columns]
            return numbers_of(edits, own, donor, at), shade
        return Numbers(), None

    def _donor(self, rng: np.random.Generator, number: int) -> int:
        """Another photograph, of the same category where there is one, and not of the same series."""
        own = self.photos[number]
        for candidates in (self._categories[own.category], range(len(self.photos))):
            for _ in range(MAX_TRIES):
                other = candidates[int(rng.integers(len(candidates)))]
                if self.photos[other].group != own.group:
                    return other
        return number


def _turns(photos: Sequence[Photo], per_series: int) -> list[list[int]]:
    """Which photographs may stand for each sample of an epoch."""
    groups: dict[str, list[int]] = {}
    for number, photo in enumerate(photos):
        groups.setdefault(photo.group, []).append(number)
    turns: list[list[int]] = []
    for group in groups.values():
        turns += [group] * per_series if 0 < per_series < len(group) else [[number] for number in group]
    return turns


def _exposed(stops: float, grade: Grade) -> Grade:
    """A grade at another exposure: so many stops above the picture's own in green."""
    gain = 2.0**stops / grade.gains[1]
    red, green, blue = (gain * value for value in grade.gains)
    return Grade((red, green, blue), grade.contrast, grade.saturation)


def _shade_at(entry: Arrays, draw: Draw, place: NDArray[np.int64], size: int) -> NDArray[np.float16]:
    """The light of a relight edit at pixels of the crop laid flat, (N,)."""
    if draw.shade is None:
        return np.zeros(len(place), np.float16)
    height, width = entry["mask"].shape
    return apply_crop(resize(draw.shade, (height, width)), draw.crop, size).ravel()[place].astype(np.float16)


def _flat(images: Tensor, channels: int) -> Tensor:
    """(B, C, S, S) in channels-last order as (B * S * S, C), the same memory."""
    return images.permute(0, 2, 3, 1).reshape(-1, channels)
