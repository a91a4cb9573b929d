# SPDX-License-Identifier: GPL-3.0-or-later
"""What is underfoot: points of a place's patches, whether a subject stands there and whether people lie there."""

import bpy
import numpy as np

from rdharmony_gen.blender.framing import Rays
from rdharmony_gen.blender.stage import Patch
from rdharmony_gen.blender.subjects import Subject

LYING_GROUNDS = ("lawn", "grass", "sand", "beach", "meadow", "rug", "carpet", "mat", "straw", "hay", "towel")
"""People lie indoors, and outdoors where the name of the ground or of its material holds one of these."""
Point = tuple[float, float, float]


def drawn_point(patches: tuple[Patch, ...], rng: np.random.Generator) -> Point:
    """A point of one of the patches, each as likely."""
    return patches[int(rng.integers(len(patches)))].draw(rng)


def soft_share(rays: Rays, patches: tuple[Patch, ...], rng: np.random.Generator) -> float:
    """Share of the patches' ground on which people lie, from 64 points."""
    return float(np.mean([lies_on(rays, drawn_point(patches, rng)) for _ in range(64)])) if patches else 0.0


def stands(rays: Rays, subject: Subject, points: np.ndarray, at: np.ndarray, *, indoor: bool) -> bool:
    """Nothing within the subject's outline, the ground level under it, air around it, and ground of its kind.

    Args:
        rays: against the place.
        subject: who.
        points: (N, 3) its surface around the origin, turned as it will stand.
        at: (3,) the spot, in the world.
        indoor: people lie on any ground.
    """
    extent = np.abs(points[:, :2]).max(axis=0)
    radius, height = float(np.hypot(*extent)), float(points[:, 2].max())
    below, ground = np.array([0.0, 0.0, -1.0]), ""
    for dx, dy in ((0, 0), (0.6, 0), (-0.6, 0), (0, 0.6), (0, -0.6)):
        top = at + np.array([dx * extent[0], dy * extent[1], height + 0.05])
        distance, name = rays.first(top, below, height + 1.0)
        if abs(distance - (height + 0.05)) > 0.04:
            return False
        ground = ground or name
    if subject.pose == "lying" and not indoor and not may_lie(ground):
        return False
    for level in (0.15, 0.5, 0.85):
        origin = at + np.array([0.0, 0.0, level * height])
        for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            heading = np.array([np.cos(angle), np.sin(angle), 0.0])
            if rays.distance(origin, heading, radius + 0.12) < np.inf:
                return False
    return True


def lies_on(rays: Rays, at: Point) -> bool:
    """Whether people lie on the ground at a point of a patch."""
    over = np.array(at) + np.array([0.0, 0.0, 0.3])
    return may_lie(rays.first(over, np.array([0.0, 0.0, -1.0]), 0.6)[1])


def may_lie(ground: str) -> bool:
    """Whether people lie on the object of this name, by its name and those of its materials."""
    thing = bpy.data.objects.get(ground)
    names = [ground, *(s.material.name for s in thing.material_slots if s.material)] if thing else [ground]
    return any(word in name.lower() for name in names for word in LYING_GROUNDS)
