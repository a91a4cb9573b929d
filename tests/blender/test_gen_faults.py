# SPDX-License-Identifier: Apache-2.0
"""What Blender renders without a word although it is wrong: textures that cannot be loaded."""

import bpy
import numpy as np
import pytest
from PIL import Image

from harmonize_core.errors import InputError
from rdharmony_gen.blender.faults import require_textures
from rdharmony_gen.blender.session import reset


def _whole(path):
    Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).save(path)


def _missing(path):
    pass


def _damaged(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\nand no more")


def _load(path) -> bpy.types.Image:
    """As a material refers to it: the file need not be there."""
    image = bpy.data.images.new("wood", 8, 8)
    image.source, image.filepath = "FILE", str(path)
    image.use_fake_user = True
    return image


@pytest.mark.parametrize("damage", [_missing, _damaged])
def test_a_texture_that_would_be_pink_is_named(tmp_path, damage):
    reset(32, 32, 1)
    path = tmp_path / "wood.png"
    damage(path)
    _load(path)
    with pytest.raises(InputError, match=r"wood\.png is missing or damaged, and Blender would render it pink"):
        require_textures()


def test_whole_textures_pass_and_one_packed_in_a_file_is_looked_at_too(tmp_path):
    reset(32, 32, 1)
    path = tmp_path / "wood.png"
    _whole(path)
    image = _load(path)
    require_textures()
    image.pack()
    require_textures()
    _damaged(path)
    broken = _load(path)
    broken.pack()
    with pytest.raises(InputError, match="packed in wood"):
        require_textures()
