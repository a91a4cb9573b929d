# SPDX-License-Identifier: Apache-2.0
"""Every text that the add-on's interface shows, from its registered classes and from the source of its layouts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from addon_session import addon

NO_WORDS = re.compile(r"[\W\d_]*")
"""Nothing to translate: signs, numbers."""


def interface_texts() -> Iterator[str]:
    """Labels, tooltips, items of menus, and texts in layouts; English, each as Blender looks it up."""
    found = [*_of_classes(), *_of_sources()]
    yield from (text for text in found if not NO_WORDS.fullmatch(text))


def placeholders(text: str) -> list[str]:
    """The {names} in a text, sorted."""
    return sorted(re.findall(r"{(\w*)[^}]*}", text))


def _of_classes() -> Iterator[str]:
    import bpy

    for module in addon("registration").MODULES:
        yield from (mend.label for mend in getattr(module, "MENDS", {}).values())
        for cls in module.CLASSES:
            if issubclass(cls, (bpy.types.Operator, bpy.types.Panel, bpy.types.Menu)):
                yield cls.bl_label
            if issubclass(cls, bpy.types.Operator):
                category, name = cls.bl_idname.split(".")
                yield getattr(getattr(bpy.ops, category), name).get_rna_type().description
            if issubclass(cls, bpy.types.Panel):
                yield getattr(cls, "bl_category", "")
            shown = issubclass(cls, (bpy.types.PropertyGroup, bpy.types.AddonPreferences, bpy.types.Operator))
            own = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", ())} if shown else ()
            for prop in cls.bl_rna.properties if own else ():
                if prop.identifier in own:
                    yield from _of_property(prop)


def _of_property(prop: object) -> Iterator[str]:
    if prop.is_hidden or prop.name == prop.identifier:  # for the add-on itself, in no layout
        return
    yield prop.name
    yield prop.description
    if prop.type == "ENUM":
        for item in prop.enum_items_static:
            yield item.name
            yield item.description


def _of_sources() -> Iterator[str]:
    """Literals given as `text` or `heading` to layouts, to `say` and to `poll_message_set`."""
    folder = Path(addon("registration").__file__).parent
    for source in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    said = [k.value for k in node.keywords if k.arg in ("text", "heading")]
    if name in ("say", "poll_message_set"):
        said += node.args[:1]
    for value in said:
        yield from _literals(value)


def _literals(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _literals(value.body)
        yield from _literals(value.orelse)
