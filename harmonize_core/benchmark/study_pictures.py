# SPDX-License-Identifier: Apache-2.0
"""Pictures of the study: what each row makes of test photographs, kept with its numbers, and strips of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.benchmark.study_data import SIDES, StudyData
from harmonize_core.data.sources import thin
from harmonize_core.evaluate.run import network_method
from harmonize_core.formats.images import read_image, write_image
from harmonize_core.formats.triplet import TripletPaths, load_triplet
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import Protocol

STRIPS = ("composite", "base", "fusion", "charmnet", "oracle")
"""Rows in the strips, from left to right; the photograph itself follows."""
SHOWN = 8
"""Photographs in a strip."""
GAP = 4
"""White pixels between pictures."""


def one_each(triplets: Sequence[TripletPaths]) -> list[TripletPaths]:
    """The first composite of every photograph."""
    return list({t.real: t for t in reversed(triplets)}.values())[::-1]


def keep_pictures(predictor: Predictor, triplets: Sequence[TripletPaths], protocol: Protocol, folder: Path) -> None:
    """Harmonize one composite of each photograph at the protocol's size, into `folder`; those that are there stay."""
    method = network_method(predictor, protocol, "network")
    for paths in one_each(triplets):
        file = folder / f"{paths.composite.stem}.jpg"
        if not file.exists():
            triplet = load_triplet(paths)
            composite, mask = (protocol.resized(a) for a in (triplet.composite, triplet.mask))
            write_image(file, np.clip(method.run(paths, composite, mask), 0, 1) if mask.any() else composite)


def strips(
    data: StudyData, out: Path, protocol: Protocol, folders: Sequence[str], limit: int
) -> tuple[NDArray[np.float32], list[str], list[str]] | None:
    """The same photographs over the rows that are made, one a line; None where none may be shown.

    Args:
        data: of the study.
        out: its folder.
        protocol: whose size pictures have.
        folders: where photographs must come from to be shown; "any": all may.
        limit: of test composites, as in the study.

    Returns:
        (H, W, 3) sRGB in [0, 1], names of the columns, and names of the photographs from top to bottom.
    """
    chosen = []
    for side in SIDES:  # people first, others fill up
        found = [t for t in one_each(thin(data.plans.test[side], limit)) if data.may_be_shown(t, folders)]
        chosen += thin(found, SHOWN - len(chosen)) if len(chosen) < SHOWN and found else []
    if not chosen:
        return None
    rows = [row for row in STRIPS if (out / "results" / row / "seed-0" / "run.json").is_file()]
    lines = []
    for paths in chosen:
        files = [out / "results" / row / "seed-0" / "pictures" / f"{paths.composite.stem}.jpg" for row in rows]
        lines.append([*(read_image(file) for file in files), protocol.resized(load_triplet(paths).real)])
    return _tiled(lines), [*rows, "real"], [paths.real.stem for paths in chosen]


def _tiled(lines: Sequence[Sequence[NDArray[np.float32]]]) -> NDArray[np.float32]:
    height, width = lines[0][0].shape[:2]
    down, across = len(lines), len(lines[0])
    sheet = np.ones((down * (height + GAP) - GAP, across * (width + GAP) - GAP, 3), np.float32)
    for i, line in enumerate(lines):
        for j, picture in enumerate(line):
            top, left = i * (height + GAP), j * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    return sheet
