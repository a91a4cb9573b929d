# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""Export Triplets: this shot, or one frame of it, as training data; settings, buttons and panel of `export_job`."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from harmonize_core.errors import InputError

from . import layers, light_settings
from .export_job import ExportJob, ExportPlan
from .export_styles import OWN, Style, generator_styles, has_generator, own_styles
from .linked import library_path
from .options import check_scene, is_neutral_view, view_key
from .panels import sub_panel
from .plates import find_plate
from .properties import RELATIVE_PATH
from .running import Run, has_characters
from .translations import sentence
from .triplet_set import CATEGORIES, SPLITS, STATE, place_name

BACKGROUNDS = (
    ("SCENE", "Rest of the Scene", "Render everything; the characters of every light stand before every other light"),
    ("PLATE", "Background of the Shot", "The artist's own light is right for the plate; other lights are not"),
)
KINDS = tuple((name, name.capitalize(), "") for name in CATEGORIES)
PARTS = tuple((name, label, "") for name, label in zip(SPLITS, ("Training", "Validation", "Test"), strict=True))


class HarmonizeExport(bpy.types.PropertyGroup):
    """`scene.harmonize_export`: what the panel shows."""

    background: EnumProperty(
        name="Background", items=BACKGROUNDS, description="What the characters stand before in the exported pictures"
    )
    use_generator: BoolProperty(
        name="Generator Styles",
        default=True,
        description="Replace the lights by the capture conditions of the rdharmony generator, where this Blender's "
        "Python has it; else the shot's own lights are varied",
    )
    styles: IntProperty(name="Lights", default=4, min=2, max=10, description="Lights that every frame is rendered in")
    folder: StringProperty(
        name="Folder",
        default="//dataset/",
        subtype="DIR_PATH",
        options=RELATIVE_PATH,
        description="Folder of the data set; several shots may share one",
    )
    shot: StringProperty(name="Shot", description="Name of the place in the data set; empty takes the name of the file")
    category: EnumProperty(
        name="Category",
        items=KINDS,
        description="What the characters are",
    )
    split: EnumProperty(
        name="Part",
        items=PARTS,
        description="A place should be in one part only",
    )
    seed: IntProperty(name="Seed", min=0, description="Of all numbers that the generator draws")
    skip_finished: BoolProperty(
        name="Keep Finished",
        default=True,
        description="Use frames of an earlier export with the same settings; switch off after changing the scene",
    )


def read_plan(context: bpy.types.Context, *, animation: bool) -> ExportPlan:
    """Check the settings and freeze them.

    Raises:
        HarmonizeError: something is missing; the sentence says what and where to set it.
    """
    scene, settings, shot = context.scene, context.scene.harmonize_export, context.scene.harmonize
    if shot.characters is None:
        raise InputError(
            "No characters are chosen: pick their collection in the Harmonize panel, or select them and press "
            "Collect Selected"
        )
    check_scene(scene)
    if scene.render.use_border:
        raise InputError("A render region is set, so pictures would be black beside it: switch Render Region off")
    before_plate = settings.background == "PLATE"
    plate = find_plate(scene) if before_plate else None
    if plate is not None and plate.kind == "rendered":
        raise InputError("The shot's background is rendered: choose Rest of the Scene as background of the export")
    backdrop = "" if before_plate else "SCENE"
    cast = layers.sort_cast(scene, context.view_layer, shot.characters, backdrop)
    frames = tuple(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))
    frames = frames if animation else (scene.frame_current,)
    if not frames:
        raise InputError("The frame range is empty: set Start and End in the Output properties")
    if frames[0] < 0:
        raise InputError(f"The export begins at frame {frames[0]}: numbers of views are 0 or more, so move the shot")
    name = place_name(settings.shot or Path(bpy.data.filepath).stem or scene.name)
    render = scene.render
    size = (render.resolution_x, render.resolution_y, render.resolution_percentage)
    samples = getattr(getattr(scene, "cycles", None), "samples", 0)
    names = [sorted(o.name for o in role) for role in (cast.characters, cast.others, cast.catchers)]
    return ExportPlan(
        scene=scene.name,
        view_layer=context.view_layer.name,
        characters=shot.characters.name,
        library=library_path(shot.characters),
        cut=before_plate and shot.others == "HOLDOUT",
        plate=plate,
        frames=frames,
        styles=chosen_styles(settings, name),
        root=str(set_folder(settings.folder)),
        place=name,
        category=settings.category,
        split=settings.split,
        neutral=is_neutral_view(scene),
        skip_finished=settings.skip_finished,
        settings=(
            scene.camera.name,
            size,
            render.engine,
            samples,
            names,
            view_key(scene),
            light_settings.fingerprint(scene),
        ),
    )


def chosen_styles(settings: HarmonizeExport, shot: str) -> tuple[Style, ...]:
    """The lights of an export: the generator's where it is wanted and installed, else the artist's, varied."""
    if settings.use_generator and has_generator():
        return generator_styles(settings.styles, shot, settings.seed, as_lit=settings.background == "PLATE")
    return own_styles(settings.styles)


def set_folder(folder: str) -> Path:
    """The absolute folder of the set.

    Raises:
        InputError: none is chosen, it is relative to a file that was never saved, or a file.
    """
    if not folder.strip():
        raise InputError("No folder is chosen for the data set: set one in the Export Triplets panel")
    if folder.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "The data set's folder is relative to a .blend file that was never saved: save it, or choose an absolute "
            "folder"
        )
    path = Path(bpy.path.abspath(folder))
    if path.exists() and not path.is_dir():
        raise InputError(f"The data set's folder {path} is a file: choose a folder in the Export Triplets panel")
    if (path / "jobs" / "spec.json").is_file():
        raise InputError(f"{path} holds a set of the rdharmony generator: choose another folder for the export")
    lists = ("manifest.jsonl", "dataset.json", "splits", *CATEGORIES.values())
    if not (path / STATE).is_dir() and any((path / name).exists() for name in lists):
        raise InputError(
            f"{path} holds a data set that was not exported here, and its lists would be lost: choose another folder "
            "for the export"
        )
    return path


class _Export(Run):
    """What both buttons share: the steps run in the window, or at once without one."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Characters are chosen, and nothing else runs."""
        return has_characters(cls, context)

    def _new_job(self, context: bpy.types.Context, *, interactive: bool) -> ExportJob:
        return ExportJob(read_plan(context, animation=self.animation), interactive=interactive)

    def _finish(self, context: bpy.types.Context) -> None:
        if self._job.without_characters:
            self.report({"WARNING"}, sentence(self._job.without_characters))
        self.report({"INFO"}, sentence(self._job.summary()))


class HARMONIZE_OT_export_triplet(_Export):
    """Write this frame as training data: composites in wrong light, their masks, and the frame in the right light"""

    bl_idname = "harmonize.export_triplet"
    bl_label = "Export Triplets of This Frame"
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender reads this class attribute)


class HARMONIZE_OT_export_dataset(_Export):
    """Write every frame of the shot as training data; run again to continue where it stopped"""

    bl_idname = "harmonize.export_dataset"
    bl_label = "Export Triplets of the Shot"
    bl_options = {"REGISTER"}  # noqa: RUF012
    animation = True


def draw_export(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Settings, which lights it will be, and both buttons."""
    settings = context.scene.harmonize_export
    column = layout.column(align=True)
    column.prop(settings, "background")
    column.prop(settings, "styles")
    row = column.row(align=True)
    at_hand = has_generator()
    row.enabled = at_hand
    row.prop(settings, "use_generator")
    if at_hand and settings.use_generator:
        column.prop(settings, "seed")
    else:
        column.label(text="The shot's own lights, varied" if settings.styles <= len(OWN) else "Six variations at most")
    column = layout.column(align=True)
    column.prop(settings, "folder")
    column.prop(settings, "shot")
    column.prop(settings, "category")
    column.prop(settings, "split")
    column.prop(settings, "skip_finished")
    column = layout.column(align=True)
    column.operator("harmonize.export_triplet", icon="IMAGE_DATA")
    column.operator("harmonize.export_dataset", icon="RENDER_ANIMATION")


CLASSES = (
    HarmonizeExport,
    HARMONIZE_OT_export_triplet,
    HARMONIZE_OT_export_dataset,
    *sub_panel("export", "Export Triplets", draw_export, 90),
)


def register() -> None:
    """Hang the settings on the scene."""
    bpy.types.Scene.harmonize_export = PointerProperty(type=HarmonizeExport)


def unregister() -> None:
    """Take them away again."""
    del bpy.types.Scene.harmonize_export
