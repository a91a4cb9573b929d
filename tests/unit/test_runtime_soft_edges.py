# SPDX-License-Identifier: Apache-2.0
"""Soft edges under a look: nothing that is elsewhere in a frame moves them, and nothing jumps."""

import numpy as np
import pytest

from harmonize_core.color import linear_to_srgb
from harmonize_core.compositing import trust_foreground
from harmonize_core.runtime.look import Look

DARKER = Look(np.array([-2, 0.3, *[0] * 8], np.float32), Look.identity().map)


def disc(height: int, width: int, middle: tuple[int, int], radius: float, softness: float = 4) -> np.ndarray:
    down, across = np.mgrid[0:height, 0:width]
    distance = np.hypot(down - middle[0], across - middle[1]) - radius
    return np.clip(0.5 - distance / softness, 0, 1).astype(np.float32)


def grained(coverage: np.ndarray) -> np.ndarray:
    """A darker, warmer foreground before a wavy background, with grain; (H, W, 3) sRGB."""
    height, width = coverage.shape
    down, across = np.mgrid[0:height, 0:width]
    waves = 0.4 + 0.2 * np.sin(across / 30)[..., None] + 0.1 * np.cos(down / 21)[..., None]
    waves = waves + 0.05 * np.random.default_rng(0).normal(size=(height, width, 3))
    weight = coverage[..., None]
    return np.clip(weight * waves * [1, 0.6, 0.4] + (1 - weight) * waves, 0.01, 1).astype(np.float32)


@pytest.mark.parametrize("moved", [1, 2, 16])
def test_soft_edges_at_rest_do_not_flicker_when_something_else_moves(moved):
    coverage = disc(240, 320, (140, 170), 70)
    composite = grained(coverage)
    coverage[68 - moved, 60 - moved] = 0.3
    other = coverage.copy()
    other[68 - moved, 60 - moved], other[66 - 2 * moved, 58 - 2 * moved] = 0, 0.3
    change = np.abs(DARKER.over(composite, coverage) - DARKER.over(composite, other))
    change[: 68 + 1, : 60 + 1] = 0
    assert 255 * change.max() < 0.2


@pytest.mark.parametrize("gap", [40, 100])
def test_two_soft_objects_are_each_changed_as_if_alone(gap):
    """The gap is wider than those that are worked on with their objects."""
    size, middles = (120, 300), ((60, 60), (60, 60 + 2 * 34 + gap))
    alone = [disc(*size, middle, 30) for middle in middles]
    colors = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.8]], np.float32)
    light = np.full((*size, 3), 0.3, np.float32)
    for coverage, color in zip(alone, colors, strict=True):
        light = coverage[..., None] * color + (1 - coverage[..., None]) * light
    composite = linear_to_srgb(light)
    together = DARKER.over(composite, np.maximum(*alone))
    for coverage in alone:
        near = coverage > 0
        np.testing.assert_allclose(together[near], DARKER.over(composite, coverage)[near], atol=0.01)


def test_a_mask_that_gets_a_little_more_opaque_changes_little():
    """Soft edges are separated where there is something opaque to explain them from; that sets in slowly."""
    coverage = disc(120, 160, (60, 80), 40)
    composite = grained(coverage)
    for opacity in (0.85, 0.9):
        less, more = (DARKER.over(composite, np.float32(opacity + by) * coverage) for by in (-1e-4, 1e-4))
        assert 255 * np.abs(more - less).max() < 0.3


def test_pixels_beside_a_soft_edge_tell_less_of_the_foreground_than_glass():
    """0.95 beside 0.5 is a mixture; 0.95 all over is as opaque as glass gets."""
    coverage = np.full((20, 20), 0.95, np.float32)
    coverage[:, 10:] = 1
    assert trust_foreground(coverage)[10, 5] > 0
    coverage[:, 4] = 0.5
    assert trust_foreground(coverage)[10, 5] == 0
    assert trust_foreground(coverage)[10, 15] == 1
