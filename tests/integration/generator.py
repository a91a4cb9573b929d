# SPDX-License-Identifier: Apache-2.0
"""The command `rdharmony` in this process, and the bytes of what it made."""

import signal
from pathlib import Path

from rdharmony_gen.cli import main


def run(*arguments: str | Path) -> int:
    """Exit code of the command."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        main([str(a) for a in arguments])
    except SystemExit as leaving:
        return int(leaving.code or 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def content(root: Path) -> dict[str, bytes]:
    """Bytes of everything that belongs to the set."""
    files = [p for p in sorted(root.rglob("*")) if p.is_file() and ".rdharmony" not in p.relative_to(root).parts]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}
