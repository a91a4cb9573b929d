# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender renders without a word although it is wrong: a texture that cannot be loaded comes out pink."""

import bpy

from harmonize_core.errors import InputError

_whole: set[tuple[str, int]] = set()
"""Images that this process has seen loaded; looking costs a decoding, so each is looked at once a process."""


def require_textures() -> None:
    """Refuse a scene with an image that is missing or damaged.

    Raises:
        InputError: an image that something uses has no pixels.
    """
    for image in bpy.data.images:
        if image.users == 0 or image.source not in ("FILE", "TILED", "SEQUENCE"):
            continue
        packed = sum(p.packed_file.size for p in image.packed_files)
        key = (bpy.path.abspath(image.filepath), packed)
        if key in _whole:
            continue
        if not all(image.size):
            where = f"packed in {image.name}" if packed else key[0]
            raise InputError(f"the image {where} is missing or damaged, and Blender would render it pink; replace it")
        image.buffers_free()
        _whole.add(key)
