# SPDX-License-Identifier: Apache-2.0
"""The plain layout: `<root>/{composite,mask,real}` with files of the same stem, for pictures of one's own.

    composite/shot1.png   mask/shot1.png (or shot1_mask.png)   real/shot1.jpg
    train.txt, test.txt   optional lists of stems or composite names

The folders may be called `composites`, `masks` and `reals`, too; suffixes may differ.
"""

from __future__ import annotations

import collections
from pathlib import Path

from harmonize_core.errors import DatasetError
from harmonize_core.formats.images import IMAGE_SUFFIXES, MASK_ENDINGS, read_lines
from harmonize_core.formats.triplet import TripletPaths

FOLDERS = (("composite", "composites"), ("mask", "masks"), ("real", "reals"))


def is_layout(root: Path) -> bool:
    """Whether `root` holds the three folders."""
    return all(any((Path(root) / name).is_dir() for name in names) for names in FOLDERS)


def splits(root: Path) -> list[str]:
    """Names of the lists beside the folders that have at least one line, sorted."""
    return sorted(p.stem for p in Path(root).glob("*.txt") if any(line.strip() for line in read_lines(p)))


def list_triplets(root: Path, split: str | None = None) -> list[TripletPaths]:
    """All triplets below `root` by name, or those of `<split>.txt` in its order.

    A mask or real image that is missing is found out when it is read.

    Raises:
        DatasetError: not this layout, no such list, a name in it without a composite, or a stem that two files share.
    """
    root = Path(root)
    if not is_layout(root):
        raise DatasetError(f"{root} should hold the folders composite, mask and real but does not")
    composite, mask, real = (next(root / n for n in names if (root / n).is_dir()) for names in FOLDERS)
    composites, masks, reals = (_by_stem(folder) for folder in (composite, mask, real))
    stems = sorted(composites) if split is None else _listed(root, split, composites)
    return [
        TripletPaths(
            composite=composites[stem],
            mask=next((masks[stem + e] for e in MASK_ENDINGS if stem + e in masks), mask / f"{stem}.png"),
            real=reals.get(stem, real / f"{stem}.png"),
            domain="photographic",
            group=stem,
        )
        for stem in stems
    ]


def _by_stem(folder: Path) -> dict[str, Path]:
    files = [f for f in sorted(folder.iterdir()) if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
    twice = [stem for stem, count in collections.Counter(f.stem for f in files).items() if count > 1]
    if twice:
        raise DatasetError(f"{folder} should hold one picture of each name but has several called {twice[0]}; rename")
    return {f.stem: f for f in files}


def _listed(root: Path, split: str, composites: dict[str, Path]) -> list[str]:
    file = root / f"{split}.txt"
    if not file.is_file():
        raise DatasetError(f"{root} should hold {split}.txt; lists found: {', '.join(splits(root)) or 'none'}")
    stems = []
    for number, line in enumerate(read_lines(file), 1):
        name = line.strip()
        stem = name.rpartition(".")[0] if name.lower().endswith(IMAGE_SUFFIXES) else name
        if stem and stem not in composites:
            raise DatasetError(f"{file}:{number} names {name!r}, which is no composite of this set; correct the list")
        stems += [stem] if stem else []
    return stems
