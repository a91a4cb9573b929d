# SPDX-License-Identifier: GPL-3.0-or-later
"""The lobby of a hotel or an office block: a reception desk, lifts, columns, seats on rugs, glass to the street.

All lengths in metres.
"""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_finish import stone
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, shell, windows
from rdharmony_gen.blender.stage import Patch, Place, Stage

COUCHES = ("couch_01", "couch_03_chesterfield", "couch_04_leather", "couch_06", "couch_07_midcentury")
CHAIRS = ("chair_08_armchair", "chair_07_rattan", "chair_03_design", "chair_01")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the lobby."""
    room = Room.draw(stage, (6.0, 7.0), (4.6, 5.3), (3.8, 4.6))
    room.finish.choose(
        ("tiles", "grey_tiles", "slabs", "checker", "walnut"),
        walls=("paint", "concrete", "panels", "plaster"),
        accents=("panels", "stone", "deep", "concrete"),
        black_frames=0.8,
    )
    rng = stage.rng("lobby")
    head = room.height - 0.55
    openings = {
        "south": windows(room.half_x, 3, 3.6, sill=0.12, head=head, panes=3, transom=2.4),
        "west": [Opening(-2.6, 0.8, 0.12, head, 3, 2.4)],
        "east": [Opening(-2.6, 0.8, 0.12, head, 3, 2.4)],
    }
    shell(room, openings, accent="north")
    _columns(room)
    top = _reception(room)
    _seats(room)
    _lifts(room)
    for x in (-room.half_x * 0.55, room.half_x * 0.55):
        if rng.random() < 0.5:
            room.panel(x, -1.0, (1.6, 1.6), 90.0)
        else:
            for dx in (-0.5, 0.5):
                room.pendant(x + dx, -1.0, room.height - 2.35, 80.0)
    view.street(room, -0.16)
    x, y = room.half_x, room.half_y
    return room.place([room.patch(-2.2, -2.4, 2.4, 1.4), room.patch(-x + 1.2, -y + 1.0, x - 1.2, 1.8)], [top])


def _columns(room: Room) -> None:
    rng, finish = room.stage.rng("columns"), room.finish
    shaft = (
        finish.accent
        if rng.random() < 0.4
        else stone("column", (0.62, 0.58, 0.52), (0.28, 0.25, 0.22), roughness=0.2, seed=rng.uniform(0, 9))
    )
    y = rng.uniform(1.5, 1.9)
    round_ = rng.random() < 0.5
    for x in (-room.half_x * 0.5, room.half_x * 0.42):
        if round_:
            r = 0.24
            room.lathe(
                "column",
                (x, y, 0.0),
                ((r + 0.05, 0), (r + 0.05, 0.16), (r + 0.05, 0.16), (r, 0.18), (r, 0.18), (r, room.height)),
                shaft,
                steps=40,
            )
        else:
            room.box("column", (x - 0.22, y - 0.22, 0.0), (x + 0.22, y + 0.22, room.height), shaft)
            room.box("column_foot", (x - 0.25, y - 0.25, 0.0), (x + 0.25, y + 0.25, 0.14), finish.dark)


def _reception(room: Room) -> Patch:
    """A desk of two heights before the north wall, with lit shelves of keys behind it."""
    rng, finish = room.stage.rng("reception"), room.finish
    x = rng.uniform(-0.6, 0.9)
    half, front = rng.uniform(1.5, 1.9), room.half_y - 2.0
    body = (
        finish.draw_wood("desk")
        if rng.random() < 0.5
        else stone("desk", (0.10, 0.10, 0.11), (0.4, 0.38, 0.34), roughness=0.2, seed=rng.uniform(0, 9))
    )
    top = finish.top("desk", kinds=("marble", "granite", "wood"))
    room.box("desk", (x - half, front, 0.08), (x + half, front + 0.34, 1.07), body)
    room.box("desk_foot", (x - half + 0.03, front + 0.04, 0.0), (x + half - 0.03, front + 0.3, 0.08), finish.dark)
    room.box("desk_top", (x - half - 0.03, front - 0.05, 1.07), (x + half + 0.03, front + 0.42, 1.11), top, turned=True)
    room.box(
        "desk_low", (x - half, front + 0.34, 0.0), (x + half, front + 0.95, 0.74), finish.wood("walnut"), turned=True
    )
    room.put("office_computer_01", x - 0.5, front + 0.62, 0.74, yaw=180)
    room.put("chair_05_office", x - 0.4, front + 1.25, yaw=rng.uniform(-25, 25))
    north = room.wall("north")
    for k, a in enumerate(np.linspace(x - half + 0.3, x + half - 0.3, 4)):
        north.block(
            "slat", (a - 0.28, a + 0.28), (1.15, 2.55), (0.0, 0.03), finish.draw_wood("desk") if k % 2 else finish.trim
        )
    kit.light_strip(north, (x - half, x + half), 2.75, 0.12, 20.0)
    room.put("living_lamp_02_table", x + half - 0.2, front + 0.17, 1.11, scale=0.62)
    return tabletop.still_life(
        room,
        (x - half + 0.35, front - 0.02),
        (x + half - 0.45, front + 0.4),
        1.11,
        "desk",
        things=("vase", "bowl", "books", "mug", "plate"),
    )


def _seats(room: Room) -> None:
    """A couch and armchairs around a low table at each side."""
    rng = room.stage.rng("seats")
    for side in (-1, 1):
        x, y = side * (room.half_x - 2.0), -room.half_y + 2.1
        if side > 0 and rng.random() < 0.35:
            for k in range(3):
                room.put(CHAIRS[0], x + 1.2 - 1.35 * k * 0.9, y - 0.9, yaw=180 + rng.uniform(-12, 12))
            continue
        rug = room.put("living_rug_01", x, y, yaw=90, scale=1.1)
        rug.scale[2] = 0.3
        room.put(pick(rng, COUCHES), x + side * 1.15, y, yaw=side * -90)
        room.put("living_coffee_table_01", x - side * 0.05, y, yaw=90)
        tabletop.books(room, x - side * 0.05, y + 0.25, 0.511, 2, rng)
        chair = pick(rng, CHAIRS)
        for dy in (-1, 1):
            room.put(chair, x - side * 0.1, y + dy * 1.22, yaw=(180 if dy < 0 else 0) + rng.uniform(-15, 15))
    for x in (-room.half_x + 0.7, room.half_x - 0.7):
        room.put(
            "living_plant_01_yucca",
            x,
            room.half_y - 0.7 if rng.random() < 0.5 else 1.5,
            yaw=rng.uniform(0, 360),
            scale=1.1,
        )


def _lifts(room: Room) -> None:
    """Two lift doors of steel, with a picture or a door beyond."""
    rng = room.stage.rng("lifts")
    steel = materials.plain("lift", (0.55, 0.53, 0.50), 0.25, 1.0)
    side = room.wall("west")
    north = room.wall("north")
    for a in (2.0, 3.4):
        side.block("lift_frame", (a - 0.62, a + 0.62), (0.0, 2.3), (0.0, 0.05), room.finish.dark)
        for k in (-1, 1):
            a0, a1 = sorted((a + k * 0.006, a + k * 0.54))
            side.block("lift_door", (a0, a1), (0.01, 2.2), (0.05, 0.06), steel)
    for sign in (-1, 1):
        a = sign * (room.half_x - 1.4)
        if rng.random() < 0.5:
            north.door(a, room.finish.wood("walnut"), width=1.1, height=2.3)
        else:
            kit.pictures(north, (a,), 1.75, (0.5, 0.75))
    kit.pictures(room.wall("east"), (2.4,), 1.8, (0.5, 0.7))
    room.against("east", "living_plant_03_indoor", 3.6, scale=1.3)
