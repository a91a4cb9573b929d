# SPDX-License-Identifier: Apache-2.0
"""The sky the camera sees and the light the scene gets are one: checked in rendered pictures."""

import bpy
import numpy as np
import pytest

from harmonize_core.formats.images import read_exr
from rdharmony_gen.blender import lighting
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.session import quiet, reset
from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.light import atmosphere, practicals, sky
from rdharmony_gen.sampling.conditions import sample_conditions


def _stage(size=48, samples=4):
    scene = reset(size, size, samples)
    stage = Stage(7, "park", 0, AssetLibrary())
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    return scene, stage, camera


def _render(scene, path):
    scene.render.filepath = str(path)
    scene.render.image_settings.color_mode = "RGB"
    with quiet():
        bpy.ops.render.render(write_still=True)
    picture = read_exr(path)
    return np.stack([picture[c] for c in "RGB"], axis=-1)


@pytest.mark.parametrize("number", [0, 3, 9])
def test_convention_the_camera_sees_the_sun_where_the_light_comes_from(tmp_path, number):
    condition = sample_conditions(7, "park", 0, 0)[number]
    scene, stage, camera = _stage()
    lighting.Lights(stage, 256).apply(condition)
    elevation, azimuth = np.radians(condition.elevation_deg), np.radians(condition.azimuth_deg)
    camera.rotation_euler = (np.pi / 2 + elevation, 0.0, -azimuth)
    picture = _render(scene, tmp_path / "sky.exr").sum(axis=-1)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    assert abs(row - 23.5) <= 3
    assert abs(column - 23.5) <= 3


def test_a_white_floor_receives_the_recorded_irradiance(tmp_path):
    from rdharmony_gen.blender import materials

    condition = sample_conditions(7, "park", 0, 0)[3]
    scene, stage, camera = _stage(16, 256)
    stage.floor("white", -50, -50, 50, 50, materials.plain("white", (1.0, 1.0, 1.0), 1.0))
    node = stage.collection.objects["white"].data.materials[0].node_tree.nodes
    next(n for n in node if n.type == "BSDF_PRINCIPLED").inputs["Specular IOR Level"].default_value = 0.0
    lighting.Lights(stage, 256).apply(condition)
    camera.location = (0, 0, 5)
    measured = _render(scene, tmp_path / "floor.exr").mean(axis=(0, 1)) * np.pi
    sine = np.sin(np.radians(condition.elevation_deg))
    expected = np.array(condition.key_irradiance) * sine + np.array(condition.sky_irradiance)
    np.testing.assert_allclose(measured, expected, rtol=0.12)


def test_lamps_are_off_by_day_and_on_at_night():
    day, night = (sample_conditions(7, "park", 0, 0)[i] for i in (3, 9))
    _, stage, _ = _stage()
    stage.put("lamp_02_classic", 0, 0)
    stage.put("building_07_stone_cottage", 10, 0)
    lights = lighting.Lights(stage, 64)
    lights.apply(day)
    assert all(lamp.data.energy == 0 for lamp, _ in stage.lamps)
    lights.apply(night)
    assert all(lamp.data.energy > 0 and not lamp.hide_render for lamp, _ in stage.lamps)
    window = stage.windows[0].node_tree.nodes
    assert window["lit"].outputs[0].default_value == pytest.approx(night.lit_windows)


def test_copies_of_an_asset_share_one_mesh():
    _, stage, _ = _stage()
    first, second = stage.put("bench_04_wood", 0, 0), stage.put("bench_04_wood", 3, 0, yaw=90)
    assert first.data is second.data


def test_lamps_are_warm_and_less_so_when_hotter():
    warm, white = practicals.blackbody(2500), practicals.blackbody(6500)
    assert warm[0] == 1
    assert warm[0] > warm[1] > warm[2]
    assert white == pytest.approx((1.0, 1.0, 1.0))
    assert sky.MOON_TINT[2] > sky.MOON_TINT[0]
    assert atmosphere.sun_colour(60, 2.0).min() > 5
