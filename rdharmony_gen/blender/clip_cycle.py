# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a rigged person as surfaces over time, in a loop, and how fast who walks so gets along.

The packaged walk is one on the spot. Its speed is that at which the standing foot slides back: walking as fast, the
foot stays where it is on the ground.
"""

import functools
from dataclasses import dataclass

import bpy
import numpy as np

from rdharmony_gen.blender.assets import ASSETS, manifest, vertices
from rdharmony_gen.blender.session import quiet
from rdharmony_gen.spec.clip import FPS

SOLE_M = 0.015
"""What is no higher over the lowest point in two frames in a row is the standing foot."""
SMOOTHED = 7
"""Frames over which the height of the lowest point is averaged: the ground does not shake the walker."""


@dataclass(frozen=True)
class Cycle:
    """Poses of one person who walks on the spot and faces -Y.

    Attributes:
        points: (F, N, 3) metres, vertices of the mesh in each frame of the action, on z = 0.
        period: frames from one round to the next; the first pose follows the last by what is beyond F - 1.
        speed_m_s: of the walk.
    """

    points: np.ndarray
    period: float
    speed_m_s: float

    @staticmethod
    def of(points: np.ndarray) -> "Cycle":
        """From the poses of an action that nearly closes.

        Args:
            points: (F, N, 3) metres, facing -Y.
        """
        steps = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1)
        seam = float(np.linalg.norm(points[0] - points[-1], axis=-1).mean() / steps.mean())
        heights = points[..., 2]
        low = heights.min(axis=1)
        grounded = points.copy()
        grounded[..., 2] -= _smooth(low)[:, None]
        slides = []
        for frame in range(len(points) - 1):
            sole = (heights[frame : frame + 2] < low[frame : frame + 2].min() + SOLE_M).all(axis=0)
            if sole.sum() > 5:
                slides.append(np.median(points[frame + 1, sole, 1] - points[frame, sole, 1]))
        return Cycle(grounded, len(points) - 1 + seam, float(np.median(slides)) * FPS)

    def pose(self, phase: float) -> np.ndarray:
        """Vertices (N, 3) at a phase in frames, any number; between two frames a mixture of both."""
        phase %= self.period
        last = len(self.points) - 1
        if phase >= last:
            before, after, share = self.points[last], self.points[0], (phase - last) / max(self.period - last, 1e-6)
        else:
            before, after, share = self.points[int(phase)], self.points[int(phase) + 1], phase % 1.0
        return (before + np.float32(share) * (after - before)).astype(np.float32)


@functools.lru_cache(maxsize=4)
def cycle_of(asset_id: str) -> Cycle | None:
    """The walk of a packaged person; None for who has none. The session is left as it was."""
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
    return Cycle.of(np.array(poses, np.float32))


def _smooth(values: np.ndarray) -> np.ndarray:
    """A running mean round the loop."""
    reach = SMOOTHED // 2
    return np.mean([np.roll(values, shift) for shift in range(-reach, reach + 1)], axis=0)
