# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the look: those that come with the add-on, and the artist's own, kept where upgrades leave them alone.

A preset is one JSON file in the extension's user folder: `{"format": "harmonize-preset/1", "name": ..., "settings":
{...}}`. It holds how strongly and how freely looks are applied; characters, backgrounds, materials and folders belong
to a shot, not to a preset.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import bpy

from harmonize_core.errors import HarmonizeError, InputError, OutputError

from .bridge.files import why_not_written, write_atomic
from .user_folder import user_folder

FORMAT = "harmonize-preset/1"

Value = bool | float | str

_PLACES = MappingProxyType(
    {
        "harmonize": ("strength", "smoothing"),
        "harmonize_time": ("lock",),
        "harmonize_control": ("mode", "keep_hue", "use_limit", "largest", "skin", "materials_amount"),
    }
)
"""Property groups of the scene and what of them a preset holds; names are unique among all."""


@dataclass(frozen=True)
class Preset:
    """Values by name; what it does not name gets its default."""

    name: str
    values: dict[str, Value]
    path: Path | None = None
    """Its file; None for those that come with the add-on."""

    @property
    def shipped(self) -> bool:
        """Whether it comes with the add-on."""
        return self.path is None


SHIPPED = (
    Preset("Full Match", {}),
    Preset("Gentle", {"strength": 0.6, "use_limit": True, "largest": 8.0}),
    Preset("Keep Hues", {"keep_hue": True, "use_limit": True, "largest": 15.0}),
    Preset("Protect Skin", {"skin": 0.7, "use_limit": True, "largest": 12.0}),
    Preset("One Grade", {"mode": "GLOBAL"}),
    Preset("Bold", {"strength": 1.3}),
)

_cache: tuple[tuple[tuple[str, int], ...], tuple[Preset, ...]] | None = None
"""Names and dates of the artist's preset files, and what was in them: panels are drawn often."""


def settings(scene: bpy.types.Scene) -> dict[str, str]:
    """Path from the scene of each setting in a preset, by name."""
    return {name: f"{group}.{name}" for group, names in _PLACES.items() for name in names if hasattr(scene, group)}


def folder(*, create: bool = False) -> Path:
    """Where the artist's presets are. Raises what `user_folder` raises."""
    return user_folder("presets", create=create)


def all_presets() -> tuple[Preset, ...]:
    """Those that come with the add-on, then the artist's own by name; damaged files are left out."""
    global _cache
    try:
        files = sorted(folder().glob("*.json"))
    except HarmonizeError:
        return SHIPPED
    state = tuple((str(p), p.stat().st_mtime_ns) for p in files if p.is_file())
    if _cache is None or _cache[0] != state:
        own = []
        for path, _ in state:
            try:
                own.append(read_preset(Path(path)))
            except InputError as error:
                print(f"Harmonize: {error}")
        _cache = (state, tuple(sorted(own, key=lambda p: p.name.lower())))
    return SHIPPED + _cache[1]


def read_preset(path: Path) -> Preset:
    """A preset from its file.

    Raises:
        InputError: it is damaged, of another version, or names settings there are not.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise InputError(f"{path} is a preset of the format {about['format']!r}, not {FORMAT!r}; save it again")
        name, values = str(about["name"]), dict(about["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no preset of this add-on or is damaged; delete it") from error
    known = [n for names in _PLACES.values() for n in names]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"{path} has the settings {unknown}, which this version does not know; it knows {known}")
    return Preset(name, values, path)


def values_of(scene: bpy.types.Scene) -> dict[str, Value]:
    """The settings of a scene as a preset holds them."""
    return {name: _read(scene, path) for name, path in settings(scene).items()}


def apply(scene: bpy.types.Scene, preset: Preset) -> None:
    """Set all settings of a preset; those it does not name get their defaults.

    Raises:
        InputError: a value does not fit its setting.
    """
    before = values_of(scene)
    try:
        for name, path in settings(scene).items():
            group, attribute = path.split(".")
            setattr(getattr(scene, group), attribute, preset.values.get(name, _default(scene, path)))
    except (TypeError, ValueError) as error:
        for name, path in settings(scene).items():
            group, attribute = path.split(".")
            setattr(getattr(scene, group), attribute, before[name])
        message = str(error).strip().splitlines()[-1]
        raise InputError(f"The preset {preset.name!r} does not fit this version ({message}): save it again") from error


def current(scene: bpy.types.Scene) -> Preset | None:
    """The preset that a scene's settings are those of."""
    now = values_of(scene)
    for preset in all_presets():
        wanted = {name: preset.values.get(name, _default(scene, path)) for name, path in settings(scene).items()}
        if all(_same(now[name], value) for name, value in wanted.items()):
            return preset
    return None


def save(scene: bpy.types.Scene, name: str) -> None:
    """Keep the settings of a scene as a preset; one of the same name is replaced.

    Raises:
        InputError: it has no name, or that of a preset of the add-on.
        OutputError: it cannot be written.
    """
    if not name:
        raise InputError("A preset needs a name: type one")
    if any(p.name == name for p in SHIPPED):
        raise InputError(f"The name {name!r} is that of a preset of the add-on: choose another")
    about = {"format": FORMAT, "name": name, "settings": values_of(scene)}
    # any name has a file of its own, whatever its letters
    stem = "".join(c if c.isalnum() or c in "-_" else f"%{ord(c):x}" for c in name)
    same = [p.path for p in all_presets() if p.name == name and p.path]
    path = same[0] if same else folder(create=True) / f"{stem}.json"
    write_atomic(path, json.dumps(about, indent=2, ensure_ascii=False).encode())


def delete(name: str) -> None:
    """Delete the artist's preset of a name.

    Raises:
        InputError: there is none.
        OutputError: its file cannot be deleted.
    """
    path = next((p.path for p in all_presets() if p.name == name and p.path), None)
    if path is None:
        raise InputError("Choose one of your own presets first; those of the add-on cannot be deleted")
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error


def _read(scene: bpy.types.Scene, path: str) -> Value:
    group, attribute = path.split(".")
    return getattr(getattr(scene, group), attribute)


def _default(scene: bpy.types.Scene, path: str) -> Value:
    group, attribute = path.split(".")
    return getattr(scene, group).bl_rna.properties[attribute].default


def _same(first: Value, second: Value) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) < 1e-5
    return first == second
