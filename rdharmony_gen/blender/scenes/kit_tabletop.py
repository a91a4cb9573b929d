# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on a table top: crockery, fruit, bottles, books; `still_life` lays a top and leaves room on it."""

from collections.abc import Sequence

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_finish import RGB
from rdharmony_gen.blender.scenes.kit_indoor import Room
from rdharmony_gen.blender.stage import Patch

BOTTLES = (
    "bottle_01_wine",
    "bottle_02_wine_red",
    "bottle_06_green_glass",
    "bottle_08_amber_glass",
    "bottle_07_milk",
    "bottle_04_yogurt",
)
FRUIT = (
    ("orange", 0.040, (0.80, 0.27, 0.02)),
    ("lemon", 0.032, (0.82, 0.62, 0.06)),
    ("plum", 0.028, (0.10, 0.02, 0.10)),
    ("lime", 0.032, (0.20, 0.42, 0.04)),
)
"""Name, radius in metres, colour."""
BOOKS = (
    (0.30, 0.05, 0.04),
    (0.05, 0.12, 0.25),
    (0.10, 0.22, 0.12),
    (0.55, 0.45, 0.28),
    (0.06, 0.06, 0.07),
    (0.5, 0.2, 0.05),
)


def ceramic(room: Room, name: str = "ceramic") -> bpy.types.Material:
    """Glaze of one colour a room."""
    colours = ((0.78, 0.76, 0.72), (0.70, 0.66, 0.56), (0.10, 0.18, 0.26), (0.30, 0.36, 0.30), (0.42, 0.16, 0.09))
    return _plain(room, name, pick(room.stage.rng(name), colours), 0.22)


def _plain(room: Room, name: str, colour: RGB, roughness: float) -> bpy.types.Material:
    return room.finish.once(name, lambda: materials.plain(name, colour, roughness))


def books(room: Room, x: float, y: float, z: float, count: int, rng: np.random.Generator) -> None:
    """A stack of books lying on a top."""
    for _ in range(count):
        colour, thick = pick(rng, BOOKS), float(rng.uniform(0.018, 0.04))
        w, d, turn = rng.uniform(0.14, 0.19), rng.uniform(0.20, 0.25), rng.uniform(-14, 14)
        cover = _plain(room, f"book{BOOKS.index(colour)}", colour, 0.5)
        paper = _plain(room, "paper", (0.72, 0.68, 0.58), 0.9)
        room.turned_box("book", (x, y, z), (w, d, 0.003), turn, cover)
        room.turned_box("pages", (x, y, z + 0.003), (w - 0.008, d - 0.008, thick - 0.006), turn, paper)
        room.turned_box("book", (x, y, z + thick - 0.003), (w, d, 0.003), turn, cover)
        z += thick


def plate(room: Room, x: float, y: float, z: float, radius: float = 0.13) -> None:
    """A plate."""
    r = radius
    profile = (
        (0, 0.004),
        (0.55 * r, 0.004),
        (0.62 * r, 0.0),
        (0.62 * r, 0.0),
        (r, 0.020),
        (r, 0.024),
        (0.66 * r, 0.010),
        (0.0, 0.008),
    )
    room.lathe("plate", (x, y, z), profile, ceramic(room), steps=40)


def mug(room: Room, x: float, y: float, z: float) -> None:
    """A cup without a handle."""
    profile = (
        (0.0, 0.0),
        (0.033, 0.0),
        (0.033, 0.0),
        (0.041, 0.03),
        (0.042, 0.092),
        (0.038, 0.092),
        (0.036, 0.03),
        (0.0, 0.012),
    )
    room.lathe("mug", (x, y, z), profile, ceramic(room, "stoneware"))


def vase(room: Room, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A bulging vase with leaves."""
    r, h = rng.uniform(0.055, 0.075), rng.uniform(0.16, 0.23)
    profile = (
        (0, 0),
        (0.6 * r, 0),
        (0.6 * r, 0),
        (r, 0.4 * h),
        (0.9 * r, 0.62 * h),
        (0.4 * r, 0.9 * h),
        (0.5 * r, h),
        (0.4 * r, h),
        (0.3 * r, 0.9 * h),
        (0, 0.5 * h),
    )
    room.lathe("vase", (x, y, z), profile, ceramic(room, "vase_glaze"), steps=32)
    room.put(pick(rng, ("card_grass2", "card_palmy")), x, y, z + 0.7 * h, yaw=rng.uniform(0, 360), scale=0.3)


def fruit_bowl(room: Room, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A wide bowl with five fruits of one kind."""
    profile = (
        (0, 0.006),
        (0.05, 0.0),
        (0.05, 0.0),
        (0.13, 0.055),
        (0.135, 0.062),
        (0.128, 0.060),
        (0.05, 0.016),
        (0, 0.012),
    )
    room.lathe("bowl", (x, y, z), profile, ceramic(room, "vase_glaze"), steps=40)
    name, radius, colour = pick(rng, FRUIT)
    skin = _plain(room, name, colour, 0.4)
    turn = rng.uniform(0, 6.28)
    arc = np.linspace(-np.pi / 2, np.pi / 2, 9)
    for k in range(5):
        a = turn + k * 2 * np.pi / 4
        dx, dy, dz = (
            (radius * 1.45 * np.cos(a), radius * 1.45 * np.sin(a), 0.026) if k < 4 else (0, 0, 0.026 + 1.15 * radius)
        )
        ball = [(max(0.0, radius * np.cos(t)), radius * (1 + 0.94 * np.sin(t))) for t in arc]
        room.lathe(name, (x + dx, y + dy, z + dz), ball, skin, steps=20)


def board(room: Room, x: float, y: float, z: float, yaw: float) -> None:
    """A chopping board."""
    room.turned_box("board", (x, y, z), (0.24, 0.36, 0.018), yaw, room.finish.wood("butcher"))


def napkin(room: Room, x: float, y: float, z: float, yaw: float) -> None:
    """A folded cloth."""
    colour = np.array(
        pick(room.stage.rng("napkin"), ((0.75, 0.73, 0.68), (0.14, 0.22, 0.34), (0.50, 0.12, 0.10), (0.30, 0.36, 0.26)))
    )
    cloth = room.finish.once("napkin", lambda: room.finish.fabric("napkin", colour))
    for k in range(3):
        size = 0.2 - 0.006 * k
        room.turned_box("napkin", (x, y, z + 0.003 * k), (size, size * 0.95, 0.0032), yaw + 1.5 * k, cloth)


def still_life(
    room: Room,
    low: tuple[float, float],
    high: tuple[float, float],
    z: float,
    *path: str | int,
    back: str = "",
    things: Sequence[str] = ("bowl", "bottles", "mug", "plate", "vase", "board", "napkin", "books"),
) -> Patch:
    """Lay a top with things along its back and its ends and leave the rest free for the subject.

    Args:
        room: that the top stands in.
        low: south-west corner of the top (x, y).
        high: north-east corner.
        z: its height.
        path: names this top for the generator.
        back: the wall behind it; without one, things stand at both ends.
        things: kinds to choose from.

    Returns: the free patch.
    """
    rng = room.stage.rng("still_life", *path)
    spots, free = _spots(low, high, back, float(rng.choice([-1.0, 1.0])))
    kinds = some(rng, things, len(things))
    for number, (x, y) in enumerate(spots):
        _lay(room, kinds[number % len(kinds)], x + rng.uniform(-0.02, 0.02), y + rng.uniform(-0.015, 0.015), z, rng)
    return room.patch(*free, z)


def _spots(
    low: tuple[float, float], high: tuple[float, float], back: str, flip: float
) -> tuple[list[tuple[float, float]], tuple[float, float, float, float]]:
    """Where things stand on a top, and what is left free (its corners); `flip` of ±1 mirrors them."""
    (x0, y0), (x1, y1) = low, high
    if y1 - y0 > x1 - x0:  # solve it lying, turn the answer
        turned = {"east": "north", "west": "south"}.get(back, "")
        spots, (u0, v0, u1, v1) = _spots((y0, x0), (y1, x1), turned, flip)
        return [(v, u) for u, v in spots], (v0, u0, v1, u1)
    middle, depth = (x0 + x1) / 2, y1 - y0
    half = min((x1 - x0) / 2 - 0.12, 0.62)
    if back:
        sign = 1.0 if back == "north" else -1.0
        rear = (y1 if sign > 0 else y0) - sign * 0.13
        spots = [  # a wide gap lets a cake stand between them
            (middle - flip * half, rear - sign * 0.06),
            (middle - flip * half * 0.5, rear),
            (middle + flip * half, rear - sign * 0.03),
        ]
        y_free = sorted((rear - sign * 0.20, (y0 if sign > 0 else y1) + sign * 0.13))
        if y_free[0] > y_free[1] or depth < 0.45:
            y_free = [rear - sign * 0.24] * 2
        return spots, (middle - half + 0.22, y_free[0], middle + half - 0.22, y_free[1])
    y = (y0 + y1) / 2
    side = min(0.18, depth / 2 - 0.14)
    spots = [
        (middle - half, y + flip * side),
        (middle - half * 0.9, y - flip * side),
        (middle + half, y - flip * side),
        (middle + half * 0.9, y + flip * side),
    ]
    reach = max(0.06, half - 0.30)
    return spots, (middle - reach, y - min(0.12, side), middle + reach, y + min(0.12, side))


def _lay(room: Room, kind: str, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    if kind == "bowl":
        fruit_bowl(room, x, y, z, rng)
    elif kind == "bottles":
        for dx, name in ((-0.05, pick(rng, BOTTLES[:4])), (0.055, pick(rng, BOTTLES[2:]))):
            room.put(name, x + dx, y + rng.uniform(-0.03, 0.03), z, yaw=rng.uniform(0, 360))
    elif kind == "mug":
        for dx in (-0.055, 0.055):
            mug(room, x + dx, y + rng.uniform(-0.03, 0.03), z)
    elif kind == "plate":
        for k in range(3):
            plate(room, x, y, z + 0.011 * k, 0.115)
    elif kind == "vase":
        vase(room, x, y, z, rng)
    elif kind == "board":
        board(room, x, y, z, rng.uniform(60, 120))
        room.put("bottle_07_milk", x + 0.04, y, z + 0.018, yaw=rng.uniform(0, 360))
    elif kind == "napkin":
        napkin(room, x, y, z, rng.uniform(-30, 30))
        room.put("knife_02_table", x + 0.02, y, z + 0.0095, yaw=rng.uniform(-20, 20))
    elif kind == "books":
        books(room, x, y, z, int(rng.integers(2, 5)), rng)
    elif kind == "lamp":
        room.put("living_lamp_02_table", x, y, z, scale=0.62)
    elif kind == "plant":
        room.put("living_plant_02", x, y, z, yaw=rng.uniform(0, 360), scale=0.38)
