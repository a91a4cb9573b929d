# SPDX-License-Identifier: Apache-2.0
"""Failures of the shot itself: scene, characters, background, output; one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from addon_failures import Failure, both, broken, nothing, setting

NO_CHARACTERS = (
    "No characters are chosen: pick their collection in the Harmonize panel, or select them and press Collect Selected"
)
HIDDEN = (
    "The characters collection <name> is hidden from renders or not in this view layer: put the characters into it and "
    "enable it for renders in the Outliner"
)


def _empty_collection(shot: Any) -> Any:
    return shot.bpy.data.collections.new("Empty")


def _excluded(shot: Any) -> Iterator[None]:
    layer = shot.bpy.context.view_layer.layer_collection.children["Hero"]
    layer.exclude = True
    yield
    layer.exclude = False


def _second_scene(shot: Any) -> Iterator[None]:
    second = shot.bpy.data.scenes.new("Second")
    shot.bpy.context.window.scene = second
    yield
    shot.bpy.context.window.scene = shot.scene
    shot.bpy.data.scenes.remove(second)


def _linked_scene(shot: Any) -> Iterator[None]:
    bpy, file = shot.bpy, str(shot.folder / "other file.blend")
    bpy.data.libraries.write(file, {shot.scene}, fake_user=True)
    with bpy.data.libraries.load(file, link=True) as (there, here):
        here.scenes = there.scenes
    (linked,) = here.scenes
    bpy.context.window.scene = linked
    linked.objects[-1].select_set(True)
    yield
    bpy.context.window.scene = shot.scene
    bpy.data.libraries.remove(linked.library)


def _camera_background(shot: Any) -> Any:
    background = shot.scene.camera.data.background_images.new()
    background.image = shot.bpy.data.images.load(str(shot.folder / "plate.png"))
    return background


def _turned_background(shot: Any) -> Iterator[None]:
    background = _camera_background(shot)
    background.rotation, shot.settings.background = 0.1, "CAMERA"
    yield
    shot.settings.background = "FILE"


def _lost_background(shot: Any) -> Iterator[None]:
    _camera_background(shot).image.filepath = "/lost/plate.png"
    shot.settings.background = "CAMERA"
    yield
    shot.settings.background = "FILE"


def _tiles_as_background(shot: Any) -> Iterator[None]:
    image = shot.bpy.data.images.new("Tiles", 4, 4, tiled=True)
    _camera_background(shot).image = image
    shot.settings.background = "CAMERA"
    yield
    shot.settings.background = "FILE"


def _unsaved(shot: Any) -> Iterator[None]:
    bpy, file = shot.bpy, shot.bpy.data.filepath
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    hero = bpy.data.collections.new("Hero")
    scene.collection.children.link(hero)
    hero.objects.link(bpy.data.objects.new("Ball", bpy.data.meshes.new("Ball")))
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.harmonize.characters = hero
    scene.harmonize.background, scene.harmonize.plate_path = "FILE", str(shot.folder / "plate.png")
    yield
    bpy.ops.wm.open_mainfile(filepath=file)


def _file_as(name: str) -> Any:
    """A file of this name in the shot's folder, which is given as a path."""

    def path(shot: Any) -> str:
        (shot.folder / "a file").write_text("")
        return str(shot.folder / name)

    return path


@broken
def _deselected(shot: Any) -> Iterator[None]:
    shot.hero.select_set(False)
    yield


@broken
def _running(shot: Any) -> Iterator[None]:
    state = shot.bpy.context.window_manager.harmonize_progress
    state.running = True
    yield
    state.running = False


SHOT = (
    Failure(
        "No camera",
        "The scene has no camera: add one and make it the active camera",
        setting("scene.camera", None),
    ),
    Failure(
        "The active camera is a light or an empty",
        "The active camera <name> is another kind of object: choose a camera in the Scene properties",
        setting("scene.camera", lambda shot: shot.hero),
    ),
    Failure("No characters chosen", NO_CHARACTERS, setting("settings.characters", None)),
    Failure(
        "The collection is empty",
        "The characters collection <name> is empty: put the characters into it and enable it for renders in the "
        "Outliner",
        setting("settings.characters", _empty_collection),
    ),
    Failure("The collection is hidden from renders", HIDDEN, setting("characters.hide_render", True)),
    Failure("The collection is switched off in this view layer", HIDDEN, broken(_excluded)),
    Failure(
        "Nothing is selected to collect",
        "Nothing is selected: select the characters first",
        _deselected,
        press="collect_selected",
    ),
    Failure(
        "Nothing is selected to name",
        "Nothing is selected: select the characters first",
        _deselected,
        press="name_selected",
    ),
    Failure(
        "Another scene without a shot is in the window",
        "The scene has no camera: add one and make it the active camera",
        broken(_second_scene),
    ),
    Failure(
        "The scene is linked from another file",
        "The scene <name> is linked from another file and cannot be changed here: make a full copy of it (New Scene > "
        "Full Copy), or open that file",
        broken(_linked_scene),
        press="collect_selected",
    ),
    Failure(
        "Workbench is chosen as engine",
        "Workbench renders no light to be matched: choose Cycles or EEVEE in the Render properties",
        setting("scene.render.engine", "BLENDER_WORKBENCH"),
    ),
    Failure(
        "Stereoscopy",
        "Stereoscopy is on, and the eyes cannot be matched together: switch it off in the Output properties, and match "
        "each eye with a camera of its own",
        setting("scene.render.use_multiview", True),
    ),
    Failure(
        "The picture has less than a pixel",
        "Blender could not render frame <frame> (Image too small): mend that and run again",
        both(
            setting("scene.render.resolution_x", 4),
            setting("scene.render.resolution_y", 4),
            setting("scene.render.resolution_percentage", 1),
        ),
    ),
    Failure(
        "The camera has no background",
        "The camera has no background image: add one in the camera's properties under Background Images, or choose a "
        "file in the Harmonize panel",
        setting("settings.background", "CAMERA"),
    ),
    Failure(
        "The camera's background is scaled or turned",
        "The camera's background image is scaled, shifted or turned, which cannot be kept to the pixel; reset its "
        "Offset, Rotation and Scale, or choose the file in the Harmonize panel",
        broken(_turned_background),
    ),
    Failure(
        "The file of the camera's background is gone",
        "The background <file> does not exist; choose the image's file again",
        broken(_lost_background),
    ),
    Failure(
        "The camera's background is an image of tiles (UDIM)",
        "The background image <name> is no picture, sequence or movie; choose another",
        broken(_tiles_as_background),
    ),
    Failure(
        "No background chosen",
        "No background is chosen: pick a picture, a sequence or a movie in the Harmonize panel",
        setting("settings.plate_path", ""),
    ),
    Failure(
        "The background is not there",
        "The background <file> does not exist; choose it again in the Harmonize panel",
        setting("settings.plate_path", "//missing movie.mp4"),
    ),
    Failure(
        "The background is a folder",
        "The background <file> is a folder: choose a picture in it, or a movie",
        setting("settings.plate_path", lambda shot: str(shot.folder)),
    ),
    Failure(
        "A sequence whose pictures have no numbers",
        "<file> has no frame number in its name; choose a picture of a sequence like plate_0001",
        setting("settings.plate_is_sequence", True),
    ),
    Failure(
        "The world is the background, and there is none",
        "The scene has no world to be the background: add one, or choose another background",
        setting("settings.background", "WORLD"),
    ),
    Failure(
        "A file was chosen that is not there",
        "The background <file> does not exist; choose a picture or a movie",
        nothing,
        press="choose_background",
        options={"filepath": "/missing/plate.png"},
    ),
    Failure(
        "The file was never saved",
        "The output folder is relative to a .blend file that was never saved: save it, or choose an absolute folder",
        broken(_unsaved),
    ),
    Failure(
        "No output folder",
        "No output folder is chosen: set one in the Harmonize panel",
        setting("settings.folder", " "),
    ),
    Failure(
        "The output folder is a file",
        "The output folder <file> is a file: choose a folder in the Harmonize panel",
        setting("settings.folder", _file_as("a file")),
    ),
    Failure(
        "The output folder cannot be made or is read-only",
        "<file> cannot be written (<reason>); choose an output folder you may write to",
        setting("settings.folder", _file_as("a file/below")),
    ),
    Failure(
        "The name of the pictures is too long for the disk",
        "<file> could not be written (<reason>); choose another output folder",
        setting("settings.name_prefix", "long name " * 40),
    ),
    Failure(
        "A run is going on already",
        "Harmonize is already running: wait for it, or press Esc",
        _running,
        press="animation",
    ),
)
