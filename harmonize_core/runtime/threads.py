# SPDX-License-Identifier: Apache-2.0
"""Work on parts of a picture by several threads: NumPy lets the others run while it computes."""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from harmonize_core.pull_push import Each

WORTH_A_THREAD = 1 << 18
"""Pixels below which starting another thread takes longer than it saves."""


@contextmanager
def workers(threads: int | None, pixels: int) -> Generator[Each]:
    """`map` by up to `threads` threads (None: one for each core), and no more than that many pixels are worth."""
    count = min(threads or cores(), max(1, pixels // WORTH_A_THREAD))
    if count == 1:
        yield map
        return
    with ThreadPoolExecutor(count) as pool:
        yield pool.map


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
