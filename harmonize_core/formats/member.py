# SPDX-License-Identifier: Apache-2.0
"""A picture inside a tar archive: read in place by its offset, with as much of a `Path` as readers of pictures use."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harmonize_core.errors import InputError


@dataclass(frozen=True)
class Member:
    """A regular file of an uncompressed tar archive; nothing is ever unpacked to a name that the archive chooses."""

    archive: Path
    name: str
    """Name in the archive."""
    offset: int
    """Where its content begins, in bytes."""
    size: int

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    def exists(self) -> bool:
        return self.archive.is_file()

    def is_file(self) -> bool:
        return self.exists()

    def is_dir(self) -> bool:
        return False

    def relative_to(self, root: Path) -> PurePosixPath:
        """`<archive below root>/<name>`, as one name of a picture of that set."""
        return PurePosixPath(self.archive.relative_to(root).as_posix()) / self.name

    def read_bytes(self) -> bytes:
        """The content.

        Raises:
            InputError: the archive was cut off or replaced by a shorter one.
        """
        with open(self.archive, "rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        if len(data) != self.size:
            raise InputError(f"{self} is cut off; copy {self.archive} again")
        return data

    def open(self, mode: str = "rb") -> io.BytesIO:
        """The content as a file; for reading only."""
        if mode != "rb":
            raise ValueError(f"a member of an archive opens for reading bytes only, not {mode!r}")
        return io.BytesIO(self.read_bytes())

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


ImageFile = Path | Member
"""Where a picture lies."""
