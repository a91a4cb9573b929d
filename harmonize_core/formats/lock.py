# SPDX-License-Identifier: Apache-2.0
"""One run at a time in one folder: a file lock that the kernel drops when its last holder dies."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator
from pathlib import Path

from harmonize_core.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows has no flock; there, as on some network file systems, a second run is not refused
    fcntl = None


@contextlib.contextmanager
def exclusive(path: Path, folder: Path, patience_s: float = 5.0) -> Generator[int]:
    """Hold the lock file; yields its descriptor, which worker processes may inherit, so orphans keep the lock too.

    Args:
        path: Lock file; made if it is not there and left behind.
        folder: What it protects, for the message.
        patience_s: How long to wait for the workers of a run that was just killed.

    Raises:
        OutputError: another run holds the lock, or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(
            f"{path.parent} cannot be written to ({error.strerror}); choose a folder you may write to"
        ) from None
    try:
        _wait_for(handle, folder, patience_s)
        yield handle
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool | None:
    """Lock an open file until it is closed; False if another process holds it, None if files cannot be locked here."""
    return _flock(handle, shared=False)


def is_locked(path: Path) -> bool | None:
    """Whether a process of this machine holds the lock of a file; None if that cannot be known here."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        free = _flock(handle, shared=True)
        return None if free is None else not free
    finally:
        os.close(handle)


def _flock(handle: int, *, shared: bool) -> bool | None:
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return None


def _wait_for(handle: int, folder: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while try_lock(handle) is False:
        if time.monotonic() > deadline:
            raise OutputError(f"another run is at work on {folder}; wait for it, stop it, or choose another folder")
        time.sleep(0.1)
