# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU seconds of this process by what they went to; for benchmarks and timings, never for decisions."""

import contextlib
import sys
import time
from collections.abc import Callable, Generator

try:
    import resource
except ImportError:  # Windows does not have it
    resource = None

spent: dict[str, float] = {}
beginning: list[Callable[[str], None]] = []
"""Called with the name of each part that begins, for showing progress."""


@contextlib.contextmanager
def part(name: str) -> Generator[None]:
    """Count what the block costs under a name."""
    for told in beginning:
        told(name)
    before = time.process_time()
    try:
        yield
    finally:
        spent[name] = spent.get(name, 0.0) + time.process_time() - before


def take() -> dict[str, float]:
    """What was counted since the last call, rounded."""
    counted = {name: round(seconds, 3) for name, seconds in spent.items()}
    spent.clear()
    return counted


def peak_memory_mb() -> float | None:
    """The most memory this process ever held, in units of 2**20 bytes; None where the system does not count."""
    if resource is None:
        return None
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10), 1)
