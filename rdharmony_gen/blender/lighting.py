# SPDX-License-Identifier: GPL-3.0-or-later
"""Put light into the scene: the sky, the sun or moon, the lamps. Geometry never changes.

Lamps that are off stay in the scene with power 0: Cycles skips them, but hiding them would change the order of its
lights, and with it every random number, depending on which condition a process renders first.
"""

import bpy
import numpy as np

from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.light import practicals, sky
from rdharmony_gen.spec.condition import RGB, ConditionSpec

LIGHT_WIDTH = 512
"""Width in pixels of the panorama that lights the place: 0.7 degrees a pixel; the camera sees a finer one."""
WINDOW_GLOW = 0.22


def without_sky(scene: bpy.types.Scene) -> None:
    """No sky, and so no portals to it: Cycles 4.5 crashes on portals without a world."""
    scene.world = None
    for thing in list(bpy.data.objects):
        if thing.type == "LIGHT" and thing.data.type == "AREA" and thing.data.cycles.is_portal:
            bpy.data.objects.remove(thing)


class Sun:
    """The one directional light of a scene."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        self.holder = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
        self.holder.data.energy = 0.0
        scene.collection.objects.link(self.holder)

    def shine(self, irradiance: RGB, elevation_deg: float, azimuth_deg: float, angle_deg: float) -> None:
        """Aim it; see `ConditionSpec` for the numbers."""
        strength = max(irradiance)
        light = self.holder.data
        light.energy = strength
        light.color = tuple(c / max(strength, 1e-9) for c in irradiance)
        light.angle = float(np.radians(angle_deg))
        elevation, azimuth = np.radians(elevation_deg), np.radians(azimuth_deg)
        self.holder.rotation_euler = (np.pi / 2 - elevation, 0.0, np.pi - azimuth)

    def off(self) -> None:
        """Without light."""
        self.holder.data.energy = 0.0


def light_lamps(stage: Stage, condition: ConditionSpec) -> None:
    """Turn lamps, glowing glass and windows to what a condition says, which may be off."""
    power = condition.lamps**2
    warmth = practicals.glow_colour(condition)
    colours = practicals.lamp_colours(condition, len(stage.lamps))
    for (lamp, watts), colour in zip(stage.lamps, colours, strict=True):
        lamp.data.energy = watts * power
        lamp.data.color = colour
    for material, glow in stage.glowing:
        nodes = material.node_tree.nodes
        nodes["glow"].outputs[0].default_value = glow * power
        nodes["warmth"].outputs[0].default_value = (*warmth, 1.0)
    for material in stage.windows:
        nodes = material.node_tree.nodes
        nodes["lit"].outputs[0].default_value = condition.lit_windows
        nodes["glow"].outputs[0].default_value = WINDOW_GLOW * power


def panorama_image(name: str, picture: np.ndarray) -> bpy.types.Image:
    """A panorama (H, 2 H, 3), top row first, as an image of this Blender file."""
    height, width = picture.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=False, float_buffer=True)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = picture[::-1]
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
    return image


class Lights:
    """The lights of one built scene for renders of one condition each; `apply` turns them to a condition.

    The camera sees a fine sky with the sun's disc in it; the place is lit by a coarser one without, as the disc's light
    is that of the sun lamp.
    """

    def __init__(self, stage: Stage, width: int) -> None:
        self.stage = stage
        self.seen_width = int(np.clip(6 * width, 1024, 4096)) // 4 * 4
        scene = bpy.context.scene
        scene.world = bpy.data.worlds.new("sky")
        scene.world.use_nodes = True
        scene.world.cycles.sampling_method = "MANUAL"
        scene.world.cycles.sample_map_resolution = 512
        tree = scene.world.node_tree
        tree.nodes.clear()
        self.seen, self.lighting = (tree.nodes.new("ShaderNodeTexEnvironment") for _ in range(2))
        direct = tree.nodes.new("ShaderNodeLightPath").outputs["Is Camera Ray"]
        backgrounds = [tree.nodes.new("ShaderNodeBackground") for _ in range(2)]
        mix = tree.nodes.new("ShaderNodeMixShader")
        output = tree.nodes.new("ShaderNodeOutputWorld")
        tree.links.new(direct, mix.inputs[0])
        for number, (picture, background) in enumerate(zip((self.lighting, self.seen), backgrounds, strict=True)):
            tree.links.new(picture.outputs[0], background.inputs[0])
            tree.links.new(background.outputs[0], mix.inputs[1 + number])
        tree.links.new(mix.outputs[0], output.inputs[0])
        self.sun = Sun(scene)

    def apply(self, condition: ConditionSpec) -> None:
        """Light the scene as the condition says."""
        self._show(self.seen, "seen", sky.panorama(condition, self.seen_width))
        self._show(self.lighting, "lighting", sky.panorama(condition, LIGHT_WIDTH, disc=False))
        self.sun.shine(
            condition.key_irradiance, condition.elevation_deg, condition.azimuth_deg, condition.key_angle_deg
        )
        light_lamps(self.stage, condition)

    @staticmethod
    def _show(node: bpy.types.Node, name: str, picture: np.ndarray) -> None:
        old, node.image = node.image, panorama_image(name, picture)
        if old is not None:
            bpy.data.images.remove(old)


class Shells:
    """Skies as nested transparent boxes that glow, one light group each: one render holds the light of every sky.

    A ray that leaves the place crosses all of them, and each adds its sky's radiance in the ray's direction to its own
    group; so all skies are sampled by the very same paths. They are not seen by the camera and cast no shadow.
    """

    HALF_SIZE_M = 5000.0

    def __init__(self, scene: bpy.types.Scene, pictures: list[np.ndarray]) -> None:
        self._objects: list[bpy.types.Object] = []
        self.groups = [f"sky{number}" for number in range(len(pictures))]
        for number, (group, picture) in enumerate(zip(self.groups, pictures, strict=True)):
            shell = _box(group, self.HALF_SIZE_M * (1.0 + 0.01 * number), _glow(group, picture))
            shell.visible_camera = shell.visible_shadow = shell.visible_volume_scatter = False
            scene.collection.objects.link(shell)
            scene.view_layers[0].lightgroups.add(name=group)
            shell.lightgroup = group
            self._objects.append(shell)

    def remove(self) -> None:
        """Take them out again, with their pictures."""
        for shell in self._objects:
            material = shell.data.materials[0]
            image = next(n.image for n in material.node_tree.nodes if n.type == "TEX_ENVIRONMENT")
            bpy.data.meshes.remove(shell.data)
            bpy.data.materials.remove(material)
            bpy.data.images.remove(image)
        self._objects.clear()


def _glow(name: str, picture: np.ndarray) -> bpy.types.Material:
    """Radiance of a panorama along the ray, added to what lies behind."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.cycles.emission_sampling = "NONE"
    tree = material.node_tree
    tree.nodes.clear()
    geometry, away, panorama, emission, clear, both, output = (
        tree.nodes.new(kind)
        for kind in (
            "ShaderNodeNewGeometry",
            "ShaderNodeVectorMath",
            "ShaderNodeTexEnvironment",
            "ShaderNodeEmission",
            "ShaderNodeBsdfTransparent",
            "ShaderNodeAddShader",
            "ShaderNodeOutputMaterial",
        )
    )
    away.operation = "SCALE"
    away.inputs["Scale"].default_value = -1.0
    panorama.image = panorama_image(name, picture)
    for source, target in (
        (geometry.outputs["Incoming"], away.inputs[0]),
        (away.outputs[0], panorama.inputs[0]),
        (panorama.outputs[0], emission.inputs[0]),
        (emission.outputs[0], both.inputs[0]),
        (clear.outputs[0], both.inputs[1]),
        (both.outputs[0], output.inputs[0]),
    ):
        tree.links.new(source, target)
    return material


def _box(name: str, half: float, material: bpy.types.Material) -> bpy.types.Object:
    corners = [(x * half, y * half, z * half) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    mesh.materials.append(material)
    return bpy.data.objects.new(name, mesh)
