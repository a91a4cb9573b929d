# SPDX-License-Identifier: Apache-2.0
"""The diagnosis in the panel: it says what a run would say, and its buttons mend it in one step of undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from addon_session import addon


def _texts() -> list[str]:
    import bpy

    return [finding.text for finding in addon("diagnosis").diagnose(bpy.context)]


def _mends() -> list[str]:
    import bpy

    return [finding.mend for finding in addon("diagnosis").diagnose(bpy.context)]


def check_everything_missing_is_said_and_mended(folder: Path) -> None:
    """From a scene with nothing but a ball to a finished frame with the buttons of the diagnosis alone."""
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    scene, settings, thing = shot.scene, shot.settings, shot.hero
    assert _texts() == []
    scene.camera = None
    settings.characters = None
    settings.plate_path = settings.folder = ""
    scene.render.use_multiview = scene.render.use_border = True
    assert _mends() == ["camera", "collect", "plate", "folder", "region"], _texts()
    thing.select_set(True)
    for mend in ("camera", "folder", "region"):
        assert bpy.ops.harmonize.mend(what=mend) == {"FINISHED"}
    assert bpy.ops.harmonize.collect_selected() == {"FINISHED"}
    assert bpy.ops.harmonize.choose_background(filepath=str(folder / "plate.png")) == {"FINISHED"}
    assert _mends() == ["stereo"], _texts()
    bpy.ops.harmonize.mend(what="stereo")
    assert _texts() == []
    assert scene.camera.name == "Camera"
    assert bpy.ops.harmonize.frame() == {"FINISHED"}


def check_a_run_says_what_the_diagnosis_says(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    def said() -> str:
        try:
            bpy.ops.harmonize.frame()
        except RuntimeError as error:
            return str(error).removeprefix("Error: ").strip()
        return ""

    def agree(mend: str, **changes: Any) -> Any:
        """The first finding is the run's own sentence and has this button."""
        for name, value in changes.items():
            setattr(shot.settings, name, value)
        first = addon("diagnosis").diagnose(bpy.context)[0]
        assert (first.text, first.mend, first.stops) == (said(), mend, True), (first, said())

    shot = new_shot(folder / "a")
    agree("world", background="WORLD")
    bpy.ops.harmonize.mend(what="world")
    assert _texts() == []
    agree("plate", background="CAMERA")
    background = shot.scene.camera.data.background_images.new()
    background.image, background.rotation = bpy.data.images.load(str(shot.folder / "plate.png")), 0.2
    agree("placement")
    bpy.ops.harmonize.mend(what="placement")
    assert _texts() == []
    shot.characters.hide_render = True
    bpy.context.view_layer.layer_collection.children["Hero"].exclude = True
    agree("show")
    bpy.ops.harmonize.mend(what="show")
    assert _texts() == []
    agree("plate", background="FILE", plate_path=str(folder / "none.png"))
    agree("plate", plate_path=str(shot.folder / "plate.png"), plate_is_sequence=True)
    shot.settings.plate_is_sequence = False
    shot.scene.render.engine = "BLENDER_WORKBENCH"
    agree("engine")
    bpy.ops.harmonize.mend(what="engine")
    assert shot.scene.render.engine == "CYCLES"


def check_one_picture_of_a_sequence_becomes_the_sequence(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot, write_plate

    shot = new_shot(folder)
    for number in range(101, 104):
        write_plate(folder / f"seq/plate_{number}.png")
    shot.settings.plate_path = str(folder / "seq/plate_102.png")
    assert _mends() == ["sequence"]
    bpy.ops.harmonize.mend(what="sequence")
    assert shot.settings.plate_is_sequence
    assert shot.settings.plate_start == 1
    assert shot.settings.plate_path == "//seq/plate_102.png"
    shot.scene.frame_start, shot.scene.frame_end = 102, 103
    bpy.ops.harmonize.choose_background(filepath=str(folder / "seq/plate_102.png"))
    assert shot.settings.plate_start == 101
    assert _texts() == []


def check_a_render_region_limits_what_is_matched(folder: Path) -> None:
    import bpy
    import numpy as np
    from addon_scene import new_shot, read
    from addon_session import coverage

    shot = new_shot(folder)
    bpy.ops.harmonize.frame()
    whole = coverage(shot, 1)
    render = shot.scene.render
    render.use_border = render.use_crop_to_border = True
    render.border_min_x, render.border_max_x = 0.0, 0.5
    assert _mends() == ["region"]
    bpy.ops.harmonize.frame()
    alpha = coverage(shot, 1)
    assert np.array_equal(alpha[:, :32], whole[:, :32])
    assert not alpha[:, 33:].any()
    assert np.array_equal(read(shot.out / "harmonized_0001.png")[:, 33:], shot.plate[:, 33:])


def check_characters_linked_from_another_file(folder: Path) -> None:
    """Found although a collection of this file is named alike; hidden ones are shown, and selected things join them."""
    import bpy
    import numpy as np
    from addon_scene import new_shot
    from addon_session import coverage

    new_shot(folder / "library")
    bpy.ops.wm.save_mainfile()
    shot = new_shot(folder / "shot")
    with bpy.data.libraries.load(str(folder / "library/shot.blend"), link=True) as (_, wanted):
        wanted.collections = ["Hero"]
    (linked,) = wanted.collections
    shot.scene.collection.children.link(linked)
    shot.settings.characters = linked
    shot.hero.location.x, shot.hero.animation_data.action = 50, None
    bpy.ops.harmonize.frame()
    assert np.count_nonzero(coverage(shot, 1)) > 200
    for layer in bpy.context.view_layer.layer_collection.children:
        layer.exclude = True
    assert _mends() == ["show"], _texts()
    bpy.ops.harmonize.mend(what="show")
    assert _texts() == []
    bpy.context.view_layer.layer_collection.children["Hero"].exclude = False
    shot.hero.select_set(True)
    bpy.ops.harmonize.collect_selected()
    assert shot.settings.characters.library is None
    assert linked in shot.settings.characters.children_recursive
    assert shot.hero in shot.settings.characters.all_objects[:]
    bpy.ops.harmonize.frame()
    assert np.count_nonzero(coverage(shot, 1)) > 200


def check_the_diagnosis_fits_the_panel(folder: Path) -> None:
    """Every sentence is drawn in lines, every button has an operator that exists."""
    import bpy
    from addon_scene import new_shot

    new_shot(folder)
    for name, mend in addon("mending").MENDS.items():
        group, operator = mend.operator.split(".")
        getattr(getattr(bpy.ops, group), operator).get_rna_type()
        assert mend.label, name
    lines = addon("diagnosis").wrapped("word " * 40, bpy.context)
    assert len(lines) > 3
    assert " ".join(lines).split() == ["word"] * 40
