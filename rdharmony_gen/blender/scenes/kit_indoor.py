# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell of a room: walls with windows and doors, floor, ceiling, its lamps; and where things stand against them.

A builder writes its room once, with x to the east and y to the north, metres from the middle of the floor; half of
the variants are mirrored east to west by `Room`. Windows look south, where the noon sun is, and east and west, where
the sun rises and sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from rdharmony_gen.blender.assets import manifest
from rdharmony_gen.blender.scenes.kit_finish import Finish
from rdharmony_gen.blender.scenes.kit_shapes import FACING, lattice
from rdharmony_gen.blender.stage import Patch, Place, Stage

WALL_M = 0.26


@dataclass(frozen=True)
class Opening:
    """A window or an open doorway: an interval along its wall (metres from the middle) and its heights."""

    a0: float
    a1: float
    sill: float = 0.55
    head: float = 2.5
    panes: int = 2
    """Side by side; 0 leaves the opening without a frame."""
    transom: float | None = None
    """Height of a bar across."""
    curtains: bool = False


@dataclass(frozen=True)
class Room:
    """A rectangular room in unmirrored coordinates, and the stage on which it is built."""

    stage: Stage
    half_x: float
    half_y: float
    height: float
    finish: Finish
    mirror: float

    @classmethod
    def draw(
        cls, stage: Stage, half_x: tuple[float, float], half_y: tuple[float, float], height: tuple[float, float]
    ) -> "Room":
        """Draw size, side and finish of a room within these bounds, metres."""
        rng = stage.rng("room")
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        x, y, z = (float(rng.uniform(*bounds)) for bounds in (half_x, half_y, height))
        return cls(stage, x, y, z, Finish(stage), mirror)

    def put(
        self, asset_id: str, x: float, y: float, z: float = 0.0, *, yaw: float = 0.0, scale: float = 1.0
    ) -> bpy.types.Object:
        """Place an asset; see `Stage.put`."""
        return self.stage.put(asset_id, self.mirror * x, y, z, yaw=self.mirror * yaw, scale=scale)

    def box(
        self,
        name: str,
        low: Sequence[float],
        high: Sequence[float],
        material: bpy.types.Material,
        *,
        turned: bool = False,
    ) -> bpy.types.Object:
        """A closed box; `turned` lays the grain of its texture the other way."""
        x0, x1 = sorted((self.mirror * low[0], self.mirror * high[0]))
        made = self.stage.box(name, (x0, low[1], low[2]), (x1, high[1], high[2]), material)
        if turned:
            layer = made.data.uv_layers["metres"].data
            uv = np.empty(2 * len(layer), np.float32)
            layer.foreach_get("uv", uv)
            layer.foreach_set("uv", uv.reshape(-1, 2)[:, ::-1].ravel())
        return made

    def turned_box(
        self,
        name: str,
        at: Sequence[float],
        size: Sequence[float],
        yaw: float,
        material: bpy.types.Material,
    ) -> bpy.types.Object:
        """A box of `size` that stands with the middle of its underside at `at`, turned by `yaw` degrees."""
        w, d, h = size
        made = self.stage.box(name, (-w / 2, -d / 2, 0.0), (w / 2, d / 2, h), material)
        made.location = (self.mirror * at[0], at[1], at[2])
        made.rotation_euler[2] = np.radians(self.mirror * yaw)
        return made

    def lathe(
        self,
        name: str,
        at: Sequence[float],
        profile: Sequence[tuple[float, float]],
        material: bpy.types.Material,
        *,
        steps: int = 28,
    ) -> bpy.types.Object:
        """A turned body: `profile` is (radius, height) from below; a point given twice makes a sharp edge."""
        ring = np.linspace(0, 2 * np.pi, steps + 1)
        radius, height = np.array(profile, float).T
        points = np.stack(
            [np.outer(radius, np.cos(ring)), np.outer(radius, np.sin(ring)), np.outer(height, np.ones(steps + 1))], -1
        ).reshape(-1, 3)
        run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(radius), np.diff(height)))])
        uv = np.stack([np.outer(np.ones(len(run)), ring * max(radius.max(), 0.02)), np.outer(run, np.ones(len(ring)))])
        row, i = steps + 1, np.arange(steps)
        faces = [
            np.stack([i + k * row, i + 1 + k * row, i + 1 + (k + 1) * row, i + (k + 1) * row], -1)
            for k in range(len(run) - 1)
            if run[k + 1] > run[k]
        ]
        made = self.stage.surface(name, points, np.concatenate(faces), uv.reshape(2, -1).T, material)
        made.data.shade_smooth()
        made.location = (self.mirror * at[0], at[1], at[2])
        return made

    def patch(self, x0: float, y0: float, x1: float, y1: float, z: float = 0.0) -> Patch:
        """A patch in the coordinates of the stage."""
        low, high = sorted((self.mirror * x0, self.mirror * x1))
        return Patch(low, y0, high, y1, z)

    def wall(self, side: str) -> "Wall":
        """One of its four walls."""
        return Wall(self, side)

    def against(
        self,
        side: str,
        asset_id: str,
        a: float,
        *,
        gap: float = 0.03,
        z: float = 0.0,
        yaw: float = 0.0,
        scale: float = 1.0,
    ) -> bpy.types.Object:
        """Place an asset with its back to a wall, `a` metres along it, turned by a few degrees `yaw`."""
        depth = manifest()[asset_id]["size_m"][1] * scale
        x, y = self.wall(side).at(a, depth / 2 + gap)
        return self.put(asset_id, x, y, z, yaw=FACING[side] + yaw, scale=scale)

    def pendant(self, x: float, y: float, drop: float, watts: float = 36.0) -> None:
        """A hanging lamp of this power whose shade ends `drop` metres under the ceiling."""
        z = self.height - drop
        self.put("bar_hanging_light_01", x, y, z)
        self.stage.lamps[-1] = (self.stage.lamps[-1][0], watts)
        if drop > 0.68:
            self.box("cable", (x - 0.008, y - 0.008, z + 0.64), (x + 0.008, y + 0.008, self.height), self.finish.dark)

    def panel(self, x: float, y: float, size: tuple[float, float], watts: float) -> None:
        """A lit panel in the ceiling."""
        w, d = size[0] / 2, size[1] / 2
        z = self.height
        self.box(
            "panel_rim", (x - w - 0.03, y - d - 0.03, z - 0.035), (x + w + 0.03, y + d + 0.03, z), self.finish.trim
        )
        self.box("panel", (x - w, y - d, z - 0.04), (x + w, y + d, z - 0.03), self.finish.glowing(0.8))
        self.stage.panel((self.mirror * x, y, z - 0.05), size, watts)

    def place(
        self, stand: Sequence[Patch], tops: Sequence[Patch], drive: Sequence[Patch] = (), margin: float = 0.3
    ) -> Place:
        """What `build` returns: the camera stays `margin` off the walls; vehicles stand on `drive`, else on `stand`."""
        x, y = self.half_x - margin, self.half_y - margin
        return Place(
            stand=tuple(stand),
            drive=tuple(drive or stand),
            tops=tuple(tops),
            camera_room=((-x, -y, 0.6), (x, y, self.height - 0.4)),
            indoor=True,
        )


@dataclass(frozen=True)
class Wall:
    """One wall from inside: `a` runs along it (eastwards or northwards), `d` into the room."""

    room: Room
    side: str

    @property
    def half(self) -> float:
        """Half its length."""
        return self.room.half_x if self.side in ("north", "south") else self.room.half_y

    def at(self, a: float, d: float) -> tuple[float, float]:
        """The point (x, y) of the room that lies `a` along the wall and `d` before it; behind it when negative."""
        if self.side in ("north", "south"):
            sign = 1.0 if self.side == "north" else -1.0
            return a, sign * (self.room.half_y - d)
        sign = 1.0 if self.side == "east" else -1.0
        return sign * (self.room.half_x - d), a

    def block(
        self,
        name: str,
        along: tuple[float, float],
        heights: tuple[float, float],
        depths: tuple[float, float],
        material: bpy.types.Material,
        *,
        turned: bool = False,
    ) -> bpy.types.Object:
        """A box given by its intervals along the wall, in height and into the room."""
        xs, ys = zip(self.at(along[0], depths[0]), self.at(along[1], depths[1]), strict=True)
        low, high = (min(xs), min(ys), heights[0]), (max(xs), max(ys), heights[1])
        return self.room.box(name, low, high, material, turned=turned)

    def build(self, material: bpy.types.Material, openings: Sequence[Opening] = ()) -> None:
        """The wall itself around its openings, with their frames, sills, curtains and portals, and a skirting."""
        finish, height = self.room.finish, self.room.height
        edge = -self.half
        for o in sorted(openings, key=lambda o: o.a0):
            self.block("wall", (edge, o.a0), (0.0, height), (-WALL_M, 0.0), material)
            self._skirting(edge, o.a0)
            if o.sill > 0.02:
                self.block("wall", (o.a0, o.a1), (0.0, o.sill), (-WALL_M, 0.0), material)
                if o.sill > 0.15:
                    self._skirting(o.a0, o.a1)
                    self.block("sill", (o.a0 - 0.06, o.a1 + 0.06), (o.sill - 0.045, o.sill), (-0.06, 0.12), finish.trim)
            if o.head < height - 0.02:
                self.block("wall", (o.a0, o.a1), (o.head, height), (-WALL_M, 0.0), material)
            if o.panes:
                self._frame(o)
            if o.curtains:
                reach = min(0.45, 0.16 * (o.a1 - o.a0) + 0.1)
                self._curtain(o.a0 - 0.34, o.a0 - 0.34 + reach, o.head)
                self._curtain(o.a1 + 0.34 - reach, o.a1 + 0.34, o.head)
                self.block(
                    "rail", (o.a0 - 0.4, o.a1 + 0.4), (o.head + 0.12, o.head + 0.145), (0.08, 0.105), finish.dark
                )
            self.portal((o.a0, o.a1), (o.sill, o.head))
            edge = o.a1
        self.block("wall", (edge, self.half), (0.0, height), (-WALL_M, 0.0), material)
        self._skirting(edge, self.half)

    def portal(self, along: tuple[float, float], heights: tuple[float, float], depth: float = WALL_M) -> None:
        """Light comes in through this opening of the wall, `depth` metres thick; see `Stage.portal`."""
        (x, y), side = self.at(sum(along) / 2, -depth), self.side
        if self.room.mirror < 0:
            side = {"east": "west", "west": "east"}.get(side, side)
        size = (along[1] - along[0], heights[1] - heights[0])
        self.room.stage.portal((self.room.mirror * x, y), sum(heights) / 2, size, side)

    def _skirting(self, a0: float, a1: float) -> None:
        if a1 - a0 > 0.02:
            self.block("skirting", (a0, a1), (0.0, 0.09), (0.0, 0.014), self.room.finish.trim)

    def _frame(self, o: Opening) -> None:
        trim, depths = self.room.finish.frame, (-0.15, -0.09)
        for k in range(o.panes + 1):
            a = o.a0 + (o.a1 - o.a0) * k / o.panes
            a = float(np.clip(a, o.a0 + 0.03, o.a1 - 0.03))
            self.block("frame", (a - 0.03, a + 0.03), (o.sill, o.head), depths, trim)
        rows = [o.sill + 0.03, o.head - 0.03] + ([o.transom] if o.transom else [])
        for z in rows:
            self.block("frame", (o.a0, o.a1), (z - 0.03, z + 0.03), depths, trim)

    def _curtain(self, a0: float, a1: float, head: float) -> None:
        a = np.linspace(a0, a1, 40)
        d = 0.09 + 0.035 * np.sin((a - a0) * 48.0)
        row = np.array([self.at(x, y) for x, y in zip(a, d, strict=True)]) * (self.room.mirror, 1.0)
        curtain(self.room.stage, row, a, head + 0.12, self.room.finish.cloth)

    def door(self, a: float, material: bpy.types.Material, *, width: float = 0.9, height: float = 2.05) -> None:
        """A closed door leaf in its frame, on the face of the wall."""
        finish = self.room.finish
        for a0, a1 in ((a - width / 2 - 0.08, a - width / 2), (a + width / 2, a + width / 2 + 0.08)):
            self.block("door_frame", (a0, a1), (0.0, height), (0.0, 0.035), finish.trim)
        along = (a - width / 2 - 0.08, a + width / 2 + 0.08)
        self.block("door_frame", along, (height, height + 0.08), (0.0, 0.035), finish.trim)
        self.block("door", (a - width / 2, a + width / 2), (0.005, height), (0.0, 0.022), material, turned=False)
        for z0, z1 in ((0.18, 0.92), (1.12, height - 0.16)):
            for s in (-1, 1):
                b0, b1 = sorted((a + s * 0.04, a + s * (width / 2 - 0.1)))
                self.block("door_panel", (b0, b1), (z0, z1), (0.022, 0.03), material)
        handle = a + width / 2 - 0.09
        self.block("handle", (handle - 0.11, handle + 0.015), (1.02, 1.04), (0.06, 0.075), finish.metal)
        self.block("handle", (handle - 0.005, handle + 0.015), (1.02, 1.04), (0.022, 0.06), finish.metal)


def curtain(stage: Stage, row: np.ndarray, along: np.ndarray, top: float, cloth: bpy.types.Material) -> None:
    """Cloth that hangs from the height `top` over the points (N, 2) to the floor; `along` (N,) is metres of cloth."""
    points = np.concatenate([np.column_stack([row, np.full(len(row), z)]) for z in (0.03, top)])
    uv = np.column_stack([np.tile(along, 2), points[:, 2]])
    stage.surface("curtain", points, lattice(len(row)), uv, cloth).data.shade_smooth()


def shell(room: Room, openings: Mapping[str, Sequence[Opening]], accent: str = "") -> None:
    """Floor, ceiling and four walls; the wall named `accent` gets the second material of the finish."""
    x, y, z, finish = room.half_x + WALL_M, room.half_y + WALL_M, room.height, room.finish
    room.stage.box("floor", (-x, -y, -0.2), (x, y, 0.0), finish.floor)
    room.stage.box("ceiling", (-x, -y, z), (x, y, z + 0.2), finish.ceiling)
    for side in ("south", "west", "east", "north"):
        room.wall(side).build(finish.accent if side == accent else finish.wall, openings.get(side, ()))
    for sx in (-1, 1):  # the corners outside the walls' ends let no light in
        for sy in (-1, 1):
            low = min(sx * room.half_x, sx * x), min(sy * room.half_y, sy * y), -0.2
            high = max(sx * room.half_x, sx * x), max(sy * room.half_y, sy * y), z + 0.1
            room.stage.box("corner", low, high, finish.wall)


def beams(room: Room, count: int, material: bpy.types.Material, size: tuple[float, float] = (0.14, 0.2)) -> None:
    """Beams under the ceiling from south to north; `size` is width and depth in metres."""
    for x in np.linspace(-room.half_x, room.half_x, count + 2)[1:-1]:
        low, high = (x - size[0] / 2, -room.half_y, room.height - size[1]), (x + size[0] / 2, room.half_y, room.height)
        room.box("beam", low, high, material, turned=False)


def windows(
    half: float,
    count: int,
    width: float,
    *,
    sill: float,
    head: float,
    panes: int = 2,
    shift: float = 0.0,
    **more: object,
) -> list[Opening]:
    """Equal windows spread evenly over a wall of length 2 `half`, moved by `shift` metres along it."""
    step = 2 * half / count
    middles = [-half + step * (k + 0.5) + shift for k in range(count)]
    width = min(width, step - 0.3)
    return [Opening(m - width / 2, m + width / 2, sill, head, panes, **more) for m in middles]  # ty: ignore
