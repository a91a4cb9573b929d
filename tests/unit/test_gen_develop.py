# SPDX-License-Identifier: Apache-2.0
"""Developing a render: exposure follows the light, highlights bend, nothing leaves [0, 1]."""

import numpy as np
import pytest

from rdharmony_gen.compose.develop import develop
from rdharmony_gen.compose.view_transform import SHOULDER_START, display, shoulder
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.dataset import VIEW_TRANSFORMS


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


def test_a_night_is_exposed_for_its_subject_and_stays_a_night():
    conditions = sample_conditions(7, "park", 0, 0)
    subject = np.zeros((64, 64))
    subject[20:50, 26:38] = 1.0
    scene = np.full((64, 64, 3), 0.01)
    scene[subject > 0] = 0.002
    for condition in conditions:
        (_, plain, _), (picture, minded, _) = (develop(scene, condition, coverage=c) for c in (None, subject))
        assert (0.3 < minded - plain < 1.0) if condition.key == "moon" else minded == plain
        assert picture[0, 0].mean() < 0.4 or condition.key == "sun"
    night = conditions[9]
    scene[:24] = 0.08  # a bright sky, which would be that of a day
    before, after = (develop(scene, night, coverage=c)[1] for c in (None, subject))
    assert after == before
    scene[subject > 0] = 0.05  # well lit as it is
    before, after = (develop(scene, night, coverage=c)[1] for c in (None, subject))
    assert after == before
    assert develop(scene, night, coverage=0.4 * subject)[1] == before, "nothing is half covered: nobody to expose for"


def test_shoulder_keeps_what_lies_below_and_rises_to_one():
    values = np.linspace(0, 20, 2001)
    bent = shoulder(values)
    np.testing.assert_array_equal(bent[values <= SHOULDER_START], values[values <= SHOULDER_START])
    assert (np.diff(bent) > 0).all()
    assert bent[-1] < 1


@pytest.mark.parametrize("view", VIEW_TRANSFORMS)
def test_black_stays_black(noon, view):
    picture, exposure, _ = develop(np.zeros((8, 8, 3)), noon, view)
    assert picture.max() <= 0.5 / 255
    assert np.isfinite(exposure)


@pytest.mark.parametrize("view", VIEW_TRANSFORMS)
def test_a_middling_picture_is_as_bright_through_every_transform(render, noon, view):
    reference = np.median(develop(render, noon)[0])
    assert np.median(develop(render, noon, view)[0]) == pytest.approx(reference, abs=0.06)


@pytest.mark.parametrize("view", VIEW_TRANSFORMS)
def test_more_light_never_looks_darker_and_greys_stay_grey(view):
    stops = np.linspace(-9, 5, 400)[:, None]
    grey = display(0.18 * 2.0 ** np.repeat(stops, 3, axis=1), view)
    assert np.ptp(grey, axis=1).max() < 1.5 / 255
    assert (np.diff(grey[:, 1]) > -1e-6).all()
    for colour in ([1.0, 0.5, 0.2], [0.2, 0.5, 1.0], [0.3, 0.8, 0.25], [0.8, 0.3, 0.7]):
        ramp = display(0.18 * 2.0**stops * np.array(colour), view)
        assert (np.diff(ramp @ [0.2126, 0.7152, 0.0722]) > -1e-5).all()


@pytest.mark.parametrize("view", VIEW_TRANSFORMS)
def test_a_circle_of_hues_has_no_break(view):
    """Between neighbours of a fine circle of hues the picture never jumps, at any exposure."""
    angle = np.linspace(0, 2 * np.pi, 721)[:, None] + np.array([0.0, 2.0943951, 4.1887902])
    hues = 0.5 + 0.45 * np.cos(angle)
    for exposure in (-3, 0, 2, 4):
        steps = np.abs(np.diff(display(hues * 2.0**exposure, view), axis=0))
        assert steps.max() < 8 / 255
