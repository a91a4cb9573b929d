# SPDX-License-Identifier: GPL-3.0-or-later
"""A small picture of the characters as a 3D view shades them now, seen from the scene's camera.

The view draws into an offscreen buffer of a network's size (Blender API, `GPUOffScreen.draw_view3d`), before the view
transform, without overlays and the viewport's compositor, whose look is what the capture is for. Which pixels are the
characters' is told by drawing their triangles, too, and comparing depths. Cycles draws nothing offscreen; EEVEE and
Material Preview do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator

import bpy
import gpu
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from harmonize_core.runtime.grade_fit import Show

from .capture import Capture, Store, small_plate
from .options import ShotOptions
from .small_pictures import LONGEST

Floats = NDArray[np.float32]
Size = tuple[int, int]

View = tuple[bpy.types.SpaceView3D, bpy.types.Region]

_TRIANGULATED = ("MESH", "CURVE", "SURFACE", "META", "FONT")

SAME_DEPTH = 2e-4
"""How far behind what the view drew a character's triangle may lie, of the depth buffer's range [0, 1]."""


def usable_view(context: bpy.types.Context) -> View | None:
    """A 3D view that shows the light of the scene, in any window; None where there is none."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D" and window.scene == context.scene and _shows_light(area.spaces.active, context):
                return area.spaces.active, next(r for r in area.regions if r.type == "WINDOW")
    return None


def from_view(
    context: bpy.types.Context, view: View, options: ShotOptions, frame: int, shown: Show, store: Store
) -> Capture:
    """The characters as a view shades them, over the background of a frame, which `shown` is for where it is rendered.

    Raises:
        InputError: the background cannot be read.
    """
    space, region = view
    size = _size(context.scene)
    depsgraph = context.evaluated_depsgraph_get()
    camera = context.scene.camera.evaluated_get(depsgraph)
    seen = camera.matrix_world.normalized().inverted()
    projection = camera.calc_matrix_camera(depsgraph, x=size[1], y=size[0])
    with _plain(space), _offscreen(size) as buffer:
        buffer.draw_view3d(
            context.scene,
            context.view_layer,
            space,
            region,
            seen,
            projection,
            do_color_management=False,
            draw_background=False,
        )
        shaded, depth = _read(buffer, size)
    names = {o.name for o in options.cast.characters}
    own = _draw_depth(depsgraph, lambda name: name in names, seen, projection, size)
    if not depth.any():  # EEVEE of Blender 5.2 leaves none behind
        depth = _draw_depth(depsgraph, lambda name: name not in names, seen, projection, size)
    alpha = np.where((own < 1) & (own <= depth + SAME_DEPTH), np.clip(shaded[..., 3], 0, 1), 0).astype(np.float32)
    rgb_linear = np.maximum(shaded[..., :3], 0)
    if options.plate.kind == "rendered":
        # the view draws the background, too
        plate = np.clip(shown(rgb_linear.reshape(-1, 3)), 0, 1).reshape(rgb_linear.shape).astype(np.float32)
    else:
        plate = small_plate(options, frame, size, store)
    return Capture(np.where(alpha[..., None] > 0, rgb_linear, 0).astype(np.float32), alpha, plate)


def _shows_light(space: bpy.types.SpaceView3D, context: bpy.types.Context) -> bool:
    if space.shading.type == "MATERIAL":
        return True
    return space.shading.type == "RENDERED" and context.scene.render.engine.startswith("BLENDER_EEVEE")


def _size(scene: bpy.types.Scene) -> Size:
    render = scene.render
    share = LONGEST / max(render.resolution_x, render.resolution_y)
    return max(1, round(render.resolution_y * share)), max(1, round(render.resolution_x * share))


@contextlib.contextmanager
def _plain(space: bpy.types.SpaceView3D) -> Generator[None]:
    """A view that draws neither overlays (bones, outlines) nor what the compositor makes of the picture."""
    wanted = ((space.overlay, "show_overlays", False), (space.shading, "use_compositor", "DISABLED"))
    changed = [(owner, name, getattr(owner, name)) for owner, name, value in wanted if getattr(owner, name) != value]
    try:
        for owner, name, value in wanted:
            if getattr(owner, name) != value:  # setting it draws the view anew
                setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in changed:
            setattr(owner, name, value)


@contextlib.contextmanager
def _offscreen(size: Size) -> Generator[gpu.types.GPUOffScreen]:
    buffer = gpu.types.GPUOffScreen(size[1], size[0], format="RGBA16F")
    try:
        yield buffer
    finally:
        buffer.free()


def _read(buffer: gpu.types.GPUOffScreen, size: Size) -> tuple[Floats, Floats]:
    """Colours (h, w, 4) and depths (h, w) of a buffer, top row first."""
    height, width = size
    with buffer.bind():
        frame = gpu.state.active_framebuffer_get()
        colors = frame.read_color(0, 0, width, height, 4, 0, "FLOAT")
        depths = frame.read_depth(0, 0, width, height)
    colors.dimensions, depths.dimensions = width * height * 4, width * height
    picture = np.array(colors, dtype=np.float32).reshape(height, width, 4)[::-1]
    return np.nan_to_num(picture), np.array(depths, dtype=np.float32).reshape(height, width)[::-1]


def _draw_depth(
    depsgraph: bpy.types.Depsgraph, wanted: Callable[[str], bool], seen: Matrix, projection: Matrix, size: Size
) -> Floats:
    """Depths (h, w) of the triangles of objects whose names are wanted, 1 where there are none."""
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    with _offscreen(size) as buffer, buffer.bind():
        gpu.state.active_framebuffer_get().clear(color=(0, 0, 0, 0), depth=1.0)
        gpu.state.depth_test_set("LESS_EQUAL")
        gpu.state.depth_mask_set(True)
        try:
            with gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
                gpu.matrix.load_projection_matrix(projection)
                shader.bind()
                shader.uniform_float("color", (1, 1, 1, 1))
                for places, corners, matrix in _triangles(depsgraph, wanted):
                    gpu.matrix.load_matrix(seen @ matrix)
                    _batch(places, corners).draw(shader)
        finally:
            gpu.state.depth_mask_set(False)
            gpu.state.depth_test_set("NONE")
        return _read(buffer, size)[1]


def _triangles(
    depsgraph: bpy.types.Depsgraph, wanted: Callable[[str], bool]
) -> Iterator[tuple[Floats, NDArray[np.int32], Matrix]]:
    """Vertices (n, 3), corners of triangles (m, 3) and world matrix of each piece of the objects wanted."""
    for instance in depsgraph.object_instances:
        thing = instance.object
        owner = instance.parent if instance.is_instance and instance.parent else thing
        if thing.type not in _TRIANGULATED or not wanted(owner.original.name):
            continue
        mesh = thing.to_mesh()
        if mesh is None:
            continue
        try:
            mesh.calc_loop_triangles()
            places = np.empty((len(mesh.vertices), 3), dtype=np.float32)
            corners = np.empty((len(mesh.loop_triangles), 3), dtype=np.int32)
            mesh.vertices.foreach_get("co", places.ravel())
            mesh.loop_triangles.foreach_get("vertices", corners.ravel())
            if len(corners):
                yield places, corners, instance.matrix_world.copy()
        finally:
            thing.to_mesh_clear()


def _batch(places: Floats, corners: NDArray[np.int32]) -> gpu.types.GPUBatch:
    form = gpu.types.GPUVertFormat()
    form.attr_add(id="pos", comp_type="F32", len=3, fetch_mode="FLOAT")
    vertices = gpu.types.GPUVertBuf(form, len(places))
    vertices.attr_fill("pos", places)
    return gpu.types.GPUBatch(type="TRIS", buf=vertices, elem=gpu.types.GPUIndexBuf(type="TRIS", seq=corners))
