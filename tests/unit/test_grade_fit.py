# SPDX-License-Identifier: Apache-2.0
"""Grades for scene-linear light: exact where they can be, near behind a view transform or for another kind."""

from __future__ import annotations

import numpy as np
import pytest

from harmonize_core.color import linear_to_srgb
from harmonize_core.runtime import ColorTransform, Look
from harmonize_core.runtime.grade_fit import Shown, chart, fit_grade, plainly_shown

GRADE = np.array([0.3, 0.1, -0.05, 0.005, 0.0, 0.01, 0.1, 0.05, -0.05, 0.1], np.float32)


@pytest.fixture
def colors() -> np.ndarray:
    """Of light and dark things, no purer than paint is."""
    rng = np.random.default_rng(5)
    return (rng.random((300, 1)) ** 2 * 0.6 * (0.4 + 0.6 * rng.random((300, 3)))).astype(np.float32)


def filmic(rgb_linear: np.ndarray) -> np.ndarray:
    """A made-up view transform: highlights roll off and lose colour."""
    mixed = rgb_linear @ (0.9 * np.eye(3) + 0.1 / 3).astype(np.float32)
    return linear_to_srgb(1.3 * mixed / (mixed + 0.6))


def test_a_grade_of_the_plain_view_is_found_again(colors):
    look = Look(GRADE, Look.identity().map)
    found = fit_grade(look, colors)
    assert found.error < 0.3 / 255
    assert np.abs(
        linear_to_srgb(found.look.cdl().apply(colors.T)) - linear_to_srgb(look.cdl().apply(colors.T))
    ).max() < (2 / 255)


def test_a_view_transform_is_known_from_its_answers(colors):
    shown = Shown(filmic(chart()))
    assert np.abs(shown(colors) - filmic(colors)).max() < 2 / 255
    assert np.array_equal(shown(np.zeros((1, 3), np.float32)), filmic(np.zeros((1, 3), np.float32)))
    assert shown(np.full((1, 3), 1e5, np.float32)).max() <= 1.2


def test_behind_a_view_transform_the_picture_changes_as_the_transform_says(colors):
    look = Look(GRADE, Look.identity().map)
    shown = Shown(filmic(chart()))
    found = fit_grade(look, colors, shown)
    nowhere = np.zeros(len(colors), np.intp)
    wanted = look.apply_to(filmic(colors), nowhere, nowhere, (1, 1))
    unfitted = np.abs(filmic(look.cdl().apply(colors.T).T) - wanted).mean()
    assert np.abs(filmic(found.look.cdl().apply(colors.T).T) - wanted).mean() < 0.3 * unfitted
    assert found.error < 2 / 255


def test_a_colour_transform_gets_the_nearest_grade(colors):
    matrix = np.concatenate([np.diag([1.1, 1.0, 0.85]), [[0.02], [0.0], [-0.01]]], axis=1).astype(np.float32)
    found = fit_grade(ColorTransform(matrix[None, None]), colors)
    assert found.error < 1.5 / 255
    assert found.look.grade[1] > 0.05


def test_no_change_stays_none(colors):
    found = fit_grade(ColorTransform.identity(), colors, plainly_shown)
    assert np.abs(found.look.grade).max() < 1e-3
