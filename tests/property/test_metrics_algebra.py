# SPDX-License-Identifier: Apache-2.0
"""What the docstrings of metrics and colour transforms claim, over generated inputs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonize_core import metrics
from harmonize_core.errors import InputError
from harmonize_core.runtime import ColorTransform, apply_transform, fit_transform

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(12, 40)


def pair(seed: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, height, width, 3)) * 255
    mask = (rng.random((height, width)) < 0.4).astype(np.float64)
    mask[0, 0] = 1
    return a, b, mask


@given(seeds, sides, sides)
@settings(max_examples=25, deadline=None)
def test_identical_images(seed, height, width):
    image, _, mask = pair(seed, height, width)
    assert metrics.mse(image, image) == metrics.fmse(image, image, mask) == 0
    assert metrics.psnr(image, image, data_range=255) == math.inf
    assert metrics.ssim(image, image, data_range=255) == pytest.approx(1)
    assert metrics.fssim(image, image, mask, data_range=255) == pytest.approx(1)


@given(seeds, sides, sides)
@settings(max_examples=25, deadline=None)
def test_symmetry_and_the_link_between_mse_and_fmse(seed, height, width):
    a, b, mask = pair(seed, height, width)
    assert metrics.mse(a, b) == metrics.mse(b, a)
    assert metrics.ssim(a, b, data_range=255) == pytest.approx(metrics.ssim(b, a, data_range=255))
    same_background = np.where(mask[..., None] > 0, a, b)
    whole = metrics.mse(same_background, b)
    assert whole == pytest.approx(mask.mean() * metrics.fmse(same_background, b, mask))


@given(seeds, sides, sides)
@settings(max_examples=25, deadline=None)
def test_the_background_does_not_reach_foreground_errors(seed, height, width):
    a, b, mask = pair(seed, height, width)
    other = np.where(mask[..., None] > 0, a, 255 - a)
    assert metrics.fmse(a, b, mask) == pytest.approx(metrics.fmse(other, b, mask))


@given(seeds, sides, sides, st.floats(0.01, 10))
@settings(max_examples=25, deadline=None)
def test_scale_goes_with_data_range(seed, height, width, factor):
    a, b, _ = pair(seed, height, width)
    scaled = metrics.psnr(a * factor, b * factor, data_range=255 * factor)
    assert scaled == pytest.approx(metrics.psnr(a, b, data_range=255))
    assert metrics.ssim(a * factor, b * factor, data_range=255 * factor) == pytest.approx(
        metrics.ssim(a, b, data_range=255)
    )


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_flipping_everything_changes_no_number(seed):
    a, b, mask = (x / 255 if x.ndim == 3 else x for x in pair(seed, 24, 30))
    scores = metrics.score(a, a, b, mask)
    flipped = metrics.score(a[:, ::-1], a[:, ::-1], b[:, ::-1], mask[:, ::-1])
    for name in ("mse", "fmse", "psnr", "fpsnr", "ssim", "fssim", "fg_ratio"):
        assert getattr(scores, name) == pytest.approx(getattr(flipped, name))


def test_empty_masks_give_nan_and_means_leave_them_out():
    a, b, _ = pair(0, 16, 16)
    empty = metrics.score(a / 255, a / 255, b / 255, np.zeros((16, 16)))
    assert math.isnan(empty.fmse)
    assert math.isnan(empty.fssim)
    full = metrics.score(a / 255, a / 255, b / 255, np.ones((16, 16)))
    assert full.fmse == pytest.approx(full.mse)
    assert metrics.Scores.mean([empty, full]).fmse == full.fmse
    assert metrics.Scores.mean([empty, full]).mse == pytest.approx(full.mse)


def test_shapes_that_differ_and_pictures_too_small_are_refused():
    image = np.zeros((16, 16, 3))
    with pytest.raises(InputError, match="equal shape"):
        metrics.mse(image, np.zeros((16, 17, 3)))
    with pytest.raises(InputError, match="the mask should have shape"):
        metrics.score(image, image, image, np.zeros((16, 17)))
    with pytest.raises(InputError, match="at least 11x11"):
        metrics.ssim(image[:8], image[:8], data_range=255)


@pytest.mark.parametrize("protocol", metrics.PROTOCOLS.values(), ids=list(metrics.PROTOCOLS))
def test_a_protocol_describes_and_resizes(protocol):
    assert protocol.name in protocol.describe()
    size = protocol.size or 40
    assert protocol.resized(np.zeros((40, 50, 3), np.float32)).shape[0] == size


@given(seeds, st.integers(1, 70), st.integers(1, 70), st.floats(0, 2))
@settings(max_examples=25, deadline=None)
def test_pixels_without_foreground_keep_their_bits(seed, height, width, strength):
    rng = np.random.default_rng(seed)
    image = rng.random((height, width, 3), dtype=np.float32)
    mask = np.where(rng.random((height, width)) < 0.5, rng.random((height, width)), 0).astype(np.float32)
    mask[0, 0] = 1
    transform = ColorTransform(rng.normal(0, 1, (4, 4, 3, 4)).astype(np.float32)).scaled(strength)
    harmonized = apply_transform(transform, image, mask)
    assert np.array_equal(harmonized[mask == 0], image[mask == 0])
    assert np.isfinite(harmonized).all()
    assert harmonized.min() >= 0
    assert harmonized.max() <= 1


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_fitting_commutes_with_flipping(seed):
    rng = np.random.default_rng(seed)
    composite, harmonized = rng.random((2, 64, 64, 3), dtype=np.float32)
    mask = (rng.random((64, 64)) < 0.3).astype(np.float32)
    mask[5, 7] = 1
    straight = fit_transform(composite, harmonized, mask).coefficients
    mirrored = fit_transform(composite[:, ::-1], harmonized[:, ::-1], mask[:, ::-1]).coefficients
    np.testing.assert_allclose(mirrored[:, ::-1], straight, atol=1e-4)
