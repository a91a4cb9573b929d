# SPDX-License-Identifier: Apache-2.0
"""Frames made steady as they come: the same whether a run is stopped or not, cuts are kept, one look for a shot."""

from __future__ import annotations

import numpy as np
import pytest

from harmonize_core.runtime import Look
from harmonize_core.runtime.shot_timing import Estimate, SteadyShot, Timing
from harmonize_core.runtime.temporal import smooth

COUNT = 60


def estimate(exposure: float, row: float = 0.5) -> Estimate:
    grade = np.zeros(10, np.float32)
    grade[0] = exposure
    cells = np.zeros((12, 8, 8), np.float32)
    cells[3, int(row * 8)] = exposure
    return Estimate(Look(grade, cells), np.array([row, 0.5]), np.full(6, 0.4, np.float32))


@pytest.fixture
def noisy() -> dict[int, Estimate | None]:
    rng = np.random.default_rng(3)
    return {i: estimate(float(rng.normal(0.5, 0.05))) for i in range(COUNT)}


def exposures(timing: Timing, known: dict[int, Estimate | None]) -> np.ndarray:
    found = []
    for i in range(timing.count):
        look = SteadyShot(timing, {j: known[j] for j in timing.shot(i)}).transform(i)
        assert isinstance(look, Look)
        found.append(look.grade[0])
    return np.array(found)


def test_noise_is_calmed_as_by_smooth(noisy):
    found = exposures(Timing(COUNT, 3.0), noisy)
    raw = [e.transform for e in noisy.values() if e is not None]
    lights = np.stack([e.light for e in noisy.values() if e is not None])
    assert np.array_equal(found, [look.grade[0] for look in smooth(raw, 3.0, lights=lights)])
    assert found.std() < 0.4 * np.std([look.grade[0] for look in raw])


def test_frames_around_one_nearly_decide_what_it_gets(noisy):
    timing = Timing(COUNT, 2.0)
    whole = exposures(timing, noisy)
    for index in range(COUNT):
        near = timing.around(index)
        assert index in near
        assert len(near) <= 33
        look = SteadyShot(timing, {i: noisy[i] for i in near}).transform(index)
        assert isinstance(look, Look)
        assert abs(look.grade[0] - whole[index]) < 0.05


def test_without_smoothing_each_frame_is_its_own(noisy):
    timing = Timing(COUNT)
    assert timing.around(7) == range(7, 8)
    assert np.array_equal(exposures(timing, noisy), [e.transform.grade[0] for e in noisy.values()])


def test_nothing_reaches_over_a_cut():
    known: dict[int, Estimate | None] = {i: estimate(0.0 if i < 20 else 1.0) for i in range(30)}
    timing = Timing(30, 4.0, cuts=(20, 25))
    shots = [timing.shot(i) for i in (0, 19, 20, 25, 29)]
    assert shots == [range(0, 20), range(0, 20), range(20, 25), range(25, 30), range(25, 30)]
    found = exposures(timing, known)
    assert np.allclose(found[:20], 0, atol=1e-6)
    assert np.allclose(found[20:], 1, atol=1e-6)


def test_locked_shots_have_one_grade_each_that_an_odd_frame_hardly_moves(noisy):
    known = {**noisy, 10: estimate(4.0)}
    timing = Timing(COUNT, 2.0, lock=True, cuts=(40,))
    assert timing.around(3) == range(0, 40)
    found = exposures(timing, known)
    assert len(set(found[:40])) == 1
    assert len(set(found[40:])) == 1
    assert abs(found[0] - 0.5) < 0.03


def test_the_local_part_of_a_locked_look_goes_with_the_characters():
    known: dict[int, Estimate | None] = {i: estimate(1.0, row) for i, row in enumerate((0.3, 0.5, 0.7))}
    timing = Timing(3, lock=True)
    for i, row in enumerate((0.3, 0.5, 0.7)):
        look = SteadyShot(timing, known).transform(i)
        assert isinstance(look, Look)
        strongest = look.map[3].mean(axis=1).argmax()
        assert abs(strongest - int(row * 8)) <= 1


def test_frames_without_characters_have_none_and_do_not_count(noisy):
    steady = SteadyShot(Timing(COUNT, 2.0), {**noisy, 12: None})
    assert steady.transform(12) is None
    assert steady.transform(13) is not None
    assert SteadyShot(Timing(2, 2.0), {0: None, 1: None}).transform(1) is None
