# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what is printed during a job goes: Blender's C code writes to descriptors 1 and 2, past Python's streams."""

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path

_log = os.devnull
"""Of the job at work."""


@contextlib.contextmanager
def logged(log: Path) -> Generator[None]:
    """Add everything that is printed meanwhile, by Python or by C code, to a file.

    Raises:
        OSError: the file cannot be written; nothing is redirected.
    """
    global _log
    log.parent.mkdir(parents=True, exist_ok=True)
    with _redirected(str(log)):
        before, _log = _log, str(log)
        try:
            yield
        finally:
            _log = before


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Send what Blender's C code prints (progress, importer chatter) to the log of the job, if there is one."""
    with _redirected(_log):
        yield


@contextlib.contextmanager
def _redirected(path: str) -> Generator[None]:
    sink = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for handle in (*saved, sink):
            os.close(handle)
