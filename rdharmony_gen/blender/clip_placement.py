# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a view can move: a drawn motion is kept when the whole clip is as good as the still in its middle.

At several frames the subject is in frame, in view and of a fair size; its way and the camera's are free.
"""

import itertools
from collections.abc import Callable

import numpy as np

from rdharmony_gen.blender.clip_cycle import Cycle
from rdharmony_gen.blender.framing import Camera, Rays, triple, turned
from rdharmony_gen.blender.subjects import Subject
from rdharmony_gen.sampling.motion import Motion, Pose, Triple, draw_motion

TRIES = 6
"""Motions that are tried with one standpoint."""
STRIDE_M = 0.3
"""Between the spots on the way that are looked at."""
ELBOW_M = 0.15
"""Free air around the camera, or less where it is close to a small subject."""

Stands = Callable[[np.ndarray], bool]
Fault = Callable[[Camera, np.ndarray], str]


def find_motion(
    rng: np.random.Generator,
    frames: int,
    subject: Subject,
    cycle: Cycle | None,
    camera: Camera,
    points: np.ndarray,
    rays: Rays,
    stands: Stands,
    fault: Fault,
) -> Motion | str:
    """A motion for the view, or why none was found.

    Args:
        rng: of motions alone.
        frames: of the clip.
        subject: as it stands in the middle frame.
        cycle: its action, if it has one.
        camera: of the middle frame.
        points: (N, 3) surface of the subject there, in the world.
        rays: against the place.
        stands: whether the subject can stand at a spot.
        fault: what is wrong with a camera's picture of the subject at given points; nothing if all is well.
    """
    walk = _walk(subject, cycle)
    if any(walk) and not _way_is_free(subject.xyz, Motion("pan", frames, walk), stands):
        return "no free way to walk"
    pose = Pose(triple(camera.at), float(np.degrees(camera.yaw)), float(np.degrees(camera.pitch)))
    reach = float(np.linalg.norm(np.array(subject.xyz) - camera.at))
    found = ""
    for attempt in range(TRIES):
        motion = draw_motion(rng, frames, reach, walk, attempt)
        found = _first_fault(motion, pose, subject.xyz, camera.half, points, fault)
        if not found and not _flight_is_free(rays, motion, pose, subject.xyz, min(ELBOW_M, 0.2 * reach)):
            found = "camera runs into something"
        if not found:
            return motion
    return f"in motion: {found}"


def _walk(subject: Subject, cycle: Cycle | None) -> tuple[float, float]:
    """East and north, metres a second; (0, 0) for who does not walk."""
    if cycle is None:
        return 0.0, 0.0
    east, north, _ = turned(np.array([[*cycle.walk_m_s, 0.0]]), subject.yaw_deg)[0]
    return round(float(east), 5), round(float(north), 5)


def _way_is_free(at: Triple, motion: Motion, stands: Stands) -> bool:
    length = float(np.hypot(*motion.walk_m_s)) * (motion.second(motion.frames - 1) - motion.second(0))
    spots = np.linspace(0, motion.frames - 1, max(3, int(np.ceil(length / STRIDE_M)) + 1))
    return all(stands(np.array(motion.subject(at, frame))) for frame in spots)


def _first_fault(
    motion: Motion, pose: Pose, at: Triple, half: tuple[float, float], points: np.ndarray, fault: Fault
) -> str:
    """What is wrong with one of five frames; nothing if all is well."""
    last = motion.frames - 1
    for frame in sorted({0, last // 4, motion.middle, 3 * last // 4, last}):
        seen = motion.camera(pose, at, frame)
        camera = Camera(np.array(seen.xyz), float(np.radians(seen.yaw_deg)), float(np.radians(seen.pitch_deg)), half)
        if found := fault(camera, points + (np.array(motion.subject(at, frame)) - np.array(at))):
            return found
    return ""


def _flight_is_free(rays: Rays, motion: Motion, pose: Pose, at: Triple, elbow: float) -> bool:
    """Nothing on the camera's way, nor close beside it."""
    frames = np.linspace(0, motion.frames - 1, motion.frames // 4 + 2)
    spots = [np.array(motion.camera(pose, at, frame).xyz) for frame in frames]
    for here, there in itertools.pairwise(spots):
        length = float(np.linalg.norm(there - here))
        if length > 1e-6 and rays.distance(here, there - here, length + elbow) < np.inf:
            return False
    sides = [sign * axis for axis in np.eye(3) for sign in (1.0, -1.0)]
    return all(rays.distance(spot, side, elbow) == np.inf for spot in spots for side in sides)
