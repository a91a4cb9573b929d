# SPDX-License-Identifier: GPL-3.0-or-later
"""What a renderer left in a folder, read with care: the files may be damaged, or not ours at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.images import read_exr
from rdharmony_gen.compose.fog import AirPath, Camera
from rdharmony_gen.spec.codec import MAX_BYTES
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import SCENES


@dataclass(frozen=True)
class Renders:
    """The pictures of one still, or of one frame of a clip.

    A picture that cannot be what was rendered (unreadable, of another size, without its channels, not finite) is
    removed and an InputError raised, so that the next try renders it again.
    """

    folder: Path
    job: RenderJob

    def coverage(self) -> NDArray[np.float32]:
        """Coverage (H, W) on the 16-bit grid of the alpha file, so that what is stored is exactly what was used."""
        path = self.folder / "coverage.exr"
        coverage = self._channels(path, "Y")[..., 0]
        if not (coverage >= 0.5).any():
            raise self._removed(path, "should show a foreground but no pixel is covered by half; render it again")
        return (np.rint(np.clip(coverage, 0, 1) * 65535) / 65535).astype(np.float32)

    def shares(self) -> list[NDArray[np.float64]]:
        """Coverage of single subjects where there are several, rounded down: their sum stays within that of all."""
        path = self.folder / "coverage.exr"
        channels = sorted((c for c in read_exr(path) if re.fullmatch(r"S[1-9]\d?", c)), key=lambda c: int(c[1:]))
        return [np.floor(np.clip(self._channels(path, (c,))[..., 0], 0, 1) * 65535) / 65535 for c in channels]

    def light(self, condition: ConditionSpec, air: AirPath | None) -> NDArray[np.float32]:
        """Scene-linear light (H, W, 3) of a condition, seen through its air."""
        light = self._channels(self.folder / f"{condition.style}.exr", "RGB")
        return air.through(light, condition) if air else light

    def air(self, coverage: NDArray[np.float32], geometry: dict) -> AirPath | None:
        """The air of the view by its depth; none from a renderer that writes no depth."""
        path, job = self.folder / "aux.exr", self.job
        if not path.is_file():
            return None
        indoor = job.user_scene.indoor if job.user_scene else job.scene in SCENES and SCENES[job.scene].indoor
        depth = self._channels(path, "Z", finite=False)[..., 0]
        return AirPath.of(depth, coverage, Camera.of(geometry), indoor=indoor)

    def _channels(self, path: Path, names: Sequence[str], *, finite: bool = True) -> NDArray[np.float32]:
        """Channels (H, W, C) of a render, checked for presence, size and finite values."""
        try:
            channels = read_exr(path)
        except InputError:
            self._remove(path)
            raise
        if not set(names) <= set(channels):
            found = ", ".join(sorted(channels))
            wanted = ", ".join(names)
            raise self._removed(path, f"should hold the channels {wanted} but holds {found}; render it again")
        image = np.stack([channels[name] for name in names], axis=-1)
        (height, width), job = image.shape[:2], self.job
        if (width, height) != (job.width, job.height):
            raise self._removed(path, f"should be {job.width}x{job.height} but is {width}x{height}; render it again")
        if np.isnan(image).any() or (finite and not np.isfinite(image).all()):
            raise self._removed(path, "should hold finite values only but holds NaN or infinity; render it again")
        return image

    def _removed(self, path: Path, fault: str) -> InputError:
        """The error to raise about a picture, which is removed."""
        self._remove(path)
        return InputError(f"{path} {fault}")

    def _remove(self, path: Path) -> None:
        """`view.json` goes first: without it a view counts as unrendered, even if all it lacks is its depth."""
        (self.folder / "view.json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def read_geometry(path: Path) -> dict:
    """What the renderer wrote about a view.

    Raises:
        InputError: the file cannot be read, or is no small JSON object; a damaged one is removed.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} should be a small JSON file but has more than {MAX_BYTES} bytes; remove it")
        return msgspec.json.decode(path.read_bytes(), type=dict)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); run rdharmony render first") from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        path.unlink(missing_ok=True)
        raise InputError(f"{path} should be a JSON object but is not ({error}); render the view again") from None
