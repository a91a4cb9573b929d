# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the command line mean: the recipe of a data set, and how its jobs are worked off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from harmonize_core.errors import ConfigError, HarmonizeError, UnknownName
from rdharmony_gen.spec.dataset import DatasetSpec, make_spec
from rdharmony_gen.spec.scenes import SCENES
from rdharmony_gen.spec.styles import STYLE_NAMES

if TYPE_CHECKING:
    from rdharmony_gen.run.pool import PoolOptions

Names = tuple[str, ...]


class BadArguments(HarmonizeError):
    """Options that parse but make no sense; the exit code is 2."""


@dataclass(frozen=True)
class SetOptions:
    """The recipe of a data set, as options."""

    views: int = 50
    """Camera views per category, dealt in turn over the scenes that fit it (no car stands in a room)."""
    category: Names = ("human",)
    """What stands in the foreground; `rdharmony assets` lists what there is."""
    size: str = "512x512"
    """Width x height in pixels, for instance 1920x1080."""
    seed: int = 0
    """Root of all chance; the same seed gives the same bytes."""
    samples: int = 24
    """Path-tracing samples a pixel, before denoising."""
    styles: Names = ()
    """Names of capture conditions (see `rdharmony styles`); all ten if none is given."""
    scenes: Names = ()
    """Kinds of places to use (see `rdharmony scenes`); all if none is given."""
    test_scenes: Names = ("city_corner",)
    """Kinds of places whose pictures form the test split."""
    val_scenes: Names = ()
    """Kinds of places whose pictures form the validation split."""
    views_per_scene: int = 5
    """Views that share one seeded variant of a place."""
    format: str = "jpg"
    """Of composites and real images, jpg or png."""
    layout: str = "rdharmony"
    """Of names and lists, rdharmony or iharmony4."""


def spec_of(recipe: SetOptions) -> DatasetSpec:
    """The checked recipe.

    Raises:
        BadArguments: an option names what does not exist, is out of range, or contradicts another.
    """
    options = asdict(recipe)
    options["categories"] = options.pop("category")
    options["styles"] = options["styles"] or STYLE_NAMES
    options["scenes"] = options["scenes"] or tuple(SCENES)
    try:
        return make_spec(**options)
    except (ConfigError, UnknownName) as error:
        raise BadArguments(str(error)) from None


def pool_options(
    workers: int | None, timeout_s: float, steps_text: str, keep_renders: bool
) -> Callable[[int], PoolOptions]:
    """Checked now, so that a bad number is refused before anything is made; the lock comes later."""
    from rdharmony_gen.run.pool import PoolOptions
    from rdharmony_gen.run.steps import default_workers

    if workers is not None and not 1 <= workers <= 1024:
        raise BadArguments(f"--workers should be between 1 and 1024 but is {workers}")
    if not timeout_s > 0:
        raise BadArguments(f"--timeout-s should be more than 0 but is {timeout_s:g}")
    return lambda lock_fd: PoolOptions(workers or default_workers(), steps_text, keep_renders, timeout_s, lock_fd)
