# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set will cost, said before it is rendered: pictures, processor time, room on the disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from rdharmony_gen.run import disk
from rdharmony_gen.spec.dataset import DatasetSpec, places_for
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.scenes import SCENES

PICTURE_S = {"shared": 0.5, "fresh": 2.8}
PIXEL_S = {"shared": (0.8e-5, 3.5e-6), "fresh": (5.5e-5, 3.6e-6)}
"""CPU seconds of a picture, of each of its pixels, and of each sample of a pixel: lines through the figures of
docs/performance.md, which are of two shared cores without a graphics card (shared: 0.79 to 2.16 s at 96x96 with 6 to 48
samples, 13.8 s at 512x512; fresh: 3.55 to 5.42 s at 96x96 with 8 to 64 samples, 13.4 s at 192x192)."""
INDOOR, OUTDOOR = 2.0, 0.74
"""A room and a place outside over the mean of those figures: 27.2 and 10.2 of 13.8 s."""


@dataclass(frozen=True)
class Forecast:
    """Of the views that are still to be made."""

    views: int
    pictures: int
    """Real images."""
    cpu_s: float | None
    """None where nothing is known about the renderer."""
    room: float
    """Bytes on the disk."""

    def __str__(self) -> str:
        words = f"{_count(self.views, 'view')}, {_count(self.pictures, 'picture')} to render"
        if self.cpu_s is None:
            return f"{words}: about {disk.size(self.room)}"
        processors = os.cpu_count() or 1
        return (
            f"{words}: about {_time(self.cpu_s)} of processor time without a graphics card, so at least "
            f"{_time(self.cpu_s / processors)} on the {processors} processors here, and about {disk.size(self.room)}"
        )


def forecast(layout: SetLayout, spec: DatasetSpec, job_ids: Sequence[str], keep_renders: bool) -> Forecast:
    """What the jobs that are not composed yet will cost.

    Args:
        layout: Of the set.
        spec: Its recipe.
        job_ids: Of the jobs.
        keep_renders: Whether linear renders stay on the disk.
    """
    views = sum(not layout.view_record(job_id).is_file() for job_id in job_ids)
    pictures = views * len(spec.styles)
    if spec.clip:
        pictures = views * spec.clip * disk.clip_styles(spec)
    each = picture_cpu_s(spec) if spec.renderer == "cycles" else None
    room = views * disk.view_bytes(spec, "render,compose", keep_renders)[0]
    return Forecast(views, pictures, None if each is None else pictures * each, room)


def picture_cpu_s(spec: DatasetSpec) -> float:
    """About how many CPU seconds a picture takes, by `PICTURE_S` and `PIXEL_S`."""
    pixel, sample = PIXEL_S[spec.strategy]
    places = [place for category in spec.categories for place in places_for(spec, category)]
    factor = mean(INDOOR if place in SCENES and SCENES[place].indoor else OUTDOOR for place in places)
    return PICTURE_S[spec.strategy] + factor * spec.width * spec.height * (pixel + sample * spec.samples)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _time(seconds: float) -> str:
    for unit, size, least in (("day", 86400, 3), ("hour", 3600, 1.5), ("minute", 60, 1.5)):
        if seconds >= least * size:
            return _count(round(seconds / size), unit)
    return _count(max(1, round(seconds)), "second")
