# SPDX-License-Identifier: Apache-2.0
"""The data of a run: training sets of both domains and what is held out, checked against leaks between them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from harmonize_core.data.dataset import STYLES, Movable, SampleSource, TripletDataset
from harmonize_core.data.sources import list_triplets, splits_of, thin
from harmonize_core.errors import DatasetError
from harmonize_core.formats.triplet import Domain, TripletPaths
from harmonize_core.models import lookup_at
from harmonize_core.train import sets_on_the_fly
from harmonize_core.train.config import TrainConfig

HELD_OUT = ("val", "test")
"""Split used for validation during training: the first that exists."""


@dataclass(frozen=True)
class Sets:
    """Training sets and held-out sets of the domains that a run trains on."""

    train: dict[Domain, SampleSource[Movable]]
    held_out: dict[Domain, SampleSource[Movable]]
    """By domain; a domain without a held-out split is absent."""
    unusable: tuple[str, ...] = ()
    """What could not be read while the sets were opened, a line each."""

    def summary(self) -> str:
        """How many triplets of which domain are for what."""
        train = " and ".join(f"{len(s)} {name} {s.kind}" for name, s in self.train.items())
        if {s.kind for s in self.train.values()} == {"triplets"}:
            train = " and ".join(f"{len(s)} {name}" for name, s in self.train.items()) + " triplets"
        held = ", ".join(f"{len(s)} {name}" for name, s in self.held_out.items()) or "none"
        return f"{train} (held out: {held})"

    def left_out(self) -> list[str]:
        """What could not be read so far, a line each: where it was needed and why it was left out."""
        parts = {"training": self.train, "validation": self.held_out}
        return [
            *self.unusable,
            *(
                f"{use}, {domain}: {reason}"
                for use, sets in parts.items()
                for domain, dataset in sets.items()
                for _, reason in sorted(dataset.skipped.items())
            ),
        ]


def open_sets(config: TrainConfig, *, quiet: bool = False) -> Sets:
    """List and check what a config names: triplets in files, or views and photographs to compose on the fly.

    Args:
        config: of the run.
        quiet: No progress bar while views and photographs are decoded for the first time.

    Raises:
        ConfigError: a side that the network cannot take.
        InputError: a root is not a folder, or a list file is missing.
        DatasetError: no known layout, no training split, no style labels, or a scene on both sides of a split.
    """
    size, pin = side_of(config), config.device != "cpu" and torch.cuda.is_available()
    train: dict[Domain, SampleSource[Movable]] = {}
    held_out: dict[Domain, SampleSource[Movable]] = {}
    unusable: list[str] = []
    roots: dict[Domain, Path | None] = {"rendered": config.rendered, "photographic": config.photographic}
    make = functools.partial(TripletDataset, size=size, skip_corrupt=config.skip_corrupt, pin=pin)
    for domain, root in roots.items():
        if root is None:
            continue
        listed: Sequence[TripletPaths] = ()
        if config.data.on_the_fly:
            if sets_on_the_fly.has_lists(root, domain):
                training, listed = _split(root, domain, config)
            else:
                training = None
            opened = sets_on_the_fly.opened(root, domain, config, size=size, pin=pin, listed=training, quiet=quiet)
            train[domain] = opened.train
            unusable += opened.unusable
            if opened.held_out and not listed:
                held_out[domain] = opened.held_out
            refuse_leak(root, opened.train.triplets, listed)
        else:
            training, listed = _split(root, domain, config)
            if domain == "rendered" and any(t.style_hard is None for t in training):
                raise DatasetError(
                    f"{root} should hold rendered triplets with style labels but has none; see --rendered"
                )
            length = max((len(t.style_soft or ()) for t in training), default=0)
            if domain == "rendered" and length > STYLES:
                raise DatasetError(
                    f"{root} should have the {STYLES} styles that the style classifiers know but has labels of "
                    f"{length}; render it without own styles, or evaluate on it only"
                )
            train[domain] = make(training, seed=config.seed, cache_mb=config.cache_mb, data=config.data)
        if listed:
            held_out[domain] = make(thin(listed, config.validate_limit), augment=False)
    return Sets(train, held_out, tuple(unusable))


def side_of(config: TrainConfig) -> int:
    """Side in pixels of the pictures that a run trains on.

    Raises:
        ConfigError: a network that cannot be built for the side that is asked for.
    """
    entry, side = lookup_at(config.model, config.data.side), config.data.side
    return side or entry.input_spec.size


def _split(root: Path, domain: Domain, config: TrainConfig) -> tuple[list[TripletPaths], list[TripletPaths]]:
    """Triplets to train on and to hold out: those of the lists that were chosen, or of the set's own splits."""
    chosen, validated = getattr(config.lists, domain), getattr(config.lists, f"{domain}_held_out")
    names = splits_of(root, domain)
    if names and not chosen and "train" not in names:
        raise DatasetError(
            f"{root} should list a split 'train' but lists only {', '.join(names)}; add a train list, or choose one "
            f"with --lists.{domain}"
        )
    training = list_triplets(root, chosen or ("train" if names else None), domain)
    tests = [validated] if validated else [name for name in HELD_OUT if name in names]
    held_out = [list_triplets(root, name, domain) for name in tests]
    for triplets in held_out:
        refuse_leak(root, training, triplets)
    return training, held_out[0] if held_out else []


def refuse_leak(root: Path | str, training: Sequence[TripletPaths], held_out: Sequence[TripletPaths]) -> None:
    """Refuse a scene or photograph of `root` on both sides of a split.

    Raises:
        DatasetError: names the first one.
    """
    both = {t.group for t in training} & {t.group for t in held_out}
    if both:
        raise DatasetError(
            f"{root} lists {min(both)!r} for training and for testing ({len(both)} such); split by scene or photograph"
        )
