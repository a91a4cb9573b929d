# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several possible views makes the better picture, before anything is rendered."""

import numpy as np

from rdharmony_gen.blender.framing import Camera, Rays
from rdharmony_gen.blender.stage import Place, Stage
from rdharmony_gen.light import atmosphere
from rdharmony_gen.spec.job import RenderJob

PLENTY = 14.0
"""Watts over square metres at which a lamp lights somebody well for a night."""
NEAREST = 6
"""So many lamps are asked whether something stands before them."""
LAMP_M = 0.6
"""A lamp's light shines from within its shade, so far at most from the surface."""


def merit(rays: Rays, camera: Camera, chest: np.ndarray, stage: Stage, place: Place, job: RenderJob) -> float:
    """Higher where sun and lamps reach the subject's `chest`, and for pictures with depth and some sky."""
    score = 0.0
    directions = {
        (c.elevation_deg, c.azimuth_deg): c for c in job.conditions if c.key == "sun" and c.key_transmission > 0.3
    }
    for elevation, azimuth in directions:
        score += rays.distance(chest, atmosphere.direction(elevation, azimuth)) == np.inf
    lit = min(1.0, _lamplight(stage, rays, chest, camera.at)) ** 0.5 if lamps_matter(stage, job) else 0.0
    score += 2.4 * lit
    grid = [(x, y) for y in np.linspace(0.9, -0.3, 6) for x in np.linspace(-0.9, 0.9, 7)]
    seen = [rays.first(camera.at, camera.ray(x, y)) for x, y in grid]
    distances = np.array([distance for distance, _ in seen])
    sky = float(np.mean(np.isinf(distances)))
    if not place.indoor:  # houses give the picture depth, and lit windows at night; so do lamps in sight
        score += min(0.8, 3.0 * float(np.mean([name.startswith("building") for _, name in seen])))
        score += lit * _lamp_in_sight(stage, rays, camera)  # behind somebody dark it makes a silhouette
    score -= 1.0 * max(0.0, -camera.pitch - 0.2)
    outside = float(np.mean(distances > 10.0))  # through the windows: some is good, all is a silhouette
    score += 1.2 - 4.0 * (max(0.0, outside - 0.2) if place.indoor else abs(sky - place.sky_share))
    finite = distances[np.isfinite(distances)]
    if len(finite) > 4:
        score += 0.5 * float(np.clip(np.std(np.log(finite)), 0.0, 1.2))
    return score


def lamps_matter(stage: Stage, job: RenderJob) -> bool:
    """Some style of the view turns the place's lamps on."""
    return bool(stage.lamps) and any(c.lamps > 0 for c in job.conditions)


def light_of_lamps(stage: Stage, at: np.ndarray) -> np.ndarray:
    """What each lamp (N,) throws on a point if nothing is between; 1 is plenty for a night picture."""
    away = np.array([lamp.location for lamp, _ in stage.lamps]) - at
    watts = np.array([watts for _, watts in stage.lamps])
    return watts / np.maximum((away**2).sum(axis=1), 0.25) / PLENTY


def _lamplight(stage: Stage, rays: Rays, chest: np.ndarray, eye: np.ndarray) -> float:
    """How well lamps light the side of the subject that the camera sees; 1 is plenty."""
    to_eye = (eye - chest)[:2] / (np.linalg.norm((eye - chest)[:2]) + 1e-6)
    light, total = light_of_lamps(stage, chest), 0.0
    for number in np.argsort(-light, kind="stable")[:NEAREST]:
        away = np.array(stage.lamps[number][0].location) - chest
        frontal = max(0.0, 0.5 + 0.5 * float(away[:2] @ to_eye) / (float(np.linalg.norm(away[:2])) + 1e-6))
        if rays.distance(chest, away, float(np.linalg.norm(away)) - LAMP_M) == np.inf:
            total += float(light[number]) * frontal
    return total


def _lamp_in_sight(stage: Stage, rays: Rays, camera: Camera) -> bool:
    """Some lamp within 25 m stands in the frame, unhidden."""
    for lamp, _ in stage.lamps:
        at = np.array(lamp.location)
        away = at - camera.at
        distance = float(np.linalg.norm(away))
        in_frame = np.all(np.abs(np.nan_to_num(camera.project(at[None])[0], nan=9.0)) < 0.95)
        if 2.0 < distance < 25.0 and in_frame and rays.distance(camera.at, away, distance - LAMP_M) == np.inf:
            return True
    return False
