# SPDX-License-Identifier: GPL-3.0-or-later
"""The strategy `shared`: light is rendered once for each direction of the sun and once for all skies and lamps.

Every capture condition is then a weighted sum (`light.shared`), denoised after summing with surfaces that all renders
know together. Three things keep few paths enough:

* All skies are in one render (`lighting.Shells`), so every path counts for every condition.
* Direct sunlight, sharp but nearly free of noise, is denoised apart from what is smooth and noisy.
* The part of direct sunlight that follows from albedo and normal is taken from all renders, not from its own.

The visible sky is not rendered but put behind, at the resolution of the picture: clouds are never blurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from rdharmony_gen.blender import clock
from rdharmony_gen.blender.denoise import Denoiser, clean_surfaces
from rdharmony_gen.blender.lighting import LIGHT_WIDTH, Shells, Sun, light_lamps, without_sky
from rdharmony_gen.blender.passes import Passes, Surfaces, ask_for_passes, camera_axes, render_passes
from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.light import atmosphere, sky
from rdharmony_gen.light.shared import LampState, SharedLight, shared_light
from rdharmony_gen.spec.condition import ConditionSpec

Image = NDArray[np.float32]

SKY_SAMPLES, ROOM_SAMPLES = 2, 10
"""Paths for the skies, as multiples of those for a sun; a room sees them through windows only. They are not guided:
Cycles learns after as many samples as it rendered in a tenth of a second or more, so that a busier machine or fewer
threads make other noise (`RenderScheduler::get_num_samples_to_path_trace`, `PathTrace::guiding_prepare_structures`)."""
FINEST_SKY = 768
"""Rays across the picture for the visible sky, at least, and two a pixel."""
PREDICTION_FLOOR = 0.1
"""Share of the albedo that counts as lit even where the sun is behind the surface: no division by nothing."""


@dataclass(frozen=True)
class Eye:
    """The camera as a pinhole, for what is seen but not rendered.

    Attributes:
        axes: (3, 3) from the camera's axes to the world's.
        low: left and lower edge of the frame, at depth 1.
        high: right and upper edge.
        size: of the picture, width and height.
    """

    axes: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    size: tuple[int, int]

    @staticmethod
    def of(scene: bpy.types.Scene, axes: NDArray[np.float32]) -> Eye:
        """The scene's camera."""
        assert scene.camera is not None
        frame = np.array(scene.camera.data.view_frame(scene=scene))  # corners at some depth, -z ahead
        low, high = (edge[:2] / -frame[0, 2] for edge in (frame.min(axis=0), frame.max(axis=0)))
        return Eye(axes.astype(np.float64), low, high, (scene.render.resolution_x, scene.render.resolution_y))

    def sky(self, condition: ConditionSpec, rows: slice) -> Image:
        """Radiance (rows, W, 3) of the sky in some rows of the picture, each pixel the mean of several rays."""
        width, height = self.size
        fine = max(2, -(-FINEST_SKY // width))
        x = np.interp((np.arange(width * fine) + 0.5) / fine, (0, width), (self.low[0], self.high[0]))
        across = (np.arange(rows.start * fine, rows.stop * fine) + 0.5) / fine
        y = np.interp(across, (0, height), (self.high[1], self.low[1]))
        rays = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))], axis=-1) @ self.axes.T
        seen = sky.radiance(condition, rays / np.linalg.norm(rays, axis=-1, keepdims=True))
        return seen.reshape(len(y) // fine, fine, width, fine, 3).mean(axis=(1, 3))


@dataclass(frozen=True)
class _Sunlight:
    direct: Image
    bounced: Image


@dataclass(frozen=True)
class Shared:
    """The renders of a view, ready to be summed."""

    light: SharedLight
    surfaces: Surfaces
    suns: tuple[_Sunlight, ...]
    skies: dict[str, Image]
    lamps: tuple[Image, ...]
    always: Image
    """What shines in every condition, for instance a screen."""
    denoiser: Denoiser
    eye: Eye

    def picture(self, condition: ConditionSpec) -> Image:
        """The scene-linear picture (H, W, 3) of a condition."""
        with clock.part("summing and denoising"):
            picture = self._summed(condition)
        with clock.part("sky pictures"):
            behind = 1.0 - self.surfaces.alpha
            rows = np.flatnonzero(behind.max(axis=1) > 0)
            if len(rows):
                part = slice(rows[0], rows[-1] + 1)
                picture[part] += behind[part, :, None] * self.eye.sky(condition, part)
        return picture.astype(np.float32)

    def _summed(self, condition: ConditionSpec) -> Image:
        """The picture without the visible sky."""
        rest = self.skies[condition.style] + self.always
        direct: Image | float = 0.0
        if (sun := self.light.sun_of(condition)) is not None:
            number, gain = sun
            weights = np.array(gain, np.float32)
            direct = self.suns[number].direct * weights
            rest = rest + self.suns[number].bounced * weights
        if (lamps := self.light.lamps_of(condition)) is not None:
            number, power = lamps
            rest = rest + self.lamps[number] * np.float32(power)
        return np.maximum(self.denoiser(rest), 0.0) + direct


def render_shared(
    scene: bpy.types.Scene,
    stage: Stage,
    conditions: Sequence[ConditionSpec],
    samples: int,
    scratch: Path,
    *,
    indoor: bool,
    seed: int = 0,
) -> Shared:
    """Render what all conditions of a view need; the order of the conditions does not matter.

    Args:
        scene: built, with its camera.
        stage: holds the lamps.
        conditions: all of the job, done or not, so that a job that goes on renders the same.
        samples: paths a pixel for each direction of the sun.
        scratch: file to write to.
        indoor: the sky comes through windows.
        seed: of the paths; another one gives other noise.
    """
    conditions = sorted(conditions, key=lambda c: c.style_id)
    light = shared_light(conditions)
    without_sky(scene)
    ask_for_passes(scene)
    layer, surfaces = scene.view_layers[0], Surfaces()
    layer.lightgroups.add(name="sun")
    lamp = Sun(scene)
    lamp.holder.lightgroup = "sun"
    dark = replace(conditions[0], lamps=0.0)
    light_lamps(stage, dark)
    suns: list[tuple[Passes, NDArray[np.float64]]] = []
    for number, sun in enumerate(light.suns):
        lamp.shine(sun.irradiance, sun.elevation_deg, sun.azimuth_deg, sun.angle_deg)
        with clock.part("suns"):
            seen = render_passes(scene, scratch, samples, seed + number, ["sun"])
        surfaces.add(seen, samples)
        suns.append((seen, atmosphere.direction(sun.elevation_deg, sun.azimuth_deg)))
    lamp.off()
    always = np.mean([s.light - s.groups["sun"] for s, _ in suns], axis=0, dtype=np.float32) if suns else None

    with clock.part("sky pictures"):
        shells = Shells(scene, [sky.panorama(c, LIGHT_WIDTH, disc=False) for c in conditions])
    scene.cycles.transparent_max_bounces += len(conditions)
    skies: dict[str, Image] = {}
    lamps: list[Image] = []
    states: tuple[LampState | None, ...] = light.lamps or (None,)
    for number, state in enumerate(states):
        light_lamps(stage, dark if state is None else _lit(dark, state))
        paths = samples * (ROOM_SAMPLES if indoor else SKY_SAMPLES)
        with clock.part("skies and lamps"):
            seen = render_passes(scene, scratch, paths, seed + len(suns) + number, shells.groups)
        surfaces.add(seen, paths)
        ours = np.sum(list(seen.groups.values()), axis=0, dtype=np.float32)
        if number == 0:
            skies = {c.style: seen.groups[g] for c, g in zip(conditions, shells.groups, strict=True)}
        if always is None:
            always = np.zeros_like(ours) if state else seen.light - ours
        lamps.append(np.maximum(seen.light - ours - always, 0.0))
    assert always is not None
    light_lamps(stage, dark)
    shells.remove()
    scene.cycles.transparent_max_bounces -= len(conditions)
    axes = camera_axes(scene)
    with clock.part("summing and denoising"):
        albedo, normal = clean_surfaces(surfaces.albedo, surfaces.normal)
        denoiser = Denoiser(albedo, normal)
        sunlight = tuple(_sunlight(seen, towards, albedo, normal, axes, denoiser) for seen, towards in suns)
    return Shared(
        light=light,
        surfaces=surfaces,
        suns=sunlight,
        skies=skies,
        lamps=tuple(lamps),
        always=np.maximum(always, 0.0),
        denoiser=denoiser,
        eye=Eye.of(scene, axes),
    )


def _lit(dark: ConditionSpec, state: LampState) -> ConditionSpec:
    return replace(
        dark,
        lamps=state.level,
        lit_windows=state.lit_windows,
        lamp_temperature_k=state.temperature_k,
        lamp_colours=state.colours,
    )


def _sunlight(
    seen: Passes, towards: NDArray[np.float64], albedo: Image, normal: Image, axes: Image, denoiser: Denoiser
) -> _Sunlight:
    """Split the light of a sun, and take what the albedo and normals of all renders predict of its direct part."""
    light = seen.groups["sun"]
    steady = np.abs(seen.light - light).max() <= 1e-4 * max(float(light.max()), 1e-9)
    direct = np.minimum(seen.direct, light) if steady else light  # else `direct` holds other lamps, too
    local = (towards @ axes).astype(np.float32)

    def predicted(albedo: Image, normal: Image) -> Image:
        return (albedo + 0.01) * (np.maximum(normal @ local, 0.0)[..., None] + PREDICTION_FLOOR)

    own, known = predicted(seen.albedo, seen.normal), predicted(albedo, normal)
    clean = np.maximum(denoiser(direct * (known / own)), 0.0)
    return _Sunlight(clean, light - direct)
