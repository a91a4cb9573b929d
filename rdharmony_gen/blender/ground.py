# SPDX-License-Identifier: GPL-3.0-or-later
"""What is underfoot: points of a place's patches, and whether people lie there."""

import bpy
import numpy as np

from rdharmony_gen.blender.framing import Rays
from rdharmony_gen.blender.stage import Patch

LYING_GROUNDS = ("lawn", "grass", "sand", "beach", "meadow", "rug", "carpet", "mat", "straw", "hay", "towel")
"""People lie indoors, and outdoors where the name of the ground or of its material holds one of these."""
Point = tuple[float, float, float]


def drawn_point(patches: tuple[Patch, ...], rng: np.random.Generator) -> Point:
    """A point of one of the patches, each as likely."""
    return patches[int(rng.integers(len(patches)))].draw(rng)


def soft_share(rays: Rays, patches: tuple[Patch, ...], rng: np.random.Generator) -> float:
    """Share of the patches' ground on which people lie, from 64 points."""
    return float(np.mean([lies_on(rays, drawn_point(patches, rng)) for _ in range(64)])) if patches else 0.0


def lies_on(rays: Rays, at: Point) -> bool:
    """Whether people lie on the ground at a point of a patch."""
    over = np.array(at) + np.array([0.0, 0.0, 0.3])
    return may_lie(rays.first(over, np.array([0.0, 0.0, -1.0]), 0.6)[1])


def may_lie(ground: str) -> bool:
    """Whether people lie on the object of this name, by its name and those of its materials."""
    thing = bpy.data.objects.get(ground)
    names = [ground, *(s.material.name for s in thing.material_slots if s.material)] if thing else [ground]
    return any(word in name.lower() for name in names for word in LYING_GROUNDS)
