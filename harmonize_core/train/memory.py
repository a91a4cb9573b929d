# SPDX-License-Identifier: Apache-2.0
"""Memory that tensors leave stays with the process while it trains on a CPU.

glibc gives blocks above 32 MB back to the system when they are freed and asks for them anew in the next step; the
system then has to clear every page of them again. More than a quarter of the CPU seconds of a CharmNet step with 8 + 8
pictures went there (docs/performance.md). Values do not change.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Generator

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # malloc.h
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
_GLIBC = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 64 * 2**20}
"""What glibc itself arrives at once a program has freed a large block (its thresholds move; see mallopt(3))."""


@contextlib.contextmanager
def freed_memory_kept() -> Generator[bool]:
    """Within it freed memory is kept for the next step, afterwards it goes back; yields False without glibc."""
    libc = _glibc()
    if libc is None:
        yield False
        return
    for option, value in _KEEP.items():
        libc.mallopt(option, value)
    try:
        yield True
    finally:
        for option, value in _GLIBC.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.mallopt and libc.malloc_trim else None
    except (OSError, AttributeError):
        return None
