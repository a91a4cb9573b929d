# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of a rigged subject as surfaces over time, and how fast who walks so gets along.

Walks are made on the spot. Their speed is that at which the standing foot slides back: walking as fast, the foot stays
where it is on the ground. An action that closes is a loop; another one goes back and forth, on the spot.
"""

import functools
from dataclasses import dataclass

import bpy
import numpy as np

from rdharmony_gen.blender.assets import ASSETS, manifest, vertices
from rdharmony_gen.blender.chatter import quiet
from rdharmony_gen.blender.subjects import Subject
from rdharmony_gen.blender.user_characters import moving_points
from rdharmony_gen.spec.clip import FPS
from rdharmony_gen.spec.user_files import UserCharacter

SOLE_M = 0.015
"""What is no higher over the lowest point in two frames in a row is the standing foot."""
SMOOTHED = 7
"""Frames over which the height of the lowest point is averaged: the ground does not shake the walker."""
SEAM = 3.0
"""An action is a loop if from its last pose to its first there are no more steps than this."""
SLOWEST_M_S = 0.3
"""Who is slower does not walk."""
LONGEST = 150
"""Frames of an action of the user's that are looked at."""


@dataclass(frozen=True)
class Cycle:
    """Poses of one subject, on the spot.

    Attributes:
        points: (F, N, 3) metres, vertices of the mesh in each frame of the action, on z = 0.
        period: frames from one round to the next; beyond F - 1 the first pose follows the last; 0 for back and forth.
        walk_m_s: (2,) velocity over the ground that keeps the standing foot in place; zeros for who does not walk.
        first: frame of the action that `points` begins with.
    """

    points: np.ndarray
    period: float
    walk_m_s: np.ndarray
    first: int = 0

    @staticmethod
    def of(points: np.ndarray, first: int = 0) -> "Cycle | None":
        """From the poses of an action, (F, N, 3) metres; None where nothing moves."""
        steps = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1)
        if len(points) < 2 or steps.mean() < 1e-5:
            return None
        on_the_spot = points.copy()
        drift = points[..., :2].mean(axis=1)
        trend = np.polyfit(np.arange(len(points)), drift, 1)[0]
        if np.hypot(*trend) * FPS >= SLOWEST_M_S:  # an action that walks away
            on_the_spot[..., :2] -= (np.arange(len(points))[:, None] * trend)[:, None]
        seam = float(np.linalg.norm(on_the_spot[0] - on_the_spot[-1], axis=-1).mean() / steps.mean())
        closes = seam <= SEAM
        heights = points[..., 2]
        low = heights.min(axis=1)
        slides = []
        for frame in range(len(points) - 1):
            sole = (heights[frame : frame + 2] < low[frame : frame + 2].min() + SOLE_M).all(axis=0)
            if sole.sum() > 5:
                slides.append(np.median(np.diff(on_the_spot[frame : frame + 2, sole, :2], axis=0)[0], axis=0))
        walk = -np.median(slides, axis=0) * FPS if slides and closes else np.zeros(2)
        on_the_spot[..., 2] -= _smooth(low, loop=closes)[:, None]
        walk = walk if np.hypot(*walk) >= SLOWEST_M_S else np.zeros(2)
        return Cycle(on_the_spot.astype(np.float32), len(points) - 1 + seam if closes else 0.0, walk, first)

    def pose(self, frame: float) -> np.ndarray:
        """Vertices (N, 3) at a frame of the action, any number; between two frames a mixture of both."""
        phase, last = frame - self.first, len(self.points) - 1
        phase = phase % self.period if self.period else last - abs(phase % (2 * last) - last)
        if phase >= last:
            before, after = self.points[last], self.points[0]
            share = (phase - last) / max(self.period - last, 1e-6) if self.period else 0.0
        else:
            before, after, share = self.points[int(phase)], self.points[int(phase) + 1], phase % 1.0
        return (before + np.float32(share) * (after - before)).astype(np.float32)


def cycle_of(subject: Subject, characters: tuple[UserCharacter, ...]) -> Cycle | None:
    """The action of a subject; None for who has none. The session is left as it was.

    Args:
        subject: as drawn.
        characters: of the user's own.
    """
    own = next((c for c in characters if c.asset_id == subject.asset_id), None)
    if own is None:
        return _packaged(subject.asset_id)
    return _own(own, subject.clip, subject.frame) if subject.clip else None


@functools.lru_cache(maxsize=4)
def _own(character: UserCharacter, clip: str, frame: int) -> Cycle | None:
    action = next(c for c in character.clips if c.name == clip)
    first = max(action.first, min(frame - LONGEST // 2, action.last - LONGEST))
    frames = range(first, min(action.last, first + LONGEST) + 1)
    return Cycle.of(moving_points(character, clip, frames), first)


@functools.lru_cache(maxsize=4)
def _packaged(asset_id: str) -> Cycle | None:
    entry = manifest().get(asset_id)
    if not entry or not entry["rigged"]:
        return None
    kinds = ("objects", "meshes", "materials", "images", "actions", "armatures")
    before = {kind: set(getattr(bpy.data, kind)) for kind in kinds}
    now = bpy.context.scene.frame_current
    with quiet():
        bpy.ops.import_scene.gltf(filepath=str(ASSETS / entry["file"]))
    new = {kind: [x for x in getattr(bpy.data, kind) if x not in before[kind]] for kind in kinds}
    (body,) = (o for o in new["objects"] if o.type == "MESH" and not o.name.startswith("Icosphere"))
    first, last = (round(v) for v in new["actions"][0].frame_range)
    poses = []
    for frame in range(first, last + 1):
        bpy.context.scene.frame_set(frame)
        posed = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
        place = np.array(posed.matrix_world)
        poses.append(vertices(posed.to_mesh()) @ place[:3, :3].T + place[:3, 3])
        posed.to_mesh_clear()
    for kind in kinds:
        for thing in new[kind]:
            getattr(bpy.data, kind).remove(thing)
    bpy.context.scene.frame_set(now)
    return Cycle.of(np.array(poses, np.float32), first)


def _smooth(values: np.ndarray, *, loop: bool) -> np.ndarray:
    """A running mean, round the loop or with the ends held."""
    reach = SMOOTHED // 2
    padded = np.pad(values, reach, mode="wrap" if loop else "edge")
    return np.convolve(padded, np.full(SMOOTHED, 1 / SMOOTHED), mode="valid")
