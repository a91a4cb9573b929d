# SPDX-License-Identifier: Apache-2.0
"""What an artist may ask of looks: limits, presets, a look for each character, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from addon_session import addon


def check_limits_of_the_look(folder: Path) -> None:
    """No pixel changes more than allowed, hues stay, and nothing is rendered again for it."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, new_shot, read, snapshot

    from harmonize_core.color import linear_to_oklab, srgb_to_linear
    from harmonize_core.runtime.difference import ciede2000, lab

    shot = new_shot(folder, color=(0.1, 0.3, 0.5), level=200)
    control = shot.scene.harmonize_control
    before = read(shot.out / "harmonized_before_0001.png") if bpy.ops.harmonize.frame() == {"FINISHED"} else None
    result = shot.out / "harmonized_0001.png"
    stamps = {p: p.stat().st_mtime_ns for p in shot.out.rglob("*.exr")}

    def change() -> float:
        state = snapshot(shot.scene)
        bpy.ops.harmonize.frame()
        assert_unchanged(state, shot.scene)
        return float(ciede2000(lab(before / 255.0), lab(read(result) / 255.0)).max())

    def hue() -> Any:
        middle = linear_to_oklab(srgb_to_linear(read(result)[20:28, 22:26].reshape(-1, 3) / np.float32(255)))
        return np.degrees(np.arctan2(middle[:, 2], middle[:, 1])).mean()

    own = linear_to_oklab(np.array([[0.1, 0.3, 0.5]], np.float32))[0]
    own_hue = np.degrees(np.arctan2(own[2], own[1]))
    free = change()
    turned = abs(hue() - own_hue)
    assert turned > 3
    control.use_limit, control.largest = True, 3.0
    assert change() < 3.7 < 6 < free  # eight bits are half a step or so
    control.use_limit = False
    control.keep_hue = True
    change()
    assert abs(hue() - own_hue) < 1.5
    control.mode = "GLOBAL"
    assert change() > 3
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    assert bpy.ops.harmonize.reset_look() == {"FINISHED"}
    assert abs(change() - free) < 1e-6


def check_a_look_for_each_character(folder: Path) -> None:
    """Two that overlap: each goes its own way, together they are what was rendered at once."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, read, snapshot

    shot = _two_characters(folder)
    bright = bpy.data.collections["Bright One"]
    result, composite = shot.out / "harmonized_0001.png", shot.out / "harmonized_before_0001.png"
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    together = read(composite).astype(int)
    shot.scene.harmonize_characters.separate = True
    state = snapshot(shot.scene)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert_unchanged(state, shot.scene)
    work = shot.out / "harmonized_work"
    alphas = _alphas(shot)
    whole = addon("bridge.pixels").read_layer(work / "characters_0001.exr").alpha
    np.testing.assert_allclose(alphas[0] + alphas[1], whole, atol=2e-3)
    apart = read(composite).astype(int)
    assert np.abs(apart - together).max() <= 1, np.abs(apart - together).max()
    assert (read(result)[whole == 0] == 128).all()
    for alpha in alphas:  # the network moves each mean by 70 % of the way to the background's
        solid = alpha == 1
        assert solid.sum() > 60
        was, now = apart[solid].mean(axis=0), read(result)[solid].mean(axis=0)
        share = (now - was) / (128 - was)
        assert ((share > 0.6) & (share < 0.8)).all(), share
    stamps = {p: p.stat().st_mtime_ns for p in work.glob("*.exr")}
    bright.harmonize_character.strength = 0.0
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    changed = np.abs(read(result).astype(int) - apart).max(axis=-1)
    assert (changed[alphas[1] == 1] == 0).all()
    assert changed[alphas[0] == 1].min() > 10
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    options = addon("options").read_options(bpy.context, animation=False)
    assert list(addon("shot_time").looks_of(options)) == [1]  # one look for tools that know of one


def check_characters_and_materials_of_an_existing_render(folder: Path) -> None:
    """Told by its Cryptomattes they are what they are when rendered one by one, but for pixels that both share."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, read, snapshot

    shot = _two_characters(folder)
    result = shot.out / "harmonized_0001.png"
    shot.scene.harmonize_characters.separate = True
    bpy.ops.harmonize.frame()
    alphas, wanted = _alphas(shot), read(result).astype(int)
    for what in ("film", "output", "passes"):
        bpy.ops.harmonize.mend(what=what)
    shot.scene.render.filepath = "//own/own_"
    shot.scene.frame_end = 1
    bpy.ops.render.render(animation=True)
    shot.settings.source = "FILES"
    state = snapshot(shot.scene)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert_unchanged(state, shot.scene)
    told = _alphas(shot)
    for own, other in zip(alphas, told, strict=True):
        assert np.abs(own - other).max() < 0.01
    shared = (told[0] > 0) & (told[1] > 0)
    assert 5 < shared.sum() < 60
    assert np.abs(read(result).astype(int) - wanted)[~shared].max() <= 2
    shot.scene.harmonize_control.materials.add().material = bpy.data.materials["Snow"]
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    after, before = (read(shot.out / f"harmonized_{n}0001.png").astype(int) for n in ("", "before_"))
    changed = np.abs(after - before).max(axis=-1)
    assert changed[(told[1] > 0) & ~shared].max() <= 1
    assert changed[told[0] == 1].min() > 10
    bpy.context.view_layer.use_pass_cryptomatte_material = False
    bpy.ops.render.render(animation=True)
    assert "does not say where materials are" in _refused(bpy.ops.harmonize.frame)


def _two_characters(folder: Path) -> Any:
    """A bright ball before a dark one, each in a collection of its own, before grey."""
    import bpy
    from addon_scene import ball, emission, new_shot

    shot = new_shot(folder, level=128)
    shot.hero.animation_data_clear()
    shot.scene.cycles.samples = 16
    dark, bright = (bpy.data.collections.new(name) for name in ("Dark One", "Bright One"))
    for child in (dark, bright):
        shot.characters.children.link(child)
    shot.characters.objects.unlink(shot.hero)
    ball("Dark", (-0.5, 0.5, 0), 0.9, dark, emission("Coal", (0.02, 0.03, 0.02)))
    ball("Bright", (0.5, -0.5, 0), 0.7, bright, emission("Snow", (0.7, 0.8, 0.6)))
    return shot


def _alphas(shot: Any) -> list[Any]:
    """Coverage of both characters in frame 1, (H, W)."""
    work = shot.out / "harmonized_work"
    names = ("character_dark_one", "character_bright_one")
    return [addon("bridge.pixels").read_layer(work / f"{name}_0001.exr").alpha for name in names]


def check_protected_materials(folder: Path) -> None:
    """Two materials in one character: the listed one stays, up to the last soft pixel; the list can change for free."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, emission, new_shot, read, snapshot

    shot = new_shot(folder, color=(0.05, 0.05, 0.3), level=200)
    mesh = shot.hero.data
    mesh.materials.append(emission("Badge", (0.3, 0.02, 0.02)))
    for polygon in mesh.polygons:
        polygon.material_index = int(polygon.center.z > 0)
    control = shot.scene.harmonize_control
    shot.hero.active_material_index = 1
    bpy.context.view_layer.objects.active = shot.hero
    assert bpy.ops.harmonize.protect_material() == {"FINISHED"}
    assert bpy.ops.harmonize.protect_material() == {"FINISHED"}
    assert [item.material and item.material.name for item in control.materials] == ["Badge", None]
    state = snapshot(shot.scene)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert_unchanged(state, shot.scene)

    def changes() -> tuple[Any, Any]:
        after, before = (read(shot.out / f"harmonized_{n}0001.png").astype(int) for n in ("", "before_"))
        return np.abs(after - before).max(axis=-1), before

    changed, before = changes()
    badge = before[..., 0] > before[..., 2] + 20
    blue = before[..., 2] > before[..., 0] + 60
    assert badge.sum() > 100 < blue.sum()
    assert changed[badge].max() <= 40 < 60 <= changed[blue].min()
    assert np.median(changed[badge]) == 0
    stamps = {p: p.stat().st_mtime_ns for p in shot.out.rglob("*.exr")}
    control.materials_amount = 0.0
    bpy.ops.harmonize.frame()
    free, _ = changes()
    assert np.median(free[badge]) > 20
    control.materials_amount = 1.0
    shot.hero.active_material_index = 0
    bpy.ops.harmonize.protect_material()
    bpy.ops.harmonize.frame()
    assert changes()[0].max() <= 1
    for _ in control.materials.values():
        bpy.ops.harmonize.unprotect_material(index=0)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert (changes()[0] == free).all()
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    assert "There is no protected material 1" in _refused(bpy.ops.harmonize.unprotect_material, index=0)


def check_presets_and_reset(folder: Path) -> None:
    """Kept in the extension's own folder; what is damaged is left out and said; reset undoes everything."""
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    presets, scene = addon("presets"), shot.scene
    control = scene.harmonize_control
    bpy.ops.harmonize.apply_preset(name="Gentle")
    assert (round(shot.settings.strength, 3), control.use_limit, control.largest) == (0.6, True, 8.0)
    assert presets.current(scene).name == "Gentle"
    control.skin = 0.25
    assert presets.current(scene) is None
    assert bpy.ops.harmonize.save_preset(name="Мой/вид: 1") == {"FINISHED"}
    assert presets.current(scene).name == "Мой/вид: 1"
    (kept,) = presets.folder().glob("*.json")
    assert "user_default" in str(kept)
    assert json.loads(kept.read_text())["settings"]["skin"] == 0.25
    (presets.folder() / "damaged.json").write_text("{")
    unknown = {"format": presets.FORMAT, "name": "New", "settings": {"glow": 1}}
    (presets.folder() / "unknown.json").write_text(json.dumps(unknown))
    wrong = {"format": presets.FORMAT, "name": "Wrong", "settings": {"mode": "SIDEWAYS", "skin": 1.0}}
    (presets.folder() / "wrong.json").write_text(json.dumps(wrong))
    assert [p.name for p in presets.all_presets() if not p.shipped] == ["Wrong", "Мой/вид: 1"]
    assert "does not fit this version" in _refused(bpy.ops.harmonize.apply_preset, name="Wrong")
    assert "There is no preset 'Nope'" in _refused(bpy.ops.harmonize.apply_preset, name="Nope")
    assert control.skin == 0.25
    assert "is that of a preset of the add-on" in _refused(bpy.ops.harmonize.save_preset, name="Gentle")
    assert "needs a name" in _refused(bpy.ops.harmonize.save_preset, name=" ")
    assert "Choose one of your own presets first" in _refused(bpy.ops.harmonize.delete_preset, name="Gentle")
    assert bpy.ops.harmonize.delete_preset(name="Мой/вид: 1") == {"FINISHED"}
    assert not kept.exists()
    for path in presets.folder().glob("*.json"):
        path.unlink()
    assert not bpy.ops.harmonize.delete_preset.poll()
    shot.settings.keyframe_insert("strength", frame=1)
    control.materials.add()
    shot.characters.harmonize_character.strength = 0.5
    assert bpy.ops.harmonize.reset_look() == {"FINISHED"}
    assert presets.current(scene).name == "Full Match"
    assert addon("compat").find_curve(scene, "harmonize.strength") is None
    assert not control.materials
    assert shot.settings.characters == shot.characters
    assert shot.characters.harmonize_character.strength == 1.0


def _refused(operator: Any, **arguments: Any) -> str:
    """What an operator says when it does not do what it is asked for."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        return str(error)
    return "nothing"
