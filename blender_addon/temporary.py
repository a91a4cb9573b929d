# SPDX-License-Identifier: GPL-3.0-or-later
"""Datablocks of ours that live only while something runs: told by a mark, never by a name that an artist may use, too.

The mark is a custom property, so it is in files that are saved meanwhile; what they hold of ours is removed when they
are loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

MARK = "harmonize_temporary"
"""Custom property: what the datablock is there for."""

LIGHTING = ("objects", "lights", "worlds", "images")
KINDS = ("scenes", "collections", *LIGHTING)
"""Kinds of datablocks that are ever marked, users before what they use."""


def mark(block: bpy.types.ID, role: str = "") -> None:
    """Say that a datablock is temporary, and what it is there for."""
    block[MARK] = role


def role_of(block: bpy.types.ID) -> str | None:
    """What a datablock of ours is there for; None where it is not ours."""
    return block.get(MARK)


def find(blocks: Iterable[Any], role: str) -> Any | None:
    """The datablock of ours with this role."""
    return next((block for block in blocks if role_of(block) == role), None)


def remove_leftovers(kinds: Iterable[str] = KINDS) -> None:
    """Remove all temporary datablocks of some kinds."""
    for kind in kinds:
        blocks = getattr(bpy.data, kind)
        for block in [b for b in blocks if role_of(b) is not None and b.library is None]:
            blocks.remove(block)
