# SPDX-License-Identifier: Apache-2.0
"""What is known of the frames of a sequence, on disk: one small file each, so that a stopped run goes on.

Every file is written whole or not at all and says what it was made from; one that says something else is not used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import OutputError
from harmonize_core.formats.images import partial_path, write_bytes, write_text
from harmonize_core.runtime.cube import Cube
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.temporal import centre_of, light_of, mixed, moved, probe
from harmonize_core.runtime.transform import ColorTransform

FOLDER = ".harmonize"
"""Name of the folder of work files, beside the results."""

VERSION = "3"
"""Of what is in the files."""

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Look, ColorTransform)}

Transform = Look | ColorTransform | Cube


@dataclass(frozen=True)
class Estimate:
    """What the first pass found out about a frame."""

    transform: Transform | None
    """None: there is no foreground."""
    probe: NDArray[np.float32]
    """Of the transform, as `temporal.probe`; empty if there is none."""
    thumbnail: NDArray[np.uint8]
    """As `shots.thumbnail`."""
    size: tuple[int, int]
    """Rows and columns of the frame."""
    centre: NDArray[np.float64]
    """(2,) of its mask, as `temporal.centre_of`; zeros if there is no foreground."""
    light: NDArray[np.float32]
    """(6,) of the picture, as `temporal.light_of`."""

    @classmethod
    def of(
        cls,
        transform: Transform | None,
        thumbnail: NDArray[np.uint8],
        picture: NDArray[np.float32],
        mask: NDArray[np.float32],
    ) -> Estimate:
        """The estimate with what follows from it, from the picture (H, W, 3) and the mask (H, W) of what may change."""
        probed = np.zeros(0, np.float32) if transform is None else probe(transform)
        rows, columns = mask.shape
        centre = centre_of(mask) if mask.any() else np.zeros(2)
        return cls(transform, probed, thumbnail, (rows, columns), centre, light_of(picture, mask))


class Work:
    """The folder of work files of one sequence."""

    def __init__(self, folder: Path, keep: int = 8) -> None:
        """Args:
        folder: where they are; made when something is written.
        keep: how many transforms that were read are kept in memory.
        """
        self.folder, self.keep = Path(folder), keep
        self._recent: OrderedDict[str, Transform] = OrderedDict()

    def estimate(self, name: str, key: str) -> Estimate | None:
        """The estimate of a frame, if there is one made from the same things."""
        try:
            with np.load(self._estimates(name), allow_pickle=False) as file:
                if str(file["key"]) != key:
                    return None
                kind = _KINDS.get(str(file["kind"]))
                arrays = {} if kind is None else {f.name: file[f.name] for f in dataclasses.fields(kind)}
                rows, columns = map(int, file["size"])
                transform = kind(**arrays) if kind else None
                kept = (file[name] for name in ("centre", "light"))
                return Estimate(transform, file["probe"], file["thumbnail"], (rows, columns), *kept)
        except (OSError, ValueError, KeyError, EOFError):  # missing, or not written by us
            return None

    def keep_estimate(self, name: str, key: str, estimate: Estimate) -> None:
        """Write the estimate of a frame."""
        transform = estimate.transform
        arrays = (
            {} if transform is None else {f.name: getattr(transform, f.name) for f in dataclasses.fields(transform)}
        )
        kind = "" if transform is None else type(transform).__name__
        buffer = io.BytesIO()
        for field in ("probe", "thumbnail", "size", "centre", "light"):
            arrays[field] = np.asarray(getattr(estimate, field))
        np.savez(buffer, key=key, kind=kind, **arrays)
        write_bytes(self._estimates(name), buffer.getvalue())

    def mixture(
        self, names: Sequence[tuple[str, str]], weights: NDArray[np.floating], shifts: NDArray[np.floating] | None
    ) -> Transform:
        """The weighted sum of the transforms of n frames, a few of which are in memory at a time.

        Args:
            names: (name, key) of each.
            weights: (n,).
            shifts: (n, 2) as in `temporal.moved`; None: nothing is moved.

        Raises:
            OutputError: an estimate was replaced or removed since it was kept.
        """
        total: Transform | None = None
        for i, ((name, key), weight) in enumerate(zip(names, weights, strict=True)):
            transform = self._transform(name, key)
            transform = transform if shifts is None else moved(transform, shifts[i])
            parts = [transform] if total is None else [total, transform]
            total = mixed(parts, np.array([weight] if total is None else [1.0, weight]))
        assert total is not None
        return total

    def finished(self, name: str, key: str, out: Path) -> bool:
        """Whether the result of a frame is there, made from the same things, and as long as it was."""
        try:
            return self._results(name).read_text("utf-8") == f"{key} {out.stat().st_size}\n"
        except (OSError, UnicodeDecodeError):
            return False

    def keep_finished(self, name: str, key: str, out: Path) -> None:
        """Note that the result of a frame is written."""
        write_text(self._results(name), f"{key} {out.stat().st_size}\n")

    def _transform(self, name: str, key: str) -> Transform:
        if name not in self._recent:
            found = self.estimate(name, key)
            if found is None or found.transform is None:
                raise OutputError(
                    f"{self._estimates(name)} was replaced or removed while this run was at work; give each run its "
                    "own --out and do this one again"
                )
            self._recent[name] = found.transform
        self._recent.move_to_end(name)
        while len(self._recent) > self.keep:
            self._recent.popitem(last=False)
        return self._recent[name]

    def _estimates(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _results(self, name: str) -> Path:
        return self.folder / f"{name}.done"


def digest_of(*parts: object) -> str:
    """One short word for all of what something is made from; arrays count by their bytes."""
    total = hashlib.blake2b(VERSION.encode(), digest_size=16)
    for part in parts:
        data = part.tobytes() if isinstance(part, np.ndarray) else str(part).encode()
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs of this machine left half written in a folder of results, which others may share."""
    for path in folder.glob(".*.partial*") if folder.is_dir() else ():
        found = re.fullmatch(r"\.(.*)\.[^.]+\.([0-9]+)\.partial.*", path.name)
        if found and path == partial_path(folder / found[1], int(found[2])) and not _runs(int(found[2])):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is of another user
        return True
    return True
