# SPDX-License-Identifier: GPL-3.0-or-later
"""A paved city corner: two streets, pavements with kerbs, house fronts, parked cars, trees, street furniture.

The wide street runs east to west, so that a low sun stands at its end.
"""

from collections.abc import Sequence

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.assets import manifest
from rdharmony_gen.blender.scenes import kit_backdrop as backdrop
from rdharmony_gen.blender.scenes import kit_names as names
from rdharmony_gen.blender.scenes import kit_shapes as shapes
from rdharmony_gen.blender.scenes import kit_surfaces as surfaces
from rdharmony_gen.blender.scenes.kit_draw import fronts, pick, several, some
from rdharmony_gen.blender.scenes.kit_urban import KERB, pavement
from rdharmony_gen.blender.stage import Patch, Place, Stage

NORTH = (
    "building_03_brick_apartment",
    "building_06_shops",
    "building_08_townhouse",
    "building_12_balcony_block",
    "building_05_office",
)
SOUTH = ("building_06_shops", "building_04_stucco_house", "building_08_townhouse", "building_07_stone_cottage")
TREES = ("tree_06_poplar", "tree_09_pine", "tree_02_ficus", "tree_03_copper_beech", "tree_08_peach_blossom")
CARDS = ("card_green_tree", "card_thick_tree", "card_horse_chestnut_tree")
PEOPLE = (
    "human_male_04_holding",
    "human_female_02_standing",
    "human_boy_01_standing",
    "human_female_04_holding",
    "human_male_02_standing",
)
PAVINGS = (*surfaces.PAVINGS[:3], ("cinder_blocks_01", 1.6, (1.9, 1.75, 1.6)))
STREET_SOUTH, STREET_NORTH = -14.0, -5.0
SIDE_WEST, SIDE_EAST = 13.0, 20.0


def build(stage: Stage) -> Place:
    """Dress the stage as one variant of the city corner."""
    _grounds(stage)
    _fronts(stage)
    _vehicles(stage)
    _bus(stage)
    table = _furniture(stage)
    return Place(
        stand=(Patch(-9, -3.6, 10, 3.5, KERB), Patch(-14, -4.0, 11.5, 5.0, KERB)),
        drive=(Patch(-14, -10.5, 8, -7.5), Patch(-10, -2.0, 9, 3.0, KERB)),
        tops=(table,),
        camera_room=((-22.0, -16.5, 0.6), (24.0, 6.3, 2.6)),
        sky_share=0.24,
    )


def _grounds(stage: Stage) -> None:
    rng = stage.rng("ground")
    asphalt = surfaces.asphalt(stage, tone=2.2)
    paving = surfaces.slabs(stage, rng, "paving", PAVINGS, (0.9, 1.15))
    stone = materials.plain("kerb", (0.30, 0.29, 0.27), 0.8)
    paint = surfaces.road_paint(stage)
    stage.floor("asphalt", -160, -90, 160, 90, asphalt, z=-0.01)
    blocks = (
        (-160, STREET_NORTH, SIDE_WEST, 60),
        (SIDE_EAST, STREET_NORTH, 160, 60),
        (-160, -60, SIDE_WEST, STREET_SOUTH),
        (SIDE_EAST, -60, 160, STREET_SOUTH),
    )
    for block in blocks:
        pavement(stage, *block, paving, stone)
    for line in shapes.dashes(-120, 120, -9.5, (SIDE_WEST - 0.6, SIDE_EAST + 1)):
        stage.floor("line", *line, paint, z=-0.004)
    for bar in shapes.zebra(8.6, 11.6, STREET_SOUTH + 0.3, STREET_NORTH):
        stage.floor("zebra", *bar, paint, z=-0.004)


def _fronts(stage: Stage) -> None:
    rng = stage.rng("fronts")
    _row(stage, "north", NORTH, "north", 7.0, -62, -2, (0.05, 0.6))
    corner = "building_06_shops" if rng.random() < 0.5 else "building_03_brick_apartment"
    width, depth, _ = manifest()[corner]["size_m"]
    stage.put(corner, SIDE_WEST - 2.6 - width / 2 + 1.2, 7.0 + depth / 2, KERB - 0.01)
    _row(stage, "north_east", NORTH, "north", 7.0, SIDE_EAST + 2.6, 70, (0.05, 0.6))
    _row(stage, "south", SOUTH, "south", STREET_SOUTH - 4.0, -60, SIDE_WEST - 12, (1.0, 5.0))
    _row(stage, "south_east", SOUTH, "south", STREET_SOUTH - 4.0, SIDE_EAST + 2.6, 66, (1.0, 5.0))
    end = "building_12_balcony_block" if rng.random() < 0.5 else "building_05_office"
    stage.put(end, (SIDE_WEST + SIDE_EAST) / 2, 52.0, 0.0)
    stage.put("building_11_warehouse", -112, -9.5, 0.0, yaw=90)
    stage.put("building_11_warehouse", 112, -9.5, 0.0, yaw=-90)
    stage.put("building_04_stucco_house", (SIDE_WEST + SIDE_EAST) / 2, -52.0, 0.0, yaw=180)
    for end_x in (-66, 72):  # avenues close the street, low enough for a low sun
        for y in (4.5, 2.0, -0.5, -3.0, -16.0, -18.5, -21.0, -24.0):
            card = pick(rng, CARDS)
            stage.put(card, end_x + rng.uniform(-2, 2), y, KERB, yaw=rng.uniform(0, 360), scale=rng.uniform(0.5, 0.68))
    sides = backdrop.stepped(74.0, 104.0, 0.9)
    backdrop.ring(stage, rng, CARDS, sides, count=150, sway=1.0, radii=(0.0, 14.0), scales=(0.7, 1.1))


def _row(
    stage: Stage,
    label: str,
    houses: Sequence[str],
    side: str,
    front: float,
    start: float,
    stop: float,
    gap: tuple[float, float],
) -> None:
    """Houses as they were built, unpainted, whose last may reach over the end: unlike `kit_urban.row`."""
    for name, x, depth in fronts(stage.rng("row", label), houses, start, stop, gap):
        y = front + (depth / 2 if side == "north" else -depth / 2)
        stage.put(name, x, y, KERB - 0.01, yaw=shapes.FACING[side])


def _vehicles(stage: Stage) -> None:
    rng = stage.rng("vehicles")
    kinds = some(rng, names.CARS, 4)
    spots = [
        (-24, -6.1, 90),
        (-17.5, -6.2, 90),
        (4.0, -12.9, -90),
        (-9.5, -12.9, -90),
        (-30, -12.9, -90),
        (30, -6.2, 90),
        (37, -12.8, -90),
        (14.4, 14, 0),
        (18.6, 24, 180),
    ]
    for number, (x, y, yaw) in enumerate(spots):
        if rng.random() < 0.85:
            stage.put(kinds[number % 4], x + rng.uniform(-0.8, 0.8), y, 0.0, yaw=yaw + rng.uniform(-2, 2))


def _bus(stage: Stage) -> None:
    rng = stage.rng("bus")
    bus = pick(rng, ("bus_02_city", "bus_01_coach", "truck_01"))
    stage.put(bus, rng.uniform(29, 33), -7.2, 0.0, yaw=90)


def _furniture(stage: Stage) -> Patch:
    rng = stage.rng("furniture")
    post = pick(rng, ("lamp_02_classic", "lamp_03_round"))
    tree = pick(rng, TREES)
    for number, x in enumerate((-26, -16.5, -6.5, 3.5, 27.0)):
        x = x + rng.uniform(-0.8, 0.8)
        stage.put(post, x, STREET_NORTH + 0.9, KERB, yaw=180, scale=1.25)
        if number in (1, 2, 3):
            stage.put(tree, x + 4.4, STREET_NORTH + 1.3, KERB, yaw=rng.uniform(0, 360), scale=rng.uniform(0.7, 0.9))
            if rng.random() < 0.6:
                stage.put(
                    pick(rng, ("bench_03_concrete", "bench_04_wood")),
                    x + 2.0,
                    STREET_NORTH + 1.4,
                    KERB,
                    yaw=0 if rng.random() < 0.5 else 180,
                )
    for x in (-19.0, -8.0, 4.5):  # a second row along the house fronts
        stage.put(post, x + rng.uniform(-1.5, 1.5), 5.7, KERB, scale=1.25)
    for x in (-21, 1, 30):
        stage.put("lamp_04_street", x + rng.uniform(-1, 1), STREET_SOUTH - 0.6, KERB, yaw=180)
    stage.put("lamp_04_street", SIDE_WEST - 0.7, STREET_NORTH + 1.0, KERB, yaw=0)
    for x in (24.0, 31.0, 39.0):
        stage.put(
            tree, x + rng.uniform(-1, 1), STREET_NORTH + 1.3, KERB, yaw=rng.uniform(0, 360), scale=rng.uniform(0.7, 0.9)
        )
    for x in (-23.0, -12.0, -1.0, 9.0, 24.0, 33.0):
        stage.put(
            tree, x + rng.uniform(-1, 1), STREET_SOUTH - 1.4, KERB, yaw=rng.uniform(0, 360), scale=rng.uniform(0.6, 0.8)
        )
    stage.put("fountain_01", -15.0 + rng.uniform(-1, 1), 1.0, KERB, scale=1.3)
    for side in (-1, 1):
        stage.put("bench_03_concrete", -15.0 + side * 2.6, 1.0, KERB, yaw=side * 90)
        stage.put("flowerbox_01", -15.0 + side * 1.2, 3.4, KERB, scale=1.5)
    stage.put("hydrant_01", SIDE_WEST - 1.5, STREET_NORTH + 0.7, KERB)
    stage.put("bin_01_park", rng.uniform(4.6, 6.0), STREET_NORTH + 0.9, KERB)
    for x in (-11.5, -4.0, 2.5):
        if rng.random() < 0.7:
            stage.put("flowerbox_01", x + rng.uniform(-1, 1), 6.3, KERB, scale=1.5)
    x = x_table = float(rng.uniform(-8, 2))  # a café table, on some days under a parasol
    if rng.random() < 0.4:
        stage.put("parasol_01", x - 1.0, 5.3, KERB)
    for side in (-1, 1):
        stage.put("chair_06_cafe", x + side * 0.75, 4.4, KERB, yaw=side * -90 + rng.uniform(-20, 20))
    stage.put("bar_cafe_table_01", x, 4.4, KERB)
    if rng.random() < 0.5:
        stage.put("bicycle_01", rng.uniform(-13, -9), 6.2, KERB, yaw=80)
    for number, person in enumerate(several(rng, PEOPLE, 3)):
        x, y = ((-12.0, 2.5), (9.5, 4.6), (-19.0, -1.0))[number]
        stage.put(person, x + rng.uniform(-1.5, 1.5), y + rng.uniform(-0.6, 0.6), KERB, yaw=rng.uniform(0, 360))
    return Patch(x_table - 0.1, 4.3, x_table + 0.1, 4.5, KERB + 0.739)
