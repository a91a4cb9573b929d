# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons beside what a diagnosis finds: each gives the shot one thing that it lacks, in one step of undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from harmonize_core.errors import HarmonizeError

from .compat import nodes_of, set_multilayer_format, set_still_format, switch_compositor
from .lacks import Lack
from .plates import MOVIE_SUFFIXES, sequence_range, split_number
from .sources import ask_for_cryptomatte


@dataclass(frozen=True)
class Mend:
    """A button: our own operator with a function to run, or another operator with its options."""

    lack: str
    """What it gives, in the fewest words."""
    label: str
    icon: str
    run: Callable[[bpy.types.Context], None] | None = None
    operator: str = "harmonize.mend"
    options: dict[str, object] = field(default_factory=dict)


def draw(layout: bpy.types.UILayout, name: str) -> None:
    """Draw the button of this name."""
    mend = MENDS[name]
    button = layout.operator(mend.operator, text=mend.label, icon=mend.icon)
    for option, value in ({"what": name} if mend.run else mend.options).items():
        setattr(button, option, value)


def use_plate(settings: bpy.types.PropertyGroup, scene: bpy.types.Scene, path: Path) -> None:
    """Make a file the background; one of several numbered pictures stands for all of them.

    Sequences that are numbered as the scene's frames begin at their own number, others with the first frame.
    """
    settings.background, settings.plate_path = "FILE", str(path)
    if bpy.data.filepath:
        settings.plate_path = bpy.path.relpath(str(path)) if _same_drive(path) else str(path)
    numbered = path.suffix.lower() not in MOVIE_SUFFIXES and bool(split_number(path.name)[1])
    first, length = sequence_range(path) if numbered else (0, 1)
    settings.plate_is_sequence = length > 1
    counts_alike = first <= scene.frame_start < first + length
    settings.plate_start = first if length > 1 and counts_alike else scene.frame_start


def _same_drive(path: Path) -> bool:
    return Path(bpy.data.filepath).anchor.lower() == path.anchor.lower()


def _camera(context: bpy.types.Context) -> None:
    scene = context.scene
    camera = next((o for o in scene.objects if o.type == "CAMERA"), None)
    if camera is None:
        camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(camera)
        _as_seen(camera, context)
    scene.camera = camera


def _as_seen(camera: bpy.types.Object, context: bpy.types.Context) -> None:
    """Where the 3D view looks from; without one, in front of the origin."""
    space = context.space_data
    if space is not None and space.type == "VIEW_3D" and space.region_3d is not None:
        camera.matrix_world = space.region_3d.view_matrix.inverted()
    else:
        camera.location, camera.rotation_euler = (0, -8, 1.5), (1.5, 0, 0)


def _show(context: bpy.types.Context) -> None:
    """Enable the characters' collection for renders and in this view layer, and what it stands in."""
    wanted = context.scene.harmonize.characters
    _edit(wanted, "hide_render", False)
    for way in _ways(context.view_layer.layer_collection, wanted):
        for layer in way:
            layer.exclude = False
            _edit(layer.collection, "hide_render", False)
    if not any(True for _ in _ways(context.view_layer.layer_collection, wanted)):
        context.scene.collection.children.link(wanted)
    for thing in wanted.all_objects:
        if thing.hide_render:
            _edit(thing, "hide_render", False)


def _ways(layer: bpy.types.LayerCollection, wanted: bpy.types.Collection) -> list[list[bpy.types.LayerCollection]]:
    """From below this layer collection to each place of a collection."""
    found = []
    for child in layer.children:
        if child.collection == wanted:
            found.append([child])
        found += [[child, *way] for way in _ways(child, wanted)]
    return found


def _edit(datablock: bpy.types.ID, name: str, value: object) -> None:
    try:
        setattr(datablock, name, value)
    except AttributeError as error:
        raise Lack(
            f"{datablock.name!r} is linked from another file and cannot be changed here; make a library override of it"
        ) from error


def _placement(context: bpy.types.Context) -> None:
    for background in context.scene.camera.data.background_images:
        background.offset, background.rotation, background.scale = (0, 0), 0, 1


def _world(context: bpy.types.Context) -> None:
    context.scene.world = bpy.data.worlds.new("World")
    nodes_of(context.scene.world)


def _folder(context: bpy.types.Context) -> None:
    context.scene.harmonize.property_unset("folder")


def _stereo(context: bpy.types.Context) -> None:
    context.scene.render.use_multiview = False


def _region(context: bpy.types.Context) -> None:
    context.scene.render.use_border = False


def _engine(context: bpy.types.Context) -> None:
    context.scene.render.engine = "CYCLES"


def _sequence(context: bpy.types.Context) -> None:
    settings = context.scene.harmonize
    use_plate(settings, context.scene, Path(bpy.path.abspath(settings.plate_path)))


def _compositing(context: bpy.types.Context) -> None:
    switch_compositor(context.scene, True)


def _rest(context: bpy.types.Context) -> None:
    context.scene.harmonize.background = "SCENE"


def _film(context: bpy.types.Context) -> None:
    context.scene.render.film_transparent = True


def _rgba(context: bpy.types.Context) -> None:
    """The same format with alpha, PNG where it has none."""
    settings = context.scene.render.image_settings
    try:
        settings.color_mode = "RGBA"
    except TypeError:
        set_still_format(context.scene, "PNG", "RGBA", "8")


def _output(context: bpy.types.Context) -> None:
    set_multilayer_format(context.scene)


def _passes(context: bpy.types.Context) -> None:
    ask_for_cryptomatte(context.view_layer)


MENDS = {
    "camera": Mend("No camera", "Make a Camera Active", "CAMERA_DATA", _camera),
    "collect": Mend("No characters", "Collect Selected", "COLLECTION_NEW", operator="harmonize.collect_selected"),
    "show": Mend("Characters are hidden", "Enable for Renders", "RESTRICT_RENDER_OFF", _show),
    "plate": Mend("No background", "Choose a File", "FILE_IMAGE", operator="harmonize.choose_background"),
    "placement": Mend("Background is moved", "Reset Its Placement", "LOOP_BACK", _placement),
    "world": Mend("No world", "Add a World", "WORLD", _world),
    "save": Mend("File was never saved", "Save the File", "FILE_TICK", operator="wm.save_as_mainfile"),
    "folder": Mend("No output folder", "Use the Default Folder", "FILE_FOLDER", _folder),
    "stereo": Mend("Stereoscopy is on", "Switch Stereoscopy Off", "CANCEL", _stereo),
    "region": Mend("Render region", "Clear the Region", "SELECT_SET", _region),
    "engine": Mend("Workbench", "Use Cycles", "SCENE", _engine),
    "sequence": Mend("One of a sequence", "Use the Sequence", "RENDERLAYERS", _sequence),
    "compositing": Mend("Compositing is off", "Switch Compositing On", "NODE_COMPOSITING", _compositing),
    "rest": Mend("World alone", "Use the Rest of the Scene", "SCENE_DATA", _rest),
    "film": Mend("Film is opaque", "Make the Film Transparent", "IMAGE_ALPHA", _film),
    "rgba": Mend("No alpha", "Write Alpha", "IMAGE_RGB_ALPHA", _rgba),
    "output": Mend("No passes", "Write EXR of Several Layers", "RENDERLAYERS", _output),
    "passes": Mend("No Cryptomatte", "Add Cryptomatte Passes", "RENDERLAYERS", _passes),
    "render": Mend(
        "Frames are missing",
        "Render Animation",
        "RENDER_ANIMATION",
        operator="render.render",
        options={"animation": True},
    ),
    "choose_render": Mend(
        "Frames are missing", "Choose Another Render", "FILE_IMAGE", operator="harmonize.choose_render"
    ),
    "network": Mend(
        "No network",
        "Open the Preferences",
        "PREFERENCES",
        operator="preferences.addon_show",
        options={"module": __package__ or ""},
    ),
}
"""What can be mended, by name."""


class HARMONIZE_OT_mend(bpy.types.Operator):
    """Give the shot what this line says it lacks"""

    bl_idname = "harmonize.mend"
    bl_label = "Mend"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # noqa: RUF012 (Blender reads this class attribute)

    what: EnumProperty(  # ty: ignore[invalid-type-form]
        name="What", items=[(name, mend.label, "") for name, mend in MENDS.items() if mend.run]
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run its function."""
        run = MENDS[self.what].run
        try:
            if run is not None:
                run(context)
        except HarmonizeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class _Choose:
    """An operator that asks for a picture or a movie."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filepath: StringProperty(subtype="FILE_PATH")  # ty: ignore[invalid-type-form]
    filter_image: BoolProperty(default=True, options={"HIDDEN"})  # ty: ignore[invalid-type-form]
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})  # ty: ignore[invalid-type-form]
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})  # ty: ignore[invalid-type-form]

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class HARMONIZE_OT_choose_render(_Choose, bpy.types.Operator):
    """Choose one picture of an existing render, numbered like the scene's frames"""

    bl_idname = "harmonize.choose_render"
    bl_label = "Choose Existing Render"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take it instead of rendering."""
        settings = context.scene.harmonize
        settings.source, settings.render_path = "FILES", self.filepath
        return {"FINISHED"}


class HARMONIZE_OT_choose_background(_Choose, bpy.types.Operator):
    """Choose the picture, sequence or movie behind the characters; one of several numbered pictures stands for all"""

    bl_idname = "harmonize.choose_background"
    bl_label = "Choose Background"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set file, sequence and start together."""
        path = Path(bpy.path.abspath(self.filepath))
        if not path.is_file():
            self.report({"ERROR"}, f"The background {path} does not exist; choose a picture or a movie")
            return {"CANCELLED"}
        use_plate(context.scene.harmonize, context.scene, path)
        return {"FINISHED"}


CLASSES = (HARMONIZE_OT_mend, HARMONIZE_OT_choose_background, HARMONIZE_OT_choose_render)
