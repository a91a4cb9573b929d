# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes, properties and handlers in the order Blender needs, undone in reverse."""

from __future__ import annotations

from types import ModuleType

import bpy
from bpy.app.handlers import persistent

from . import (
    characters,
    choosing,
    collecting,
    control_panel,
    controls,
    demo_shot,
    export_triplets,
    light_settings,
    lights,
    live,
    main_panel,
    mending,
    model,
    operators,
    over_time,
    preferences,
    properties,
    running,
    sequencer,
    split_view,
    temporary,
    translations,
)

TOOLS: tuple[ModuleType, ...] = (
    over_time,
    characters,
    controls,
    control_panel,
    light_settings,
    lights,
    live,
    split_view,
    export_triplets,
    demo_shot,
)
"""Modules of one tool each, in the order of their panels: `CLASSES`, and if they need more than that `register()` and
`unregister()`. A tool keeps its settings in a property group of its own (`Scene.harmonize_<tool>`)."""

MODULES = (
    translations,
    preferences,
    properties,
    running,
    operators,
    sequencer,
    choosing,
    collecting,
    mending,
    main_panel,
    *TOOLS,
)


@persistent
def after_load(*_: object) -> None:
    """A file saved while a run was on holds its temporary scene."""
    temporary.remove_leftovers()


def register() -> None:
    """Add everything to Blender."""
    for module in MODULES:
        for cls in module.CLASSES:
            translations.put_in_context(cls)
            bpy.utils.register_class(cls)
        if hasattr(module, "register"):
            module.register()
    bpy.app.handlers.load_post.append(after_load)


def unregister() -> None:
    """Remove everything again."""
    if after_load in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(after_load)
    for module in reversed(MODULES):
        if hasattr(module, "unregister"):
            module.unregister()
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
    temporary.remove_leftovers()
    model.forget()
