# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene of the user's own as a place: its ground, found with rays, its lamps, its people, its cameras."""

from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from harmonize_core.errors import InputError
from rdharmony_gen.blender.framing import Body, FixedCamera, SceneCharacter
from rdharmony_gen.blender.stage import Patch, Place, Stage
from rdharmony_gen.blender.user_characters import SOLID
from rdharmony_gen.blender.user_files import Findings, append_blend, look_at_files
from rdharmony_gen.spec.user_files import UserScene

GRID = 48
"""Rays along each side of the area that is searched for ground."""
REACH_M = (3.0, 30.0)
"""Half the side of that area lies between these."""
HEADROOM_M, TABLE_M = 2.0, (0.35, 1.3)
FLAT_M = 0.03
SMALLEST_M2 = 1.5
"""Less level ground than this is none."""
LAYERS = 12
"""Surfaces above one another that a column of rays looks at."""


def open_scene(stage: Stage, scene: UserScene, aspect: float) -> Place:
    """Append the file to the empty scene and find its ground; its lights become lamps or stay as they are.

    Args:
        stage: empty.
        scene: a checked file.
        aspect: width by height of the pictures.

    Raises:
        InputError: the file was changed, cannot be read, or has no room for anybody.
    """
    scene.require_unchanged()
    place, problems = _append(stage, Path(scene.path), scene.characters, scene.keep_lights, aspect, Findings())
    if problems:
        raise InputError(f"{scene.path} {problems[0]}")
    return place


def examine_scene(
    stage: Stage, path: Path, collection: str, wanted: bool, findings: Findings
) -> tuple[Place, str] | None:
    """Look at a scene file in an empty session; None when something forbids its use.

    Args:
        stage: empty.
        path: of the .blend.
        collection: name of the collection with the characters, if there is one.
        wanted: the user asked for this name, so a file without it is refused.
        findings: gets problems and remarks.

    Returns:
        The place, and the name of the collection if it holds characters, else "".

    Raises:
        InputError: Blender cannot read it.
    """
    place, problems = _append(stage, path, collection, False, 1.0, findings)
    findings.problems += problems
    if wanted and not place.characters:
        known = ", ".join(sorted(c.name for c in bpy.data.collections)) or "none"
        findings.problems.append(f"has no characters in a collection {collection!r}; its collections: {known}")
    return None if findings.problems else (place, collection if place.characters else "")


def _append(
    stage: Stage, path: Path, collection: str, keep_lights: bool, aspect: float, findings: Findings
) -> tuple[Place, list[str]]:
    appended, source = append_blend(path, findings)
    frame, unit = source.frame_current, float(source.unit_settings.scale_length)
    bpy.data.scenes.remove(source)
    bpy.data.orphans_purge(do_recursive=True)
    look_at_files(path, findings)
    empty = Place((), (), (), ((0, 0, 0), (0, 0, 0)))
    if findings.problems:
        return empty, []
    if abs(unit - 1.0) > 1e-3:
        findings.remarks.append(f"has a unit scale of {unit:g}; its lengths are taken as metres all the same")
    bpy.context.scene.frame_set(frame)
    if not any(o.type in SOLID or o.instance_type == "COLLECTION" for o in appended):
        return empty, ["holds nothing to be seen; save it with its geometry"]
    cameras = _cameras(appended, findings)
    if not keep_lights:
        _take_lights(stage)
    appended = list(bpy.context.scene.objects)
    characters = _characters(collection)
    own = frozenset(name for c in characters for name in c.objects)
    centre, reach = _area(appended, characters, cameras)
    floor, tables, indoor = _ground(centre, reach, own)
    if not floor and not characters:
        return empty, ["has no level ground to stand on; add a floor, or put people into a collection 'Characters'"]
    low = (centre[0] - reach, centre[1] - reach, 0.0)
    top = min((p.z for p in floor), default=0.0) + (2.4 if indoor else 4.0)
    high = (centre[0] + reach, centre[1] + reach, top)
    place = Place(floor, floor, tables, (low, high), indoor, cameras=cameras, characters=characters)
    return place, []


def _cameras(appended: list[bpy.types.Object], findings: Findings) -> tuple[FixedCamera, ...]:
    """The file's perspective cameras in the order of their names, as level pinholes."""
    found = []
    for thing in sorted((o for o in appended if o.type == "CAMERA"), key=lambda o: o.name):
        data, matrix = thing.data, thing.matrix_world
        forward = -(matrix.to_3x3() @ Vector((0, 0, 1))).normalized()
        right = (matrix.to_3x3() @ Vector((1, 0, 0))).normalized()
        if data.type != "PERSP" or abs(forward.z) > 0.95 or abs(right.z) > 0.1:
            findings.remarks.append(
                f"the camera {thing.name!r} is not used: it is tilted, looks straight down or has no perspective"
            )
            continue
        sensor = data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width
        yaw, pitch = float(np.arctan2(forward.x, forward.y)), float(np.arcsin(forward.z))
        x, y, z = (float(v) for v in matrix.translation)
        found.append(FixedCamera((x, y, z), yaw, pitch, float(data.lens / sensor * 36.0)))
    for thing in (o for o in appended if o.type == "CAMERA"):
        bpy.data.objects.remove(thing)
    return tuple(found)


def _take_lights(stage: Stage) -> None:
    """Suns go; other lights become lamps that a style turns on."""
    for thing in sorted((o for o in bpy.context.scene.objects if o.type == "LIGHT"), key=lambda o: o.name):
        if thing.data.type == "SUN":
            bpy.data.objects.remove(thing)
        elif not thing.hide_render:
            if thing.data.users > 1:
                thing.data = thing.data.copy()
            stage.lamps.append((thing, float(thing.data.energy)))


def _characters(collection: str) -> tuple[SceneCharacter, ...]:
    """People of the collection: one for each collection inside of it and for each object on its first level."""
    top = bpy.data.collections.get(collection)
    if top is None:
        return ()
    groups: dict[str, list[bpy.types.Object]] = {c.name: list(c.all_objects) for c in top.children}
    for thing in top.objects:
        root = thing
        while root.parent is not None:
            root = root.parent
        groups.setdefault(root.name, []).append(thing)
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    found = []
    for name, members in sorted(groups.items()):
        seen = [
            o for o in members if o.type in SOLID and not o.hide_render and o.name in bpy.context.view_layer.objects
        ]
        bodies = [body for o in seen if len((body := _world_body(o, depsgraph)).triangles)]
        if not bodies:
            continue
        body = Body.joined(bodies)
        low, high = body.points.min(axis=0), body.points.max(axis=0)
        at = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], float)
        local = Body((body.points - at).astype(np.float32), body.triangles)
        found.append(SceneCharacter(name, at, local, frozenset(o.name for o in seen)))
    return tuple(found)


def _world_body(thing: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Body:
    evaluated = thing.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    if mesh is None:
        return Body(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    body = Body.of_mesh(mesh)
    matrix = np.array(evaluated.matrix_world)
    points = body.points @ matrix[:3, :3].T + matrix[:3, 3]
    evaluated.to_mesh_clear()
    return Body(points.astype(np.float32), body.triangles)


def _area(
    appended: list[bpy.types.Object], characters: tuple[SceneCharacter, ...], cameras: tuple[FixedCamera, ...]
) -> tuple[np.ndarray, float]:
    """Middle and half the side of the square that matters: around people, before cameras, or where things are."""
    boxes = [
        np.array([o.matrix_world @ Vector(corner) for corner in o.bound_box])
        for o in appended
        if o.name in bpy.context.scene.objects and (o.type in SOLID or o.instance_type == "COLLECTION")
    ]
    middles = np.array([b.mean(axis=0) for b in boxes])
    sizes = np.array([float(np.ptp(b[:, :2], axis=0).max()) for b in boxes])
    few = sizes < 100.0 if (sizes < 100.0).any() else sizes > 0.0
    usual = middles[few]
    if characters:
        centre = np.mean([c.at for c in characters], axis=0)
    elif cameras:
        centre = np.mean(
            [np.array(c.xyz) + 4.0 * np.array([np.sin(c.yaw), np.cos(c.yaw), 0.0]) for c in cameras], axis=0
        )
    else:
        centre = np.median(usual, axis=0)
    spread = np.abs(usual[:, :2] - centre[:2]).max(axis=1) + np.minimum(sizes[few], 60.0) / 2
    return centre, float(np.clip(np.percentile(spread, 90), *REACH_M))


def _ground(centre: np.ndarray, reach: float, own: frozenset[str]) -> tuple[tuple[Patch, ...], tuple[Patch, ...], bool]:
    """Patches of level ground and of table tops around a point, and whether most of the ground has a ceiling."""
    bpy.context.view_layer.update()
    scene, depsgraph = bpy.context.scene, bpy.context.evaluated_depsgraph_get()
    step = 2 * reach / GRID
    down, up = Vector((0, 0, -1)), Vector((0, 0, 1))

    def surfaces(x: float, y: float) -> list[float]:
        """Heights of upward surfaces on this column, from above."""
        heights, top = [], Vector((x, y, 1000.0))
        for _ in range(LAYERS):
            hit, at, normal, _, thing, _ = scene.ray_cast(depsgraph, top, down, distance=3000.0)
            if not hit:
                break
            if normal.z > 0.95 and thing.name not in own:
                heights.append(float(at.z))
            top = at - Vector((0, 0, 0.01))
        return heights

    def room_above(x: float, y: float, z: float) -> float:
        hit, at, _, _, _, _ = scene.ray_cast(depsgraph, Vector((x, y, z + 0.02)), up, distance=200.0)
        return float(at.z) - z if hit else np.inf

    cells = []
    for i in range(GRID):
        for j in range(GRID):
            x, y = centre[0] - reach + (i + 0.5) * step, centre[1] - reach + (j + 0.5) * step
            cells += [(x, y, z, room_above(x, y, z)) for z in surfaces(x, y)]
    standing = [c for c in cells if c[3] >= HEADROOM_M]
    if not standing:
        return (), (), False
    levels = np.array([c[2] for c in standing])
    count = np.array([(np.abs(levels - z) < 0.25).sum() for z in levels])
    floor_z = float(levels[count >= 0.15 * len({(c[0], c[1]) for c in standing})].min(initial=np.inf))
    if not np.isfinite(floor_z):
        floor_z = float(levels[count.argmax()])
    half = max(min(0.45 * step, 0.3), 0.2)

    def flat(x: float, y: float, z: float) -> bool:
        around = [surfaces(x + dx * half, y + dy * half) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        return all(any(abs(h - z) < FLAT_M for h in column) for column in around)

    floor = [c for c in standing if floor_z - 0.3 <= c[2] <= floor_z + 1.0 and flat(*c[:3])]
    tables = [
        c for c in cells if floor_z + TABLE_M[0] <= c[2] <= floor_z + TABLE_M[1] and c[3] >= 0.45 and flat(*c[:3])
    ]
    if len(floor) * step**2 < SMALLEST_M2:
        return (), (), False
    indoor = float(np.mean([c[3] < 12.0 for c in floor])) > 0.6

    def patches(chosen: list[tuple[float, float, float, float]]) -> tuple[Patch, ...]:
        return tuple(Patch(x - half, y - half, x + half, y + half, round(z, 4)) for x, y, z, _ in chosen)

    return patches(floor), patches(tables), indoor
