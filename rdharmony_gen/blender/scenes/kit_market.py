# SPDX-License-Identifier: GPL-3.0-or-later
"""What people put out: stalls with their wares, café tables, awnings, strings of bulbs, the washing. Metres."""

from collections.abc import Sequence

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.scenes.kit_draw import pick, some
from rdharmony_gen.blender.scenes.kit_shapes import FACING, Box, boxes, lattice
from rdharmony_gen.blender.scenes.kit_surfaces import Colour, cloth, wood
from rdharmony_gen.blender.stage import Patch, Stage

FRUIT: tuple[tuple[str, float, Colour], ...] = (
    ("orange", 0.042, (0.80, 0.27, 0.02)),
    ("tomato", 0.038, (0.58, 0.035, 0.02)),
    ("lemon", 0.034, (0.82, 0.62, 0.06)),
    ("plum", 0.027, (0.10, 0.02, 0.10)),
    ("potato", 0.040, (0.42, 0.28, 0.13)),
    ("cabbage", 0.085, (0.26, 0.42, 0.09)),
    ("lime", 0.033, (0.20, 0.42, 0.04)),
    ("aubergine", 0.048, (0.045, 0.012, 0.05)),
)


def cafe(stage: Stage, x: float, y: float, z: float, rng: np.random.Generator, chair: str, *, parasol: bool) -> Patch:
    """A round table with two or three chairs, under a parasol or the open sky; returns the table's top."""
    turn = rng.uniform(0, 360)
    for angle in (0, 180) if rng.random() < 0.6 else (0, 120, 240):
        a = np.radians(turn + angle)
        face = turn + angle - 90 + rng.uniform(-14, 14)
        stage.put(chair, x + 0.78 * np.cos(a), y + 0.78 * np.sin(a), z, yaw=face)
    stage.put("bar_cafe_table_01", x, y, z)
    if parasol:
        a = np.radians(turn + 60)
        stage.put("parasol_01", x + 0.62 * np.cos(a), y + 0.62 * np.sin(a), z, yaw=turn, scale=1.22)
    return Patch(x - 0.1, y - 0.1, x + 0.1, y + 0.1, z + 0.739)


def tray(
    stage: Stage,
    fruit: tuple[str, float, Colour],
    at: Sequence[float],
    yaw: float,
    box_wood: object,
    rng: np.random.Generator,
) -> None:
    """A flat crate 0.5 by 0.36 full of fruit, tilted to nobody; `at` is the middle of its floor."""
    w, d, h, t = 0.25, 0.18, 0.10, 0.012
    parts: list[Box] = [
        ((-w, -d, 0), (w, d, t)),
        ((-w, -d, 0), (w, -d + t, h)),
        ((-w, d - t, 0), (w, d, h)),
        ((-w, -d, 0), (-w + t, d, h)),
        ((w - t, -d, 0), (w, d, h)),
    ]
    boxes(stage, "tray", parts, box_wood, at, yaw)
    name, radius, colour = fruit
    skin = bpy.data.materials.get(f"fruit_{name}") or materials.plain(f"fruit_{name}", colour, 0.4)
    columns, rows = max(1, int((2 * w - 2 * t) / (1.9 * radius))), max(1, int((2 * d - 2 * t) / (1.9 * radius)))
    grid = np.stack(np.meshgrid(np.arange(columns) - (columns - 1) / 2, np.arange(rows) - (rows - 1) / 2), -1)
    flat = grid.reshape(-1, 2) * (2 * (w - t - radius) / max(1, columns - 1), 2 * (d - t - radius) / max(1, rows - 1))
    centres = np.column_stack([flat, h - radius * 0.25 + rng.uniform(0, 0.5, len(flat)) * radius])
    _heap(stage, name, centres, radius, rng, skin, at, yaw)


def _heap(
    stage: Stage,
    name: str,
    centres: np.ndarray,
    radius: float,
    rng: np.random.Generator,
    material: object,
    at: Sequence[float],
    yaw: float,
) -> None:
    around, up = 10, 6
    theta = np.linspace(0, np.pi, up + 1)
    phi = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ball = np.stack(
        [
            np.outer(np.sin(theta), np.cos(phi)),
            np.outer(np.sin(theta), np.sin(phi)),
            np.outer(np.cos(theta), phi * 0 + 1),
        ],
        -1,
    ).reshape(-1, 3)
    r, c = np.meshgrid(np.arange(up), np.arange(around), indexing="ij")
    after = (c + 1) % around
    quad = np.stack([r * around + c, (r + 1) * around + c, (r + 1) * around + after, r * around + after], -1)
    sizes = radius * rng.uniform(0.88, 1.06, (len(centres), 1, 3))
    points = (ball[None] * sizes + centres[:, None]).reshape(-1, 3)
    faces = (quad.reshape(1, -1, 4) + (np.arange(len(centres)) * len(ball))[:, None, None]).reshape(-1, 4)
    made = stage.surface(f"heap_{name}", points, faces, points[:, :2], material)
    made.location, made.rotation_euler = tuple(float(v) for v in at), (0.0, 0.0, np.radians(yaw))
    made.data.shade_smooth()


def stall(
    stage: Stage,
    label: str,
    x: float,
    y: float,
    yaw: float,
    z: float = 0.0,
    *,
    goods: str | None = None,
    lamp: bool = True,
) -> Patch:
    """A market stall 2.6 wide under a striped roof, its front to local -Y; returns the free part of its counter.

    Args:
        stage: to build on.
        label: names its seeded choices.
        x: middle of the counter.
        y: likewise.
        yaw: degrees; a multiple of 90.
        z: ground.
        goods: "fruit", "bottles", "flowers" or "bakery"; drawn when not given.
        lamp: hang a lamp under its roof.
    """
    rng = stage.rng("stall", label)
    kind = goods or pick(rng, ("fruit", "fruit", "bottles", "flowers", "bakery"))
    planks = bpy.data.materials.get("stall_wood") or wood(stage, "stall_wood")
    striped = cloth(stage, f"roof_{label}")
    turn = np.radians(yaw)

    def place(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * np.cos(turn) - dy * np.sin(turn), y + dx * np.sin(turn) + dy * np.cos(turn)

    frame: list[Box] = [
        ((sx - 0.03, sy - 0.03, 0), (sx + 0.03, sy + 0.03, 2.25)) for sx in (-1.3, 1.3) for sy in (-0.4, 0.9)
    ]
    frame += [((-1.36, -0.42, 0.86), (1.36, 0.42, 0.90)), ((-1.3, 0.82, 2.16), (1.3, 0.88, 2.22))]
    boxes(stage, "stall", frame, planks, (x, y, z), yaw)
    boxes(stage, "stall_skirt", [((-1.34, -0.415, 0.12), (1.34, -0.40, 0.86))], striped, (x, y, z), yaw)
    profile = np.array([[-0.80, 1.98], [-0.80, 2.18], [0.25, 2.72], [1.20, 2.18], [1.20, 1.98]])
    points = np.array([[sx, py, pz] for py, pz in profile for sx in (-1.5, 1.5)])
    faces = np.array([[2 * k, 2 * k + 1, 2 * k + 3, 2 * k + 2] for k in range(4)])
    roof = stage.surface("stall_roof", points, faces, points[:, :2], striped)
    roof.location, roof.rotation_euler = (x, y, z), (0.0, 0.0, turn)
    if lamp:
        stage.put("bar_hanging_light_01", *place(0.1, 0.25), z + 2.05)
    top = z + 0.90
    free = 0.86  # this part of the counter, to the east of a stall that faces south, is left to the subject
    if kind == "fruit":
        for column in range(3):
            for line in range(2):
                px, py = place(-1.02 + 0.53 * column, -0.2 + 0.39 * line)
                tray(stage, pick(rng, FRUIT), (px, py, top + 0.045 * line), yaw, planks, rng)
    elif kind == "bottles":
        names = some(rng, ("bottle_01_wine", "bottle_02_wine_red", "bottle_06_green_glass", "bottle_08_amber_glass"), 2)
        for number in range(9):
            px, py = place(-1.15 + 0.17 * number + rng.uniform(-0.02, 0.02), 0.1 + rng.uniform(-0.05, 0.22))
            stage.put(names[number % 2], px, py, top, yaw=rng.uniform(0, 360))
    elif kind == "flowers":
        for number in range(2):
            px, py = place(-0.95 + 0.75 * number, 0.05)
            stage.put("flowerbox_01", px, py, top, yaw=yaw + rng.uniform(-4, 4))
            px, py = place(-1.0 + 0.9 * number, -0.85)
            stage.put(pick(rng, ("living_plant_02", "living_plant_03_indoor")), px, py, z, yaw=rng.uniform(0, 360))
    else:
        for number in range(3):
            px, py = place(-1.0 + 0.5 * number, 0.05 + rng.uniform(-0.1, 0.12))
            stage.put(("cake_04_strawberry", "cake_03_chocolate_cut", "cake_01_birthday")[number], px, py, top)
    px, py = place(rng.uniform(-0.9, 0.9), 1.35)
    stage.put("crate_01", px, py, z, yaw=yaw + rng.uniform(-20, 20))
    ax, ay = place(free - 0.12, -0.12)
    bx, by = place(free + 0.22, 0.12)
    return Patch(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by), top)


def awning(
    stage: Stage, x: float, y: float, z: float, width: float, depth: float, material: object, side: str = "north"
) -> None:
    """Cloth that slopes from a front at (x, y), `z` high, with a short flap at its edge."""
    profile = np.array([[0.0, 0.0], [-depth, -0.42 * depth], [-depth, -0.42 * depth - 0.2]])
    points = np.array([[sx, py, pz] for py, pz in profile for sx in (-width / 2, width / 2)])
    faces = np.array([[2 * k, 2 * k + 2, 2 * k + 3, 2 * k + 1] for k in range(2)])
    made = stage.surface("awning", points, faces, points[:, :2], material)
    made.location, made.rotation_euler = (x, y, z), (0.0, 0.0, np.radians(FACING[side]))


def garland(stage: Stage, start: Sequence[float], stop: Sequence[float], wire: object, bulb: object) -> None:
    """A sagging string of bulbs between two points."""
    a, b = np.array(start, float), np.array(stop, float)
    t = np.linspace(0, 1, 25)
    line = a + (b - a) * t[:, None]
    line[:, 2] -= 0.05 * np.linalg.norm(b - a) * 4 * t * (1 - t)
    points = np.concatenate([line, line + np.array([0, 0, 0.015])])
    stage.surface("wire", points, lattice(len(t)), points[:, :2], wire)
    half = np.array([0.03, 0.03, 0.045])
    boxes(stage, "bulbs", [(p - half - (0, 0, 0.045), p + half - (0, 0, 0.045)) for p in line[1:-1:2]], bulb)


def laundry(stage: Stage, x: float, y: float) -> None:
    """Sheets and shirts of several colours on two lines between posts."""
    rng = stage.rng("laundry")
    steel = materials.plain("laundry_steel", (0.35, 0.36, 0.36), 0.4, 0.6)
    frame = [((-0.5, v - 0.03, 1.9), (0.5, v + 0.03, 1.96)) for v in (-2.6, 2.6)]
    frame += [((-0.03, v - 0.03, 0.0), (0.03, v + 0.03, 1.9)) for v in (-2.6, 2.6)]
    frame += [((u - 0.004, -2.6, 1.93), (u + 0.004, 2.6, 1.938)) for u in (-0.45, 0.45)]
    boxes(stage, "laundry_frame", frame, steel, (x, y, 0.0))
    colours = ((0.75, 0.74, 0.70), (0.16, 0.28, 0.50), (0.55, 0.12, 0.10), (0.70, 0.55, 0.25), (0.30, 0.45, 0.35))
    for u in (-0.45, 0.45):
        v = -2.4
        while (width := float(rng.uniform(0.5, 1.3))) and v + width < 2.4:
            first, second = pick(rng, colours), pick(rng, colours)
            drop, t = float(rng.uniform(0.6, 1.4)), np.linspace(0, 1, 14)
            wave = 0.05 * np.sin(t * rng.uniform(9, 16) + rng.uniform(0, 6))
            top = np.column_stack([np.full(14, u), v + t * width, np.full(14, 1.93)])
            low = np.column_stack([u + wave, v + t * width, np.full(14, 1.93 - drop)])
            points = np.concatenate([top, low]) + np.array([x, y, 0.0])
            linen = materials.canvas("sheet", first, second if rng.random() < 0.4 else first, 0.06)
            stage.surface("sheet", points, lattice(14), points[:, 1:], linen).data.shade_smooth()
            v += width + float(rng.uniform(0.05, 0.3))
