# SPDX-License-Identifier: GPL-3.0-or-later
"""Match Lights: how strong and what colour sun and ambient light should be, and setting them so; buttons and panel."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np

from harmonize_core.errors import HarmonizeError
from harmonize_core.runtime.light_match import exposure_and_tint

from .light_job import LightJob, new_light_job
from .light_rig import LightGroups, add_missing, apply_gains, find_groups, remember, reset_lights
from .light_settings import AMBIENT, GROUPS, SUN, estimate_of, keys_of, store_keys
from .linked import check_local
from .options import find_cast
from .panels import sub_panel
from .running import Run, has_characters
from .translations import say, sentence

_ROWS = 8
"""Frames that the panel lists."""


class HARMONIZE_OT_estimate_lights(Run):
    """Find out how strong and what colour sun and ambient light should be to fit the background; changes no light"""

    bl_idname = "harmonize.estimate_lights"
    bl_label = "Estimate Lights"
    bl_options = {"UNDO"}  # noqa: RUF012 (Blender reads this class attribute)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Characters are chosen, and nothing else runs."""
        return has_characters(cls, context)

    def _new_job(self, context: bpy.types.Context, *, interactive: bool) -> LightJob:
        return new_light_job(context, interactive=interactive)

    def _finish(self, context: bpy.types.Context) -> None:
        job: LightJob = self._job
        match = job.match
        scene = bpy.data.scenes.get(job.options.scene)
        if match is None or scene is None:  # the artist removed the scene meanwhile
            return
        settings = scene.harmonize_lights
        settings.has_sun, settings.has_ambient = SUN in job.groups, AMBIENT in job.groups
        settings.fixed = job.fixed
        gains, of_frames = job.gains()
        for name, gain in zip(GROUPS, gains, strict=True):
            exposure, tint = exposure_and_tint(gain)
            setattr(settings, f"{name}_exposure", exposure)
            setattr(settings, f"{name}_tint", tint)
        store_keys(settings.keys, of_frames if len(of_frames) > 1 else {})
        settings.before, settings.after = 255 * match.before, 255 * match.after
        settings.estimated = True
        self.report({"INFO"}, sentence(job.summary()))


def _changed(
    operator: bpy.types.Operator, context: bpy.types.Context, change: Callable[[LightGroups], None]
) -> set[str]:
    """What the buttons that change lights share: do it to the lights of the scene, or say why not."""
    try:
        check_local(context.scene)
        change(find_groups(context.scene, find_cast(context)))
    except HarmonizeError as error:
        operator.report({"ERROR"}, sentence(error))
        return {"CANCELLED"}
    return {"FINISHED"}


class HARMONIZE_OT_set_lights(bpy.types.Operator):
    """Set sun, ambient lights and world to the estimate, in a Harmonize Lights collection; one undo takes it back"""

    bl_idname = "harmonize.set_lights"
    bl_label = "Set Lights"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is an estimate."""
        cls.poll_message_set("Press Estimate Lights first")
        return context.scene.harmonize_lights.estimated

    def execute(self, context: bpy.types.Context) -> set[str]:
        """One value for all frames."""
        scene = context.scene
        gains = {scene.frame_current: estimate_of(scene.harmonize_lights)}
        return _changed(self, context, lambda groups: apply_gains(scene, groups, gains))


class HARMONIZE_OT_key_lights(bpy.types.Operator):
    """Keyframe sun, ambient lights and world with the estimates of the shot; one undo takes it back"""

    bl_idname = "harmonize.key_lights"
    bl_label = "Keyframe Lights"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There are estimates of several frames."""
        cls.poll_message_set("Press Estimate Lights for the whole shot first")
        return len(context.scene.harmonize_lights.keys) > 1

    def execute(self, context: bpy.types.Context) -> set[str]:
        """A keyframe at each estimate."""
        gains = keys_of(context.scene.harmonize_lights)
        return _changed(self, context, lambda groups: apply_gains(context.scene, groups, gains))


class HARMONIZE_OT_add_lights(bpy.types.Operator):
    """Add a sun and a grey world where the scene has none; turn the sun as it stands in the background"""

    bl_idname = "harmonize.add_lights"
    bl_label = "Add Sun and Ambient"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """What is missing only."""
        return _changed(self, context, lambda groups: self._add(context, groups))

    def _add(self, context: bpy.types.Context, groups: LightGroups) -> None:
        remember(context.scene, groups)
        made = add_missing(context.scene, groups)
        if made:
            self.report({"INFO"}, sentence(f"Added: {', '.join(made)}"))
        else:
            self.report({"INFO"}, sentence("The scene has a sun and ambient light already"))


class HARMONIZE_OT_reset_lights(bpy.types.Operator):
    """Give lights and world back as they were, and remove the Harmonize Lights collection with what was added"""

    bl_idname = "harmonize.reset_lights"
    bl_label = "Reset Lights"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Something was changed."""
        cls.poll_message_set("Match Lights has not changed any light")
        settings = context.scene.harmonize_lights
        return settings.rig is not None or len(settings.applied) > 0

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The estimate stays in the panel."""
        reset_lights(context.scene)
        return {"FINISHED"}


def draw_lights(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Settings, the estimate as numbers and swatches, and the buttons."""
    settings = context.scene.harmonize_lights
    column = layout.column(align=True)
    column.prop(settings, "frames")
    if settings.frames == "SHOT":
        column.prop(settings, "step")
    column.operator("harmonize.estimate_lights", icon="LIGHT_SUN")
    column.operator("harmonize.add_lights", icon="ADD")
    if settings.estimated:
        _draw_estimate(layout.box(), settings)
        column = layout.column(align=True)
        column.prop(settings, "amount")
        column.operator("harmonize.set_lights", icon="CHECKMARK")
        if settings.frames == "SHOT" or settings.keys:
            column.operator("harmonize.key_lights", icon="KEY_HLT")
    layout.operator("harmonize.reset_lights", icon="LOOP_BACK")


def _draw_estimate(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column = layout.column(align=True)
    for name, there in ((SUN, settings.has_sun), (AMBIENT, settings.has_ambient)):
        if there:
            column.prop(settings, f"{name}_exposure")
            column.prop(settings, f"{name}_tint")
    column.label(
        text=say("Mismatch: {before:.0f} to {after:.0f} of 255", **_distances(settings)),
        translate=False,
    )
    if settings.fixed:
        column.label(text=say("Lights that stay as they are: {count}", count=settings.fixed), translate=False)
    for key in list(settings.keys)[:_ROWS]:
        row = layout.row(align=True)
        row.label(text=say("Frame {frame}", frame=key.frame), translate=False)
        for name, there in ((SUN, settings.has_sun), (AMBIENT, settings.has_ambient)):
            if there:
                exposure, _ = exposure_and_tint(np.array(getattr(key, name)))
                row.label(text=f"{exposure:+.1f}", icon="LIGHT_SUN" if name == SUN else "WORLD", translate=False)
    if len(settings.keys) > _ROWS:
        layout.label(text=say("and {count} more frames", count=len(settings.keys) - _ROWS), translate=False)


def _distances(settings: bpy.types.PropertyGroup) -> dict[str, object]:
    return {"before": settings.before, "after": settings.after}


PANELS = sub_panel("lights", "Match Lights", draw_lights, 30)

CLASSES = (
    HARMONIZE_OT_estimate_lights,
    HARMONIZE_OT_set_lights,
    HARMONIZE_OT_key_lights,
    HARMONIZE_OT_add_lights,
    HARMONIZE_OT_reset_lights,
    *PANELS,
)
