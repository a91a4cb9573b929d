# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in other languages. English is the source; `locale/<language>.json` holds {English: translation}.

Blender itself translates labels, tooltips and whole texts of layouts that are registered here. Texts that are put
together go through `say`. Errors are sentences of their own with values in them: `sentence` finds which one it is, for
files have them as "The image {1} does not exist". Source: Blender API, `bpy.app.translations`.
"""

from __future__ import annotations

import functools
import json
import re
import typing
from pathlib import Path

import bpy

LOCALES = {"zh_TW": ("zh_HANT", "zh_TW")}
"""Names that Blender has had for the language of a file: Traditional Chinese became zh_HANT in 4.0."""

CONTEXT = "Harmonize"
"""Of names of our panels, properties and choices: in other contexts Blender's own words go first, in which "Bold" is a
font's and "Characters" are letters."""

CONTEXTS = ("*", "Operator", CONTEXT)
"""Blender looks up button labels of operators in a context of their own."""

CLASSES: tuple[type, ...] = ()


def say(text: str, **values: object) -> str:
    """A text in the language of the interface with values put in: say("{count} frames", count=5)."""
    return bpy.app.translations.pgettext_iface(text, CONTEXT).format(**values)


def sentence(text: object) -> str:
    """An error or a message in the language of the interface; as it is where nobody has translated it."""
    language = next((file for file, names in LOCALES.items() if bpy.app.translations.locale in names), None)
    return str(text) if language is None else _translated(str(text), language)


def _translated(text: str, language: str) -> str:
    table = _sentences(language)
    for pattern, said in table:
        if found := pattern.fullmatch(text):
            for number, value in enumerate(found.groups(), 1):
                said = said.replace(f"{{{number}}}", _translated(value, language))
            return said
    return text


@functools.cache
def _sentences(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Texts of a language as patterns, those first that fix most of a sentence."""
    parts = {text: re.split(r"{\d+}", text) for text in read_locale(language)}
    ordered = sorted(parts, key=lambda text: -sum(map(len, parts[text])))
    pattern = {text: "(.*?)".join(map(re.escape, parts[text])) for text in ordered}
    return tuple((re.compile(pattern[text], re.DOTALL), read_locale(language)[text]) for text in ordered)


@functools.cache
def read_locale(language: str) -> dict[str, str]:
    """{English: translation} of a language that comes with the add-on ("zh_TW")."""
    return json.loads((Path(__file__).parent / "locale" / f"{language}.json").read_text(encoding="utf-8"))


def put_in_context(cls: type) -> None:
    """Have the names in a class that is about to be registered looked up among our own words first."""
    if issubclass(cls, bpy.types.Panel | bpy.types.Menu):
        cls.bl_translation_context = CONTEXT
    if not issubclass(cls, bpy.types.PropertyGroup | bpy.types.Operator | bpy.types.AddonPreferences):
        return
    hints = typing.get_type_hints(cls)  # where annotations are texts, this makes properties of them, as Blender does
    properties = {name: hint for name, hint in hints.items() if hasattr(hint, "keywords")}
    for declared in properties.values():
        declared.keywords.setdefault("translation_context", CONTEXT)
    if properties:
        cls.__annotations__ = properties


def register() -> None:
    """Tell Blender all translations."""
    table: dict[str, dict[tuple[str, str], str]] = {}
    for language, names in LOCALES.items():
        texts = {(context, text): said for text, said in read_locale(language).items() for context in CONTEXTS}
        table |= dict.fromkeys(names, texts)
    bpy.app.translations.register(__package__ or __name__, table)


def unregister() -> None:
    """Take them away again."""
    bpy.app.translations.unregister(__package__ or __name__)
