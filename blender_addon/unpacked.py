# SPDX-License-Identifier: GPL-3.0-or-later
"""EXR files of several layers that our own reader cannot unpack (PIZ, DWA, B44, tiles, ...): Blender can.

It gives their pixels to nobody, `Image.pixels` is empty, but saves the whole datablock anew with all layers: in floats
and ZIP compression to the last bit what was read, with the names that a Cryptomatte keeps in the header (4.2 to 5.2).
Where a cropped picture lies in the whole one it forgets; that is written into the copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

import bpy

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_reader import HEAD, LINES, in_lines, read_parts
from harmonize_core.runtime.exr_windows import put_windows, windows_of

from .bridge.pixels import load_image
from .compat import set_multilayer_format, working_space


@contextlib.contextmanager
def readable(picture: Path, scene: bpy.types.Scene, scratch: Path) -> Generator[Path]:
    """A file with the channels of a picture that `read_exr` can read: itself, or for a while a copy.

    Args:
        picture: any image; one that is no EXR of several layers is left as it is.
        scene: a temporary one; its output format is changed.
        scratch: where the copy is written.

    Raises:
        InputError: the picture is missing or damaged, or no EXR file though it is called one.
    """
    if picture.suffix.lower() != ".exr" or not _is_packed_otherwise(picture):
        yield picture
        return
    image = load_image(picture)
    try:
        image.colorspace_settings.name = working_space()  # nothing is converted, neither here nor in the copy
        if tuple(image.size) != (0, 0) or image.type != "MULTILAYER":  # the size makes Blender look into the file
            yield picture
            return
        set_multilayer_format(scene, depth="32", space=working_space())
        with contextlib.suppress(RuntimeError):  # without a copy, the picture's own refusal says what to do
            image.save_render(str(scratch), scene=scene)
        if scratch.is_file():
            put_windows(scratch, *windows_of(picture))
        yield scratch if scratch.is_file() else picture
    except InputError as error:
        raise InputError(str(error).replace(str(scratch), str(picture))) from error
    finally:
        bpy.data.images.remove(image)
        scratch.unlink(missing_ok=True)


def _is_packed_otherwise(picture: Path) -> bool:
    _, parts, flags, _ = read_parts(picture, HEAD)
    return not in_lines(parts, flags) or any(part.compression not in LINES for part in parts)
