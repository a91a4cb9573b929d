# SPDX-License-Identifier: GPL-3.0-or-later
"""A dining room: a long laid table under hanging lamps, a sideboard, a fireplace or piano; a garden outside.

All lengths in metres.
"""

from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, beams, shell
from rdharmony_gen.blender.stage import Patch, Place, Stage

CHAIRS = ("chair_01", "chair_02_oak", "chair_03_design", "chair_04_plaid", "chair_09_thonet")
HIGH = 0.75


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the dining room."""
    room = Room.draw(stage, (4.0, 4.6), (3.4, 3.9), (2.8, 3.2))
    rng = stage.rng("dining")
    room.finish.choose(
        ("parquet", "pale_parquet", "planks", "walnut", "oak", "terracotta"),
        walls=("paint", "plaster", "deep"),
        accents=("stone", "paint", "panels", "brick", "deep"),
    )
    head, sill = room.height - 0.35, 0.1 if rng.random() < 0.5 else 0.55
    openings = {
        "south": [
            Opening(-2.9, -0.6, sill, head, 2, transom=head - 0.5, curtains=True),
            Opening(0.6, 2.9, sill, head, 2, transom=head - 0.5, curtains=True),
        ],
        "west": [Opening(-1.6, 0.8, 0.55, head, 2, curtains=rng.random() < 0.6)],
        "east": [Opening(-1.9, -0.1, 0.55, head, 2, curtains=rng.random() < 0.6)],
    }
    shell(room, openings, accent="north")
    if rng.random() < 0.45:
        beams(room, 5, room.finish.wood("rustic" if rng.random() < 0.5 else "walnut"))
    tops = [_table(room), _sideboard(room)]
    _rest(room)
    view.garden(room)
    x, y = room.half_x, room.half_y
    return room.place([room.patch(-2.0, -y + 0.9, 2.2, -0.6), room.patch(-x + 0.7, -y + 0.7, x - 0.7, y - 0.9)], tops)


def _table(room: Room) -> Patch:
    """The laid table north of the middle, with its lamps."""
    rng, finish = room.stage.rng("table"), room.finish
    x, y = rng.uniform(-0.5, 0.3), room.half_y - 1.95
    w, d = rng.uniform(1.9, 2.3), rng.uniform(0.9, 1.0)
    kit.table(
        room,
        x,
        y,
        (w, d, HIGH),
        finish.top("table", kinds=("wood", "wood", "wood", "marble")),
        finish.draw_wood("legs"),
    )
    chair = pick(rng, CHAIRS)
    seats = [-0.62, 0.62] if w < 2.0 else [-0.72, 0.0, 0.72]
    for side in (-1, 1):
        for dx in seats:
            if rng.random() < 0.9:
                out = d / 2 + rng.uniform(0.12, 0.3)
                room.put(
                    chair,
                    x + dx + rng.uniform(-0.05, 0.05),
                    y + side * out,
                    yaw=(180 if side < 0 else 0) + rng.uniform(-10, 10),
                )
            if abs(dx) < 0.1:  # the middle stays free for the subject
                continue
            tabletop.plate(room, x + dx, y + side * (d / 2 - 0.2), HIGH)
            room.put("knife_02_table", x + dx + 0.17, y + side * (d / 2 - 0.2), HIGH, yaw=rng.uniform(-3, 3))
            if rng.random() < 0.6:
                tabletop.mug(room, x + dx + 0.16, y + side * (d / 2 - 0.36), HIGH)
    for dx in (-0.5, 0.5):
        room.pendant(x + dx, y, room.height - rng.uniform(1.6, 1.7))
    tabletop.fruit_bowl(room, x - w / 2 + 0.3, y, HIGH, rng)
    tabletop.vase(room, x + w / 2 - 0.25, y + 0.05, HIGH, rng)
    for dx in (0.0, 0.12):
        room.put(pick(rng, tabletop.BOTTLES[:4]), x + w / 2 - 0.45 + dx * 0.6, y - 0.1 + dx, HIGH)
    return room.patch(x - w / 2 + 0.5, y - 0.12, x + w / 2 - 0.6, y + 0.12, HIGH)


def _sideboard(room: Room) -> Patch:
    rng, finish = room.stage.rng("sideboard"), room.finish
    west = room.wall("west")
    a1 = room.half_y - 0.45
    a0 = a1 - rng.uniform(1.6, 1.9)
    wood = finish.draw_wood("sideboard") if rng.random() < 0.6 else finish.paint("sideboard", deep=True)
    kit.cabinet(west, (a0, a1), (0.0, 0.88), 0.46, wood, width=0.5, top=finish.top("sideboard"))
    kit.pictures(west, ((a0 + a1) / 2 - 0.4, (a0 + a1) / 2 + 0.4), 1.7, (0.22, 0.33))
    x = -room.half_x
    return tabletop.still_life(
        room,
        (x, a0),
        (x + 0.48, a1),
        0.88,
        "sideboard",
        back="west",
        things=("bottles", "vase", "bowl", "plate", "lamp", "books"),
    )


def _rest(room: Room) -> None:
    """Fireplace, piano or bookcases; plants; a couch under the windows on some days."""
    rng, finish = room.stage.rng("rest"), room.finish
    kind = int(rng.integers(3))
    if kind == 0:
        room.against("east", "living_fireplace_01", 1.4, gap=0.0)
        kit.pictures(room.wall("east"), (1.4,), 1.75, (0.3, 0.42))
    elif kind == 1:
        room.against("east", "living_piano_01", 1.4)
        kit.pictures(room.wall("east"), (1.0, 1.8), 1.8)
    else:
        for a in (1.0, 1.92):
            room.against("east", "living_bookcase_01", a)
    kit.pictures(room.wall("north"), (-1.9, 1.5), 1.65, (0.28, 0.45))
    room.wall("north").door(room.half_x - 0.9, finish.draw_wood("door"))
    room.put("living_plant_01_yucca", room.half_x - 0.65, -room.half_y + 0.6, yaw=rng.uniform(0, 360), scale=0.9)
    room.put("living_plant_03_indoor", -room.half_x + 0.5, -room.half_y + 0.5, scale=1.1)
    if rng.random() < 0.7:
        room.put("living_rug_01", 0.1, -1.1, yaw=90, scale=1.1).scale[2] = 0.3
    room.put("living_lamp_01", -room.half_x + 0.5, 0.95, yaw=rng.uniform(0, 360), scale=1.1)
