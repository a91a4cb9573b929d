# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters and scenes of the user's own, as a recipe holds them: known by the digest of their bytes, not by path."""

from __future__ import annotations

from dataclasses import dataclass, field

CHARACTER_SUFFIXES = (".blend", ".fbx", ".glb", ".gltf", ".obj")


@dataclass(frozen=True)
class Clip:
    """An action of a rigged character, from its first to its last frame."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class UserCharacter:
    """One file of `--characters`, checked."""

    name: str
    """Lower-case letters, digits and single underscores, unique in the recipe."""
    sha256: str
    """Of the file and of the files that it names (textures, buffers, materials)."""
    category: str
    """A key of `harmonize_core.formats.rdharmony.CATEGORY_FOLDERS`."""
    scale: float
    """Metres a unit of the file."""
    yaw_deg: float
    """Turn about the vertical that makes it face -Y."""
    clips: tuple[Clip, ...] = ()
    path: str = field(default="", compare=False)
    """Where the file was; a set goes on when it has moved."""

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:8]})"

    @property
    def asset_id(self) -> str:
        """How views name it; packaged assets have no colon."""
        return f"user:{self.name}"


@dataclass(frozen=True)
class UserScene:
    """One file of `--scene`, checked."""

    name: str
    """Lower-case letters, digits and single underscores; no kind of place of this program has it."""
    sha256: str
    """Of the file and of the libraries and textures that it names."""
    indoor: bool
    keep_lights: bool
    """Its own lights burn in every style, besides those of the style."""
    characters: str
    """Name of the collection with its characters; empty: subjects are placed on its ground."""
    path: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:8]})"
