# SPDX-License-Identifier: Apache-2.0
"""Contact sheets of the best, the middle and the worst cases: composite, harmonized, real, and numbers beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.quality import Branches, Measured
from harmonize_core.evaluate.run import ImageResult
from harmonize_core.formats.triplet import TripletPaths, load_triplet
from harmonize_core.runtime.resize import resize

Floats = NDArray[np.float32]
Rank = Literal["best", "median", "worst"]

RANKS: tuple[Rank, ...] = ("best", "median", "worst")
CASES = 24
ACROSS = 3
"""Cases side by side."""
HEIGHT = 150
"""Of a picture, in pixels; wide ones are cut at WIDEST."""
WIDEST = 200
GAP = 4
BENEATH = 16
PAPER = 0.97


@dataclass(frozen=True)
class Case:
    """One picture with its numbers."""

    triplet: TripletPaths
    result: ImageResult

    @property
    def removed(self) -> float:
        """Share of the composite's fMSE."""
        return 1 - self.result.model.fmse / self.result.untouched.fmse


def ranked(measured: Measured, count: int = CASES) -> dict[Rank, list[Case]]:
    """The cases that may be shown, by share removed: best first, those around the middle, worst first.

    Where there are fewer than three times `count`, each rank gets a third of them.
    """
    paired = zip(measured.held_out.triplets, measured.images, strict=True)
    shown = [Case(t, i) for t, i in paired if measured.held_out.may_be_shown(t) and i.untouched.fmse > 0]
    order = sorted((case for case in shown if np.isfinite(case.removed)), key=lambda case: -case.removed)
    count = min(count, len(order) // 3)
    middle = (len(order) - count) // 2
    return {"best": order[:count], "median": order[middle : middle + count], "worst": order[::-1][:count]}


def sheet(cases: Sequence[Case], branches: Branches, held_out: HeldOut) -> Floats:
    """The cases, line by line, as one picture (H, W, 3) sRGB in [0, 1].

    Raises:
        InputError: a picture is missing or damaged.
    """
    panels = [_panel(case, branches, held_out) for case in cases]
    lines = [panels[start : start + ACROSS] for start in range(0, len(panels), ACROSS)]
    width, height = max(panel.shape[1] for panel in panels), HEIGHT + BENEATH
    paper = np.full((len(lines) * (height + GAP), ACROSS * (width + 3 * GAP), 3), PAPER, np.float32)
    for i, line in enumerate(lines):
        for j, panel in enumerate(line):
            top, left = i * (height + GAP), j * (width + 3 * GAP)
            paper[top : top + height, left : left + panel.shape[1]] = panel
    return paper


def _panel(case: Case, branches: Branches, held_out: HeldOut) -> Floats:
    triplet = load_triplet(case.triplet)
    harmonized = np.clip(branches[held_out.domain](triplet.composite, triplet.mask), 0, 1)
    pictures = [_thumbnail(p, triplet.mask) for p in (triplet.composite, harmonized, triplet.real)]
    width = pictures[0].shape[1]
    panel = np.full((HEIGHT + BENEATH, 3 * width + 2 * GAP, 3), PAPER, np.float32)
    for place, picture in enumerate(pictures):
        panel[:HEIGHT, place * (width + GAP) : place * (width + GAP) + width] = picture
    numbers = f"fMSE {case.result.untouched.fmse:.0f} > {case.result.model.fmse:.0f} ({100 * case.removed:+.0f} %)"
    text = f"{numbers}  {case.triplet.composite.stem}"
    cv2.putText(panel, text, (1, HEIGHT + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0.1, 0.1, 0.1), 1, cv2.LINE_AA)
    return panel


def _thumbnail(picture: Floats, mask: Floats) -> Floats:
    """At the sheet's height; of a wide picture the part around its foreground."""
    height, width = picture.shape[:2]
    small = resize(picture, (HEIGHT, max(1, round(width * HEIGHT / height))))
    if small.shape[1] <= WIDEST:
        return small
    columns = np.flatnonzero((mask > 0.5).any(axis=0))
    centre = float(columns.mean()) * HEIGHT / height
    left = int(np.clip(round(centre - WIDEST / 2), 0, small.shape[1] - WIDEST))
    return small[:, left : left + WIDEST]
