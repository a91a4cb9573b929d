# SPDX-License-Identifier: Apache-2.0
"""The HYouTube layout of video triplets: names of folders and frames, and listing its clips.

    real_videos/<video>/00005.jpg
    foreground_mask/<video>/<object>/00005.png
    synthetic_composite_videos/<video>/<object>/00005.jpg
    train_list.txt, test_list.txt        a line a clip: its three folders, real, mask, composite
    train_frames.txt, test_frames.txt    a line a frame: its three files in the same order

Source: the lists of bcmi/Video-Harmonization-Dataset-HYouTube (commit 206248a; those of frames, commit dccd636). Its
README draws `Ground-truth/`, `Mask/` and `Composite/` instead; loaders go by the names in the lists, so any names are
read here. Frames are numbered in steps of five, as they were cut from video, and the released CO2Net looks for the
frames before and after by adding and taking five: so frame i is called 5 i here, too.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.images import read_lines
from harmonize_core.formats.triplet import TripletPaths

REAL, MASK, COMPOSITE = "real_videos", "foreground_mask", "synthetic_composite_videos"
STEP = 5
"""Between the numbers of neighbouring frames."""
MAX_NUMBER = 99_999
"""Largest number that five digits hold."""


@dataclass(frozen=True)
class ClipPaths:
    """Where one clip lies: frame by frame a composite, its mask and its real image."""

    name: str
    """`<video>/<object>`, unlike in any other clip of the set."""
    frames: tuple[TripletPaths, ...]
    """In order of time, without holes."""


def frame_name(index: int, suffix: str) -> str:
    """File name of a frame, counted from 0: `frame_name(1, ".jpg")` is `00005.jpg`."""
    return f"{STEP * index:05d}{suffix}"


def real_folder(video: str) -> str:
    """Frames of the real video, below the root."""
    return f"{REAL}/{video}"


def mask_folder(video: str, thing: str) -> str:
    """Masks of one object of a video."""
    return f"{MASK}/{video}/{thing}"


def composite_folder(video: str, thing: str) -> str:
    """Frames of the video in which one object looks wrong."""
    return f"{COMPOSITE}/{video}/{thing}"


def clip_list(root: Path, split: str) -> Path:
    """The list of a split's clips."""
    return Path(root) / f"{split}_list.txt"


def frame_list(root: Path, split: str) -> Path:
    """The list of a split's frames."""
    return Path(root) / f"{split}_frames.txt"


def clip_line(video: str, thing: str) -> str:
    """A clip's line in `clip_list`."""
    return f"{real_folder(video)} {mask_folder(video, thing)} {composite_folder(video, thing)}"


def frame_lines(video: str, thing: str, count: int, suffix: str) -> list[str]:
    """The lines of all frames of a clip in `frame_list`; `suffix` is that of real images and composites."""
    real, mask, composite = clip_line(video, thing).split()
    return [
        f"{real}/{frame_name(i, suffix)} {mask}/{frame_name(i, '.png')} {composite}/{frame_name(i, suffix)}"
        for i in range(count)
    ]


def is_layout(root: Path) -> bool:
    """Whether `root` holds a list of clips."""
    return any(_is_clip_list(file) for file in sorted(Path(root).glob("*_list.txt")))


def list_clips(root: Path, split: str | None = None) -> list[ClipPaths]:
    """All clips below `root` in the order of its lists, or those of `<split>_list.txt`.

    Raises:
        DatasetError: no such list, a line that is none, a folder that is missing or leaves the root, or a clip with a
            hole: a frame that one of its three folders lacks.
    """
    root = Path(root)
    lists = [clip_list(root, split)] if split else sorted(root.glob("*_list.txt"))
    lists = [file for file in lists if file.is_file()]
    if not lists:
        raise DatasetError(f"{root} should hold {split or 'train'}_list.txt but does not; choose the root of the set")
    lines = [(f"{file.name}:{n}", line) for file in lists for n, line in enumerate(read_lines(file), 1) if line.strip()]
    return [_clip(root, line, where) for where, line in lines]


def _is_clip_list(file: Path) -> bool:
    try:
        first = next((line for line in read_lines(file) if line.strip()), "")
    except InputError:  # something else of that name
        return False
    return len(first.split()) == 3


def _clip(root: Path, line: str, where: str) -> ClipPaths:
    folders = [PurePosixPath(word) for word in line.replace("\\", "/").split()]
    if len(folders) != 3 or len(folders[2].parts) < 2:
        raise DatasetError(f"{root}/{where} should name three folders (real, mask, composite) but reads {line[:200]!r}")
    for folder in folders:
        if folder.is_absolute() or ".." in folder.parts or not (root / folder).is_dir():
            raise DatasetError(f"{root}/{where} names {str(folder)!r}, which is no folder of this set; get it again")
    real, mask, composite = (_frames(root / folder) for folder in folders)
    if not composite:
        raise DatasetError(f"{root / folders[2]} should hold frames such as 00005.jpg but holds none; get it again")
    # a video may be longer than the object's part in it
    numbers = sorted(composite)
    step = min((b - a for a, b in itertools.pairwise(numbers)), default=STEP)
    for number in range(numbers[0], numbers[-1] + 1, step):
        for folder, found in zip(folders, (real, mask, composite), strict=True):
            if number not in found:
                raise DatasetError(f"{root / folder} should hold frame {number:05d} but does not; get it again")
    if extra := sorted(set(mask) - set(composite)):
        raise DatasetError(f"{root / folders[2]} should hold frame {extra[0]:05d}, as the masks do; get it again")
    video = folders[2].parts[-2]
    frames = tuple(
        TripletPaths(composite[n], mask[n], real[n], domain="photographic", group=video.rpartition("-")[0] or video)
        for n in numbers
    )
    return ClipPaths("/".join(folders[2].parts[-2:]), frames)


def _frames(folder: Path) -> dict[int, Path]:
    """Files by number; what is not called by five digits is not a frame."""
    return {int(p.stem): p for p in sorted(folder.iterdir()) if len(p.stem) == 5 and p.stem.isdecimal() and p.is_file()}
