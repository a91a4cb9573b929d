# SPDX-License-Identifier: Apache-2.0
"""The sky the camera sees and the light the scene gets are one: checked in rendered pictures."""

import bpy
import numpy as np
import pytest

from rdharmony_gen.blender import lighting
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.session import render, render_file, reset
from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.compose.fog import SKY_M, Camera
from rdharmony_gen.light import atmosphere, hdri, practicals, sky
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.styles import Hdri, Lamps


def _stage(size=48, samples=4):
    scene = reset(size, size, samples)
    stage = Stage(7, "park", 0, AssetLibrary())
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    return scene, stage, camera


def _render(scene, path):
    picture = render(scene, path, "RGB")
    return np.stack([picture[c] for c in "RGB"], axis=-1)


def _sees_the_sun_in_the_middle(condition, path):
    """A camera that looks towards where the condition's light comes from."""
    scene, stage, camera = _stage()
    lighting.Lights(stage, 256).apply(condition)
    elevation, azimuth = np.radians(condition.elevation_deg), np.radians(condition.azimuth_deg)
    camera.rotation_euler = (np.pi / 2 + elevation, 0.0, -azimuth)
    picture = _render(scene, path).sum(axis=-1)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    assert abs(row - 23.5) <= 3
    assert abs(column - 23.5) <= 3


@pytest.mark.parametrize("number", [0, 3, 9])
def test_convention_the_camera_sees_the_sun_where_the_light_comes_from(tmp_path, number):
    condition = sample_conditions(7, "park", 0, 0)[number]
    _sees_the_sun_in_the_middle(condition, tmp_path / "sky.exr")


def test_convention_a_photographed_sun_stands_where_its_light_comes_from(tmp_path):
    style = Hdri(name="photo", style_id=11, hdri="hdri_sky", sha256=hdri.resolve("hdri_sky", tmp_path)[1])
    (condition,) = sample_conditions(7, "park", 0, 0, [style])
    assert min(condition.key_irradiance) > 0.5
    _sees_the_sun_in_the_middle(condition, tmp_path / "sky.exr")


def test_convention_depth_times_ray_is_where_the_surface_is(tmp_path):
    """Of a tilted camera in a wide picture, every pixel that shows the ground leads to height 0."""
    from rdharmony_gen.blender import materials

    scene, stage, camera = _stage(48, 1)
    scene.render.resolution_y = 32
    stage.floor("ground", -200, -200, 200, 200, materials.plain("grey", (0.5, 0.5, 0.5), 1.0))
    camera.location = (3.0, -2.0, 5.0)
    camera.data.lens, camera.data.sensor_width, camera.data.sensor_fit = 30.0, 36.0, "AUTO"
    camera.rotation_euler = (np.pi / 2 + np.radians(-12.0), 0.0, -np.radians(40.0))
    scene.view_layers[0].use_pass_z = True
    scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    channels = render_file(scene, tmp_path / "z.exr")
    depth = next(values for name, values in channels.items() if name.endswith("Depth.Z"))
    rays = Camera(yaw_deg=40.0, pitch_deg=-12.0, focal_mm=30.0, height_m=5.0).rays(32, 48)
    ground = depth < 60.0
    assert 0.5 < ground.mean() < 1.0
    assert np.abs(5.0 + (rays * depth[..., None])[ground][:, 2]).max() < 0.35
    assert (depth[rays[..., 2] > 0.01] > SKY_M).all()


def test_lamps_shine_in_the_colours_of_a_style():
    style = Lamps(name="neon", style_id=11, colours=("#ff0000", "#0000ff"), glow=(0.1, 0.1))
    (condition,) = sample_conditions(7, "park", 0, 0, [style])
    _, stage, _ = _stage()
    stage.put("lamp_02_classic", 0, 0)
    stage.put("lamp_02_classic", 3, 0)
    lighting.Lights(stage, 64).apply(condition)
    assert [tuple(lamp.data.color) for lamp, _ in stage.lamps] == [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)]


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
