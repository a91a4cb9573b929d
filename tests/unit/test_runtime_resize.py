# SPDX-License-Identifier: Apache-2.0
"""The NumPy resize equals OpenCV's area averaging and bilinear interpolation."""

import cv2
import numpy as np
import pytest

from harmonize_core.runtime.resize import interpolation_matrix, resize


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("size_hw", [(256, 256), (270, 300), (1080, 1919), (257, 640), (512, 256)])
@pytest.mark.parametrize("channels", [0, 3])
def test_shrinking_equals_area_averaging(size_hw, channels):
    image = noise(*size_hw, *([channels] if channels else []))
    expected = cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)
    found = resize(image, (256, 256))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=3e-5)


@pytest.mark.parametrize("size_hw", [(10, 7), (255, 200), (1, 1), (1, 30)])
def test_growing_equals_bilinear_interpolation(size_hw):
    image = noise(*size_hw, 3)
    expected = cv2.resize(image, (256, 256), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize(image, (256, 256)), expected, atol=1e-5)


def test_one_axis_may_shrink_while_the_other_grows():
    image = noise(100, 1000, 3)
    expected = resize(resize(image, (100, 256)), (256, 256))
    np.testing.assert_array_equal(resize(image, (256, 256)), expected)


def test_the_same_size_is_the_same_array():
    image = noise(256, 256, 3)
    np.testing.assert_array_equal(resize(image, (256, 256)), image)


def test_a_part_of_the_interpolation_is_the_part_of_the_whole():
    whole = interpolation_matrix(32, 0, 1000, 1000)
    np.testing.assert_array_equal(interpolation_matrix(32, 137, 531, 1000), whole[137:531])
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-6)
