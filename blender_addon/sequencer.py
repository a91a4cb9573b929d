# SPDX-License-Identifier: GPL-3.0-or-later
"""Add to Sequencer: the result frames as one image strip, where the shot's frames stand in time."""

from __future__ import annotations

from pathlib import Path

import bpy

from harmonize_core.errors import HarmonizeError, InputError

from .compat import strips_of
from .options import result_file
from .translations import sentence


class HARMONIZE_OT_add_strip(bpy.types.Operator):
    """Put the result frames into this scene's video sequencer, above what is there"""

    bl_idname = "harmonize.add_strip"
    bl_label = "Add to Sequencer"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """One strip; a frame that is not there yet shows the one before it."""
        scene = context.scene
        try:
            files = result_files(scene)
        except HarmonizeError as error:
            self.report({"ERROR"}, sentence(error))
            return {"CANCELLED"}
        first, *rest = files.values()
        strips = strips_of(scene)
        channel = 1 + max((strip.channel for strip in strips), default=0)
        strip = strips.new_image(first.stem, str(first), channel, min(files), fit_method="ORIGINAL")
        for path in rest:
            strip.elements.append(path.name)
        self.report(
            {"INFO"}, sentence("Renders now show the sequencer; Post Processing in the Output properties says so")
        )
        return {"FINISHED"}


def result_files(scene: bpy.types.Scene) -> dict[int, Path]:
    """The result of each frame from the first that is there to the last, by frame.

    Raises:
        InputError: there are none; the output folder is not chosen.
    """
    wanted = {f: result_file(scene.harmonize, f) for f in range(scene.frame_start, scene.frame_end + 1)}
    there = [frame for frame, path in wanted.items() if path.is_file()]
    if not there:
        raise InputError(f"There are no results in {wanted[scene.frame_start].parent}: press Harmonize Animation first")
    found: dict[int, Path] = {}
    for frame in range(there[0], there[-1] + 1):
        found[frame] = wanted[frame] if wanted[frame].is_file() else found[frame - 1]
    return found


CLASSES = (HARMONIZE_OT_add_strip,)
