# SPDX-License-Identifier: Apache-2.0
"""Which photographs are used, which are held out, and which are of the novel category that a study holds back."""

from __future__ import annotations

import collections
import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harmonize_core.data.photos import Photo
from harmonize_core.data.rng import generator
from harmonize_core.errors import ConfigError, DatasetError

SIDES = ("base", "novel")
"""All categories but the one that is held back, and that one; `IHD_novel_test.txt` lists its test composites."""
COLUMNS = (
    "name",
    "folder",
    "sha256",
    "side",
    "split",
    "category",
    "series",
    "composites",
    "licence",
    "author",
    "source",
)


@dataclass(frozen=True)
class SplitOptions:
    """How photographs are chosen and split."""

    novel: tuple[str, ...] = ()
    """Categories, or COLUMN=VALUE of the manifest, that make a photograph one of the novel category."""
    held_out: float | None = None
    """Share of the photographs (a series counts once) to test on, above 0 and below 1; None: the manifest's split."""
    held_out_novel: float | None = None
    """The same of the novel category; None: as the others."""
    per_series: int = 0
    """At most so many photographs of one series, spread over it; 0: all."""


def check_split(options: SplitOptions) -> None:
    """Refuse what is out of range.

    Raises:
        ConfigError: says which option.
    """
    for name, share in (("held-out", options.held_out), ("held-out-novel", options.held_out_novel)):
        if share is not None and not 0 < share < 1:
            raise ConfigError(f"--{name} should be a share above 0 and below 1 but is {share}")
    if options.held_out_novel is not None and not options.novel:
        raise ConfigError("--held-out-novel needs --novel, which says which photographs are novel")
    if options.per_series < 0:
        raise ConfigError(f"--per-series should be a number of photographs, or 0 for all, but is {options.per_series}")


def arrange(photos: Sequence[Photo], options: SplitOptions, seed: int) -> list[Photo]:
    """The photographs that are used, with their side of the split and of the study; in the order they came in.

    A series is drawn as a whole, so that the same subject in the same light is never on both sides.

    Raises:
        ConfigError: no photograph is novel, or every one.
        DatasetError: the manifest puts one series on both sides of the split.
    """
    is_novel = _chooser(options.novel)
    chosen = [replace(photo, novel=is_novel(photo)) for photo in _thinned(photos, options.per_series)]
    if options.novel and len({photo.novel for photo in chosen}) < 2:
        found = "every one is" if chosen[0].novel else "none is"
        known = ", ".join(sorted({photo.category for photo in chosen}))
        raise ConfigError(
            f"--novel {' '.join(options.novel)} should divide the photographs but {found} novel; categories: {known}"
        )
    novel_share = options.held_out if options.held_out_novel is None else options.held_out_novel
    drawn = {
        group: held_out
        for novel, share in ((False, options.held_out), (True, novel_share))
        if share is not None
        for group, held_out in _drawn([p.group for p in chosen if p.novel == novel], share, seed).items()
    }
    arranged = [replace(photo, held_out=drawn.get(photo.group, photo.held_out)) for photo in chosen]
    _refuse_straddling(arranged)
    return arranged


def describe(photos: Sequence[Photo], composites: Mapping[str, int], has_sides: bool) -> str:
    """`photos.csv`: what became of each photograph, with its digest and what the manifest says of its rights.

    Args:
        photos: in the order of the lines.
        composites: how many were made, by name.
        has_sides: whether a novel category was named.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for photo in photos:
        digest = hashlib.sha256(photo.image.read_bytes()).hexdigest()
        side, split = SIDES[photo.novel] if has_sides else "", "test" if photo.held_out else "train"
        facts = (photo.name, photo.image.resolve().parent.name, digest, side, split, photo.category, photo.series)
        rights = (photo.column(name) for name in ("licence", "author", "source"))
        rows.writerow([*facts, composites.get(photo.name, 0), *rights])
    return text.getvalue()


def _thinned(photos: Sequence[Photo], per_series: int) -> list[Photo]:
    if not per_series:
        return list(photos)
    series: dict[str, list[Photo]] = collections.defaultdict(list)
    for photo in photos:
        series[photo.group].append(photo)
    kept: set[str] = set()
    for members in series.values():
        count = min(per_series, len(members))
        kept |= {members[(2 * i + 1) * len(members) // (2 * count)].name for i in range(count)}
    return [photo for photo in photos if photo.name in kept]


def _drawn(groups: Sequence[str], share: float, seed: int) -> dict[str, bool]:
    """Which groups are held out; at least one on either side where there are two."""
    order = sorted(set(groups), key=lambda group: (generator(seed, "held-out", group).random(), group))
    count = round(share * len(order))
    if len(order) > 1:
        count = min(max(count, 1), len(order) - 1)
    return {group: number < count for number, group in enumerate(order)}


def _refuse_straddling(photos: Sequence[Photo]) -> None:
    sides: dict[str, set[bool]] = collections.defaultdict(set)
    for photo in photos:
        sides[photo.group].add(photo.held_out)
    both = [group for group, found in sides.items() if len(found) > 1]
    if both:
        raise DatasetError(
            f"the manifest puts photographs of the series {both[0]!r} on both sides of the split ({len(both)} such); "
            "correct its column split, or let --held-out draw whole series"
        )


def _chooser(novel: Sequence[str]) -> Callable[[Photo], bool]:
    wanted = [entry.partition("=") for entry in novel]
    return lambda photo: any(
        photo.column(column) == value if sign else photo.category == column for column, sign, value in wanted
    )
