# SPDX-License-Identifier: Apache-2.0
"""The ten capture conditions: drawn within their table, alike for equal seeds, and lit by the sky they show."""

import numpy as np
import pytest

from rdharmony_gen.light import atmosphere, sky
from rdharmony_gen.sampling.conditions import LIT_ROOM, WARM_WINDOW_SIDE_DEG, sample_conditions
from rdharmony_gen.spec.styles import STYLES


@pytest.fixture(scope="module")
def conditions():
    return sample_conditions(7, "park", 0, 3)


def test_ten_in_the_order_of_their_numbers(conditions):
    assert [c.style_id for c in conditions] == list(range(1, 11))
    assert [c.style for c in conditions] == [s.name for s in STYLES]


def test_equal_arguments_give_equal_numbers_and_others_do_not(conditions):
    assert sample_conditions(7, "park", 0, 3) == conditions
    assert sample_conditions(8, "park", 0, 3) != conditions
    assert sample_conditions(7, "park", 0, 4) != conditions


@pytest.mark.parametrize("seed", range(4))
def test_every_number_lies_in_its_range(seed):
    for condition, style in zip(sample_conditions(seed, "park", 1, seed), STYLES, strict=True):
        for value, (low, high) in (
            (condition.elevation_deg, style.elevation_deg),
            (condition.cloud_cover, style.cloud_cover),
            (condition.key_transmission, style.key_transmission),
            (condition.key_angle_deg, style.key_angle_deg),
            (condition.exposure_key, style.exposure_key),
        ):
            assert low <= value <= high, style.name
        assert (condition.lamps > 0) == (condition.lit_windows > 0)


def test_a_room_by_night_is_exposed_for_its_lamps():
    outside, inside = (sample_conditions(3, scene, 1, 0, STYLES[9:]) for scene in ("park", "room"))
    low, high = STYLES[9].exposure_key
    assert low <= outside[0].exposure_key <= high
    assert LIT_ROOM * low <= inside[0].exposure_key <= LIT_ROOM * high


def test_weathers_of_one_time_share_the_sun(conditions):
    for first in (0, 3, 6):
        assert len({(c.elevation_deg, c.azimuth_deg) for c in conditions[first : first + 3]}) == 1
    assert min(abs(conditions[0].azimuth_deg - 90), abs(conditions[0].azimuth_deg - 270)) <= WARM_WINDOW_SIDE_DEG


def test_clouds_take_the_sun_and_low_suns_are_red(conditions):
    key = {c.style: np.array(c.key_irradiance) for c in conditions}
    assert key["noon_cloudy"].max() < 0.05 * key["noon_clear"].max()
    assert key["noon_partly_cloudy"].max() < key["noon_clear"].max()
    warmth = {name: rgb[0] / rgb[2] for name, rgb in key.items() if rgb.any()}
    assert warmth["sunrise_sunset_clear"] > 2 * warmth["noon_clear"] > 2 * warmth["night"]


def test_night_is_lit_by_lamps(conditions):
    assert conditions[9].lamps == 1.0
    assert conditions[3].lamps == 0.0


def test_convention_azimuth_is_clockwise_from_north():
    np.testing.assert_allclose(atmosphere.direction(0, 90), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(atmosphere.direction(0, 0), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(atmosphere.direction(90, 0), [0, 0, 1], atol=1e-12)


def test_convention_panorama_has_x_in_the_middle_and_y_to_its_left():
    view = sky.directions(64)
    assert view.shape == (32, 64, 3)
    np.testing.assert_allclose(np.linalg.norm(view, axis=-1), 1, atol=1e-12)
    assert view[16, 32, 0] > 0.99
    assert view[16, 16, 1] > 0.99
    assert view[0, 0, 2] > 0.99


@pytest.mark.parametrize("number", [0, 3, 6])
def test_the_brightest_point_of_a_clear_sky_is_the_sun(conditions, number):
    picture = sky.panorama(conditions[number], 512)
    assert np.isfinite(picture).all()
    assert (picture >= 0).all()
    row, column = np.unravel_index(picture.sum(axis=-1).argmax(), picture.shape[:2])
    towards = sky.directions(512)[row, column]
    sun = atmosphere.direction(conditions[number].elevation_deg, conditions[number].azimuth_deg)
    assert np.degrees(np.arccos(np.clip(towards @ sun, -1, 1))) < 1.5


def test_an_overcast_sky_hides_the_sun_and_is_grey(conditions):
    upper = sky.panorama(conditions[5], 256)[:60].reshape(-1, 3)
    brightness = upper.sum(axis=1)
    assert brightness.max() < 4 * np.median(brightness)
    tint = upper.mean(axis=0)
    assert tint.max() / tint.min() < 1.15
    clear = sky.panorama(conditions[3], 256)[:60].reshape(-1, 3).mean(axis=0)
    assert clear[2] > 1.5 * clear[0]


def test_recorded_sky_irradiance_is_that_of_the_picture(conditions):
    for condition in conditions:
        measured = sky.irradiance(sky.panorama(condition, 512))
        # the record is measured on a coarse picture, where the sun's disc may fall between pixels
        np.testing.assert_allclose(measured, condition.sky_irradiance, rtol=0.2)


def test_irradiance_of_an_even_sky_is_pi_times_its_radiance():
    np.testing.assert_allclose(sky.irradiance(np.ones((128, 256, 3))), np.pi, rtol=1e-3)
