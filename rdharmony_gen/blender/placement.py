# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the subject stands and from where it is seen: seeded rejection with rays against the built place.

A candidate is kept when the subject stands free, in frame and in view and fills the wanted share of the picture;
the best of a few by light and background is taken. Nothing depends on Blender's state but the place itself.
"""

from dataclasses import dataclass

import bpy
import cv2
import numpy as np
from mathutils import Vector

from harmonize_core.errors import HarmonizeError, UnknownName
from rdharmony_gen.blender.assets import AssetLibrary, ids_of, manifest, vertices
from rdharmony_gen.blender.stage import Patch, Place, Stage
from rdharmony_gen.light import atmosphere
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import scenes_for

SENSOR_MM = 36.0
SMALL = {"apple", "bottle", "cake", "knife"}
VEHICLES = {"car", "motorcycle"}
HUMANS = ("standing", "holding", "sitting_ground", "walking_nathan")
COARSE = {"human_boy_01_standing"}
"""Faces that do not stand being looked at closely."""
CANDIDATES, ATTEMPTS = 8, 600
_RASTER = 128


class PlacementError(HarmonizeError):
    """No place was found where the subject can be seen."""


@dataclass(frozen=True)
class View:
    """A camera and a subject.

    Attributes:
        asset_id: of the subject.
        frame: of its action, 0 for a static one.
        subject_xyz: metres, the point on the ground under it.
        subject_yaw_deg: 0 faces -Y.
        camera_xyz: metres.
        camera_yaw_deg: compass direction it looks to, clockwise from +Y.
        camera_pitch_deg: upwards positive.
        focal_mm: on a 36 mm wide sensor along the longer side.
        fg_ratio_estimate: share of the frame, from a point raster.
        cropped: the frame cuts the subject at the bottom on purpose.
    """

    asset_id: str
    frame: int
    subject_xyz: tuple[float, float, float]
    subject_yaw_deg: float
    camera_xyz: tuple[float, float, float]
    camera_yaw_deg: float
    camera_pitch_deg: float
    focal_mm: float
    fg_ratio_estimate: float
    cropped: bool


def choose_subject(category: str, rng: np.random.Generator) -> tuple[str, int]:
    """Draw an asset of the category and, for a rigged one, a frame of its action."""
    ids = ids_of(category)
    if not ids:
        raise UnknownName.of(
            "category",
            category,
            sorted({a["category"] for a in manifest().values() if a["kind"] in ("character", "object")}),
        )
    if category == "human":
        ids = [i for i in ids if i.endswith(HUMANS) and i not in COARSE]
        walking = [i for i in ids if i.endswith("nathan")]
        if rng.random() < 0.2:
            return walking[0], int(rng.integers(1, 54))
        ids = [i for i in ids if i not in walking]
    return ids[int(rng.integers(len(ids)))], 0


def surface_points(mesh: bpy.types.Mesh, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points (count, 3) spread evenly over a mesh."""
    points = vertices(mesh)
    mesh.calc_loop_triangles()
    flat = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", flat)
    a, b, c = (points[flat.reshape(-1, 3)[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).astype(float)
    pick = np.searchsorted(np.cumsum(area), rng.random(count) * area.sum()).clip(0, len(area) - 1)
    u, v = rng.random((2, count, 1))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    return a[pick] + u * (b[pick] - a[pick]) + v * (c[pick] - a[pick])


class _Rays:
    """Rays against the place without the subject."""

    def __init__(self) -> None:
        bpy.context.view_layer.update()
        self.scene = bpy.context.scene
        self.depsgraph = bpy.context.evaluated_depsgraph_get()

    def first(self, origin: np.ndarray, direction: np.ndarray, limit: float = 1e4) -> tuple[float, str]:
        """Metres to the first surface and its object's name; `inf` and "" when there is none within the limit."""
        ray = Vector(direction.tolist()).normalized()
        start = Vector(origin.tolist())
        hit, at, _, _, thing, _ = self.scene.ray_cast(self.depsgraph, start, ray, distance=limit)
        return ((at - start).length, thing.name) if hit else (np.inf, "")

    def distance(self, origin: np.ndarray, direction: np.ndarray, limit: float = 1e4) -> float:
        """Metres to the first surface, `inf` when there is none within the limit."""
        return self.first(origin, direction, limit)[0]


def _turned(points: np.ndarray, yaw_deg: float) -> np.ndarray:
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def _stands_free(rays: _Rays, points: np.ndarray, at: np.ndarray) -> bool:
    """Nothing within the subject's outline, the ground level under it, and air around it."""
    extent = np.abs(points[:, :2]).max(axis=0)
    radius, height = float(np.hypot(*extent)), float(points[:, 2].max())
    for dx, dy in ((0, 0), (0.6, 0), (-0.6, 0), (0, 0.6), (0, -0.6)):
        top = at + np.array([dx * extent[0], dy * extent[1], height + 0.05])
        if abs(rays.distance(top, np.array([0.0, 0.0, -1.0]), height + 1.0) - (height + 0.05)) > 0.04:
            return False
    for level in (0.15, 0.5, 0.85):
        origin = at + np.array([0.0, 0.0, level * height])
        for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            heading = np.array([np.cos(angle), np.sin(angle), 0.0])
            if rays.distance(origin, heading, radius + 0.12) < np.inf:
                return False
    return True


class _Camera:
    """A pinhole that looks along a compass direction and a pitch, without roll."""

    def __init__(self, at: np.ndarray, yaw: float, pitch: float, half: tuple[float, float]) -> None:
        self.at, self.yaw, self.pitch, self.half = at, yaw, pitch, half
        self.forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
        self.right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
        self.up = np.cross(self.right, self.forward)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Positions (N, 2) in the frame, -1 to 1 inside, x right, y up; NaN behind the camera."""
        local = points - self.at
        depth = local @ self.forward
        depth = np.where(depth > 0.02, depth, np.nan)
        return np.stack([local @ self.right / depth / self.half[0], local @ self.up / depth / self.half[1]], -1)

    def ray(self, x: float, y: float) -> np.ndarray:
        """Direction through a position in the frame."""
        return self.forward + self.right * (x * self.half[0]) + self.up * (y * self.half[1])


def _share(frame_points: np.ndarray) -> float:
    """Share of the frame that the projected surface points cover."""
    inside = np.all(np.abs(np.nan_to_num(frame_points, nan=9.0)) < 1, axis=1)
    raster = np.zeros((_RASTER, _RASTER), np.uint8)
    cells = ((frame_points[inside] * 0.5 + 0.5) * _RASTER).astype(int).clip(0, _RASTER - 1)
    raster[cells[:, 1], cells[:, 0]] = 1
    return float(cv2.morphologyEx(raster, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)).mean())


def _aim(
    points: np.ndarray,
    at: np.ndarray,
    heading: float,
    distance: float,
    eye: float,
    half: tuple[float, float],
    offset: tuple[float, float],
) -> tuple[_Camera, bool]:
    """Camera at `distance` from the subject in the compass direction `heading`, framing it whole or cutting it low."""
    low, high = points[:, 2].min(), points[:, 2].max()
    position = at + np.array([np.sin(heading) * distance, np.cos(heading) * distance, 0.0])
    position[2] = at[2] + eye
    cropped = bool((high - low) / (2 * distance * half[1]) > 0.92)
    anchor, place = (high, 0.80) if cropped else ((low + high) / 2, offset[1])
    pitch = np.arctan2(at[2] + anchor - position[2], distance) - np.arctan(place * half[1])
    yaw = heading + np.pi + np.arctan(offset[0] * half[0])
    return _Camera(position, yaw, float(np.clip(pitch, -0.6, 0.35)), half), cropped


def find_view(stage: Stage, place: Place, job: RenderJob, library: AssetLibrary) -> View:
    """Choose subject, standpoint and camera of a job in a built place.

    Raises:
        PlacementError: no candidate passes; another seed or variation will do.
        UnknownName: no asset has this category.
    """
    rng = stage.rng("view", job.category, job.view)
    asset_id, frame = choose_subject(job.category, rng)
    mesh = library.mesh(asset_id, frame)
    surface = surface_points(mesh, 14_000, rng)
    height = float(surface[:, 2].max())
    patches = place.tops if job.category in SMALL else place.drive if job.category in VEHICLES else place.stand
    if not patches or job.scene not in scenes_for(job.category):
        raise PlacementError(
            f"{job.job_id}: the scene {stage.kind} has no place for a {job.category}; choose another scene"
        )
    longest = max(job.width, job.height)
    rays = _Rays()
    wanted = float(np.exp(rng.uniform(np.log(0.055), np.log(0.30))))
    found: list[tuple[float, View]] = []
    for attempt in range(ATTEMPTS):
        if len(found) >= CANDIDATES or (found and attempt > ATTEMPTS // 2):
            break
        if attempt % 80 == 79:
            wanted = max(0.06, wanted * 0.75)
        focal = float(rng.uniform(30.0, 65.0))
        half = (SENSOR_MM / 2 / focal * job.width / longest, SENSOR_MM / 2 / focal * job.height / longest)
        at = np.array(_draw_patch(patches, rng))
        heading = float(rng.uniform(0, 2 * np.pi))
        facing = float(rng.normal(0.0, 45.0))
        yaw = 180.0 - np.degrees(heading) + facing  # a model faces -Y; turn it towards the camera, more or less
        eye = _eye_height(job.category, height, rng)
        offset = (float(np.clip(rng.normal(0.0, 0.28), -0.6, 0.6)), float(rng.uniform(-0.2, 0.05)))
        points = _turned(surface, yaw)
        solved = _solve(points, at, heading, eye, half, offset, wanted)
        if solved is None:
            continue
        camera, cropped, ratio = solved
        if not _in_room(camera.at, place) or not _in_frame(camera, points + at, cropped):
            continue
        if not _stands_free(rays, points, at) or not _seen(rays, camera, points + at, place):
            continue
        score = _score(rays, camera, at, height, place, stage, job) + 0.3 * rng.random()
        found.append(
            (
                score,
                View(
                    asset_id,
                    frame,
                    _triple(at),
                    yaw,
                    _triple(camera.at),
                    float(np.degrees(camera.yaw) % 360),
                    float(np.degrees(camera.pitch)),
                    focal,
                    ratio,
                    cropped,
                ),
            )
        )
    if not found:
        raise PlacementError(
            f"{job.job_id}: no free and visible place for {asset_id} was found in {stage.kind}; use another seed"
        )
    return max(found, key=lambda pair: pair[0])[1]


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _draw_patch(patches: tuple[Patch, ...], rng: np.random.Generator) -> tuple[float, float, float]:
    return patches[int(rng.integers(len(patches)))].draw(rng)


def _eye_height(category: str, height: float, rng: np.random.Generator) -> float:
    if category in SMALL:
        return float(rng.uniform(0.12, 0.45))
    if height < 1.1:
        return float(rng.uniform(0.45, 1.1))
    return float(rng.uniform(1.25, 1.75))


def _solve(
    points: np.ndarray,
    at: np.ndarray,
    heading: float,
    eye: float,
    half: tuple[float, float],
    offset: tuple[float, float],
    wanted: float,
) -> tuple[_Camera, bool, float] | None:
    """Find the distance at which the subject covers the wanted share of the frame."""
    size = float(np.ptp(points, axis=0).max())
    near, far = 0.35 * size + 0.25, 25.0 * size
    coarse = points[::4]
    for _ in range(9):
        distance = np.sqrt(near * far)
        camera, cropped = _aim(coarse, at, heading, distance, eye, half, offset)
        near, far = (distance, far) if _share(camera.project(coarse + at)) > wanted else (near, distance)
    camera, cropped = _aim(points, at, heading, np.sqrt(near * far), eye, half, offset)
    ratio = _share(camera.project(points + at))
    return (camera, cropped, ratio) if 0.6 * wanted < ratio < 1.5 * wanted else None


def _in_room(at: np.ndarray, place: Place) -> bool:
    low, high = place.camera_room
    return bool(np.all(at[:2] >= low[:2]) and np.all(at[:2] <= high[:2]))


def _in_frame(camera: _Camera, points: np.ndarray, cropped: bool) -> bool:
    frame = camera.project(points)
    if np.isnan(frame).any():
        return False
    x, y = frame[:, 0], frame[:, 1]
    if cropped:
        return bool(0.5 < y.max() < 0.97 and camera.pitch > -0.4 and np.mean(np.abs(x[y > -1]) < 0.98) > 0.97)
    return bool(np.abs(x).max() < 0.97 and y.max() < 0.97 and y.min() > -0.97 and camera.pitch > -0.5)


def _seen(rays: _Rays, camera: _Camera, points: np.ndarray, place: Place) -> bool:
    """The subject is hidden by less than an eighth and nothing stands right before the lens."""
    distance = float(np.linalg.norm(points.mean(axis=0) - camera.at))
    clear = min(0.6 if place.indoor else 2.0, 0.45 * distance)
    for x, y in ((0, 0), (-0.8, 0.8), (0.8, 0.8), (-0.8, -0.2), (0.8, -0.2), (0, 0.9), (-0.4, 0.4), (0.4, 0.4)):
        if rays.distance(camera.at, camera.ray(x, y), 8.0) < clear:
            return False
    frame = camera.project(points)
    visible = points[np.all(np.abs(frame) < 1, axis=1)]
    some = visible[:: max(1, len(visible) // 48)]
    hidden = 0
    for point in some:
        towards = point - camera.at
        length = float(np.linalg.norm(towards))
        hidden += rays.distance(camera.at, towards, length - 0.03) < np.inf
    return hidden <= 0.12 * len(some)


def _lamplight(stage: Stage, chest: np.ndarray, eye: np.ndarray) -> float:
    """How well lamps light the side of the subject that the camera sees; 1 is plenty."""
    to_eye = (eye - chest)[:2] / (np.linalg.norm((eye - chest)[:2]) + 1e-6)
    total = 0.0
    for lamp, watts in stage.lamps:
        away = np.array(lamp.location) - chest
        distance = float(np.linalg.norm(away))
        frontal = 0.5 + 0.5 * float(away[:2] @ to_eye) / (float(np.linalg.norm(away[:2])) + 1e-6)
        total += watts / distance**2 * frontal / 14.0
    return total


def _lamp_in_sight(stage: Stage, rays: _Rays, camera: _Camera) -> bool:
    """Some lamp within 25 m stands in the frame, unhidden."""
    for lamp, _ in stage.lamps:
        at = np.array(lamp.location)
        away = at - camera.at
        distance = float(np.linalg.norm(away))
        in_frame = np.all(np.abs(np.nan_to_num(camera.project(at[None])[0], nan=9.0)) < 0.95)
        if 2.0 < distance < 25.0 and in_frame and rays.distance(camera.at, away, distance - 0.6) == np.inf:
            return True
    return False


def _score(
    rays: _Rays, camera: _Camera, at: np.ndarray, height: float, place: Place, stage: Stage, job: RenderJob
) -> float:
    """Prefer places that the sun and the lamps reach, and pictures with depth and some sky."""
    score = 0.0
    chest = at + np.array([0.0, 0.0, 0.7 * height])
    directions = {
        (c.elevation_deg, c.azimuth_deg): c for c in job.conditions if c.key == "sun" and c.key_transmission > 0.3
    }
    for elevation, azimuth in directions:
        score += rays.distance(chest, atmosphere.direction(elevation, azimuth)) == np.inf
    if stage.lamps:
        score += 1.2 * min(1.0, _lamplight(stage, chest, camera.at))
    grid = [(x, y) for y in np.linspace(0.9, -0.3, 6) for x in np.linspace(-0.9, 0.9, 7)]
    seen = [rays.first(camera.at, camera.ray(x, y)) for x, y in grid]
    distances = np.array([distance for distance, _ in seen])
    sky = float(np.mean(np.isinf(distances)))
    if not place.indoor:  # houses give the picture depth, and lit windows at night; so do lamps in sight
        score += min(0.8, 3.0 * float(np.mean([name.startswith("building") for _, name in seen])))
        score += 0.7 * _lamp_in_sight(stage, rays, camera)
    score -= 2.0 * max(0.0, -camera.pitch - 0.15)
    outside = float(np.mean(distances > 10.0))  # through the windows: some is good, all is a silhouette
    score += 1.2 - 4.0 * (max(0.0, outside - 0.2) if place.indoor else abs(sky - place.sky_share))
    finite = distances[np.isfinite(distances)]
    if len(finite) > 4:
        score += 0.5 * float(np.clip(np.std(np.log(finite)), 0.0, 1.2))
    return score
