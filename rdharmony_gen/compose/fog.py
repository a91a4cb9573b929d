# SPDX-License-Identifier: GPL-3.0-or-later
"""Aerial perspective and fog, laid over a scene-linear render from its depth.

Each of the two surfaces in a soft pixel, the subject's and what lies behind it, is seen through its own length of air:
the pure colours of both are estimated first, so that no veil of the background hangs on the subject's outline and none
of the subject's clearness on the background. A composite's foreground brings the air of its own picture along, as a
cut-out of a photograph does; the real image shows what is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.compositing import extrapolate
from rdharmony_gen.compose.exchange import soft_pixels, trust_foreground
from rdharmony_gen.light import haze
from rdharmony_gen.spec.condition import ConditionSpec

Floats = NDArray[np.float32]

SENSOR_MM = 36.0
SKY_M = 5e4
"""Depth from which a pixel shows the sky; Blender writes 1e10, which half floats hold as 65504."""
INDOOR_CLEAR_M = 14.0
"""Air inside a room is clear: haze begins behind this distance."""


@dataclass(frozen=True)
class Camera:
    """What is needed to turn depth into distance and direction."""

    yaw_deg: float
    """Compass direction it looks to, clockwise from +Y."""
    pitch_deg: float
    """Upwards positive."""
    focal_mm: float
    """On a sensor of 36 mm along the picture's longer side."""
    height_m: float
    """Over the ground at 0."""

    @staticmethod
    def of(geometry: Mapping[str, Any]) -> Camera:
        """From what the renderer wrote about a view (`view.json`)."""
        return Camera(
            float(geometry["camera_yaw_deg"]),
            float(geometry["camera_pitch_deg"]),
            float(geometry["focal_mm"]),
            float(geometry["camera_xyz"][2]),
        )

    def rays(self, height: int, width: int) -> NDArray[np.float64]:
        """Directions (height, width, 3) to the pixels, 1 long along the camera's axis: depth times ray is an offset."""
        scale = SENSOR_MM / self.focal_mm / max(height, width)
        x = (np.arange(width) + 0.5 - width / 2) * scale
        y = (height / 2 - np.arange(height) - 0.5) * scale
        yaw, pitch = np.radians(self.yaw_deg), np.radians(self.pitch_deg)
        forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
        right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
        up = np.cross(right, forward)
        return forward + x[None, :, None] * right + y[:, None, None] * up


def through_air(
    image_linear: Floats,
    depth_m: Floats,
    coverage: Floats,
    camera: Camera,
    condition: ConditionSpec,
    *,
    indoor: bool = False,
) -> Floats:
    """A render with the air of its capture condition in it.

    Args:
        image_linear: (H, W, 3) scene-linear radiance without any haze but the sky's own.
        depth_m: (H, W) along the camera's axis, the nearest surface of each pixel; the sky is infinite or beyond 50 km.
        coverage: (H, W) the subject's share of each pixel.
        camera: of the view.
        condition: supplies turbidity, fog and the colour of the horizon.
        indoor: whether the camera stands in a room, whose air is clear.

    Returns: (H, W, 3) scene-linear; the sky's pixels are the render's own.
    """
    height, width = coverage.shape
    rays = camera.rays(height, width)
    length = np.linalg.norm(rays, axis=-1)
    sine = rays[..., 2] / length
    azimuth = np.degrees(np.arctan2(rays[..., 0], rays[..., 1]))
    added = haze.airlight(condition, azimuth).astype(np.float32)

    def share(depth: Floats) -> Floats:
        distance = np.where(depth < SKY_M, np.maximum(depth, 0.0) * length, np.inf)
        if indoor:
            distance = np.where(np.isfinite(distance), np.maximum(distance - INDOOR_CLEAR_M, 0.0), np.inf)
        return haze.transmittance(condition, distance, sine, camera.height_m).astype(np.float32)

    back, back_share = _background(image_linear, share(depth_m), depth_m >= SKY_M, added, coverage)
    front_share = share(_subject_depth(depth_m, coverage))
    picture = np.where((coverage > 0)[..., None], image_linear * front_share + added * (1 - front_share), back)
    soft = soft_pixels(coverage)
    if soft.any():
        alpha = coverage[soft][:, None]
        front = extrapolate(image_linear, trust_foreground(coverage))[soft]
        behind = extrapolate(image_linear, (coverage <= 0).astype(np.float32))[soft]
        t_front, t_back = front_share[soft], back_share[soft]
        rest = image_linear[soft] - alpha * front - (1 - alpha) * behind
        rest = rest * (alpha * t_front + (1 - alpha) * t_back)
        front = front * t_front + added[soft] * (1 - t_front)
        picture[soft] = np.maximum(alpha * front + (1 - alpha) * back[soft] + rest, 0.0)
    return picture.astype(np.float32)


def _background(
    image_linear: Floats, share: Floats, is_sky: NDArray[np.bool_], added: Floats, coverage: Floats
) -> tuple[Floats, Floats]:
    """What lies behind the subject, continued under it, with its air; and how much of its own light comes through.

    The sky has its haze already. Where land borders on it, depth knows one of both only: there the pixel is taken for
    sky plus something, and the something fades.
    """
    behind = (coverage <= 0).astype(np.float32)
    own = extrapolate(image_linear, behind)
    sky = extrapolate(np.repeat(is_sky[..., None], 3, axis=2).astype(np.float32), behind)[..., 0] > 0.5
    land = (~is_sky).astype(np.float32) * behind
    if not land.any():
        return own, np.ones_like(own)
    land_share = _follow_edges(extrapolate(share, land), own)
    near_land = cv2.dilate(land, np.ones((5, 5), np.uint8)) > 0
    pure = (is_sky & ~near_land).astype(np.float32) * behind
    sky_light = extrapolate(own, pure) if pure.any() else added
    faded = np.where(
        sky[..., None], sky_light + (own - sky_light) * land_share, own * land_share + added * (1 - land_share)
    )
    untouched = (sky & ~near_land)[..., None]
    return np.where(untouched, own, faded), np.where(untouched, np.float32(1.0), land_share)


def _subject_depth(depth_m: Floats, coverage: Floats) -> Floats:
    """The subject's depth wherever it has a share of the pixel; elsewhere a smooth continuation."""
    trust = trust_foreground(coverage) * (depth_m < SKY_M)
    if not trust.any():
        return depth_m
    bounded = np.where(depth_m < SKY_M, depth_m, 0.0).astype(np.float32)
    filled = extrapolate(np.repeat(bounded[..., None], 3, axis=2), trust.astype(np.float32))[..., 0]
    opaque = trust >= 1
    return np.where(opaque, depth_m, filled).astype(np.float32)


def _follow_edges(through: Floats, image_linear: Floats) -> Floats:
    """Give the hard steps of one-sample depth the soft edges of the picture (guided filter, He et al. 2013)."""
    guide = np.log2(np.maximum(image_linear @ np.array([0.2126, 0.7152, 0.0722], np.float32), 1e-4)).astype(np.float32)
    mean = lambda values: cv2.blur(values, (3, 3), borderType=cv2.BORDER_REFLECT)  # noqa: E731
    middle, variance = mean(guide), mean(guide * guide)
    variance = np.maximum(variance - middle * middle, 0.0)
    result = np.empty_like(through)
    for channel in range(3):
        values = np.ascontiguousarray(through[..., channel])
        average = mean(values)
        slope = (mean(guide * values) - middle * average) / (variance + 0.02)
        offset = average - slope * middle
        result[..., channel] = mean(slope) * guide + mean(offset)
    low, high = cv2.erode(through, np.ones((3, 3))), cv2.dilate(through, np.ones((3, 3)))
    return np.clip(result, low, high)
