# SPDX-License-Identifier: GPL-3.0-or-later
"""The background of a shot: where its picture for a frame comes from, and that picture in the size of the render.

`find_plate` turns the artist's choice into a frozen `Plate`; `plate_frame` reads one frame of it. Frame numbers of
sequences and movies follow Blender's image user (Blender API, `ImageUser`). Movies have no pixels in Blender's Python,
so a movie frame is written to a PNG by the sequencer of a scene of its own; 8-bit pixels pass through unchanged.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.runtime.pieces import Pixels, floats_of

from .bridge import pixels
from .compat import literal_path, new_movie_strip, set_still_format
from .lacks import Lack
from .temporary import mark

MOVIE_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ogv")

RENDERED = ("WORLD", "SCENE")
"""Backgrounds that are rendered with the shot."""

NO_BACKGROUND = "No background is chosen: pick a picture, a sequence or a movie in the Harmonize panel"


@dataclass(frozen=True)
class Plate:
    """One background: `kind` is "still", "sequence", "movie", "datablock" (a picture inside the .blend) or "rendered"
    (by this shot: the world, or all but the characters)."""

    kind: str
    source: str
    """Absolute file path, the name of the image datablock, or the path of rendered pictures with #### in it."""
    first_frame: int = 1
    """Scene frame that shows picture 1 of a movie, or the picture `first_number` of a sequence."""
    first_number: int = 1
    length: int = 0
    """Pictures in a sequence or movie; before and after them the nearest one is held."""
    method: str = "CROP"
    flip_x: bool = False
    flip_y: bool = False
    digest: str = ""
    """Of the pixels of an image datablock, which have no date."""
    cyclic: bool = False
    """Whether a sequence or movie begins again after its last picture instead."""

    @property
    def moves(self) -> bool:
        """Whether frames can have pictures of their own."""
        return self.kind not in ("still", "datablock")

    def number(self, frame: int) -> int:
        """The picture of the sequence or movie that a scene frame shows."""
        index = frame - self.first_frame
        if self.cyclic and self.length:
            return self.first_number + index % self.length
        return self.first_number + max(0, min(index, self.length - 1) if self.length else index)

    def path(self, frame: int) -> Path:
        """The file of a still, or of one picture of a sequence."""
        if self.kind == "rendered":
            return Path(self.source.replace("####", f"{frame:04d}"))
        if self.kind != "sequence":
            return Path(self.source)
        stem, digits, tail = split_number(Path(self.source).name)
        return Path(self.source).with_name(f"{stem}{self.number(frame):0{len(digits)}d}{tail}")

    def holds(self, path: Path) -> bool:
        """Whether a file, as `in_place` names it, is this background or one of its pictures."""
        source = in_place(Path(self.source))
        if self.kind not in ("still", "movie", "sequence") or path.parent != source.parent:
            return False
        if self.kind != "sequence":
            return path == source
        (stem, _, tail), (own_stem, digits, own_tail) = split_number(source.name), split_number(path.name)
        return bool(digits) and (stem, tail) == (own_stem, own_tail)

    def fingerprint(self, frame: int) -> list[object]:
        """What a result depends on besides the pixels themselves: file, its date and size, placement."""
        if self.kind == "rendered":  # a layer of the shot, which knows when it was rendered
            return [self.kind]
        placement: list[object] = [self.kind, self.number(frame), self.method, self.flip_x, self.flip_y]
        if self.kind == "datablock":
            return [*placement, self.source, self.digest]
        path = self.path(frame)
        with contextlib.suppress(OSError):
            placement += [path.stat().st_mtime_ns, path.stat().st_size]
        return [*placement, str(path)]


def check_plate(scene: bpy.types.Scene) -> None:
    """What can be said of the artist's choice at once, without opening its files; a panel may ask at every redraw.

    Raises:
        Lack: there is none, or it cannot be used; the sentence says what to do.
    """
    settings = scene.harmonize
    if settings.background == "WORLD" and scene.world is None:
        raise Lack("The scene has no world to be the background: add one, or choose another background", "world")
    if settings.background == "CAMERA":
        _check_placement(_camera_background(scene))
    if settings.background != "FILE":
        return
    if not settings.plate_path:
        raise Lack(NO_BACKGROUND, "plate")
    path = Path(bpy.path.abspath(settings.plate_path))
    if path.is_dir():
        raise Lack(f"The background {path} is a folder: choose a picture in it, or a movie", "plate")
    if not path.is_file():
        raise Lack(f"The background {path} does not exist; choose it again in the Harmonize panel", "plate")
    if settings.plate_is_sequence and path.suffix.lower() not in MOVIE_SUFFIXES and not split_number(path.name)[1]:
        raise Lack(_not_numbered(path), "plate")


def find_plate(scene: bpy.types.Scene) -> Plate:
    """The background an artist chose in the panel.

    Raises:
        InputError: there is none, or it cannot be used; the sentence says what to do.
    """
    settings = scene.harmonize
    check_plate(scene)
    if settings.background in RENDERED:
        return Plate("rendered", "")
    if settings.background == "CAMERA":
        return _camera_plate(scene)
    path = Path(bpy.path.abspath(settings.plate_path))
    if path.suffix.lower() in MOVIE_SUFFIXES:
        return Plate("movie", str(path), settings.plate_start, 1, movie_length(path), settings.plate_fit)
    if not settings.plate_is_sequence:
        return Plate("still", str(path), method=settings.plate_fit)
    first, length = sequence_range(path)
    return Plate("sequence", str(path), settings.plate_start, first, length, settings.plate_fit)


def plate_frame(plate: Plate, frame: int, size_hw: tuple[int, int], scratch: Path) -> NDArray[np.float32]:
    """The background of a scene frame as (H, W, 3) sRGB in [0, 1]; `scratch` is a PNG path for a movie's frame.

    Raises:
        InputError: the picture is missing or damaged.
    """
    return floats_of(plate_picture(plate, frame, size_hw, scratch))


def plate_picture(plate: Plate, frame: int, size_hw: tuple[int, int], scratch: Path) -> Pixels:
    """The same, but as uint8 where the background has 8 bits a channel and the size of the render."""
    if plate.kind == "rendered":
        picture = pixels.read_backdrop(plate.path(frame))
    elif plate.kind == "datablock":
        picture = pixels.read_datablock(plate.source)
    elif plate.kind == "movie":
        with movie_scene(Path(plate.source)) as scene:
            picture = _movie_picture(scene, plate.number(frame), scratch)
    else:
        picture = pixels.read_picture(plate.path(frame))
    return pixels.fit_plate(picture, size_hw, plate.method, flip_x=plate.flip_x, flip_y=plate.flip_y)


def sequence_range(path: Path) -> tuple[int, int]:
    """(first number, how many) of the unbroken run of numbered files that starts with the lowest number."""
    stem, digits, tail = split_number(path.name)
    if not digits:
        raise Lack(_not_numbered(path), "plate")
    pattern = re.compile(re.escape(stem) + r"(\d+)" + re.escape(tail))
    found = sorted(int(m[1]) for p in path.parent.iterdir() if (m := pattern.fullmatch(p.name)))
    return found[0], found[-1] - found[0] + 1


def _not_numbered(path: Path) -> str:
    return f"{path.name} has no frame number in its name; choose a picture of a sequence like plate_0001"


def movie_length(path: Path) -> int:
    """Frames in a movie file.

    Raises:
        InputError: Blender cannot read it.
    """
    with movie_scene(path) as scene:
        return int(scene.frame_end)


@contextlib.contextmanager
def movie_scene(path: Path) -> Generator[bpy.types.Scene]:
    """A temporary scene whose sequencer plays a movie, one movie frame per scene frame, pixel for pixel."""
    scene = bpy.data.scenes.new("Harmonize Movie (temporary)")
    mark(scene)
    try:
        strip = new_movie_strip(scene, path)
        element = strip.elements[0] if strip is not None and strip.elements else None
        if strip is None or element is None or not (element.orig_width and strip.frame_duration):
            raise InputError(f"The movie {path} cannot be read by this Blender; convert it to an image sequence")
        render = scene.render
        render.resolution_x, render.resolution_y = element.orig_width, element.orig_height
        render.resolution_percentage = 100
        # The sequencer plays movies at their own speed: make the scene's the same.
        render.fps, render.fps_base = max(1, round(strip.fps)), max(1, round(strip.fps)) / (strip.fps or 24)
        scene.frame_end = strip.frame_duration
        try:
            scene.view_settings.view_transform = "Standard"
        except TypeError as error:
            raise InputError(
                f"The OpenColorIO configuration of this Blender has no view Standard, through which the movie {path} "
                "is read: convert it to an image sequence"
            ) from error
        render.use_compositing, render.use_sequencer, render.dither_intensity = False, True, 0
        render.use_file_extension = False
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _movie_picture(scene: bpy.types.Scene, number: int, scratch: Path) -> Pixels:
    set_still_format(scene, "PNG", "RGB", "8")
    scene.render.image_settings.compression = 0  # it is read once, now
    scene.frame_current = number
    scene.render.filepath = literal_path(scratch)
    with bpy.context.temp_override(scene=scene):
        bpy.ops.render.render(write_still=True)
    picture = pixels.read_picture(scratch)
    scratch.unlink()
    return picture


def _camera_background(scene: bpy.types.Scene) -> bpy.types.CameraBackgroundImage:
    camera = scene.camera.data if scene.camera else None
    backgrounds = getattr(camera, "background_images", ())
    background = next((b for b in backgrounds if b.show_background_image and (b.image or b.clip)), None)
    if background is None:
        raise Lack(
            "The camera has no background image: add one in the camera's properties under Background Images, "
            "or choose a file in the Harmonize panel",
            "plate",
        )
    return background


def _check_placement(background: bpy.types.CameraBackgroundImage) -> None:
    moved = abs(background.scale - 1) > 1e-6 or abs(background.rotation) > 1e-6 or any(background.offset)
    if moved:
        raise Lack(
            "The camera's background image is scaled, shifted or turned, which cannot be kept to the pixel; "
            "reset its Offset, Rotation and Scale, or choose the file in the Harmonize panel",
            "placement",
        )


def _camera_plate(scene: bpy.types.Scene) -> Plate:
    background = _camera_background(scene)
    placement = {"method": background.frame_method, "flip_x": background.use_flip_x, "flip_y": background.use_flip_y}
    if background.source == "MOVIE_CLIP":
        clip = background.clip
        return _clip_plate(clip, placement)
    return _image_plate(background.image, background.image_user, placement)


def _clip_plate(clip: bpy.types.MovieClip, placement: dict) -> Plate:
    path = Path(bpy.path.abspath(clip.filepath, library=clip.library))
    if not path.is_file():
        raise InputError(f"The background {path} does not exist; choose the clip's file again")
    start = clip.frame_start
    if clip.source == "MOVIE":
        return Plate("movie", str(path), start, 1 + clip.frame_offset, clip.frame_duration, **placement)
    first, length = sequence_range(path)
    return Plate("sequence", str(path), start, first + clip.frame_offset, length, **placement)


def _image_plate(image: bpy.types.Image, user: bpy.types.ImageUser, placement: dict) -> Plate:
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    if image.source == "GENERATED" or (image.source == "FILE" and (image.packed_file or image.is_dirty)):
        return Plate("datablock", image.name, digest=pixels.digest_of(image), **placement)
    if image.source not in ("FILE", "SEQUENCE", "MOVIE"):
        raise InputError(f"The background image {image.name!r} is no picture, sequence or movie; choose another")
    if not path.is_file():
        raise InputError(f"The background {path} does not exist; choose the image's file again")
    if image.source == "FILE":
        return Plate("still", str(path), **placement)
    first = 1 + user.frame_offset
    placement["cyclic"] = user.use_cyclic
    return Plate(image.source.lower(), str(path), user.frame_start, first, user.frame_duration, **placement)


def in_place(path: Path) -> Path:
    """A file by the real name of its folder; a link to a file is a file of its own."""
    return path.parent.resolve() / path.name


def split_number(name: str) -> tuple[str, str, str]:
    """A file name as (text, digits, text) around its last number before the suffix; digits may be empty."""
    match = re.fullmatch(r"(.*?)(\d+)(\D*)", name[: name.rfind(".")] if "." in name else name)
    suffix = name[name.rfind(".") :] if "." in name else ""
    return (match[1], match[2], match[3] + suffix) if match else (name, "", "")
