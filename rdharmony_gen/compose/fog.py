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

from harmonize_core.compositing import soft_pixels, trust_foreground
from harmonize_core.errors import InputError
from harmonize_core.pull_push import extrapolate
from rdharmony_gen.light import haze
from rdharmony_gen.spec.condition import ConditionSpec

Floats = NDArray[np.float32]

SENSOR_MM = 36.0
SKY_M = 5e4
"""Depth from which a pixel shows the sky; Blender writes 1e10, which the half floats of older sets hold as 65504."""
HALO_STANDS_OUT = 3.0
"""A source of halos is this much brighter than the brightest tenth of the picture."""
HALO_WIDTHS, HALO_SHARE = (0.012, 0.05), 0.5
"""Standard deviations of the halos as parts of the longer side, and the part of the lost light that they hold."""
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
        """From what the renderer wrote about a view (`view.json`).

        Raises:
            InputError: it does not say where the camera is.
        """
        try:
            yaw, pitch, focal = (float(geometry[k]) for k in ("camera_yaw_deg", "camera_pitch_deg", "focal_mm"))
            height = float(geometry["camera_xyz"][2])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"view.json should say where the camera is but does not ({error}); render it again"
            ) from None
        if not (np.isfinite([yaw, pitch, height]).all() and 1.0 <= focal <= 1000.0):
            raise InputError("view.json should hold a camera with a lens of 1 to 1000 mm but does not; render it again")
        return Camera(yaw, pitch, focal, height)

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


@dataclass(frozen=True)
class AirPath:
    """The lengths of air in one view; what does not depend on the capture condition is worked out once."""

    coverage: Floats
    """(H, W) the subject's share of each pixel."""
    distance_m: Floats
    """(H, W) to what lies behind the subject, continued under it; 0 where that is the sky."""
    front_m: Floats
    """(H, W) to the subject, continued around it."""
    sky: NDArray[np.bool_]
    """(H, W) whether the sky lies behind the subject."""
    pure_sky: NDArray[np.bool_]
    """(H, W) the sky where no land is near: its light needs no change."""
    sine: Floats
    """(H, W) of the rays' elevation."""
    azimuth_deg: Floats
    """(H, W) of the rays' compass direction."""
    height_m: float
    """Of the camera over the ground."""
    box: tuple[slice, slice]
    """Rows and columns around the subject inside which what lies behind it is continued under it."""

    @staticmethod
    def of(depth_m: Floats, coverage: Floats, camera: Camera, *, indoor: bool = False) -> AirPath:
        """Of one view.

        Args:
            depth_m: (H, W) along the camera's axis, the nearest surface of each pixel; the sky is infinite or beyond
                50 km.
            coverage: (H, W) the subject's share of each pixel.
            camera: of the view.
            indoor: whether the camera stands in a room, whose air is clear.
        """
        rays = camera.rays(*coverage.shape)
        length = np.linalg.norm(rays, axis=-1)
        is_sky = depth_m >= SKY_M
        distance = np.where(is_sky, 0.0, np.maximum(depth_m, 0.0) * length).astype(np.float32)
        if indoor:
            distance = np.maximum(distance - INDOOR_CLEAR_M, 0.0)
        box = _around(coverage)
        behind = (coverage <= 0).astype(np.float32)
        front, back, sky = distance.copy(), distance.copy(), is_sky.copy()
        front[box] = _continue(distance[box], trust_foreground(coverage)[box] * ~is_sky[box])
        land = behind * ~is_sky
        back[box] = _continue(distance[box], land[box])
        sky[box] = _continue(is_sky[box].astype(np.float32), behind[box]) > 0.5
        near_land = cv2.dilate(land, np.ones((5, 5), np.uint8)) > 0
        # the pixels of sky beside land take the land's distance: they may show a part of it
        shown = np.where(is_sky & near_land, cv2.dilate(back * land, np.ones((5, 5), np.uint8)), back)
        return AirPath(
            coverage=coverage,
            distance_m=np.where(sky & ~near_land, 0.0, shown).astype(np.float32),
            front_m=front,
            sky=sky,
            pure_sky=sky & ~near_land,
            sine=(rays[..., 2] / length).astype(np.float32),
            azimuth_deg=np.degrees(np.arctan2(rays[..., 0], rays[..., 1])).astype(np.float32),
            height_m=camera.height_m,
            box=box,
        )

    def through(self, image_linear: Floats, condition: ConditionSpec) -> Floats:
        """A render with the air of its capture condition in it.

        Args:
            image_linear: (H, W, 3) scene-linear radiance without any haze but the sky's own.
            condition: supplies turbidity, fog and the colour of the horizon.

        Returns: (H, W, 3) scene-linear; away from land the sky's pixels are the render's own.
        """
        added = haze.airlight(condition, self.azimuth_deg)
        behind = image_linear.copy()
        behind[self.box] = extrapolate(image_linear[self.box], (self.coverage[self.box] <= 0).astype(np.float32))
        share = haze.transmittance(condition, self.distance_m, self.sine, self.height_m)
        if condition.visibility_m > 0:
            share = _follow_edges(share, behind)
        back = self._background(behind, share, added)
        front_share = haze.transmittance(condition, self.front_m[self.box], self.sine[self.box], self.height_m)
        picture = back.copy()
        picture[self.box] = self._foreground(image_linear, behind, back, share, front_share, added)
        if condition.visibility_m > 0:
            alpha = self.coverage[self.box][..., None]
            share[self.box] = alpha * front_share + (1 - alpha) * share[self.box]
            picture += _halos(image_linear, share)
        return picture

    def _background(self, behind: Floats, share: Floats, added: Floats) -> Floats:
        """What lies behind the subject with its air.

        The sky has its haze already. Where land borders on it, depth knows one of both only: there the pixel is taken
        for sky plus something, and the something fades.
        """
        back = behind * share + added * (1 - share)
        border = self.sky & ~self.pure_sky
        if border.any():
            pure = self.pure_sky & (self.coverage <= 0)
            sky_light = extrapolate(behind, pure.astype(np.float32))[border] if pure.any() else added[border]
            back[border] = sky_light + (behind[border] - sky_light) * share[border]
        back[self.pure_sky] = behind[self.pure_sky]
        return np.maximum(back, 0.0)

    def _foreground(
        self, image_linear: Floats, behind: Floats, back: Floats, share: Floats, front_share: Floats, added: Floats
    ) -> Floats:
        """The subject's box: opaque pixels through the subject's air, soft ones as a mix of both surfaces."""
        box = self.box
        coverage, image, back_here = self.coverage[box], image_linear[box], back[box]
        veil = added[box] * (1 - front_share)
        picture = np.where((coverage > 0)[..., None], image * front_share + veil, back_here)
        soft = soft_pixels(coverage)
        if soft.any():
            alpha = coverage[soft][:, None]
            front = extrapolate(image, trust_foreground(self.coverage)[box])[soft]
            rest = image[soft] - alpha * front - (1 - alpha) * behind[box][soft]
            rest = rest * (alpha * front_share[soft] + (1 - alpha) * share[box][soft])
            front = front * front_share[soft] + veil[soft]
            picture[soft] = np.maximum(alpha * front + (1 - alpha) * back_here[soft] + rest, 0.0)
        return picture


def through_air(
    image_linear: Floats,
    depth_m: Floats,
    coverage: Floats,
    camera: Camera,
    condition: ConditionSpec,
    *,
    indoor: bool = False,
) -> Floats:
    """One render with the air of its capture condition in it; see `AirPath`."""
    return AirPath.of(depth_m, coverage, camera, indoor=indoor).through(image_linear, condition)


def _around(coverage: Floats, margin: int = 24) -> tuple[slice, slice]:
    """Rows and columns of all coverage and a margin; empty slices without any."""
    rows, columns = np.flatnonzero(coverage.any(axis=1)), np.flatnonzero(coverage.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    return slice(top, int(rows[-1]) + 1 + margin), slice(left, int(columns[-1]) + 1 + margin)


def _continue(values: Floats, trust: Floats) -> Floats:
    """Values (H, W) where they are trusted, a smooth continuation elsewhere."""
    if not trust.any():
        return values
    filled = extrapolate(np.repeat(values[..., None], 3, axis=2), trust.astype(np.float32))[..., 0]
    return np.where(trust >= 1, values, filled).astype(np.float32)


def _halos(image_linear: Floats, share: Floats) -> Floats:
    """What fog scatters of lamps and lit windows into the pixels around them: half of what it takes, in two widths.

    Skies and sunlit walls are no sources here: their scattered light is the airlight. A source stands out of its
    surroundings by far, and a pixel gains by the fog before it.
    """
    bright = image_linear.max(axis=-1)
    limit = HALO_STANDS_OUT * max(float(np.percentile(bright, 90)), 1e-9)
    source = image_linear * (bright > limit)[..., None] * (1 - share)
    if not source.any():
        return np.zeros_like(image_linear)
    side = max(image_linear.shape[:2])
    wide = [cv2.GaussianBlur(source, (0, 0), width * side, borderType=cv2.BORDER_CONSTANT) for width in HALO_WIDTHS]
    return (HALO_SHARE * sum(wide) / len(wide) * (1 - share)).astype(np.float32)


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
