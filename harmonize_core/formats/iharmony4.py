# SPDX-License-Identifier: Apache-2.0
"""The iHarmony4 layout: `<root>/<Subset>/{composite_images,masks,real_images}` and its lists.

Composite `<image>_<foreground>_<k>.jpg`, mask `<image>_<foreground>.png`, real `<image>.jpg`. Root lists
`IHD_<split>.txt` hold paths below the root, subset lists `<Subset>_<split>.txt` bare names. Source:
bcmi/Image-Harmonization-Dataset-iHarmony4, commit 0bdb51d.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from harmonize_core.errors import DatasetError
from harmonize_core.formats.images import IMAGE_SUFFIXES, read_lines
from harmonize_core.formats.triplet import TripletPaths

FOLDERS = ("composite_images", "masks", "real_images")


def real_of(composite: PurePosixPath) -> PurePosixPath:
    """`HCOCO/composite_images/c1_2_3.jpg` -> `HCOCO/real_images/c1.jpg`."""
    stem = composite.stem.rsplit("_", 2)[0]
    return composite.parent.parent / "real_images" / (stem + composite.suffix)


def mask_of(composite: PurePosixPath) -> PurePosixPath:
    """`HCOCO/composite_images/c1_2_3.jpg` -> `HCOCO/masks/c1_2.png`."""
    return composite.parent.parent / "masks" / (composite.stem.rsplit("_", 1)[0] + ".png")


def is_layout(root: Path) -> bool:
    """Whether `root` is a subset folder or holds at least one."""
    return bool(_subset_roots(Path(root)))


def splits(root: Path) -> list[str]:
    """Names of the lists with at least one line, sorted: those of the root, and those of its subsets.

    `IHD_nonhuman_train.txt`, the list CharmNet trains on, is the split nonhuman_train.
    """
    root = Path(root)
    stems = [("IHD", root), *((s.resolve().name, s) for s in _subset_roots(root))]
    lists = {f: f.stem[len(stem) + 1 :] for stem, folder in stems for f in folder.glob(f"{stem}_*.txt")}
    return sorted({split for file, split in lists.items() if any(line.strip() for line in read_lines(file))})


def list_triplets(root: Path, split: str | None = None) -> list[TripletPaths]:
    """All triplets below `root` (a root of subsets, or one subset), or those of the list files of `split`.

    Raises:
        DatasetError: not this layout, no list of that split, or a name that does not fit the rule.
    """
    root = Path(root)
    subsets = _subset_roots(root)
    if not subsets:
        raise DatasetError(f"{root} should hold subset folders with {', '.join(FOLDERS)} but has none")
    triplets = []
    for composite in _composites(root, subsets, split):
        if len(composite.stem.rsplit("_", 2)) != 3:
            raise DatasetError(f"{root / composite} should be named <image>_<foreground>_<k>{composite.suffix}")
        real = real_of(composite)
        triplets.append(
            TripletPaths(
                composite=root / composite,
                mask=root / mask_of(composite),
                real=_existing(root / real),
                domain="photographic",
                group=str(real.with_suffix("")),
            )
        )
    return triplets


def _composites(root: Path, subsets: list[Path], split: str | None) -> list[PurePosixPath]:
    if split is None:
        found = (f for s in subsets for f in sorted((s / "composite_images").iterdir()))
        return [PurePosixPath(f.relative_to(root)) for f in found if f.suffix.lower() in IMAGE_SUFFIXES]
    whole = root / f"IHD_{split}.txt"
    if whole.is_file():
        lines = [PurePosixPath(_entry(line)) for line in read_lines(whole) if line.strip()]
    else:
        lines = []
        for subset in subsets:
            file = subset / f"{subset.resolve().name}_{split}.txt"
            if file.is_file():
                folder = PurePosixPath(subset.relative_to(root)) / "composite_images"
                lines += [folder / PurePosixPath(_entry(n)).name for n in read_lines(file) if n.strip()]
    if not lines:
        raise DatasetError(f"{root} should hold IHD_{split}.txt or <Subset>_{split}.txt with at least one line")
    for line in lines:
        if line.is_absolute() or ".." in line.parts:
            raise DatasetError(f"the {split} list of {root} names {str(line)!r}, which leaves the data set")
    return lines


def _entry(line: str) -> str:
    """A line of a list without spaces around it, with the separators of this layout."""
    return line.strip().replace("\\", "/")


def _subset_roots(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    candidates = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    rendered = {p.parent for p in root.glob("*/*_all_labeled.txt")}  # the released RdHarmony lies beside the subsets
    return [c for c in candidates if c not in rendered and all((c / name).is_dir() for name in FOLDERS)]


def _existing(real: Path) -> Path:
    """The real image may have another suffix than the composite (png photographs with jpg composites)."""
    if real.exists():
        return real
    return next((p for s in (".jpg", ".png", ".jpeg") if (p := real.with_suffix(s)).exists()), real)
