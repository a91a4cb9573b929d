# SPDX-License-Identifier: GPL-3.0-or-later
"""A bedroom: bed with tables and lamps, wardrobe, chest of drawers, a desk at the window; a garden outside.

All lengths in metres.
"""

from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, beams, shell
from rdharmony_gen.blender.stage import Patch, Place, Stage

CHAIRS = ("chair_04_plaid", "chair_09_thonet", "chair_02_oak", "chair_03_design")


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the bedroom."""
    room = Room.draw(stage, (3.6, 4.1), (3.2, 3.6), (2.65, 2.95))
    rng = stage.rng("bedroom")
    room.finish.choose(
        ("parquet", "pale_parquet", "planks", "oak", "carpet"),
        walls=("paint", "paint", "plaster"),
        accents=("paint", "deep", "panels"),
    )
    sill = 0.12 if rng.random() < 0.35 else 0.6
    openings = {
        "south": [Opening(-2.3, -0.5, sill, 2.35, 2, curtains=True), Opening(0.5, 2.3, sill, 2.35, 2, curtains=True)],
        "west": [Opening(-1.7, 0.5, 0.6, 2.35, 2, curtains=True)],
        "east": [Opening(-2.2, -0.7, 0.6, 2.35, 2, curtains=rng.random() < 0.5)],
    }
    shell(room, openings, accent="north")
    if rng.random() < 0.3:
        beams(room, 4, room.finish.wood("rustic"))
    _bed(room)
    _wardrobe(room)
    tops = [_drawers(room), _desk(room)]
    room.pendant(-0.2, -0.4, 0.75, 45.0)
    view.garden(room)
    x, y = room.half_x, room.half_y
    return room.place([room.patch(-1.9, -y + 1.1, 2.0, 0.0), room.patch(-x + 0.7, -y + 0.7, x - 0.8, 0.6)], tops)


def _bed(room: Room) -> None:
    """The bed with its head to the north wall, a table with a lamp on each side."""
    rng, finish = room.stage.rng("bed"), room.finish
    bed, half = pick(rng, (("bed_01", 0.85), ("bed_02", 1.02)))
    x = rng.uniform(-0.9, -0.4)
    room.against("north", bed, x, gap=0.04)
    wood = finish.draw_wood("bedside")
    lamp = rng.random() < 0.75
    for side in (-1, 1):
        a = x + side * (half + 0.34)
        kit.cabinet(
            room.wall("north"),
            (a - 0.22, a + 0.22),
            (0.0, 0.55),
            0.36,
            wood,
            width=0.5,
            drawers=2,
            top=wood,
            plinth=0.06,
        )
        cx, cy = room.wall("north").at(a, 0.2)
        if lamp:
            room.put("living_lamp_02_table", cx, cy, 0.55, scale=0.68)
        elif side > 0:
            room.put("living_lamp_01", a + 0.45, cy - 0.05, yaw=rng.uniform(-30, 30), scale=1.05)
        if side < 0:
            tabletop.books(room, cx + 0.02, cy - 0.06, 0.55, 2, rng) if not lamp else tabletop.mug(
                room, cx + 0.12, cy - 0.13, 0.55
            )
    rug = room.put("living_rug_01", x + 0.2, room.half_y - 2.75, yaw=90, scale=rng.uniform(0.85, 1.05))
    rug.scale[2] = 0.3
    kit.pictures(room.wall("north"), (x - 0.5, x + 0.5), 1.75, (0.22, 0.34))


def _wardrobe(room: Room) -> None:
    rng, finish = room.stage.rng("wardrobe"), room.finish
    body = finish.paint("wardrobe") if rng.random() < 0.5 else finish.draw_wood("wardrobe")
    east = room.wall("east")
    kit.cabinet(east, (0.35, room.half_y - 0.03), (0.0, 2.2), 0.58, body, width=0.55)
    if rng.random() < 0.5:
        tabletop.books(room, room.half_x - 0.3, 1.0, 2.2, 4, rng)
    room.wall("north").door(room.half_x - 1.2, finish.trim)


def _drawers(room: Room) -> Patch:
    """A chest of drawers at the west wall, a mirror or picture above it."""
    rng, finish = room.stage.rng("drawers"), room.finish
    west = room.wall("west")
    a0, a1 = room.half_y - 2.2, room.half_y - 0.75
    wood = finish.draw_wood("drawers")
    high = rng.uniform(0.82, 0.95)
    kit.cabinet(
        west,
        (a0, a1),
        (0.0, high),
        0.46,
        wood,
        width=0.72,
        drawers=3,
        top=finish.top("drawers", kinds=("wood", "marble")),
    )
    kit.pictures(west, ((a0 + a1) / 2,), 1.65, (0.3, 0.42))
    x = -room.half_x
    return tabletop.still_life(
        room, (x, a0), (x + 0.48, a1), high, "drawers", back="west", things=("books", "vase", "plant", "mug", "bowl")
    )


def _desk(room: Room) -> Patch:
    """A desk between the windows of the south wall, or an armchair by the window and a shelf."""
    rng, finish = room.stage.rng("desk"), room.finish
    x, y = rng.uniform(1.2, 1.6), -room.half_y + 0.5
    kit.table(room, x, y, (1.3, 0.62, 0.74), finish.draw_wood("desk"), finish.paint("desk_legs", deep=True))
    chair = pick(rng, CHAIRS)
    room.put(chair, x + rng.uniform(-0.2, 0.2), y + 0.55, yaw=rng.uniform(-35, 35))
    if rng.random() < 0.6:
        room.put("chair_08_armchair", -room.half_x + 1.0, -room.half_y + 0.95, yaw=135 + rng.uniform(-15, 15))
    else:
        room.put("living_plant_01_yucca", -room.half_x + 0.7, -room.half_y + 0.65, scale=0.85)
    return tabletop.still_life(
        room,
        (x - 0.62, y - 0.29),
        (x + 0.62, y + 0.29),
        0.74,
        "desk",
        things=("books", "lamp", "vase", "mug", "plant", "bowl"),
    )
