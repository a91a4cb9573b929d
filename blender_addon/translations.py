# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in other languages. English is the source; `locale/<language>.json` holds {English: translation}.

Blender itself translates labels, tooltips and whole texts of layouts that are registered here. Texts that are put
together go through `say`. Source: Blender API, `bpy.app.translations`.
"""

from __future__ import annotations

import json
from pathlib import Path

import bpy

LOCALES = {"zh_TW": ("zh_HANT", "zh_TW")}
"""Names that Blender has had for the language of a file: Traditional Chinese became zh_HANT in 4.0."""

CONTEXTS = ("*", "Operator")
"""Blender looks up button labels of operators in a context of their own."""

CLASSES: tuple[type, ...] = ()


def say(text: str, **values: object) -> str:
    """A text in the language of the interface with values put in: say("{count} frames", count=5)."""
    return bpy.app.translations.pgettext_iface(text).format(**values)


def read_locale(language: str) -> dict[str, str]:
    """{English: translation} of a language that comes with the add-on ("zh_TW")."""
    return json.loads((Path(__file__).parent / "locale" / f"{language}.json").read_text(encoding="utf-8"))


def register() -> None:
    """Tell Blender all translations."""
    table = {}
    for language, names in LOCALES.items():
        texts = {(context, text): said for text, said in read_locale(language).items() for context in CONTEXTS}
        table |= dict.fromkeys(names, texts)
    bpy.app.translations.register(__package__ or __name__, table)


def unregister() -> None:
    """Take them away again."""
    bpy.app.translations.unregister(__package__ or __name__)
