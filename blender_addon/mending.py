# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons beside what a diagnosis finds: each gives the shot one thing that it lacks, in one step of undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy
from bpy.props import EnumProperty

from harmonize_core.errors import HarmonizeError

from .choosing import use_plate
from .compat import nodes_of, set_multilayer_format, set_still_format, switch_compositor
from .lacks import Lack
from .sources import ask_for_cryptomatte
from .translations import sentence


@dataclass(frozen=True)
class Mend:
    """A button: our own operator with a function to run, or another operator with its options."""

    lack: str
    """What is wrong without it, in the fewest words."""
    label: str
    icon: str
    run: Callable[[bpy.types.Context], None] | None = None
    operator: str = "harmonize.mend"
    options: dict[str, object] = field(default_factory=dict)


def draw(layout: bpy.types.UILayout, name: str, *, alone: bool) -> None:
    """Draw the button of this name; beside other things it has no room for an icon."""
    mend = MENDS[name]
    button = layout.operator(mend.operator, text=mend.label, icon=mend.icon if alone else "NONE")
    for option, value in ({"what": name} if mend.run else mend.options).items():
        setattr(button, option, value)


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
    if wanted is None:
        return
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
    camera = context.scene.camera
    for background in getattr(camera and camera.data, "background_images", ()):
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
    "camera": Mend("No camera", "Use a Camera", "CAMERA_DATA", _camera),
    "collect": Mend("No characters", "Collect Selected", "COLLECTION_NEW", operator="harmonize.collect_selected"),
    "show": Mend("Characters are hidden", "Show in Renders", "RESTRICT_RENDER_OFF", _show),
    "plate": Mend("No background", "Choose a File", "FILE_IMAGE", operator="harmonize.choose_background"),
    "placement": Mend("Background is moved", "Reset It", "LOOP_BACK", _placement),
    "world": Mend("No world", "Add a World", "WORLD", _world),
    "save": Mend("File not saved", "Save the File", "FILE_TICK", operator="wm.save_as_mainfile"),
    "folder": Mend("No output folder", "Use Default", "FILE_FOLDER", _folder),
    "stereo": Mend("Stereoscopy is on", "Switch It Off", "CANCEL", _stereo),
    "region": Mend("Render region", "Clear the Region", "SELECT_SET", _region),
    "engine": Mend("Workbench", "Use Cycles", "SCENE", _engine),
    "sequence": Mend("One of a sequence", "Use Them All", "RENDERLAYERS", _sequence),
    "compositing": Mend("Compositing is off", "Switch It On", "NODE_COMPOSITING", _compositing),
    "rest": Mend("World alone", "Use Whole Scene", "SCENE_DATA", _rest),
    "film": Mend("Film is opaque", "Make It Clear", "IMAGE_ALPHA", _film),
    "rgba": Mend("No alpha", "Write Alpha", "IMAGE_RGB_ALPHA", _rgba),
    "output": Mend("No passes", "Write EXR Layers", "RENDERLAYERS", _output),
    "passes": Mend("No Cryptomatte", "Add Passes", "RENDERLAYERS", _passes),
    "render": Mend(
        "Frames are missing",
        "Render Animation",
        "RENDER_ANIMATION",
        operator="render.render",
        options={"animation": True},
    ),
    "choose_render": Mend("Frames are missing", "Choose Others", "FILE_IMAGE", operator="harmonize.choose_render"),
    "network": Mend(
        "No network",
        "Preferences",
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
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (HARMONIZE_OT_mend,)
