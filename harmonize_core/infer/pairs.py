# SPDX-License-Identifier: Apache-2.0
"""Which mask belongs to which picture, and where the result goes: all of it known before anything is computed.

Pictures come as files, folders or patterns (shot_*.png, shot.%04d.png, shot_####.exr), masks as a file, a folder or a
pattern. A mask has its picture's name without the ending, or that name with _mask, -mask, _alpha or -alpha behind it.
"""

from __future__ import annotations

import collections
import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import ConfigError, DatasetError, InputError, OutputError
from harmonize_core.formats.picture import SUFFIXES

ENDINGS = ("_mask", "-mask", "_alpha", "-alpha", "")
"""What may follow a picture's name in that of its mask, in the order they are tried."""

_NAMED = 3

_NUMBER = re.compile(r"%0?([0-9]*)d|#+")
"""The place of a frame's number in a pattern, as FFmpeg and compositing programs write it."""


@dataclass(frozen=True)
class FileJob:
    """One composite, its mask, and where the harmonized picture goes."""

    image: Path
    mask: Path | None
    """None: the picture brings it itself."""
    out: Path


@dataclass(frozen=True)
class Plan:
    """All a run has to do."""

    jobs: tuple[FileJob, ...]
    finished: int
    """Outputs that are there already and are left alone."""
    unused: tuple[Path, ...]
    """Masks without a picture."""
    single: bool
    """One picture was asked for by its name, not a folder or pattern."""


def plan_files(images: Sequence[Path], mask: Path | None, out: Path, *, overwrite: bool = False) -> Plan:
    """Pair pictures with masks and outputs, and check all of it.

    A single picture is written over an older result; of several, those whose result exists are finished, unless
    `overwrite`.

    Args:
        images: files, folders or patterns.
        mask: a file (for a single picture), folder or pattern; None: each picture brings its own.
        out: a file (for a single picture) or folder.
        overwrite: write all of them again.

    Raises:
        InputError: a picture or mask is missing, or pictures have no mask; the message counts and names them.
        ConfigError: arguments that do not fit each other, or an output that would replace an input.
        DatasetError: a folder or pattern without pictures.
        OutputError: a place that cannot be written to.
    """
    single = len(images) == 1 and not is_many(images[0])
    found = find_images(images)
    masks: list[Path] = []
    if mask is not None:
        masks = find_images([mask]) if is_many(mask) else [existing(mask, "mask")]
        is_file = not is_many(mask)
        if is_file and len(found) > 1:
            raise ConfigError(
                f"--mask {mask} is one file for {len(found)} images; give the folder or the pattern of their masks"
            )
        if not is_file:
            if not single:
                found = _without_masks(found, masks)
            pairs = _paired(found, masks, mask)
        else:
            pairs = {found[0]: mask}
    else:
        pairs = dict.fromkeys(found)
    to_file = single and not Path(out).is_dir() and bool(Path(out).suffix)
    jobs = [FileJob(image, pairs[image], Path(out) if to_file else Path(out) / image.name) for image in found]
    check_outputs(jobs, {*found, *masks}, Path(out))
    used = set(pairs.values())
    unused = () if single else tuple(m for m in masks if m not in used and m not in pairs)
    todo = [job for job in jobs if single or overwrite or not os.path.lexists(job.out)]
    return Plan(tuple(todo), len(jobs) - len(todo), unused, single)


def is_many(path: Path) -> bool:
    """Whether this is a folder or a pattern."""
    return path.is_dir() or (not os.path.lexists(path) and (any(c in str(path) for c in "*?[") or is_numbered(path)))


def is_numbered(path: Path) -> bool:
    """Whether this is the pattern of a sequence of frames: shot.%04d.png, shot_####.exr."""
    return bool(_NUMBER.search(path.name)) and not os.path.lexists(path)


def numbered(pattern: Path, number: int) -> Path:
    """The file of a frame in a pattern of `is_numbered`."""
    return pattern.with_name(_NUMBER.sub(lambda m: str(number).zfill(_digits(m)), pattern.name, count=1))


def existing(path: Path, what: str) -> Path:
    """The path itself.

    Raises:
        InputError: there is nothing at it.
    """
    if not os.path.lexists(path):
        raise InputError(f"the {what} {path} does not exist; check the path")
    return path


def find_images(sources: Sequence[Path]) -> list[Path]:
    """All pictures of files, folders and patterns, within each in the order of their names and numbers.

    Raises:
        InputError: a file that does not exist.
        DatasetError: a folder or pattern without pictures.
    """
    found: list[Path] = []
    for source in sources:
        if not is_many(source):
            found.append(existing(source, "image"))
            continue
        entries = _entries(source)
        usable = (e for e in entries if e.suffix.lower() in SUFFIXES and not _a_folder(e) and e.name[:1] != ".")
        inside = sorted(usable, key=_in_order)
        if not inside:
            known = ", ".join(s[1:] for s in SUFFIXES)
            raise DatasetError(f"{source} should give images ({known}) but there are none; check the path")
        found += inside
    return list(dict.fromkeys(found))


def _entries(source: Path) -> Iterable[Path]:
    """What is in a folder or fits a pattern."""
    if source.is_dir():
        return source.iterdir()
    if not is_numbered(source):
        return (Path(name) for name in glob.glob(str(source)))
    found = _NUMBER.search(source.name)
    assert found is not None
    before, after = source.name[: found.start()], source.name[found.end() :]
    named = re.compile(f"{re.escape(before)}([0-9]{{{max(1, _digits(found))},}}){re.escape(after)}")
    inside = source.parent.iterdir() if source.parent.is_dir() else ()
    return (path for path in inside if named.fullmatch(path.name))


def _digits(found: re.Match[str]) -> int:
    return len(found[0]) if found[0][0] == "#" else int(found[1] or 1)


def _in_order(path: Path) -> tuple[list[str | int], Path]:
    """Numbers in names count by their value, so that frame 2 comes before frame 10."""
    parts = re.split(r"([0-9]+)", str(path))  # text and digits in turn, so that like is compared with like
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], path


def _a_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_file()


def _without_masks(images: list[Path], masks: list[Path]) -> list[Path]:
    """Pictures without those that are masks of others by their name, where both are in one folder."""
    stems = {image.stem for image in images}
    endings = [ending for ending in ENDINGS if ending]
    shared = set(masks)

    def is_mask(path: Path) -> bool:
        return path in shared and any(path.stem.endswith(e) and path.stem[: -len(e)] in stems for e in endings)

    return [image for image in images if not is_mask(image)]


def _paired(images: list[Path], masks: list[Path], source: Path) -> dict[Path, Path | None]:
    by_stem: dict[str, list[Path]] = collections.defaultdict(list)
    for mask in masks:
        by_stem[mask.stem].append(mask)
    taken = {_real(image) for image in images}
    pairs: dict[Path, Path | None] = {}
    for image in images:
        for ending in ENDINGS:
            fitting = [m for m in by_stem.get(image.stem + ending, ()) if _real(m) not in taken]
            if len(fitting) > 1:
                raise ConfigError(f"{_names(fitting)} are all masks of {image.name}; leave one of them in {source}")
            if fitting:
                pairs[image] = fitting[0]
                break
    missing = [image for image in images if image not in pairs]
    if missing:
        free = [mask for mask in masks if mask not in pairs.values() and _real(mask) not in taken]
        rest = f", and {len(free)} masks have no image ({_names(free)})" if free else ""
        raise InputError(
            f"{len(missing)} of {len(images)} images have no mask in {source} ({_names(missing)}){rest}; a mask is "
            f"named like its image or with _mask behind, as {missing[0].stem}_mask.png; nothing was written"
        )
    return pairs


def check_outputs(jobs: Sequence[FileJob], inputs: Iterable[Path], out: Path) -> None:
    """Refuse outputs that cannot be, or would replace one of `inputs` or each other.

    Raises:
        ConfigError: an ending of no picture, a file or folder that is in the way.
        OutputError: a place that cannot be written to.
    """
    taken = {_real(path) for path in inputs}
    seen: dict[Path, Path] = {}
    for job in jobs:
        if job.out.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"--out should end in one of {', '.join(SUFFIXES)} but is {job.out}")
        if _real(job.out) in taken:
            raise ConfigError(f"--out {job.out} would replace the input; choose another name or folder")
        if job.out in seen:
            raise ConfigError(f"{seen[job.out]} and {job.image} would both become {job.out}; run them apart")
        if job.out.is_dir():
            raise ConfigError(f"--out {job.out} is a folder that stands where a file would go; choose another place")
        seen[job.out] = job.image
    for folder in {job.out.parent for job in jobs}:
        above = folder
        while not os.path.lexists(above) and above != above.parent:
            above = above.parent
        if not above.is_dir():
            raise OutputError(f"{folder} cannot be made a folder, because {above} is none; choose another --out")
        if not os.access(above, os.W_OK | os.X_OK):
            raise OutputError(f"{above} may not be written to; choose another --out or change its rights")


def _real(path: Path) -> str:
    return os.path.realpath(path)  # unlike Path.resolve it does not raise on links that lead in circles


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(path.name for path in paths[:_NAMED]) + more
