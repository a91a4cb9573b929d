# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame of an export: its layers rendered in every light, developed, and put together in all pairs.

Characters and background are layers of one scene that add up to the picture (`layers.shot_scene`), so the character of
light B stands before the background of light A without any cutting out. Before a plate, whose light nobody can change,
the artist's own light is the right one: it gives the real image, other lights give the composites.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import over, unpremultiply
from harmonize_core.errors import InputError
from harmonize_core.pull_push import extrapolate
from harmonize_core.runtime import ColorTransform, harmonize_layers

from . import layers
from .bridge import pixels
from .bridge.files import encode_exr, write_atomic
from .export_lights import describe, lit
from .export_styles import AS_LIT, RGB, Style, View, exposure_of, level
from .triplet_set import Pair

Floats = NDArray[np.float32]


class NotSeen(InputError):
    """A frame without characters."""


@dataclass(frozen=True)
class Pictures:
    """What a frame becomes: (H, W, 3) sRGB in [0, 1] each."""

    coverage: Floats
    """(H, W) of the characters in [0, 1]."""
    reals: Mapping[int, Floats]
    """By number of the style."""
    composites: Iterator[tuple[Pair, Floats]]
    """By styles of background and foreground, made when they are asked for: there may be 90."""
    exposures: Mapping[int, tuple[float, RGB]]
    """By style: stops and white-balance gains."""
    conditions: Mapping[int, dict[str, Any]]
    """By style: what the manifest says of the light."""


@dataclass(frozen=True)
class _Light:
    """The layers of a frame in one light, scene-linear and premultiplied."""

    style: Style
    layers: Mapping[str, pixels.Layer]
    condition: dict[str, Any]

    @property
    def character(self) -> pixels.Layer:
        return self.layers[layers.CHARACTERS]


def before_scene(
    shot: bpy.types.Scene, cast: layers.Cast, styles: tuple[Style, ...], frame: int, scratch: Path, *, neutral: bool
) -> Pictures:
    """A frame whose background is the rest of the scene: every pair of styles is exchanged.

    Args:
        shot: from `layers.shot_scene`, whose cast has the backdrop "SCENE".
        cast: of it.
        styles: two or more.
        frame: scene frame.
        scratch: folder for rendered layers.
        neutral: the scene shows linear light as plain sRGB; else its view transform is asked.

    Raises:
        NotSeen: the characters are not in the picture.
        OutputError: Blender could not render.
    """
    lights = _render_all(shot, cast, styles, frame, scratch)
    show, view = _shower(shot, scratch, neutral=neutral), view_of(shot)
    coverage = lights[0].character.alpha
    pictures = {x.style.style_id: x.character.rgb_linear + x.layers[layers.BACKGROUND].rgb_linear for x in lights}
    reference = level(pictures[lights[0].style.style_id])
    exposures = {
        x.style.style_id: exposure_of(x.style, pictures[x.style.style_id], coverage, reference, view) for x in lights
    }
    gains = {number: _gain(*exposure) for number, exposure in exposures.items()}
    reals = {number: show(picture * gains[number]) for number, picture in pictures.items()}

    def composites() -> Iterator[tuple[Pair, Floats]]:
        for behind in lights:
            for before in lights:
                a, b = behind.style.style_id, before.style.style_id
                if a != b:
                    background = behind.layers[layers.BACKGROUND].rgb_linear * gains[a]
                    shown = show(background + before.character.rgb_linear * gains[b])
                    yield (a, b), np.where(coverage[..., None] > 0, shown, reals[a])

    return Pictures(coverage, reals, composites(), exposures, {x.style.style_id: x.condition for x in lights})


def before_plate(
    shot: bpy.types.Scene,
    cast: layers.Cast,
    styles: tuple[Style, ...],
    frame: int,
    scratch: Path,
    plate: Floats,
    *,
    neutral: bool,
) -> Pictures:
    """A frame before a plate (H, W, 3) sRGB: real in the artist's own light, a composite in each other; see above."""
    lights = _render_all(shot, cast, styles, frame, scratch)
    show, view = _shower(shot, scratch, neutral=neutral), view_of(shot)
    own = next(x for x in lights if x.style.name == AS_LIT)
    coverage = own.character.alpha
    if (shadow := own.layers.get(layers.SHADOWS)) is not None:
        shaded = np.clip(linear_to_srgb(over(shadow.rgb_linear, shadow.alpha, srgb_to_linear(plate))), 0, 1)
        plate = np.where(shadow.alpha[..., None] > 0, shaded, plate)
    straight = {x.style.style_id: unpremultiply(x.character.rgb_linear, x.character.alpha) for x in lights}
    metered = {number: extrapolate(colors, coverage) for number, colors in straight.items()}
    reference = level(metered[own.style.style_id])
    exposures = {
        x.style.style_id: exposure_of(x.style, metered[x.style.style_id], coverage, reference, view) for x in lights
    }

    def laid(light: _Light) -> Floats:
        number = light.style.style_id
        colors = srgb_to_linear(show(straight[number] * _gain(*exposures[number])))
        return harmonize_layers(ColorTransform.identity(), colors * coverage[..., None], coverage, plate)

    a = own.style.style_id
    composites = (((a, x.style.style_id), laid(x)) for x in lights if x is not own)
    return Pictures(coverage, {a: laid(own)}, composites, exposures, {x.style.style_id: x.condition for x in lights})


def _render_all(
    shot: bpy.types.Scene, cast: layers.Cast, styles: tuple[Style, ...], frame: int, scratch: Path
) -> list[_Light]:
    places = [o.matrix_world.translation for o in cast.characters]
    centre = sum(places, Vector()) / max(1, len(places))
    lights = []
    for style in styles:
        found: dict[str, pixels.Layer] = {}
        condition = describe(style, shot)
        with lit(shot, style, frame, centre):
            for name in layers.layer_names(cast):
                if name == layers.SHADOWS and style.name != AS_LIT:
                    continue  # shadows belong to the light of the background
                path = scratch / f"{name}.exr"
                layers.render_layer(shot, name, frame, path)
                found[name] = pixels.read_layer(path)
                path.unlink()
        seen = found[layers.CHARACTERS]
        if not (seen.alpha >= 0.5).any():
            raise NotSeen(
                f"The characters are not in the picture in frame {frame}, so there is nothing to learn from it; "
                "export frames in which they are seen"
            )
        opaque = np.where(seen.alpha[..., None] > 0, seen.rgb_linear, np.float32(0))
        found[layers.CHARACTERS] = pixels.Layer(opaque, seen.alpha)
        lights.append(_Light(style, found, condition))
    return lights


def view_of(scene: bpy.types.Scene) -> View:
    """What metering minds of a scene's colour management."""
    settings = scene.view_settings
    kind = {"AgX": "agx", "Filmic": "filmic"}.get(settings.view_transform, "standard")
    return View(kind, float(settings.exposure))


def _gain(stops: float, white_balance: RGB) -> Floats:
    return np.asarray(white_balance, np.float32) * np.float32(2.0**stops)


def _shower(shot: bpy.types.Scene, scratch: Path, *, neutral: bool) -> Callable[[Floats], Floats]:
    """From linear light (H, W, 3) to sRGB in [0, 1] as the scene's view transform shows it."""
    if neutral:
        return lambda linear: np.clip(linear_to_srgb(np.maximum(linear, 0)), 0, 1)

    def through_view(linear: Floats) -> Floats:
        exr, png = scratch / "shown.exr", scratch / "shown.png"
        write_atomic(exr, encode_exr(linear))
        layers.write_view(shot, exr, png)
        picture = pixels.read_values(png)[..., :3]
        exr.unlink()
        png.unlink()
        return np.ascontiguousarray(picture)

    return through_view
