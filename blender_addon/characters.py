# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""A look for each character: every child collection of the characters is rendered, estimated and graded by itself.

Each gets a view layer in which the others cut holes, so that soft edges between them are nobody's mixture: their
coverages and premultiplied colours add up to the picture of all (`harmonize_core.runtime.parts`).
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import bpy
from bpy.props import BoolProperty, FloatProperty, PointerProperty

PREFIX = "character_"
"""Start of the layer names of single characters."""


@dataclass(frozen=True)
class CastPart:
    """Objects that share one look."""

    layer: str
    """Name of their view layer and start of its file names."""
    collection: str
    """Name of the collection they come from."""
    objects: tuple[bpy.types.Object, ...]


class HarmonizeCharacters(bpy.types.PropertyGroup):
    """`scene.harmonize_characters`: whether characters have looks of their own."""

    separate: BoolProperty(
        name="A Look for Each",
        options=set(),
        description="Every collection inside the characters' collection is a character with a look of its own; "
        "each is rendered by itself, with the others cut out",
    )


class HarmonizeCharacter(bpy.types.PropertyGroup):
    """`collection.harmonize_character`: what is said of one character."""

    strength: FloatProperty(
        name="Strength",
        default=1.0,
        min=0.0,
        max=2.0,
        soft_max=1.0,
        subtype="FACTOR",
        description="How strongly this character is matched, times the strength of the shot",
    )


def split(
    collection: bpy.types.Collection,
    objects: Sequence[bpy.types.Object],
    shown: Callable[[bpy.types.Object], bool],
) -> tuple[CastPart, ...]:
    """The characters of a collection: one for each child collection, and one of what lies beside them.

    Args:
        collection: that holds them.
        objects: those of it that are rendered; each goes to the first child that holds it.
        shown: whether a render can show an object at all; a part needs one, and lights go with the first part.

    Returns:
        Nothing where there are fewer than two.
    """
    left = dict.fromkeys(objects)
    found: list[tuple[str, list[bpy.types.Object]]] = []
    for child in collection.children:
        members = [o for o in child.all_objects if o in left]
        if any(shown(o) for o in members):
            found.append((child.name, members))
            for thing in members:
                left.pop(thing, None)
    if any(shown(o) for o in left):
        found.append((collection.name, list(left)))
    elif found:
        found[0][1].extend(left)
    if len(found) < 2:
        return ()
    taken: set[str] = set()
    return tuple(CastPart(_file_stem(name, taken), name, tuple(members)) for name, members in found)


def object_names(objects: Iterable[bpy.types.Object]) -> tuple[str, ...]:
    """Patterns of the names that a Cryptomatte has for objects, and for those that they are instances of."""
    own = list(objects)
    inside = [o.instance_collection for o in own if o.instance_type == "COLLECTION" and o.instance_collection]
    return tuple(sorted(glob.escape(o.name) for o in {*own, *(o for c in inside for o in c.all_objects)}))


def strength_of(collection: str) -> float:
    """What is said of the character in a collection, 1 where it is gone."""
    found = bpy.data.collections.get(collection)
    return found.harmonize_character.strength if found else 1.0


def _file_stem(name: str, taken: set[str]) -> str:
    cleaned = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).lower()[:24]
    stem, count = f"{PREFIX}{cleaned}", 1
    while stem in taken:
        count += 1
        stem = f"{PREFIX}{cleaned}_{count}"
    taken.add(stem)
    return stem


CLASSES = (
    HarmonizeCharacters,
    HarmonizeCharacter,
)


def register() -> None:
    """Hang the settings on scenes and collections."""
    bpy.types.Scene.harmonize_characters = PointerProperty(type=HarmonizeCharacters)
    bpy.types.Collection.harmonize_character = PointerProperty(type=HarmonizeCharacter)


def unregister() -> None:
    """Take them away again; what files hold stays in them."""
    del bpy.types.Collection.harmonize_character
    del bpy.types.Scene.harmonize_characters
