# SPDX-License-Identifier: Apache-2.0
"""Failures of the tools beside a run: baked looks, Live, lights, presets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from addon_failures import Failure, both, broken, nothing, setting
from addon_failures_shot import NO_CHARACTERS

FIRST = "Harmonize is already running: wait for it, or press Esc"


@broken
def _tree_without_render(shot: Any) -> Iterator[None]:
    compat = shot.addon("compat")
    tree = compat.new_compositor_tree(shot.scene)
    tree.nodes.new("CompositorNodeBlur")
    yield
    compat.drop_compositor_tree(shot.scene)


def _one_light(shot: Any) -> Iterator[None]:
    bpy = shot.bpy
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    shot.scene.collection.objects.link(sun)
    yield
    bpy.data.objects.remove(sun)


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
    Failure(
        "Match Lights: the characters are told in a whole picture",
        "Match Lights renders the characters by themselves: choose New Render and the Collection of the characters in "
        "the Harmonize panel",
        setting("settings.foreground", "ALPHA"),
        press="estimate_lights",
    ),
    Failure(
        "Match Lights: the shot is long",
        "The whole shot would be estimated in <count> frames, more than <count>: raise Every in the Match Lights panel",
        both(
            setting("scene.frame_end", 5000),
            setting("scene.harmonize_lights.frames", "SHOT"),
            broken(_one_light),
        ),
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
        "A preset of the add-on is to be deleted",
        "There are no presets of yours; those of the add-on cannot be deleted",
        nothing,
        press="delete_preset",
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
        "Results are to be added to the sequencer, and there are none",
        "There are no results in <folder>: press Harmonize Animation first",
        setting("settings.name_prefix", "another"),
        press="add_strip",
    ),
    Failure(
        "The demo shot is to be opened during a run",
        FIRST,
        setting("bpy.context.window_manager.harmonize_progress.running", True),
        press="open_demo",
    ),
)
