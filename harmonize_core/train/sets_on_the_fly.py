# SPDX-License-Identifier: Apache-2.0
"""Views and photographs that a run composes itself: found, split as their files are, and decoded into the cache."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from harmonize_core.data.batch import STYLES, Movable, SampleSource
from harmonize_core.data.cache import Recipe, fill
from harmonize_core.data.on_the_fly import Chosen, Drawing
from harmonize_core.data.options import DataConfig
from harmonize_core.data.photo_entries import recipe as decoded_photographs
from harmonize_core.data.photo_sets import photographs_in, photographs_of
from harmonize_core.data.photographic import Photographs
from harmonize_core.data.rendered import RenderedViews
from harmonize_core.data.sources import thin
from harmonize_core.data.views import recipe as decoded_views
from harmonize_core.errors import ConfigError, DatasetError
from harmonize_core.formats import iharmony4, rdharmony
from harmonize_core.formats.linear_views import list_views
from harmonize_core.formats.lock import exclusive
from harmonize_core.formats.triplet import Domain, TripletPaths
from harmonize_core.train.config import TrainConfig, reading_threads

DRAWS = 4
"""Fixed samples of each held-out view or photograph."""
HELD_OUT_SEED = 0
"""Of the fixed samples, whatever the run's seed is: numbers of all runs compare."""
FIXED = DataConfig(per_series=0)
"""How fixed samples are drawn, whatever the run trains on: every photograph in its turn."""
PATIENCE_S = 24 * 3600.0
"""How long a run waits for another that fills the same cache."""

T = TypeVar("T")


@dataclass(frozen=True)
class Opened:
    """What one domain is trained and validated on."""

    train: SampleSource[Movable]
    held_out: SampleSource[Movable] | None
    """Fixed samples of what the set itself holds out; None where it holds nothing out."""
    unusable: tuple[str, ...]


def has_lists(root: Path, domain: Domain) -> bool:
    """Whether a root lists its triplets: its lists then say what is trained on, its files what is validated on."""
    return rdharmony.is_layout(root) if domain == "rendered" else iharmony4.is_layout(root)


def opened(
    root: Path,
    domain: Domain,
    config: TrainConfig,
    *,
    size: int,
    pin: bool,
    listed: Sequence[TripletPaths] | None,
    quiet: bool,
) -> Opened:
    """Find what to compose from, and decode what the cache lacks.

    Args:
        root: of the views or photographs.
        domain: which of both they are.
        config: of the run.
        size: side of training pictures.
        pin: whether a GPU fetches them.
        listed: the triplets of the root's training list; None where it has no lists.
        quiet: no progress bar while the cache fills.

    Raises:
        ConfigError: a list is chosen of a root without lists.
        DatasetError: nothing to train on, or a scene on both sides of a split.
        InputError: a file is missing or damaged.
        OutputError: the cache cannot be written.
    """
    if listed is None and (getattr(config.lists, domain) or getattr(config.lists, f"{domain}_held_out")):
        raise ConfigError(f"{root} should have lists of triplets for --lists.{domain} but has none; leave that out")
    find = _rendered if domain == "rendered" else _photographic
    return find(Path(root), config, size, pin, listed, quiet)


def _rendered(
    root: Path, config: TrainConfig, size: int, pin: bool, listed: Sequence[TripletPaths] | None, quiet: bool
) -> Opened:
    views = list_views(root)
    wide = next((v for v in views if max(v.styles) > STYLES), None)
    if wide:
        raise DatasetError(
            f"{wide.path} should have the {STYLES} styles that the style classifiers know but has number "
            f"{max(wide.styles)}; train on views without own styles"
        )
    if listed is None:
        training = [v for v in views if v.split == "train"]
        held_out = next((h for name in ("val", "test") if (h := [v for v in views if v.split == name])), [])
    else:
        composites = [Path(str(t.composite)) for t in listed]
        names = {(path.parent.parent.name, rdharmony.scene_of(path)) for path in composites}
        training, held_out = [v for v in views if (v.path.parent.name, v.scene_id) in names], []
    _refuse_leak(root, {v.place for v in training} & {v.place for v in held_out})
    drawing = Drawing(config.data, size, config.seed, pin=pin)
    return _opened(root, config, decoded_views(size), training, held_out, RenderedViews, drawing, quiet)


def _photographic(
    root: Path, config: TrainConfig, size: int, pin: bool, listed: Sequence[TripletPaths] | None, quiet: bool
) -> Opened:
    photos = photographs_in(root) if listed is None else photographs_of(listed, held_out=False)
    training, held_out = [p for p in photos if not p.held_out], [p for p in photos if p.held_out]
    _refuse_leak(root, {p.group for p in training} & {p.group for p in held_out})
    drawing = Drawing(config.data, size, config.seed, pin=pin)
    return _opened(root, config, decoded_photographs(size), training, held_out, Photographs, drawing, quiet)


def _refuse_leak(root: Path, both: set[str]) -> None:
    if both:
        raise DatasetError(
            f"{root} has {min(both)!r} for training and for testing ({len(both)} such); give all pictures of a scene "
            "or series one split"
        )


def _opened(
    root: Path,
    config: TrainConfig,
    recipe: Recipe[T],
    training: list[T],
    held_out: list[T],
    make: Callable[[Sequence[T], Sequence[Path], Drawing], SampleSource[Movable]],
    drawing: Drawing,
    quiet: bool,
) -> Opened:
    """Both sides in the cache, the held-out one with fixed draws: a limit takes some, spread evenly over the items."""
    folder = config.data.cache or config.run.parent / "data-cache"
    with exclusive(folder / ".lock", folder, PATIENCE_S):
        fit = functools.partial(
            fill,
            folder,
            recipe,
            skip_corrupt=config.skip_corrupt,
            workers=max(1, reading_threads(config)),
            quiet=quiet,
        )
        known, unusable = fit(training)
        aside, also = fit(held_out)
    if not known:
        raise DatasetError(
            f"{root} should hold something to train on but its training split is empty; name a list of it"
        )
    fixed = None
    if aside:
        fixed = make(*_apart(aside), replace(drawing, data=FIXED, seed=HELD_OUT_SEED, draws=DRAWS * len(aside)))
        if 0 < config.validate_limit < len(fixed):
            by_item = [item + turn * len(aside) for item in range(len(aside)) for turn in range(DRAWS)]
            fixed = Chosen(fixed, thin(by_item, config.validate_limit))
    return Opened(make(*_apart(known), drawing), fixed, (*unusable, *also))


def _apart(found: list[tuple[T, Path]]) -> tuple[list[T], list[Path]]:
    return [item for item, _ in found], [path for _, path in found]
