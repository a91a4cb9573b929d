# SPDX-License-Identifier: Apache-2.0
"""Air by depth: the law of visibility, the sky left alone, each surface of a soft pixel seen through its own air."""

import dataclasses

import numpy as np
import pytest

from rdharmony_gen.compose.fog import Camera, through_air
from rdharmony_gen.light import atmosphere, haze
from rdharmony_gen.sampling.conditions import sample_conditions

CAMERA = Camera(yaw_deg=0.0, pitch_deg=0.0, focal_mm=50.0, height_m=1.6)
SKY = np.float32(1e10)


@pytest.fixture(scope="module")
def clear():
    return sample_conditions(7, "park", 0, 0)[3]


@pytest.fixture(scope="module")
def fog(clear):
    return dataclasses.replace(clear, visibility_m=80.0, fog_height_m=500.0, key_irradiance=(0.0, 0.0, 0.0))


def test_at_its_visibility_fog_leaves_two_percent_of_contrast(fog):
    through = haze.transmittance(fog, np.array([0.0, 40.0, 80.0]), np.zeros(3), 0.0)
    np.testing.assert_allclose(through[0], 1.0)
    np.testing.assert_allclose(through[1], 0.02**0.5, rtol=0.03)
    np.testing.assert_allclose(through[2], 0.02, rtol=0.06)


def test_fog_thins_upwards_and_with_the_height_of_the_camera(fog):
    low = dataclasses.replace(fog, fog_height_m=10.0)
    far = np.full(3, 60.0)
    level, up, down = haze.fog_depth(low, far, np.array([0.0, 0.3, -0.1]), 1.6)
    assert up < 0.6 * level < level < down
    assert haze.fog_depth(low, far, np.zeros(3), 30.0)[0] < 0.1 * level
    steep = haze.fog_depth(low, np.array([1e5]), np.array([1.0]), 0.0)
    np.testing.assert_allclose(steep, haze.KOSCHMIEDER / 80.0 * 10.0, rtol=1e-3)  # the whole column


def test_clean_air_is_clear_near_by_and_blue_at_the_backdrop(clear):
    near, hills = haze.transmittance(clear, np.array([5.0, 150.0]), np.zeros(2), 1.6)
    assert near.min() > 0.999
    assert 0.8 < hills[2] < hills[1] < hills[0] < 0.97


def test_far_air_looks_like_the_horizon_and_glows_under_a_low_sun():
    sunset = sample_conditions(7, "park", 0, 0)[0]
    glow = haze.airlight(sunset, np.array([sunset.azimuth_deg, sunset.azimuth_deg + 180.0])).sum(axis=-1)
    assert glow[0] > 1.5 * glow[1]


def test_convention_rays_look_where_the_camera_looks():
    rays = Camera(yaw_deg=90.0, pitch_deg=30.0, focal_mm=36.0, height_m=0.0).rays(20, 40)
    middle = rays[9:11, 19:21].mean(axis=(0, 1))
    np.testing.assert_allclose(middle, atmosphere.direction(30.0, 90.0), atol=1e-9)
    level = Camera(yaw_deg=0.0, pitch_deg=0.0, focal_mm=36.0, height_m=0.0).rays(20, 40)
    assert level[0, 20, 2] > 0 > level[-1, 20, 2]
    assert level[10, -1, 0] == pytest.approx(0.5 * 39 / 40)


def test_the_sky_is_left_alone_and_land_fades_into_it(fog):
    picture = np.full((40, 60, 3), 0.2, np.float32)
    depth = np.full((40, 60), 3.0, np.float32)
    depth[:10] = SKY
    depth[10:20] = 400.0
    out = through_air(picture, depth, np.zeros((40, 60), np.float32), CAMERA, fog)
    np.testing.assert_array_equal(out[:8], picture[:8])
    horizon = haze.airlight(fog, np.array([0.0]))[0]
    np.testing.assert_allclose(out[15, 30], horizon, rtol=0.05)
    assert np.abs(out[35, 30] - picture[35, 30]).max() < 0.2 * np.abs(horizon - picture[35, 30]).max()


def test_each_surface_of_a_soft_pixel_gets_its_own_air(fog):
    """A flat subject before flat far land, mixed exactly: the result is the mix of the two fogged colours."""
    columns = np.arange(64)
    coverage = np.repeat(np.clip((columns - 29.5) / 6, 0, 1)[None], 48, axis=0).astype(np.float32)
    front, back = np.float32([0.6, 0.3, 0.1]), np.float32([0.05, 0.1, 0.02])
    alpha = coverage[..., None]
    depth = np.where(coverage > 0.5, 4.0, 70.0).astype(np.float32)
    mixed = alpha * front + (1 - alpha) * back
    out = through_air(mixed, depth, coverage, CAMERA, fog)
    only_front = through_air(np.broadcast_to(front, mixed.shape), np.full_like(depth, 4.0), coverage, CAMERA, fog)
    empty = np.zeros_like(coverage)
    only_back = through_air(np.broadcast_to(back, mixed.shape), np.full_like(depth, 70.0), empty, CAMERA, fog)
    np.testing.assert_allclose(out, alpha * only_front + (1 - alpha) * only_back, atol=0.01)


def test_a_room_is_clear_and_its_window_is_not(fog):
    picture = np.full((32, 32, 3), 0.2, np.float32)
    depth = np.full((32, 32), 6.0, np.float32)
    depth[:, 20:] = 90.0
    out = through_air(picture, depth, np.zeros((32, 32), np.float32), CAMERA, fog, indoor=True)
    np.testing.assert_allclose(out[:, :16], 0.2, rtol=1e-4)
    assert np.abs(out[:, 26:] - 0.2).min() > 0.01


def test_a_lamp_in_fog_has_a_halo_and_an_even_wall_has_none(clear, fog):
    picture = np.full((64, 64, 3), 0.02, np.float32)
    depth, nobody = np.full((64, 64), 30.0, np.float32), np.zeros((64, 64), np.float32)
    wall = through_air(picture, depth, nobody, CAMERA, fog)
    picture[31:33, 31:33] = 20.0
    lamp = through_air(picture, depth, nobody, CAMERA, fog)
    gain = (lamp - wall).sum(axis=-1)
    assert gain[32, 36] > 3 * gain[32, 40] > 0
    clean = through_air(picture, depth, nobody, CAMERA, clear)
    assert np.ptp(clean[10].sum(axis=-1)) < 1e-3
