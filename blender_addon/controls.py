# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""Look Control: how far a look may go, what it spares, and the way back to the defaults.

The limits themselves are `harmonize_core.runtime.parts.Limits`; here are their settings and buttons. Materials
are spared by their cryptomatte, which is rendered along with the characters as soon as one is listed (`mattes.py`).
"""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

from harmonize_core.runtime.parts import Limits

from . import preset_menu, presets
from .compat import remove_curves, remove_empty_action
from .translations import sentence

MODES = (
    ("MAP", "Place by Place", "The change differs across a character, as light does"),
    ("GLOBAL", "One Grade", "One change for the whole of a character, as a colourist grades it and nodes can play it"),
)


FIXED: set[str] = set()
"""Options of properties that cannot be keyframed."""


class HarmonizeProtectedMaterial(bpy.types.PropertyGroup):
    """One material that shall change less."""

    material: PointerProperty(
        name="Material", type=bpy.types.Material, options=FIXED, description="A material that changes less"
    )


class HarmonizeControl(bpy.types.PropertyGroup):
    """`scene.harmonize_control`: the limits of the look, the same for all frames.

    `read_limits` and `protected_materials` are the readers.
    """

    mode: EnumProperty(
        name="Change",
        items=MODES,
        options=FIXED,
        description="Whether the look may differ from place to place",
    )
    keep_hue: BoolProperty(
        name="Keep Hues",
        options=FIXED,
        description="Colours get lighter, darker, richer or paler, but a red stays that red",
    )
    use_limit: BoolProperty(name="Limit Change", options=FIXED, description="No pixel changes by more than this")
    largest: FloatProperty(
        name="Largest Change",
        options=FIXED,
        default=10.0,
        min=0.0,
        soft_max=30.0,
        max=100.0,
        description="Colour difference CIEDE2000 that no pixel exceeds: 1 is just visible, 5 to 10 is moderate",
    )
    skin: FloatProperty(
        name="Protect Skin",
        options=FIXED,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="How much less colours like human skin change; told by colour alone, so wood and sand count, too",
    )
    materials_amount: FloatProperty(
        name="Protect Materials",
        options=FIXED,
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="How much less the materials below change: 1 not at all",
    )
    materials: CollectionProperty(type=HarmonizeProtectedMaterial)


def read_limits(scene: bpy.types.Scene) -> Limits:
    """The limits an artist set."""
    control = scene.harmonize_control
    return Limits(
        one_grade=control.mode == "GLOBAL",
        keep_hue=control.keep_hue,
        largest=control.largest if control.use_limit else None,
        skin=control.skin,
        materials=control.materials_amount if protected_materials(scene) else 0.0,
    )


def protected_materials(scene: bpy.types.Scene) -> tuple[str, ...]:
    """Names of the materials that shall change less, sorted."""
    chosen = {item.material for item in scene.harmonize_control.materials if item.material is not None}
    return tuple(sorted({material.name for material in chosen}))


class HARMONIZE_OT_protect_material(bpy.types.Operator):
    """Spare a material: the active one of the active object, or an empty place to choose one in"""

    bl_idname = "harmonize.protect_material"
    bl_label = "Add Material"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """A material is listed once."""
        listed = context.scene.harmonize_control.materials
        material = getattr(context.active_object, "active_material", None)
        if material is None or any(item.material == material for item in listed):
            listed.add()
            return {"FINISHED"}
        free = next((item for item in listed if item.material is None), None)
        (free or listed.add()).material = material
        return {"FINISHED"}


class HARMONIZE_OT_unprotect_material(bpy.types.Operator):
    """Take this material off the list"""

    bl_idname = "harmonize.unprotect_material"
    bl_label = "Remove Material"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    index: IntProperty(min=0, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The material itself stays as it is."""
        listed = context.scene.harmonize_control.materials
        if self.index >= len(listed):
            self.report(
                {"ERROR"}, sentence(f"There is no protected material {self.index + 1}: {len(listed)} are listed")
            )
            return {"CANCELLED"}
        listed.remove(self.index)
        return {"FINISHED"}


class HARMONIZE_OT_reset_look(bpy.types.Operator):
    """Set strength, smoothing and all limits back to their defaults; keyframes of the strength go, too"""

    bl_idname = "harmonize.reset_look"
    bl_label = "Reset Look"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Characters, background and output stay as they are."""
        scene = context.scene
        for path in presets.settings(scene).values():
            group, name = path.split(".")
            remove_curves(scene, path)
            getattr(scene, group).property_unset(name)
        remove_empty_action(scene)
        scene.harmonize_control.materials.clear()
        collection = scene.harmonize.characters
        for character in (collection, *collection.children) if collection else ():
            if character.library is None:
                character.harmonize_character.property_unset("strength")
        return {"FINISHED"}


CLASSES = (
    HarmonizeProtectedMaterial,
    HarmonizeControl,
    HARMONIZE_OT_protect_material,
    HARMONIZE_OT_unprotect_material,
    HARMONIZE_OT_reset_look,
    *preset_menu.CLASSES,
)


def register() -> None:
    """Hang the settings on the scene."""
    bpy.types.Scene.harmonize_control = PointerProperty(type=HarmonizeControl)


def unregister() -> None:
    """Take them away again; what files hold stays in them."""
    del bpy.types.Scene.harmonize_control
