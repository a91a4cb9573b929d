# SPDX-License-Identifier: Apache-2.0
"""Held-out triplets of one domain with what is known of each: its category, and whether it may be shown in a page."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harmonize_core.data.rng import generator
from harmonize_core.data.sources import domain_of, layout_of, list_triplets, scored_split
from harmonize_core.errors import InputError
from harmonize_core.formats.triplet import Domain, TripletPaths

PHOTOS = "photos.csv"
"""What `harmonize make-real` notes of each photograph: category, licence, author."""

SHOWN = ("CC", "public-domain")
"""Beginnings of the licences under which photographs may stand in a page; others are measured and not shown."""


@dataclass(frozen=True)
class HeldOut:
    """Triplets that nothing was trained on."""

    root: Path
    domain: Domain
    split: str
    triplets: tuple[TripletPaths, ...]
    photos: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By name: what `photos.csv` says."""

    @classmethod
    def of(cls, root: Path, split: str | None = None, limit: int = 0) -> HeldOut:
        """The triplets of a split, or so many of them; the default split as `harmonize evaluate`'s.

        A limit draws them, always the same ones: sets list the pairs of styles of a view in one order, so that every
        n-th could be one pair alone.

        Raises:
            InputError, DatasetError: as `list_triplets`.
        """
        root = Path(root)
        split = split or scored_split(root)
        triplets = drawn(list_triplets(root, split), limit)
        return cls(root, domain_of(root, split), split or "all", tuple(triplets), _photos(root))

    def category(self, triplet: TripletPaths) -> str:
        """What its foreground is: the photograph's category, or the subset's name (SHuman: human)."""
        known = self._note(triplet).get("category")
        if known:
            return known
        parts = triplet.composite.relative_to(self.root).parts
        subset = parts[0] if len(parts) > 2 else "all"
        return subset[1:].lower() if layout_of(self.root, self.split) == "rdharmony" else subset

    def may_be_shown(self, triplet: TripletPaths) -> bool:
        """Whether its licence lets a page show it; pictures without any note are the user's own."""
        return self._note(triplet).get("licence", SHOWN[0]).startswith(SHOWN)

    def credit(self, triplet: TripletPaths) -> str:
        """Who made it, under which licence; for renders, where that stands."""
        facts = self._note(triplet)
        if facts:
            name = triplet.real.stem
            return f"{name}: {facts.get('author') or 'unknown'}, {facts.get('licence') or 'own'}"
        return f"{triplet.group}: {'assets as in CREDITS.md of the set' if self.domain == 'rendered' else 'own'}"

    def _note(self, triplet: TripletPaths) -> Mapping[str, str]:
        return self.photos.get(triplet.real.stem, {})


def drawn(triplets: Sequence[TripletPaths], count: int) -> list[TripletPaths]:
    """So many of them (0: all), as many as can be of different photographs or scenes; in their order."""
    if not 0 < count < len(triplets):
        return list(triplets)
    turn: dict[str, int] = {}
    ranks = {}
    for index in generator(0, "held-out").permutation(len(triplets)):
        group = triplets[index].group
        ranks[int(index)] = turn[group] = turn.get(group, -1) + 1
    chosen = sorted(ranks, key=ranks.__getitem__)[:count]  # stable: within a turn as they were drawn
    return [triplets[index] for index in sorted(chosen)]


def _photos(root: Path) -> dict[str, dict[str, str]]:
    file = root / PHOTOS
    if not file.is_file():
        return {}
    try:
        with open(file, newline="", encoding="utf-8") as opened:
            return {row["name"]: row for row in csv.DictReader(opened)}
    except (KeyError, UnicodeDecodeError) as error:
        raise InputError(f"{file} should have a column 'name' in UTF-8; make the set again with make-real") from error
