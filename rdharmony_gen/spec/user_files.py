# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters and scenes of the user's own, as a recipe holds them: known by the digest of their bytes, not by path."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harmonize_core.errors import InputError

MAX_OBJECTS = 20_000
"""In a .blend."""
MAX_INSTANCES = 50_000
"""Objects that a .blend shows when instances are counted as often as they are seen."""
MAX_TRIANGLES = 2_000_000
"""Of a character."""
MAX_TEXTURE_PX = 8192
"""Longest side of a texture: at 8192 x 8192 one takes 256 MB in memory."""


@dataclass(frozen=True)
class Clip:
    """An action of a rigged character, from its first to its last frame."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Credit:
    """Whose work a file is; empty where its owner has not said."""

    title: str = ""
    author: str = ""
    licence: str = ""
    """SPDX expression, or words."""
    source: str = ""
    """Where it can be found."""


@dataclass(frozen=True)
class UserFile:
    """A file of the user's, checked, with the files that it names."""

    name: str
    """Lower-case letters, digits and single underscores, unique in the recipe."""
    sha256: str
    """Of the file and of the files that it names."""
    files: tuple[str, ...]
    """Textures, buffers, materials and libraries outside of the file, as paths from its folder."""
    path: str = field(compare=False)
    """Where the file is, absolute, for workers to find it; a set goes on when it has moved."""
    credit: Credit = field(default=Credit(), compare=False)
    """May be stated later, too."""

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:8]})"

    def require_unchanged(self) -> None:
        """Raises InputError unless the bytes are those that were planned with."""
        found = digest(Path(self.path), self.files)
        if found != self.sha256:
            raise InputError(
                f"{self.path} (with the files it names) should have the SHA-256 {self.sha256[:12]}... that the set was "
                f"planned with but has {found[:12]}...; put the old file back or make a new set"
            )


@dataclass(frozen=True)
class UserCharacter(UserFile):
    """One file of `--characters`."""

    category: str = "human"
    """A key of `harmonize_core.formats.rdharmony.CATEGORY_FOLDERS`."""
    scale: float = 1.0
    """Metres a unit of the file."""
    yaw_deg: float = 0.0
    """Turn about the vertical, anti-clockwise from above, that makes it face -Y."""
    clips: tuple[Clip, ...] = ()

    @property
    def asset_id(self) -> str:
        """How views name it; packaged assets have no colon."""
        return f"user:{self.name}"


@dataclass(frozen=True)
class UserScene(UserFile):
    """One file of `--scene`."""

    indoor: bool = False
    keep_lights: bool = False
    """Its own lights burn in every style, besides those of the style."""
    characters: str = ""
    """Name of the collection with its characters; empty: subjects are placed on its ground."""


def digest(path: Path, files: Sequence[str]) -> str:
    """SHA-256 over a file and those that it names.

    Raises:
        InputError: one of them cannot be read.
    """
    whole = hashlib.sha256()
    for one in (path, *(path.parent / name for name in files)):
        try:
            with open(one, "rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise InputError(f"{one} could not be read ({error.strerror}); put it back or make a new set") from None
    return whole.hexdigest()
