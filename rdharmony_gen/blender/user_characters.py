# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of the user's own: looked at before anything is rendered, and posed as one mesh on the ground."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from harmonize_core.errors import InputError
from rdharmony_gen.blender.assets import joined, vertices
from rdharmony_gen.blender.compat import data_paths, play
from rdharmony_gen.blender.user_files import Findings, import_file, look_at_files
from rdharmony_gen.spec.user_files import MAX_TRIANGLES, Clip, UserCharacter

SOLID = {"MESH", "CURVE", "SURFACE", "META", "FONT"}


@dataclass
class Looks:
    """What a character file holds: height in its own units, triangles, actions."""

    height: float
    triangles: int
    clips: tuple[Clip, ...]


def examine_character(path: Path, findings: Findings) -> Looks | None:
    """Read a file into the empty session and say what is in it; None when something forbids its use.

    Raises:
        InputError: Blender cannot read it.
    """
    before = set(bpy.data.actions)
    imported = import_file(path, findings)
    look_at_files(path, findings)
    solid = [o for o in imported if o.type in SOLID and not o.hide_render and not _is_helper(o)]
    if not solid:
        findings.problems.append("holds no mesh; export the character with its geometry")
    if findings.problems:
        return None
    actions = [a for a in bpy.data.actions if a not in before]
    clips = _clips(imported, actions)
    if clips:
        _pose(imported, actions, clips[0].name, clips[0].first)
    elif any(o.type == "ARMATURE" for o in imported):
        findings.remarks.append("has a skeleton without an action and is shown in its rest pose")
    faces = sum(len(o.data.polygons) for o in solid if o.type == "MESH")  # before modifiers, which may add many
    if faces > MAX_TRIANGLES:
        findings.problems.append(f"has {faces} faces, more than the {MAX_TRIANGLES} allowed; make it lighter")
        return None
    mesh = _one_mesh(solid)
    mesh.calc_loop_triangles()
    triangles = len(mesh.loop_triangles)
    points = vertices(mesh)
    if not triangles:
        findings.problems.append("has no faces; export the character with its geometry")
    elif triangles > MAX_TRIANGLES:
        findings.problems.append(f"has {triangles} triangles, more than the {MAX_TRIANGLES} allowed; make it lighter")
    elif not np.isfinite(points).all():
        findings.problems.append("has points that are not finite numbers; export it again")
    if findings.problems:
        return None
    return Looks(float(np.ptp(points[:, 2].astype(np.float64))), triangles, clips)


def posed_mesh(character: UserCharacter, clip: str, frame: int) -> bpy.types.Mesh:
    """The character as one mesh in metres: in its pose, facing -Y, its lowest point at z = 0, its middle at the origin.

    Raises:
        InputError: the file is gone, was changed, or cannot be read.
    """
    character.require_unchanged()
    before = set(bpy.data.actions)
    imported = import_file(Path(character.path), Findings())
    actions = [a for a in bpy.data.actions if a not in before]
    if clip:
        _pose(imported, actions, clip, frame)
    mesh = _one_mesh([o for o in imported if o.type in SOLID and not o.hide_render and not _is_helper(o)])
    for thing in imported:
        bpy.data.objects.remove(thing)
    for action in actions:
        bpy.data.actions.remove(action)
    mesh.transform(Matrix.Rotation(np.radians(character.yaw_deg), 4, "Z") @ Matrix.Scale(character.scale, 4))
    points = vertices(mesh)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (float(v) for v in (low + high)[:2] / 2)
    mesh.transform(Matrix.Translation((-x, -y, -float(low[2]))))
    mesh.name = character.name
    return mesh


def moving_points(character: UserCharacter, clip: str, frames: Sequence[int]) -> np.ndarray:
    """Vertices (F, N, 3) of `posed_mesh` in some frames of an action, in metres, not yet put onto the ground.

    Raises:
        InputError: as `posed_mesh`.
    """
    character.require_unchanged()
    before = set(bpy.data.actions)
    imported = import_file(Path(character.path), Findings())
    actions = [a for a in bpy.data.actions if a not in before]
    solid = [o for o in imported if o.type in SOLID and not o.hide_render and not _is_helper(o)]
    turn = np.array(Matrix.Rotation(np.radians(character.yaw_deg), 3, "Z")) * character.scale
    poses = []
    for frame in frames:
        _pose(imported, actions, clip, frame)
        mesh = _one_mesh(solid)
        poses.append(vertices(mesh) @ turn.T)
        bpy.data.meshes.remove(mesh)
    for thing in imported:
        bpy.data.objects.remove(thing)
    for action in actions:
        bpy.data.actions.remove(action)
    return np.array(poses, np.float32)


def _one_mesh(parts: list[bpy.types.Object]) -> bpy.types.Mesh:
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    meshes = []
    for part in parts:
        evaluated = part.evaluated_get(depsgraph)
        mesh = bpy.data.meshes.new_from_object(evaluated, depsgraph=depsgraph)
        mesh.transform(evaluated.matrix_world)
        meshes.append(mesh)
    if not meshes:
        raise InputError("the character's file holds no mesh; put the planned file back")
    return meshes[0] if len(meshes) == 1 else joined(meshes)


def _is_helper(thing: bpy.types.Object) -> bool:
    """The shapes that importers draw bones with."""
    return any(thing in {b.custom_shape for b in o.pose.bones} for o in bpy.data.objects if o.type == "ARMATURE")


def _clips(imported: list[bpy.types.Object], actions: list[bpy.types.Action]) -> tuple[Clip, ...]:
    """Actions that move bones, by name."""
    if not any(o.type == "ARMATURE" for o in imported):
        return ()
    found = []
    for action in actions:
        first, last = (round(v) for v in action.frame_range)
        if any(path.startswith("pose.bones") for path in data_paths(action)):
            found.append(Clip(action.name, first, max(first, last)))
    return tuple(sorted(found, key=lambda c: c.name))


def _pose(imported: list[bpy.types.Object], actions: list[bpy.types.Action], clip: str, frame: int) -> None:
    """Put every skeleton into one frame of an action; the session may have given it a number (`Walk.001`)."""
    named = [a for a in actions if a.name == clip] or [a for a in actions if re.sub(r"\.\d{3}$", "", a.name) == clip]
    if not named:
        raise InputError(f"the character's file should hold the action {clip!r} but does not; put the old file back")
    for rig in (o for o in imported if o.type == "ARMATURE"):
        play(rig, named[0])
    bpy.context.scene.frame_set(frame)
