# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Blender 4.2 and 5.2, one function per difference (tried in 4.3, 4.5 and 5.2)."""

from __future__ import annotations

from pathlib import Path

import bpy


def set_still_format(scene: bpy.types.Scene, file_format: str, mode: str, depth: str) -> None:
    """Choose the still image a scene writes; Blender 5.0 asks for the kind of media first."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = file_format
    settings.color_mode = mode
    settings.color_depth = depth
    if file_format == "OPEN_EXR":
        settings.exr_codec = "ZIP"
        # The file's numbers are Rec.709 whatever the working space (Blender 5 offers others).
        settings.color_management = "OVERRIDE"
        settings.linear_colorspace_settings.name = "Linear Rec.709"
    else:
        settings.color_management = "FOLLOW_SCENE"


def new_movie_strip(scene: bpy.types.Scene, path: Path) -> bpy.types.Strip | None:
    """A movie strip from frame 1 in a scene's sequencer; None when Blender cannot read the file."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    try:
        return strips.new_movie(path.name, str(path), 1, 1, fit_method="ORIGINAL")
    except RuntimeError:
        return None


def find_curve(datablock: bpy.types.ID, path: str) -> bpy.types.FCurve | None:
    """The animation curve of a property; None where it is not keyframed.

    Blender 4.4 put channels of an action under slots; 5.0 removed the flat list.
    """
    animation = datablock.animation_data
    action = animation.action if animation else None
    if action is None:
        return None
    curves = []
    if getattr(action, "layers", None) and getattr(animation, "action_slot", None):
        bags = (strip.channelbag(animation.action_slot) for layer in action.layers for strip in layer.strips)
        curves = [curve for bag in bags if bag for curve in bag.fcurves]
    elif hasattr(action, "fcurves"):
        curves = list(action.fcurves)
    return next((c for c in curves if c.data_path == path), None)


def animated_value(datablock: bpy.types.ID, path: str, frame: float, default: float) -> float:
    """A keyframed property at a frame without moving the scene there; `default` where it is not keyframed."""
    curve = find_curve(datablock, path)
    return default if curve is None else float(curve.evaluate(frame))


def delete_keyframes(datablock: bpy.types.ID, path: str) -> None:
    """Remove all keyframes of a property; the last one takes its curve along in every version."""
    curve = find_curve(datablock, path)
    for frame in [point.co.x for point in curve.keyframe_points] if curve else []:
        datablock.keyframe_delete(path, frame=frame)


def result_image(name: str, path: Path, sequence_length: int) -> bpy.types.Image:
    """The image datablock `name` showing a result file, or a sequence that begins with it."""
    image = bpy.data.images.get(name)
    if image is None:
        image = bpy.data.images.load(str(path), check_existing=False)
        image.name = name
    image.source = "SEQUENCE" if sequence_length > 1 else "FILE"
    image.filepath = str(path)
    image.reload()
    return image
