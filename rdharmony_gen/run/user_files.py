# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the user's own characters and scenes, said before anything is rendered; the rest joins a recipe.

Files are first looked at without Blender (sizes, headers, missing companions), then by a Blender in a process of its
own, which a broken file may crash without harm. How a character's scale is found is told at `metres_a_unit`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from harmonize_core.errors import ConfigError, InputError, UnknownName
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.run.environment import require_blender
from rdharmony_gen.run.file_headers import header_problems
from rdharmony_gen.spec.scenes import SCENES
from rdharmony_gen.spec.user_files import Clip, Credit, UserCharacter, UserScene, digest

CHARACTER_SUFFIXES = (".blend", ".fbx", ".glb", ".gltf", ".obj")
MAX_FILES = 2000
MAX_CREDIT = 300
"""Characters of an author, a licence, a source."""
MAX_BYTES = 2**30
TIMEOUT_S = 180.0
HEIGHTS_M = {
    "human": (1.0, 2.4),
    "dog": (0.15, 1.2),
    "cow": (0.9, 2.2),
    "car": (0.9, 3.2),
    "motorcycle": (0.7, 1.8),
    "chair": (0.5, 1.6),
    "couch": (0.4, 1.6),
    "bottle": (0.06, 0.6),
    "apple": (0.04, 0.25),
    "cake": (0.03, 0.8),
    "knife": (0.003, 0.5),
}
"""Plausible heights of each category."""
UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "feet": 0.3048}


@dataclass(frozen=True)
class Sidecar:
    """`<name>.json` beside a character: what cannot be guessed from its file. All keys are optional."""

    height_m: float | None = None
    """Height in its (first) pose."""
    yaw_deg: float = 0.0
    """Turn, anti-clockwise from above, that makes it face the front (-Y of Blender, +Z of glTF)."""
    category: str = "human"
    title: str = ""
    author: str = ""
    licence: str = ""
    source: str = ""

    @property
    def credit(self) -> Credit:
        """Whose work the file is."""
        return Credit(self.title, self.author, self.licence, self.source)


@dataclass
class Checked:
    """One of the user's files and what was found."""

    path: Path
    problems: list[str] = field(default_factory=list)
    """Each forbids its use; without the file's name."""
    remarks: list[str] = field(default_factory=list)
    triangles: int = 0
    height_m: float = 0.0
    cameras: int = 0
    people: int = 0
    character: UserCharacter | None = None
    scene: UserScene | None = None

    def lines(self) -> list[str]:
        """Problems and remarks as sentences."""
        return [f"{self.path} {p}" for p in self.problems] + [f"{self.path} {r}" for r in self.remarks]


def metres_a_unit(height: float, category: str, height_m: float | None) -> tuple[float, str] | None:
    """Metres that one unit of a file stands for, and why; None if no unit makes sense.

    With `height_m` (from the sidecar) the character gets that height. Otherwise the first of metres, centimetres,
    millimetres, inches and feet in which the height is plausible for the category (`HEIGHTS_M`) is taken.
    """
    if height_m is not None:
        return height_m / height, "as its .json says"
    low, high = HEIGHTS_M.get(category, (0.01, 20.0))
    for unit, metres in UNITS.items():
        if low <= height * metres <= high:
            return metres, f"its unit is taken for {unit}"
    return None


def check_characters(folder: Path) -> list[Checked]:
    """Look at all character files below a folder, in the order of their paths.

    Raises:
        InputError: no folder, or no character file in it, or too many.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"--characters should name a folder but {folder} is none; give the folder of your files")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in CHARACTER_SUFFIXES and p.is_file())
    if not 1 <= len(paths) <= MAX_FILES:
        kinds = ", ".join(CHARACTER_SUFFIXES)
        raise InputError(f"{folder} should hold 1 to {MAX_FILES} files of the kinds {kinds} but holds {len(paths)}")
    checked = [Checked(path.absolute()) for path in paths]
    names: set[str] = set()
    with _Examiner() as examiner:
        for one in checked:
            _check_character(one, folder, examiner, names)
    return checked


def check_scenes(paths: Sequence[Path], collection: str, keep_lights: bool) -> list[Checked]:
    """Look at the scene files of a recipe; `collection` may be empty for the usual name."""
    checked = [Checked(Path(path).absolute()) for path in paths]
    names: set[str] = set()
    with _Examiner() as examiner:
        for one in checked:
            _check_scene(one, examiner, names, collection, keep_lights)
    return checked


def usable(checked: Sequence[Checked], what: str) -> list[Checked]:
    """Those without problems, after the sentences about all of them went to standard error.

    Args:
        checked: What was looked at.
        what: characters, of which the others make do, or scenes, of which none may be missing.

    Raises:
        InputError: none is left.
    """
    good = [one for one in checked if not one.problems]
    for one in checked:
        left_out = ", so it is left out" if one.problems and good and what == "characters" else ""
        for line in one.lines():
            print(f"{line}{left_out}", file=sys.stderr)
    if not good:
        raise InputError(
            f"none of the {len(checked)} {what} can be used, the first because {checked[0].path} "
            f"{checked[0].problems[0]}"
        )
    return good


def list_characters(folder: Path, *, json: bool) -> list[str]:
    """Lines for `rdharmony assets --characters`.

    Raises:
        InputError: the folder cannot be used.
    """
    checked = check_characters(folder)
    if json:
        return [msgspec.json.format(msgspec.json.encode([asdict(c) for c in checked], enc_hook=str), indent=1).decode()]
    lines = [f"{'file':40}{'category':12}{'height':>9}{'triangles':>11}{'actions':>9}"]
    for one in checked:
        if one.character is None:
            lines.append(f"{one.path.name:40}CANNOT BE USED")
        else:
            c = one.character
            lines.append(f"{one.path.name:40}{c.category:12}{one.height_m:>7.2f} m{one.triangles:>11}{len(c.clips):>9}")
        lines += [f"    it {text}" for text in (*one.problems, *one.remarks)]
    good = sum(not one.problems for one in checked)
    return [*lines, f"{good} of {len(checked)} can be used"]


def _check_character(one: Checked, folder: Path, examiner: _Examiner, names: set[str]) -> None:
    try:
        sidecar = _sidecar(one.path)
    except (ConfigError, UnknownName) as error:
        one.problems.append(str(error))
        return
    files = _before_blender(one, folder)
    if one.problems:
        return
    seen = examiner.ask({"kind": "character", "path": str(one.path)})
    one.problems, one.remarks = seen["problems"], seen["remarks"]
    if one.problems:
        return
    height = float(seen["height"])
    scale = metres_a_unit(height, sidecar.category, sidecar.height_m) if height > 0 else None
    if scale is None:
        low, high = HEIGHTS_M.get(sidecar.category, (0.01, 20.0))
        one.problems.append(
            f"is {height:.4g} units high, which is no height of a {sidecar.category} ({low:g} to {high:g} m) in "
            f"{', '.join(UNITS)}; say it as height_m in {one.path.with_suffix('.json').name}"
        )
        return
    one.remarks.append(f"is {height * scale[0]:.2f} m high: {scale[1]}")
    one.triangles, one.height_m = int(seen["triangles"]), height * scale[0]
    others = tuple(sorted({*files, *seen["files"]}))
    one.character = UserCharacter(
        name=_name(one.path.stem, names),
        sha256=digest(one.path, others),
        files=others,
        path=str(one.path),
        credit=sidecar.credit,
        category=sidecar.category,
        scale=float(f"{scale[0]:.9g}"),
        yaw_deg=sidecar.yaw_deg,
        clips=tuple(Clip(**clip) for clip in seen["clips"]),
    )


def _check_scene(one: Checked, examiner: _Examiner, names: set[str], collection: str, keep_lights: bool) -> None:
    if one.path.suffix.lower() != ".blend":
        one.problems.append("should be a .blend file; save the scene with Blender")
        return
    try:
        credit = _sidecar(one.path).credit
    except (ConfigError, UnknownName) as error:
        one.problems.append(str(error))
        return
    _before_blender(one, one.path.parent)
    if one.problems:
        return
    wanted = bool(collection)
    ask = {"kind": "scene", "path": str(one.path), "collection": collection or "Characters", "wanted": wanted}
    seen = examiner.ask(ask)
    one.problems, one.remarks = seen["problems"], seen["remarks"]
    if one.problems:
        return
    one.cameras, one.people = int(seen["cameras"]), int(seen["people"])
    others = tuple(seen["files"])
    one.scene = UserScene(
        name=_name(one.path.stem, names | set(SCENES)),
        sha256=digest(one.path, others),
        files=others,
        path=str(one.path),
        credit=credit,
        indoor=bool(seen["indoor"]),
        keep_lights=keep_lights,
        characters=seen["collection"],
    )
    names.add(one.scene.name)


def _before_blender(one: Checked, root: Path) -> list[str]:
    """Problems that show without Blender go to `one`; returns the companions that the file names."""
    try:
        size = one.path.stat().st_size
        with open(one.path, "rb") as file:
            file.read(1)
    except OSError as error:
        one.problems.append(f"cannot be read ({error.strerror}); check the path and its rights")
        return []
    if size == 0 or size > MAX_BYTES:
        one.problems.append(f"has {size} bytes; at most {MAX_BYTES} are read" if size else "is empty; export it again")
        return []
    problems, files = header_problems(one.path, root)
    one.problems += problems
    return files


def _sidecar(path: Path) -> Sidecar:
    file = path.with_suffix(".json")
    if not file.is_file():
        return Sidecar()
    try:
        data = json.loads(file.read_bytes()[: 2**16])
        unknown = set(data) - set(Sidecar.__dataclass_fields__)
        if unknown:
            raise ConfigError(f"has beside it {file.name} with the unknown key {min(unknown)!r}")
        sidecar = msgspec.convert(data, Sidecar)
    except (ValueError, TypeError, RecursionError, OSError) as error:
        raise ConfigError(
            f"has beside it {file.name}, which should hold some of {', '.join(Sidecar.__dataclass_fields__)} ({error})"
        ) from None
    if any(len(text) > MAX_CREDIT or "\n" in text for text in astuple(sidecar.credit)):
        raise ConfigError(f"has beside it {file.name} with a credit of several lines or over {MAX_CREDIT} characters")
    if sidecar.height_m is not None and not 0.001 <= sidecar.height_m <= 50:
        raise ConfigError(f"has beside it {file.name} with height_m {sidecar.height_m:g}; it should be 0.001 to 50")
    if not -360 <= sidecar.yaw_deg <= 360:
        raise ConfigError(f"has beside it {file.name} with yaw_deg {sidecar.yaw_deg:g}; it should be -360 to 360")
    if sidecar.category not in CATEGORY_FOLDERS:
        known = ", ".join(CATEGORY_FOLDERS)
        raise ConfigError(f"has beside it {file.name} with the unknown category {sidecar.category!r}; known: {known}")
    return sidecar


def _name(stem: str, taken: set[str]) -> str:
    """A name for parts of file names: lower-case letters, digits and single underscores, not taken yet."""
    plain = re.sub(r"_+", "_", re.sub(r"[^a-z0-9]", "_", stem.lower())).strip("_")[:40].strip("_") or "file"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    return name


class _Examiner:
    """A Blender that looks at files, started anew after one that it did not survive."""

    def __enter__(self) -> _Examiner:
        self.process: subprocess.Popen[str] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """What Blender sees in a file; a crash or a hang is a problem of the file."""
        process = self.process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        stuck = threading.Timer(TIMEOUT_S, process.kill)
        stuck.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        late = not stuck.is_alive()
        stuck.cancel()
        if line.endswith("\n"):
            return json.loads(line)
        code = process.wait()
        self._end()
        how = f"takes longer than {TIMEOUT_S:.0f} s to read" if late else f"makes Blender end while reading it ({code})"
        return {"problems": [f"{how}; it is broken or too large"], "remarks": [], "files": []}

    def _start(self) -> subprocess.Popen[str]:
        require_blender()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rdharmony_gen.blender.examine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=_bounded_memory if os.name == "posix" else None,
        )
        return self.process

    def _end(self) -> None:
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self.process = None


def _bounded_memory() -> None:
    """A file that unpacks to more than the machine has ends in an error instead of a frozen machine."""
    import resource

    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = total if hard == resource.RLIM_INFINITY else min(total, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
