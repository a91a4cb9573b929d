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
from bpy.props import StringProperty

from harmonize_core.errors import HarmonizeError, InputError

from .bridge.files import why_not_written, write_atomic
from .compat import find_curve
from .translations import say

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
    shipped: bool = False


SHIPPED = (
    Preset("Full Match", {}, shipped=True),
    Preset("Gentle", {"strength": 0.6, "use_limit": True, "largest": 8.0}, shipped=True),
    Preset("Keep Hues", {"keep_hue": True, "use_limit": True, "largest": 15.0}, shipped=True),
    Preset("Protect Skin", {"skin": 0.7, "use_limit": True, "largest": 12.0}, shipped=True),
    Preset("One Grade", {"mode": "GLOBAL"}, shipped=True),
    Preset("Bold", {"strength": 1.3}, shipped=True),
)

_cache: tuple[tuple[tuple[str, int], ...], tuple[Preset, ...]] | None = None
"""Names and dates of the artist's preset files, and what was in them: panels are drawn often."""


def settings(scene: bpy.types.Scene) -> dict[str, str]:
    """Path from the scene of each setting in a preset, by name."""
    return {name: f"{group}.{name}" for group, names in _PLACES.items() for name in names if hasattr(scene, group)}


def folder(*, create: bool = False) -> Path:
    """Where the artist's presets are.

    Raises:
        InputError: the add-on was not installed as an extension and so has no folder, or it cannot be made.
    """
    try:
        return Path(bpy.utils.extension_path_user(__package__ or "", path="presets", create=create))
    except ValueError as error:
        raise InputError(
            "Presets cannot be kept: the add-on was not installed as an extension; install its zip from disk"
        ) from error
    except OSError as error:
        raise InputError(why_not_written(Path(error.filename or "the preset folder"), error)) from error


def all_presets() -> tuple[Preset, ...]:
    """Those that come with the add-on, then the artist's own by name; damaged files are left out."""
    global _cache
    try:
        files = sorted(folder().glob("*.json"))
    except InputError:
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
    return Preset(name, values)


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


def draw_row(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The menu of presets with the name of the one in use, and the buttons to keep and delete one."""
    preset = current(context.scene)
    row = layout.row(align=True)
    text = _shown(preset) if preset else say("Presets")
    row.menu(HARMONIZE_MT_presets.__name__, text=text, translate=False)
    row.operator("harmonize.save_preset", text="", icon="ADD")
    row.operator("harmonize.delete_preset", text="", icon="REMOVE").name = (
        preset.name if preset and not preset.shipped else ""
    )


class HARMONIZE_MT_presets(bpy.types.Menu):
    """Choose a preset of the look"""

    bl_label = "Presets"

    def draw(self, _context: bpy.types.Context) -> None:
        """The artist's own below those that came along."""
        last = True
        for preset in all_presets():
            if last and not preset.shipped:
                self.layout.separator()
            last = preset.shipped
            operator = self.layout.operator("harmonize.apply_preset", text=_shown(preset), translate=False)
            operator.name = preset.name


class HARMONIZE_OT_apply_preset(bpy.types.Operator):
    """Set strength, smoothing and limits as this preset has them"""

    bl_idname = "harmonize.apply_preset"
    bl_label = "Apply Preset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    name: StringProperty(name="Name", options={"SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Keyframes win over what is set: say so."""
        found = [p for p in all_presets() if p.name == self.name]
        if not found:
            known = ", ".join(p.name for p in all_presets())
            self.report({"ERROR"}, f"There is no preset {self.name!r}: there are {known}")
            return {"CANCELLED"}
        try:
            apply(context.scene, found[-1])
        except HarmonizeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if find_curve(context.scene, settings(context.scene)["strength"]) is not None:
            self.report({"WARNING"}, "The strength is keyframed: its keyframes stay and win over the preset")
        return {"FINISHED"}


class HARMONIZE_OT_save_preset(bpy.types.Operator):
    """Keep strength, smoothing and limits as a preset of your own; one of the same name is replaced"""

    bl_idname = "harmonize.save_preset"
    bl_label = "Save Preset"
    bl_options = {"REGISTER"}  # noqa: RUF012

    name: StringProperty(name="Name", default="My Look", options={"SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for a name."""
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write its file."""
        name = self.name.strip()
        try:
            if not name:
                raise InputError("A preset needs a name: type one")
            if any(p.name == name for p in SHIPPED):
                raise InputError(f"The name {name!r} is that of a preset of the add-on: choose another")
            about = {"format": FORMAT, "name": name, "settings": values_of(context.scene)}
            write_atomic(_file_of(name), json.dumps(about, indent=2, ensure_ascii=False).encode())
        except HarmonizeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, say("Preset saved: {name}", name=name))
        return {"FINISHED"}


class HARMONIZE_OT_delete_preset(bpy.types.Operator):
    """Delete this preset of yours; those of the add-on stay"""

    bl_idname = "harmonize.delete_preset"
    bl_label = "Delete Preset"
    bl_options = {"REGISTER"}  # noqa: RUF012

    name: StringProperty(name="Name", options={"SKIP_SAVE"})  # ty: ignore[invalid-type-form]

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """There are any."""
        cls.poll_message_set("There are no presets of yours; those of the add-on cannot be deleted")
        return any(not preset.shipped for preset in all_presets())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: files cannot be undone."""
        if not self.name:
            return self.execute(context)
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """The settings stay as they are."""
        try:
            if not any(p.name == self.name and not p.shipped for p in all_presets()):
                raise InputError("Choose one of your own presets first; those of the add-on cannot be deleted")
            path = _file_of(self.name)
            path.unlink()
        except OSError as error:
            self.report({"ERROR"}, why_not_written(path, error))
            return {"CANCELLED"}
        except HarmonizeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, say("Preset deleted: {name}", name=self.name))
        return {"FINISHED"}


def _shown(preset: Preset) -> str:
    """The name in the interface: ours are translated, what the artist typed stays as it is."""
    return say(preset.name) if preset.shipped else preset.name


def _file_of(name: str) -> Path:
    """Where a preset is kept: any name has a file of its own, whatever its letters."""
    safe = "".join(c if c.isalnum() or c in "-_" else f"%{ord(c):x}" for c in name)
    return folder(create=True) / f"{safe}.json"


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


CLASSES = (
    HARMONIZE_MT_presets,
    HARMONIZE_OT_apply_preset,
    HARMONIZE_OT_save_preset,
    HARMONIZE_OT_delete_preset,
)
