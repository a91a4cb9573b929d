# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found when a set was last validated, for as long as no file of it has changed since.

A file counts as unchanged while name, size and both its times (of content and of metadata) are. Decay of a disk is
not seen that way: `rdharmony validate` opens every file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import HarmonizeError
from harmonize_core.formats.images import write_text
from rdharmony_gen.run.environment import versions
from rdharmony_gen.spec.codec import decode, encode
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.validate.dataset import Validation, validate
from rdharmony_gen.validate.exported import is_exported, validate_exported

NAME = "validation.json"


@dataclass(frozen=True)
class _Remembered:
    fingerprint: str
    validation: Validation


def validate_and_remember(root: Path, *, quiet: bool = True) -> Validation:
    """`validate`, and keep what it found in the set's `.rdharmony/` if that can be written.

    Raises:
        InputError, ConfigError, DatasetError: as `validate`.
    """
    layout = SetLayout(Path(root))
    before = fingerprint(layout)  # a file that changes from here on counts as changed
    look = validate_exported if is_exported(layout.root) else validate
    found = look(layout.root, quiet=quiet)
    with contextlib.suppress(HarmonizeError, OSError):
        write_text(layout.state / NAME, encode(_Remembered(before, found)))
    return found


def recall_or_validate(root: Path, *, quiet: bool = True) -> tuple[Validation, bool]:
    """What is wrong with a set, and whether that was known already.

    Raises:
        InputError, ConfigError, DatasetError: as `validate`.
    """
    layout = SetLayout(Path(root))
    try:
        known = decode(layout.state / NAME, _Remembered)
    except HarmonizeError:
        known = None
    if known and known.fingerprint == fingerprint(layout):
        return known.validation, True
    return validate_and_remember(root, quiet=quiet), False


def fingerprint(layout: SetLayout) -> str:
    """Digest over names, sizes and times of all files of a set but its report and its state, and over the version.

    Links are not followed. Thousands of files a second.
    """
    whole = hashlib.sha256(versions().get("rdharmony", "unknown").encode())
    apart = {os.fspath(layout.report), os.fspath(layout.state)}
    todo = [os.fspath(layout.root)]
    while todo:
        folder = todo.pop()
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if entry.path in apart:
                    continue
                facts = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                    times = (0, 0, 0)
                else:
                    times = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
                name = os.path.relpath(entry.path, layout.root)
                whole.update(f"{name}\0{facts.st_mode}\0{times}\0".encode(errors="surrogateescape"))
    return whole.hexdigest()
