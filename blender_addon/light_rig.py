# SPDX-License-Identifier: GPL-3.0-or-later
"""The *Harmonize Lights* collection: which lights are matched, setting and keyframing them, and taking all of it back.

It holds two collections, *Harmonize Sun* and *Harmonize Ambient*; lights are linked there besides where they are, and
may be moved from one to the other. The world is ambient light (`light_world`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError

from .compat import curves_of, remove_curves, remove_empty_action
from .layers import Cast
from .light_layers import is_portal
from .light_settings import AMBIENT, SUN, applied_at, store_keys
from .light_world import can_tint, give_back, make_linear, new_world, own_world, set_tint, untint

RIG, SUN_LIGHTS, AMBIENT_LIGHTS = "Harmonize Lights", "Harmonize Sun", "Harmonize Ambient"

_ELEVATION_DEG, _BESIDE_DEG = 45.0, 40.0
"""Where a new sun stands: height, and how far left of behind the camera."""

_PATHS = ("energy", "color")


@dataclass(frozen=True)
class LightGroups:
    """What of a scene's light is matched."""

    sun: tuple[bpy.types.Object, ...]
    ambient: tuple[bpy.types.Object, ...]
    world: bool
    """The world's light is ambient."""
    fixed: tuple[str, ...]
    """Names of lights that stay as they are."""

    @property
    def names(self) -> tuple[str, ...]:
        """The groups that there is light in."""
        return (SUN,) * bool(self.sun) + (AMBIENT,) * bool(self.ambient or self.world)

    @property
    def sun_names(self) -> tuple[str, ...]:
        """Of the objects."""
        return tuple(o.name for o in self.sun)

    @property
    def ambient_names(self) -> tuple[str, ...]:
        """Of the objects."""
        return tuple(o.name for o in self.ambient)


def find_groups(scene: bpy.types.Scene, cast: Cast) -> LightGroups:
    """Sort the lights that a render of the shot has.

    With a *Harmonize Lights* collection that says which are which. Else suns are sun, or without one the strongest
    lamp; all others are ambient; lights among the characters are theirs and stay.

    Raises:
        InputError: two objects in different groups share one light.
    """
    settings = scene.harmonize_lights
    shot = (*cast.others, *cast.holdouts, *cast.catchers)
    if settings.rig is not None and settings.sun_lights is not None and settings.ambient_lights is not None:
        sun = _lamps(settings.sun_lights.all_objects)
        ambient = [o for o in _lamps(settings.ambient_lights.all_objects) if o not in sun]
        seen = {*shot, *cast.characters}
        sun, ambient = [o for o in sun if o in seen], [o for o in ambient if o in seen]
    else:
        free = [o for o in _lamps(shot) if is_free(o.data, settings)]
        sun = [o for o in free if o.data.type == "SUN"]
        sun = sun or sorted(free, key=lambda o: -o.data.energy * max(o.data.color))[:1]
        ambient = [o for o in free if o not in sun]
    sun, ambient = ([o for o in group if is_free(o.data, settings)] for group in (sun, ambient))
    shared = next((a.name for a in ambient if any(a.data == s.data for s in sun)), None)
    if shared is not None:
        raise InputError(
            f"The light of {shared!r} is in Harmonize Sun and in Harmonize Ambient: make it single-user (Object > "
            "Relations > Make Single User > Object & Data), or put all objects that share it into one of them"
        )
    fixed = tuple(o.name for o in _lamps((*shot, *cast.characters)) if o not in sun and o not in ambient)
    return LightGroups(tuple(sun), tuple(ambient), can_tint(scene.world), fixed)


def is_free(light: bpy.types.Light, settings: bpy.types.PropertyGroup) -> bool:
    """Whether a light may be set: not linked from a library, and keyframed or driven by nobody but this tool."""
    if light.library is not None or not light.is_editable:
        return False
    ours = len(settings.applied) > 1 and any(before.light == light for before in settings.originals)
    drivers = light.animation_data.drivers if light.animation_data else ()
    driven = any(d.data_path in _PATHS for d in drivers)
    return not driven and (ours or not any(curves_of(light, path) for path in _PATHS))


def remember(scene: bpy.types.Scene, groups: LightGroups) -> None:
    """Note how the lights were. A light that the artist changed since was that much different before, too."""
    settings = scene.harmonize_lights
    if len(settings.applied) > 1:
        at = applied_at(settings, scene.frame_current)
    else:
        at = applied_at(settings, 0)
    for group, lamps in enumerate((groups.sun, groups.ambient)):
        for light in {o.data for o in lamps}:
            known = next((before for before in settings.originals if before.light == light), None)
            if known is not None and len(settings.applied) > 1:
                continue
            energy, color = _multiplied(light.energy, light.color, 1 / at[group])
            if known is None:
                known = settings.originals.add()
                known.light = light
            elif np.allclose([*color, energy], [*known.color, known.energy], rtol=1e-4):
                continue
            known.energy, known.color = energy, color


def apply_gains(scene: bpy.types.Scene, groups: LightGroups, gains: dict[int, NDArray[np.float64]]) -> None:
    """Set the lights to gains (2, 3) of sun and ambient light; several frames become keyframes."""
    settings = scene.harmonize_lights
    remember(scene, groups)
    _make_rig(scene, groups)
    _clear_keyframes(settings)
    now = min(gains, key=lambda frame: abs(frame - scene.frame_current))
    for group, lamps in enumerate((groups.sun, groups.ambient)):
        for light in {o.data for o in lamps}:
            before = next(b for b in settings.originals if b.light == light)
            for frame in [*sorted(gains), now] if len(gains) > 1 else [now]:
                light.energy, light.color = _multiplied(before.energy, before.color, gains[frame][group])
                if len(gains) > 1 and (not light.animation_data or not _has_key(light, frame)):
                    light.keyframe_insert("energy", frame=frame)
                    light.keyframe_insert("color", frame=frame)
            make_linear(light, _PATHS)
    if groups.world:
        world = settings.world if settings.world is not None and scene.world == settings.world else own_world(scene)
        set_tint(world, {frame: gain[1] for frame, gain in gains.items()}, now)
    store_keys(settings.applied, gains)


def reset_lights(scene: bpy.types.Scene) -> None:
    """Take back everything: values, keyframes, the world, the collections and what was made."""
    settings = scene.harmonize_lights
    _clear_keyframes(settings)
    for before in settings.originals:
        if before.light is not None:
            before.light.energy, before.light.color = before.energy, before.color
    settings.originals.clear()
    settings.applied.clear()
    give_back(scene)
    if settings.made_sun is not None:
        sun, settings.made_sun = settings.made_sun, None
        light = sun.data
        bpy.data.objects.remove(sun)
        if light is not None and not light.users:
            bpy.data.lights.remove(light)
    for name in ("sun_lights", "ambient_lights", "rig"):
        collection = getattr(settings, name)
        if collection is not None:
            setattr(settings, name, None)
            _move_out(collection, scene.collection)
            bpy.data.collections.remove(collection)


def _move_out(collection: bpy.types.Collection, to: bpy.types.Collection) -> None:
    """Link what is in a collection of ours and nowhere else to another; artists may have moved it there."""
    for thing in collection.objects:
        if len(thing.users_collection) == 1:
            to.objects.link(thing)
    for child in collection.children:
        if child.name not in to.children:
            to.children.link(child)


def add_missing(scene: bpy.types.Scene, groups: LightGroups) -> list[str]:
    """Make a sun and a world where there is none; returns what was made."""
    settings = scene.harmonize_lights
    made = []
    _make_rig(scene, groups)
    if not groups.sun:
        light = bpy.data.lights.new(SUN_LIGHTS, "SUN")
        light.energy, light.angle = 3.0, math.radians(0.53)
        sun = bpy.data.objects.new(SUN_LIGHTS, light)
        heading = scene.camera.matrix_world.to_euler().z if scene.camera else 0.0
        sun.rotation_euler = (math.radians(90 - _ELEVATION_DEG), 0.0, heading - math.radians(_BESIDE_DEG))
        settings.sun_lights.objects.link(sun)
        settings.made_sun = sun
        made.append("sun")
    if not groups.world and not groups.ambient and scene.world is None:
        new_world(scene)
        made.append("world")
    return made


def _lamps(things: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    return [o for o in things if o.type == "LIGHT" and not o.hide_render and not is_portal(o)]


def _multiplied(energy: float, color: Iterable[float], gain: NDArray[np.float64]) -> tuple[float, list[float]]:
    """Strength and colour of a light times a gain; the largest channel of its colour stays as large as it was."""
    color = np.asarray(tuple(color), np.float64)
    product = color * gain
    most = product.max() / max(color.max(), 1e-9)
    return energy * most, (product / max(most, 1e-9)).tolist()


def _make_rig(scene: bpy.types.Scene, groups: LightGroups) -> None:
    settings = scene.harmonize_lights
    if settings.rig is None:
        settings.rig = bpy.data.collections.new(RIG)
        scene.collection.children.link(settings.rig)
    for name, label, lamps in (
        ("sun_lights", SUN_LIGHTS, groups.sun),
        ("ambient_lights", AMBIENT_LIGHTS, groups.ambient),
    ):
        if getattr(settings, name) is None:
            setattr(settings, name, bpy.data.collections.new(label))
            settings.rig.children.link(getattr(settings, name))
        collection = getattr(settings, name)
        for lamp in lamps:
            if lamp.name not in collection.all_objects:
                collection.objects.link(lamp)


def _clear_keyframes(settings: bpy.types.PropertyGroup) -> None:
    if len(settings.applied) < 2:
        return
    for before in settings.originals:
        for path in _PATHS if before.light is not None else ():
            remove_curves(before.light, path)
        if before.light is not None:
            remove_empty_action(before.light)
    if settings.world is not None:
        untint(settings.world)


def _has_key(light: bpy.types.Light, frame: int) -> bool:
    return any(abs(p.co.x - frame) < 0.5 for curve in curves_of(light, "energy") for p in curve.keyframe_points)
