# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene builder works with: put an asset, lay a ground, raise a wall, hang a lamp; and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

from rdharmony_gen.blender import materials
from rdharmony_gen.blender.assets import AssetLibrary, manifest
from rdharmony_gen.blender.framing import FixedCamera, SceneCharacter
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.condition import RGB

FOLIAGE = {"tree", "tree_card", "bush", "bush_card"}
PAINTS = (
    (0.45, 0.02, 0.02),
    (0.02, 0.06, 0.25),
    (0.55, 0.55, 0.56),
    (0.03, 0.03, 0.035),
    (0.7, 0.7, 0.68),
    (0.03, 0.14, 0.07),
    (0.5, 0.28, 0.02),
    (0.10, 0.25, 0.38),
)


@dataclass(frozen=True)
class LampModel:
    """How a lamp asset shines: which materials glow, where the light comes from (metres), how strongly."""

    glowing: tuple[str, ...]
    light_at: tuple[float, float, float]
    watts: float
    glow: float


LAMPS = {
    "lamp_01_park": LampModel(("park_light_bulb", "park_light_lens"), (0.0, -0.12, 2.58), 190.0, 1.2),
    "lamp_02_classic": LampModel(("glass",), (0.0, 0.0, 2.28), 180.0, 1.0),
    "lamp_03_round": LampModel(("cristal_blanco", "luz_lamp"), (0.0, 0.0, 2.35), 180.0, 1.0),
    "lamp_04_street": LampModel(("glass",), (0.0, -0.51, 6.55), 420.0, 2.0),
    "living_lamp_01": LampModel(("squares_001", "whitesop", "plastic_001"), (0.0, -0.09, 1.32), 30.0, 0.9),
    "living_lamp_02_table": LampModel(("lamp_shade", "frosted_bulb"), (0.0, 0.0, 0.70), 16.0, 0.9),
    "bar_hanging_light_01": LampModel(("frosted_bulb",), (0.0, 0.0, -0.04), 30.0, 2.0),
}


@dataclass(frozen=True)
class Patch:
    """A rectangle of level ground on which a subject may stand, metres."""

    x0: float
    y0: float
    x1: float
    y1: float
    z: float = 0.0

    def draw(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """A point on it."""
        return float(rng.uniform(self.x0, self.x1)), float(rng.uniform(self.y0, self.y1)), self.z

    @property
    def area(self) -> float:
        """Square metres."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


@dataclass(frozen=True)
class Place:
    """A built scene as the camera and the subject need to know it.

    Attributes:
        stand: where a subject may stand, in order of preference for large subjects as well.
        drive: where a vehicle may stand.
        tops: table tops and the like for small things, as patches at their height.
        camera_room: the box (low, high) that the camera must stay in.
        indoor: no sky is expected in the picture.
        sky_share: how much of the upper part of the picture is best sky.
        cameras: of the user's scene; views are seen through them.
        characters: of the user's scene; nobody else is put into it.
    """

    stand: tuple[Patch, ...]
    drive: tuple[Patch, ...]
    tops: tuple[Patch, ...]
    camera_room: tuple[tuple[float, float, float], tuple[float, float, float]]
    indoor: bool = False
    sky_share: float = 0.3
    cameras: tuple[FixedCamera, ...] = ()
    characters: tuple[SceneCharacter, ...] = ()


def _mark_panes(mesh: bpy.types.Mesh, slot: int) -> None:
    """Give the panes of one window one random number, so that a whole window is lit or dark: face attribute `pane`."""
    flat = np.empty(len(mesh.polygons) * 3, np.float32)
    mesh.polygons.foreach_get("center", flat)
    slots = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    glass = np.flatnonzero(slots == slot)
    centres = flat.reshape(-1, 3)[glass]
    near = np.linalg.norm(centres[:, None] - centres[None], axis=-1) < 0.75
    label = np.arange(len(glass))
    for _ in range(12):  # the smallest number among the neighbours spreads through a window
        label = np.where(near, label[None], len(glass)).min(axis=1)
    value = np.zeros(len(mesh.polygons), np.float32)
    value[glass] = np.abs(np.sin((label + 1) * 12.9898) * 43758.5453) % 1.0
    attribute = mesh.attributes.get("pane") or mesh.attributes.new("pane", "FLOAT", "FACE")
    attribute.data.foreach_set("value", value)


@dataclass
class Stage:
    """The scene under construction and the switches of its practical lights."""

    seed: int
    kind: str
    variation: int
    library: AssetLibrary
    collection: bpy.types.Collection = field(default_factory=lambda: bpy.context.scene.collection)
    lamps: list[tuple[bpy.types.Object, float]] = field(default_factory=list)
    glowing: list[tuple[bpy.types.Material, float]] = field(default_factory=list)
    windows: list[bpy.types.Material] = field(default_factory=list)
    _dressed: set[str] = field(default_factory=set)

    def rng(self, *path: str | int) -> np.random.Generator:
        """The generator of one named decision about this place."""
        return rng_for(self.seed, "scene", self.kind, self.variation, *path)

    def put(
        self, asset_id: str, x: float, y: float, z: float = 0.0, *, yaw: float = 0.0, scale: float = 1.0
    ) -> bpy.types.Object:
        """Place an asset; the mesh is shared between all its copies. `yaw` in degrees, 0 keeps it facing -Y."""
        mesh = self.library.mesh(asset_id)
        self.dress(asset_id, mesh)
        placed = bpy.data.objects.new(asset_id, mesh)
        placed.location = (x, y, z)
        placed.rotation_euler = (0.0, 0.0, np.radians(yaw))
        placed.scale = (scale, scale, scale)
        self.collection.objects.link(placed)
        if asset_id in LAMPS:
            self._light(LAMPS[asset_id], placed)
        return placed

    def dress(self, asset_id: str, mesh: bpy.types.Mesh, paint: RGB | None = None) -> None:
        """Replace imported materials that need it: leaves, windows, lamps, car paint (drawn if None). Once a mesh."""
        if asset_id in self._dressed:
            return
        self._dressed.add(asset_id)
        entry = manifest()[asset_id]
        rng = self.rng("materials", asset_id)
        paint = paint or PAINTS[int(rng.integers(len(PAINTS)))]
        for slot, material in enumerate(mesh.materials):
            if material is None:
                continue
            name = material.name.lower()
            if entry["category"] in FOLIAGE:
                tint = 1.0 + rng.uniform(-0.12, 0.12, 3) * (1.0, 0.6, 0.6)
                tint = tint * (2.6 if "grass" in asset_id else 0.95)
                materials.foliage(material, cutout=entry["category"].endswith("_card"), tint=tuple(tint))
            elif name.startswith("window_glass") and entry["category"] == "building":
                materials.window_glass(material)
                self.windows.append(material)
                _mark_panes(mesh, slot)
            elif asset_id in LAMPS and name.startswith(LAMPS[asset_id].glowing):
                materials.lamp_glass(material)
                self.glowing.append((material, LAMPS[asset_id].glow))
            elif asset_id == "bar_hanging_light_01" and name.startswith("shade"):
                materials.enamel(material, (0.62, 0.58, 0.50))
            elif entry["category"] in ("car", "bus", "truck", "motorcycle"):
                if name.startswith(
                    (
                        "firstcolor",
                        "first_color",
                        "carpaint",
                        "paint_yellow",
                        "paint_lt_blue",
                        "color_exterior",
                        "chapa_roja",
                        "color_beige",
                    )
                ):
                    materials.car_paint(material, paint)
                elif "glass" in name or name.startswith(("cristales", "sweethome3d_window")):
                    materials.car_glass(material)

    def _light(self, model: LampModel, holder: bpy.types.Object) -> None:
        scale, yaw = holder.scale[0], holder.rotation_euler[2]
        x, y, z = (c * scale for c in model.light_at)
        at = (
            holder.location[0] + x * np.cos(yaw) - y * np.sin(yaw),
            holder.location[1] + x * np.sin(yaw) + y * np.cos(yaw),
            holder.location[2] + z,
        )
        self.lamp(at, model.watts)

    def lamp(self, at: Sequence[float], watts: float, radius: float = 0.12) -> None:
        """A practical light: off until a condition with lamps turns it on."""
        light = bpy.data.lights.new("lamp", "POINT")
        light.shadow_soft_size = radius
        holder = bpy.data.objects.new("lamp", light)
        holder.location = tuple(float(c) for c in at)
        self.collection.objects.link(holder)
        self.lamps.append((holder, watts))

    def panel(self, at: Sequence[float], size: tuple[float, float], watts: float) -> None:
        """A practical light that shines down from a rectangle, `size` metres east to west and north to south."""
        light = bpy.data.lights.new("panel", "AREA")
        light.shape = "RECTANGLE"
        light.size, light.size_y = size
        holder = bpy.data.objects.new("panel", light)
        holder.location = tuple(float(c) for c in at)
        self.collection.objects.link(holder)
        self.lamps.append((holder, watts))

    def portal(self, at: Sequence[float], z: float, size: tuple[float, float], side: str) -> None:
        """Tell the path tracer that the sky comes in through this opening: less noise, no light of its own."""
        light = bpy.data.lights.new("portal", "AREA")
        light.shape = "RECTANGLE"
        light.size, light.size_y = size
        light.cycles.is_portal = True
        holder = bpy.data.objects.new("portal", light)
        holder.location = (float(at[0]), float(at[1]), z)
        turn = {"north": 0.0, "west": 90.0, "south": 180.0, "east": 270.0}[side]
        holder.rotation_euler = (np.pi / 2, 0.0, np.radians(turn + 180.0))
        self.collection.objects.link(holder)

    def surface(
        self, name: str, points: np.ndarray, faces: np.ndarray, uv: np.ndarray, material: bpy.types.Material
    ) -> bpy.types.Object:
        """A mesh of our own.

        Args:
            name: of the object.
            points: (N, 3) metres.
            faces: (M, 4) or (M, 3) vertex numbers, anti-clockwise from outside.
            uv: (N, 2) texture position of each point, in metres.
            material: of all faces.
        """
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(np.asarray(points, float).tolist(), [], np.asarray(faces).tolist())
        layer = mesh.uv_layers.new(name="metres")
        layer.data.foreach_set("uv", np.asarray(uv, np.float32)[np.asarray(faces).ravel()].ravel())
        mesh.materials.append(material)
        made = bpy.data.objects.new(name, mesh)
        self.collection.objects.link(made)
        return made

    def floor(
        self, name: str, x0: float, y0: float, x1: float, y1: float, material: bpy.types.Material, z: float = 0.0
    ) -> bpy.types.Object:
        """A level rectangle."""
        points = np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]])
        return self.surface(name, points, np.array([[0, 1, 2, 3]]), points[:, :2], material)

    def strip(
        self, name: str, line: np.ndarray, width: float, material: bpy.types.Material, z: float
    ) -> bpy.types.Object:
        """A path of the given width along a line (N, 2)."""
        along = np.gradient(line, axis=0)
        side = np.stack([-along[:, 1], along[:, 0]], -1)
        side = side / np.linalg.norm(side, axis=1, keepdims=True) * width / 2
        points = np.concatenate([line + side, line - side])
        count = len(line)
        i = np.arange(count - 1)
        faces = np.stack([i + count, i + count + 1, i + 1, i], -1)
        return self.surface(name, np.column_stack([points, np.full(2 * count, z)]), faces, points, material)

    def box(
        self, name: str, low: Sequence[float], high: Sequence[float], material: bpy.types.Material
    ) -> bpy.types.Object:
        """A closed box with textures in metres on every side: kerbs, walls, sills, table tops."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        quads = [
            ([x0, y0, z0], [x1, y0, z0], [x1, y0, z1], [x0, y0, z1], (0, 2)),
            ([x1, y1, z0], [x0, y1, z0], [x0, y1, z1], [x1, y1, z1], (0, 2)),
            ([x1, y0, z0], [x1, y1, z0], [x1, y1, z1], [x1, y0, z1], (1, 2)),
            ([x0, y1, z0], [x0, y0, z0], [x0, y0, z1], [x0, y1, z1], (1, 2)),
            ([x0, y0, z1], [x1, y0, z1], [x1, y1, z1], [x0, y1, z1], (0, 1)),
            ([x0, y1, z0], [x1, y1, z0], [x1, y0, z0], [x0, y0, z0], (0, 1)),
        ]
        points = np.array([corner for quad in quads for corner in quad[:4]], float)
        uv = np.concatenate([np.array(quad[:4], float)[:, list(quad[4])] for quad in quads])
        return self.surface(name, points, np.arange(24).reshape(6, 4), uv, material)

    def belt(
        self,
        name: str,
        cards: Sequence[str],
        angles_deg: np.ndarray,
        radii: np.ndarray,
        scales: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """A ring of tree pictures that face the middle: the closed background of an outdoor place.

        Args:
            name: of the objects.
            cards: asset ids of tree cards.
            angles_deg: (N,) compass directions.
            radii: (N,) metres from the middle.
            scales: (N,) of the card's own height.
            rng: picks a card for each.
        """
        pick = rng.integers(len(cards), size=len(angles_deg))
        for number, card in enumerate(cards):
            mesh = self.library.mesh(card)
            self.dress(card, mesh)
            width, _, height = manifest()[card]["size_m"]
            mine = np.flatnonzero(pick == number)
            if not len(mine):
                continue
            angle = np.radians(angles_deg[mine] + 0.0)
            middle = np.stack([np.sin(angle), np.cos(angle)], -1) * radii[mine, None]
            side = (
                np.stack([np.cos(angle), -np.sin(angle)], -1)
                * (width / 2 * scales[mine] * rng.choice([-1.0, 1.0], len(mine)))[:, None]
            )
            top = height * scales[mine]
            points = np.concatenate(
                [
                    np.column_stack([middle + s * side, z])
                    for s, z in ((-1, top * 0 - 0.1), (1, top * 0 - 0.1), (1, top), (-1, top))
                ]
            )
            i, count = np.arange(len(mine)), len(mine)
            faces = np.stack([i, i + count, i + 2 * count, i + 3 * count], -1)
            uv = np.repeat(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float), count, axis=0)
            self.surface(f"{name}_{card}", points, faces, uv, mesh.materials[0])

    def hills(
        self, name: str, radius: float, height: float, material: bpy.types.Material, *, low_sides: bool = True
    ) -> None:
        """A ring of far hills; lower in the east and west, where the sun rises and sets."""
        rng = self.rng(name)
        count = 96
        azimuth = np.linspace(0, 2 * np.pi, count, endpoint=False)
        wave = sum(np.sin(azimuth * k + rng.uniform(0, 6.28)) / k for k in (3, 5, 9, 14))
        crest = height * (0.8 + 0.25 * wave) * (1 - (0.72 * np.sin(azimuth) ** 4 if low_sides else 0.0))
        ring = np.stack([np.sin(azimuth), np.cos(azimuth)], -1)
        rows = [
            np.column_stack([ring * radius, np.full(count, -0.5)]),
            np.column_stack([ring * radius * 1.15, crest * 0.7]),
            np.column_stack([ring * radius * 1.4, crest]),
        ]
        points = np.concatenate(rows)
        i = np.arange(count)
        j = (i + 1) % count
        faces = np.concatenate([np.stack([i + r, j + r, j + r + count, i + r + count], -1) for r in (0, count)])
        made = self.surface(name, points, faces, points[:, :2], material)
        made.data.shade_smooth()
