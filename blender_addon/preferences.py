# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""The add-on's preferences: which network, what runs it, how many threads; and a word on whether that works here."""

import time

import bpy
import numpy as np
from bpy.props import EnumProperty, IntProperty, StringProperty

from harmonize_core.errors import HarmonizeError

from . import model
from .properties import RELATIVE_PATH
from .translations import sentence

ENGINES = (
    ("AUTO", "Automatic", "ONNX Runtime where this Blender can load it, else NumPy"),
    ("NUMPY", "NumPy", "Never load ONNX Runtime: the same result, slower"),
)


class HarmonizePreferences(bpy.types.AddonPreferences):
    """Add-on preferences: which network, what runs it, how many threads."""

    bl_idname = __package__ or "harmonize"

    model_path: StringProperty(
        name="Network",
        subtype="FILE_PATH",
        options=RELATIVE_PATH,
        description="An .onnx file written by `harmonize export`; empty uses the one inside the extension",
    )
    engine: EnumProperty(name="Engine", items=ENGINES, description="What runs the network")
    threads: IntProperty(name="Threads", min=0, max=256, description="Processor threads of the network; 0 uses all")

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the preferences, and what they come to on this machine."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "model_path")
        layout.prop(self, "engine")
        layout.prop(self, "threads")
        box = layout.box().column(align=True)
        try:
            inside = model.model_path() == model.BUNDLED
            box.label(
                text="Uses the network inside the extension" if inside else "Uses the network chosen above",
                icon="CHECKMARK",
            )
        except HarmonizeError as error:
            box.label(text=sentence(error), icon="ERROR")
        for line, good in model.engine_lines():
            box.label(text=line, icon="CHECKMARK" if good else "INFO")
        box.operator("harmonize.test_network", icon="PLAY")
        layout.operator("harmonize.open_demo", icon="FILE_BLEND")


class HARMONIZE_OT_test_network(bpy.types.Operator):
    """Open the network, run it once, and say what ran it and how long that took"""

    bl_idname = "harmonize.test_network"
    bl_label = "Test Network"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """A grey foreground in a bright picture, as large as the network's own input."""
        addon = context.preferences.addons.get(__package__ or "")
        try:
            network, _ = model.open_model(
                model.model_path(), addon.preferences.threads if addon else 0, model.chosen_runtime()
            )
            size = network.info.input_size
            mask = np.zeros((size, size), np.float32)
            mask[size // 4 : -size // 4, size // 4 : -size // 4] = 1
            picture = np.where(mask[..., None] > 0, np.float32(0.3), np.float32(0.7)).repeat(3, axis=2)
            started = time.perf_counter()
            network.estimate(picture, mask)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        took = 1000 * (time.perf_counter() - started)
        self.report({"INFO"}, sentence(f"{network.info.name} works: {network.info.engine}, {took:.0f} ms a frame"))
        return {"FINISHED"}


CLASSES = (HARMONIZE_OT_test_network, HarmonizePreferences)
