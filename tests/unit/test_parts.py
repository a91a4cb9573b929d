# SPDX-License-Identifier: Apache-2.0
"""Rendered layers with a look each: their sum is the whole, soft pixels too, and limits are kept."""

from dataclasses import replace

import numpy as np
import pytest

from harmonize_core.color import linear_to_oklab, linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime.difference import ciede2000, lab
from harmonize_core.runtime.layers import harmonize_layers
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.parts import Limits, Part, compose, one_grade, patch, total_coverage, untouched
from harmonize_core.runtime.transform import ColorTransform

DARKER = Look(np.array([-1, 0.4, *[0] * 8], np.float32), Look.identity().map)
BRIGHTER = Look(np.array([1, *[0] * 9], np.float32), Look.identity().map)
SIZE = (24, 32)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def background(rng) -> np.ndarray:
    return rng.uniform(0, 1, (*SIZE, 3)).astype(np.float32)


@pytest.fixture
def parts(rng) -> list[Part]:
    """Two layers side by side: pixels of one alone, soft ones, and a column that both share and fill."""
    left, right = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    left[4:20, 5:15], right[4:20, 16:26] = 1, 1
    left[4:20, 15], right[4:20, 15] = 0.25, 0.75
    left[3, 5:15], right[4:20, 26] = 0.4, 0.6
    colors = rng.uniform(0.02, 0.6, (2, *SIZE, 3)).astype(np.float32)
    return [Part(colors[0] * left[..., None], left, DARKER), Part(colors[1] * right[..., None], right, BRIGHTER)]


def test_layers_add_up_to_what_was_rendered_at_once(parts, background):
    whole = Part(parts[0].rgb_linear + parts[1].rgb_linear, parts[0].alpha + parts[1].alpha, ColorTransform.identity())
    np.testing.assert_allclose(untouched(parts, background), compose([whole], background), atol=1e-6)


def test_each_layer_has_its_own_look_also_where_two_share_a_pixel(parts, background):
    picture = compose(parts, background)
    covered = (parts[0].alpha + parts[1].alpha) > 0
    assert np.array_equal(picture[~covered], background[~covered])
    expected = (1 - parts[0].alpha - parts[1].alpha)[..., None] * srgb_to_linear(background)
    for part in parts:
        straight = part.rgb_linear / np.maximum(part.alpha, 1e-6)[..., None]
        changed = srgb_to_linear(part.transform.apply(linear_to_srgb(straight)))
        expected = expected + part.alpha[..., None] * changed
    np.testing.assert_allclose(srgb_to_linear(picture), expected, atol=1e-5)


def test_one_layer_is_what_harmonize_layers_makes_of_it(parts, background):
    part = parts[0]
    assert np.array_equal(
        compose([part], background), harmonize_layers(part.transform, part.rgb_linear, part.alpha, background)
    )


@pytest.mark.parametrize("limits", [Limits(), Limits(keep_hue=True, largest=4), Limits(skin=0.5)])
def test_layers_cut_to_what_they_cover_give_the_same_picture(parts, background, limits):
    def cut(part: Part, rows: slice, columns: slice) -> Part:
        at = (rows.start, columns.start)
        return Part(part.rgb_linear[rows, columns], part.alpha[rows, columns], part.transform, at=at)

    smaller = [cut(parts[0], slice(2, 21), slice(5, 17)), cut(parts[1], slice(4, 20), slice(15, 32))]
    assert np.array_equal(compose(smaller, background, limits), compose(parts, background, limits))
    assert np.array_equal(total_coverage(smaller, SIZE), total_coverage(parts, SIZE))
    found = patch(smaller, background, limits)
    assert found.box == (3, 20, 5, 27)


def test_a_background_of_whole_numbers_is_the_same_light(parts, rng):
    codes = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    floats = codes / np.float32(255)
    assert np.array_equal(compose(parts, codes), compose(parts, floats))


def test_a_layer_that_covers_nothing_leaves_the_background(parts, background):
    empty = replace(parts[0], alpha=np.zeros(SIZE, np.float32))
    assert np.array_equal(compose([empty], background, Limits(one_grade=True, skin=1, largest=2)), background)
    gone = Part(np.zeros((0, 0, 3), np.float16), np.zeros((0, 0), np.float32), DARKER, at=(0, 0))
    assert np.array_equal(compose([gone, parts[1]], background), compose([parts[1]], background))


def test_no_pixel_changes_by_more_than_the_limit(parts, background):
    before = untouched(parts, background)
    free, held = compose(parts, background), compose(parts, background, Limits(largest=4))
    assert ciede2000(lab(before), lab(free)).max() > 8
    assert ciede2000(lab(before), lab(held)).max() < 4.01
    assert np.array_equal(held, compose(parts, background, Limits(largest=4), before))


def test_hues_stay_also_behind_soft_edges(parts, background):
    green = np.array([0.1, 0.4, 0.2], np.float32)
    part = replace(parts[0], rgb_linear=green * parts[0].alpha[..., None])
    solid = part.alpha == 1

    def hue(limits: Limits) -> np.ndarray:
        shown = linear_to_oklab(srgb_to_linear(compose([part], background, limits)[solid]))
        return np.degrees(np.arctan2(shown[:, 2], shown[:, 1]))

    own = linear_to_oklab(green[None])[0]
    own_hue = np.degrees(np.arctan2(own[2], own[1]))
    assert np.abs(hue(Limits()) - own_hue).max() > 3
    assert np.abs(hue(Limits(keep_hue=True)) - own_hue).max() < 0.5


def test_protected_materials_keep_their_share(parts, background):
    cover = np.zeros(SIZE, np.float32)
    cover[:, :10] = 1
    part = replace(parts[0], protected=np.minimum(cover, parts[0].alpha))
    before, free = untouched([part], background), compose([part], background)
    kept = compose([part], background, Limits(materials=1))
    np.testing.assert_allclose(kept[:, :10], before[:, :10], atol=1e-5)
    assert np.array_equal(kept[:, 10:], free[:, 10:])
    half = srgb_to_linear(compose([part], background, Limits(materials=0.5)))
    np.testing.assert_allclose(half[:, :10], (srgb_to_linear(before) + srgb_to_linear(free))[:, :10] / 2, atol=1e-5)


def test_skin_changes_less_than_paint(background):
    skin, paint = np.array([0.45, 0.22, 0.14], np.float32), np.array([0.05, 0.2, 0.5], np.float32)
    color = np.where(np.arange(SIZE[1])[None, :, None] < 16, skin, paint) * np.ones((*SIZE, 3), np.float32)
    part = Part(color, np.ones(SIZE, np.float32), DARKER)
    change = [np.abs(compose([part], background, Limits(skin=s)) - untouched([part], background)) for s in (0, 1)]
    assert change[1][:, :10].max() < 0.1 * change[0][:, :10].min()
    np.testing.assert_allclose(change[1][:, 22:], change[0][:, 22:], atol=1e-3)


def test_one_grade_is_the_same_everywhere(rng, parts, background):
    uneven = Look(DARKER.grade, rng.uniform(-0.4, 0.4, (12, 4, 4)).astype(np.float32))
    flat = [replace(parts[0], transform=uneven)]
    assert np.array_equal(
        compose(flat, background, Limits(one_grade=True)), compose([replace(parts[0], transform=DARKER)], background)
    )
    grid = np.eye(3, 4, dtype=np.float32) * rng.uniform(0.5, 1, (6, 8, 1, 1)).astype(np.float32)
    assert one_grade(ColorTransform(grid), parts[0].alpha).coefficients.shape == (1, 1, 3, 4)


def test_sizes_that_differ_are_refused(parts, background):
    with pytest.raises(InputError, match=r"the protected coverage should have shape \(24, 32\)"):
        compose([replace(parts[0], protected=np.zeros((3, 4), np.float32))], background)
    with pytest.raises(InputError, match=r"the layer of size \(24, 32\) at \(1, 0\) should lie in the background"):
        compose([replace(parts[0], at=(1, 0))], background)
