# SPDX-License-Identifier: GPL-3.0-or-later
"""A workshop with a big open door: a bench with tools, shelves, crates, pallets, barrels; a car or motorcycle inside.

All lengths in metres. The door opens to a yard in the west, a row of windows looks south, another east.
"""

import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, beams, shell, windows
from rdharmony_gen.blender.stage import Patch, Place, Stage

CARS = ("car_02_beetle", "car_03_sedan", "car_07_cabrio", "car_05_sports", "car_01_hatchback")
MOTORCYCLES = ("motorcycle_01_sport", "motorcycle_03_scooter", "motorcycle_04_scooter")
HIGH = 0.92


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the workshop."""
    room = Room.draw(stage, (7.6, 8.6), (5.6, 6.4), (4.6, 5.4))
    room.finish.choose(
        ("concrete", "slabs", "concrete"),
        walls=("blocks", "white_brick", "brick", "plaster"),
        accents=("brick", "blocks", "white_brick", "stone"),
        black_frames=0.7,
    )
    room.finish.ceiling = room.finish.wood("rustic") if stage.rng("roof").random() < 0.5 else room.finish.ceiling
    rng = stage.rng("workshop")
    openings = {
        "south": windows(room.half_x, 4, 2.5, sill=1.25, head=room.height - 0.8, panes=4, transom=room.height - 1.7),
        "west": [Opening(-3.2, 1.0, 0.0, 3.5, 0)],
        "east": [Opening(-2.8, 1.2, 1.25, room.height - 0.8, 4, room.height - 1.7)],
    }
    shell(room, openings, accent="north")
    beams(room, 5, room.finish.dark if rng.random() < 0.6 else room.finish.wood("rustic"), (0.18, 0.34))
    _door(room)
    top = _bench(room)
    _stores(room)
    _vehicle(room)
    _markings(room)
    for x in (-room.half_x * 0.55, 0.0, room.half_x * 0.55):
        for y in (-2.0, 2.2):
            room.pendant(x, y, room.height - 3.1, 110.0)
    view.yard(room)
    x, y = room.half_x, room.half_y
    return room.place(
        [room.patch(-4.0, -2.2, 2.5, 2.0), room.patch(-x + 1.2, -y + 1.2, x - 1.5, y - 2.2)],
        [top],
        [room.patch(-4.2, -2.0, 1.8, 1.4), room.patch(-5.0, -2.6, 3.0, 2.2)],
    )


def _door(room: Room) -> None:
    """The two leaves of the door stand open outside the wall; a steel frame lines the opening."""
    west, finish = room.wall("west"), room.finish
    leaf = finish.paint("leaf", deep=True)
    for a0, a1 in ((-5.35, -3.22), (1.02, 3.15)):
        west.block("leaf", (a0, a1), (0.05, 3.45), (-0.36, -0.30), leaf)
    for a in (-3.2, 1.0):
        west.block("door_post", (a - 0.05, a + 0.05), (0.0, 3.55), (-0.3, 0.04), finish.dark)
    west.block("lintel", (-3.25, 1.05), (3.45, 3.55), (-0.3, 0.04), finish.dark)


def _bench(room: Room) -> Patch:
    """A work bench of thick boards along the north wall with tools on the wall above it."""
    rng, finish = room.stage.rng("bench"), room.finish
    north, y = room.wall("north"), room.half_y
    a0 = -room.half_x + rng.uniform(1.0, 1.6)
    a1 = a0 + rng.uniform(3.2, 4.0)
    wood = finish.wood(pick(rng, ("rustic", "oak", "butcher")), 0.6)
    north.block("bench_top", (a0, a1), (HIGH - 0.07, HIGH), (0.02, 0.78), wood, turned=True)
    for a in (a0 + 0.12, (a0 + a1) / 2, a1 - 0.12):
        for d in (0.1, 0.68):
            north.block("bench_leg", (a - 0.05, a + 0.05), (0.0, HIGH - 0.07), (d - 0.05, d + 0.05), wood)
    north.block("bench_board", (a0 + 0.05, a1 - 0.05), (0.22, 0.26), (0.06, 0.7), wood, turned=True)
    for a in np.arange(a0 + 0.55, a1 - 0.4, 0.9):
        if rng.random() < 0.7:
            x, cy = north.at(a, 0.36)
            room.put("crate_01", x, cy, 0.26, yaw=rng.choice([0, 90, 180]), scale=0.85)
    _tools(room, a0 + 0.3, a1 - 0.3)
    x, cy = north.at(a1 - 0.3, 0.5)
    room.box(
        "vice",
        (x - 0.09, cy - 0.12, HIGH),
        (x + 0.09, cy + 0.1, HIGH + 0.09),
        materials.plain("vice", (0.03, 0.09, 0.2), 0.4),
    )
    room.box("vice_jaw", (x - 0.1, cy - 0.2, HIGH + 0.05), (x + 0.1, cy - 0.15, HIGH + 0.17), finish.metal)
    room.box("vice_jaw", (x - 0.1, cy - 0.13, HIGH + 0.05), (x + 0.1, cy - 0.08, HIGH + 0.17), finish.metal)
    patch = tabletop.still_life(
        room,
        (a0 + 0.1, y - 0.78),
        (a1 - 0.6, y - 0.04),
        HIGH,
        "bench",
        back="north",
        things=("mug", "bottles", "books", "board"),
    )
    kit.light_strip(north, (a0 + 0.3, a1 - 0.3), 2.15, 0.3, 16.0)
    return patch


def _tools(room: Room, a0: float, a1: float) -> None:
    """A board with hanging tools: handles of wood, heads of iron."""
    rng, finish = room.stage.rng("tools"), room.finish
    north = room.wall("north")
    board = materials.tiled(
        room.stage.library, "pegboard", "metal_grill_01", 0.24, tint=(0.85, 0.72, 0.55), variation=0.1
    )
    north.block("pegboard", (a0, a1), (1.2, 2.05), (0.0, 0.02), board)
    iron, grip = materials.plain("iron", (0.22, 0.22, 0.23), 0.35, 1.0), finish.wood("cherry")
    a = a0 + 0.15
    while a < a1 - 0.15:
        length, z = rng.uniform(0.2, 0.42), 1.95
        north.block("grip", (a - 0.014, a + 0.014), (z - length, z - 0.4 * length), (0.025, 0.05), grip)
        kind = int(rng.integers(3))
        north.block("tool", (a - 0.007, a + 0.007), (z - 0.45 * length, z), (0.03, 0.045), iron)
        if kind == 0:  # a hammer
            north.block("head", (a - 0.055, a + 0.055), (z - 0.04, z), (0.025, 0.055), iron)
        elif kind == 1:  # a saw or a square
            north.block("blade", (a, a + 0.09), (z - 0.03, z + 0.03), (0.034, 0.04), iron)
        a += rng.uniform(0.13, 0.24)


def _stores(room: Room) -> None:
    """Shelves, crates, pallets and barrels along the other walls."""
    rng, finish = room.stage.rng("stores"), room.finish
    north, east = room.wall("north"), room.wall("east")
    wood = finish.wood("rustic", 0.8)
    a0, a1 = 0.8, min(4.4, room.half_x - 3.0)
    for a in (a0, (a0 + a1) / 2, a1):
        for d in (0.05, 0.6):
            north.block(
                "rack_post", (a - 0.03, a + 0.03), (0.0, 2.5), (d - 0.03, d + 0.03), finish.paint("rack", deep=True)
            )
    for z in (0.15, 0.95, 1.75):
        north.block("rack_board", (a0 - 0.05, a1 + 0.05), (z - 0.04, z), (0.02, 0.66), wood, turned=True)
        a = a0 + 0.42
        while a < a1 - 0.3:
            x, y = north.at(a, 0.34)
            thing = rng.random()
            if thing < 0.55:
                room.put(
                    "crate_01", x, y, z, yaw=rng.choice([0, 90]) + rng.uniform(-5, 5), scale=rng.uniform(0.7, 0.95)
                )
            elif thing < 0.8:
                size = rng.uniform(0.3, 0.5, 3) * (1.1, 0.9, 0.9)
                room.turned_box("carton", (x, y, z), tuple(size), rng.uniform(-8, 8), room.finish.wood("pine", 0.9))
            a += rng.uniform(0.7, 0.95)
    x, y = room.half_x - 1.0, room.half_y - 1.0
    for k in range(int(rng.integers(4, 9))):
        room.put("pallet_01", x, y, 0.122 * k, yaw=rng.uniform(-2, 2))
    for dx, dy in ((0.0, -1.5), (-0.05, -2.4), (-0.9, -1.9)):
        if rng.random() < 0.8:
            room.put("barrel_01", x + 0.45 + dx, y + dy, yaw=rng.uniform(0, 360))
    for number, a in enumerate((-4.6, -3.9, -3.25)):
        cx, cy = east.at(a, 0.4)
        room.put("crate_01", cx, cy, yaw=rng.uniform(-6, 6))
        if number and rng.random() < 0.6:
            room.put("crate_01", cx + rng.uniform(-0.05, 0.05), cy + 0.02, 0.594, yaw=rng.uniform(-12, 12), scale=0.9)
    tyre = materials.plain("tyre", (0.022, 0.022, 0.023), 0.7)
    profile = [
        (0.2, 0.03),
        (0.2, 0.03),
        *[(0.22 + 0.09 * np.sin(t), 0.1 - 0.1 * np.cos(t)) for t in np.linspace(0, np.pi, 9)],
        (0.2, 0.17),
    ]
    tx, ty = -room.half_x + 0.6, -room.half_y + 0.6
    for k in range(int(rng.integers(2, 5))):
        room.lathe("tyre", (tx + rng.uniform(-0.02, 0.02), ty, 0.2 * k), profile, tyre, steps=32)
    for dx in (0.9, 1.3):
        room.put("cone_01", tx + dx, ty + rng.uniform(-0.1, 0.2), yaw=rng.uniform(0, 90))
    room.put("bin_02_wheelie", 0.3, -room.half_y + 0.5, yaw=180)


def _vehicle(room: Room) -> None:
    """What is being repaired stands towards the east."""
    rng = room.stage.rng("vehicle")
    x, y = room.half_x - 2.5, -room.half_y + 2.6
    if rng.random() < 0.55:
        room.put(pick(rng, CARS), x, y + 0.1, yaw=rng.uniform(-12, 12))
    else:
        for dx, dy in ((0.3, 0.2), (-0.9, -0.3)):
            if rng.random() < 0.8:
                room.put(pick(rng, MOTORCYCLES), x + dx, y + dy, yaw=rng.uniform(-20, 20))
        room.put("bicycle_01", x + 1.2, y - 1.2, yaw=rng.uniform(-8, 8))


def _markings(room: Room) -> None:
    """Walls painted to chest height, yellow lines around the bays, a chest of tools."""
    rng, finish = room.stage.rng("markings"), room.finish
    if rng.random() < 0.65:
        paint = finish.wall_of("dado", "deep", (1.0, 1.0, 1.0))
        for side, along in (("north", (-room.half_x, room.half_x)), ("south", (-room.half_x, room.half_x))):
            room.wall(side).block("dado", along, (0.09, 1.15), (0.0, 0.006), paint)
        for side, along in (("east", (-room.half_y, room.half_y)), ("west", (1.1, room.half_y))):
            room.wall(side).block("dado", along, (0.09, 1.15), (0.0, 0.006), paint)
    yellow = materials.tiled(
        room.stage.library, "yellow", "concrete_02", 2.0, tint=(1.5, 1.0, 0.12), variation=0.5, variation_m=0.4
    )
    x0, x1, y0, y1 = room.half_x - 4.4, room.half_x - 0.7, -room.half_y + 0.5, -room.half_y + 5.2
    for low, high in (((x0, y0), (x0 + 0.1, y1)), ((x1, y0), (x1 + 0.1, y1)), ((x0, y1), (x1 + 0.1, y1 + 0.1))):
        a, b = sorted((room.mirror * low[0], room.mirror * high[0]))
        room.stage.floor("line", a, low[1], b, high[1], yellow, z=0.004)
    side = room.half_y - 3.3
    a, b = sorted((room.mirror * (-room.half_x + 0.4), room.mirror * x1))
    room.stage.floor("line", a, side, b, side + 0.1, yellow, z=0.004)
    red = materials.plain("tool_chest", pick(rng, ((0.45, 0.03, 0.02), (0.02, 0.08, 0.3), (0.04, 0.04, 0.045))), 0.35)
    north, at = room.wall("north"), -0.35
    kit.cabinet(north, (at - 0.4, at + 0.4), (0.0, 1.0), 0.45, red, width=0.8, drawers=5, plinth=0.1, gap=0.05)
    north.block("chest_mat", (at - 0.4, at + 0.4), (1.0, 1.01), (0.05, 0.5), finish.dark)
