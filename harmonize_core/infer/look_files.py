# SPDX-License-Identifier: Apache-2.0
"""Looks on disk: .json holds all of them, .cdl (.ccc, .cc) and .cube the grade that other programs can read.

.json: a look (grade and map) or a colour transform, to the last bit; every frame of a shot in one file.
.cdl, .ccc, .cc: ASC CDL of the grade, for scene-linear light (`look_files_cdl`); in .cdl and .ccc a correction a frame.
.cube: 3D LUT of the grade, sRGB to sRGB (`look_files_cube`); of a shot a file for each frame, look.%04d.cube.

Loading trusts nothing: sizes, names, types and numbers are checked, and a look must give finite colours.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from harmonize_core.errors import InputError, UnknownName
from harmonize_core.formats.images import write_text
from harmonize_core.infer.look_files_cdl import cdl_text, parse_cdl
from harmonize_core.infer.look_files_cube import cube_of, cube_text, parse_cube
from harmonize_core.infer.look_files_json import json_text, parse_json
from harmonize_core.runtime.cube import Cube
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.temporal import mixed
from harmonize_core.runtime.transform import ColorTransform

Transform = ColorTransform | Look | Cube

_NUMBERED = re.compile(r"%(0?\d)?d(?![A-Za-z])")
"""Where the frame goes in a name, as in look.%04d.cube; 50%dark is a word."""

SUFFIXES = (".json", ".cdl", ".ccc", ".cc", ".cube")

LARGEST_FILE = 1 << 28
"""Bytes; a look of 16x16 cells takes 40,000, so this is a shot of 6,000 frames."""

PROBE = np.array([[0, 0, 0], [0.2, 0.5, 0.1], [1, 1, 1], [3, 0, 8]], np.float32)
"""sRGB colours that a look must give finite colours for."""


@dataclass(frozen=True)
class SavedLooks:
    """The looks of a picture or of a shot, all of one kind.

    >>> stops = [Look(np.array([stop, *[0] * 9], np.float32), Look.identity().map) for stop in (0, 1)]
    >>> float(SavedLooks(tuple(stops), (101, 105)).at(102).grade[0])
    0.25
    """

    looks: tuple[Transform, ...]
    frames: tuple[int, ...] = ()
    """Their frame numbers, ascending; empty where one look is for everything."""
    model: str = ""
    """The network they come from."""

    def at(self, frame: int | None = None) -> Transform:
        """The look of a frame: between two that are there a mixture of both, before and after all of them the nearest.

        Raises:
            InputError: the looks of a shot, and no frame.
        """
        if not self.frames:
            return self.looks[0]
        if frame is None:
            raise InputError(
                f"the looks are of frames {self.frames[0]} to {self.frames[-1]}, but the picture has no frame number; "
                "number it (shot.0101.png) or choose a look of one picture"
            )
        after = int(np.searchsorted(self.frames, frame))
        if after == len(self.frames) or self.frames[after] == frame or after == 0:
            return self.looks[min(after, len(self.frames) - 1)]
        before = after - 1
        share = (frame - self.frames[before]) / (self.frames[after] - self.frames[before])
        return mixed(self.looks[before : after + 1], np.array([1 - share, share]))


def save_look(path: str | Path, look: Transform, model: str = "") -> None:
    """Write one look; see `save_looks`."""
    save_looks(path, SavedLooks((look,), model=model))


def load_look(path: str | Path) -> Transform:
    """Read the look of one picture; see `load_looks`.

    Raises:
        InputError: as `load_looks`, and a file that holds the looks of a shot.
    """
    saved = load_looks(path)
    if len(saved.looks) > 1:
        raise InputError(f"{path} holds the looks of {len(saved.looks)} frames, not of one; read it with load_looks")
    return saved.looks[0]


def save_looks(path: str | Path, saved: SavedLooks, points: int = 33) -> list[Path]:
    """Write looks as the ending of the path says, whole or not at all.

    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> shot = SavedLooks((Look.identity(), Look.identity()), frames=(101, 102))
    >>> [file.name for file in save_looks(folder / "shot.%04d.cube", shot, points=3)]
    ['shot.0101.cube', 'shot.0102.cube']
    >>> load_looks(save_looks(folder / "shot.cdl", shot)[0]).frames
    (101, 102)

    Args:
        path: .json, .cdl, .ccc, .cc or .cube; of a shot with %04d in its name a file for each frame.
        saved: what to write; .cdl and .cube hold the grade alone, without the map.
        points: of a .cube, on each side.

    Returns:
        The files that were written.

    Raises:
        UnknownName: another ending.
        InputError: a .cdl of what has no grade, or more looks than such a file holds.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    suffix = _suffix(path)
    graded = all(isinstance(look, Look) for look in saved.looks)
    if saved.frames and _NUMBERED.search(path.name):
        names = [path.with_name(_NUMBERED.sub(lambda m, f=frame: m[0] % f, path.name)) for frame in saved.frames]
        for name, look in zip(names, saved.looks, strict=True):
            save_looks(name, SavedLooks((look,), model=saved.model), points)
        return names
    by = f"{saved.model}, rdharmony {version('rdharmony')}".removeprefix(", ")
    if suffix == ".json":
        frames: Sequence[int | None] = saved.frames or [None]
        numbered = [(f, look) for f, look in zip(frames, saved.looks, strict=True) if not isinstance(look, Cube)]
        if len(numbered) < len(saved.looks):
            raise InputError(f"{path} cannot hold a colour cube; save it as .cube")
        write_text(path, json_text(numbered, saved.model))
        return [path]
    if suffix in (".cc", ".cube") and all(_same(look, saved.looks[0]) for look in saved.looks):
        saved = SavedLooks(saved.looks[:1], model=saved.model)  # of a locked shot
    check_savable(path, graded, len(saved.looks), saved.model)
    if suffix == ".cube":
        write_text(path, cube_text(cube_of(saved.looks[0], points), by))
        return [path]
    names = [str(frame) for frame in saved.frames] or [path.stem]
    looks = {name: look for name, look in zip(names, saved.looks, strict=True) if isinstance(look, Look)}
    write_text(path, cdl_text(looks, f"{by}; scene-linear Rec. 709, no clamp", suffix))
    return [path]


def _same(one: Transform, other: Transform) -> bool:
    values, others = vars(one), vars(other)
    return type(one) is type(other) and all(np.array_equal(values[name], others[name]) for name in values)


def check_savable(path: str | Path, graded: bool, frames: int = 1, model: str = "") -> None:
    """Refuse before the work what `save_looks` could not write.

    Args:
        path: of the file.
        graded: the looks are `Look`s, which have a grade.
        frames: how many looks there are.
        model: the network they come from.

    Raises:
        UnknownName: another ending.
        InputError: a .cdl of what has no grade, more looks than such a file holds, or two places for the frame.
    """
    path = Path(path)
    suffix = _suffix(path)
    places = len(_NUMBERED.findall(path.name))
    if frames > 1 and places > 1:
        raise InputError(f"{path} should say once where the frame goes (%04d) but does {places} times; leave one")
    if frames > 1 and suffix in (".cc", ".cube") and not places:
        raise InputError(
            f"{path} can hold one look but the shot has {frames}; use .json or .cdl, or one file a frame "
            f"({path.stem}.%04d{suffix})"
        )
    if suffix in (".cdl", ".ccc", ".cc") and not graded:
        raise InputError(
            f"{path} holds grades, but {model or 'this network'} gives colour transforms without one; save them as "
            ".json or .cube"
        )


def load_looks(path: str | Path) -> SavedLooks:
    """Read a file of looks, whoever made it.

    Args:
        path: .json of ours; .cdl, .ccc or .cc for scene-linear Rec. 709; .cube from sRGB to sRGB. Of several
            corrections in one file, ids must be frame numbers.

    Raises:
        UnknownName: another ending.
        InputError: missing, damaged, of another kind or too large.
    """
    path = Path(path)
    suffix = _suffix(path)
    data = _bytes(path)
    if suffix == ".cube":
        return _checked(SavedLooks((parse_cube(data, path),)), path)
    if suffix == ".json":
        entries, model = parse_json(data, path)
        if len(entries) == 1 and entries[0][0] is None:
            return _checked(SavedLooks((entries[0][1],), model=model), path)
        return _checked(dataclasses.replace(_in_order(entries, path), model=model), path)
    looks = parse_cdl(data, path)
    if len(looks) == 1:
        return _checked(SavedLooks(tuple(looks.values())), path)
    if not all(re.fullmatch(r"-?\d{1,9}", name) for name in looks):
        named = ", ".join(repr(name) for name in list(looks)[:5])
        raise InputError(
            f"{path} holds {len(looks)} corrections ({named}), whose ids should be frame numbers; keep one"
        )
    return _checked(_in_order([(int(name), look) for name, look in looks.items()], path), path)


def _in_order(looks: Sequence[tuple[int | None, Transform]], path: Path) -> SavedLooks:
    numbered = [(frame, look) for frame, look in looks if frame is not None]
    numbered.sort(key=lambda pair: pair[0])
    frames = tuple(frame for frame, _ in numbered)
    if len(frames) < len(looks) or len(set(frames)) < len(frames):
        raise InputError(f"{path} should give each of its {len(looks)} looks a frame number of its own; correct it")
    if any(_shapes(look) != _shapes(looks[0][1]) for _, look in looks):
        raise InputError(f"{path} should hold maps of one size but holds several; save it again")
    return SavedLooks(tuple(look for _, look in numbered), frames)


def _shapes(look: Transform) -> list[tuple[int, ...]]:
    return [np.shape(getattr(look, field.name)) for field in dataclasses.fields(look)]


def _checked(saved: SavedLooks, path: Path) -> SavedLooks:
    """Raises: InputError where a look makes something else of colours than colours."""
    for number, look in enumerate(saved.looks, 1):
        with np.errstate(all="ignore"), contextlib.suppress(OverflowError):
            if np.isfinite(look.apply(PROBE[None], ceiling=None)).all():
                continue
        raise InputError(
            f"{path} should hold looks of finite colours, but look {number} takes some to infinity; save it again"
        )
    return saved


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnknownName.of("kind of look file", path.suffix or path.name, SUFFIXES)
    return suffix


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} should be a file of looks but has {path.stat().st_size} bytes; choose another")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path and its rights") from error
