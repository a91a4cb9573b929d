# SPDX-License-Identifier: GPL-3.0-or-later
"""Things of the landscape scenes that no asset provides: fences, tables, sheds, lanterns, fires, made from a few quads.

Lengths in metres, angles in degrees anti-clockwise; 0 faces -Y.
"""

import itertools
from collections.abc import Sequence

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_nature_materials as paint
from rdharmony_gen.blender.scenes.kit_shapes import Point, Quads, log
from rdharmony_gen.blender.stage import Stage

TOP = 0.75
"""Height of the table tops made here."""


def rail_fence(
    stage: Stage,
    line: Sequence[tuple[float, float]],
    material: bpy.types.Material,
    *,
    height: float = 1.15,
    gap: float = 2.3,
    rails: int = 3,
    cap: bpy.types.Material | None = None,
) -> None:
    """Posts and rails along a line; `cap` lies on the posts and the top rail, for snow."""
    wood, snow = Quads(), Quads()
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        count = max(1, round(float(np.hypot(x1 - x0, y1 - y0)) / gap))
        posts = np.linspace((x0, y0), (x1, y1), count + 1)
        for x, y in posts:
            wood.block((x - 0.06, y - 0.06, -0.1), (x + 0.06, y + 0.06, height))
            snow.block((x - 0.07, y - 0.07, height), (x + 0.07, y + 0.07, height + 0.06))
        for k in range(rails):
            z = height * (0.9 - 0.62 * k / max(1, rails - 1))
            wood.beam((x0, y0, z), (x1, y1, z), 0.04, 0.11)
            if k == 0:
                snow.beam((x0, y0, z + 0.075), (x1, y1, z + 0.075), 0.07, 0.04)
    wood.build(stage, "fence", material)
    if cap:
        snow.build(stage, "fence_snow", cap)


def pickets(
    stage: Stage, line: Sequence[tuple[float, float]], material: bpy.types.Material, height: float = 0.85
) -> None:
    """A fence of narrow boards with a gap between them."""
    wood = Quads()
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        length = float(np.hypot(x1 - x0, y1 - y0))
        for z in (0.25 * height, 0.75 * height):
            wood.beam((x0, y0, z), (x1, y1, z), 0.03, 0.07)
        across = np.array([y0 - y1, x1 - x0]) / length * 0.03
        for x, y in np.linspace((x0, y0), (x1, y1), int(length / 0.16) + 1):
            wood.beam((x + across[0], y + across[1], 0.05), (x + across[0], y + across[1], height), 0.085, 0.02)
        for x, y in np.linspace((x0, y0), (x1, y1), int(length / 2.0) + 1):
            wood.block((x - 0.045, y - 0.045, 0.0), (x + 0.045, y + 0.045, height + 0.06))
    wood.build(stage, "pickets", material)


def picnic_table(
    stage: Stage, x: float, y: float, material: bpy.types.Material, yaw: float = 0.0, z: float = 0.0
) -> None:
    """A table with two benches in one, 1.9 m long; its top is `TOP` above the ground."""
    wood = Quads()
    for k in range(5):
        wood.block((-0.95, -0.375 + 0.15 * k, TOP - 0.04), (0.95, -0.228 + 0.15 * k, TOP))
    for side in (-1, 1):
        for k in (0, 1):
            y0 = side * 0.73 - 0.15 + 0.15 * k
            wood.block((-0.95, y0, 0.41), (0.95, y0 + 0.147, 0.45))
        for end in (-0.65, 0.65):
            wood.beam((end, side * 0.62, 0.0), (end, side * 0.2, TOP - 0.04), 0.09, 0.04, (1, 0, 0))
    for end in (-0.65, 0.65):
        wood.block((end - 0.02, -0.85, 0.33), (end + 0.02, 0.85, 0.41))
    wood.build(stage, "picnic_table", material, (x, y, z), yaw)


def gabled(
    stage: Stage,
    name: str,
    at: Point,
    yaw: float,
    size: tuple[float, float, float, float],
    walls: bpy.types.Material,
    roof: bpy.types.Material,
    overhang: float = 0.5,
) -> None:
    """A shed with a pitched roof; `size` is width, depth, height of the eaves and of the ridge, gable towards -Y."""
    w, d, eaves, top = size[0] / 2, size[1] / 2, size[2], size[3]
    body, cover = Quads(), Quads()
    for s in (-1, 1):
        body.add((-s * w, -s * d, -0.1), (s * w, -s * d, -0.1), (s * w, -s * d, eaves), (-s * w, -s * d, eaves))
        body.add((-s * w, -s * d, eaves), (s * w, -s * d, eaves), (s * 0.01, -s * d, top), (-s * 0.01, -s * d, top))
        body.add((s * w, -s * d, -0.1), (s * w, s * d, -0.1), (s * w, s * d, eaves), (s * w, -s * d, eaves))
        drop = (top - eaves) / w * overhang
        reach, y = s * (w + overhang), s * (d + overhang)
        for z in (0.10, -0.02):  # the upper and the lower face of the slab
            foot, crest = eaves - drop + z, top + z
            cover.add((reach, -y, foot), (reach, y, foot), (0.0, y, crest), (0.0, -y, crest))
        cover.add(
            (reach, -y, eaves - drop - 0.02),
            (reach, y, eaves - drop - 0.02),
            (reach, y, eaves - drop + 0.1),
            (reach, -y, eaves - drop + 0.1),
        )
        for end in (-y, y):
            cover.add(
                (0.0, end, top - 0.02),
                (reach, end, eaves - drop - 0.02),
                (reach, end, eaves - drop + 0.1),
                (0.0, end, top + 0.1),
            )
    body.build(stage, name, walls, at, yaw)
    cover.build(stage, f"{name}_roof", roof, at, yaw)


def kiosk(
    stage: Stage, at: Point, yaw: float, width: float, walls: bpy.types.Material, roof: bpy.types.Material
) -> None:
    """A little shop of the given width with a hatch and a counter towards -Y, two lanterns under its eaves."""
    gabled(stage, "building_kiosk", at, yaw, (width, 3.2, 2.5, 3.7), walls, roof, 0.6)
    half = 0.4 * width
    counter, hatch = Quads(), Quads()
    counter.block((-half, -2.1, 0.98), (half, -1.58, 1.05))
    hatch.block((-half + 0.15, -1.64, 1.06), (half - 0.15, -1.61, 2.1))
    counter.build(stage, "counter", paint.timber(stage, "counter"), at, yaw)
    hatch.build(stage, "hatch", materials.plain("hatch", (0.03, 0.025, 0.02), 0.8), at, yaw)
    a = np.radians(yaw)
    for u in (-0.7 * half, 0.7 * half):
        spot = at[0] + u * np.cos(a) + 2.0 * np.sin(a), at[1] + u * np.sin(a) - 2.0 * np.cos(a), at[2] + 2.28
        lantern(stage, spot, 90.0)


def lantern(stage: Stage, at: Point, watts: float = 45.0) -> None:
    """A small lit glass in a dark frame, to hang under an eave or to stand on a post."""
    x, y, z = (float(c) for c in at)
    glass = next((m for m, _ in stage.glowing if m.name.startswith("lantern_glass")), None)
    if glass is None:  # one glass for all lanterns of the place
        glass = bpy.data.materials.new("lantern_glass")
        materials.lamp_glass(glass)
        stage.glowing.append((glass, 2.0))
    iron = bpy.data.materials.get("lantern_iron") or materials.plain("lantern_iron", (0.03, 0.03, 0.032), 0.5, 0.6)
    pane, frame = Quads(), Quads()
    pane.block((-0.055, -0.055, -0.12), (0.055, 0.055, 0.08))
    frame.block((-0.09, -0.09, 0.08), (0.09, 0.09, 0.11))
    frame.block((-0.05, -0.05, 0.11), (0.05, 0.05, 0.16))
    frame.block((-0.07, -0.07, -0.15), (0.07, 0.07, -0.12))
    pane.build(stage, "lantern", glass, (x, y, z))
    frame.build(stage, "lantern_frame", iron, (x, y, z))
    stage.lamp((x, y, z - 0.3), watts)


def lantern_post(stage: Stage, x: float, y: float, material: bpy.types.Material, z: float = 0.0) -> None:
    """A wooden post with an arm and a lantern, for places without street lighting."""
    wood = Quads()
    wood.block((-0.06, -0.06, -0.1), (0.06, 0.06, 2.5))
    wood.block((-0.05, -0.55, 2.32), (0.05, 0.06, 2.40))
    wood.beam((0, -0.02, 1.95), (0, -0.4, 2.33), 0.05, 0.05, (1, 0, 0))
    wood.build(stage, "lantern_post", material, (x, y, z))
    lantern(stage, (x, y - 0.45, z + 2.14), 130.0)


def fireplace(stage: Stage, rng: np.random.Generator, x: float, y: float, wood: bpy.types.Material) -> None:
    """A ring of stones with charred logs; with the lamps on it burns."""
    for k in range(9):
        angle = k * 2 * np.pi / 9 + rng.uniform(-0.1, 0.1)
        rock = f"rock_0{1 + int(rng.integers(3))}"
        stage.put(rock, x + 0.62 * np.cos(angle), y + 0.62 * np.sin(angle), -0.04, yaw=rng.uniform(0, 360), scale=0.5)
    char = paint.embers()
    stage.glowing.append((char, 6.0))
    for k in range(5):
        angle = k * 2 * np.pi / 5 + rng.uniform(-0.3, 0.3)
        foot = np.array([x + 0.36 * np.cos(angle), y + 0.36 * np.sin(angle), 0.04])
        log(stage, "firewood", foot, (x - 0.04 * np.cos(angle), y, 0.34), 0.05, wood if k == 0 else char, char, 8)
    fire = paint.flame()
    stage.glowing.append((fire, 9.0))
    for k in range(3):
        angle, size = np.pi * k / 3 + rng.uniform(-0.2, 0.2), rng.uniform(0.85, 1.1)
        side = np.array([np.cos(angle), np.sin(angle), 0.0]) * 0.36
        foot, up = np.array([x, y, 0.06]), np.array([0.0, 0.0, 0.95 * size])
        points = np.array([foot - side, foot + side, foot + side + up, foot - side + up])
        stage.surface("flame", points, np.array([[0, 1, 2, 3]]), np.array([[-1, 0], [1, 0], [1, 1], [-1, 1]]), fire)
    stage.lamp((x, y, 0.75), 220.0, radius=0.25)


def jetty(stage: Stage, x: float, y0: float, y1: float, z: float, material: bpy.types.Material) -> None:
    """A wooden landing stage 1.8 m wide from the shore at `y0` out to `y1`."""
    wood = Quads()
    for y in np.arange(min(y0, y1), max(y0, y1), 0.16):
        wood.block((x - 0.9, y, z - 0.05), (x + 0.9, y + 0.15, z))
    for y in np.linspace(y0, y1, 5):
        for side in (-0.8, 0.8):
            wood.block((x + side - 0.07, y - 0.07, z - 2.5), (x + side + 0.07, y + 0.07, z + 0.5 * (y != y0)))
    wood.build(stage, "jetty", material)


def well(stage: Stage, at: Point, yaw: float) -> None:
    """A well of stone with a little roof."""
    foot = np.array(at) - (0, 0, 0.1)
    stones = materials.tiled(stage.library, "well", "stone_wall_01", 1.6, tint=(0.7, 0.68, 0.65), variation=0.3)
    log(stage, "well", foot, foot + np.array([0, 0, 0.9]), 0.75, stones, paint.earth(stage, "well_top"), 24)
    beams = Quads()
    for s in (-1, 1):
        beams.block((s * 0.66 - 0.06, -0.06, 0.0), (s * 0.66 + 0.06, 0.06, 1.9))
        beams.add((-0.9, -s * 0.75, 1.65), (0.9, -s * 0.75, 1.65), (0.9, 0, 2.25), (-0.9, 0, 2.25))
    beams.beam((-0.8, 0, 1.35), (0.8, 0, 1.35), 0.11, 0.11)
    beams.build(stage, "well_roof", paint.planks(stage, "well_roof", (0.9, 0.85, 0.8), 1.2), at, yaw)


def hay_cart(stage: Stage, rng: np.random.Generator, at: tuple[float, float], wood: bpy.types.Material) -> None:
    """A two-wheeled hay cart on its shafts."""
    cart, iron = Quads(), materials.plain("tyre", (0.05, 0.045, 0.04), 0.7)
    cart.block((-0.75, -1.2, 0.72), (0.75, 1.2, 0.80))
    for s in (-1, 1):
        cart.block((s * 0.75 - 0.03, -1.2, 0.80), (s * 0.75 + 0.03, 1.2, 1.15))
        cart.beam((s * 0.45, -1.1, 0.76), (s * 0.4, -2.9, 0.12), 0.07, 0.07)
    cart.block((-0.75, 1.14, 0.80), (0.75, 1.2, 1.15))
    yaw = rng.uniform(-50, 50)
    cart.build(stage, "cart", wood, (*at, 0), yaw)
    a = np.radians(yaw)
    for s in (-1, 1):
        hub = np.array([at[0] + s * 0.86 * np.cos(a), at[1] + s * 0.86 * np.sin(a), 0.52])
        log(stage, "wheel", hub, hub + np.array([np.cos(a), np.sin(a), 0.0]) * s * 0.09, 0.52, iron, wood, 24)
    load = Quads()
    for k in range(3):
        load.block((-0.7, -1.1 + 0.75 * k, 0.81), (0.7, -0.42 + 0.75 * k, 1.3))
    load.build(stage, "bales", paint.hay(stage), (*at, 0), yaw)


def ridge_tent(stage: Stage, at: Point, yaw: float, height: float, colour: paint.RGB, wood: bpy.types.Material) -> None:
    """A tent of cloth over two poles, open towards -Y, 2.1 m wide."""
    cover, inside, poles = Quads(), Quads(), Quads()
    w, d, h = 1.05, 1.35, height
    for s in (-1, 1):
        sag = np.array([s * w * 0.47, 0.0, h * 0.47])  # the cloth hangs a little
        cover.add((s * w, -d, 0.04), (s * w, d, 0.04), sag + np.array([0, d, 0]), sag - np.array([0, d, 0]))
        cover.add(sag - np.array([0, d, 0]), sag + np.array([0, d, 0]), (0, d, h), (0, -d, h))
        cover.add((0, d, h), (0.02 * s, d, h), (s * w, d, 0.04), (0, d, 0.04))
        cover.add(
            (s * 0.06, -d, h - 0.05),
            (s * w * 0.97, -d + 0.02, 0.04),
            (s * w * 0.80, -d - 0.12, 0.04),
            (s * w * 0.62, -d - 0.05, 0.5),
        )
        inside.add((0, -d * 0.5, h * 0.9), (s * w * 0.9, -d * 0.5, 0.05), (0, -d * 0.5, 0.05), (0, -d * 0.5, h * 0.5))
        poles.beam((0, s * d, 0), (0, s * d, h + 0.04), 0.03, 0.03)
        for t in (-1, 1):
            poles.beam((t * w * 0.9, s * d, h * 0.25), (t * (w + 0.45), s * (d + 0.4), 0.0), 0.012, 0.012)
    cover.build(stage, "tent", paint.cloth("tent", colour), at, yaw)
    inside.build(stage, "tent_inside", materials.plain("tent_inside", (0.02, 0.02, 0.025), 0.9), at, yaw)
    poles.build(stage, "tent_poles", wood, at, yaw)
