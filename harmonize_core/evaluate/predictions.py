# SPDX-License-Identifier: Apache-2.0
"""Predictions that were made elsewhere as a `Method`: pictures in a folder, found by the names of their composites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import DatasetError, InputError
from harmonize_core.evaluate.run import Evaluation, Method, Progress, evaluate_method
from harmonize_core.formats.images import IMAGE_SUFFIXES, read_image
from harmonize_core.formats.triplet import TripletPaths
from harmonize_core.infer.predictor import Floats
from harmonize_core.metrics import Protocol

ENDINGS = ("", "_harmonized", "-harmonized")
"""What may follow a composite's stem in the name of its prediction."""


def score_predictions(
    folder: Path,
    data: Path,
    protocol: Protocol,
    *,
    split: str | None = None,
    skip_corrupt: bool = False,
    progress: Progress = iter,
) -> Evaluation:
    """Score a folder of predictions for the triplets of `split` as `evaluate` scores a network.

    Raises:
        InputError, DatasetError: as `files_method` and `evaluate`.
    """
    method = files_method(folder, list_triplets(data, split), data, protocol)
    return evaluate_method(method, data, protocol, split=split, skip_corrupt=skip_corrupt, progress=progress)


def files_method(folder: Path, triplets: Sequence[TripletPaths], root: Path, protocol: Protocol) -> Method:
    """A folder of predictions for `triplets` below `root`.

    The prediction of `HCOCO/composite_images/c1_2_3.jpg` is `c1_2_3.png` (or `c1_2_3_harmonized.jpg` ...) in the same
    folders below `folder`, in `HCOCO`, or in `folder` itself. Pictures of another size are resized as the protocol
    resizes its images.

    Raises:
        InputError: the folder is missing, or lacks a prediction.
        DatasetError: two predictions of one composite, or two composites of one name with one prediction.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} should be the folder of the predictions but is not; check the path")
    found = _index(folder)
    chosen = {t: _prediction_of(PurePosixPath(t.composite.relative_to(root)), found, folder) for t in triplets}
    owners: dict[Path, TripletPaths] = {}
    for triplet, path in chosen.items():
        if path in owners:
            raise DatasetError(
                f"{path} would be the prediction of {owners[path].composite} and of {triplet.composite}; put "
                "predictions into folders named as those of the composites"
            )
        owners[path] = triplet

    def run(paths: TripletPaths, composite: Floats, _mask: Floats) -> Floats:
        harmonized = protocol.resized(read_image(chosen[paths]))
        if harmonized.shape != composite.shape:
            height, width = harmonized.shape[:2]
            raise InputError(
                f"{chosen[paths]} is {width}x{height} but its composite is {composite.shape[1]}x{composite.shape[0]}; "
                "score it under a protocol of fixed size (--size 256)"
            )
        return harmonized

    return Method(run, f"pictures of {folder}, resized where their size differs", label=folder.resolve().name)


def _index(folder: Path) -> dict[PurePosixPath, list[Path]]:
    """Pictures below `folder` by their path without suffix."""
    found: dict[PurePosixPath, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            found.setdefault(PurePosixPath(path.relative_to(folder).with_suffix("").as_posix()), []).append(path)
    return found


def _prediction_of(composite: PurePosixPath, found: dict[PurePosixPath, list[Path]], folder: Path) -> Path:
    for place in composite.parents:
        for ending in ENDINGS:
            paths = found.get(place / (composite.stem + ending), [])
            if len(paths) > 1:
                raise DatasetError(f"{paths[0]} and {paths[1]} would both be the prediction of {composite}; remove one")
            if paths:
                return paths[0]
    raise InputError(f"{folder} should hold {composite.stem}.png, the prediction of {composite}, but does not")
