# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometry of looking at a subject: its shape, a pinhole camera, how much of the frame it takes, what hides it."""

from dataclasses import dataclass

import bpy
import cv2
import numpy as np
from mathutils import Vector

from rdharmony_gen.blender.assets import vertices

RASTER = 160
"""Pixels along each side of the coarse silhouettes."""
_COARSE = 128


@dataclass(frozen=True)
class Body:
    """Shape of a subject: (N, 3) float points in metres, standing on z = 0 around the origin, and (M, 3) triangles."""

    points: np.ndarray
    triangles: np.ndarray

    @staticmethod
    def of_mesh(mesh: bpy.types.Mesh) -> "Body":
        """The shape of a Blender mesh in its own space."""
        mesh.calc_loop_triangles()
        flat = np.empty(len(mesh.loop_triangles) * 3, np.int32)
        mesh.loop_triangles.foreach_get("vertices", flat)
        return Body(vertices(mesh), flat.reshape(-1, 3))

    @staticmethod
    def joined(parts: list["Body"]) -> "Body":
        """Several shapes as one."""
        starts = np.cumsum([0, *(len(p.points) for p in parts)])
        triangles = [p.triangles + start for p, start in zip(parts, starts, strict=False)]
        return Body(np.concatenate([p.points for p in parts]), np.concatenate(triangles))

    @property
    def height(self) -> float:
        """Metres."""
        return float(self.points[:, 2].max())

    def placed(self, at: np.ndarray, yaw_deg: float) -> "Body":
        """The same, turned about z and moved."""
        return Body(turned(self.points, yaw_deg) + at, self.triangles)

    def surface(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Points (count, 3) spread evenly over the surface."""
        a, b, c = (self.points[self.triangles[:, k]] for k in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1).astype(float)
        pick = np.searchsorted(np.cumsum(area), rng.random(count) * area.sum()).clip(0, len(area) - 1)
        u, v = rng.random((2, count, 1))
        flip = u + v > 1
        u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
        return a[pick] + u * (b[pick] - a[pick]) + v * (c[pick] - a[pick])


@dataclass(frozen=True)
class FixedCamera:
    """A camera of the user's scene: position in metres, compass direction and pitch in radians, lens as in a view."""

    xyz: tuple[float, float, float]
    yaw: float
    pitch: float
    focal_mm: float


@dataclass(frozen=True)
class SceneCharacter:
    """Someone who stands in the user's scene already; the body's points are relative to `at`, the ground below."""

    name: str
    at: np.ndarray
    body: Body
    objects: frozenset[str]


def turned(points: np.ndarray, yaw_deg: float) -> np.ndarray:
    """Points (N, 3) turned about z."""
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def triple(values: np.ndarray) -> tuple[float, float, float]:
    """A point (3,) as plain numbers."""
    x, y, z = (float(v) for v in values)
    return x, y, z


class Camera:
    """A pinhole that looks along a compass direction and a pitch, without roll."""

    def __init__(self, at: np.ndarray, yaw: float, pitch: float, half: tuple[float, float]) -> None:
        """Angles in radians; `half` are the tangents of half the horizontal and vertical angle of view."""
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


def aim(
    points: np.ndarray,
    at: np.ndarray,
    heading: float,
    distance: float,
    eye: float,
    half: tuple[float, float],
    offset: tuple[float, float],
) -> tuple[Camera, bool]:
    """Camera at `distance` from the subject in the compass direction `heading`, framing it whole or cutting it low."""
    low, high = points[:, 2].min(), points[:, 2].max()
    position = at + np.array([np.sin(heading) * distance, np.cos(heading) * distance, 0.0])
    position[2] = at[2] + eye
    cropped = bool((high - low) / (2 * distance * half[1]) > 0.92)
    anchor, place = (high, 0.80) if cropped else ((low + high) / 2, offset[1])
    pitch = np.arctan2(at[2] + anchor - position[2], distance) - np.arctan(place * half[1])
    yaw = heading + np.pi + np.arctan(offset[0] * half[0])
    return Camera(position, yaw, float(np.clip(pitch, -0.95, 0.35)), half), cropped


def in_frame(camera: Camera, points: np.ndarray, cropped: bool, *, steep: bool) -> bool:
    """The subject is in frame, whole or cut at the knees or lower chest, and the horizon is where one expects it."""
    frame = camera.project(points)
    if np.isnan(frame).any():
        return False
    x, y = frame[:, 0], frame[:, 1]
    if cropped:
        return bool(0.5 < y.max() < 0.97 and camera.pitch > -0.4 and np.mean(np.abs(x[y > -1]) < 0.98) > 0.97)
    level = -0.95 < camera.pitch if steep else camera.pitch > -0.45
    return bool(level and np.abs(x).max() < 0.97 and y.max() < 0.97 and y.min() > -0.97)


def blot(frame_points: np.ndarray) -> np.ndarray:
    """Boolean (128, 128) of the frame, bottom row first: where projected surface points are, gaps closed."""
    inside = np.all(np.abs(np.nan_to_num(frame_points, nan=9.0)) < 1, axis=1)
    raster = np.zeros((_COARSE, _COARSE), np.uint8)
    cells = ((frame_points[inside] * 0.5 + 0.5) * _COARSE).astype(int).clip(0, _COARSE - 1)
    raster[cells[:, 1], cells[:, 0]] = 1
    return cv2.morphologyEx(raster, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)).astype(bool)


def share(frame_points: np.ndarray) -> float:
    """Share of the frame that projected surface points cover, roughly."""
    return float(blot(frame_points).mean())


def silhouette(camera: Camera, body: Body) -> np.ndarray:
    """Boolean (RASTER, RASTER) of the frame, top row first: where a placed body is, whatever stands before it."""
    frame = camera.project(body.points)
    raster = np.zeros((RASTER, RASTER), np.uint8)
    whole = ~np.isnan(frame).any(axis=1)[body.triangles].any(axis=1)
    corners = np.clip(np.nan_to_num(frame), -8, 8) * np.array([0.5, -0.5]) + 0.5
    pixels = np.round((corners * RASTER - 0.5) * 16).astype(np.int32)[body.triangles[whole]]
    for triangle in pixels:
        cv2.fillConvexPoly(raster, triangle, (1,), shift=4)
    return raster.astype(bool)


class Rays:
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

    def hidden(self, camera: Camera, points: np.ndarray, own: frozenset[str] = frozenset()) -> float:
        """Share of the in-frame points that the place hides; `own` are objects that do not count."""
        frame = camera.project(points)
        visible = points[np.all(np.abs(np.nan_to_num(frame, nan=9.0)) < 1, axis=1)]
        some = visible[:: max(1, len(visible) // 64)]
        count = 0
        for point in some:
            towards = point - camera.at
            length = float(np.linalg.norm(towards))
            distance, name = self.first(camera.at, towards, length - 0.03)
            count += distance < np.inf and name not in own
        return count / max(1, len(some))


def looks_clear(rays: Rays, camera: Camera, points: np.ndarray, *, indoor: bool) -> bool:
    """Nothing stands right before the lens, less than halfway to `points`; the camera is not inside of anything."""
    distance = float(np.linalg.norm(points.mean(axis=0) - camera.at))
    clear = min(0.6 if indoor else 2.0, 0.45 * distance)
    for x, y in ((0, 0), (-0.8, 0.8), (0.8, 0.8), (-0.8, -0.2), (0.8, -0.2), (0, 0.9), (-0.4, 0.4), (0.4, 0.4)):
        if rays.distance(camera.at, camera.ray(x, y), 8.0) < clear:
            return False
    return rays.distance(camera.at, np.array([0.0, 0.0, -1.0]), 200.0) > 0.06
