# SPDX-License-Identifier: Apache-2.0
"""What gains of red, green and blue could remove from rendered composites, by how much is known about a picture.

    python scripts/gain_bounds.py views --cache runs/data-cache

Gains are learned on the training views of a folder of linear views (`rdharmony linear`) and applied, in linear light,
to composites of the held-out ones: from the two styles alone (the median of each pair), from the mean colours of
foreground and background (least squares on their logarithms), from both; and gains fitted to each answer, which nobody
can know. docs/weights.md has numbers.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from harmonize_core.data import cache
from harmonize_core.data.colors import linear_to_srgb, srgb_to_linear
from harmonize_core.data.on_the_fly import Drawing
from harmonize_core.data.options import DataConfig
from harmonize_core.data.rendered import RenderedViews
from harmonize_core.data.views import recipe
from harmonize_core.formats.linear_views import LinearView, list_views
from harmonize_core.train.validate import fmse

BLACK = 0.003
"""Linear light added before logarithms."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Question:
    """Options of the script."""

    views: Annotated[Path, tyro.conf.Positional]
    """Folder of linear views."""
    cache: Path
    """Folder of decoded views, as `harmonize train --data.cache` makes it."""
    side: int = 64
    """Of the pictures, in pixels."""
    draws: int = 12
    """Composites of each view."""


@dataclass(frozen=True)
class Sample:
    """A composite, what it should be, and what is known about it."""

    composite: Tensor
    real: Tensor
    mask: Tensor
    pair: Pair
    """Styles of background and foreground."""
    colors: Tensor
    """(7,) log mean light of foreground and background, and a 1."""
    gains: Tensor
    """(3,) log of what the mean light of the foreground should be multiplied by."""


def samples_of(views: list[LinearView], question: Question) -> list[Sample]:
    """Fixed composites of views, of plain pairs of styles."""
    known, _ = cache.fill(question.cache, recipe(question.side), views)
    drawing = Drawing(DataConfig(), question.side, 0, draws=question.draws * len(known))
    source = RenderedViews([view for view, _ in known], [file for _, file in known], drawing)
    samples = []
    for index in range(len(source)):
        batch, draw = source.batch([(0, index)]).to(torch.device("cpu")), source.draw(0, index)
        styles = source.views[draw.view].styles
        before, after, behind = (
            torch.log(_mean(image, weight) + BLACK)
            for image, weight in (
                (batch.composite, batch.mask),
                (batch.real, batch.mask),
                (batch.composite, 1 - batch.mask),
            )
        )
        pair = (styles[draw.real], styles[draw.fronts[0]])
        colors = torch.cat([before, behind, torch.ones(1)])
        samples.append(Sample(batch.composite, batch.real, batch.mask, pair, colors, after - before))
    return samples


def _mean(image: Tensor, weight: Tensor) -> Tensor:
    """Mean linear light (3,) of (1, 3, H, W) sRGB under (1, 1, H, W)."""
    return (srgb_to_linear(image) * weight).sum(dim=(0, 2, 3)) / weight.sum().clamp_min(1e-3)


def left(samples: list[Sample], gains: list[Tensor]) -> float:
    """Share of the composites' fMSE that gains, one (3,) of logarithms for each sample, leave."""
    before = after = 0.0
    for sample, gain in zip(samples, gains, strict=True):
        light = srgb_to_linear(sample.composite) * torch.exp(gain)[:, None, None]
        changed = sample.composite + sample.mask * (linear_to_srgb(light.clamp(0, 1)) - sample.composite)
        before += float(fmse(sample.composite, sample.real, sample.mask).sum())
        after += float(fmse(changed, sample.real, sample.mask).sum())
    return after / before


def main(question: Question) -> int:
    """Print a line for each kind of knowledge."""
    views = list_views(question.views)
    training, held_out = (
        samples_of([view for view in views if (view.split == "train") is wanted], question) for wanted in (True, False)
    )
    by_pair: dict[Pair, list[Tensor]] = defaultdict(list)
    for sample in training:
        by_pair[sample.pair].append(sample.gains)
    medians = {pair: torch.stack(gains).median(dim=0).values for pair, gains in by_pair.items()}

    def of_pair(sample: Sample) -> Tensor:
        return medians.get(sample.pair, torch.zeros(3))

    def of_both(sample: Sample) -> Tensor:
        return torch.cat([sample.colors, of_pair(sample)])

    answers = torch.stack([sample.gains for sample in training])

    def learned(features: list[Tensor]) -> Tensor:
        return torch.linalg.lstsq(torch.stack(features), answers).solution

    from_colors, from_both = learned([s.colors for s in training]), learned([of_both(s) for s in training])
    print(f"{len(held_out)} held-out composites of {len(held_out) // question.draws} views; share of fMSE left with")
    for name, gains in (
        ("the pair of styles known", [of_pair(s) for s in held_out]),
        ("mean colours", [s.colors @ from_colors for s in held_out]),
        ("mean colours, the pair known", [of_both(s) @ from_both for s in held_out]),
        ("gains fitted to the answer", [s.gains for s in held_out]),
    ):
        print(f"  {name:30} {left(held_out, gains):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Question, description=__doc__)))
