# SPDX-License-Identifier: Apache-2.0
"""How much of the error of composites a look can remove at all: looks fitted to the answers, by size of their map.

    python scripts/look_ceiling.py out --split test --limit 16

No network that estimates such looks can do better on these triplets; the table is in docs/models/charmnet_hr.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from harmonize_core.data.dataset import Batch, TripletDataset
from harmonize_core.data.sources import list_triplets, thin
from harmonize_core.models.charmnet_hr import centred, over
from harmonize_core.models.look import (
    GRADE,
    LIMITS,
    MAP,
    MAP_LIMITS,
    Look,
    apply_grade,
    apply_map,
    bounded,
    srgb_to_linear,
)
from harmonize_core.train.validate import fmse


@dataclass(frozen=True)
class Question:
    """Options of the script."""

    data: Annotated[Path, tyro.conf.Positional]
    """Root of triplets, in any layout."""
    split: str = "test"
    limit: int = 16
    """Triplets, spread evenly over the split."""
    sides: tuple[int, ...] = (0, 8, 16, 32, 64)
    """Cells along a side of the map; 0: the grade alone."""
    steps: int = 60
    """Of Adam with rate 0.05, from the identity."""
    plain: bool = False
    """Also maps that are not centred on the foreground."""
    grade: float = 0.5
    """Weight of the error of the grade alone, beside that of the result."""


def fitted(batch: Batch, side: int, question: Question, *, centre: bool = True) -> tuple[Tensor, Tensor]:
    """fMSE (B,) of the looks' results and of their grades alone, on the 0..255 scale."""
    linear = srgb_to_linear(batch.composite)
    grade = torch.zeros(len(batch.real), GRADE, requires_grad=True)
    cells = torch.zeros(len(batch.real), MAP, max(side, 1), max(side, 1), requires_grad=side > 0)
    optimizer = torch.optim.Adam([grade, cells] if side else [grade], lr=0.05)

    def pictures() -> list[Tensor]:
        numbers = bounded(grade, LIMITS)
        graded = apply_grade(linear, numbers)
        cells_used = centred(cells, batch.mask, graded.detach()) if side and centre else cells
        look = Look(numbers, bounded(cells_used, MAP_LIMITS))
        return [over(batch.composite, linear, changed, batch.mask) for changed in (apply_map(graded, look.map), graded)]

    for _ in range(question.steps):
        result, alone = (fmse(picture, batch.real, batch.mask).sum() for picture in pictures())
        optimizer.zero_grad()
        (result + question.grade * alone).backward()
        optimizer.step()
    with torch.no_grad():
        result, alone = (fmse(picture.clamp(0, 1), batch.real, batch.mask) for picture in pictures())
    return result, alone


def main(question: Question) -> int:
    """Print a table, a row as it is done."""
    triplets = thin(list_triplets(question.data, question.split), question.limit)
    dataset = TripletDataset(triplets, augment=False)
    batch = dataset.batch([(0, index) for index in range(len(dataset))])
    base = fmse(batch.composite, batch.real, batch.mask).mean()
    print(f"{len(dataset)} triplets, composite {base:.0f}\n\n| map | result removes | its grade alone |\n|---|---|---|")
    for side in question.sides:
        for centre in (True, False) if question.plain and side else (True,):
            removed = (1 - error.mean() / base for error in fitted(batch, side, question, centre=centre))
            name = f"{side}x{side}" + ("" if centre else ", not centred") if side else "none"
            print(f"| {name} | {' | '.join(f'{share:.1%}' for share in removed)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Question, description=__doc__)))
