# SPDX-License-Identifier: GPL-3.0-or-later
"""An office on the fourth floor: islands of desks, cupboards, a meeting corner, ceiling panels; roofs outside.

All lengths in metres. Ribbon windows look south and to both sides.
"""

import numpy as np

from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, shell, windows
from rdharmony_gen.blender.stage import Patch, Place, Stage

DESKS = {"office_desk_01": (0.751, 1.892, 0.834), "office_desk_02": (0.723, 1.6, 0.799)}
"""Height, width and depth."""


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the office."""
    room = Room.draw(stage, (5.0, 5.8), (3.9, 4.5), (2.85, 3.1))
    room.finish.choose(
        ("carpet", "carpet", "oak", "pale_parquet", "concrete", "grey_tiles"),
        accents=("paint", "deep", "panels", "brick"),
        black_frames=0.6,
    )
    rng = stage.rng("office")
    tiles = rng.random() < 0.6
    if tiles:
        room.finish.ceiling = room.finish.ceiling_tiles()
    head = room.height - 0.3
    openings = {
        "south": windows(room.half_x, 3, 3.1, sill=0.78, head=head, panes=3),
        "west": [Opening(-2.3, 0.9, 0.78, head, 3)],
        "east": [Opening(-2.3, 0.9, 0.78, head, 3)],
    }
    shell(room, openings, accent="north")
    _desks(room)
    tops = [_meeting(room)]
    _walls(room)
    for x in (-room.half_x / 2, room.half_x / 2):
        for y in (-room.half_y / 2, room.half_y / 2):
            room.panel(x, y, (1.2, 0.6) if tiles else (1.5, 0.3), 36.0)
    view.roofs(room, -11.5)
    y = room.half_y
    return room.place(
        [
            room.patch(-1.0, -y + 1.2, 1.2, y - 1.4),
            room.patch(-room.half_x + 0.8, -y + 0.7, room.half_x - 0.8, y - 0.9),
        ],
        tops,
    )


def _desks(room: Room) -> None:
    """Two workplaces by each window of the south side, face to face."""
    rng = room.stage.rng("desks")
    desk = pick(rng, sorted(DESKS))
    high, width, depth = DESKS[desk]
    islands = [-room.half_x + 2.0, room.half_x - 1.9]
    y = -room.half_y + 1.9
    for x in islands:
        for side in (-1, 1):  # the two desks touch along x = const, people sit east and west of them
            cx = x + side * (depth / 2 + 0.005)
            room.put(desk, cx, y, yaw=side * 90.0)
            screen = cx - side * 0.16
            if rng.random() < 0.7:
                room.put("office_computer_01", screen + side * 0.02, y - 0.25, high, yaw=side * 90 + rng.uniform(-8, 8))
            else:
                room.put("office_laptop_01", screen + side * 0.1, y - 0.25, high, yaw=side * 90 + rng.uniform(-12, 12))
            room.put(
                "chair_05_office",
                cx + side * 0.72,
                y - 0.2 + rng.uniform(-0.15, 0.15),
                yaw=side * -90 + rng.uniform(-40, 40),
            )
            tabletop.books(room, cx - side * 0.1, y + width / 2 - 0.2, high, int(rng.integers(1, 4)), rng)
            if rng.random() < 0.6:
                tabletop.mug(room, cx + side * 0.2, y + 0.1 + rng.uniform(0, 0.1), high)
        if rng.random() < 0.7:
            room.put("office_cabinet_01", x + rng.choice([-1, 1]) * 0.3, y + width / 2 + 0.3, yaw=180)


def _meeting(room: Room) -> Patch:
    """In one northern corner a table with chairs and a board; a couch on the other side on some days."""
    rng, finish = room.stage.rng("meeting"), room.finish
    x, y = -room.half_x + 1.9, room.half_y - 1.6
    w, d = rng.uniform(1.6, 2.0), rng.uniform(0.9, 1.0)
    kit.table(room, x, y, (w, d, 0.74), finish.top("meeting", kinds=("wood", "wood", "wood", "granite")), finish.dark)
    chair = pick(rng, ("chair_03_design", "chair_09_thonet", "chair_06_cafe", "chair_04_plaid"))
    for dx, dy, yaw in ((-0.4, -0.7, 180), (0.4, -0.7, 180), (-0.35, 0.7, 0), (0.45, 0.7, 0)):
        if rng.random() < 0.85:
            room.put(chair, x + dx, y + dy, yaw=yaw + rng.uniform(-15, 15))
    room.put("office_whiteboard_01", -room.half_x + 0.5, room.half_y - 3.2, yaw=90 + rng.uniform(-8, 8))
    if rng.random() < 0.5:
        room.against("east", pick(rng, ("couch_06", "couch_07_midcentury", "couch_01")), 2.3)
        room.put("living_coffee_table_01", room.half_x - 1.6, 2.3, yaw=90)
        tabletop.books(room, room.half_x - 1.6, 2.5, 0.511, 3, rng)
    else:
        for a in np.arange(1.6, room.half_y - 0.3, 0.42)[: int(rng.integers(2, 6))]:
            room.against("east", "office_cabinet_01", float(a))
        kit.pictures(room.wall("east"), (2.2,), 1.7, (0.35, 0.45))
    things = ("mug", "books", "bowl", "plate", "bottles", "plant", "vase")
    return tabletop.still_life(room, (x - w / 2, y - d / 2), (x + w / 2, y + d / 2), 0.74, "meeting", things=things)


def _walls(room: Room) -> None:
    rng = room.stage.rng("walls")
    finish = room.finish
    north = room.wall("north")
    north.door(0.3, finish.draw_wood("door"))
    if rng.random() < 0.5:
        for a in (1.5, 2.4, 3.3):
            room.against("north", "living_bookcase_01", a)
    else:
        kit.cabinet(
            north, (1.1, 3.8), (0.0, 1.15), 0.42, finish.paint("cupboard"), width=0.45, top=finish.draw_wood("cupboard")
        )
        room.put("living_plant_02", 1.5, room.half_y - 0.25, 1.15, scale=0.8)
        tabletop.books(room, 2.4, room.half_y - 0.22, 1.15, 4, rng)
        kit.pictures(north, (1.9, 3.0), 1.9, (0.26, 0.36))
    room.against("north", "office_water_cooler_01", -0.75)
    room.put("living_plant_01_yucca", room.half_x - 0.7, -room.half_y + 0.6, yaw=rng.uniform(0, 360), scale=0.95)
    if rng.random() < 0.6:
        room.put("living_plant_03_indoor", -room.half_x + 0.5, -room.half_y + 0.5, scale=1.1)
    if rng.random() < 0.6:
        kit.pictures(room.wall("west"), (2.9,), 1.7, (0.35, 0.45))
