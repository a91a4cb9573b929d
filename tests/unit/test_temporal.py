# SPDX-License-Identifier: Apache-2.0
"""Looks over time: what flickers is calmed, what the light does goes through, at a shot's ends as in its middle."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from harmonize_core.runtime import ColorTransform, Look
from harmonize_core.runtime.follower import Follower
from harmonize_core.runtime.temporal import (
    VISIBLE,
    centre_of,
    light_of,
    lock,
    probe,
    size_of,
    smooth,
    smooth_over_time,
    steady,
    steps,
)

SIGMA = 5.0


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def looks_of(stops: np.ndarray, rng: np.random.Generator, noise: float = 0.0) -> list[Look]:
    """Looks of an exposure over time; noise is of all their numbers, in their units."""
    units = np.float32([1, 0.3, 0.15, *[0.02] * 3, *[0.25] * 3, 0.25])
    found = []
    for value in stops:
        grade = noise * units * rng.normal(size=10)
        grade[0] += value
        cells = noise * 0.2 * rng.normal(size=(12, 4, 4))
        cells[9:] *= 0.03
        found.append(Look(grade.astype(np.float32), cells.astype(np.float32)))
    return found


def exposure(looks: list[Look]) -> np.ndarray:
    return np.array([look.grade[0] for look in looks])


def test_flicker_is_calmed_without_a_shift_in_level(rng):
    raw = looks_of(np.full(60, 0.5), rng, noise=0.1)
    calm = exposure(smooth(raw, SIGMA))
    assert np.abs(np.diff(calm)).mean() < 0.1 * np.abs(np.diff(exposure(raw))).mean()
    assert abs(calm.mean() - exposure(raw).mean()) < 0.02


def test_a_lamp_that_is_switched_on_goes_through_at_its_frame(rng):
    true = np.where(np.arange(60) < 31, 0.0, 0.9)
    raw = looks_of(true, rng, noise=0.05)
    assert steps(np.stack([probe(look) for look in raw])) == (31,)
    calm = exposure(smooth(raw, SIGMA))
    assert np.abs(calm - true).max() < 0.06
    assert calm[31] - calm[30] > 0.8


def test_a_network_that_changes_its_mind_is_calmed_where_the_pictures_show_no_change(rng):
    raw = looks_of(np.where(np.arange(60) < 31, 0.0, 0.9), rng, noise=0.05)
    picture, mask = rng.uniform(0.2, 0.6, (40, 60, 3)).astype(np.float32), np.zeros((40, 60), np.float32)
    frames = []
    for frame in range(60):  # a character that walks; in the second clip a lamp beside it is switched on, too
        here = mask.copy()
        here[10:30, frame // 2 : frame // 2 + 12] = 1
        frames.append((picture + 0.005 * rng.normal(size=picture.shape).astype(np.float32), here))
    still = np.stack([light_of(*frame) for frame in frames])
    lamp = np.stack([light_of(p + np.float32(0.08 * (i >= 31)), m) for i, (p, m) in enumerate(frames)])
    calm = exposure(smooth(raw, SIGMA, lights=still))
    assert np.abs(np.diff(calm)).max() < 0.15
    assert steady(np.stack([probe(look) for look in raw]), SIGMA, lights=still).steps == ()
    assert steady(np.stack([probe(look) for look in raw]), SIGMA, lights=lamp).steps == (31,)


@pytest.mark.parametrize("count", [8, 20, 60])
def test_slow_changes_are_followed_to_the_ends_of_the_shot(count, rng):
    true = np.linspace(-1.0, 1.0, count)
    raw = looks_of(true, rng)
    assert steps(np.stack([probe(look) for look in raw])) == ()
    assert steady(np.stack([probe(look) for look in raw]), SIGMA).outliers == ()
    inside = np.abs(exposure(smooth(raw, 1.0)) - true)
    assert inside.max() < 0.15 * (true[1] - true[0]) * 8  # of what a kernel without slope is off at the ends
    noisy = looks_of(true, rng, noise=0.03)
    assert steps(np.stack([probe(look) for look in noisy])) == ()


def test_odd_frames_are_left_out(rng):
    true = np.full(40, 0.2)
    raw = looks_of(true, rng, noise=0.02)
    clean = exposure(smooth(raw, SIGMA))
    for odd in (0, 17, 18, 39):
        raw[odd] = Look(raw[odd].grade + np.float32([2.5, *[0] * 9]), raw[odd].map)
    decided = steady(np.stack([probe(look) for look in raw]), SIGMA)
    assert decided.outliers == (0, 17, 18, 39)
    assert decided.steps == ()
    np.testing.assert_allclose(exposure(smooth(raw, SIGMA)), clean, atol=0.03)
    assert abs(exposure([lock(raw)])[0] - 0.2) < 0.02


def test_smoothing_has_no_lag_and_counts_missing_frames(rng):
    wave = 0.3 * np.sin(np.arange(80) / 8)
    raw = looks_of(wave, rng)
    back = exposure(smooth(raw[::-1], 3.0))[::-1]
    np.testing.assert_allclose(exposure(smooth(raw, 3.0)), back, atol=1e-6)
    np.testing.assert_allclose(exposure(smooth(raw, 3.0))[10:-10], wave[10:-10], atol=0.03)
    rest = [i for i in range(80) if i % 7]
    sparse = exposure(smooth([raw[i] for i in rest], 3.0, rest))
    np.testing.assert_allclose(sparse[10:-10], wave[rest][10:-10], atol=0.04)
    assert smooth(raw, 0) == raw
    assert len(smooth(raw[:1], 3.0)) == 1


def test_transforms_of_networks_without_looks_are_steadied_alike(rng):
    gains = np.where(np.arange(30) < 12, 1.0, 1.5) + rng.normal(0, 0.02, 30)
    raw = [ColorTransform((np.eye(3, 4) * g).astype(np.float32)[None, None]) for g in gains]
    calm = np.array([t.coefficients[0, 0, 0, 0] for t in smooth(raw, 3.0)])
    np.testing.assert_allclose(calm, np.where(np.arange(30) < 12, 1.0, 1.5), atol=0.03)
    assert abs(lock(raw[12:]).coefficients[0, 0, 0, 0] - 1.5) < 0.02


def test_live_frames_are_followed_without_flicker_and_a_step_at_its_third_frame(rng):
    true = np.where(np.arange(80) < 40, 0.0, 1.0)
    raw = looks_of(true, rng, noise=0.04)
    raw[20] = Look(raw[20].grade + np.float32([2.0, *[0] * 9]), raw[20].map)
    follower = Follower(SIGMA)
    calm = exposure([follower.follow(look) for look in raw])
    assert np.abs(np.diff(calm[10:40])).max() < 0.03
    assert np.abs(calm[38:42]).max() < 0.1
    assert np.abs(calm[42:] - 1).max() < 0.1
    follower.reset()
    assert follower.follow(raw[3]) is raw[3]


def test_weights_of_a_frame_sum_to_one_and_stay_within_its_stretch(rng):
    true = np.where(np.arange(50) < 20, 0.0, 1.0)
    decided = steady(np.stack([probe(look) for look in looks_of(true, rng, noise=0.03)]), SIGMA)
    for i, share in enumerate(decided.shares):
        assert share.weights.sum() == pytest.approx(1)
        reach = range(share.start, share.start + len(share.weights))
        assert i in reach
        assert all((j < 20) == (i < 20) for j in reach)


def test_a_plain_gaussian_over_time_is_centred_and_keeps_constants():
    frames = [ColorTransform(np.full((2, 2, 3, 4), v, np.float32)) for v in (0, 0, 0, 1, 0, 0, 0)]
    calm = np.array([t.coefficients[0, 0, 0, 0] for t in smooth_over_time(frames, 1.0)])
    np.testing.assert_allclose(calm, calm[::-1], atol=1e-6)
    assert calm.argmax() == 3
    assert calm[3] < 0.5
    assert all(b >= a for a, b in itertools.pairwise(calm[:4]))
    np.testing.assert_allclose(
        smooth_over_time([frames[3]] * 5, 2.0)[0].coefficients, frames[3].coefficients, atol=1e-6
    )
    assert smooth_over_time(frames, 0) == frames
    assert smooth_over_time([], 2.0) == []


def test_a_slope_keeps_most_of_its_height_at_the_first_and_last_frame(rng):
    true = np.linspace(-1.0, 1.0, 60)
    off = np.abs(exposure(smooth(looks_of(true, rng), SIGMA)) - true) / (true[1] - true[0])
    assert max(off[0], off[-1]) < 2  # frames; a gaussian without slope is 3.7 off


@pytest.mark.parametrize("at", [0, 17, 39])
def test_an_odd_frame_that_is_just_seen_is_left_out(at, rng):
    true = np.full(40, 0.2)
    raw = looks_of(true, rng, noise=0.003)
    raw[at] = Look(raw[at].grade + np.float32([0.16, *[0] * 9]), raw[at].map)
    distance = float(size_of(probe(raw[at]) - probe(raw[at - 1])))
    assert 1.5 * VISIBLE < distance < 2.5 * VISIBLE
    assert steady(np.stack([probe(look) for look in raw]), SIGMA).outliers == (at,)


def test_the_local_part_of_a_look_goes_with_the_foreground():
    columns = np.arange(32)
    raw, centres = [], []
    for i in range(10):
        middle = 6 + 2 * i
        bump = np.exp(-(((columns + 0.5 - middle) / 3) ** 2)).astype(np.float32)
        raw.append(Look(Look.identity().grade, np.broadcast_to(bump, (12, 8, 32)).copy()))
        mask = np.zeros((16, 64), np.float32)
        mask[4:12, 2 * middle - 6 : 2 * middle + 6] = 1
        centres.append(centre_of(mask))
    np.testing.assert_allclose(centres[0], [0.5, 6 / 32])
    for i, look in enumerate(smooth(raw, 3.0, centres=np.stack(centres))):
        seen = np.abs(columns + 0.5 - 6 - 2 * i) < 5
        np.testing.assert_allclose(look.map[:, :, seen], raw[i].map[:, :, seen], atol=0.02)
    assert np.abs(smooth(raw, 3.0)[5].map - raw[5].map).max() > 0.3
