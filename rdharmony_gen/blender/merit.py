# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several possible views makes the better picture, before anything is rendered."""

import numpy as np

from rdharmony_gen.blender.framing import Camera, Rays
from rdharmony_gen.blender.stage import Place, Stage
from rdharmony_gen.light import atmosphere
from rdharmony_gen.spec.job import RenderJob


def merit(rays: Rays, camera: Camera, chest: np.ndarray, stage: Stage, place: Place, job: RenderJob) -> float:
    """Higher where sun and lamps reach the subject's `chest`, and for pictures with depth and some sky."""
    score = 0.0
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
    score -= 1.0 * max(0.0, -camera.pitch - 0.2)
    outside = float(np.mean(distances > 10.0))  # through the windows: some is good, all is a silhouette
    score += 1.2 - 4.0 * (max(0.0, outside - 0.2) if place.indoor else abs(sky - place.sky_share))
    finite = distances[np.isfinite(distances)]
    if len(finite) > 4:
        score += 0.5 * float(np.clip(np.std(np.log(finite)), 0.0, 1.2))
    return score


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


def _lamp_in_sight(stage: Stage, rays: Rays, camera: Camera) -> bool:
    """Some lamp within 25 m stands in the frame, unhidden."""
    for lamp, _ in stage.lamps:
        at = np.array(lamp.location)
        away = at - camera.at
        distance = float(np.linalg.norm(away))
        in_frame = np.all(np.abs(np.nan_to_num(camera.project(at[None])[0], nan=9.0)) < 0.95)
        if 2.0 < distance < 25.0 and in_frame and rays.distance(camera.at, away, distance - 0.6) == np.inf:
            return True
    return False
