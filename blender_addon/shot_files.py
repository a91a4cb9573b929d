# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a run is on disk: rendered layers, what is known to be finished of each frame, and the result pictures."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_layer import Cut
from harmonize_core.runtime.parts import Patch, patch, untouched_patch
from harmonize_core.runtime.pieces import Pixels
from harmonize_core.runtime.shot_timing import Transform

from . import layers, spared
from .bridge import pixels
from .bridge.files import codes_of, encode_exr, encode_png, halves_of, write_atomic
from .options import ShotOptions
from .pictures import Pictures
from .plates import in_place
from .renderers import FrameTask

Floats = NDArray[np.float32]

_OURS = re.compile(
    r"\.?(((characters|shadows|background|whole|frame|look|(look_)?character_\w+)_-?\d+(_materials)?)|render|view_chart|plate)"
    r"(\.(tmp|live|partial|\d+|exr|png|npz|json|log|blend|blend1))+"
)
"""Names of files that runs keep in a work folder."""


class ShotFiles:
    """The files of a run, and what they depend on. Everything is forgotten when the run is to start over."""

    def __init__(self, options: ShotOptions) -> None:
        self.options = options
        self.names = layers.layer_names(options.cast)
        self._fresh: set[int] = set()

    def tasks(self) -> list[FrameTask]:
        """Frames whose layers are not on disk with the same settings, and what is missing of them."""
        tasks = []
        for frame in self.options.frames:
            record = self.record(frame)
            exrs = [(name, str(self.layer_path(name, frame))) for name in self.names]
            pngs = [(path, str(Path(path).with_suffix(".png"))) for _, path in exrs]
            needed = [Path(path) for _, path in exrs]
            if self.options.spared:
                needed += [spared.matte_path(self.layer_path(name, frame)) for name in self.options.cast.over]
            rendered = record.get("layers") == self.layers_key(frame) and all(path.is_file() for path in needed)
            viewed = rendered and record.get("view") == self.options.view and all(Path(p).is_file() for _, p in pngs)
            missing = () if rendered else tuple(exrs)
            shown = () if viewed or self.options.view is None else tuple(pngs)
            if missing or shown:
                tasks.append(FrameTask(frame, missing, shown))
                if missing:
                    self.store(frame, {})
        return tasks

    def layers_key(self, frame: int) -> str:
        """What the layers of a frame depend on, as far as it can be told."""
        return key_of(self.options.render_fingerprint, self.names, self.options.source.fingerprint(frame))

    def estimate_key(self, frame: int, digest: str) -> str:
        """What the looks of a frame depend on; `digest` is that of the network."""
        dates = [self.layer_path(name, frame).stat().st_mtime_ns for name in self.names]
        rendered = self.record(frame)["layers"]
        return key_of(2, rendered, dates, digest, self.options.plate.fingerprint(frame), self.options.view)

    def result_key(self, frame: int, looks: dict[str, Transform]) -> str:
        """What the pictures of a frame depend on."""
        digests = [[name, _digest(look)] for name, look in looks.items()]
        limits = [*vars(self.options.limits).values(), self.options.spared]
        limits += ["before"] * self.options.write_composite
        return key_of(self.record(frame)["look"], digests, limits, self.options.file_format)

    def check_targets(self) -> None:
        """See that no picture of this run takes the place of one that it reads.

        Raises:
            InputError: one would.
        """
        folder = self.options.folder.resolve()
        read = {in_place(Path(picture)) for picture in self.options.source.pictures.values()}
        for path in (path for frame in self.options.frames for path in self._wanted(frame)):
            if folder / path.name in read or self.options.plate.holds(folder / path.name):
                raise InputError(
                    f"{path} is a picture that Harmonize reads, and the result would replace it: choose another Name "
                    "or Folder for the results"
                )

    def has_results(self, frame: int) -> bool:
        """Whether the pictures of a frame are there, whatever is in them."""
        return all(path.is_file() for path in self._wanted(frame))

    def write_results(self, frame: int, pictures: Pictures, looks: dict[str, Transform]) -> None:
        """The harmonized picture of a frame and, if asked for, the one before."""
        parts, limits = pictures.parts(looks), self.options.limits
        before = None
        if self.options.write_composite:
            before = untouched_patch(parts, pictures.plate)
            self._write(self.options.composite_path(frame), pictures.plate, before)
        self._write(self.options.result_path(frame), pictures.plate, patch(parts, pictures.plate, limits, before))

    def read_cut(self, name: str, frame: int) -> Cut:
        """A rendered layer, as the scene's view transform shows it, cut to what it shows."""
        path = self.layer_path(name, frame)
        try:
            return pixels.read_cut(path) if self.options.view is None else pixels.read_view(path.with_suffix(".png"))
        except InputError as error:
            raise InputError(
                f"The rendered layer {path.name} of frame {frame} is damaged or gone: press Clear Rendered Layers, "
                "then run again"
            ) from error

    def read_spared(self, frame: int, layers: dict[str, Cut]) -> dict[str, Floats]:
        """What the materials that change less cover of each character's layer, in the layer's box."""
        if not self.options.spared:
            return {}
        found = {}
        for name, layer in layers.items():
            top, bottom, left, right = layer.box
            whole = spared.coverage_of(self.layer_path(name, frame), self.options.spared)
            found[name] = whole[top:bottom, left:right].copy()
        return found

    def layer_path(self, name: str, frame: int) -> Path:
        """Where a rendered layer is."""
        return self.options.work_folder / f"{name}_{frame:04d}.exr"

    def record(self, frame: int) -> dict[str, Any]:
        """What is known to be finished of a frame."""
        path = self.options.work_folder / f"frame_{frame:04d}.json"
        if not self.options.skip_finished and frame not in self._fresh:
            return {}
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError):
            return {}

    def store(self, frame: int, record: dict[str, Any]) -> None:
        """Replace what is known of a frame."""
        self._fresh.add(frame)
        write_atomic(self.options.work_folder / f"frame_{frame:04d}.json", json.dumps(record).encode())

    def _wanted(self, frame: int) -> Sequence[Path]:
        before = [self.options.composite_path(frame)] * self.options.write_composite
        return [self.options.result_path(frame), *before]

    def _write(self, path: Path, plate: Pixels, inside: Patch) -> None:
        """Write a plate with something on it; what is not, keeps the plate's bits."""
        depth = {"PNG": 8, "PNG16": 16}.get(self.options.file_format)
        picture = halves_of(plate) if depth is None else codes_of(plate, depth)
        if picture is plate:
            picture = plate.copy()
        picture[inside.place] = halves_of(inside.picture) if depth is None else codes_of(inside.picture, depth)
        write_atomic(path, encode_exr(picture) if depth is None else encode_png(picture, depth))


def clear(folder: Path) -> None:
    """Delete what runs keep in a work folder, and the folder if nothing else is in it.

    Raises:
        OSError: a file cannot be deleted.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if _OURS.fullmatch(path.name) and path.is_file():
            path.unlink()
    with contextlib.suppress(OSError):  # something of the artist's is in it
        folder.rmdir()


def key_of(*parts: object) -> str:
    """A short digest of anything that JSON can say."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]


def _digest(look: Transform) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in vars(look).values())).hexdigest()
