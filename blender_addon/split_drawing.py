# SPDX-License-Identifier: GPL-3.0-or-later
"""How the before/after split is drawn: pictures on the graphics card, the line with its handle, a caption."""

from __future__ import annotations

from pathlib import Path

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from .bridge import pixels
from .compat import linear_picture_shader

Box = tuple[int, int, int, int]

OVERLAY_GAMMA = 2.2
"""Blender lays what draw handlers draw over the picture with this gamma, not sRGB's curve: with it, the same file looks
the same on both sides of the line (4.3 and 5.2; with sRGB's curve dark values are up to 8 of 255 too bright)."""

LINE_COLOR = (1.0, 1.0, 1.0, 0.9)
SHADOW_COLOR = (0.0, 0.0, 0.0, 0.5)


class Textures:
    """Pictures on the graphics card by file and date; the newest few only."""

    MOST = 4

    def __init__(self) -> None:
        self._kept: dict[tuple[Path, int], gpu.types.GPUTexture] = {}

    def get(self, path: Path) -> gpu.types.GPUTexture | None:
        """The picture, if it was loaded since it was written."""
        return self._kept.get(_dated(path))

    def load(self, path: Path) -> None:
        """Read a picture file, unless it is there already.

        Raises:
            HarmonizeError: it is missing or damaged.
        """
        key = _dated(path)
        if key in self._kept:
            return
        picture = pixels.read_plate(path)
        height, width = picture.shape[:2]
        rgba = np.ones((height, width, 4), dtype=np.float32)
        np.power(picture[::-1], OVERLAY_GAMMA, out=rgba[..., :3])  # Blender counts rows from below
        data = gpu.types.Buffer("FLOAT", rgba.size, rgba)
        self._kept[key] = gpu.types.GPUTexture((width, height), format="RGBA16F", data=data)
        for old in list(self._kept)[: -self.MOST]:
            del self._kept[old]

    def clear(self) -> None:
        """Give all of them back."""
        self._kept.clear()


def _dated(path: Path) -> tuple[Path, int]:
    try:
        return path, path.stat().st_mtime_ns
    except OSError:
        return path, 0


def draw_picture(texture: gpu.types.GPUTexture, box: Box, line: int) -> None:
    """The part of a picture left of the line; `box` is where the whole picture stands in the region, in pixels."""
    left, bottom, right, top = box
    share = (line - left) / max(1, right - left)
    places = ((left, bottom), (line, bottom), (line, top), (left, top))
    corners = ((0, 0), (share, 0), (share, 1), (0, 1))
    shader = linear_picture_shader()
    batch = batch_for_shader(shader, "TRI_FAN", {"pos": places, "texCoord": corners})
    shader.bind()
    shader.uniform_sampler("image", texture)
    batch.draw(shader)


def draw_line(line: int, box: Box, scale: float) -> None:
    """The line over the height of the picture, with a handle in the middle."""
    _, bottom, _, top = box
    middle, half = (bottom + top) / 2, 8 * scale
    gpu.state.blend_set("ALPHA")
    _quad(line - 1.5 * scale, bottom, line + 1.5 * scale, top, SHADOW_COLOR)
    _quad(line - 0.5 * scale, bottom, line + 0.5 * scale, top, LINE_COLOR)
    gap = 4 * scale
    for side in (-1, 1):
        tip, base = line + side * (gap + half), line + side * gap
        _triangle((tip, middle), (base, middle + half), (base, middle - half), LINE_COLOR)
    gpu.state.blend_set("NONE")


def draw_caption(region: bpy.types.Region, text: str) -> None:
    """A sentence at the bottom of the region."""
    font, scale = 0, bpy.context.preferences.system.ui_scale
    blf.size(font, 12 * scale)
    blf.color(font, 1, 1, 1, 0.8)
    width, _ = blf.dimensions(font, text)
    blf.position(font, max(8, (region.width - width) / 2), 16 * scale, 0)
    blf.draw(font, text)


def _quad(left: float, bottom: float, right: float, top: float, color: tuple[float, ...]) -> None:
    _fill("TRI_FAN", ((left, bottom), (right, bottom), (right, top), (left, top)), color)


def _triangle(a: tuple, b: tuple, c: tuple, color: tuple[float, ...]) -> None:
    _fill("TRIS", (a, b, c), color)


def _fill(kind: str, places: tuple, color: tuple[float, ...]) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, kind, {"pos": places})
    shader.bind()
    shader.uniform_float("color", color)
    batch.draw(shader)
