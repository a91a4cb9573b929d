# SPDX-License-Identifier: GPL-3.0-or-later
"""View layers that are set up alike: Blender's Python makes new ones with its defaults only."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

_PLAIN = ("BOOLEAN", "INT", "FLOAT", "ENUM", "STRING")
_POINTED = ("material_override", "world_override")
_OWN = ("name", "use")


def new_like(model: bpy.types.ViewLayer, scene: bpy.types.Scene, name: str) -> bpy.types.ViewLayer:
    """A view layer with the settings of another one (samples, overrides, sky, engines' own); passes are its own."""
    made = scene.view_layers.new(name)
    for source, target in _groups(model, made):
        for prop in source.bl_rna.properties:
            key = prop.identifier
            wanted = prop.type in _PLAIN or key in _POINTED
            if wanted and not prop.is_readonly and key not in _OWN and not key.startswith("use_pass_"):
                setattr(target, key, getattr(source, key))
    return made


def _groups(
    model: bpy.types.ViewLayer, made: bpy.types.ViewLayer
) -> Iterator[tuple[bpy.types.bpy_struct, bpy.types.bpy_struct]]:
    """The layer itself and what engines keep of it."""
    yield model, made
    for engine in ("cycles", "eevee"):
        if hasattr(model, engine):
            yield getattr(model, engine), getattr(made, engine)
