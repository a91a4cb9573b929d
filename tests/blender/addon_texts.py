# SPDX-License-Identifier: Apache-2.0
"""Every text that the add-on's interface shows, from its registered classes and from the source of its layouts."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from addon_session import addon

NO_WORDS = re.compile(r"[\W\d_]*")
"""Nothing to translate: signs, numbers."""

SAYS = re.compile(r"report|sentence|Lack|Cancelled|EnvironmentFault|\w+Error")
"""What is called with a sentence for the artist."""


def interface_texts() -> Iterator[str]:
    """Labels, tooltips, items of menus, and texts in layouts; English, each as Blender looks it up."""
    found = [*_of_classes(), *_of_sources()]
    yield from (text for text in found if not NO_WORDS.fullmatch(text))


def sentences() -> Iterator[str]:
    """Errors and messages, with {1}, {2}, ... for the values in them."""
    for node in _nodes():
        if isinstance(node, ast.Call) and SAYS.fullmatch(_name(node)):
            yield from (text for value in node.args[:2] if " " in (text := _numbered(value)))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") == "message":
            yield _numbered(node.value)


def is_in_sources(text: str) -> bool:
    """Whether all that a text has between its values stands somewhere in the add-on."""
    return all(any(part in constant for constant in _constants()) for part in re.split(r"{\d+}", text))


def placeholders(text: str) -> list[str]:
    """The {names} in a text, sorted."""
    return sorted(re.findall(r"{(\w*)[^}]*}", text))


def _of_classes() -> Iterator[str]:
    import bpy

    for module in addon("registration").MODULES:
        yield from (text for mend in getattr(module, "MENDS", {}).values() for text in (mend.lack, mend.label))
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
    for node in _nodes():
        if isinstance(node, ast.Call):
            yield from _of_call(node)


@functools.cache
def _nodes() -> tuple[ast.AST, ...]:
    """All of the add-on's source, its worker and its tools for scripts left out: artists do not see them."""
    folder = Path(addon("registration").__file__).parent
    sources = sorted(folder.rglob("*.py"))
    return tuple(node for source in sources for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))))


@functools.cache
def _constants() -> frozenset[str]:
    """All literal texts of the source."""
    return frozenset(n.value for n in _nodes() if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _name(node: ast.Call) -> str:
    """Of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _numbered(value: ast.expr) -> str:
    """A literal, or an f-string with its values numbered; else nothing."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else ""
    if not isinstance(value, ast.JoinedStr):
        return ""
    numbers = itertools.count(1)
    return "".join(str(v.value) if isinstance(v, ast.Constant) else f"{{{next(numbers)}}}" for v in value.values)


def _of_call(node: ast.Call) -> Iterator[str]:
    said = [k.value for k in node.keywords if k.arg in ("text", "heading")]
    if _name(node) in ("say", "poll_message_set"):
        said += node.args[:1]
    for value in said:
        yield from _literals(value)


def _literals(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _literals(value.body)
        yield from _literals(value.orelse)
