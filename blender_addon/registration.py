# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes, properties and handlers in the order Blender needs, undone in reverse."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import layers, model, operators, panels, properties

CLASSES = (
    properties.HarmonizePreferences,
    properties.HarmonizeSettings,
    properties.HarmonizeProgress,
    *operators.CLASSES,
    *panels.CLASSES,
)


@persistent
def after_load(*_: object) -> None:
    """A file saved while a run was on holds its temporary scene."""
    layers.remove_leftovers()


def register() -> None:
    """Add everything to Blender."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.harmonize = bpy.props.PointerProperty(type=properties.HarmonizeSettings)
    bpy.types.WindowManager.harmonize_progress = bpy.props.PointerProperty(type=properties.HarmonizeProgress)
    bpy.app.handlers.load_post.append(after_load)


def unregister() -> None:
    """Remove everything again."""
    if after_load in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(after_load)
    del bpy.types.WindowManager.harmonize_progress
    del bpy.types.Scene.harmonize
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    model.forget()
