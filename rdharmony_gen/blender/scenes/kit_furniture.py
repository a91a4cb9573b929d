# SPDX-License-Identifier: GPL-3.0-or-later
"""Furniture that is built rather than loaded: cabinets with doors, tables, shelves, pictures, strips of light."""

from collections.abc import Sequence
from itertools import pairwise

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_finish import rgb
from rdharmony_gen.blender.scenes.kit_indoor import Room, Wall


def cabinet(
    wall: Wall,
    along: tuple[float, float],
    heights: tuple[float, float],
    depth: float,
    material: bpy.types.Material,
    *,
    width: float = 0.6,
    drawers: int = 1,
    top: bpy.types.Material | None = None,
    plinth: float = 0.09,
    gap: float = 0.0,
) -> None:
    """A row of cupboards against a wall: a carcass, doors or drawers with handles, a worktop.

    Args:
        wall: behind it.
        along: interval along the wall, metres.
        heights: lowest and highest point, the worktop included.
        depth: of the carcass.
        material: of carcass and doors.
        width: of a door, about.
        drawers: one above another; 1 makes doors.
        top: of the worktop, 4 cm thick, a little wider than the carcass; none for wall cupboards.
        plinth: height of the set-back foot; 0 for what hangs.
        gap: between its back and the wall.
    """
    finish = wall.room.finish
    z0, z1 = heights[0] + plinth, heights[1] - (0.04 if top else 0.0)
    if plinth:
        wall.block("plinth", along, (heights[0], z0), (gap, gap + depth - 0.06), finish.dark)
    wall.block("carcass", along, (z0, z1), (gap, gap + depth), material)
    count = max(1, round((along[1] - along[0]) / width))
    edges = np.linspace(along[0], along[1], count + 1)
    rows = np.linspace(z0, z1, drawers + 1)
    face = gap + depth
    for number, (a0, a1) in enumerate(pairwise(edges)):
        for low, high in pairwise(rows):
            wall.block("front", (a0 + 0.003, a1 - 0.003), (low + 0.004, high - 0.004), (face, face + 0.018), material)
            if drawers > 1:
                middle, half = (a0 + a1) / 2, min(0.09, (a1 - a0) / 4)
                along_handle, up = (middle - half, middle + half), (high - 0.055, high - 0.043)
            else:
                a = a1 - 0.055 if number % 2 == 0 else a0 + 0.043
                along_handle, up = (a, a + 0.012), ((high - 0.21, high - 0.05) if plinth else (low + 0.05, low + 0.21))
            wall.block("handle", along_handle, up, (face + 0.018, face + 0.042), finish.metal)
    if top:
        wall.block(
            "worktop",
            (along[0] - 0.012, along[1] + 0.012),
            (z1, heights[1]),
            (gap, face + 0.035),
            top,
            turned=wall.side in ("north", "south"),
        )


def table(
    room: Room,
    x: float,
    y: float,
    size: tuple[float, float, float],
    top: bpy.types.Material,
    leg: bpy.types.Material,
    *,
    thick: float = 0.04,
    foot: float = 0.06,
) -> None:
    """A table with its middle at (x, y): width, depth and height of the top, an apron, four legs."""
    w, d, h = size[0] / 2, size[1] / 2, size[2]
    room.box("table_top", (x - w, y - d, h - thick), (x + w, y + d, h), top, turned=w > d)
    inset = 0.05
    for sx in (-1, 1):
        for sy in (-1, 1):
            cx, cy = x + sx * (w - inset - foot / 2), y + sy * (d - inset - foot / 2)
            room.box("leg", (cx - foot / 2, cy - foot / 2, 0.0), (cx + foot / 2, cy + foot / 2, h - thick), leg)
    for s in (-1, 1):
        ey, ex = y + s * (d - inset - foot / 2), x + s * (w - inset - foot / 2)
        low = h - thick - 0.08
        room.box("apron", (x - w + inset + foot, ey - 0.011, low), (x + w - inset - foot, ey + 0.011, h - thick), leg)
        room.box("apron", (ex - 0.011, y - d + inset + foot, low), (ex + 0.011, y + d - inset - foot, h - thick), leg)


def shelf(
    wall: Wall,
    along: tuple[float, float],
    z: float,
    material: bpy.types.Material,
    *,
    depth: float = 0.26,
    thick: float = 0.03,
) -> None:
    """A board on the wall with two brackets; its upper side is at `z`."""
    wall.block("shelf", along, (z - thick, z), (0.0, depth), material, turned=wall.side in ("north", "south"))
    for a in (along[0] + 0.14, along[1] - 0.14):
        wall.block("bracket", (a - 0.012, a + 0.012), (z - thick - 0.14, z - thick), (0.0, 0.02), wall.room.finish.dark)
        wall.block(
            "bracket", (a - 0.012, a + 0.012), (z - thick - 0.02, z - thick), (0.0, depth - 0.05), wall.room.finish.dark
        )


def line_up(
    wall: Wall, along: tuple[float, float], d: float, z: float, things: Sequence[str], step: float, *path: str
) -> None:
    """Things in a loose row along a wall, `d` before it, on the height `z`."""
    rng = wall.room.stage.rng("line_up", *path)
    a = along[0] + step / 2
    while a < along[1] - step / 3:
        x, y = wall.at(a, d + rng.uniform(-0.02, 0.02))
        if rng.random() < 0.9:
            wall.room.put(pick(rng, things), x, y, z, yaw=rng.uniform(0, 360))
        a += step * rng.uniform(0.9, 1.25)


def pictures(wall: Wall, middles: Sequence[float], z: float = 1.65, size: tuple[float, float] = (0.24, 0.40)) -> None:
    """Framed pictures of nothing in particular, hung at these places along a wall; `size` bounds half their edges."""
    room, rng = wall.room, wall.room.stage.rng("pictures", wall.side)
    motifs = ("marble_01", "rock_01", "sand_01", "stone_wall_01", "snow_01")
    frame = room.finish.dark if rng.random() < 0.6 else room.finish.wood("oak")
    for number, a in enumerate(middles):
        w, h = (float(v) for v in rng.uniform(*size, 2))
        up = z + float(rng.uniform(-0.05, 0.05))
        motif = materials.tiled(
            room.stage.library,
            f"motif_{wall.side}{number}",
            pick(rng, motifs),
            float(rng.uniform(1.0, 2.2)),
            tint=rgb(rng.uniform(0.3, 1.4, 3)),
            variation=0.8,
            variation_m=0.25,
            roughness=0.6,
        )
        wall.block(
            "picture_frame", (a - w - 0.025, a + w + 0.025), (up - h - 0.025, up + h + 0.025), (0.0, 0.03), frame
        )
        wall.block("mount", (a - w, a + w), (up - h, up + h), (0.03, 0.033), room.finish.trim)
        wall.block("motif", (a - 0.78 * w, a + 0.78 * w), (up - 0.8 * h, up + 0.8 * h), (0.033, 0.035), motif)


def light_strip(wall: Wall, along: tuple[float, float], z: float, d: float, watts: float) -> None:
    """A lit strip that shines on the wall and the top below it."""
    room = wall.room
    wall.block("strip", along, (z - 0.012, z), (d - 0.02, d + 0.02), room.finish.glowing(1.5))
    x, y = wall.at(sum(along) / 2, d)
    size = (along[1] - along[0], 0.04) if wall.side in ("north", "south") else (0.04, along[1] - along[0])
    room.stage.panel((room.mirror * x, y, z - 0.014), size, watts)
