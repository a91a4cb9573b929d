# SPDX-License-Identifier: Apache-2.0
"""What the docstrings of metrics and colour transforms claim, over generated inputs."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harmonize_core import metrics
from harmonize_core.errors import InputError
from harmonize_core.metrics import video
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


protocols = st.sampled_from(sorted(metrics.PROTOCOLS)).map(metrics.PROTOCOLS.__getitem__)


@given(seeds, protocols)
@settings(max_examples=25, deadline=None)
def test_flipping_everything_changes_no_number(seed, protocol):
    a, b, mask = (x / 255 if x.ndim == 3 else x for x in pair(seed, 24, 30))
    scores = metrics.score(a, a, b, mask, protocol)
    flipped = metrics.score(a[:, ::-1], a[:, ::-1], b[:, ::-1], mask[:, ::-1], protocol)
    for name in ("mse", "fmse", "psnr", "fpsnr", "ssim", "fssim", "fg_ratio"):
        assert getattr(scores, name) == pytest.approx(getattr(flipped, name))


@given(seeds, protocols)
@settings(max_examples=25, deadline=None)
def test_a_perfect_8_bit_prediction_has_no_error_under_any_protocol(seed, protocol):
    rng = np.random.default_rng(seed)
    real = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    composite = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    mask = (rng.random((20, 20)) < 0.5).astype(np.float32)
    mask[0, 0] = 1
    harmonized = np.where(mask[..., None] > 0, real, composite) if protocol.background != "raw" else real
    unit = [x.astype(np.float32) / 255 for x in (harmonized, composite, real)]
    scores = metrics.score(*unit, mask, protocol)
    assert scores.fmse < 1e-8
    if protocol.background != "composite":  # there the composite's own background counts
        assert scores.mse < 1e-8
        assert scores.ssim == pytest.approx(1)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_real_background_leaves_only_foreground_errors(seed):
    a, b, mask = (x / 255 if x.ndim == 3 else x for x in pair(seed, 20, 26))
    other = np.where(mask[..., None] > 0, a, 1 - a)
    ours, theirs = (metrics.score(x, x, b, mask, metrics.PROTOCOL_B) for x in (a, other))
    for name in ("mse", "psnr", "fmse", "fpsnr", "ssim", "fssim"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name))
    assert ours.mse == pytest.approx(mask.mean() * ours.fmse)


@given(seeds, sides, sides)
@settings(max_examples=25, deadline=None)
def test_masked_mse_is_the_foreground_error_times_its_share(seed, height, width):
    a, b, _ = pair(seed, height, width)
    soft = np.random.default_rng(seed).random((height, width))
    assert metrics.masked_mse(a, b, soft) == pytest.approx(soft.mean() * metrics.fmse(a, b, soft))


@given(seeds, st.floats(-100, 100), st.floats(0.01, 100), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_intervals_hold_the_mean_follow_shifts_and_scales_and_depend_on_the_seed_alone(seed, shift, factor, groups):
    values = np.random.default_rng(seed).normal(5, 2, 40)
    names = [f"photo{i % groups}" for i in range(40)]
    interval = metrics.interval_of_mean(values.tolist(), names, seed=3, resamples=300)
    assert interval == metrics.interval_of_mean(values.tolist(), names, seed=3, resamples=300)
    assert interval.low <= values.mean() <= interval.high
    moved = metrics.interval_of_mean((values * factor + shift).tolist(), names, seed=3, resamples=300)
    assert moved.low == pytest.approx(interval.low * factor + shift, abs=1e-6 * (1 + abs(shift)))
    assert moved.high == pytest.approx(interval.high * factor + shift, abs=1e-6 * (1 + abs(shift)))


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    rng, hits = np.random.default_rng(0), 0
    for seed in range(200):
        level = rng.normal(0, 1, 40).repeat(4)  # four composites a photograph, alike among themselves
        values = 10 + level + rng.normal(0, 0.2, 160)
        interval = metrics.interval_of_mean(
            values.tolist(), [str(i // 4) for i in range(160)], seed=seed, resamples=400
        )
        hits += interval.low <= 10 <= interval.high
    assert 0.89 <= hits / 200 <= 0.99  # drawing composites instead of photographs gives about 0.72


def test_an_interval_needs_two_groups_and_leaves_out_what_the_mean_leaves_out():
    assert math.isnan(metrics.interval_of_mean([1.0, 2.0], ["a", "a"], seed=0).low)
    with_gaps = metrics.interval_of_mean([1.0, math.inf, 2.0, math.nan], list("abcd"), seed=0)
    assert with_gaps == metrics.interval_of_mean([1.0, 2.0], list("ac"), seed=0)


def clip_of(seed: int, frames: int = 4, size: int = 48) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A smooth picture that moves two pixels a frame, with a mask that moves along."""
    rng = np.random.default_rng(seed)
    wide = video.cv2.GaussianBlur(rng.random((size, size + 2 * frames, 3)).astype(np.float32), (0, 0), 3)
    wide = (wide - wide.min()) / (wide.max() - wide.min())
    mask = np.zeros(wide.shape[:2], np.float32)
    mask[12:36, 14:38] = 1
    return [wide[:, 2 * t : 2 * t + size] for t in range(frames)], [
        mask[:, 2 * t : 2 * t + size] for t in range(frames)
    ]


@given(seeds, st.floats(-0.1, 0.1))
@settings(max_examples=8, deadline=None)
def test_a_clip_changed_by_a_constant_is_as_steady_as_the_real_one(seed, offset):
    real, masks = clip_of(seed)
    real = [0.2 + 0.6 * f for f in real]
    scores = video.score_clip([f + np.float32(offset) for f in real], real, masks)
    assert scores.fr_rtc == pytest.approx(0, abs=1e-3)
    assert scores.tl == pytest.approx(scores.tl_real, rel=1e-2, abs=1e-3)


def test_flicker_costs_what_the_formulas_say():
    real, masks = clip_of(1, frames=5)
    real = [0.2 + 0.6 * f for f in real]
    flicker = [f + np.float32(0.02 * (t % 2)) for t, f in enumerate(real)]
    steady, nervous = video.score_clip(real, real, masks), video.score_clip(flicker, real, masks)
    assert nervous.fr_rtc == pytest.approx(
        (255 * 0.02) ** 2, rel=1e-3
    )  # every difference is off by 5.1, none above mean
    assert nervous.tl > steady.tl == steady.tl_real
    # along a perfect flow only the flicker is left: 3 channels of 5.1^2, weighted w^2 / w
    shift = np.zeros((48, 48, 2), np.float32)
    shift[..., 0] = 2
    still = video.temporal_loss(real, real, masks, lambda after, before: shift)
    moving = video.temporal_loss(flicker, real, masks, lambda after, before: shift)
    assert still == pytest.approx(0, abs=1e-6)
    assert moving == pytest.approx(3 * (255 * 0.02) ** 2, rel=1e-2)


def test_the_flow_finds_the_motion_it_is_asked_for():
    real, masks = clip_of(2)
    flow = video.dis_flow(real[1], real[0])
    inside = masks[1] > 0
    assert np.median(flow[..., 0][inside]) == pytest.approx(2, abs=0.3)
    assert np.abs(video.warp(real[0], flow) - real[1])[inside].mean() < 0.02 < np.abs(real[0] - real[1])[inside].mean()


def test_clips_that_do_not_fit_together_are_refused():
    real, masks = clip_of(0)
    with pytest.raises(InputError, match="4 harmonized, 4 real and 3 masks"):
        video.score_clip(real, real, masks[:3])
    with pytest.raises(InputError, match="one shape"):
        video.score_clip(real, real, [m[:, 1:] for m in masks])
    with pytest.raises(InputError, match="two or more frames"):
        video.fr_rtc(real[:1], real[:1], masks[:1])


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
    small = protocol.at(32)
    assert "32" in small.name
    assert small.describe() != protocol.describe()
    image, mask = np.full((40, 50, 3), 0.2, np.float32), np.ones((40, 50), np.float32)
    assert small.resized(image).shape == (32, 32, 3)
    np.testing.assert_allclose(small.resized(image), 0.2, atol=1e-6)
    assert small.resized(mask).shape == (32, 32)
    assert protocol.at(None).resized(image) is image


def test_filters_are_those_of_the_libraries_they_name():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for name, flag in (
        ("pil-bicubic", Image.BICUBIC),
        ("pil-bilinear", Image.BILINEAR),
        ("pil-nearest", Image.NEAREST),
    ):
        protocol = dataclasses.replace(metrics.PROTOCOL_A, size=24, resize=name)
        expected = np.asarray(Image.fromarray(image).resize((24, 24), flag))
        np.testing.assert_array_equal(np.rint(protocol.resized(image.astype(np.float32) / 255) * 255), expected)
    soft = rng.random((60, 80)).astype(np.float32)
    strict = metrics.PROTOCOLS["dovenet"].at(24).resized((soft > 0.5).astype(np.float32))
    assert set(np.unique(strict)) == {0, 1}


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
