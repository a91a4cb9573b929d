# SPDX-License-Identifier: Apache-2.0
"""Developing a render: exposure follows the light, highlights bend, nothing leaves [0, 1]."""

import numpy as np
import pytest

from rdharmony_gen.compose.develop import SHOULDER_START, develop, shoulder
from rdharmony_gen.sampling.conditions import sample_conditions


@pytest.fixture(scope="module")
def noon():
    return sample_conditions(7, "park", 0, 0)[3]


@pytest.fixture
def render():
    return np.random.default_rng(0).lognormal(-1.0, 0.7, (48, 64, 3)).astype(np.float32)


def test_the_picture_does_not_depend_on_the_units_of_light(render, noon):
    picture, exposure, _ = develop(render, noon)
    brighter, less_exposure, _ = develop(render * 4, noon)
    np.testing.assert_allclose(picture, brighter, atol=1e-5)
    assert exposure - less_exposure == pytest.approx(2.0, abs=1e-6)


def test_result_is_srgb_in_range_with_the_gains_of_the_condition(render, noon):
    picture, _, gains = develop(render, noon)
    assert picture.dtype == np.float32
    assert picture.shape == render.shape
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert gains == noon.white_balance


def test_night_comes_out_darker_than_noon(render, noon):
    night = sample_conditions(7, "park", 0, 0)[9]
    assert develop(render, night)[0].mean() < 0.6 * develop(render, noon)[0].mean()


def test_a_few_lamps_do_not_black_out_the_picture(noon):
    night = np.full((64, 64, 3), 0.01)
    night[:4, :4] = 50.0
    assert np.median(develop(night, noon)[0]) > 0.3


def test_shoulder_keeps_what_lies_below_and_rises_to_one():
    values = np.linspace(0, 20, 2001)
    bent = shoulder(values)
    np.testing.assert_array_equal(bent[values <= SHOULDER_START], values[values <= SHOULDER_START])
    assert (np.diff(bent) > 0).all()
    assert bent[-1] < 1


def test_black_stays_black(noon):
    picture, exposure, _ = develop(np.zeros((8, 8, 3)), noon)
    assert picture.max() == 0
    assert np.isfinite(exposure)
