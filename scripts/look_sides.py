# SPDX-License-Identifier: Apache-2.0
"""From how small a picture looks can be estimated: one network after the other, looking at pictures of several sides.

    python scripts/look_sides.py runs/a/model.safetensors runs/b/model.safetensors --data out --split test --limit 96

Prints which share of the composites' fMSE is left at 256x256, whatever the network looked at;
docs/models/charmnet_hr.md has numbers.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro

from harmonize_core.checkpoint import load_model
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets, thin
from harmonize_core.models.charmnet_hr import CharmNetHr
from harmonize_core.train.validate import fmse

BATCH = 8


@dataclass(frozen=True)
class Question:
    """Options of the script."""

    weights: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Trained networks of charmnet_hr."""
    data: Path
    """Root of triplets, in any layout."""
    split: str = "test"
    limit: int = 96
    """Triplets, spread evenly over the split."""
    sides: tuple[int, ...] = (64, 96, 128, 256)
    """Sides in pixels of what the networks look at."""


@torch.no_grad()
def left(network: CharmNetHr, data: TripletDataset) -> float:
    """Mean fMSE of the results over that of the composites."""
    before = after = 0.0
    for start in range(0, len(data), BATCH):
        batch = data.batch([(0, index) for index in range(start, min(start + BATCH, len(data)))])
        found = network(batch.composite, batch.mask, data.triplets[start].domain).harmonized.clamp(0, 1)
        before += float(fmse(batch.composite, batch.real, batch.mask).sum())
        after += float(fmse(found, batch.real, batch.mask).sum())
    return after / before


def main(question: Question) -> int:
    """Print a line for each network."""
    data = TripletDataset(thin(list_triplets(question.data, question.split), question.limit), augment=False)
    print(f"{'share of fMSE left, looking at':40} " + " ".join(f"{side:>6}" for side in question.sides))
    for path in question.weights:
        network = load_model(path).model.eval()
        assert isinstance(network, CharmNetHr)
        shares = []
        for side in question.sides:
            network.side = side
            shares.append(left(network, data))
        print(f"{path!s:40} " + " ".join(f"{share:6.3f}" for share in shares), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Question, description=__doc__)))
