# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that hold more than the characters: renders the artist has, or the whole scene with a pass that tells them.

A run works with the characters over nothing. Rendered by themselves they come so (`layers`); out of a whole picture
they are told by its alpha, an AOV or a Cryptomatte, and their light at soft edges is shared out
(`harmonize_core.runtime.mattes`). Whatever is beneath them is kept as it is.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from harmonize_core.color import srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_reader import CannotRead, channel_names, read_exr
from harmonize_core.runtime.mattes import Matte, color_channels, find_matte, find_shares, share_out, split

from . import layers, spared
from .bridge import pixels
from .bridge.files import encode_exr, write_atomic
from .characters import CastPart, object_names
from .characters import split as split_cast
from .compat import linear_rec709, set_multilayer_format
from .lacks import Lack
from .layers import BACKGROUND, CHARACTERS, SHADOWS
from .linked import find_collection
from .plates import MOVIE_SUFFIXES, split_number
from .unpacked import readable

if TYPE_CHECKING:
    from .renderers import FrameTask, ShotSpec

Floats = pixels.Floats


@dataclass(frozen=True)
class Source:
    """Where the characters are found. Without anything they are rendered by themselves."""

    split: str = ""
    """What tells them in a whole picture: "MATTE" an AOV or a Cryptomatte, "ALPHA" its alpha."""
    names: tuple[str, ...] = ()
    """An AOV, or patterns of names in a Cryptomatte."""
    pictures: dict[str, str] = field(default_factory=dict)
    """Existing pictures by frame number (as text, for JSON); empty where the whole scene is rendered."""

    @property
    def shown(self) -> bool:
        """Whether the pictures are display-referred, as PNG is: no view transform is to be added."""
        return any(Path(p).suffix.lower() not in pixels.LINEAR_SUFFIXES for p in self.pictures.values())

    def fingerprint(self, frame: int) -> list[object]:
        """What the layers of a frame depend on: its picture's name, date and size."""
        picture = self.pictures.get(str(frame))
        if picture is None:
            return []
        about = Path(picture).stat() if Path(picture).is_file() else None
        return [picture, about.st_mtime_ns if about else 0, about.st_size if about else 0]


def find_source(context: bpy.types.Context, frames: Iterable[int]) -> Source:
    """The artist's choice, checked for some frames without opening files.

    Raises:
        Lack: no matte is named, choices that contradict each other, or pictures that are not there.
    """
    scene, settings = context.scene, context.scene.harmonize
    existing = settings.source == "FILES"
    if settings.foreground == "COLLECTION" and not existing:
        return Source()
    how = "ALPHA" if settings.foreground == "ALPHA" else "MATTE"
    if how == "ALPHA" and settings.background in ("WORLD", "SCENE"):
        raise Lack(
            "Alpha takes everything in the picture for characters, so nothing of the scene is left as background: "
            "choose a file or the camera's background, or tell the characters in another way",
            "plate",
        )
    if settings.background == "WORLD":
        raise Lack(
            "The world cannot be told from the rest of a whole picture: choose Rest of the Scene, which it belongs to",
            "rest",
        )
    names = _names(context) if how == "MATTE" else ()
    return Source(how, names, _pictures(scene, frames) if existing else {})


def tells_characters(scene: bpy.types.Scene) -> bool:
    """Whether something is chosen that could tell the characters, so that buttons need not be grey."""
    settings = scene.harmonize
    if settings.foreground == "COLLECTION":
        return settings.characters is not None
    return settings.foreground == "ALPHA" or bool(settings.matte.strip())


def find_whole_cast(context: bpy.types.Context, source: Source) -> layers.Cast:
    """The layers that a whole picture is split into; the objects are those that its matte names."""
    settings = context.scene.harmonize
    rendered = settings.background == "SCENE"
    under = (BACKGROUND,) if rendered else (SHADOWS,) * (source.split == "MATTE")
    named = [o for o in context.view_layer.objects if _told(o, source.names)]
    separate = settings.foreground == "COLLECTION" and context.scene.harmonize_characters.separate
    parts = _parts(settings.characters) if separate else ()
    return layers.Cast(tuple(named), (), (), (), "SCENE" if rendered else "", under, parts)


def split_frames(scene: bpy.types.Scene, spec: ShotSpec, tasks: list[FrameTask]) -> Generator[int]:
    """Split existing pictures, or render the whole scene and split that; yields the number of each finished frame.

    Raises:
        HarmonizeError: a picture cannot be read or does not hold what was asked for; Blender could not render.
    """
    with layers.copied_scene(scene, spec.view_layer) as shot:
        for task in tasks:
            targets = {name: Path(path) for name, path in task.layers}
            whole = Path(task.layers[0][1]).with_name(f"whole_{task.frame:04d}.exr") if targets else Path()
            if targets and spec.pictures:
                with readable(Path(spec.pictures[str(task.frame)]), shot, whole) as picture:
                    split_picture(picture, spec, spec.view_layer, targets)
            elif targets:
                _set_up_passes(shot, spec)
                layers.render_to(shot, task.frame, whole)
                split_picture(whole, spec, shot.view_layers[0].name, targets)
                whole.unlink()
            for exr, png in task.views:
                layers.write_view(shot, Path(exr), Path(png))
            yield task.frame


def split_picture(picture: Path, spec: ShotSpec, view_layer: str, targets: dict[str, Path]) -> None:
    """Write the layers of one picture as half-float EXR, and where their materials are if they are asked for.

    Args:
        picture: EXR with its passes, or any image with alpha.
        spec: what tells the characters.
        view_layer: whose combined pass is preferred.
        targets: files by the name of the layer.

    Raises:
        InputError: the picture lacks what is needed; the message lists what it has.
    """
    parts = _parts(find_collection(spec.characters, spec.library)) if spec.separate else ()
    try:
        color, coverage, shares = _read(picture, spec, view_layer, [object_names(p.objects) for p in parts])
    except InputError as error:
        raise InputError(str(error) if str(picture) in str(error) else f"{picture}: {error}") from error
    characters, beneath = (color, color) if coverage is None else split(color[..., :3], color[..., 3], coverage)
    over = [part.layer for part in parts] or [CHARACTERS]
    for name, own in zip(over, share_out(characters, shares) if parts else [characters], strict=True):
        write_atomic(targets[name], encode_exr(own))
        if spec.materials:
            spared.keep_from(picture, targets[name])
    if BACKGROUND in targets:  # what is transparent shows black, as nothing is behind it
        beneath[..., 3] = characters[..., 3] < 1
        write_atomic(targets[BACKGROUND], encode_exr(beneath))
    if SHADOWS in targets:
        write_atomic(targets[SHADOWS], encode_exr(beneath))


def own_picture(scene: bpy.types.Scene, frame: int) -> Path:
    """Where the scene's own output has a frame."""
    return Path(bpy.path.abspath(scene.render.frame_path(frame=frame)))


def _read(
    picture: Path, spec: ShotSpec, view_layer: str, groups: list[tuple[str, ...]]
) -> tuple[Floats, Floats | None, list[Floats]]:
    """(H, W, 4) linear, premultiplied; (H, W) coverage of the characters, None where alpha says it; of each group."""
    if picture.suffix.lower() not in pixels.LINEAR_SUFFIXES:
        if spec.split == "MATTE":
            raise InputError("it holds no passes; render an EXR of several layers, or choose Alpha")
        straight = pixels.read_values(picture)
        color = np.dstack([srgb_to_linear(straight[..., :3]) * straight[..., 3:], straight[..., 3]])
        return _with_alpha(color), None, []
    names, text = channel_names(picture)
    wanted = color_channels(names, view_layer)
    matte = find_matte(names, text, spec.names) if spec.split == "MATTE" else Matte()
    shares = find_shares(names, text, groups)
    needed = {*wanted, *matte.channels, *(channel for share in shares for channel in share.channels)} - {""}
    try:
        channels = read_exr(picture, needed.__contains__).channels
    except CannotRead:
        if spec.split == "MATTE" or "." in wanted[0]:
            raise
        layer = pixels.read_layer(picture)  # Blender reads every compression, but one layer only
        return _with_alpha(np.dstack([layer.rgb_linear, layer.alpha])), None, []
    color = np.dstack([channels[name] for name in wanted]).astype(np.float32)
    if color.shape[2] == 3:
        color = np.dstack([color, np.ones(color.shape[:2], np.float32)])
    color = np.nan_to_num(color, posinf=65504, neginf=0)
    color[..., 3] = np.clip(color[..., 3], 0, 1)
    if spec.split == "ALPHA":
        return _with_alpha(color), None, []
    coverage = matte.coverage(channels)
    if spec.backdrop != "SCENE" and color[..., 3].min() >= 1 > coverage.min():
        raise InputError(
            "it is opaque, so no background shows; render it with a transparent film, or choose the rest of it"
        )
    return color, coverage, [share.coverage(channels) for share in shares]


def _with_alpha(color: Floats) -> Floats:
    if color[..., 3].min(initial=1) >= 1:
        raise InputError(
            "it is opaque everywhere, so its alpha tells no characters; render it with a transparent film and RGBA, or "
            "tell them by a matte"
        )
    return color


def _names(context: bpy.types.Context) -> tuple[str, ...]:
    """What is looked for in the passes: what the artist typed, or the objects of the characters' collection."""
    settings = context.scene.harmonize
    if settings.foreground == "MATTE":
        typed = tuple(name for part in settings.matte.split(",") if (name := part.strip()))
        if not typed:
            raise Lack(
                "No matte is named: type the name of an AOV, or names of objects or materials in the Cryptomatte "
                "(* stands for anything)"
            )
        known = context.view_layer.aovs.keys()
        things = [d.name for kind in (bpy.data.objects, bpy.data.materials) for d in kind]
        if settings.source == "RENDER" and typed[0] not in known and not any(_named(n, typed) for n in things):
            raise Lack(
                f"Nothing is named {settings.matte!r}: no AOV of this view layer, no object and no material; type a "
                "name that there is"
            )
        return typed
    if settings.characters is None:
        raise Lack(
            "No characters are chosen: pick their collection in the Harmonize panel, or select them and press "
            "Collect Selected",
            "collect",
        )
    return object_names(settings.characters.all_objects)


def _parts(collection: bpy.types.Collection) -> tuple[CastPart, ...]:
    return split_cast(collection, tuple(collection.all_objects), layers.has_surface)


def _told(thing: bpy.types.Object, names: tuple[str, ...]) -> bool:
    """Whether a matte of these names holds an object: by its name, a material's, or an AOV that one writes."""
    materials = [slot.material for slot in thing.material_slots if slot.material]
    trees = [m.node_tree for m in materials if m.node_tree]
    written = [node.aov_name for tree in trees for node in tree.nodes if node.type == "OUTPUT_AOV"]
    return any(name in written for name in names[:1]) or any(
        _named(name, names) for name in (thing.name, *(m.name for m in materials))
    )


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _pictures(scene: bpy.types.Scene, frames: Iterable[int]) -> dict[str, str]:
    """The existing picture of each frame: the scene's own output, or the sequence that was chosen."""
    chosen = scene.harmonize.render_path
    path = Path(bpy.path.abspath(chosen))
    if path.suffix.lower() in MOVIE_SUFFIXES if chosen else scene.render.is_movie_format:
        raise Lack("A movie tells no characters from the rest: render pictures, with alpha or passes", "output")
    stem, digits, tail = split_number(path.name)
    found, missing = {}, []
    for frame in frames:
        picture = path.with_name(f"{stem}{frame:0{len(digits)}d}{tail}") if chosen and digits else path
        picture = picture if chosen else own_picture(scene, frame)
        found[str(frame)] = str(picture)
        if not picture.is_file():
            missing.append(picture)
    if missing:
        raise Lack(
            f"The existing render lacks {len(missing)} of {len(found)} frames, the first is {missing[0]}: render them, "
            "or choose pictures that are numbered like the scene's frames",
            "choose_render" if chosen else "render",
        )
    return found


def _set_up_passes(shot: bpy.types.Scene, spec: ShotSpec) -> None:
    """Let the temporary scene write one EXR with everything that the matte may be in."""
    shot.render.film_transparent = spec.backdrop != "SCENE"
    view_layer = shot.view_layers[0]
    view_layer.use = view_layer.use_pass_combined = True
    if spec.split == "MATTE" and spec.names[0] not in view_layer.aovs:
        ask_for_cryptomatte(view_layer)
    if spec.materials:
        view_layer.use_pass_cryptomatte_material = True
    set_multilayer_format(shot, space=linear_rec709())


def ask_for_cryptomatte(view_layer: bpy.types.ViewLayer) -> None:
    """Switch the passes on that tell objects and materials."""
    view_layer.use_pass_cryptomatte_object = view_layer.use_pass_cryptomatte_material = True
