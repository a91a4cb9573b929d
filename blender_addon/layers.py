# SPDX-License-Identifier: GPL-3.0-or-later
"""The characters alone, over nothing: a temporary scene that shares the artist's objects and renders only them.

The artist's scene is never changed. A copy of it shares objects, lights and world but has its own render settings and
its own collections: the characters; the other objects, which light, shade and reflect but are not seen (or cut holes,
if asked to); and shadow catchers, which get a view layer of their own so that shadows are not recoloured. Sources:
Blender manual, "Layer Collections: Holdout, Indirect Only" and "Shadow Catcher".
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from harmonize_core.errors import HarmonizeError, InputError, OutputError

from .compat import set_still_format

SCENE_NAME = "Harmonize (temporary)"
CHARACTERS, SHADOWS = "characters", "shadows"
"""View layers of the temporary scene: what is recoloured, and what is laid under it as it is."""

_IDLE = "Harmonize Idle (temporary)"
"""Name of an empty view layer and of a camera that take the places of the real ones while nothing is rendered."""

_VIEW_LAYER_NAMES = {CHARACTERS: "Harmonize Characters", SHADOWS: "Harmonize Shadows"}


@dataclass(frozen=True)
class Cast:
    """Objects of a view layer by their role in the shot."""

    characters: tuple[bpy.types.Object, ...]
    others: tuple[bpy.types.Object, ...]
    holdouts: tuple[bpy.types.Object, ...]
    catchers: tuple[bpy.types.Object, ...]


def sort_cast(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, characters: bpy.types.Collection) -> Cast:
    """Which objects are the characters, which only light them, which cut holes, which catch shadows.

    Raises:
        InputError: the collection has nothing a render could show.
    """
    seen: dict[bpy.types.Object, bool] = {}
    for layer in _rendered_layers(view_layer.layer_collection):
        for thing in layer.collection.objects:
            seen[thing] = seen.get(thing, False) or layer.holdout
    wanted = set(characters.all_objects)
    cast = tuple(o for o in seen if o in wanted)
    if not any(_has_surface(o) for o in cast):
        where = "is empty" if not wanted else "is hidden from renders or not in this view layer"
        raise InputError(
            f"The characters collection {characters.name!r} {where}: put the characters into it and enable it for "
            "renders in the Outliner"
        )
    cycles = scene.render.engine == "CYCLES"
    rest = [o for o in seen if o not in wanted]
    catchers = tuple(o for o in rest if cycles and o.is_shadow_catcher)
    holdouts = tuple(o for o in rest if seen[o] and o not in catchers)
    others = tuple(o for o in rest if o not in catchers and o not in holdouts)
    return Cast(cast, others, holdouts, catchers)


@contextlib.contextmanager
def shot_scene(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, cast: Cast, cut: bool) -> Generator[list[str]]:
    """Make the temporary scene, yield its layers (`CHARACTERS`, perhaps `SHADOWS`), remove it whatever happens.

    Args:
        scene: the artist's scene.
        view_layer: the view layer whose settings are used.
        cast: from `sort_cast`.
        cut: other objects hide the characters behind them (the plate shows there) instead of being invisible.
    """
    remove_leftovers()  # by name: references do not survive an undo
    made: list[bpy.types.Collection] = []
    shot = scene.copy()
    try:
        shot.name = SCENE_NAME
        _prepare(shot, view_layer.name)
        roles = {"characters": cast.characters, "others": cast.others, "holdouts": cast.holdouts}
        for child in list(shot.collection.children):
            shot.collection.children.unlink(child)
        for thing in list(shot.collection.objects):
            shot.collection.objects.unlink(thing)
        for role, things in {**roles, "catchers": cast.catchers}.items():
            collection = bpy.data.collections.new(f"Harmonize {role} (temporary)")
            made.append(collection)
            shot.collection.children.link(collection)
            for thing in things:
                collection.objects.link(thing)
        _make_idle(shot)
        layers = [CHARACTERS, SHADOWS] if cast.catchers else [CHARACTERS]
        for layer in layers:
            _set_visibility(_view_layer(shot, layer), layer, made, cut)
        yield layers
    finally:
        if not bpy.app.is_job_running("RENDER"):  # else Blender is quitting, or loading a file, which cleans up
            remove_leftovers()


def remove_leftovers() -> None:
    """Remove what an interrupted run left behind (also after loading a file saved during a run)."""
    for blocks in (bpy.data.scenes, bpy.data.collections, bpy.data.objects, bpy.data.cameras):
        for block in [b for b in blocks if b.name.startswith("Harmonize ") and "(temporary)" in b.name]:
            blocks.remove(block)


def temporary_scene() -> bpy.types.Scene:
    """The temporary scene by name: references to datablocks do not survive an undo.

    Raises:
        HarmonizeError: it is gone.
    """
    scene = bpy.data.scenes.get(SCENE_NAME)
    if scene is None:
        raise HarmonizeError("The scene was changed by an undo or by loading a file; start again, frames are kept")
    return scene


def render_layer(layer: str, frame: int, path: Path, interactive: bool) -> Iterator[None]:
    """Render one layer of one frame to a half-float EXR with alpha; yields while Blender is busy.

    In the window the render runs as Blender's own render job, so the interface stays alive and Esc stops it.

    Raises:
        OutputError: Blender could not write the picture.
        RenderStopped: Esc.
    """
    shot = temporary_scene()
    for role in _VIEW_LAYER_NAMES:
        if role == layer or shot.view_layers.get(_VIEW_LAYER_NAMES[role]):
            _view_layer(shot, role).use = role == layer
    set_still_format(shot, "OPEN_EXR", "RGBA", "16")
    partial = path.with_name(f"{path.stem}.partial.exr")
    partial.unlink(missing_ok=True)
    shot.render.filepath = str(partial)
    yield from (_render_in_window(shot, frame) if interactive else _render_here(shot, frame))
    if not partial.is_file():
        raise OutputError(
            f"Blender rendered no picture for frame {frame}: its message is in the Info editor or on the console; "
            f"also check that {path.parent} can be written to"
        )
    partial.replace(path)


class RenderStopped(HarmonizeError):
    """The artist pressed Esc while a frame was rendering."""


def _render_here(shot: bpy.types.Scene, frame: int) -> Iterator[None]:
    try:
        with _at_frame(shot, frame):
            bpy.ops.render.render(write_still=True)
    except RuntimeError as error:
        message = str(error).strip().removeprefix("Error: ").splitlines()[0]
        raise OutputError(f"Blender could not render frame {frame}: {message}") from error
    yield


def _render_in_window(shot: bpy.types.Scene, frame: int) -> Iterator[None]:
    view = bpy.context.preferences.view
    display = view.render_display_type
    while bpy.app.is_job_running("RENDER"):  # the artist's own render, or the last one ending
        yield
    view.render_display_type = "NONE"
    try:
        with _render_handlers(frame) as ended:
            with _idle_context(shot):
                bpy.ops.render.render("INVOKE_DEFAULT", write_still=True)
            while not ended or bpy.app.is_job_running("RENDER"):
                yield
    finally:
        view.render_display_type = display
    if ended[0] == "cancel":
        raise RenderStopped("Rendering was stopped")


@contextlib.contextmanager
def _at_frame(shot: bpy.types.Scene, frame: int) -> Generator[None]:
    with _render_handlers(frame), _idle_context(shot):
        yield


def _idle_context(shot: bpy.types.Scene) -> Any:
    """A context in which the render operator takes the temporary scene, while it is idle.

    Python brings the context's view layer up to date around every operator. With the temporary scene's own layers, or
    frame_set(), that would move the artist's animated objects to its frame (seen in 4.3, 4.5 and 5.2); so the layer is
    an empty one, the camera a stand-in, the frame the artist's, and `_render_handlers` sets the real ones when the
    render has begun. The operator's argument `scene` does the same but crashes Blender in the window (4.3 and 5.2).
    """
    return bpy.context.temp_override(scene=shot, view_layer=shot.view_layers[_IDLE])


@contextlib.contextmanager
def _render_handlers(frame: int) -> Generator[list[str]]:
    """Set frame and camera when the render begins, reset them when it ends; yields a list that then tells how."""
    ended: list[str] = []
    shot = temporary_scene()
    idle_frame = shot.frame_current

    def begin(scene: bpy.types.Scene, *_: object) -> None:
        if scene.name == SCENE_NAME:
            scene.frame_current, scene.camera = frame, _camera_at(scene, frame)

    def rest(scene: bpy.types.Scene, how: str) -> None:
        if scene.name == SCENE_NAME:
            scene.frame_current, scene.camera = idle_frame, bpy.data.objects[_IDLE]
            ended.append(how)

    def complete(scene: bpy.types.Scene, *_: object) -> None:
        rest(scene, "complete")

    def cancel(scene: bpy.types.Scene, *_: object) -> None:
        rest(scene, "cancel")

    handlers = bpy.app.handlers
    pairs = ((handlers.render_pre, begin), (handlers.render_complete, complete), (handlers.render_cancel, cancel))
    for listing, function in pairs:
        listing.append(function)
    try:
        yield ended
    finally:
        for listing, function in pairs:
            if function in listing:  # loading a file empties them
                listing.remove(function)


def _make_idle(shot: bpy.types.Scene) -> None:
    """Give the scene its empty view layer and its stand-in camera; remember the real one, and those of markers."""
    idle = shot.view_layers.new(_IDLE)
    idle.use = False
    for child in idle.layer_collection.children:
        child.exclude = True
    bound = sorted(((m.frame, m.camera) for m in shot.timeline_markers if m.camera), key=lambda b: b[0])
    shot["cameras"] = [{"frame": frame, "camera": camera} for frame, camera in bound]
    shot["camera"] = shot.camera
    shot.timeline_markers.clear()
    stand_in = bpy.data.objects.new(_IDLE, bpy.data.cameras.new(_IDLE))
    shot.camera = stand_in


def _camera_at(shot: bpy.types.Scene, frame: int) -> bpy.types.Object:
    """The camera of a frame: that of the last marker before it, as Blender binds cameras to markers."""
    bound = list(shot["cameras"])
    passed = [b["camera"] for b in bound if b["frame"] <= frame]
    return passed[-1] if passed else bound[0]["camera"] if bound else shot["camera"]


def _prepare(shot: bpy.types.Scene, view_layer_name: str) -> None:
    for layer in list(shot.view_layers):
        if layer.name != view_layer_name:
            shot.view_layers.remove(layer)
    shot.view_layers[0].name = _VIEW_LAYER_NAMES[CHARACTERS]
    render = shot.render
    render.film_transparent = True
    render.use_compositing = render.use_sequencer = False
    render.use_border = render.use_multiview = render.use_stamp = False
    render.use_single_layer = False
    render.use_file_extension = False
    render.use_overwrite, render.use_placeholder = True, False
    render.dither_intensity = 0


def _view_layer(shot: bpy.types.Scene, layer: str) -> bpy.types.ViewLayer:
    name = _VIEW_LAYER_NAMES[layer]
    return shot.view_layers.get(name) or shot.view_layers.new(name)


def _set_visibility(view_layer: bpy.types.ViewLayer, layer: str, made: list[bpy.types.Collection], cut: bool) -> None:
    characters, others, holdouts, catchers = (view_layer.layer_collection.children[c.name] for c in made)
    if layer == CHARACTERS:
        holdouts.holdout = True
        for hidden in (others, catchers):
            hidden.holdout, hidden.indirect_only = cut, not cut
    else:
        for hidden in (characters, others, holdouts):
            hidden.indirect_only = True


def _rendered_layers(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.LayerCollection]:
    if layer.exclude or layer.collection.hide_render:
        return
    yield layer
    for child in layer.children:
        yield from _rendered_layers(child)


def _has_surface(thing: bpy.types.Object) -> bool:
    kinds = ("MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME", "GREASEPENCIL")
    return thing.type in kinds or thing.instance_type == "COLLECTION"
