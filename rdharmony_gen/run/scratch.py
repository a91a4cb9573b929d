# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary folders of worker processes: each in one place of ours, gone when its process is, however that ended.

Blender leaves a `blender_*` folder in the system's temporary folder when it is killed; inside ours it is swept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from harmonize_core.errors import OutputError
from harmonize_core.formats.lock import exclusive, is_locked, try_lock

PATIENCE_S = 30.0
"""How long to wait for another process that makes or sweeps folders."""


def root() -> Path:
    """The folder of this user in the system's temporary folder that holds the folders of all workers."""
    return Path(os.environ.get("RDHARMONY_TMP") or Path(tempfile.gettempdir()) / f"rdharmony-{_user()}")


def enter() -> Path:
    """Make a folder for this process, send all temporary files of it and of Blender there, and sweep what others left.

    The folder is held by a kernel lock while the process lives. It stands in for the system's own where none of ours
    can be made.
    """
    try:
        base = root()
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(base):
            raise PermissionError(base)
        with exclusive(base / "lock", base, PATIENCE_S):
            _remove_unlocked(base)
            own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
            try_lock(os.open(own / "lock", os.O_RDWR | os.O_CREAT, 0o600))
    except (OSError, OutputError):
        return Path(tempfile.gettempdir())
    os.environ.update(TMPDIR=str(own), TMP=str(own), TEMP=str(own), RDHARMONY_TMP=str(base))
    tempfile.tempdir = str(own)
    return own


def leave(own: Path) -> None:
    """Remove the folder of this process."""
    if own.parent == root():
        shutil.rmtree(own, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of processes that were killed."""
    if root().is_dir() and _is_ours(root()):
        with contextlib.suppress(OSError, OutputError), exclusive(root() / "lock", root(), PATIENCE_S):
            _remove_unlocked(root())


def _remove_unlocked(base: Path) -> None:
    """Only for the holder of the lock of all: nobody is between making a folder and locking it."""
    for folder in base.iterdir():
        if folder.is_dir() and is_locked(folder / "lock") is not True:
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """A real folder of this user, not a trap that somebody laid in a folder that all may write to."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
