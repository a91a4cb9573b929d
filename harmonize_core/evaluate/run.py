# SPDX-License-Identifier: Apache-2.0
"""Score a method on a data set under one protocol, image by image, with the composite itself beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from harmonize_core.data.sources import layout_of, list_triplets, resolve_split, thin
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats import hyoutube
from harmonize_core.formats.triplet import Triplet, TripletPaths, load_triplet
from harmonize_core.infer.predictor import Floats, Predictor
from harmonize_core.metrics import Protocol, Scores, score
from harmonize_core.metrics.video import VideoScores, score_clip

At = Literal["network", "protocol"]
Progress = Callable[[Sequence[TripletPaths]], Iterable[TripletPaths]]


@dataclass(frozen=True)
class Method:
    """Something that harmonizes: a network, or a folder of pictures that were harmonized before."""

    run: Callable[[TripletPaths, Floats, Floats], Floats]
    """(triplet, composite, mask) at the protocol's size to the harmonized picture at that size."""
    how: str
    """How its pictures came to the protocol's size, for the report."""
    label: str = "model"


@dataclass(frozen=True)
class ImageResult:
    """One test image: what the network made of it, and the composite as it came."""

    composite: str
    """Path below the data set's root."""
    subset: str
    """First folder of that path: HCOCO, SHuman ..."""
    group: str
    """The photograph or 3D scene it was cut from: images of one group are not independent."""
    model: Scores
    untouched: Scores
    """The same numbers for the composite itself: doing nothing."""


@dataclass(frozen=True)
class ClipResult:
    """One clip of a video data set."""

    name: str
    frames: int
    model: VideoScores
    untouched: VideoScores


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
    how: str
    images: tuple[ImageResult, ...]
    clips: tuple[ClipResult, ...] = ()
    skipped: tuple[str, ...] = ()
    """Why triplets were left out, one sentence each."""


def evaluate(
    predictor: Predictor,
    data: Path,
    protocol: Protocol,
    *,
    split: str | None = None,
    label: str = "model",
    at: At = "network",
    limit: int = 0,
    skip_corrupt: bool = False,
    progress: Progress = iter,
) -> Evaluation:
    """Score a network on the triplets of `split` (None: all of `data`).

    Args:
        predictor: The network.
        data: Root of a data set in any known layout.
        protocol: Which numbers.
        split: Name of a split.
        label: What the tables call the network.
        at: Where a network of fixed size runs, see `network_method`.
        limit: Score at most that many triplets, spread evenly; 0: all.
        skip_corrupt: Leave out and report triplets that cannot be read; otherwise the first is an error.
        progress: Wraps the triplets, to show how far it is.

    Raises:
        InputError: a missing or damaged file, sizes that differ, an empty mask.
        DatasetError: not a known layout, or no such split.
        ConfigError: a network that cannot run at the protocol's size where that is asked for.
    """
    method = dataclasses.replace(network_method(predictor, protocol, at), label=label)
    return evaluate_method(
        method, data, protocol, split=split, limit=limit, skip_corrupt=skip_corrupt, progress=progress
    )


def evaluate_method(
    method: Method,
    data: Path,
    protocol: Protocol,
    *,
    split: str | None = None,
    limit: int = 0,
    skip_corrupt: bool = False,
    progress: Progress = iter,
) -> Evaluation:
    """As `evaluate`, for any method; a video data set gets its temporal numbers, too, unless `limit` thins it."""
    layout = layout_of(data, split)
    triplets = thin(list_triplets(data, split), limit)
    ends: dict[int, str] = {}
    known = resolve_split(data, split)
    whole = hyoutube.list_clips(data, known) if layout == "hyoutube" and not isinstance(known, Path) else []
    if len(triplets) == sum(len(clip.frames) for clip in whole):
        position = 0
        for clip in whole:
            position += len(clip.frames)
            ends[position] = clip.name
    images, clips, skipped = _score_all(method, triplets, data, protocol, ends, skip_corrupt, progress)
    if not images:
        raise InputError(f"none of the {len(triplets)} triplets of {data} can be read; the first: {skipped[0]}")
    return Evaluation(
        data, layout, split or "all", method.label, protocol, method.how, tuple(images), tuple(clips), tuple(skipped)
    )


def evaluate_triplets(
    predictor: Predictor, triplets: Sequence[TripletPaths], root: Path, protocol: Protocol, *, at: At = "network"
) -> Evaluation:
    """As `evaluate`, for a list of triplets below `root`."""
    method = network_method(predictor, protocol, at)
    images, _, _ = _score_all(method, triplets, root, protocol, {}, False, iter)
    return Evaluation(root, "list", "given", method.label, protocol, method.how, tuple(images))


def network_method(predictor: Predictor, protocol: Protocol, at: At = "network") -> Method:
    """A network under a protocol.

    At its own size its raw output is scored, as the published numbers are; a network made for full resolution runs at
    the protocol's size. A network of fixed size under a protocol of another size runs at its own, and the colour
    transform its result implies is applied at the protocol's (as `harmonize predict` does); or, `at="protocol"`, it
    runs at that size itself.

    Raises:
        ConfigError: `at="protocol"` for a network that cannot run at the protocol's size.
    """
    own, size = predictor.info.input_size, protocol.size
    shown = f"{size}x{size}" if size else "full resolution"
    if size == own:
        return Method(lambda _, composite, mask: predictor.direct(composite, mask), f"network at {own}x{own}")
    if at == "protocol" or predictor.any_size:
        if size and not predictor.fits((size, size)):
            wanted = f"multiples of {predictor.divisor}" if predictor.divisor else f"{own}x{own} only"
            raise ConfigError(
                f"{predictor.info.name} cannot run at {shown}: it takes {wanted}; use --at network, or another --size"
            )
        return Method(lambda _, composite, mask: predictor.direct(composite, mask), f"network at {shown}")
    how = f"network at {own}x{own}, its colour transform applied at {shown} (background: the composite's)"
    return Method(lambda _, composite, mask: predictor(composite, mask), how)


def _score_all(
    method: Method,
    triplets: Sequence[TripletPaths],
    root: Path,
    protocol: Protocol,
    ends: dict[int, str],
    skip_corrupt: bool,
    progress: Progress,
) -> tuple[list[ImageResult], list[ClipResult], list[str]]:
    """Score in order; `ends` holds, by the number of frames so far, the clips that end there."""
    images: list[ImageResult] = []
    clips: list[ClipResult] = []
    skipped: list[str] = []
    clip: list[tuple[Triplet, Floats]] = []
    start = 0
    for done, paths in enumerate(progress(triplets), 1):
        triplet = _resized(paths, protocol, skipped if skip_corrupt else None)
        if triplet is not None:
            harmonized = triplet.composite  # a mask may vanish when it is made small
            if triplet.mask.any():
                harmonized = method.run(paths, triplet.composite, triplet.mask)
            images.append(_result(paths, root, harmonized, triplet, protocol))
            if ends:
                clip.append((triplet, harmonized))
        if done in ends:
            if len(clip) == done - start > 1:
                clips.append(_clip_result(ends[done], clip))
            clip, start = [], done
    return images, clips, skipped


def _resized(paths: TripletPaths, protocol: Protocol, skipped: list[str] | None) -> Triplet | None:
    """The triplet at the protocol's size, or None with a line in `skipped` when it cannot be read."""
    try:
        triplet = load_triplet(paths)
    except InputError as error:
        if skipped is None:
            raise InputError(f"{error}; --skip-corrupt leaves such triplets out") from error
        skipped.append(str(error))
        return None
    composite, mask, real = (protocol.resized(a) for a in (triplet.composite, triplet.mask, triplet.real))
    return Triplet(protocol.input_of(composite, mask, real), mask, real)


def _result(paths: TripletPaths, root: Path, harmonized: Floats, triplet: Triplet, protocol: Protocol) -> ImageResult:
    name = paths.composite.relative_to(root)
    return ImageResult(
        composite=name.as_posix(),
        subset=name.parts[0] if len(name.parts) > 2 else root.resolve().name,
        group=paths.group,
        model=score(harmonized, triplet.composite, triplet.real, triplet.mask, protocol),
        untouched=score(triplet.composite, triplet.composite, triplet.real, triplet.mask, protocol),
    )


def _clip_result(name: str, clip: Sequence[tuple[Triplet, Floats]]) -> ClipResult:
    real, masks = [t.real for t, _ in clip], [t.mask for t, _ in clip]
    return ClipResult(
        name,
        len(clip),
        model=score_clip([np.clip(h, 0, 1) for _, h in clip], real, masks),
        untouched=score_clip([t.composite for t, _ in clip], real, masks),
    )
