# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the subjects stand and from where they are seen: seeded rejection with rays against the built place.

A candidate is kept when every subject stands free, in frame and in view and the foreground fills a good share of the
picture; the best of a few by light and background is taken. A seed that finds none is followed by the next sub-seed.
Nothing depends on Blender's state but the place itself.
"""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from harmonize_core.errors import HarmonizeError
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.clip_cycle import cycle_of
from rdharmony_gen.blender.clip_placement import find_motion
from rdharmony_gen.blender.company import HIDDEN, Companion, Gathering, Standing, shares, standing_in_scene
from rdharmony_gen.blender.framing import (
    Camera,
    FixedCamera,
    Rays,
    SceneCharacter,
    aim,
    in_frame,
    looks_clear,
    share,
    triple,
    turned,
)
from rdharmony_gen.blender.ground import drawn_point, lies_on, soft_share, stands
from rdharmony_gen.blender.merit import lamps_matter, light_of_lamps, merit
from rdharmony_gen.blender.stage import Patch, Place, Stage
from rdharmony_gen.blender.subjects import (
    SMALL,
    VEHICLES,
    Subject,
    body_of,
    draw_subject,
    own_characters,
)
from rdharmony_gen.sampling.motion import Motion
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import scenes_for

SENSOR_MM = 36.0
LENS_MM = (24.0, 85.0)
FG_RATIO = (0.03, 0.43)
"""Share of the frame that a kept view's foreground may take by its silhouette. Rendered, it takes 0.69 to 0.98 of that
(66 views); the set's own limits are `records.FG_RATIO`, and a view that misses them after all is drawn again."""
MISSED = "rendered foreground too small or too large"
WANTED = (0.03, 0.36)
"""Between these the share that a view aims at is drawn, evenly in its logarithm."""
FLAT_M = 0.05
"""Height up to which a thing is looked at from above."""
CLOSE_FACES = {"human_boy_01_standing": 0.14}
"""Assets that do not stand being looked at closely, with the largest share of the frame they may take."""
FILLED = 0.93
"""How far towards the edge of the frame something small, or somebody who lies, may reach."""
CANDIDATES, ATTEMPTS, REDRAWS = 8, 400, 6
LAMP_DRAWS = 4
"""Of so many points the one nearest to lamps is tried where a style lights them: else a night shows a dark figure."""
LAMP_LIT_SHARE, LAMP_SIDE_RAD, DIM_LAMP = 0.6, 0.9, 0.08
"""How many views look along the light of a lamp, how far off it (standard deviation), and which lamps are too weak."""
CHEST_M = np.array([0.0, 0.0, 1.2])
MOSTLY = 0.6
"""Share of soft ground from which on companions may lie: they are placed near the first subject, wherever that is."""


class PlacementError(HarmonizeError):
    """No place was found where the subject can be seen."""


@dataclass(frozen=True)
class View:
    """A camera and the subjects before it.

    Attributes:
        subjects: the first is the one that the camera was aimed at.
        camera_xyz: metres.
        camera_yaw_deg: compass direction it looks to, clockwise from +Y.
        camera_pitch_deg: upwards positive.
        focal_mm: on a 36 mm wide sensor along the longer side.
        fg_ratio_estimate: share of the frame that the subjects take, from coarse silhouettes.
        cropped: the frame cuts the first subject at the bottom on purpose.
        redraws: how many sub-seeds found nothing before this one.
        rejects: why candidates were turned down on the way: reason and how often.
    """

    subjects: tuple[Subject, ...]
    camera_xyz: tuple[float, float, float]
    camera_yaw_deg: float
    camera_pitch_deg: float
    focal_mm: float
    fg_ratio_estimate: float
    cropped: bool
    redraws: int = 0
    rejects: tuple[tuple[str, int], ...] = ()
    motion: Motion | None = None
    """Of a clip; the view is its middle frame."""

    def facts(self) -> dict[str, Any]:
        """As `view.json` holds it; the first subject once more under keys of its own."""
        first = self.subjects[0]
        facts = {name: value for name, value in asdict(self).items() if name != "motion" or value}
        return {
            **facts,
            "rejects": dict(self.rejects),
            "asset_id": first.asset_id,
            "frame": first.frame,
            "subject_xyz": first.xyz,
            "subject_yaw_deg": first.yaw_deg,
        }


def find_view(stage: Stage, place: Place, job: RenderJob, library: AssetLibrary, first: int = 0) -> View:
    """Choose subjects, standpoints and camera of a job in a built place.

    Args:
        stage: the place's root of chance.
        place: what it offers.
        job: what to look for.
        library: of the subjects.
        first: the sub-seed to begin with; the views of those before it were rendered and missed the set's limits.

    Raises:
        PlacementError: no candidate of any sub-seed passes; another seed or variation will do.
        UnknownName: no asset has this category.
    """
    patches = place.tops if job.category in SMALL else place.drive if job.category in VEHICLES else place.stand
    fits = job.user_scene is not None or job.scene in scenes_for(job.category)
    if not place.characters and not (patches and fits):
        draw_subject(job, stage.rng("view"))  # an unknown category is the better reason
        raise PlacementError(
            f"{job.job_id}: the scene {stage.kind} has no place for a {job.category}; choose another scene"
        )
    rejects: Counter[str] = Counter({MISSED: first} if first else {})
    rays, used = Rays(), list(library.used)
    soft = soft_share(rays, patches, stage.rng("soft ground")) if job.category == "human" and not place.indoor else 1.0
    people = len(own_characters(job)) if job.category == "human" else 0  # nobody is seen twice
    for redraw in range(first, REDRAWS):
        rng = stage.rng("view", job.category, job.view, *([redraw] if redraw else []))
        crowd = max(1, job.subjects - redraw // 2)  # a narrow place shows fewer rather than none
        crowd = min(crowd, people or crowd)
        search = _Search(stage, place, job, library, rays, rng, rejects, patches, crowd, soft, redraw)
        if first and place.characters:
            search.fixed = None  # the file's camera would show the same again
        view = search.best()
        library.used[:] = used  # what was only tried is not in the picture
        if view:
            return replace(view, redraws=redraw, rejects=tuple(sorted(rejects.items())))
    common = ", ".join(f"{reason} ({count}x)" for reason, count in rejects.most_common(3))
    raise PlacementError(
        f"{job.job_id}: no free and visible place for a {job.category} was found in {stage.kind} "
        f"after {REDRAWS} seeds: {common}; use another seed"
    )


class _Search:
    """The candidates of one sub-seed."""

    def __init__(
        self,
        stage: Stage,
        place: Place,
        job: RenderJob,
        library: AssetLibrary,
        rays: Rays,
        rng: np.random.Generator,
        rejects: Counter[str],
        patches: tuple[Patch, ...],
        crowd: int,
        soft: float,
        redraw: int,
    ) -> None:
        self.stage, self.place, self.job, self.library = stage, place, job, library
        self.rays, self.rng, self.rejects, self.patches, self.crowd = rays, rng, rejects, patches, crowd
        self.motions = stage.rng("motion", job.category, job.view)
        self.fixed: FixedCamera | None = None
        self.own: frozenset[str] = frozenset()
        self.company: list[Companion] = []
        if place.characters:
            self._aim_at_character(place.characters)
        else:
            around = [Subject(name) for name in library.used]  # who and what the place shows already
            self.drawn = draw_subject(job, rng, beside=around, lying=soft > 0, redraw=redraw)
            self.body = body_of(self.drawn, library)
            for _ in range(crowd - 1):
                beside = [*around, self.drawn, *(other.subject for other in self.company)]
                another = draw_subject(job, rng, beside=beside, lying=soft > MOSTLY)
                body = body_of(another, library)
                self.company.append(Companion(another, body, body.surface(6_000, rng)))
            if place.cameras:
                self.fixed = place.cameras[job.view % len(place.cameras)]
        self.surface = self.body.surface(14_000, rng)
        self.wanted = float(np.exp(rng.uniform(*np.log(WANTED))))
        self.largest = min(FG_RATIO[1], CLOSE_FACES.get(self.drawn.asset_id, 1.0))

    def _aim_at_character(self, characters: tuple[SceneCharacter, ...]) -> None:
        """Look at one of the people of the user's scene; its own cameras are used once each, then cameras are drawn."""
        view = self.job.view
        chosen = characters[view % len(characters)]
        self.drawn = Subject(f"scene:{chosen.name}", xyz=triple(chosen.at))
        self.body = chosen.body
        self.own = chosen.objects
        if view < len(self.place.cameras):
            self.fixed = self.place.cameras[view]

    def best(self) -> View | None:
        """The best of the first few candidates that pass."""
        found: list[tuple[float, View]] = []
        for attempt in range(ATTEMPTS):
            if len(found) >= CANDIDATES or (found and attempt > ATTEMPTS // 2):
                break
            if self.place.characters and self.fixed and attempt:  # nothing to draw: try with a camera of ours
                if found:
                    break
                self.fixed = None
            if attempt % 80 == 79:
                self.wanted = max(1.3 * FG_RATIO[0], self.wanted * 0.75)
            outcome = self._candidate()
            if isinstance(outcome, str):
                self.rejects[outcome] += 1
            else:
                found.append(outcome)
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _candidate(self) -> tuple[float, View] | str:
        """A scored view, or why there is none."""
        rng, job = self.rng, self.job
        longest = max(job.width, job.height)
        focal = self.fixed.focal_mm if self.fixed else float(np.exp(rng.uniform(*np.log(LENS_MM))))
        half = (SENSOR_MM / 2 / focal * job.width / longest, SENSOR_MM / 2 / focal * job.height / longest)
        at = np.array(self.drawn.xyz if self.place.characters else self._draw_patch())
        heading = self._heading(at)
        facing = float(rng.normal(0.0, 80.0 if job.clip and self.drawn.frame else 45.0))  # people walk by, too
        if self.drawn.pose == "lying":  # seen from the side rather than from one end
            facing = 0.4 * facing + (70.0 if facing > 0 else -70.0)
        yaw = 0.0 if self.place.characters else 180.0 - np.degrees(heading) + facing  # a model faces -Y: to the camera
        points = turned(self.surface, yaw)
        if not self.place.characters and not stands(self.rays, self.drawn, points, at, indoor=self.place.indoor):
            return "no free ground"
        solved = self._solve(points, at, heading, half)
        if isinstance(solved, str):
            return solved
        camera, cropped = solved
        body = self.body.placed(at, yaw)
        hidden = self._hidden_or_fault(camera, points + at, cropped)
        if isinstance(hidden, str):
            return hidden
        subject = replace(self.drawn, xyz=triple(at), yaw_deg=yaw, hidden_estimate=round(hidden, 3))
        together = self._together(camera, Standing(subject, points + at, body), cropped)
        if isinstance(together, str):
            return together
        subjects, ratio = together
        if not FG_RATIO[0] <= ratio:
            return "foreground too small"
        if ratio > (self.largest if len(subjects) == 1 else FG_RATIO[1]):
            return "foreground too large"
        motion = self._motion(subject, camera, points + at, cropped) if job.clip else None
        if isinstance(motion, str):
            return motion
        chest = at + np.array([0.0, 0.0, 0.7 * self.body.height])
        score = merit(self.rays, camera, chest, self.stage, self.place, job) + 0.3 * rng.random()
        pitch, yaw_deg = float(np.degrees(camera.pitch)), float(np.degrees(camera.yaw) % 360)
        xyz, ratio = triple(camera.at), round(ratio, 4)
        return score, View(subjects, xyz, yaw_deg, pitch, focal, ratio, cropped, motion=motion)

    def _together(self, camera: Camera, first: Standing, cropped: bool) -> tuple[tuple[Subject, ...], float] | str:
        """All subjects of the view with their shares of the frame, and the share of all of them; or why not."""
        others = standing_in_scene(self.place, camera, self.drawn.asset_id)
        gathering = Gathering(camera, self.rays, self.patches, self.rng, self.place.indoor, cropped)
        standing = gathering.joined([first, *others], self.company)
        return standing if isinstance(standing, str) else shares(camera, standing)

    def _hidden_or_fault(self, camera: Camera, points: np.ndarray, cropped: bool) -> float | str:
        """The hidden share of a subject whose surface is at `points`, or why this is no picture."""
        if not self.fixed and not _in_room(camera.at, self.place):
            return "camera outside the place"
        if not in_frame(camera, points, cropped, steep=self.job.category in SMALL or self.body.height < 1.1):
            return "subject cut by the frame"
        if not self.fixed and not looks_clear(self.rays, camera, points, indoor=self.place.indoor):
            return "something before the lens"
        hidden = self.rays.hidden(camera, points, self.own)
        return "subject hidden" if hidden > HIDDEN else hidden

    def _motion(self, subject: Subject, camera: Camera, points: np.ndarray, cropped: bool) -> Motion | str:
        """How a clip moves through this view, or why it cannot."""
        assert self.job.clip is not None
        spot = np.array(subject.xyz)

        def free(at: np.ndarray) -> bool:
            return stands(self.rays, subject, points - spot, at, indoor=self.place.indoor)

        def fault(camera: Camera, points: np.ndarray) -> str:
            hidden = self._hidden_or_fault(camera, points, cropped)
            if isinstance(hidden, str):
                return hidden
            size = share(camera.project(points))
            return "" if 1.05 * FG_RATIO[0] < size < self.largest else "foreground too small or too large"

        cycle = cycle_of(subject, self.job.characters)
        frames = self.job.clip.frames
        return find_motion(self.motions, frames, subject, cycle, camera, points, self.rays, free, fault)

    def _draw_patch(self) -> tuple[float, float, float]:
        """A point of a patch; for somebody who lies, one on which people do."""
        at = drawn_point(self.patches, self.rng)
        if not self.place.indoor and lamps_matter(self.stage, self.job):
            others = [at, *(drawn_point(self.patches, self.rng) for _ in range(LAMP_DRAWS - 1))]
            at = max(others, key=lambda p: min(1.0, float(light_of_lamps(self.stage, np.array(p) + CHEST_M).sum())))
        for _ in range(40 if self.drawn.pose == "lying" and not self.place.indoor else 0):
            if lies_on(self.rays, at):
                break
            at = drawn_point(self.patches, self.rng)
        return at

    def _heading(self, at: np.ndarray) -> float:
        """Compass direction from the subject to the camera, radians."""
        if self.fixed:
            east, north = (np.array(self.fixed.xyz) - at)[:2]
            return float(np.arctan2(east, north))
        heading, off_lamp = float(self.rng.uniform(0, 2 * np.pi)), float(self.rng.normal(0.0, LAMP_SIDE_RAD))
        if self.place.indoor or not lamps_matter(self.stage, self.job) or self.rng.random() > LAMP_LIT_SHARE:
            return heading
        light = light_of_lamps(self.stage, at + CHEST_M)  # stand where the lamp lights the side that is seen
        brightest = np.array(self.stage.lamps[int(np.argmax(light))][0].location)
        return float(np.arctan2(*(brightest - at)[:2])) + off_lamp if light.max() > DIM_LAMP else heading

    def _solve(
        self, points: np.ndarray, at: np.ndarray, heading: float, half: tuple[float, float]
    ) -> tuple[Camera, bool] | str:
        """The camera: the file's own, or the one at which the subject covers the wanted share of the frame."""
        if self.fixed:
            camera = Camera(np.array(self.fixed.xyz), self.fixed.yaw, self.fixed.pitch, half)
            taken = share(camera.project(points + at))
            if taken < FG_RATIO[0]:
                return "foreground too small"
            return (camera, False) if taken <= self.largest else "foreground too large"
        wanted = min(self.wanted, 0.8 * self.largest)
        eye = self._eye_height()
        offset = (float(np.clip(self.rng.normal(0.0, 0.28), -0.6, 0.6)), float(self.rng.uniform(-0.2, 0.05)))
        if self.body.height < FLAT_M:  # long and flat: every bit of the frame is needed
            offset = (0.3 * offset[0], 0.3 * offset[1])
        size = float(np.ptp(points, axis=0).max())
        near, far = 0.35 * size + 0.25, 25.0 * size
        distance, coarse = np.sqrt(near * far), points[::4]
        stretched = self.job.category in SMALL or self.drawn.pose == "lying"
        for _ in range(5):  # the share falls with the square of the distance
            camera, _ = aim(coarse, at, heading, distance, eye, half, offset)
            frame = camera.project(coarse + at)
            change = np.sqrt(max(share(frame), 1e-4) / wanted)
            if stretched:  # a knife that fills the frame from end to end still takes little of it
                change = max(change, float(np.abs(np.nan_to_num(frame, nan=9.0)).max()) / FILLED)
            distance = float(np.clip(distance * np.clip(change, 0.2, 5.0), near, far))
        camera, cropped = aim(points, at, heading, distance, eye, half, offset)
        ratio = share(camera.project(points + at))
        least = 1.1 * FG_RATIO[0] if stretched else 0.6 * wanted
        return (camera, cropped) if least < ratio < 1.5 * wanted else "no distance gives the wanted size"

    def _eye_height(self) -> float:
        """Metres above the subject's ground: mostly as people stand, at times low or high."""
        rng, height = self.rng, self.body.height
        mode = float(rng.random())
        if height < FLAT_M:  # from a low chair it would be a line
            low, high = (0.25, 0.4) if mode < 0.5 else (0.4, 0.7)
        elif self.job.category in SMALL:  # a table top, seen from a chair or standing
            low, high = (0.10, 0.22) if mode < 0.35 else (0.22, 0.55) if mode < 0.85 else (0.55, 0.85)
        elif height < 1.1:
            low, high = (0.2, 0.5) if mode < 0.25 else (0.5, 1.2) if mode < 0.7 else (1.2, 1.75)
        else:
            low, high = (1.25, 1.75) if mode < 0.6 else (0.3, 1.0) if mode < 0.8 else (1.9, 3.6)
        if self.place.indoor:
            high = min(high, self.place.camera_room[1][2])
            low = min(low, 0.8 * high)
        return float(rng.uniform(low, high))


def _in_room(at: np.ndarray, place: Place) -> bool:
    low, high = place.camera_room
    return bool(np.all(at[:2] >= low[:2]) and np.all(at[:2] <= high[:2]))
