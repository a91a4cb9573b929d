# SPDX-License-Identifier: Apache-2.0
"""Linear views: what reaches the sensor in one view under each of its capture conditions, a file a view.

`<folder>/<Category>/<scene id>.safetensors`, as `rdharmony linear` writes them from kept renders, holds

    light     (n, H, W, 3) float16: exposed and white-balanced scene-linear Rec.709, its air included, 0 or more
    coverage  (H, W) uint16: the foreground's share of each pixel, 65535 = 1
    shares    (k, H, W) uint16: the same of single subjects where there are several; they sum to no more than coverage

and as texts `format`, `scene_id`, `place`, `split`, `styles` (n numbers from 1) and `view_transform` (which makes the
display picture of light). A folder with a `linear/` of this kind in it will do, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.mapped import map_arrays, read_about, write_arrays

FORMAT = "rdharmony-linear/1"
SUFFIX = ".safetensors"
ViewTransform = Literal["standard", "agx", "filmic"]


@dataclass(frozen=True)
class LinearView:
    """One view, not opened."""

    path: Path
    scene_id: str
    place: str
    """The 3D scene: what must not straddle a split."""
    split: str
    styles: tuple[int, ...]
    """Numbers from 1, in the order of `light`."""
    view_transform: ViewTransform


@dataclass(frozen=True)
class Light:
    """The arrays of a view, as the module says."""

    light: NDArray[np.float16]
    coverage: NDArray[np.uint16]
    shares: NDArray[np.uint16]


def folder_of(root: Path) -> Path | None:
    """The folder of linear views that `root` is or holds as `linear/`; None where there is none."""
    return next((folder for folder in (Path(root), Path(root) / "linear") if any(folder.glob(f"S*/*{SUFFIX}"))), None)


def path_of(folder: Path, job_id: str) -> Path:
    """Where the view of a job (`SHuman/park_00_v000`) lies."""
    return folder / f"{job_id}{SUFFIX}"


def write_view(
    view: LinearView,
    light: Sequence[NDArray[np.floating]],
    coverage: NDArray[np.floating],
    shares: Sequence[NDArray[np.floating]] = (),
) -> None:
    """Write the file of a view, atomically.

    Args:
        view: what is known about it.
        light: n pictures (H, W, 3) of exposed light.
        coverage: (H, W) in [0, 1].
        shares: the coverage of single subjects, rounded down.
    """
    limit = float(np.finfo(np.float16).max)
    arrays: dict[str, NDArray] = {
        "light": np.stack([np.clip(picture, 0, limit).astype(np.float16) for picture in light]),
        "coverage": np.rint(np.clip(coverage, 0, 1) * 65535).astype(np.uint16),
    }
    if len(shares):
        arrays["shares"] = np.stack([np.floor(np.clip(s, 0, 1) * 65535).astype(np.uint16) for s in shares])
    about = {
        "format": FORMAT,
        "scene_id": view.scene_id,
        "place": view.place,
        "split": view.split,
        "styles": " ".join(map(str, view.styles)),
        "view_transform": view.view_transform,
    }
    write_arrays(view.path, arrays, about)


def list_views(root: Path) -> list[LinearView]:
    """The linear views of a folder, sorted by name.

    Raises:
        DatasetError: there are none.
        InputError: a file is damaged or no linear view.
    """
    folder = folder_of(root)
    if folder is None:
        raise DatasetError(
            f"{root} should hold linear views, S*/<scene>{SUFFIX} or linear/, but has none; a set made with "
            f"--keep-renders gets them by: rdharmony linear {root}"
        )
    return [_described(path) for path in sorted(folder.glob(f"S*/*{SUFFIX}"))]


def _described(path: Path) -> LinearView:
    about = read_about(path)
    transforms: tuple[ViewTransform, ...] = get_args(ViewTransform)
    transform = next((t for t in transforms if t == about.get("view_transform")), None)
    try:
        styles = tuple(int(s) for s in about["styles"].split())
        if about["format"] != FORMAT or transform is None or not styles or min(styles) < 1:
            raise ValueError(about["format"])
        return LinearView(path, about["scene_id"], about["place"], about["split"], styles, transform)
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} should be a linear view of {FORMAT} but says {error}; make it again") from None


def open_view(view: LinearView) -> Light:
    """The arrays of a view, mapped.

    Raises:
        InputError: the file is damaged, or its arrays do not fit each other.
    """
    arrays, _ = map_arrays(view.path)
    light, coverage = arrays.get("light"), arrays.get("coverage")
    if light is None or coverage is None or light.shape != (len(view.styles), *coverage.shape, 3):
        raise InputError(f"{view.path} should hold light and coverage of one size but does not; make it again")
    shares = arrays.get("shares", np.zeros((0, *coverage.shape), np.uint16))
    if shares.shape[1:] != coverage.shape:
        raise InputError(f"{view.path} should hold shares of the size of its coverage but does not; make it again")
    return Light(light, coverage, shares)
