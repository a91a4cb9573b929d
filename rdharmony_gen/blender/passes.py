# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes of a Cycles render as arrays, and what several renders of one view know together about its surfaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from rdharmony_gen.blender import compat
from rdharmony_gen.blender.session import render_file

Image = NDArray[np.float32]

LOBES = ("Diff", "Gloss", "Trans")
WIDE = ("Z",)
"""Channels of files that half floats are too coarse for: at 100 m they step by 6 cm."""


@dataclass(frozen=True)
class Passes:
    """One render. Light is scene-linear and premultiplied; the sky is not in it."""

    light: Image
    """(H, W, 3) all light."""
    direct: Image
    """(H, W, 3) the part that lamps and suns throw straight onto what is seen."""
    groups: dict[str, Image]
    """(H, W, 3) the part of each light group."""
    albedo: Image
    """(H, W, 3) in [0, 1], anti-aliased, premultiplied."""
    normal: Image
    """(H, W, 3) in the camera's axes: x right, y up, z away; anti-aliased, so shorter than 1 at edges."""
    alpha: Image
    """(H, W) share of the pixel that is not sky."""
    depth: Image
    """(H, W) metres along the camera's axis to the first surface of one sample; 1e10 for the sky."""


def ask_for_passes(scene: bpy.types.Scene) -> None:
    """Let the scene write what `render_passes` reads; no denoising, no sky."""
    layer = scene.view_layers[0]
    layer.use_pass_z = True
    layer.cycles.denoising_store_passes = True
    for kind in ("diffuse", "glossy", "transmission"):
        setattr(layer, f"use_pass_{kind}_direct", True)
        setattr(layer, f"use_pass_{kind}_color", True)
    scene.render.film_transparent = True
    scene.cycles.use_denoising = False


def render_passes(scene: bpy.types.Scene, scratch: Path, samples: int, seed: int, groups: list[str]) -> Passes:
    """Render the scene as it is."""
    scene.cycles.samples, scene.cycles.seed = samples, seed
    compat.write_exr_passes(scene)
    channels = render_file(scene, scratch)

    def get(name: str, parts: str) -> Image:
        return compat.render_pass(channels, name, parts)

    combined = get("Combined", "RGBA")
    lobes = [get(compat.pass_name(f"{k}Dir"), "RGB") * get(compat.pass_name(f"{k}Col"), "RGB") for k in LOBES]
    return Passes(
        light=combined[..., :3],
        direct=np.sum(lobes, axis=0, dtype=np.float32),
        groups={name: get(f"Combined_{name}", "RGB") for name in groups},
        albedo=np.clip(get("Denoising Albedo", "RGB"), 0.0, 1.0),
        normal=get("Denoising Normal", "XYZ"),
        alpha=np.clip(combined[..., 3], 0.0, 1.0),
        depth=get("Depth", "Z")[..., 0],
    )


@dataclass
class Surfaces:
    """Albedo, normal, alpha and depth of a view, gathered from all of its renders: clean but behind glass."""

    weight: int = 0
    sums: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    depth: Image | None = None

    def add(self, seen: Passes, samples: int) -> None:
        """Count a render in."""
        self.weight += samples
        for name in ("albedo", "normal", "alpha"):
            self.sums[name] = self.sums.get(name, 0.0) + samples * getattr(seen, name).astype(np.float64)
        if self.depth is None:
            self.depth = seen.depth

    def _mean(self, name: str) -> Image:
        return (self.sums[name] / self.weight).astype(np.float32)

    @property
    def albedo(self) -> Image:
        """(H, W, 3), premultiplied."""
        return self._mean("albedo")

    @property
    def normal(self) -> Image:
        """(H, W, 3) in the camera's axes."""
        return self._mean("normal")

    @property
    def alpha(self) -> Image:
        """(H, W)."""
        return self._mean("alpha")

    def channels(self, scene: bpy.types.Scene) -> dict[str, Image]:
        """What `aux.exr` holds: Z metres; albedo R, G, B; normal NX, NY, NZ in the world's axes; A, 1 minus the sky."""
        normal, albedo = self.normal @ camera_axes(scene).T, self.albedo
        assert self.depth is not None
        flat = {"Z": self.depth, "A": self.alpha}
        flat |= {c: albedo[..., i] for i, c in enumerate("RGB")}
        return flat | {f"N{c}": normal[..., i].astype(np.float32) for i, c in enumerate("XYZ")}


def camera_axes(scene: bpy.types.Scene) -> NDArray[np.float32]:
    """(3, 3) matrix from the camera's axes (x right, y up, z away) to the world's."""
    assert scene.camera is not None
    scene.view_layers[0].update()
    turn = np.array(scene.camera.matrix_world, np.float32)[:3, :3]
    return turn * np.array([1.0, 1.0, -1.0], np.float32)
