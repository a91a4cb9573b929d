# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of our own: boxes, beams and quads gathered into one object, drums, logs, marks on the ground, letters.

All lengths in metres, +X is east and +Y north. A `side` names where a thing stands; its front looks to the middle.
"""

from collections.abc import Sequence

import bpy
import numpy as np

from rdharmony_gen.blender.stage import Stage

Box = tuple[Sequence[float], Sequence[float]]
Point = Sequence[float] | np.ndarray

FACING = {"north": 0.0, "south": 180.0, "east": -90.0, "west": 90.0}
"""Yaw in degrees that turns what stands on this side towards the middle of the place or room."""


def lattice(columns: int, rows: int = 2) -> np.ndarray:
    """Faces (M, 4) between neighbouring rows of points, each row `columns` long and stored after the one before."""
    i = np.arange(columns - 1)
    between = np.stack([i, i + 1, i + 1 + columns, i + columns], -1)
    return np.concatenate([between + k * columns for k in range(rows - 1)])


class Quads:
    """Many small flat parts gathered into one mesh with textures in metres."""

    def __init__(self) -> None:
        self.points: list[np.ndarray] = []
        self.uv: list[np.ndarray] = []

    def add(self, a: Point, b: Point, c: Point, d: Point) -> None:
        """Four corners, anti-clockwise from outside; the texture's second direction runs from `b` to `c`."""
        corners = np.array([a, b, c, d], float)
        u = corners[1] - corners[0]
        u = u / (np.linalg.norm(u) + 1e-9)
        v = corners[2] - corners[1]
        v = v - u * float(v @ u)
        v = v / (np.linalg.norm(v) + 1e-9)
        self.points.append(corners)
        self.uv.append(np.stack([corners @ u, corners @ v], -1))

    def beam(self, start: Point, end: Point, width: float, height: float, up: Point = (0.0, 0.0, 1.0)) -> None:
        """A squared timber between two points of its middle line; the grain runs along it."""
        p, q = np.array(start, float), np.array(end, float)
        along = (q - p) / np.linalg.norm(q - p)
        reference = np.array(up, float) if abs(float(along @ np.array(up))) < 0.95 else np.array([0.0, 1.0, 0.0])
        side = np.cross(along, reference)
        side = side / np.linalg.norm(side)
        over = np.cross(side, along) * height / 2
        side = side * width / 2
        ring = (-side - over, side - over, side + over, -side + over)
        for k in range(4):
            first, second = ring[k], ring[(k + 1) % 4]
            self.add(p + first, p + second, q + second, q + first)
        self.add(*(q + r for r in ring))
        self.add(*(p + r for r in ring[::-1]))

    def block(self, low: Point, high: Point) -> None:
        """A box along the axes; the grain runs along its longest side."""
        a, b = np.array(low, float), np.array(high, float)
        axis = int(np.argmax(b - a))
        middle, size = (a + b) / 2, b - a
        start, end = middle.copy(), middle.copy()
        start[axis], end[axis] = a[axis], b[axis]
        others = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[axis]
        up = (0.0, 1.0, 0.0) if axis == 2 else (0.0, 0.0, 1.0)
        self.beam(start, end, size[others[0]], size[others[1]], up)

    def build(
        self, stage: Stage, name: str, material: bpy.types.Material, at: Point = (0, 0, 0), yaw: float = 0.0
    ) -> None:
        """Put the mesh into the scene, turned by `yaw` degrees and moved to `at`."""
        if not self.points:
            return
        points = np.concatenate(self.points)
        made = stage.surface(name, points, np.arange(len(points)).reshape(-1, 4), np.concatenate(self.uv), material)
        made.location = tuple(float(c) for c in at)
        made.rotation_euler = (0.0, 0.0, np.radians(yaw))


def boxes(
    stage: Stage,
    name: str,
    parts: Sequence[Box],
    material: object,
    at: Sequence[float] = (0.0, 0.0, 0.0),
    yaw: float = 0.0,
) -> bpy.types.Object:
    """Several closed boxes (low, high) as one object, placed at a point and turned by `yaw` degrees."""
    points, uv = [], []
    for low, high in parts:
        lo, hi = np.minimum(low, high), np.maximum(low, high)
        for axis in range(3):
            u, v = ((1, 2), (0, 2), (0, 1))[axis]
            for end, turn in ((lo, -1), (hi, 1)):
                ring = [(lo[u], lo[v]), (hi[u], lo[v]), (hi[u], hi[v]), (lo[u], hi[v])]
                if turn * (-1 if axis == 1 else 1) < 0:  # anti-clockwise from outside
                    ring.reverse()
                for a, b in ring:
                    corner = np.empty(3)
                    corner[axis], corner[u], corner[v] = end[axis], a, b
                    points.append(corner)
                    uv.append((a, b))
    faces = np.arange(len(points)).reshape(-1, 4)
    made = stage.surface(name, np.array(points), faces, np.array(uv), material)
    made.location, made.rotation_euler = tuple(float(c) for c in at), (0.0, 0.0, np.radians(yaw))
    return made


def drum(
    stage: Stage, name: str, x: float, y: float, radius: float, z0: float, z1: float, material: object, sides: int = 40
) -> bpy.types.Object:
    """An upright cylinder, closed on top: columns, bins, round steps and flower beds."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1) * radius + (x, y)
    wall = np.concatenate([np.column_stack([ring, np.full(sides + 1, z)]) for z in (z0, z1)])
    wall_uv = np.concatenate([np.stack([angle * radius, np.full(sides + 1, z)], -1) for z in (z0, z1)])
    top = np.concatenate([np.column_stack([ring, np.full(sides + 1, z1)]), [[x, y, z1]]])
    i = np.arange(sides)
    first = 2 * (sides + 1)
    quads = lattice(sides + 1).tolist()
    caps = np.stack([first + i, first + i + 1, np.full(sides, first + sides + 1)], -1).tolist()
    points, uv = np.concatenate([wall, top]), np.concatenate([wall_uv, top[:, :2]])
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], quads + caps)
    layer = mesh.uv_layers.new(name="metres")
    corners = np.array([c for face in quads + caps for c in face])
    layer.data.foreach_set("uv", uv[corners].astype(np.float32).ravel())
    mesh.materials.append(material)
    mesh.polygons.foreach_set("use_smooth", [True] * sides + [False] * sides)
    made = bpy.data.objects.new(name, mesh)
    stage.collection.objects.link(made)
    return made


def log(
    stage: Stage,
    name: str,
    start: Point,
    end: Point,
    radius: float,
    bark: bpy.types.Material,
    cut: bpy.types.Material,
    sides: int = 18,
) -> None:
    """A round timber, bale or stump between two points of its axis; `cut` covers its two ends."""
    p, q = np.array(start, float), np.array(end, float)
    along = (q - p) / np.linalg.norm(q - p)
    side = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
    side = side / np.linalg.norm(side)
    over = np.cross(side, along)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    rim = radius * (np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * over)
    i = np.arange(sides)
    points = np.concatenate([p + rim, q + rim])
    length = float(np.linalg.norm(q - p))
    uv = np.concatenate([np.column_stack([angle * radius, np.full(sides + 1, v)]) for v in (0.0, length)])
    stage.surface(name, points, lattice(sides + 1), uv, bark).data.shade_smooth()
    flat = np.column_stack([np.cos(angle), np.sin(angle)]) * radius
    for centre, order in ((p, (1, 0)), (q, (0, 1))):
        points = np.concatenate([centre + rim, centre[None]])
        faces = np.stack([i + order[0], i + order[1], np.full(sides, sides + 1)], -1)[:, ::-1]
        stage.surface(f"{name}_end", points, faces, np.concatenate([flat, [[0.0, 0.0]]]), cut)


def marks(stage: Stage, name: str, rectangles: Sequence[Sequence[float]], material: object, z: float) -> None:
    """Level rectangles (x0, y0, x1, y1) as one object: lines, zebra crossings, bands of paving."""
    r = np.asarray(rectangles, float)
    corners = r[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    points = np.column_stack([corners, np.full(len(corners), z)])
    stage.surface(name, points, np.arange(len(points)).reshape(-1, 4), corners, material)


def arrow(stage: Stage, x: float, y: float, yaw: float, material: object, z: float) -> None:
    """An arrow on the ground, 2.4 long, that points to +X at `yaw` 0."""
    points = np.array([[-1.2, -0.08], [0.2, -0.08], [0.2, 0.08], [-1.2, 0.08], [0.2, -0.3], [1.2, 0.0], [0.2, 0.3]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6]])
    made = stage.surface("arrow", np.column_stack([points, np.zeros(7)]), faces, points, material)
    made.location, made.rotation_euler = (x, y, z), (0.0, 0.0, np.radians(yaw))


def dashes(start: float, stop: float, y: float, skip: tuple[float, float] = (0.0, 0.0)) -> list[list[float]]:
    """Rectangles of a broken line along X; none within `skip`."""
    return [[x, y - 0.06, x + 2.4, y + 0.06] for x in np.arange(start, stop, 5.0) if not skip[0] - 2.4 < x < skip[1]]


def zebra(x0: float, x1: float, y0: float, y1: float) -> list[list[float]]:
    """Rectangles of a crossing over a road along X."""
    return [[x0, y, x1, y + 0.5] for y in np.arange(y0 + 0.3, y1 - 0.6, 1.0)]


def lettering(
    stage: Stage,
    text: str,
    at: Sequence[float],
    height: float,
    material: object,
    side: str = "north",
    *,
    fit: float = np.inf,
) -> bpy.types.Object:
    """Letters centred at a point, read by one who looks towards `side`; "road": flat, for westbound traffic.

    They are `height` tall, or less when the text would be wider than `fit`.
    """
    curve = bpy.data.curves.new("lettering", "FONT")
    curve.body, curve.size, curve.extrude, curve.align_x = text, height * 1.4, 0.012, "CENTER"
    holder = bpy.data.objects.new("lettering", curve)
    stage.collection.objects.link(holder)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(holder.evaluated_get(depsgraph), depsgraph=depsgraph)
    bpy.data.objects.remove(holder)
    bpy.data.curves.remove(curve)
    mesh.name = "lettering"
    mesh.materials.clear()
    mesh.materials.append(material)
    made = bpy.data.objects.new("lettering", mesh)
    shrink = min(1.0, fit / max(v.co.x for v in mesh.vertices) / 2)
    made.scale, height = (shrink, shrink, 1.0), height * shrink
    x, y, z = (float(v) for v in at)
    if side == "road":
        made.location, made.rotation_euler = (x + height / 2, y, z - 0.007), (0.0, 0.0, np.pi / 2)
    else:
        made.location, made.rotation_euler = (x, y, z - height / 2), (np.pi / 2, 0.0, np.radians(FACING[side]))
    stage.collection.objects.link(made)
    return made
