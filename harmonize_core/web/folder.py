# SPDX-License-Identifier: Apache-2.0
"""The folder of what was sent: it goes away with the server, or when the next one starts if that was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

PREFIX = "harmonize-serve-"

NEW = 60
"""Seconds in which a folder may not be locked yet."""


@contextlib.contextmanager
def passing_folder() -> Generator[Path]:
    """An empty temporary folder for the time of a server; those that dead servers of this user left are removed.

    A living server holds a lock on its folder, which goes with its process, however that ends and in whatever
    container. On Windows, which has no locks of folders, nothing but our own is removed.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        if sys.platform == "win32":
            yield path
            return
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):  # some disks of the network have no locks; then none is taken for dead
                held.enter_context(_locked(path))
            for other in path.parent.glob(f"{PREFIX}*"):
                with contextlib.suppress(OSError):
                    _remove_if_left(other)
            yield path


def _remove_if_left(folder: Path) -> None:
    facts = folder.lstat()
    if facts.st_uid == os.getuid() and time.time() - facts.st_mtime > NEW:
        with _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Raises: OSError where another process holds the lock, or it is no folder."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
