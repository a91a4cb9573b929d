# SPDX-License-Identifier: Apache-2.0
"""Score a network on a data set under one protocol, image by image, with the composite itself beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.data.sources import layout_of, list_triplets
from harmonize_core.errors import ConfigError
from harmonize_core.formats.triplet import TripletPaths, load_triplet
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import Protocol, Scores, score


@dataclass(frozen=True)
class ImageResult:
    """One test image: what the network made of it, and the composite as it came."""

    composite: str
    """Path below the data set's root."""
    subset: str
    """First folder of that path: HCOCO, SHuman ..."""
    model: Scores
    untouched: Scores
    """The same numbers for the composite itself: doing nothing."""


@dataclass(frozen=True)
class Evaluation:
    """All results of one evaluation and everything needed to read them."""

    data: Path
    layout: str
    split: str
    """Name of the split, or "all"."""
    model: str
    """Name of the network and where its weights came from."""
    protocol: Protocol
    images: tuple[ImageResult, ...]


def evaluate(
    predictor: Predictor,
    data: Path,
    protocol: Protocol,
    *,
    split: str | None = None,
    label: str = "model",
    progress: Callable[[Sequence[TripletPaths]], Iterable[TripletPaths]] = iter,
) -> Evaluation:
    """Score every triplet of `split` (None: all of `data`).

    At the network's own size its raw output is scored, as the published numbers are; under a protocol of another size
    (full resolution) the low-resolution colour transform is applied to the whole image, as `harmonize predict` does.

    Raises:
        InputError: a missing or damaged file, sizes that differ, an empty mask.
        DatasetError: not a known layout, or no such split.
        ConfigError: a fixed-size protocol of another size than the network's.
    """
    size = predictor.info.input_size
    if protocol.size not in (None, size):
        raise ConfigError(
            f"protocol {protocol.name} compares at {protocol.size} but the network works at {size}; choose another"
        )
    triplets = list_triplets(data, split)
    images = []
    for paths in progress(triplets):
        triplet = load_triplet(paths)
        composite, real, mask = (protocol.resized(a) for a in (triplet.composite, triplet.real, triplet.mask))
        harmonized = predictor(composite, mask) if protocol.size is None else predictor.low_resolution(composite, mask)
        name = paths.composite.relative_to(data)
        images.append(
            ImageResult(
                composite=name.as_posix(),
                subset=name.parts[0] if len(name.parts) > 2 else data.resolve().name,
                model=score(harmonized, composite, real, mask, protocol),
                untouched=score(composite, composite, real, mask, protocol),
            )
        )
    return Evaluation(data, layout_of(data), split or "all", label, protocol, tuple(images))
