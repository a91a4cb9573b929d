# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong, as far as it is known: one sentence each, nothing broken, and a later run works."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from addon_failures import Failure, pressed, try_failure
from addon_failures_export import EXPORT
from addon_failures_files import FILES
from addon_failures_runs import RUNS
from addon_failures_shot import SHOT
from addon_failures_tools import TOOLS
from addon_session import ADDON, addon, background_blender

ACES = "ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1"
"""The configuration of ACES that comes inside OpenColorIO."""


def check_failures_of_the_shot(folder: Path) -> None:
    _try_all(SHOT, folder)


def check_failures_of_files(folder: Path) -> None:
    _try_all(FILES, folder)


def check_failures_of_tools(folder: Path) -> None:
    _try_all(TOOLS, folder)


def check_failures_of_the_export(folder: Path) -> None:
    _try_all(EXPORT, folder)


def check_failures_in_the_middle_of_runs(folder: Path) -> None:
    _try_all(RUNS, folder)


def check_odd_shots_are_no_failures(folder: Path) -> None:
    """What looks like trouble and is none."""
    import bpy
    import numpy as np
    from addon_scene import assert_unchanged, snapshot

    def works(shot: Any, button: str = "frame") -> None:
        bpy.context.view_layer.update()
        before = snapshot(shot.scene)
        assert pressed(shot, button) == "done"
        assert_unchanged(before, shot.scene)
        shot.settings.strength *= 0.99  # or the next one would be kept

    shot = _new(folder / "shöt 影 with spaces, {frame} 5% #")
    scene = shot.scene
    scene.render.use_lock_interface = True
    works(shot, "animation")
    for view in ("False Color", "Filmic", "Raw", "AgX"):
        scene.view_settings.view_transform = view
        works(shot)
    scene.view_settings.view_transform = "Standard"
    scene.frame_set(-3)
    works(shot)
    assert (shot.out / "harmonized_-003.png").is_file()
    scene.frame_set(1)
    scene.render.resolution_x = scene.render.resolution_y = 1
    works(shot)
    scene.render.resolution_x, scene.render.resolution_y = 64, 48
    shot.settings.skip_finished = False
    addon("temporary").mark(bpy.data.scenes.new("Left by a crash"))
    assert pressed(shot, "frame") == "done"
    assert len(bpy.data.scenes) == 1
    shot.hero.hide_render = True
    works(shot)
    shot.hero.hide_render = False
    values = np.full((48, 64, 4), 0.5, np.float32)
    values[10:20], values[20:30] = np.nan, np.inf
    (folder / "nan.exr").write_bytes(addon("bridge.files").encode_exr(values))
    shot.settings.plate_path = str(folder / "nan.exr")
    works(shot)
    shot.settings.source, shot.settings.foreground = "FILES", "ALPHA"
    values[:, :32] = 0
    (folder / "nan_0001.exr").write_bytes(addon("bridge.files").encode_exr(values))
    shot.settings.render_path = str(folder / "nan_0001.exr")
    works(shot)
    assert np.isfinite(addon("bridge.pixels").read_values(shot.out / "harmonized_0001.png")).all()


def check_damaged_estimates_are_made_anew(folder: Path) -> None:
    shot = _new(folder)
    result, estimate = shot.out / "harmonized_0001.png", shot.out / "harmonized_work/look_0001.npz"
    kept, right = estimate.read_bytes(), result.read_bytes()
    for damaged in (b"", kept[: len(kept) // 2], b"no estimate", kept[:60] + bytes(40) + kept[100:]):
        estimate.write_bytes(damaged)
        assert pressed(shot, "frame") == "done"
        assert estimate.read_bytes() == kept
        assert result.read_bytes() == right


def check_a_look_the_artist_broke_is_made_whole(folder: Path) -> None:
    """The group renamed, deleted, emptied, without a socket; the node deleted: baked again, all is as at first."""
    import bpy

    def group() -> Any:
        return addon("look_nodes").look_nodes(addon("compat").compositor_tree(shot.scene))[0].node_tree

    def wires() -> set[tuple[str, ...]]:
        tree = addon("compat").compositor_tree(shot.scene)
        return {(link.from_node.bl_idname, link.to_node.bl_idname, link.to_socket.name) for link in tree.links}

    def without_socket() -> None:
        group().interface.remove(group().interface.items_tree["Exposure"])

    def without_node() -> None:
        tree = addon("compat").compositor_tree(shot.scene)
        tree.nodes.remove(addon("look_nodes").look_nodes(tree)[0])

    shot = _new(folder)
    for number, harm in enumerate(
        (
            lambda: setattr(group(), "name", "Mine"),
            lambda: bpy.data.node_groups.remove(group()),
            lambda: group().nodes.clear(),
            lambda: setattr(group().interface.items_tree["Exposure"], "name", "Light"),
            without_socket,
            without_node,
        )
    ):
        assert pressed(shot, "bake_look") == "done"
        right = wires()
        harm()
        assert pressed(shot, "bake_look") == "done"
        assert wires() == right, number
        harm()
        assert pressed(shot, "live") == "done"
        addon("live").stop()
        pressed(shot, "remove_look")  # Live has taken it out already where nothing of it was left
        tree = addon("compat").compositor_tree(shot.scene)
        assert tree is None or not tree.nodes, (number, tree.nodes.keys())


def check_what_cannot_be_added_to_is_left_alone(folder: Path) -> None:
    """A library override of the characters is put into a collection of this file; folders that stay are said."""
    import bpy

    shot = _new(folder / "source")
    bpy.data.libraries.write(str(folder / "hero.blend"), {shot.characters}, fake_user=True)
    shot = _new(folder / "shot")
    with bpy.data.libraries.load(str(folder / "hero.blend"), link=True) as (_, here):
        here.collections = ["Hero"]
    here.collections[0].override_hierarchy_create(shot.scene, bpy.context.view_layer)
    override = next(c for c in bpy.data.collections if c.override_library)
    shot.settings.characters = override
    bpy.ops.object.select_all(action="DESELECT")
    shot.hero.select_set(True)
    assert pressed(shot, "collect_selected") == "done"
    chosen = shot.settings.characters
    assert chosen != override
    assert {*chosen.objects, *chosen.children} == {shot.hero, override}
    assert pressed(shot, "frame") == "done"


def check_a_renderer_that_does_not_start_leaves_no_copy(folder: Path) -> None:
    import bpy

    shot = _new(folder)
    with background_blender(folder) as script:
        if script is None:  # a program cannot be taken away from under itself
            return
        script.unlink()
        options = addon("options").read_options(bpy.context, animation=True)
        said = ""
        try:
            list(addon("job").Job(options, interactive=True).steps())
        except addon("job").HarmonizeError as error:
            said = str(error)
        assert "could not be started a second time" in said, said
        assert not list(shot.out.rglob("render.blend"))


def check_disabled_in_the_middle_of_a_run(folder: Path) -> None:
    """What renders ends, and nothing temporary stays."""
    import addon_utils
    import bpy

    shot = _new(folder)
    shot.settings.skip_finished = False
    job = addon("job").Job(addon("options").read_options(bpy.context, animation=True), interactive=False)
    steps = job.steps()
    while not job.progress.rendered:
        next(steps)
    assert len(bpy.data.scenes) > 1
    addon("running")._alive.append((steps, []))  # as a run in the window has it
    addon_utils.disable(ADDON)
    try:
        assert [scene.name for scene in bpy.data.scenes] == ["Scene"]
        assert not list(steps)
    finally:
        addon_utils.enable(ADDON)
    shot = _new(folder / "again")


def check_aces_configuration(folder: Path) -> None:
    """A Blender that was started with the OpenColorIO configuration of ACES: pictures as ever, nodes are refused."""
    import bpy

    shot = _new(folder)
    shot.out.rename(folder / "away")
    bpy.ops.wm.save_mainfile()
    code = f"""
import json, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import bpy
from types import SimpleNamespace
from addon_failures import pressed
shot = SimpleNamespace(bpy=bpy)
said = [pressed(shot, button) for button in ("frame", "bake_look", "live")]
open({str(folder / "said.json")!r}, "w").write(json.dumps(said))
import os; os._exit(0)
"""
    with background_blender(folder) as script:
        command = [str(script or bpy.app.binary_path), "--background", bpy.data.filepath, "--python-expr", code]
        subprocess.run(command, env={**os.environ, "OCIO": ACES}, capture_output=True, check=True, timeout=120)
    frame, *nodes = json.loads((folder / "said.json").read_text())
    assert frame == "done", frame
    assert (shot.out / "harmonized_0001.png").is_file()
    for said in nodes:  # since 5.0 a file has its own working space, and this one's is Linear Rec.709
        kept = bpy.app.version >= (5, 0, 0) and said == "done"
        assert kept or said.startswith("The file works in ACEScg, and the nodes' white balance"), said


def _try_all(cases: Iterable[Failure], folder: Path) -> None:
    wrong = []
    for number, case in enumerate(cases):
        try:
            try_failure(case, _new(folder / str(number)))
        except AssertionError as error:
            wrong.append(f"{case.what}: {error}")
    assert not wrong, "\n".join(wrong)


def _new(folder: Path) -> Any:
    """A shot whose first frame is harmonized."""
    import bpy
    from addon_scene import new_shot

    shot = new_shot(folder)
    shot.bpy, shot.addon, shot.background_blender = bpy, addon, background_blender
    shot.preferences = bpy.context.preferences.addons[ADDON].preferences
    assert bpy.ops.harmonize.frame() == {"FINISHED"}
    return shot
