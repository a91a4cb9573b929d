# SPDX-License-Identifier: Apache-2.0
"""Every button that changes the file is taken back by one undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from addon_session import addon

ELSEWHERE = {
    "estimate_lights": "addon_checks_lights",
    "set_lights": "addon_checks_lights",
    "key_lights": "addon_checks_lights",
    "add_lights": "addon_checks_lights",
    "reset_lights": "addon_checks_lights",
}
"""Buttons that renders come before; the checks of Match Lights undo them, too."""


def check_every_button_undoes_in_one_step(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    bpy.ops.harmonize.frame()
    bpy.context.view_layer.objects.active = shot.hero
    shot.settings.strength = 0.5
    tried = set()

    def undone(name: str, /, **arguments: Any) -> None:
        """Press a button, see that it did something, take it back, see that nothing is left, and press it again."""
        bpy.ops.ed.undo_push(message="before")
        before = state()
        operator = getattr(bpy.ops.harmonize, name)
        assert operator("EXEC_DEFAULT", True, **arguments) == {"FINISHED"}, name
        assert name in NO_CHANGE or state() != before, f"{name} did nothing"
        bpy.ops.ed.undo()
        after = state()
        differing = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
        assert not differing, f"{name}: {str(differing)[:1000]}"
        operator("EXEC_DEFAULT", True, **arguments)
        tried.add(name)

    undone("frame")
    undone("animation")
    undone("add_strip")
    bpy.data.objects["Ball"].select_set(True)
    bpy.context.scene.harmonize.characters = None
    undone("collect_selected")
    undone("name_selected")
    bpy.context.scene.harmonize.foreground = "COLLECTION"
    undone("choose_background", filepath=str(folder / "plate.png"))
    undone("choose_render", filepath=str(folder / "plate.png"))
    bpy.context.scene.harmonize.source = "RENDER"
    bpy.context.scene.render.use_border = True
    undone("mend", what="region")
    undone("protect_material")
    undone("unprotect_material", index=0)
    undone("apply_preset", name=addon("presets").all_presets()[0].name)
    bpy.context.scene.harmonize.strength = 0.25
    undone("reset_look")
    undone("bake_look")
    undone("remove_look")
    wanted = {
        cls.bl_idname.partition(".")[2]
        for module in addon("registration").MODULES
        for cls in module.CLASSES
        if issubclass(cls, bpy.types.Operator) and "UNDO" in getattr(cls, "bl_options", ())
    }
    assert not wanted - tried - set(ELSEWHERE), f"not tried: {wanted - tried - set(ELSEWHERE)}"


NO_CHANGE = {"frame", "animation"}
"""They write files; the image that shows them is no part of what is compared."""


def state() -> dict[str, Any]:
    """What of the file a button might change, in words."""
    import bpy

    scene = bpy.context.scene
    groups = [p.identifier for p in scene.bl_rna.properties if p.identifier.startswith("harmonize")]
    found = {name: values(getattr(scene, name)) for name in groups}
    found["scene"], found["render"] = values(scene), values(scene.render)
    for kind in ("scenes", "collections", "objects", "worlds", "lights", "materials", "node_groups", "actions"):
        found[kind] = sorted(block.name for block in getattr(bpy.data, kind))
    editor = scene.sequence_editor
    found["strips"] = len(addon("compat").strips_of(scene)) if editor else 0
    found["members"] = {c.name: sorted(o.name for o in c.objects) for c in bpy.data.collections}
    found["selected"] = sorted(o.name for o in scene.objects if o.select_get())
    tree = addon("compat").compositor_tree(scene)
    nodes = tree.nodes if tree else ()
    found["nodes"] = sorted((n.name, *(bool(i.links) for i in n.inputs)) for n in nodes)
    return found


def values(item: Any) -> dict[str, str]:
    """Properties of a struct that are plain values, names of datablocks, or lists of plain values."""
    import bpy

    found = {}
    for prop in item.bl_rna.properties:
        if prop.identifier in ("rna_type", "bl_rna", "session_uid", "users"):  # Blender counts users anew when it loads
            continue
        value = getattr(item, prop.identifier, None)
        if prop.type == "COLLECTION":
            value = [values(entry) for entry in value if isinstance(entry, bpy.types.PropertyGroup)]
        elif prop.type == "POINTER":
            value = getattr(value, "name", None)
        elif getattr(prop, "is_array", False):
            value = tuple(value)
        found[prop.identifier] = str(value)
    return found
