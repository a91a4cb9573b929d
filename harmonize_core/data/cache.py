# SPDX-License-Identifier: Apache-2.0
"""The decoded cache: what a sample is cut from, worked out once and mapped from then on.

A file a view or photograph, named after what it was made from (path, size and time of each source, and how it was
made), so a changed source gets a new file and nothing is ever overwritten. Files appear whole by a rename: runs that
make the cache at the same time at worst make the same file twice. The folder may be deleted when no run is at work.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from numpy.typing import NDArray
from tqdm import tqdm

from harmonize_core.errors import InputError
from harmonize_core.formats.mapped import map_arrays, write_arrays

T = TypeVar("T")
Arrays = Mapping[str, NDArray]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe(Generic[T]):
    """How the entries of one kind are made."""

    name: str
    """Of the kind, its version and its parameters: other ones, other files."""
    sources: Callable[[T], Sequence[Path]]
    make: Callable[[T], Arrays]


def fill(
    folder: Path,
    recipe: Recipe[T],
    items: Sequence[T],
    *,
    skip_corrupt: bool = False,
    quiet: bool = False,
    workers: int = 1,
) -> tuple[list[tuple[T, Path]], list[str]]:
    """Make what is missing in `folder`, with a progress bar.

    Args:
        folder: Of the cache; made if it is not there.
        recipe: How an entry is made.
        items: What the entries are made of.
        skip_corrupt: Leave out what cannot be read, and say so; otherwise the first such item is an error.
        quiet: No progress bar.
        workers: Threads that make entries.

    Returns: each item with its file, and a line for each that was left out.

    Raises:
        InputError: a source is missing or damaged.
        OutputError: the folder cannot be written to.
    """

    def made(item: T) -> tuple[T, Path | None, str]:
        try:
            path = folder / _name(recipe, item)
            if not path.is_file():
                write_arrays(path, recipe.make(item), {"recipe": recipe.name})
            return item, path, ""
        except InputError as error:
            if not skip_corrupt:
                raise InputError(f"{error}; --skip-corrupt leaves such pictures out") from error
            _log.warning("left out: %s", error)
            return item, None, str(error)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        results = pool.map(made, items)
        found = list(tqdm(results, "decoding", len(items), unit="file", disable=quiet, delay=2.0, mininterval=0.5))
    return [(item, path) for item, path, _ in found if path], [why for _, _, why in found if why]


def opened(path: Path) -> Arrays:
    """The arrays of an entry, mapped.

    Raises:
        InputError: it was deleted or damaged.
    """
    return map_arrays(path)[0]


def _name(recipe: Recipe[T], item: T) -> str:
    digest = hashlib.blake2b(recipe.name.encode(), digest_size=16)
    for source in recipe.sources(item):
        try:
            stat = source.stat()
        except OSError as error:
            raise InputError(f"{source} could not be read ({error.strerror}); check the path") from error
        digest.update(b"\0" + os.fsencode(source.resolve()) + f"\0{stat.st_size}\0{stat.st_mtime_ns}".encode())
    return f"{digest.hexdigest()}.safetensors"
