# SPDX-License-Identifier: GPL-3.0-or-later
"""A gym: a row of treadmills and bikes at the windows, weights, mats, wall bars, a counter with water and fruit.

All lengths in metres. High windows look to a garden in the south and to both sides.
"""

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import some
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, beams, shell, windows
from rdharmony_gen.blender.stage import Patch, Place, Stage

BRIGHT = ((0.55, 0.05, 0.04), (0.03, 0.15, 0.45), (0.75, 0.42, 0.03), (0.05, 0.32, 0.18), (0.30, 0.08, 0.32))


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the gym."""
    room = Room.draw(stage, (5.4, 6.3), (4.3, 4.9), (3.5, 4.2))
    room.finish.choose(
        ("rubber", "oak", "parquet", "pale_parquet", "concrete"),
        walls=("paint", "paint", "white_brick", "plaster"),
        accents=("deep", "brick", "blocks", "concrete"),
        black_frames=0.7,
    )
    rng = stage.rng("gym")
    low = rng.random() < 0.5  # tall windows, or a ribbon over the machines
    sill, head = (0.35, room.height - 0.7) if low else (1.1, room.height - 0.45)
    openings = {
        "south": windows(
            room.half_x, 4 if low else 3, 2.2 if low else 3.2, sill=sill, head=head, panes=2, transom=head - 0.7
        ),
        "west": [Opening(-2.2, 1.0, sill, head, 3, head - 0.7)],
        "east": [Opening(-2.2, 1.0, sill, head, 3, head - 0.7)],
    }
    shell(room, openings, accent="north")
    if rng.random() < 0.6:
        beams(room, 4, room.finish.dark if rng.random() < 0.5 else room.finish.trim, (0.12, 0.22))
    _machines(room)
    _weights(room)
    _floor_work(room)
    top = _counter(room)
    for x in (-room.half_x * 0.56, 0.0, room.half_x * 0.56):
        for y in (-room.half_y * 0.45, room.half_y * 0.45):
            room.panel(x + 0.45, y, (0.3, 1.8), 45.0)
    (view.garden if rng.random() < 0.5 else view.street)(room)
    x, y = room.half_x, room.half_y
    return room.place([room.patch(-2.4, -1.3, 2.4, 1.6), room.patch(-x + 1.0, -y + 1.0, x - 1.0, y - 1.2)], [top])


def _machines(room: Room) -> None:
    """Facing the windows."""
    rng = room.stage.rng("machines")
    x, y = -room.half_x + 0.95, -room.half_y + 1.35
    kinds = ("gym_treadmill_01", "gym_bike_01")
    treadmills = int(rng.integers(2, 4))
    for number in range(6):
        kind = kinds[0 if number < treadmills else 1]
        if number == treadmills:
            x += 0.25
        if x > room.half_x - 2.4:
            break
        room.put(kind, x, y - (0.0 if number < treadmills else 0.25), yaw=0.0)
        x += 1.15 if number < treadmills else 0.95
    tower = "gym_tower_01"
    room.put(tower, room.half_x - 1.35, -room.half_y + 1.25, yaw=-90 + rng.uniform(-4, 4))


def _weights(room: Room) -> None:
    """A rack of dumb-bells along the north wall, a bench before it."""
    rng, finish = room.stage.rng("weights"), room.finish
    x0 = -room.half_x + 0.7
    north, y = room.wall("north"), room.half_y
    iron = materials.plain("iron", (0.05, 0.05, 0.052), 0.4)
    length = rng.uniform(2.2, 2.9)
    for z, d in ((0.42, 0.42), (0.82, 0.26)):
        north.block("rack", (x0, x0 + length), (z - 0.03, z), (d - 0.13, d + 0.13), finish.dark)
        a = x0 + 0.16
        while a < x0 + length - 0.12:
            radius = 0.075 if z < 0.5 else 0.055
            _dumbbell(room, a, y - d, z, radius, iron)
            a += 2 * radius + 0.06
    for a in (x0 + 0.06, x0 + length - 0.06):
        north.block("rack_post", (a - 0.03, a + 0.03), (0.0, 0.95), (0.1, 0.16), finish.dark)
        north.block("rack_foot", (a - 0.03, a + 0.03), (0.0, 0.05), (0.05, 0.6), finish.dark)
        north.block("rack_arm", (a - 0.03, a + 0.03), (0.35, 0.39), (0.1, 0.55), finish.dark)
        north.block("rack_arm", (a - 0.03, a + 0.03), (0.75, 0.79), (0.1, 0.39), finish.dark)
    room.put("gym_bench_01", x0 + length / 2 + rng.uniform(-0.4, 0.4), y - 2.0, yaw=rng.uniform(60, 120))
    bars = x0 + length + 0.35
    wood = finish.wood("oak")
    for a in (bars, bars + 0.9):
        north.block("bars_post", (a - 0.03, a + 0.03), (0.0, 2.5), (0.0, 0.12), wood)
    for z in np.arange(0.25, 2.5, 0.19):
        north.block("bar", (bars, bars + 0.9), (z - 0.018, z + 0.018), (0.07, 0.11), wood, turned=True)


def _dumbbell(room: Room, x: float, y: float, z: float, radius: float, iron: bpy.types.Material) -> None:
    r = radius
    profile = (
        (0, 0),
        (0.8 * r, 0),
        (r, 0.02),
        (r, 0.07),
        (0.8 * r, 0.085),
        (0.016, 0.085),
        (0.016, 0.185),
        (0.8 * r, 0.185),
        (r, 0.2),
        (r, 0.25),
        (0.8 * r, 0.27),
        (0, 0.27),
    )
    made = room.lathe("dumbbell", (x, y + 0.135, z + r), profile, iron, steps=8)
    made.rotation_euler = (np.pi / 2, 0.0, 0.0)


def _floor_work(room: Room) -> None:
    """Mats, balls, a punching ball."""
    rng = room.stage.rng("floor")
    colours = [np.array(colour) for colour in some(rng, BRIGHT, len(BRIGHT))]
    x0, y0 = room.half_x - 2.6, room.half_y - 1.5
    for number in range(int(rng.integers(2, 4))):
        mat = room.finish.fabric(f"mat{number}", colours[number % 2] * 0.9)
        at = (x0 - 1.0 * number + rng.uniform(-0.06, 0.06), y0 - 0.6, 0.0)
        room.turned_box("mat", at, (0.62, 1.85, 0.014), rng.uniform(-4, 4), mat)
    arc = np.linspace(-np.pi / 2, np.pi / 2, 17)
    for number in range(int(rng.integers(1, 4))):
        r = rng.uniform(0.27, 0.36)
        ball = [(max(0.0, r * np.cos(t)), r * (1 + np.sin(t))) for t in arc]
        rubber = materials.plain(f"ball{number}", tuple(colours[2 + number % 3]), 0.45)
        room.lathe("ball", (room.half_x - 0.5 - 0.72 * number, room.half_y - 0.5, 0.0), ball, rubber, steps=32)
    room.put("gym_punching_ball_01", -room.half_x + 0.8, rng.uniform(0.9, 1.5))


def _counter(room: Room) -> Patch:
    """A low cupboard by the east wall with towels, bottles and fruit."""
    finish = room.finish
    east = room.wall("east")
    a0, a1 = 1.2, min(3.0, room.half_y - 1.35)
    body = finish.draw_wood("counter")
    kit.cabinet(east, (a0, a1), (0.0, 0.95), 0.5, body, top=finish.top("counter"))
    kit.pictures(east, ((a0 + a1) / 2,), 1.75, (0.35, 0.45))
    x = room.half_x
    return tabletop.still_life(
        room, (x - 0.5, a0), (x, a1), 0.95, "counter", back="east", things=("napkin", "bowl", "bottles", "mug")
    )
