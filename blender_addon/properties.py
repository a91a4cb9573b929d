# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""The artist's settings, kept in the scene (saved, undone, keyframed with it), and the state of a run."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
"""Paths may begin with // (the folder of the .blend); Blender 4.5 began to ask for this option, 4.4 refuses it."""

BACKGROUNDS = (
    ("CAMERA", "Camera Background", "The background image or movie clip of the active camera"),
    ("FILE", "File", "A picture, one picture of a numbered sequence, or a movie"),
    ("WORLD", "World", "What surrounds the scene, rendered as the camera sees it"),
    ("SCENE", "Rest of the Scene", "Everything in the scene that is not a character, rendered with it"),
)
SOURCES = (
    ("RENDER", "New Render", "Render what is needed"),
    ("FILES", "Existing Render", "Take pictures that are already rendered: the scene's own output, or others"),
)
FOREGROUNDS = (
    ("COLLECTION", "Collection", "The objects in a collection"),
    ("MATTE", "Matte", "What an AOV or the Cryptomatte of the whole picture tells by name"),
    ("ALPHA", "Alpha", "Everything that is rendered before a transparent film"),
)
FITS = (
    ("CROP", "Crop", "Fill the frame; what stands out is cut off"),
    ("FIT", "Fit", "Show the whole background, with black beside it"),
    ("STRETCH", "Stretch", "Fill the frame, ignoring proportions"),
)
OTHERS = (
    ("LIGHT", "Only Light and Shade", "Other objects light, shade and reflect in the characters but are not seen"),
    ("HOLDOUT", "Also Hide Characters", "Characters behind other objects are hidden and the background shows there"),
)
FORMATS = (
    ("PNG", "PNG", "8 bits a channel, sRGB"),
    ("PNG16", "PNG 16 bit", "16 bits a channel, sRGB"),
    ("EXR", "OpenEXR", "Half float, linear Rec.709, for further compositing"),
)


class HarmonizeSettings(bpy.types.PropertyGroup):
    """`scene.harmonize`: what the panel shows. `options.read_options` is the only reader."""

    source: EnumProperty(name="Pictures", items=SOURCES, description="Where the characters' pictures come from")
    render_path: StringProperty(
        name="Existing Render",
        subtype="FILE_PATH",
        options=RELATIVE_PATH,
        description="One picture of the sequence, numbered like the scene's frames; empty is the scene's own output",
    )
    foreground: EnumProperty(name="Foreground", items=FOREGROUNDS, description="What tells the characters")
    matte: StringProperty(
        name="Matte",
        description="An AOV, or names of objects or materials in the Cryptomatte, with commas between them; "
        "* stands for anything",
    )
    characters: PointerProperty(
        name="Characters",
        type=bpy.types.Collection,
        description="Collection of the rendered characters that are to fit the background",
    )
    others: EnumProperty(name="Other Objects", items=OTHERS, description="What the rest of the scene does")
    background: EnumProperty(name="Background", items=BACKGROUNDS, description="Where the plate comes from")
    plate_path: StringProperty(
        name="File", subtype="FILE_PATH", options=RELATIVE_PATH, description="Picture or movie behind the characters"
    )
    plate_is_sequence: BoolProperty(
        name="Numbered Sequence", description="The file is one picture of a sequence such as plate_0001.png"
    )
    plate_start: IntProperty(name="Starts at Frame", default=1, description="Scene frame of its first picture")
    plate_fit: EnumProperty(name="Fit", items=FITS, description="How a plate of another size fills the frame")
    strength: FloatProperty(
        name="Strength",
        default=1.0,
        min=0.0,
        max=2.0,
        soft_max=1.0,
        subtype="FACTOR",
        description="0 leaves the characters as rendered, 1 is the full match; can be keyframed",
    )
    smoothing: FloatProperty(
        name="Smoothing",
        default=2.0,
        min=0.0,
        soft_max=12.0,
        max=100.0,
        description="Frames over which the match is averaged in an animation; 0 treats each frame alone",
    )
    file_format: EnumProperty(name="Format", items=FORMATS, description="File type of the results")
    folder: StringProperty(
        name="Output",
        default="//harmonized/",
        subtype="DIR_PATH",
        options=RELATIVE_PATH,
        description="Folder of the result frames",
    )
    name_prefix: StringProperty(name="Name", default="harmonized", description="Start of the file names")
    write_composite: BoolProperty(
        name="Also Write Before",
        default=True,
        description="Write the composite without the match beside the result, as <name>_before_####",
    )
    skip_finished: BoolProperty(
        name="Keep Finished",
        default=True,
        description="Use rendered layers and frames of an earlier run with the same settings; "
        "switch off after changing the scene",
    )


class HarmonizeProgress(bpy.types.PropertyGroup):
    """`window_manager.harmonize_progress`: a run in this session; never saved."""

    running: BoolProperty(options={"SKIP_SAVE"})
    cancel: BoolProperty(options={"SKIP_SAVE"})
    factor: FloatProperty(options={"SKIP_SAVE"}, min=0.0, max=1.0)
    text: StringProperty(options={"SKIP_SAVE"})
    last_result: StringProperty(options={"SKIP_SAVE"})
    """Name of the image datablock of the last result."""


CLASSES = (HarmonizeSettings, HarmonizeProgress)


def register() -> None:
    """Hang the settings on the scene and the state of a run on the window manager."""
    bpy.types.Scene.harmonize = PointerProperty(type=HarmonizeSettings)
    bpy.types.WindowManager.harmonize_progress = PointerProperty(type=HarmonizeProgress)


def unregister() -> None:
    """Take them away again; what files hold stays in them."""
    del bpy.types.WindowManager.harmonize_progress
    del bpy.types.Scene.harmonize
