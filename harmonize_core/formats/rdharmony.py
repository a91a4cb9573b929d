# SPDX-License-Identifier: Apache-2.0
"""The RdHarmony layout: file-name rules, the label file, and listing its triplets.

`<root>/<Folder>/{real_images,masks,composite_images}` and `<root>/<Folder>/<Folder>_all_labeled.txt`. Source: the
loader `data/rendered_dataset.py` of bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony, commit 9a647e8. Ours adds
`alpha/` and `splits/`, which that loader ignores. Its style numbers are not published; the order here is our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from harmonize_core.errors import DatasetError
from harmonize_core.formats.images import read_lines
from harmonize_core.formats.triplet import TripletPaths

STYLE_COUNT = 10
"""Styles of RdHarmony; a set with styles of its own has more, and as many entries in each label."""
MAX_STYLES = 100
SOFT_SUM_ERROR = 0.05
"""How far soft labels may sum from 1: ours have six digits, how many the released ones have is not published."""

CATEGORY_FOLDERS = {
    "human": "SHuman",
    "bottle": "SBottle",
    "cake": "SCake",
    "motorcycle": "SMotorcycle",
    "cow": "SCow",
    "couch": "SCouch",
    "apple": "SApple",
    "car": "SCar",
    "chair": "SChair",
    "dog": "SDog",
    "knife": "SKnife",
}
"""The eleven categories of RdHarmony and their folder names."""


@dataclass(frozen=True)
class LabelLine:
    """One line of `<Folder>_all_labeled.txt`."""

    composite: PurePosixPath
    """Path below the root."""
    style_soft: tuple[float, ...]
    style_hard: int


def real_name(scene_id: str, style: int, suffix: str = ".jpg") -> str:
    return f"{scene_id}-{style}{suffix}"


def composite_name(scene_id: str, bg_style: int, fg_style: int, suffix: str = ".jpg") -> str:
    return f"{scene_id}-{bg_style}_{fg_style}{suffix}"


def mask_name(scene_id: str) -> str:
    return f"{scene_id}.png"


def soft_label(bg_style: int, fg_style: int, fg_ratio: float, styles: int = STYLE_COUNT) -> tuple[float, ...]:
    """Foreground-area fraction on the foreground's style, the rest on the background's (our definition).

    Args:
        bg_style: number of the background's style, from 1.
        fg_style: number of the foreground's style, from 1.
        fg_ratio: share of the picture that the foreground covers.
        styles: length of the label: 10, or the highest style number of a set with styles of its own.
    """
    label = [0.0] * styles
    label[bg_style - 1] += 1 - fg_ratio
    label[fg_style - 1] += fg_ratio
    return tuple(label)


def format_label_line(line: LabelLine) -> str:
    soft = "_".join(f"{value:.6f}" for value in line.style_soft)
    return f"{line.composite}\t{soft}\t{line.style_hard}"


def parse_label_line(text: str, where: str) -> LabelLine:
    """Read one label line; `where` ("file:12") goes into the error.

    Raises:
        DatasetError: not three columns, less than ten soft labels, a hard label beyond them, or a path that leaves the
            root.
    """
    columns = text.rstrip("\r\n").split("\t")
    try:
        path, soft_text, hard_text = columns
        soft = tuple(float(value) for value in soft_text.split("_"))
        hard = int(hard_text)
    except ValueError:
        raise DatasetError(
            f"{where} should read 'composite path TAB ten or more numbers joined by _ TAB number of a style' "
            f"but reads {text!r}"
        ) from None
    if not STYLE_COUNT <= len(soft) <= MAX_STYLES or not 1 <= hard <= len(soft):
        raise DatasetError(
            f"{where} should hold 10 soft labels or more, one a style, and the number of one of these styles "
            f"but holds {len(soft)} and {hard}"
        )
    if not all(0 <= value <= 1 for value in soft) or abs(sum(soft) - 1) > SOFT_SUM_ERROR:
        raise DatasetError(f"{where} should hold soft labels from 0 to 1 that sum to 1 but holds {soft_text}")
    composite = PurePosixPath(path)
    if composite.is_absolute() or ".." in composite.parts or "composite_images" not in composite.parts:
        raise DatasetError(f"{where} names {path!r}, which is not inside a composite_images folder of this data set")
    return LabelLine(composite, soft, hard)


def real_of(composite: PurePosixPath) -> PurePosixPath:
    """`SHuman/composite_images/park-1_2.jpg` -> `SHuman/real_images/park-1.jpg`."""
    stem = composite.name.rpartition("_")[0]
    return composite.parent.parent / "real_images" / (stem + composite.suffix)


def mask_of(composite: PurePosixPath) -> PurePosixPath:
    """`SHuman/composite_images/park-1_2.jpg` -> `SHuman/masks/park.png`."""
    return composite.parent.parent / "masks" / mask_name(scene_of(composite))


def scene_of(composite: PurePath) -> str:
    """`.../park_00_v003-1_2.jpg` -> `park_00_v003`."""
    return composite.name.rpartition("-")[0]


def place_of(scene_id: str) -> str:
    """The 3D scene of a view: `park_00_v003` -> `park_00`; other names stand for themselves."""
    return re.sub(r"_v\d+$", "", scene_id)


def is_layout(root: Path) -> bool:
    """Whether `root` holds label files of this layout."""
    return any(Path(root).glob("S*/S*_all_labeled.txt"))


def splits(root: Path) -> list[str]:
    """Names of the splits that `root` lists, sorted; the released data has none."""
    return sorted(p.stem for p in (Path(root) / "splits").glob("*.txt") if any(read_lines(p)))


def list_triplets(root: Path, split: str | None = None) -> list[TripletPaths]:
    """All triplets below `root` in label-file order, or those whose scene is in `splits/<split>.txt`.

    Raises:
        DatasetError: no label file, a broken line, or no split file of that name.
    """
    root = Path(root)
    label_files = sorted(root.glob("S*/S*_all_labeled.txt"))
    if not label_files:
        raise DatasetError(f"{root} should hold label files such as SHuman/SHuman_all_labeled.txt but has none")
    wanted = None if split is None else _read_split(root, split)
    triplets = []
    for file in label_files:
        for number, text in enumerate(read_lines(file), 1):
            line = parse_label_line(text, f"{file}:{number}")
            if wanted is not None and str(line.composite) not in wanted:
                continue
            triplets.append(
                TripletPaths(
                    composite=root / line.composite,
                    mask=root / mask_of(line.composite),
                    real=root / real_of(line.composite),
                    domain="rendered",
                    group=place_of(scene_of(line.composite)),
                    style_soft=line.style_soft,
                    style_hard=line.style_hard,
                )
            )
    return triplets


def _read_split(root: Path, split: str) -> set[str]:
    """A split file holds composite paths below the root, one a line."""
    file = root / "splits" / f"{split}.txt"
    if not file.is_file():
        found = ", ".join(sorted(p.stem for p in (root / "splits").glob("*.txt"))) or "none"
        raise DatasetError(f"{root} should hold splits/{split}.txt; splits found: {found}")
    return {line for line in read_lines(file) if line}
