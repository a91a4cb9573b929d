# SPDX-License-Identifier: Apache-2.0
"""The data of the cross-domain study: photographs of base and novel categories, renders of the novel one, no leak.

Photographs lie in iHarmony4 layout. `harmonize make-real --novel ...` lists both sides by itself and says in
`photos.csv` what each photograph is; of other sets, words or list files say which composites are novel.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harmonize_core.benchmark.data import SeedsData, chooser
from harmonize_core.benchmark.tables import TestSet
from harmonize_core.data.sources import list_triplets, splits_of
from harmonize_core.errors import ConfigError, DatasetError, UnknownName
from harmonize_core.evaluate.report import FEW
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from harmonize_core.formats.triplet import TripletPaths
from harmonize_core.make_real.run import NOTE, PHOTOS
from harmonize_core.train.sets import refuse_leak

SIDES: tuple[TestSet, ...] = ("novel", "base")
"""What is tested on, in the order of the table's columns."""


@dataclass(frozen=True)
class StudyData:
    """Everything the study trains and tests on."""

    photographs: Path
    rendered: tuple[Path, ...]
    plans: SeedsData
    facts: Mapping[str, Mapping[str, str]]
    """Lines of `photos.csv` by the photograph's name; empty where there is none."""

    def group(self, triplet: TripletPaths) -> str:
        """What is drawn in a bootstrap: the series of a photograph, or itself."""
        return self.facts.get(_name(triplet), {}).get("series") or triplet.group

    def may_be_shown(self, triplet: TripletPaths, folders: Sequence[str]) -> bool:
        """Whether a picture may stand in a page: its photograph is from one of these folders; "any": all may."""
        return "any" in folders or self.facts.get(_name(triplet), {}).get("folder") in folders

    def counts(self) -> list[dict[str, str | int]]:
        """Rows of the table of the data: what, split, photographs or places, series apart, triplets."""
        lists = {
            ("novel, photographs", "train (oracle only)"): self.plans.train["novel"],
            ("novel, photographs", "test"): self.plans.test["novel"],
            ("base, photographs", "train"): self.plans.train["base"],
            ("base, photographs", "test"): self.plans.test["base"],
            ("novel, renders", "train"): self.plans.train["rendered"],
        }
        return [
            {
                "what": what,
                "split": split,
                "pictures": len({t.real for t in triplets}),
                "independent": len({self.group(t) for t in triplets}),
                "triplets": len(triplets),
                "categories": self._categories(triplets),
            }
            for (what, split), triplets in lists.items()
        ]

    def _categories(self, triplets: Sequence[TripletPaths]) -> str:
        if triplets and triplets[0].domain == "rendered":
            return f"{len({t.mask for t in triplets})} views"
        names = {_name(t): self.facts.get(_name(t), {}).get("category", "") for t in triplets}
        found = Counter(name or "unknown" for name in names.values())
        return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))

    def remarks(self) -> list[str]:
        """What is missing or weak, a sentence each."""
        found = []
        for side in SIDES:
            count = len({self.group(t) for t in self.plans.test[side]})
            if count < FEW:
                found.append(f"only {count} independent {side} test photographs: their intervals are too narrow")
        if not self.facts:
            found.append(f"{self.photographs} has no {PHOTOS}: series and rights of its photographs are unknown")
        if not self.plans.train["novel"]:
            found.append("no photograph of the novel category to train on: the row oracle cannot be made")
        return found

    def recipes(self) -> list[str]:
        """How the sets were made, as far as their own notes say."""
        made = _note(self.photographs / NOTE)
        found = []
        if made:
            split = {key: value for key, value in made.get("split", {}).items() if value}
            kept = {key: made[key] for key in ("per_photo", "max_side", "quality", "generators", "seed")} | split
            found.append(f"{self.photographs.name}: `harmonize make-real` with {_spelt(kept)}")
        for root in self.rendered:
            note = _note(root / "dataset.json")
            if note:
                wanted = ("categories", "views", "width", "height", "samples", "strategy", "subjects", "seed")
                spec = {key: note["spec"][key] for key in wanted if key in note["spec"]}
                found.append(f"{root.name}: `rdharmony make` ({note['generator']}) with {_spelt(spec)}")
        return found

    def digests(self) -> dict[str, str]:
        """SHA-256 of the names in each list, and of the notes that say how pictures were made."""
        files = {f"photographs/{name}": self.photographs / name for name in (PHOTOS, "composites.jsonl", NOTE)}
        for number, root in enumerate(self.rendered, 1):
            files |= {f"rendered-{number}/{name}": root / name for name in ("dataset.json", "manifest.jsonl")}
        known = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items() if file.is_file()}
        return self.plans.digests() | known


def open_study(photographs: Path, rendered: Sequence[Path], novel: Sequence[str], category: str) -> StudyData:
    """List and check everything.

    Args:
        photographs: Root in iHarmony4 layout.
        rendered: Roots in RdHarmony layout; all of their triplets of `category` are trained on.
        novel: Words or list files as `open_data` takes them; empty: the set's own lists novel_test, base_train ...
        category: Rendered category, one of RdHarmony's.

    Raises:
        ConfigError: nothing is novel, or everything.
        UnknownName: not a category of RdHarmony.
        InputError: a folder is missing.
        DatasetError: a broken layout, an empty list, or a photograph that is trained and tested on.
    """
    if category not in CATEGORY_FOLDERS:
        raise UnknownName.of("category", category, CATEGORY_FOLDERS)
    if not rendered:
        raise ConfigError(
            "--rendered should name at least one set of renders but names none; render some (rdharmony make)"
        )
    train, test = (list_triplets(photographs, split) for split in ("train", "test"))
    facts = _facts(photographs / PHOTOS)
    refuse_leak(photographs, train, test)
    _refuse_known(photographs, facts, train, test)
    sides = {split: _sides(photographs, split, found, novel) for split, found in (("train", train), ("test", test))}
    drawn = [t for root in rendered for t in _renders(root, category)]
    for name, triplets in (
        ("base train", sides["train"][1]),
        ("novel test", sides["test"][0]),
        ("base test", sides["test"][1]),
    ):
        if not triplets:
            raise ConfigError(
                f"the study needs photographs in the list {name} of {photographs} but has none; make the set with "
                "harmonize make-real --novel, or name the novel photographs with --novel"
            )
    plans = SeedsData(
        photographs,
        {"base": sides["train"][1], "novel": sides["train"][0], "rendered": drawn},
        {"all": test, "novel": sides["test"][0], "base": sides["test"][1]},
        roots=tuple(rendered),
    )
    return StudyData(photographs, tuple(rendered), plans, facts)


def _sides(
    root: Path, split: str, triplets: list[TripletPaths], novel: Sequence[str]
) -> tuple[list[TripletPaths], list[TripletPaths]]:
    """Triplets of the novel category and of all others."""
    if novel:
        is_novel = chooser(novel)
        return [t for t in triplets if is_novel(t)], [t for t in triplets if not is_novel(t)]
    names = splits_of(root)
    found = [list_triplets(root, f"{side}_{split}") if f"{side}_{split}" in names else [] for side in SIDES]
    if not any(found):
        raise ConfigError(
            f"{root} should list base_{split} and novel_{split} apart but does not; make it with harmonize make-real "
            "--novel, or say with --novel which photographs are of the novel category"
        )
    both = {t.composite for t in found[0]} & {t.composite for t in found[1]}
    if both:
        raise DatasetError(
            f"{root} lists {min(map(str, both))} as novel and as base ({len(both)} such); correct the lists"
        )
    return found[0], found[1]


def _renders(root: Path, category: str) -> list[TripletPaths]:
    folder = CATEGORY_FOLDERS[category]
    found = [t for t in list_triplets(root, None, "rendered") if t.composite.relative_to(root).parts[0] == folder]
    if not found or any(t.style_hard is None for t in found):
        raise DatasetError(
            f"{root} should hold rendered triplets of {category} with style labels in {folder} but has "
            f"{'none with labels' if found else 'none'}; render some (rdharmony make {root} --category {category})"
        )
    return found


def _facts(file: Path) -> dict[str, dict[str, str]]:
    if not file.is_file():
        return {}
    with open(file, newline="", encoding="utf-8") as opened:
        return {row["name"]: row for row in csv.DictReader(opened)}


def _refuse_known(
    root: Path, facts: Mapping[str, Mapping[str, str]], train: Sequence[TripletPaths], test: Sequence[TripletPaths]
) -> None:
    """Refuse a series, or the same file under two names, on both sides of the split."""
    for column, what in (("series", "the series"), ("sha256", "a photograph with the digest")):
        seen = [{facts.get(_name(t), {}).get(column) for t in triplets} - {None, ""} for triplets in (train, test)]
        both = sorted(str(value) for value in seen[0] & seen[1])
        if both:
            raise DatasetError(
                f"{root / PHOTOS} puts {what} {both[0]!r} on both sides of the split ({len(both)} such); make the set "
                "again with harmonize make-real --held-out, which keeps a series together"
            )


def _note(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _spelt(choices: Mapping[str, Any]) -> str:
    shown = {k: " ".join(map(str, v)) if isinstance(v, list) else v for k, v in choices.items()}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in shown.items())


def _name(triplet: TripletPaths) -> str:
    """The photograph's, as `photos.csv` has it."""
    return triplet.real.stem
