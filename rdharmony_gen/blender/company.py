# SPDX-License-Identifier: GPL-3.0-or-later
"""The subjects of a view together: who stands beside the first, free, in frame and not in the way, and what is seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rdharmony_gen.blender.framing import Body, Camera, Rays, blot, silhouette, triple, turned
from rdharmony_gen.blender.ground import stands
from rdharmony_gen.blender.stage import Patch, Place
from rdharmony_gen.blender.subjects import Subject

HIDDEN = 0.13
"""Largest share of a subject that the place and other subjects may hide, as measured here; the rule is 15 %."""
TRIES = 24
"""Spots that are drawn for each companion."""


@dataclass(frozen=True)
class Companion:
    """A subject that has no place yet, with its shape and (N, 3) points of its surface around the origin."""

    subject: Subject
    body: Body
    surface: np.ndarray


@dataclass(frozen=True)
class Standing:
    """A subject at its place, with the surface points and the shape that stand there."""

    subject: Subject
    points: np.ndarray
    body: Body


def standing_in_scene(place: Place, camera: Camera, but: str) -> list[Standing]:
    """The people of the user's scene that can be seen, all but the one with this asset id: they are foreground too."""
    others = []
    for character in place.characters:
        points = character.body.points + character.at
        inside = np.all(np.abs(np.nan_to_num(camera.project(points), nan=9.0)) < 1, axis=1)
        if f"scene:{character.name}" == but or not inside.any():
            continue
        subject = Subject(f"scene:{character.name}", xyz=triple(character.at))
        others.append(Standing(subject, points, character.body.placed(character.at, 0.0)))
    return others


@dataclass(frozen=True)
class Gathering:
    """What decides where companions can stand in one candidate view."""

    camera: Camera
    rays: Rays
    patches: Sequence[Patch]
    """Level ground of the place."""
    rng: np.random.Generator
    """Of the spots."""
    indoor: bool
    """People lie on any ground."""
    cropped: bool
    """The frame may cut subjects at the bottom."""

    def joined(self, standing: Sequence[Standing], companions: Sequence[Companion]) -> list[Standing] | str:
        """Those who stand already with all companions placed near the first of them, or why there is no room."""
        together = list(standing)
        for companion in companions:
            for _ in range(TRIES):
                if beside := self._beside(companion, together):
                    together.append(beside)
                    break
            else:
                return "no room for more subjects"
        return together

    def _beside(self, companion: Companion, standing: Sequence[Standing]) -> Standing | None:
        """A companion near the first subject, in frame and not in the way; None if this draw of a place fails."""
        first, body = standing[0], companion.body
        reach = _radius(first.body.points - np.array(first.subject.xyz)) + _radius(body.points)
        angle, away = self.rng.uniform(0, 2 * np.pi), reach + float(self.rng.exponential(0.35 + 0.6 * reach)) + 0.06
        at = np.array(first.subject.xyz) + np.array([np.sin(angle) * away, np.cos(angle) * away, 0.0])
        turn = float(self.rng.normal(0.0, 55.0))
        if not any(p.x0 <= at[0] <= p.x1 and p.y0 <= at[1] <= p.y1 and p.z == at[2] for p in self.patches):
            return None
        yaw = 180.0 - float(np.degrees(np.arctan2(*(self.camera.at - at)[:2]))) + turn
        points = turned(companion.surface, yaw)
        frame = self.camera.project(points + at)
        if np.isnan(frame).any() or np.abs(frame[:, 0]).max() > 0.96 or frame[:, 1].max() > 0.97:
            return None
        if not self.cropped and frame[:, 1].min() < -0.97:
            return None
        mine, distance = blot(frame), float(np.linalg.norm(at - self.camera.at))
        for other in standing:
            free = _radius(other.body.points - np.array(other.subject.xyz)) + _radius(body.points)
            if np.linalg.norm((np.array(other.subject.xyz) - at)[:2]) < free:
                return None
            theirs = blot(self.camera.project(other.points))
            behind = mine if distance > np.linalg.norm(np.array(other.subject.xyz) - self.camera.at) else theirs
            if (mine & theirs).sum() > HIDDEN * behind.sum():
                return None
        if not stands(self.rays, companion.subject, points, at, indoor=self.indoor):
            return None
        hidden = self.rays.hidden(self.camera, points + at)
        if hidden > HIDDEN:
            return None
        subject = replace(companion.subject, xyz=triple(at), yaw_deg=yaw, hidden_estimate=round(hidden, 3))
        return Standing(subject, points + at, body.placed(at, yaw))


def shares(camera: Camera, standing: Sequence[Standing]) -> tuple[tuple[Subject, ...], float] | str:
    """All subjects with their shares of the frame, and the share of all of them; or why this is no picture."""
    near_first = sorted(standing, key=lambda s: float(np.linalg.norm(s.points.mean(axis=0) - camera.at)))
    taken = np.zeros((1, 1), bool)
    measured: dict[int, Subject] = {}
    for one in near_first:
        own = silhouette(camera, one.body)
        if not own.any():
            return "foreground too small"
        hidden = 1.0 - float((own & ~taken).sum() / own.sum())
        hidden = 1.0 - (1.0 - hidden) * (1.0 - one.subject.hidden_estimate)
        if hidden > HIDDEN and len(standing) > 1:
            return "subjects hide one another"
        ratio = round(float((own & ~taken).mean()) * (1.0 - one.subject.hidden_estimate), 4)
        measured[id(one)] = replace(one.subject, fg_ratio_estimate=ratio, hidden_estimate=round(hidden, 3))
        taken = taken | own
    return tuple(measured[id(one)] for one in standing), float(sum(s.fg_ratio_estimate for s in measured.values()))


def _radius(points: np.ndarray) -> float:
    """Metres around the origin that a shape needs on the ground."""
    return float(np.hypot(*np.abs(points[:, :2]).max(axis=0)))
