# SPDX-License-Identifier: Apache-2.0
"""Every place: one seed is one place, variations differ, what it offers is really there, a person finds a free spot."""

import importlib
import time

import bpy
import numpy as np
import pytest
from mathutils import Vector

from rdharmony_gen.blender.assets import AssetLibrary, manifest, vertices
from rdharmony_gen.blender.placement import find_view
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Place, Stage
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import SCENES

SEED, UP = 7, np.array([0.0, 0.0, 0.3])
CONDITIONS = sample_conditions(SEED, "park", 0, 0)
"""The light of one view does for all places."""
OFFERS = {
    "human": "stand",
    "chair": "stand",
    "car": "drive",
    "motorcycle": "drive",
    "apple": "tops",
    "bottle": "tops",
    "cake": "tops",
    "knife": "tops",
}


@pytest.fixture(scope="module")
def library():
    """One library for all places: each asset is imported once."""
    reset(64, 64, 1)
    return AssetLibrary()


def _build(library: AssetLibrary, scene: str, variation: int) -> tuple[Stage, Place]:
    # all but the imported assets goes; what stays behind would make every further place slower to build
    bpy.data.batch_remove(list(bpy.data.objects))
    bpy.data.batch_remove([mesh for mesh in bpy.data.meshes if mesh.name.partition(".")[0] not in manifest()])
    bpy.data.batch_remove([material for material in bpy.data.materials if not material.users])
    bpy.data.batch_remove(list(bpy.data.lights))
    stage = Stage(SEED, scene, variation, library)
    place = importlib.import_module(f"rdharmony_gen.blender.scenes.{scene}").build(stage)
    bpy.context.view_layer.update()
    return stage, place


def _things() -> list[tuple[object, ...]]:
    """Everything in the scene, in order: name, kind, place and size; rounded to 10 micrometres."""
    return [
        (
            thing.name.partition(".")[0],
            thing.type,
            tuple(np.round(np.array(thing.matrix_world).ravel(), 5)),
            tuple(np.round(np.array([tuple(corner) for corner in thing.bound_box]).ravel(), 5)),
        )
        for thing in bpy.context.scene.objects
    ]


def _hit(start: np.ndarray, stop: np.ndarray) -> np.ndarray | None:
    """Where the way from one point to another first meets a surface."""
    way = Vector((stop - start).tolist())
    graph = bpy.context.evaluated_depsgraph_get()
    hit, at, *_ = bpy.context.scene.ray_cast(graph, Vector(start.tolist()), way.normalized(), distance=way.length)
    return np.array(at) if hit else None


def _offers_what_it_says(scene: str, place: Place) -> None:
    for category, kind in OFFERS.items():
        assert bool(getattr(place, kind)) or category in SCENES[scene].unfit, f"no {kind} for a {category}"
    for top in place.tops:  # small things must not float or sink in
        middle = np.array([(top.x0 + top.x1) / 2, (top.y0 + top.y1) / 2, top.z])
        at = _hit(middle + UP, middle - UP)
        assert at is not None, f"nothing is at the table top {top}"
        assert abs(at[2] - top.z) < 0.015, f"the table top {top} is really at {at[2]:.3f} m"
    low, high = place.camera_room
    assert np.all(np.array(high) - np.array(low) > (3.0, 3.0, 1.0))


def _a_person_stands_free(stage: Stage, place: Place, library: AssetLibrary) -> None:
    job = RenderJob("SHuman/x", "human", stage.kind, "x", stage.variation, 1, SEED, 64, 64, 2, CONDITIONS)
    start = time.process_time()
    view = find_view(stage, place, job, library)
    assert time.process_time() - start < 20, "finding a view takes too long"
    subject = view.subjects[0]
    turn = np.radians(subject.yaw_deg)
    rotation = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    points = vertices(library.mesh(subject.asset_id, subject.frame)) @ rotation + np.array(subject.xyz)
    points = points[points[:, 2] > subject.xyz[2] + 0.1]
    first, second = np.random.default_rng(0).choice(len(points), (2, 160))
    inside = [_hit(points[a], points[b]) for a, b in zip(first, second, strict=True)]
    assert all(at is None for at in inside), f"something is where {subject.asset_id} stands: {subject.xyz}"


@pytest.mark.parametrize("scene", SCENES)
def test_a_place_is_its_seed_and_has_room_for_its_subjects(library, scene):
    _build(library, scene, 1)
    another = _things()
    _build(library, scene, 0)
    first = _things()
    stage, place = _build(library, scene, 0)
    assert _things() == first, "one seed must be one place"
    assert first != another, "another variation must look different"
    _offers_what_it_says(scene, place)
    _a_person_stands_free(stage, place, library)
