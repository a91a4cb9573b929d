# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a capture condition into the scene: the sky picture, the sun or moon, the lamps. Geometry never changes."""

import bpy
import numpy as np

from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.light import practicals, sky
from rdharmony_gen.spec.condition import ConditionSpec


class Lights:
    """The lights of one built scene; `apply` turns them to a condition.

    Lamps that are off stay in the scene with power 0: Cycles skips them, but hiding them would change the order of
    its lights, and with it every random number, depending on which condition a process renders first.
    """

    def __init__(self, stage: Stage, width: int) -> None:
        self.stage = stage
        self.sky_width = int(np.clip(6 * width, 1024, 4096)) // 4 * 4
        scene = bpy.context.scene
        scene.world = bpy.data.worlds.new("sky")
        scene.world.use_nodes = True
        scene.world.cycles.sampling_method = "MANUAL"
        scene.world.cycles.sample_map_resolution = 512
        tree = scene.world.node_tree
        tree.nodes.clear()
        self.picture = tree.nodes.new("ShaderNodeTexEnvironment")
        background = tree.nodes.new("ShaderNodeBackground")
        output = tree.nodes.new("ShaderNodeOutputWorld")
        tree.links.new(self.picture.outputs[0], background.inputs[0])
        tree.links.new(background.outputs[0], output.inputs[0])
        self.sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
        scene.collection.objects.link(self.sun)

    def apply(self, condition: ConditionSpec) -> None:
        """Light the scene as the condition says."""
        self._sky(condition)
        strength = max(condition.key_irradiance)
        self.sun.data.energy = strength
        self.sun.data.color = tuple(c / max(strength, 1e-9) for c in condition.key_irradiance)
        self.sun.data.angle = float(np.radians(condition.key_angle_deg))
        elevation, azimuth = np.radians(condition.elevation_deg), np.radians(condition.azimuth_deg)
        self.sun.rotation_euler = (np.pi / 2 - elevation, 0.0, np.pi - azimuth)
        warmth = practicals.glow_colour(condition)
        colours = practicals.lamp_colours(condition, len(self.stage.lamps))
        for (lamp, watts), colour in zip(self.stage.lamps, colours, strict=True):
            lamp.data.energy = watts * condition.lamps**2
            lamp.data.color = colour
        for material, glow in self.stage.glowing:
            nodes = material.node_tree.nodes
            nodes["glow"].outputs[0].default_value = glow * condition.lamps**2
            nodes["warmth"].outputs[0].default_value = (*warmth, 1.0)
        for material in self.stage.windows:
            nodes = material.node_tree.nodes
            nodes["lit"].outputs[0].default_value = condition.lit_windows
            nodes["glow"].outputs[0].default_value = 0.22 * condition.lamps**2

    def _sky(self, condition: ConditionSpec) -> None:
        picture = sky.panorama(condition, self.sky_width)
        height, width = picture.shape[:2]
        image = bpy.data.images.new(condition.style, width, height, alpha=False, float_buffer=True)
        rgba = np.ones((height, width, 4), np.float32)
        rgba[..., :3] = picture[::-1]
        image.pixels.foreach_set(rgba.ravel())
        image.pack()
        old, self.picture.image = self.picture.image, image
        if old is not None:
            bpy.data.images.remove(old)
