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
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from harmonize_core.errors import OutputError

from .bridge.color_spaces import linear_rec709
from .bridge.pixels import load_image
from .characters import PREFIX, CastPart, split
from .compat import literal_path, set_still_format
from .hiding import hidden_from_camera
from .lacks import Lack
from .temporary import find, mark, remove_leftovers, role_of
from .view_layers import new_like

CLOCK = "Clock"
CHARACTERS, SHADOWS, BACKGROUND = "characters", "shadows", "background"
"""View layers of the temporary scene: what is recoloured, what is laid under it as it is, and the background where
that is rendered, too."""

_VIEW_LAYER_NAMES = {
    CHARACTERS: "Harmonize Characters",
    SHADOWS: "Harmonize Shadows",
    BACKGROUND: "Harmonize Background",
}


@dataclass(frozen=True)
class Cast:
    """Objects of a view layer by their role in the shot."""

    characters: tuple[bpy.types.Object, ...]
    others: tuple[bpy.types.Object, ...]
    holdouts: tuple[bpy.types.Object, ...]
    catchers: tuple[bpy.types.Object, ...]
    backdrop: str = ""
    """What of the scene is the background: "" nothing, "WORLD" what surrounds it, "SCENE" all but the characters."""
    under: tuple[str, ...] = ()
    """The layers beneath the characters."""
    parts: tuple[CastPart, ...] = ()
    """The characters, one by one, where each has a look of its own; else empty."""

    @property
    def over(self) -> tuple[str, ...]:
        """The layers of the characters, which are recoloured."""
        return tuple(part.layer for part in self.parts) or (CHARACTERS,)


def sort_cast(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    characters: bpy.types.Collection,
    backdrop: str = "",
    *,
    separate: bool = False,
) -> Cast:
    """Which objects are the characters, which only light them, which cut holes, which catch shadows.

    Before the rest of the scene nothing needs to catch shadows: it shows them itself.

    Raises:
        InputError: the collection has nothing a render could show.
    """
    seen: dict[bpy.types.Object, bool] = {}
    for layer in _rendered_layers(view_layer.layer_collection):
        for thing in layer.collection.objects:
            seen[thing] = seen.get(thing, False) or layer.holdout
    wanted = set(characters.all_objects)
    cast = tuple(o for o in seen if o in wanted)
    if not any(has_surface(o) for o in cast):
        where = "is empty" if not wanted else "is hidden from renders or not in this view layer"
        raise Lack(
            f"The characters collection {characters.name!r} {where}: put the characters into it and enable it for "
            "renders in the Outliner",
            "collect" if not wanted else "show",
        )
    catch = scene.render.engine == "CYCLES" and backdrop != "SCENE"
    rest = [o for o in seen if o not in wanted]
    catchers = tuple(o for o in rest if catch and o.is_shadow_catcher and has_surface(o))  # lights say so, too
    holdouts = tuple(o for o in rest if seen[o] and o not in catchers)
    others = tuple(o for o in rest if o not in catchers and o not in holdouts)
    under = (SHADOWS,) * bool(catchers) + (BACKGROUND,) * bool(backdrop)
    parts = split(characters, cast, has_surface) if separate else ()
    return Cast(cast, others, holdouts, catchers, backdrop, under, parts)


def layer_names(cast: Cast) -> list[str]:
    """The layers a shot needs: shadows only where something catches them, the background only if it is rendered."""
    return [*cast.over, *cast.under]


@contextlib.contextmanager
def shot_scene(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, cast: Cast, cut: bool
) -> Generator[bpy.types.Scene]:
    """Make the temporary scene, and remove it whatever happens.

    Args:
        scene: the artist's scene.
        view_layer: the view layer whose settings are used.
        cast: from `sort_cast`.
        cut: other objects hide the characters behind them (the plate shows there) instead of being invisible.
    """
    made: list[bpy.types.Collection] = []
    cut = cut or cast.backdrop == "SCENE"
    with copied_scene(scene, view_layer.name) as shot, contextlib.ExitStack() as meanwhile:
        if scene.render.engine != "CYCLES" and not cut:  # what cannot be hidden cuts holes
            locked = meanwhile.enter_context(hidden_from_camera(cast.others))
            others = tuple(o for o in cast.others if o not in locked)
            cast = replace(cast, others=others, holdouts=(*cast.holdouts, *locked))
        for child in list(shot.collection.children):
            shot.collection.children.unlink(child)
        for thing in list(shot.collection.objects):
            shot.collection.objects.unlink(thing)
        over = [(part.layer, part.objects) for part in cast.parts] or [(CHARACTERS, cast.characters)]
        rest = [("others", cast.others), ("holdouts", cast.holdouts), ("catchers", cast.catchers)]
        for role, things in [*over, *rest]:
            collection = bpy.data.collections.new(f"Harmonize {role} (temporary)")
            mark(collection, role)
            made.append(collection)
            shot.collection.children.link(collection)
            for thing in things:
                collection.objects.link(thing)
        for layer in layer_names(cast):
            _set_visibility(_view_layer(shot, layer), layer, made, cut, cast.backdrop)
        yield shot


@contextlib.contextmanager
def copied_scene(scene: bpy.types.Scene, view_layer_name: str) -> Generator[bpy.types.Scene]:
    """A temporary scene that shares everything with the artist's but has one view layer and our render settings."""
    remove_leftovers()
    shot = scene.copy()
    try:
        shot.name = "Harmonize (temporary)"
        mark(shot)
        _prepare(shot, view_layer_name)
        yield shot
    finally:
        remove_leftovers()


def render_layer(shot: bpy.types.Scene, layer: str, frame: int, path: Path) -> None:
    """Render one layer of one frame to a half-float EXR with alpha.

    Raises:
        OutputError: Blender could not render or write the picture.
    """
    for view_layer in shot.view_layers:
        view_layer.use = view_layer.name == _view_layer_name(layer)
    if layer.startswith(PREFIX):  # one view layer for all characters keeps the artist's settings of it
        for child in _view_layer(shot, layer).layer_collection.children:
            role = role_of(child.collection)
            if role and role.startswith(PREFIX):
                child.holdout = role != layer
    shot.render.film_transparent = layer != BACKGROUND
    set_still_format(shot, "OPEN_EXR", "RGBA", "16")
    render_to(shot, frame, path)


def render_to(shot: bpy.types.Scene, frame: int, path: Path) -> None:
    """Render one frame of the temporary scene, as it is set up, to an EXR.

    The operator renders the scene it is told at the frame of the context's scene, and Python brings the context's
    scene up to date around every operator. So the context's scene is an empty one that only tells the frame: with
    frame_set(), or the temporary scene in its place, the artist's animated objects would move (4.3, 4.5, 5.2).

    Raises:
        OutputError: Blender could not render or write the picture.
    """
    partial = path.with_name(f"{path.stem}.partial.exr")
    partial.unlink(missing_ok=True)
    shot.render.filepath = literal_path(partial)
    clock = find(bpy.data.scenes, CLOCK) or bpy.data.scenes.new("Harmonize Clock (temporary)")
    mark(clock, CLOCK)
    clock.frame_current = frame
    try:
        with bpy.context.temp_override(scene=clock, view_layer=clock.view_layers[0]):
            bpy.ops.render.render(write_still=True, scene=shot.name)
    except RuntimeError as error:
        message = str(error).strip().removeprefix("Error: ").splitlines()[0]
        raise OutputError(f"Blender could not render frame {frame} ({message}): mend that and run again") from error
    if not partial.is_file():
        raise OutputError(
            f"Blender rendered no picture for frame {frame}; its message is on the console, and {path.parent} must "
            "have space and be writable"
        )
    partial.replace(path)


def write_view(shot: bpy.types.Scene, exr: Path, png: Path) -> None:
    """Write a rendered layer as the scene's view transform shows it: 16-bit PNG, straight alpha.

    Filmic or AgX, exposure and looks are part of what the artist sees; the plate already holds its own. Pictures and
    plate are sRGB whatever the artist's screen is.

    Args:
        shot: a temporary scene of ours with the artist's view settings.
        exr: the layer, linear Rec.709 with alpha.
        png: where it goes.
    """
    with contextlib.suppress(TypeError):  # an artist's OpenColorIO configuration may know no such device
        shot.display_settings.display_device = "sRGB"
    set_still_format(shot, "PNG", "RGBA", "16")
    image = load_image(exr)
    partial = png.with_name(f"{png.stem}.partial.png")
    try:
        image.colorspace_settings.name = linear_rec709()
        image.save_render(str(partial), scene=shot)
    finally:
        bpy.data.images.remove(image)
    partial.replace(png)


def _prepare(shot: bpy.types.Scene, view_layer_name: str) -> None:
    for layer in list(shot.view_layers):
        if layer.name != view_layer_name:
            shot.view_layers.remove(layer)
    shot.view_layers[0].name = _VIEW_LAYER_NAMES[CHARACTERS]
    render = shot.render
    render.film_transparent = True
    render.use_compositing = render.use_sequencer = render.use_file_extension = False
    render.use_crop_to_border = render.use_multiview = render.use_stamp = render.use_single_layer = False
    render.use_overwrite, render.use_placeholder = True, False
    render.dither_intensity = 0


def _view_layer_name(layer: str) -> str:
    return _VIEW_LAYER_NAMES.get(layer, _VIEW_LAYER_NAMES[CHARACTERS])


def _view_layer(shot: bpy.types.Scene, layer: str) -> bpy.types.ViewLayer:
    name = _view_layer_name(layer)
    return shot.view_layers.get(name) or new_like(shot.view_layers[0], shot, name)


def _set_visibility(
    view_layer: bpy.types.ViewLayer, layer: str, made: list[bpy.types.Collection], cut: bool, backdrop: str
) -> None:
    roles = [view_layer.layer_collection.children[c.name] for c in made]
    *characters, others, holdouts, catchers = roles
    if layer == BACKGROUND and backdrop == "WORLD":
        for hidden in roles:
            hidden.exclude = True
    elif layer == BACKGROUND:  # holes where the characters are, to the same soft edges: both layers add up
        for hidden in (*characters, holdouts):
            hidden.holdout = True
    elif layer == SHADOWS:
        for hidden in (*characters, others, holdouts):
            hidden.indirect_only = True
    else:
        holdouts.holdout = True
        for hidden in (others, catchers):
            hidden.holdout, hidden.indirect_only = cut, not cut


def _rendered_layers(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.LayerCollection]:
    if layer.exclude or layer.collection.hide_render:
        return
    yield layer
    for child in layer.children:
        yield from _rendered_layers(child)


def has_surface(thing: bpy.types.Object) -> bool:
    """Whether a render can show an object at all."""
    kinds = ("MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME", "GREASEPENCIL")
    return thing.type in kinds or thing.instance_type == "COLLECTION"
