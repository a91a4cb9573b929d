# SPDX-License-Identifier: GPL-3.0-or-later
"""A kitchen: counters along two walls, a window over the sink, an island or a table; the home of apples and knives.

All lengths in metres. A garden lies outside.
"""

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes import kit_furniture as kit
from rdharmony_gen.blender.scenes import kit_tabletop as tabletop
from rdharmony_gen.blender.scenes import kit_window_view as view
from rdharmony_gen.blender.scenes.kit_draw import pick
from rdharmony_gen.blender.scenes.kit_indoor import Opening, Room, beams, shell
from rdharmony_gen.blender.stage import Patch, Place, Stage

CHAIRS = ("chair_02_oak", "chair_04_plaid", "chair_09_thonet", "chair_03_design")
DEPTH, HIGH = 0.6, 0.91


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the kitchen."""
    room = Room.draw(stage, (3.3, 3.9), (2.9, 3.4), (2.65, 2.95))
    rng = stage.rng("kitchen")
    room.finish.choose(("checker", "tiles", "terracotta", "oak", "parquet", "grey_tiles"), accents=("paint", "tiles"))
    doors = 0.5 if rng.random() < 0.5 else 0.08  # the large window may reach the floor
    openings = {
        "south": [Opening(-2.2, 0.6, doors, 2.35, 3, curtains=rng.random() < 0.5), Opening(1.5, 2.7, 0.9, 2.35, 1)],
        "west": [Opening(-1.5, 1.1, 0.75, 2.35, 2, transom=1.95)],
        "east": [Opening(-1.3, 0.4, 1.06, 2.25, 2)],
    }
    shell(room, openings, accent="north")
    if rng.random() < 0.4:
        beams(room, 5, room.finish.wood("walnut"))
    tops = _counters(room)
    tops.append(_middle(room))
    _rest(room)
    view.garden(room)
    x, y = room.half_x, room.half_y
    return room.place(
        [room.patch(-x + 0.8, -y + 0.8, 1.9, 0.2), room.patch(-x + 0.6, -y + 0.6, x - 1.0, y - 1.0)], tops
    )


def _counters(room: Room) -> list[Patch]:
    """Along the north wall from the fridge to the corner, and along the east wall under its window."""
    rng, finish = room.stage.rng("counters"), room.finish
    fronts = finish.paint("fronts", deep=rng.random() < 0.4) if rng.random() < 0.65 else finish.draw_wood("fronts")
    top = finish.top("counter", kinds=("wood", "marble", "granite", "granite"))
    splash = finish.wall_of("splash", pick(rng, ("tiles", "white_brick", "tiles")), (0.80, 0.79, 0.74))
    steel = materials.plain("steel", (0.56, 0.56, 0.55), 0.28, 1.0)
    glass = materials.plain("hob", (0.012, 0.012, 0.013), 0.06)
    north, east = room.wall("north"), room.wall("east")
    x, y = room.half_x, room.half_y
    fridge, hob = -x + 0.75, float(rng.uniform(-0.5, 0.2))
    kit.cabinet(north, (fridge + 0.7, hob - 0.3), (0.0, HIGH), DEPTH, fronts, top=top)
    kit.cabinet(north, (hob + 0.3, x - 0.62), (0.0, HIGH), DEPTH, fronts, top=top)
    kit.cabinet(east, (-1.6, y - 0.012), (0.0, HIGH), DEPTH, fronts, top=top, drawers=1 if rng.random() < 0.5 else 3)
    # fridge and cooker
    body = steel if rng.random() < 0.5 else finish.trim
    north.block("fridge", (fridge, fridge + 0.66), (0.03, 1.86), (0.02, 0.62), body)
    for z0, z1 in ((0.06, 0.66), (0.68, 1.84)):
        north.block("fridge_door", (fridge + 0.004, fridge + 0.656), (z0, z1), (0.625, 0.665), body)
        north.block("handle", (fridge + 0.05, fridge + 0.066), (z1 - 0.5, z1 - 0.08), (0.665, 0.70), finish.metal)
    north.block("cooker", (hob - 0.295, hob + 0.295), (0.0, HIGH - 0.005), (0.0, DEPTH + 0.015), body)
    north.block("hob", (hob - 0.28, hob + 0.28), (HIGH - 0.005, HIGH + 0.004), (0.06, 0.56), glass)
    north.block("oven", (hob - 0.25, hob + 0.25), (0.22, 0.62), (DEPTH + 0.015, DEPTH + 0.025), glass)
    north.block("handle", (hob - 0.24, hob + 0.24), (0.68, 0.70), (DEPTH + 0.015, DEPTH + 0.06), finish.metal)
    room.lathe(
        "pot",
        (hob + 0.13, y - 0.22, HIGH + 0.004),
        (
            (0, 0),
            (0.095, 0),
            (0.095, 0),
            (0.10, 0.13),
            (0.104, 0.133),
            (0.07, 0.15),
            (0.015, 0.158),
            (0.018, 0.18),
            (0, 0.182),
        ),
        steel,
    )
    # splashback, hood, wall cupboards or shelves
    north.block("splash", (fridge + 0.69, x), (HIGH, 1.48), (0.0, 0.012), splash)
    north.block("hood", (hob - 0.3, hob + 0.3), (1.58, 1.68), (0.0, 0.45), steel)
    north.block("hood", (hob - 0.14, hob + 0.14), (1.68, room.height), (0.0, 0.26), steel)
    for number, (a0, a1) in enumerate(((fridge + 0.7, hob - 0.34), (hob + 0.34, x - 0.02))):
        if number == 1 and rng.random() < 0.55:
            for z in (1.5, 1.86):
                kit.shelf(north, (a0 + 0.05, a1 - 0.1), z, finish.wood("oak"))
                kit.line_up(north, (a0 + 0.1, a1 - 0.2), 0.13, z, tabletop.BOTTLES, 0.21, f"{z}")
        else:
            kit.cabinet(north, (a0, a1), (1.48, 2.18), 0.34, fronts, width=0.5, plinth=0.0)
            kit.light_strip(north, (a0 + 0.1, a1 - 0.1), 1.478, 0.2, 3.0)
    # the sink under the window
    a = -0.45
    for along, depths in (((a - 0.3, a + 0.3), (0.14, 0.50)), ((a - 0.27, a + 0.27), (0.17, 0.47))):
        z = HIGH + (0.004 if along[0] < a - 0.28 else 0.006)
        east.block("sink", along, (HIGH, z), depths, steel if z < HIGH + 0.005 else finish.dark)
    ex, ey = east.at(a, 0.09)
    room.lathe(
        "tap",
        (ex, ey, HIGH),
        ((0, 0), (0.022, 0), (0.022, 0.02), (0.011, 0.03), (0.011, 0.27), (0, 0.28)),
        finish.metal,
    )
    east.block("tap", (a - 0.009, a + 0.009), (HIGH + 0.255, HIGH + 0.273), (0.09, 0.27), finish.metal)
    right = tabletop.still_life(room, (hob + 0.42, y - DEPTH), (x - 0.75, y), HIGH, "north", back="north")
    side = tabletop.still_life(room, (x - DEPTH, 0.1), (x, y - 0.75), HIGH, "east", back="east")
    return [right, side]


def _middle(room: Room) -> Patch:
    """An island with stools, or a table with chairs."""
    rng, finish = room.stage.rng("middle"), room.finish
    x, y = rng.uniform(-0.9, -0.3), rng.uniform(0.1, 0.35)
    things = ("bowl", "bottles", "plate", "mug", "vase", "board", "napkin")
    if rng.random() < 0.45:
        w, d = rng.uniform(0.8, 0.95), 0.42
        body, top = finish.paint("island", deep=True), finish.top("island")
        room.box("plinth", (x - w + 0.05, y - d + 0.05, 0.0), (x + w - 0.05, y + d - 0.05, 0.09), finish.dark)
        room.box("island", (x - w, y - d + 0.16, 0.09), (x + w, y + d, HIGH - 0.045), body)
        for k in range(3):
            a = x - w + 2 * w * k / 3
            room.box(
                "island_panel", (a + 0.03, y - d + 0.148, 0.15), (a + 2 * w / 3 - 0.03, y - d + 0.16, HIGH - 0.12), body
            )
        room.box(
            "island_top",
            (x - w - 0.04, y - d - 0.1, HIGH - 0.045),
            (x + w + 0.04, y + d + 0.03, HIGH),
            top,
            turned=True,
        )
        for dx in (-0.5, 0.1):
            if rng.random() < 0.85:
                room.put("bar_stool_02", x + dx, y - d - 0.32, yaw=180 + rng.uniform(-25, 25), scale=0.9)
        patch = tabletop.still_life(room, (x - w, y - d - 0.06), (x + w, y + d), HIGH, "island", things=things)
    else:
        w, d = rng.uniform(1.5, 1.8), rng.uniform(0.82, 0.92)
        kit.table(room, x, y, (w, d, 0.745), finish.draw_wood("table"), finish.paint("legs"))
        chair = pick(rng, CHAIRS)
        for dx, side in ((-0.38, -1), (0.38, -1), (0.1, 1)):
            if rng.random() < 0.85:
                room.put(chair, x + dx, y + side * (d / 2 + 0.2), yaw=(180 if side < 0 else 0) + rng.uniform(-12, 12))
        patch = tabletop.still_life(room, (x - w / 2, y - d / 2), (x + w / 2, y + d / 2), 0.745, "table", things=things)
    for dx in (-0.45, 0.45):
        room.pendant(x + dx, y, room.height - rng.uniform(1.72, 1.85))
    return patch


def _rest(room: Room) -> None:
    rng = room.stage.rng("rest")
    room.against("south", "living_plant_01_yucca", -room.half_x + 0.6, scale=0.8, yaw=rng.uniform(0, 90))
    if rng.random() < 0.5:
        room.put("living_rug_01", -0.6, -1.7, yaw=90, scale=0.75).scale[2] = 0.3
    kit.pictures(room.wall("west"), (1.75, 2.35), size=(0.18, 0.26))
    room.wall("west").door(-room.half_y + 0.75, room.finish.trim)
