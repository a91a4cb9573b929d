# SPDX-License-Identifier: Apache-2.0
"""View transforms against Blender's own colour management, without rendering: one float picture saved three times."""

import bpy
import numpy as np
import pytest
from PIL import Image

from rdharmony_gen.blender.chatter import quiet
from rdharmony_gen.blender.session import reset
from rdharmony_gen.compose.view_transform import SHOULDER_START, display

SIDE = 96


def _through_blender(light, view, path):
    scene = reset(SIDE, SIDE, 1)
    image = bpy.data.images.new("ramp", SIDE, SIDE, alpha=False, float_buffer=True)
    rgba = np.ones((SIDE, SIDE, 4), np.float32)
    rgba[..., :3] = light[::-1]
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    scene.render.dither_intensity = 0.0
    scene.view_settings.view_transform, scene.view_settings.look = view, "None"
    with quiet():
        image.save_render(str(path), scene=scene)
    return np.asarray(Image.open(path)).astype(float)


def _colours(saturation):
    """Colours over twelve stops, channels apart by at most the given saturation."""
    rng = np.random.default_rng(0)
    level = 2.0 ** rng.uniform(-8, 4, (SIDE, SIDE, 1))
    return (level * (1 - saturation * (1 - rng.random((SIDE, SIDE, 3))))).astype(np.float32)


@pytest.mark.parametrize(("view", "name"), [("agx", "AgX"), ("filmic", "Filmic")])
@pytest.mark.parametrize(("saturation", "mean", "worst"), [(0.0, 0.6, 1.5), (0.8, 0.6, 4.5), (0.95, 0.7, 20.0)])
def test_what_blender_shows(tmp_path, view, name, saturation, mean, worst):
    light = _colours(saturation)
    difference = np.abs(display(light, view) * 255 - _through_blender(light, name, tmp_path / "ramp.png")).max(axis=-1)
    assert difference.mean() < mean
    assert difference.max() < worst


def test_standard_is_blenders_below_the_shoulder(tmp_path):
    light = np.minimum(_colours(0.9), SHOULDER_START)
    shown = _through_blender(light, "Standard", tmp_path / "ramp.png")
    assert np.abs(display(light, "standard") * 255 - shown).max() <= 0.6
