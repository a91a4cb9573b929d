# SPDX-License-Identifier: GPL-3.0-or-later
"""A bar on a street: a long counter with stools and lit bottles, hanging lamps, high tables, pinball or billiards.

All lengths in metres. Tall windows look to the street in the south and to both sides.
"""

from itertools import pairwise

import numpy as np

from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, beams, shell, windows
from rdharmony_gen.blender.stage import Patch, Place, Stage

HIGH = 1.09
STOOLS = ("bar_stool_01", "bar_stool_02")
CHAIRS = ("chair_06_cafe", "chair_09_thonet", "chair_04_plaid")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the bar."""
    room = Room.draw(stage, (4.6, 5.3), (3.7, 4.2), (3.1, 3.5))
    rng = stage.rng("bar")
    room.finish.choose(
        ("checker", "planks", "parquet", "walnut"),
        walls=("paint", "deep", "plaster"),
        accents=("brick", "deep", "panels", "stone"),
        black_frames=0.8,
    )
    openings = {
        "south": windows(room.half_x, 3, 2.4, sill=0.45, head=2.75, panes=2),
        "west": [Opening(-2.2, 0.2, 0.45, 2.75, 2, transom=2.2)],
        "east": [Opening(-2.1, -0.1, 0.45, 2.75, 2, transom=2.2)],
    }
    shell(room, openings, accent="north")
    if rng.random() < 0.5:
        beams(room, 6, room.finish.wood("walnut"), (0.12, 0.16))
    tops = [_counter(room)]
    tops += _tables(room)
    _amusements(room)
    view.street(room)
    y = room.half_y
    return room.place(
        [room.patch(-2.6, -y + 1.6, 2.6, 0.5), room.patch(-room.half_x + 0.7, -y + 0.7, room.half_x - 0.7, 1.0)], tops
    )


def _counter(room: Room) -> Patch:
    """The counter before the north wall with stools and lamps, and the lit shelves behind it."""
    rng, finish = room.stage.rng("counter"), room.finish
    north, y = room.wall("north"), room.half_y
    x0 = -room.half_x + rng.uniform(0.9, 1.4)
    x1 = room.half_x - rng.uniform(1.5, 2.0)
    front, depth = y - 1.95, 0.55
    body = finish.draw_wood("counter") if rng.random() < 0.6 else finish.paint("counter", deep=True)
    top = finish.top("bar", kinds=("wood", "wood", "marble", "granite"))
    room.box("bar", (x0, front + 0.12, 0.1), (x1, front + depth, HIGH - 0.05), body)
    room.box("bar_plinth", (x0 + 0.04, front + 0.18, 0.0), (x1 - 0.04, front + depth - 0.04, 0.1), finish.dark)
    room.box(
        "bar_top", (x0 - 0.05, front - 0.08, HIGH - 0.05), (x1 + 0.05, front + depth + 0.04, HIGH), top, turned=True
    )
    count = round((x1 - x0) / 0.7)
    for a0, a1 in pairwise(np.linspace(x0, x1, count + 1)):
        room.box("bar_panel", (a0 + 0.05, front + 0.1, 0.18), (a1 - 0.05, front + 0.12, HIGH - 0.15), body)
    room.box("foot_rail", (x0, front - 0.02, 0.2), (x1, front + 0.02, 0.235), finish.metal)
    stool = pick(rng, STOOLS)
    for a in np.arange(x0 + 0.5, x1 - 0.4, rng.uniform(0.75, 0.95)):
        if rng.random() < 0.8:
            room.put(stool, a, front - 0.42 + rng.uniform(-0.05, 0.06), yaw=180 + rng.uniform(-35, 35))
    for a in np.linspace(x0 + 0.7, x1 - 0.7, 3):
        room.pendant(a, front + 0.2, room.height - rng.uniform(1.95, 2.0), 55.0)
    # the back: cupboards with a machine on them, shelves of bottles above
    kit.cabinet(north, (x0, x1), (0.0, 0.95), 0.5, body, top=top)
    room.against("north", "bar_coffee_machine_01", x0 + 0.5, gap=0.06, z=0.95)
    board = finish.wood("walnut")
    for z in (1.45, 1.82, 2.19):
        kit.shelf(north, (x0 + 0.9, x1 - 0.1), z, board, depth=0.24)
        kit.line_up(north, (x0 + 1.0, x1 - 0.2), 0.12, z, tabletop.BOTTLES[:5], 0.145, f"{z}")
    kit.light_strip(north, (x0 + 0.95, x1 - 0.15), 2.6, 0.2, 14.0)
    return tabletop.still_life(
        room,
        (x0 + 0.4, front - 0.05),
        (x0 + 2.2, front + depth),
        HIGH,
        "bar",
        things=("bottles", "mug", "bowl", "napkin", "plate", "vase"),
    )


def _tables(room: Room) -> list[Patch]:
    """Tables by the windows."""
    rng = room.stage.rng("tables")
    y = -room.half_y + 0.95
    patches = []
    high = rng.random() < 0.4
    chair = pick(rng, STOOLS) if high else pick(rng, CHAIRS)
    for number, x in enumerate((-room.half_x + 1.2, -room.half_x / 3, room.half_x / 3, room.half_x - 1.2)):
        x = x + rng.uniform(-0.15, 0.15)
        if number in (1, 2) and rng.random() < 0.35:
            continue
        if high:
            room.put("bar_table_01", x, y)
            patches.append(room.patch(x - 0.16, y - 0.16, x + 0.16, y + 0.16, 1.024))
        else:
            room.put("bar_cafe_table_01", x, y)
            patches.append(room.patch(x - 0.1, y - 0.1, x + 0.1, y + 0.1, 0.739))
        reach = 0.68 if high else 0.6
        for side in (-1, 1):
            room.put(chair, x + side * reach, y + rng.uniform(-0.1, 0.1), yaw=side * -90 + rng.uniform(-18, 18))
    return patches[:1]


def _amusements(room: Room) -> None:
    rng = room.stage.rng("amusements")
    room.against("east", "bar_pinball_01", 1.3)
    if rng.random() < 0.6:
        room.against("east", "bar_pinball_01", 2.15)
    if rng.random() < 0.45:
        room.put("bar_pool_table_01", -room.half_x + 1.75, 0.35, yaw=90)
        room.pendant(-room.half_x + 1.75, 0.35, room.height - 1.75, 45.0)
    else:
        room.against("west", "couch_03_chesterfield" if rng.random() < 0.5 else "couch_04_leather", 1.6)
        room.put("living_coffee_table_01", -room.half_x + 1.6, 1.6, yaw=90)
    room.against("south", "living_plant_01_yucca", room.half_x - 0.6, yaw=rng.uniform(0, 90))
    kit.pictures(room.wall("west"), (1.2, 2.0), 1.75)
    room.wall("east").door(-room.half_y + 0.7, room.finish.wood("walnut"))
