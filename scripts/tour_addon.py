# SPDX-License-Identifier: Apache-2.0
"""The stops of shoot_addon.py: install the extension, open the demo shot, press the buttons of every tool."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy
from bpy_extras.object_utils import world_to_camera_view

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tour_panels import MODULE, give_panels_back, module, progress, scroll, show_tools
from tour_window import ASKED, FOLDER, Wait, Walk, area_of, click, inside, middle, press, region_of, shot, tell, windows


def install() -> Generator[Wait]:
    """From disk, and switched on."""
    bpy.context.preferences.view.show_splash = False
    tell(blender=bpy.app.version_string)
    yield 2.0
    bpy.ops.extensions.package_install_files(
        filepath=ASKED["extension"], repo="user_default", enable_on_install=True, overwrite=True
    )


def look_at_preferences() -> Generator[Wait]:
    """The extension's page in the preferences, with the engine tried."""
    click("MOUSEMOVE", "NOTHING", middle(area_of("VIEW_3D")))  # where the window opens
    yield 0.5
    with bpy.context.temp_override(window=windows()[0]):
        bpy.ops.preferences.addon_show("EXEC_DEFAULT", module=MODULE)
    yield 2.0
    window = windows()[-1]
    with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
        tell(test_network=str(bpy.ops.harmonize.test_network()))
    yield from shot("preferences", window=window)
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield 1.0


def open_demo() -> Generator[Wait]:
    """The demo shot, seen through its camera."""
    with inside(area_of("VIEW_3D")):
        bpy.ops.harmonize.open_demo()
    yield 2.0
    scene = bpy.context.scene
    tell(opened=bpy.data.filepath, frames=[scene.frame_start, scene.frame_end])
    scene.frame_end = scene.frame_start + ASKED["frames"] - 1
    area = area_of("VIEW_3D")
    space = area.spaces.active
    space.show_region_ui = True
    space.shading.type, space.shading.color_type = "SOLID", "TEXTURE"
    space.region_3d.view_perspective = "CAMERA"
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.show_gizmo = False
    area_of("PROPERTIES").spaces.active.context = "RENDER"
    yield 1.0
    region_of(area, "UI").active_panel_category = "Harmonize"
    with inside(area):
        bpy.ops.view3d.view_center_camera()
    space.region_3d.view_camera_offset = (0.12, 0)
    space.region_3d.view_camera_zoom = 16
    yield 1.0


def set_up() -> Generator[Wait]:
    """First without characters, so that the panel says what is missing; then collected as an artist does."""
    scene, area = bpy.context.scene, area_of("VIEW_3D")
    characters: Any = scene.harmonize.characters
    things = list(characters.objects)
    for thing in things:
        scene.collection.objects.link(thing)
    bpy.data.collections.remove(characters)
    with inside(area):
        bpy.ops.object.select_all(action="DESELECT")
    yield from shot("missing", [region_of(area, "UI")])
    for thing in things:
        if thing.parent is None:
            thing.select_set(True)
            bpy.context.view_layer.objects.active = thing
    with inside(area, "UI"):
        tell(collected=str(bpy.ops.harmonize.collect_selected("INVOKE_DEFAULT")))
    characters = scene.harmonize.characters
    tell(characters=characters.name, objects=len(characters.all_objects))
    with inside(area):
        bpy.ops.object.select_all(action="DESELECT")
    yield from shot("ready", [region_of(area, "UI")])


def run() -> Generator[Wait]:
    """Harmonize Animation: seen at work, stopped with Esc, and pressed again to the end."""
    area = area_of("VIEW_3D")
    with inside(area, "UI"):
        bpy.ops.harmonize.animation("INVOKE_DEFAULT")
    yield lambda: progress().factor > 0.25 or not progress().running
    yield from shot("running")
    tell(factor=progress().factor, text=progress().text)
    press("ESC", middle(area))
    yield lambda: not progress().running
    yield from shot("stopped")
    with inside(area, "UI"):
        bpy.ops.harmonize.animation("INVOKE_DEFAULT")
    yield lambda: not progress().running
    tell(result=progress().last_result)
    frame = bpy.context.scene.frame_start + ASKED["frames"] // 2
    folder = Path(bpy.path.abspath(bpy.context.scene.harmonize.folder))
    for name in ("before_", ""):
        shutil.copyfile(folder / f"harmonized_{name}{frame:04d}.png", FOLDER / f"demo_{name or 'after_'}.png")
    yield from shot("finished")


def look_at_result() -> Generator[Wait]:
    """The result in its window, and before and after with the line dragged."""
    with inside(area_of("VIEW_3D"), "UI"):
        bpy.ops.harmonize.view_result("INVOKE_DEFAULT")
    yield 2.0
    window = windows()[-1]
    area = window.screen.areas[0]
    with inside(area, window=window):
        bpy.ops.image.view_all(fit_view=True)
        bpy.context.scene.frame_set(bpy.context.scene.frame_start + ASKED["frames"] // 3)
    yield from shot("result", window=window)
    bpy.context.window_manager.harmonize_split.show = True
    yield 2.0
    region = region_of(area)
    line, (_, bottom, _, top) = module("split_view").line_place(region, 0.5)
    start = (region.x + line, region.y + (bottom + top) // 2)
    walker = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
    in_picture = world_to_camera_view(bpy.context.scene, bpy.context.scene.camera, walker.matrix_world.translation)
    target = (region.x + module("split_view").line_place(region, in_picture.x)[0], start[1])
    click("MOUSEMOVE", "NOTHING", start, window)
    yield 0.5
    click("LEFTMOUSE", "PRESS", start, window)
    for step in range(1, 6):
        yield 0.2
        click("MOUSEMOVE", "NOTHING", (start[0] + (target[0] - start[0]) * step // 5, start[1]), window)
    yield 0.3
    click("LEFTMOUSE", "RELEASE", target, window)
    yield 0.5
    tell(line=bpy.context.window_manager.harmonize_split.position)
    yield from shot("split", window=window)
    bpy.context.window_manager.harmonize_split.show = False
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield 1.0


def bake() -> Generator[Wait]:
    """The look as a node, what is inside it, and its curves."""
    area = area_of("VIEW_3D")
    show_tools("over_time")
    with inside(area, "UI"):
        tell(baked=str(bpy.ops.harmonize.bake_look("INVOKE_DEFAULT")))
    yield 1.0
    scroll(area, 1)
    yield from shot("over_time", [area])
    area.ui_type = "CompositorNodeTree"
    yield 1.0
    show_nodes(area)
    yield 1.0
    show_nodes(area)
    yield from shot("nodes", [area])
    area.ui_type = "VIEW_3D"
    yield 0.5
    with inside(area_of("VIEW_3D"), "UI"):
        bpy.ops.harmonize.show_curves("INVOKE_DEFAULT")
    yield 1.0
    window = windows()[-1]
    yield from shot("curves", window=window)
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield 0.5


def show_nodes(area: bpy.types.Area) -> None:
    """The artist's compositing nodes, all of them, without a picture behind."""
    space = area.spaces.active
    space.show_backdrop = space.show_region_ui = False
    if hasattr(space, "show_region_asset_shelf"):
        space.show_region_asset_shelf = False
    with inside(area):
        bpy.ops.node.view_all()


def go_live() -> Generator[Wait]:
    """Live while the timeline is scrubbed, nodes below the view."""
    area = area_of("VIEW_3D")
    with inside(area):
        bpy.ops.screen.area_split(direction="HORIZONTAL", factor=0.3)
    yield 0.5
    below = min((a for a in windows()[0].screen.areas if a.type == "VIEW_3D"), key=lambda a: a.y)
    below.ui_type = "CompositorNodeTree"
    yield 0.5
    area = area_of("VIEW_3D")
    region_of(area, "UI").active_panel_category = "Harmonize"
    show_tools("live")
    shading = area.spaces.active.shading
    bpy.context.scene.cycles.preview_samples = 4
    shading.type, shading.use_compositor = "RENDERED", "CAMERA"
    with inside(area, "UI"):
        tell(live=str(bpy.ops.harmonize.live("INVOKE_DEFAULT")))
    scene = bpy.context.scene
    scene.frame_set(scene.frame_start)
    for _ in range(ASKED["frames"] // 2):
        press("RIGHT_ARROW", middle(area))
        yield 0.2
    yield 26.0  # the view renders anew
    live = module("live").session()
    tell(frame=scene.frame_current, text=live.text, failed=live.failed, seconds=live.seconds)
    show_nodes(below)
    yield 1.0
    show_nodes(below)
    scroll(area, 1)
    yield from shot("live", [area, below])
    with inside(area, "UI"):
        bpy.ops.harmonize.live("INVOKE_DEFAULT")
    tell(live=module("live").session() is not None)
    shading.type = "SOLID"
    with inside(below):
        bpy.ops.screen.area_close()
    yield 0.5


def match_lights() -> Generator[Wait]:
    """What the lights should be, and the lights set so; one undo takes it back."""
    scene, area = bpy.context.scene, area_of("VIEW_3D")
    area.spaces.active.show_region_ui = True
    yield 0.5
    region_of(area, "UI").active_panel_category = "Harmonize"
    show_tools("lights")
    with inside(area, "UI"):
        tell(lights=str(bpy.ops.harmonize.estimate_lights("INVOKE_DEFAULT")))
    yield lambda: not progress().running
    with inside(area, "UI"):
        tell(set=str(bpy.ops.harmonize.set_lights("INVOKE_DEFAULT")))
    yield 0.5
    scroll(area, 1)
    yield from shot("lights", [area])
    settings = scene.harmonize_lights
    tell(rig=settings.rig and settings.rig.name, before=settings.before, after=settings.after)
    press("Z", middle(area), ctrl=True)
    yield 1.0
    rig = bpy.context.scene.harmonize_lights.rig
    tell(undone=rig is None)


def control() -> Generator[Wait]:
    """The limits of the look, and the characters."""
    area = area_of("VIEW_3D")
    show_tools("control", "characters")
    bpy.context.scene.harmonize_characters.separate = True
    yield 0.5
    scroll(area, 1)
    yield from shot("control", [area])
    view = bpy.context.preferences.view
    view.language, view.use_translate_interface = "zh_HANT", True
    yield from shot("chinese", [area])


TOUR = (
    install,
    look_at_preferences,
    open_demo,
    set_up,
    run,
    look_at_result,
    bake,
    go_live,
    match_lights,
    control,
    give_panels_back,
)


if __name__ == "__main__":
    bpy.app.timers.register(Walk(TOUR).tick, first_interval=3.0, persistent=True)
