# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""What Match Lights keeps in the scene: its settings, what it found, and what it changed."""

import bpy
import numpy as np
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
)
from numpy.typing import NDArray

from harmonize_core.runtime.light_match import gain_of

SUN, AMBIENT = "sun", "ambient"
GROUPS = (SUN, AMBIENT)
"""Groups of lights that are matched, each as a whole."""

FRAMES = (
    ("FRAME", "This Frame", "Estimate from the current frame"),
    ("SHOT", "Whole Shot", "Estimate from frames of the whole shot, one setting that suits all or keyframes"),
)


def _exposure(name: str, description: str) -> object:
    """A setting in stops."""
    return FloatProperty(name=name, soft_min=-6, soft_max=6, description=description)


def _tint(name: str, description: str) -> object:
    """A setting that is a colour, linear, largest channel up to 1."""
    return FloatVectorProperty(
        name=name, subtype="COLOR", size=3, default=(1, 1, 1), min=0, max=1, description=description
    )


class HarmonizeLightKey(bpy.types.PropertyGroup):
    """Gains of both groups at a frame, linear, relative to the light as it was."""

    frame: IntProperty(options={"HIDDEN"})
    sun: FloatVectorProperty(size=3, default=(1, 1, 1), options={"HIDDEN"})
    ambient: FloatVectorProperty(size=3, default=(1, 1, 1), options={"HIDDEN"})


class HarmonizeLightBefore(bpy.types.PropertyGroup):
    """A light as it was."""

    light: PointerProperty(type=bpy.types.Light, options={"HIDDEN"})
    energy: FloatProperty(options={"HIDDEN"})
    color: FloatVectorProperty(size=3, options={"HIDDEN"})


class HarmonizeLights(bpy.types.PropertyGroup):
    """`scene.harmonize_lights`: settings and estimate, which the artist may edit, and what was changed."""

    frames: EnumProperty(name="Estimate From", items=FRAMES, description="Which frames count")
    step: IntProperty(
        name="Every", default=12, min=1, soft_max=100, description="Frames from one estimate to the next in a shot"
    )
    amount: FloatProperty(
        name="Amount",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="How far the lights go from what they were to the estimate",
    )
    sun_exposure: _exposure("Sun", "Stops that the sun gains, relative to the light before")
    sun_tint: _tint("Sun Tint", "Colour that the sun's light is multiplied by; its exposure does not depend on it")
    ambient_exposure: _exposure("Ambient", "Stops that the world and ambient lights gain, relative to the light before")
    ambient_tint: _tint(
        "Ambient Tint", "Colour that ambient light is multiplied by; its exposure does not depend on it"
    )

    estimated: BoolProperty(options={"HIDDEN"})
    has_sun: BoolProperty(options={"HIDDEN"})
    has_ambient: BoolProperty(options={"HIDDEN"})
    fixed: IntProperty(options={"HIDDEN"})
    """Lights that were not matched."""
    before: FloatProperty(options={"HIDDEN"})
    """How far the characters are from what the network wants, root mean square of 0 to 255."""
    after: FloatProperty(options={"HIDDEN"})
    keys: CollectionProperty(type=HarmonizeLightKey, options={"HIDDEN"})
    """Estimates of single frames of a shot."""

    applied: CollectionProperty(type=HarmonizeLightKey, options={"HIDDEN"})
    """What the lights have now: nothing, one setting, or keyframes."""
    originals: CollectionProperty(type=HarmonizeLightBefore, options={"HIDDEN"})
    rig: PointerProperty(type=bpy.types.Collection, options={"HIDDEN"})
    sun_lights: PointerProperty(type=bpy.types.Collection, options={"HIDDEN"})
    ambient_lights: PointerProperty(type=bpy.types.Collection, options={"HIDDEN"})
    made_sun: PointerProperty(type=bpy.types.Object, options={"HIDDEN"})
    world: PointerProperty(type=bpy.types.World, options={"HIDDEN"})
    """Our copy of the artist's world, or a new one."""
    world_before: PointerProperty(type=bpy.types.World, options={"HIDDEN"})


def estimate_of(settings: HarmonizeLights) -> NDArray[np.float64]:
    """Gains (2, 3) of sun and ambient light that the panel shows, by the amount."""
    gains = [
        gain_of(settings.sun_exposure, settings.sun_tint),
        gain_of(settings.ambient_exposure, settings.ambient_tint),
    ]
    return np.stack(gains) ** settings.amount


def keys_of(settings: HarmonizeLights) -> dict[int, NDArray[np.float64]]:
    """The same of the frames of a shot."""
    return {key.frame: _gains(key) ** settings.amount for key in settings.keys}


def applied_at(settings: HarmonizeLights, frame: int) -> NDArray[np.float64]:
    """Gains (2, 3) that the lights have at a frame."""
    if not settings.applied:
        return np.ones((2, 3))
    frames = [key.frame for key in settings.applied]
    logs = np.log([_gains(key).ravel() for key in settings.applied])
    return np.exp([np.interp(frame, frames, channel) for channel in logs.T]).reshape(2, 3)


def store_keys(kept: bpy.types.bpy_prop_collection, gains: dict[int, NDArray[np.float64]]) -> None:
    """Replace the items of `keys` or `applied`."""
    kept.clear()
    for frame in sorted(gains):
        key = kept.add()
        key.frame, key.sun, key.ambient = frame, gains[frame][0], gains[frame][1]


def fingerprint(scene: bpy.types.Scene) -> list[object]:
    """What renders depend on of all this."""
    applied = scene.harmonize_lights.applied
    return [[key.frame, *(round(v, 5) for v in (*key.sun, *key.ambient))] for key in applied]


def _gains(key: HarmonizeLightKey) -> NDArray[np.float64]:
    return np.array([tuple(key.sun), tuple(key.ambient)], np.float64)


CLASSES = (HarmonizeLightKey, HarmonizeLightBefore, HarmonizeLights)


def register() -> None:
    """Hang the settings on the scene."""
    bpy.types.Scene.harmonize_lights = PointerProperty(type=HarmonizeLights)


def unregister() -> None:
    """Take them away again; what files hold stays in them."""
    del bpy.types.Scene.harmonize_lights
