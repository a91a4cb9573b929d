# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Blender 4.2, 4.5, 5.0 and 5.2 differ, and nothing else; every other module is written as for one Blender."""

from collections.abc import Mapping

import bpy
import numpy as np

VERSION: tuple[int, int] = bpy.app.version[:2]


def eevee_engine() -> str:
    """What the rasteriser is called in `scene.render.engine`."""
    return "BLENDER_EEVEE" if VERSION >= (5, 0) else "BLENDER_EEVEE_NEXT"


def choose_denoiser(scene: bpy.types.Scene) -> bool:
    """Make Cycles denoise with Open Image Denoise; False if this Blender was built without it, as Debian's is."""
    try:
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
    except TypeError:
        return False
    return True


def write_exr_passes(scene: bpy.types.Scene) -> None:
    """Make the scene write all its passes, uncompressed floats, into one EXR file of one part."""
    settings = scene.render.image_settings
    if VERSION >= (5, 0):  # a medium first; parts would scatter the passes, and the writer is slower with them
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"
    settings.color_depth, settings.exr_codec = "32", "NONE"
    if VERSION >= (5, 0):
        settings.use_exr_interleave = True


def write_exr_picture(scene: bpy.types.Scene, channels: str) -> None:
    """Make the scene write its picture alone, uncompressed floats: channels RGB or RGBA."""
    settings = scene.render.image_settings
    if VERSION >= (5, 0):
        settings.media_type = "IMAGE"
    settings.file_format = "OPEN_EXR"
    settings.color_depth, settings.exr_codec, settings.color_mode = "32", "NONE", channels


def data_paths(action: bpy.types.Action) -> list[str]:
    """What the curves of an action move; it has layers since Blender 4.4."""
    bags = [bag for layer in getattr(action, "layers", ()) for strip in layer.strips for bag in strip.channelbags]
    curves = [c for bag in bags for c in bag.fcurves] or list(getattr(action, "fcurves", ()))
    return [curve.data_path for curve in curves]


def play(thing: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let an action, and nothing else, move an object; since Blender 4.4 by the slot that is for objects."""
    animation = thing.animation_data or thing.animation_data_create()
    for track in animation.nla_tracks:
        track.mute = True
    animation.action = action
    slots = [s for s in getattr(action, "slots", ()) if s.target_id_type in ("OBJECT", "UNSPECIFIED")]
    if slots:
        animation.action_slot = slots[0]


def pass_name(short: str) -> str:
    """What a pass is called in a file: `DiffDir` until Blender 4, `Diffuse Direct` since 5."""
    if VERSION < (5, 0):
        return short
    for lobe, word in (("Diff", "Diffuse"), ("Gloss", "Glossy"), ("Trans", "Transmission")):
        if short.startswith(lobe):
            return f"{word} {'Direct' if short.endswith('Dir') else 'Color'}"
    return short


def render_pass(channels: Mapping[str, np.ndarray], name: str, parts: str) -> np.ndarray:
    """One pass out of the channels of a file with passes: (H, W, len(parts)).

    Channels are called `<view layer>.<pass>.<part>`; Blender 5 writes a pass of one part in lower or upper case.

    Args:
        channels: of the file.
        name: of the pass, for instance `Combined_sun` or `Depth`.
        parts: for instance RGB or XYZ.

    Raises:
        KeyError: there is no such pass.
    """
    found = {}
    for channel, values in channels.items():
        owner, _, part = channel.rpartition(".")
        if owner.rpartition(".")[2] == name:
            found[part.upper()] = values
    if parts == "Z" and "Z" not in found and "V" in found:
        found["Z"] = found["V"]
    return np.stack([found[part] for part in parts], axis=-1)
