# SPDX-License-Identifier: Apache-2.0
"""The add-on in other languages: every text of the interface has its translation."""

from __future__ import annotations

from pathlib import Path

from addon_session import addon


def check_every_text_is_translated(_folder: Path) -> None:
    """zh_TW has every text that the interface shows, and none that it does not."""
    import bpy
    from addon_texts import interface_texts, is_in_sources, placeholders, sentences

    translations = addon("translations")
    texts = {*interface_texts(), *sentences()}
    assert {"Harmonize Frame", "Strength", "Numbered Sequence", "Uses the network chosen above"} < texts
    for language in translations.LOCALES:
        table = translations.read_locale(language)
        missing = sorted(texts - set(table))
        stale = sorted(text for text in set(table) - texts if not is_in_sources(text))
        assert not missing, f"{language} lacks:\n" + "\n".join(missing)
        assert not stale, f"{language} has texts that are not in the interface:\n" + "\n".join(stale)
        wrong = [text for text, said in table.items() if not said or placeholders(said) != placeholders(text)]
        assert not wrong, f"{language} has other values in {{}}: {wrong}"
    preferences = bpy.context.preferences.view
    shown = {item.identifier for item in preferences.bl_rna.properties["language"].enum_items}
    if "zh_HANT" in shown:  # Blender as a module comes without languages
        before = preferences.language
        preferences.language = "zh_HANT"
        try:
            said = bpy.app.translations.pgettext_iface("Harmonize Animation", "Operator")
            assert said == translations.read_locale("zh_TW")["Harmonize Animation"], said
            assert (
                translations.sentence("The image /a b.png does not exist; check the path")
                == "影像 /a b.png 不存在；請檢查路徑"
            )
        finally:
            preferences.language = before
