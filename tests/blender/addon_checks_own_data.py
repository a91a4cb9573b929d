# SPDX-License-Identifier: Apache-2.0
"""What is ours in a file is told from what is the artist's, whatever it is called; nothing of ours stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from addon_checks_export import lit_shot
from addon_checks_setup import use_eevee
from addon_session import addon


def check_datablocks_of_our_names_stay_the_artists(folder: Path) -> None:
    """Scenes, collections, lights, worlds and images that an artist named like ours: not removed, used or changed."""
    import bpy

    def named(kind: str) -> list[str]:
        return sorted(block.name for block in getattr(bpy.data, kind) if "Harmoniz" in block.name)

    shot = lit_shot(folder)
    shot.scene.harmonize.background = "FILE"
    shot.scene.harmonize.plate_path = str(folder / "plate.png")
    scenes = [f"Harmonize{what} (temporary)" for what in ("", " Clock", " Movie", " View")]
    for name in scenes:
        bpy.data.scenes.new(name).frame_current = 42
    collections = [f"Harmonize {role} (temporary)" for role in ("characters", "character_ball", "others")]
    for name in collections:
        shot.scene.collection.children.link(bpy.data.collections.new(name))
    export = "Harmonize Export (temporary)"
    light = bpy.data.objects.new(export, bpy.data.lights.new(export, "POINT"))
    shot.scene.collection.objects.link(light)
    shot.scene.world.name = export
    kinds = {
        "scenes": scenes,
        "collections": collections,
        "objects": [export],
        "lights": [export],
        "worlds": [export],
    }
    before = {kind: sorted(names) for kind, names in kinds.items()}
    assert {kind: named(kind) for kind in kinds} == before
    for button in ("frame", "animation", "bake_look", "remove_look", "export_triplet"):
        assert getattr(bpy.ops.harmonize, button)() == {"FINISHED"}, button
        assert {kind: named(kind) for kind in kinds} == before, button
    assert {bpy.data.scenes[name].frame_current for name in scenes} == {42}
    assert light.data.energy == bpy.data.lights.new("Fresh", "POINT").energy
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "named.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "named.blend"))
    assert {kind: named(kind) for kind in kinds} == before


def check_an_image_of_the_results_name_stays_the_artists(folder: Path) -> None:
    """Results are shown in an image of their own, the same one run after run, also in a file that was saved."""
    import bpy
    from addon_scene import new_shot

    def shown() -> Any:
        return bpy.data.images[bpy.context.window_manager.harmonize_progress.last_result]

    shot = new_shot(folder)
    theirs = bpy.data.images.load(str(folder / "plate.png"))
    theirs.name, theirs.use_fake_user = "Harmonized Frame", True
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert Path(theirs.filepath) == folder / "plate.png"
    assert shown() != theirs
    assert Path(shown().filepath) == shot.out / "harmonized_0001.png"
    shown().use_fake_user = True
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    names = sorted(image.name for image in bpy.data.images)
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    assert sorted(image.name for image in bpy.data.images) == names
    assert shown().name == "Harmonized Frame.001"


def check_leftovers_of_a_run_are_removed_when_a_file_is_loaded(folder: Path) -> None:
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    options = addon("options").read_options(bpy.context, animation=False)
    layers = addon("layers")
    with layers.shot_scene(shot.scene, bpy.context.view_layer, options.cast, False):
        assert len(bpy.data.scenes) == 2
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "during.blend"), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(folder / "during.blend"))
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    assert not [c for c in bpy.data.collections if "temporary" in c.name]


def check_a_file_saved_in_the_middle_of_a_run_hides_nothing(folder: Path) -> None:
    """EEVEE's other objects are hidden from the camera while it renders, and not in files that are saved meanwhile."""
    import addon_utils
    import bpy
    from addon_scene import assert_unchanged, snapshot
    from addon_session import ADDON

    shot = lit_shot(folder)
    use_eevee(shot.scene, samples=1)
    options = addon("options").read_options(bpy.context, animation=False)
    others = [thing.name for thing in options.cast.others if thing.type == "MESH"]
    assert len(others) == 2, others
    before, handlers = snapshot(shot.scene), _handlers()

    def hidden() -> list[str]:
        return [name for name in others if not bpy.data.objects[name].visible_camera]

    with addon("layers").shot_scene(shot.scene, bpy.context.view_layer, options.cast, False):
        assert hidden() == others
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "during.blend"), copy=True)
        assert hidden() == others, "still rendering"
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(folder / "nowhere" / "during.blend"), copy=True)
        except RuntimeError:
            assert hidden() == others, "after a file that could not be saved"
        else:
            raise AssertionError("saved into a folder that is not there")
    assert_unchanged(before, shot.scene)
    assert _handlers() == handlers
    shot.scene.harmonize.background, shot.scene.harmonize.plate_path = "FILE", str(folder / "plate.png")
    job = addon("job").Job(addon("options").read_options(bpy.context, animation=True), interactive=False)
    steps = job.steps()
    while not hidden():
        next(steps)
    addon("running")._alive.append((steps, []))  # as a run in the window has it
    addon_utils.disable(ADDON)
    try:
        assert not hidden()
        assert not [name for name, functions in _handlers().items() if any(ADDON in f for f in functions)]
        bpy.ops.wm.open_mainfile(filepath=str(folder / "during.blend"))  # by a Blender without the extension
        assert not hidden()
    finally:
        addon_utils.enable(ADDON)


def _handlers() -> dict[str, list[str]]:
    """Names of the functions that Blender calls, by the list they are in."""
    import bpy

    lists = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    return {name: [f.__module__ for f in some] for name, some in lists.items() if isinstance(some, list)}
