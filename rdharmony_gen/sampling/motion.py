# SPDX-License-Identifier: GPL-3.0-or-later
"""How the camera and the subject of a clip move: a few drawn numbers, and positions as functions of the frame.

Everything is told relative to the middle frame, where the view is that of a still; so a clip departs from a good
picture by half its length to either side. Distances are metres, angles degrees, +Z up, yaw clockwise from +Y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from rdharmony_gen.spec.clip import FPS

Kind = Literal["pan", "dolly", "arc", "track"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Triple = tuple[float, float, float]
SHARES: dict[str, tuple[float, ...]] = {"walks": (0.15, 0.25, 0.25, 0.35), "stays": (0.25, 0.40, 0.35, 0.0)}
"""How often each kind is drawn."""
HANDHELD = 0.65
"""Share of cameras that a person holds; the others stand on a tripod, a slider or a gimbal."""
CALMER = 0.85
"""A motion that was rejected is drawn again, slower by this each time."""
_SWAY = (
    # axis, largest amount (m or deg), hertz: slow drift of the body, and the faster tremor of the hands
    ("right", 0.008, (0.25, 0.6)),
    ("ahead", 0.006, (0.2, 0.5)),
    ("up", 0.006, (0.4, 0.9)),
    ("yaw", 0.32, (0.2, 0.6)),
    ("pitch", 0.24, (0.25, 0.7)),
    ("right", 0.0012, (1.2, 2.2)),
    ("up", 0.0012, (1.4, 2.4)),
    ("yaw", 0.05, (1.1, 2.1)),
    ("pitch", 0.05, (1.3, 2.3)),
)


@dataclass(frozen=True)
class Pose:
    """Where a camera is and looks."""

    xyz: Triple
    yaw_deg: float
    pitch_deg: float


@dataclass(frozen=True)
class Wave:
    """One part of a hand's unrest: a sine along an axis of the camera."""

    axis: str
    """right, ahead, up (metres) or yaw, pitch (degrees)."""
    amount: float
    hertz: float
    phase: float
    """Radians."""

    def at(self, second: float) -> float:
        return self.amount * float(np.sin(2 * np.pi * self.hertz * second + self.phase))

    @property
    def speed(self) -> float:
        """Largest rate, a second."""
        return 2 * np.pi * self.hertz * self.amount


@dataclass(frozen=True)
class Motion:
    """The motion of one clip.

    Attributes:
        kind: pan turns on the spot, dolly travels, arc goes round the subject, track goes along with it.
        frames: of the clip.
        walk_m_s: east and north, how fast the subject walks; 0 for what stays.
        drift_m_s: of the camera to its right, ahead and up, as it looks in the middle frame.
        pan_deg_s: turn to the right.
        tilt_deg_s: turn upwards.
        arc_deg_s: turn round the subject, clockwise from above.
        follow: share of the subject's walk that the camera makes as well.
        sway: of the hand that holds the camera; empty for none.
    """

    kind: Kind
    frames: int
    walk_m_s: tuple[float, float] = (0.0, 0.0)
    drift_m_s: Triple = (0.0, 0.0, 0.0)
    pan_deg_s: float = 0.0
    tilt_deg_s: float = 0.0
    arc_deg_s: float = 0.0
    follow: float = 0.0
    sway: tuple[Wave, ...] = ()

    @property
    def middle(self) -> int:
        """The frame that is the still."""
        return self.frames // 2

    def second(self, frame: float) -> float:
        """Time of a frame, 0 in the middle one."""
        return (frame - self.middle) / FPS

    def subject(self, at: Triple, frame: float) -> Triple:
        """Where the subject is that stands at `at` in the middle frame."""
        t = self.second(frame)
        return at[0] + self.walk_m_s[0] * t, at[1] + self.walk_m_s[1] * t, at[2]

    def camera(self, pose: Pose, subject_at: Triple, frame: float) -> Pose:
        """Where the camera is.

        Args:
            pose: the middle frame's, without sway.
            subject_at: where the subject is in the middle frame.
            frame: may lie between two.
        """
        t = self.second(frame)
        sway = {axis: sum(w.at(t) for w in self.sway if w.axis == axis) for axis in _AXES}
        turn = self.arc_deg_s * t
        here, middle = np.array(pose.xyz), np.array(subject_at)
        walked = np.array([*self.walk_m_s, 0.0]) * t * self.follow
        xyz = middle + _turned(here - middle, turn) + walked
        drift = [speed * t + sway[axis] for speed, axis in zip(self.drift_m_s, _AXES, strict=False)]
        xyz = xyz + _turned(_along(pose.yaw_deg, *drift), turn)
        yaw = pose.yaw_deg + turn + self.pan_deg_s * t + sway["yaw"]
        x, y, z = (float(v) for v in xyz)
        return Pose((x, y, z), yaw, pose.pitch_deg + self.tilt_deg_s * t + sway["pitch"])

    def fastest_m_s(self, pose: Pose, subject_at: Triple) -> float:
        """The camera is never faster than this."""
        sway = sum(w.speed for w in self.sway if w.axis in _AXES[:3])
        sway_reach = sum(w.amount for w in self.sway if w.axis in _AXES[:3])
        radius = float(np.hypot(*(np.array(pose.xyz) - np.array(subject_at))[:2])) + sway_reach
        radius += float(np.hypot(*self.drift_m_s[:2])) * self.frames / FPS
        drift, walk = float(np.linalg.norm(self.drift_m_s)), float(np.hypot(*self.walk_m_s))
        return drift + self.follow * walk + np.radians(abs(self.arc_deg_s)) * radius + sway

    def fastest_deg_s(self) -> float:
        """The camera never turns faster than this."""
        sway = sum(w.speed for w in self.sway if w.axis in ("yaw", "pitch"))
        return abs(self.arc_deg_s) + abs(self.pan_deg_s) + abs(self.tilt_deg_s) + sway


_AXES = ("right", "ahead", "up", "yaw", "pitch")


def draw_motion(
    rng: np.random.Generator, frames: int, reach_m: float, walk_m_s: tuple[float, float] = (0.0, 0.0), attempt: int = 0
) -> Motion:
    """Draw a motion.

    Args:
        rng: of this decision alone.
        frames: of the clip.
        reach_m: from the camera to the subject: who films an apple moves less than who films a street.
        walk_m_s: east and north, how fast the subject walks.
        attempt: how many draws were rejected before this one; later ones are calmer.
    """
    walk = float(np.hypot(*walk_m_s))
    kind: Kind = KINDS[int(rng.choice(len(KINDS), p=SHARES["walks" if walk else "stays"]))]
    calm = CALMER**attempt
    pace = calm * float(np.clip(reach_m, 0.3, 8.0))

    def some(low: float, high: float) -> float:
        """Between the two, to either side."""
        return round(float(rng.uniform(low, high) * rng.choice((-1.0, 1.0))), 4)

    drift = (some(0.0, 0.015 * pace), some(0.0, 0.015 * pace), 0.0)
    pan, tilt, arc, follow = some(0.0, 0.6 * calm), some(0.0, 0.3 * calm), 0.0, 0.0
    match kind:
        case "pan":
            pan, tilt = some(1.5 * calm, 6.0 * calm), some(0.0, 0.8 * calm)
        case "dolly":
            drift = (some(0.0, 0.06 * pace), some(0.02 * pace, 0.10 * pace), some(0.0, 0.02 * pace))
        case "arc":
            arc, follow = some(3.0 * calm, 12.0 * calm), 1.0
        case "track":
            follow = round(float(rng.uniform(0.8, 1.05)), 4)
    return Motion(kind, frames, walk_m_s, drift, pan, tilt, arc, follow, _sway(rng, min(1.0, reach_m / 2.0)))


def _sway(rng: np.random.Generator, size: float) -> tuple[Wave, ...]:
    """The unrest of a hand, or next to none."""
    steady = float(rng.uniform(0.35, 1.0)) if rng.random() < HANDHELD else 0.08
    waves = []
    for axis, amount, hertz in _SWAY:
        amount = amount * steady * float(rng.uniform(0.5, 1.0)) * (1.0 if axis in ("yaw", "pitch") else size)
        waves.append(
            Wave(axis, round(amount, 6), round(float(rng.uniform(*hertz)), 4), round(float(rng.uniform(0, 6.2832)), 4))
        )
    return tuple(waves)


def _turned(vector: np.ndarray, degrees: float) -> np.ndarray:
    """Turned about +Z, clockwise from above."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([c * vector[0] + s * vector[1], -s * vector[0] + c * vector[1], vector[2]])


def _along(yaw_deg: float, right: float, ahead: float, up: float) -> np.ndarray:
    """A level camera's axes in the world."""
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    return np.array([c * right + s * ahead, -s * right + c * ahead, up])
