# SPDX-License-Identifier: GPL-3.0-or-later
"""Assets of the package as Blender meshes: imported once a job, placed any number of times as linked instances."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from harmonize_core.errors import InputError, UnknownName
from rdharmony_gen.blender.chatter import quiet
from rdharmony_gen.spec.user_files import UserCharacter

ASSETS = Path(__file__).resolve().parents[1] / "assets"


@functools.cache
def manifest() -> dict[str, dict[str, Any]]:
    """The asset list by id, as `assets/manifest.json` has it."""
    return {entry["id"]: entry for entry in json.loads((ASSETS / "manifest.json").read_text(encoding="utf-8"))}


def ids_of(category: str, kind: str | None = None) -> list[str]:
    """Ids of one category in a fixed order."""
    return sorted(
        key for key, a in manifest().items() if a["category"] == category and (kind is None or a["kind"] == kind)
    )


class AssetLibrary:
    """Meshes and texture images of one Blender session, each loaded at first use."""

    def __init__(self, characters: Sequence[UserCharacter] = ()) -> None:
        """Args: characters: of the user's own, known by their `asset_id`."""
        self.used: list[str] = []
        self._characters = {c.asset_id: c for c in characters}
        self._meshes: dict[tuple[str, int, str], bpy.types.Mesh] = {}
        self._images: dict[str, bpy.types.Image] = {}

    def _entry(self, asset_id: str) -> dict[str, Any]:
        if asset_id not in manifest():
            raise UnknownName.of("asset", asset_id, manifest())
        if asset_id not in self.used:
            self.used.append(asset_id)
        return manifest()[asset_id]

    def image(self, asset_id: str) -> bpy.types.Image:
        """A texture, for instance `grass_03_color`; normal maps come as data, not colour."""
        if asset_id not in self._images:
            path = ASSETS / self._entry(asset_id)["file"]
            if not path.is_file():
                raise InputError(f"{path} is missing from the installed package; install rdharmony again")
            image = bpy.data.images.load(str(path))
            if asset_id.endswith("_normal"):
                image.colorspace_settings.name = "Non-Color"
            self._images[asset_id] = image
        return self._images[asset_id]

    def mesh(self, asset_id: str, frame: int = 0, clip: str = "") -> bpy.types.Mesh:
        """The asset as one mesh standing on z = 0; a rigged one is frozen in the pose of `frame` of its action.

        Args:
            asset_id: packaged, or `user:<name>` for a character that the library was given.
            frame: of the action.
            clip: name of the action, for a user's character that has several.
        """
        if asset_id not in self._characters:
            self._entry(asset_id)
        elif asset_id not in self.used:
            self.used.append(asset_id)
        key = (asset_id, frame, clip)
        if key not in self._meshes:
            if asset_id in self._characters:
                from rdharmony_gen.blender.user_characters import posed_mesh

                self._meshes[key] = posed_mesh(self._characters[asset_id], clip, frame)
            else:
                self._meshes[key] = self._import(asset_id, frame)
        return self._meshes[key]

    def _import(self, asset_id: str, frame: int) -> bpy.types.Mesh:
        entry = self._entry(asset_id)
        path = ASSETS / entry["file"]
        if not path.is_file():
            raise InputError(f"{path} is missing from the installed package; install rdharmony again")
        before = set(bpy.data.objects)
        with quiet():
            bpy.ops.import_scene.gltf(filepath=str(path))
        imported = [o for o in bpy.data.objects if o not in before]
        if entry["rigged"]:
            bpy.context.scene.frame_set(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        parts = [o for o in imported if o.type == "MESH" and not o.name.startswith("Icosphere")]
        meshes = []
        for part in parts:
            mesh = bpy.data.meshes.new_from_object(part.evaluated_get(depsgraph), depsgraph=depsgraph)
            mesh.transform(part.matrix_world)
            meshes.append(mesh)
        mesh = meshes[0] if len(meshes) == 1 else joined(meshes)
        for o in imported:
            bpy.data.objects.remove(o)
        mesh.name = asset_id
        if entry["rigged"]:
            low = vertices(mesh)[:, 2].min()
            mesh.transform(Matrix.Translation((0.0, 0.0, -float(low))))  # nested tuples would be read as columns
        return mesh


def joined(meshes: list[bpy.types.Mesh]) -> bpy.types.Mesh:
    """Several meshes as one, with the materials of all."""
    objects = [bpy.data.objects.new("part", mesh) for mesh in meshes]
    for o in objects:
        bpy.context.scene.collection.objects.link(o)
    with bpy.context.temp_override(active_object=objects[0], selected_editable_objects=objects):
        bpy.ops.object.join()
    mesh = objects[0].data
    bpy.data.objects.remove(objects[0])
    return mesh


def vertices(mesh: bpy.types.Mesh) -> np.ndarray:
    """Vertex positions (N, 3) float32 in the mesh's own space, metres."""
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)
