# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect Selected: the selected objects become the characters, and nothing else does unasked."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty

from harmonize_core.errors import HarmonizeError

from .linked import check_local
from .translations import sentence

NAME, SECOND_NAME = "Characters", "Harmonize Characters"
"""Of a new collection; the second where there is a collection of the first name already."""


class HARMONIZE_OT_collect_selected(bpy.types.Operator):
    """Link the selected objects and their children to a Characters collection, and choose it"""

    bl_idname = "harmonize.collect_selected"
    bl_label = "Collect Selected"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    use_existing: BoolProperty(  # ty: ignore[invalid-type-form]
        name="Use the One There Is",
        options={"SKIP_SAVE"},
        description="Take the scene's own collection Characters, not a new one: all that is in it is matched, too",
    )
    clash: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    def draw(self, _context: bpy.types.Context) -> None:
        """Ask only where there is a choice (Adjust Last Operation)."""
        if self.clash:
            self.layout.prop(self, "use_existing")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Objects stay in the collections they are in."""
        selected = list(context.selected_objects)
        if not selected:
            self.report({"ERROR"}, sentence("Nothing is selected: select the characters first"))
            return {"CANCELLED"}
        try:
            check_local(context.scene)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        wanted = {*selected, *(child for o in selected for child in o.children_recursive)}
        chosen = context.scene.harmonize.characters
        if chosen is not None and _is_own(chosen):
            collection = chosen
        else:
            collection = self._other_than(chosen, context.scene, wanted)
            context.scene.harmonize.characters = collection
        for thing in wanted - set(collection.all_objects):
            collection.objects.link(thing)
        return {"FINISHED"}

    def _other_than(
        self, chosen: bpy.types.Collection | None, scene: bpy.types.Scene, wanted: set[bpy.types.Object]
    ) -> bpy.types.Collection:
        """The scene's collection of our name if it holds nothing that is not wanted, else a new one; `chosen` in it."""
        there = next((c for c in scene.collection.children_recursive if c.name == NAME and _is_own(c)), None)
        self.clash = there is not None and not wanted.issuperset(there.all_objects)
        if there is not None and (self.use_existing or not self.clash):
            collection = there
            self.report({"INFO"}, sentence(f"The scene's own collection {there.name!r} holds the characters"))
        else:
            collection = bpy.data.collections.new(SECOND_NAME if NAME in bpy.data.collections else NAME)
            scene.collection.children.link(collection)
        if self.clash and collection != there:
            text = f"The characters are in {collection.name!r}: the scene's {NAME!r} has other objects in it, too"
            self.report({"INFO"}, sentence(text))
        if chosen is not None and chosen.name not in collection.children:
            collection.children.link(chosen)
        return collection


def _is_own(collection: bpy.types.Collection) -> bool:
    """Whether it can be added to: neither linked from another file nor an override of what is."""
    return collection.library is None and collection.override_library is None


CLASSES = (HARMONIZE_OT_collect_selected,)
