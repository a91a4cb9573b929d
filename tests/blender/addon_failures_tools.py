# SPDX-License-Identifier: Apache-2.0
"""Failures of the tools beside a run: baked looks, Live, lights, export, presets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from addon_failures import Failure, broken, nothing, setting
from addon_failures_shot import NO_CHARACTERS

FIRST = "Harmonize is already running: wait for it, or press Esc"


@broken
def _tree_without_render(shot: Any) -> Iterator[None]:
    compat = shot.addon("compat")
    tree = compat.new_compositor_tree(shot.scene)
    tree.nodes.new("CompositorNodeBlur")
    yield
    compat.drop_compositor_tree(shot.scene)


@broken
def _sun_in_both(shot: Any) -> Iterator[None]:
    """One light in both groups of Match Lights."""
    bpy, lights = shot.bpy, shot.scene.harmonize_lights
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    shot.scene.collection.objects.link(sun)
    lights.estimated = True
    bpy.ops.harmonize.set_lights()
    twin = sun.copy()
    lights.ambient_lights.objects.link(twin)
    yield
    bpy.data.objects.remove(twin)
    bpy.ops.harmonize.reset_lights()


@broken
def _live_without_characters(shot: Any) -> Iterator[None]:
    shot.bpy.ops.harmonize.live()
    for thing in list(shot.characters.objects):
        shot.characters.objects.unlink(thing)
    yield
    shot.addon("live").stop()
    shot.characters.objects.link(shot.hero)


@broken
def _never_rendered(shot: Any) -> Iterator[None]:
    shutil.move(shot.out, shot.folder / "away")
    yield
    shot.addon("live").stop()
    shutil.move(shot.folder / "away", shot.out)


@broken
def _before_zero(shot: Any) -> Iterator[None]:
    shot.scene.frame_set(-3)
    yield
    shot.scene.frame_set(1)


@broken
def _out_of_sight(shot: Any) -> Iterator[None]:
    export = shot.scene.harmonize_export
    export.use_generator, export.styles = False, 2
    _move_hero(shot, 100)
    yield
    _move_hero(shot, 0)


def _move_hero(shot: Any, x: float) -> None:
    shot.hero.animation_data_clear()
    shot.hero.location.x = x
    shot.bpy.context.view_layer.update()


@broken
def _damaged_record(shot: Any) -> Iterator[None]:
    record = shot.folder / "dataset/.harmonize/SHuman/other_v001.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    export = shot.scene.harmonize_export
    export.use_generator, export.styles = False, 2
    (shot.folder / "dataset/.harmonize/render").mkdir()
    (shot.folder / "dataset/.harmonize/render/README.txt").write_text("")
    _move_hero(shot, 100)  # nothing else is written then
    yield
    _move_hero(shot, 0)


@broken
def _folder_is_a_file(shot: Any) -> Iterator[None]:
    (shot.folder / "a file").write_text("")
    shot.scene.harmonize_export.folder = str(shot.folder / "a file")
    yield


@broken
def _damaged_preset(shot: Any) -> Iterator[None]:
    folder = shot.addon("presets").folder(create=True)
    (folder / "Odd.json").write_text(
        '{"format": "harmonize-preset/1", "name": "Odd", "settings": {"strength": "much"}}'
    )
    yield
    (folder / "Odd.json").unlink()


TOOLS = (
    Failure(
        "Bake: the compositing nodes hold no render",
        "The compositing nodes pass no picture of this scene on: connect a Render Layers node to the output, then bake "
        "again",
        _tree_without_render,
        press="bake_look",
    ),
    Failure(
        "Bake: nothing tells the characters",
        "Choose the characters and press Harmonize Animation first",
        setting("settings.characters", None),
        press="bake_look",
    ),
    Failure(
        "There is no look to remove",
        "There is no look in the compositor: press Bake Look to Nodes first",
        nothing,
        press="remove_look",
    ),
    Failure(
        "Live: no characters or no camera",
        "Choose the characters and a camera first",
        setting("scene.camera", None),
        press="live",
    ),
    Failure(
        "Live: the characters are deleted while it is on",
        "The characters collection <name> is empty: put the characters into it and enable it for renders in the "
        "Outliner",
        _live_without_characters,
        press="live_update",
    ),
    Failure("Live is not on", "Switch Live on first", nothing, press="live_update"),
    Failure(
        "Live: nothing is rendered yet",
        "Nothing is rendered yet: press Harmonize Frame, or let a 3D view show the shot in Material Preview or EEVEE's "
        "Rendered shading",
        _never_rendered,
        press="live",
    ),
    Failure(
        "Match Lights: no light that could be set",
        "The scene has no lights that can be set (keyframed and linked ones stay as they are) and no world: press Add "
        "Sun and Ambient in the Match Lights panel",
        nothing,
        press="estimate_lights",
    ),
    Failure("Match Lights: nothing is estimated", "Press Estimate Lights first", nothing, press="set_lights"),
    Failure(
        "Match Lights: one frame only is estimated",
        "Press Estimate Lights for the whole shot first",
        nothing,
        press="key_lights",
    ),
    Failure("Match Lights: nothing to reset", "Match Lights has not changed any light", nothing, press="reset_lights"),
    Failure(
        "Match Lights: the scene itself is the background",
        "The background is rendered with this scene's own lights, so there is nothing to match them to: choose a "
        "picture, a sequence or a movie as background",
        setting("settings.background", "SCENE"),
        press="estimate_lights",
    ),
    Failure(
        "Match Lights: one light stands for sun and sky",
        "The light of <name> is in Harmonize Sun and in Harmonize Ambient: make it single-user (Object > Relations > "
        "Make Single User > Object & Data), or put all objects that share it into one of them",
        _sun_in_both,
        press="set_lights",
    ),
    Failure("Match Lights: the characters are gone", NO_CHARACTERS, setting("settings.characters", None), "add_lights"),
    Failure(
        "Export: a render region is set",
        "A render region is set, so pictures would be black beside it: switch Render Region off",
        setting("scene.render.use_border", True),
        press="export_triplet",
    ),
    Failure(
        "Export: the frame is before 0",
        "The export begins at frame <frame>: numbers of views are 0 or more, so move the shot",
        _before_zero,
        press="export_triplet",
    ),
    Failure(
        "Export: the folder is a file",
        "The data set's folder <file> is a file: choose a folder in the Export Triplets panel",
        _folder_is_a_file,
        press="export_dataset",
    ),
    Failure(
        "Export: the characters are not in the picture",
        "The characters are not in the picture in frame <frame>, so there is nothing to learn from it; export frames "
        "in which they are seen",
        _out_of_sight,
        press="export_triplet",
    ),
    Failure(
        "Export: a record of the set is damaged",
        "<file> is damaged: delete it and export that frame again",
        _damaged_record,
        press="export_triplet",
    ),
    Failure(
        "A preset without a name",
        "A preset needs a name: type one",
        nothing,
        press="save_preset",
        options={"name": " "},
    ),
    Failure(
        "A preset is named like one of the add-on",
        "The name <name> is that of a preset of the add-on: choose another",
        nothing,
        press="save_preset",
        options={"name": "Gentle"},
    ),
    Failure(
        "A preset of another version",
        "The preset <name> does not fit this version (<reason>): save it again",
        _damaged_preset,
        press="apply_preset",
        options={"name": "Odd"},
    ),
    Failure(
        "A preset is gone",
        "There is no preset <name>: there are <names>",
        nothing,
        press="apply_preset",
        options={"name": "Nope"},
    ),
    Failure(
        "A protected material is off the list already",
        "There is no protected material <number>: <count> are listed",
        nothing,
        press="unprotect_material",
        options={"index": 3},
    ),
    Failure(
        "A result is to be shown, and there is none",
        "There is no result yet: press Harmonize Frame first",
        setting("bpy.context.window_manager.harmonize_progress.last_result", ""),
        press="view_result",
    ),
    Failure(
        "The demo shot is to be opened during a run",
        FIRST,
        setting("bpy.context.window_manager.harmonize_progress.running", True),
        press="open_demo",
    ),
)
