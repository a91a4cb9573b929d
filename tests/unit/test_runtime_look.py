# SPDX-License-Identifier: Apache-2.0
"""Looks in NumPy: the same as in PyTorch, at any size, and right at soft edges."""

import numpy as np
import pytest
import torch

from harmonize_core import pull_push
from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.models import charmnet_hr
from harmonize_core.models import look as torch_look
from harmonize_core.runtime import pieces, threads
from harmonize_core.runtime.layers import apply_transform, harmonize_layers
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.resize import resize
from harmonize_core.runtime.temporal import smooth_over_time


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def look(rng) -> Look:
    """Every number of it says something."""
    limits = [np.array(limit, np.float32) for limit in (torch_look.LIMITS, torch_look.MAP_LIMITS)]
    grade, cells = (rng.uniform(-0.5, 0.5, shape).astype(np.float32) for shape in (10, (12, 16, 16)))
    return Look(grade * limits[0], cells * limits[1][:, None, None])


def picture(rng, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise under a disc with a soft edge."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(down - height / 2, across - width / 2) - 0.4 * min(height, width)
    return rng.random((height, width, 3), dtype=np.float32), np.clip(0.5 - distance / 6, 0, 1)


def in_torch(look: Look) -> torch_look.Look:
    return torch_look.Look(*(torch.from_numpy(a)[None] for a in (look.grade, look.map)))


def planes(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1)[None].copy())


def test_pictures_larger_than_a_tile_come_out_as_from_torch(look, rng):
    composite, mask = picture(rng, 300, 530)
    linear = torch_look.srgb_to_linear(planes(composite))
    expected = charmnet_hr.over(planes(composite), linear, in_torch(look).apply(linear), planes(mask)).clamp(0, 1)
    found = look.over(composite, mask, separated=False)
    np.testing.assert_allclose(found, expected[0].numpy().transpose(1, 2, 0), atol=1e-5)
    np.testing.assert_array_equal(found[mask == 0], composite[mask == 0])


def test_the_grade_is_the_cdl_that_it_says(look, rng):
    linear = rng.random((40, 40, 3), dtype=np.float32)
    expected = torch_look.apply_grade(planes(linear), in_torch(look).grade)[0].numpy()
    np.testing.assert_allclose(look.cdl().apply(linear.transpose(2, 0, 1)), expected, rtol=1e-5, atol=1e-6)
    alone = linear_to_srgb(np.minimum(expected, 1)).transpose(1, 2, 0)
    np.testing.assert_allclose(look.global_only().apply(linear_to_srgb(linear)), alone, atol=1e-5)


def both(look: Look, colors: list[list[float]]) -> list[np.ndarray]:
    """Linear colours (N, 3) under a look, by NumPy and by PyTorch."""
    linear = np.array(colors, np.float32)[None]
    found = srgb_to_linear(look.apply(linear_to_srgb(linear), ceiling=None))
    in_two = in_torch(look).apply(planes(linear))[0].numpy().transpose(1, 2, 0)
    return [found[0], in_two[0]]


@pytest.mark.parametrize("power", [-0.6, 0.2, 0.7])
def test_powers_turn_around_middle_grey(power):
    look = Look(np.array([0] * 6 + [power] * 3 + [0], np.float32), Look.identity().map)
    for found in both(look, [[0.18] * 3, [0.36] * 3]):
        np.testing.assert_allclose(found[0], 0.18, rtol=1e-4)
        np.testing.assert_allclose(found[1], 0.18 * 2 ** np.exp(power), rtol=1e-4)


def test_white_balance_keeps_the_luminance_of_greys_and_turns_them_as_it_says():
    look = Look(np.array([0, 0.6, -0.3] + [0] * 7, np.float32), Look.identity().map)
    for found in both(look, [[0.1] * 3, [0.7] * 3]):
        np.testing.assert_allclose(found @ [0.2126, 0.7152, 0.0722], [0.1, 0.7], rtol=1e-3)
        np.testing.assert_allclose(np.log(found[:, 0] / found[:, 2]), 2 * 0.6, rtol=1e-3)
        np.testing.assert_allclose(np.log(found[:, 1] ** 2 / (found[:, 0] * found[:, 2])), 2 * 0.3, rtol=1e-3)


@pytest.mark.parametrize(
    ("tone", "level", "light"),
    [(0, 0.082687, 0.18), (1, 0.917313, 0.18), (2, 0.459480, 0.5), (1, 0.540520, 0.5), (0, 0.0, 0.5)],
)
def test_how_much_of_a_tone_a_luminance_is(tone, level, light):
    """Worked out by hand: 2 * 0.18^(1/2.2) = 0.917313 and 2 * 0.5^(1/2.2) = 1.459480 on a scale from 0 to 2."""
    cells = np.zeros((12, 1, 1), np.float32)
    cells[3 * tone : 3 * tone + 3] = 1
    for found in both(Look(np.zeros(10, np.float32), cells), [[light] * 3]):
        np.testing.assert_allclose(np.log(found[0] / light), level, atol=2e-4)


def test_single_pixels_are_changed_as_in_their_picture(look, rng):
    composite, _ = picture(rng, 90, 70)
    rows, columns = rng.integers(0, 90, 50), rng.integers(0, 70, 50)
    whole = look.apply(composite)
    np.testing.assert_allclose(
        look.apply_to(composite[rows, columns], rows, columns, (90, 70)), whole[rows, columns], atol=1e-5
    )
    np.testing.assert_allclose(look.apply(composite, (20, 60, 5, 44)), whole[20:60, 5:44], atol=1e-6)


def test_no_strength_and_no_look_change_nothing(look, rng):
    composite, mask = picture(rng, 64, 64)
    composite[:20] = 0  # black is no light at all
    for nothing in (look.scaled(0), Look.identity()):
        np.testing.assert_array_equal(nothing.over(composite, mask), composite)
        np.testing.assert_array_equal(nothing.apply(composite), composite)
    brighter = Look(np.array([1, *[0] * 9], np.float32), Look.identity().map)
    np.testing.assert_array_equal(brighter.over(composite, np.ones_like(mask))[:20], 0)


def test_a_soft_edge_is_a_changed_foreground_before_an_unchanged_background(rng):
    _, coverage = picture(rng, 120, 160)
    foreground, background = np.array([0.6, 0.3, 0.2], np.float32), np.array([0.05, 0.1, 0.3], np.float32)
    darker = Look(np.array([-2, 0.3, *[0] * 8], np.float32), Look.identity().map)
    alpha = coverage[..., None]
    changed = srgb_to_linear(darker.apply(linear_to_srgb(foreground)[None, None]))
    expected = linear_to_srgb(alpha * changed + (1 - alpha) * background)
    composite = linear_to_srgb(alpha * foreground + (1 - alpha) * background)
    edge = (coverage > 0.02) & (coverage < 0.98)
    error = np.abs(darker.over(composite, coverage) - expected)[edge].max()
    assert error < 0.01 < np.abs(darker.over(composite, coverage, separated=False) - expected)[edge].max()
    layers = harmonize_layers(
        darker, alpha * foreground, coverage, np.broadcast_to(linear_to_srgb(background), composite.shape)
    )
    np.testing.assert_allclose(layers, expected, atol=1e-4)


def test_an_edge_of_one_pixel_is_explained_by_what_is_beyond_it():
    coverage = np.zeros((60, 60), np.float32)
    coverage[20:40, 20:40], coverage[21:39, 21:39] = 0.5, 1
    alpha = coverage[..., None]
    darker = Look(np.array([-2, *[0] * 9], np.float32), Look.identity().map)
    expected = linear_to_srgb(alpha * np.float32(0.6 / 4) + (1 - alpha) * np.float32(0.1)).repeat(3, axis=2)
    composite = linear_to_srgb(alpha * np.float32(0.6) + (1 - alpha) * np.float32(0.1)).repeat(3, axis=2)
    np.testing.assert_allclose(darker.over(composite, coverage), expected, atol=0.01)


def wide_feather() -> tuple[np.ndarray, np.ndarray]:
    """A textured disc that fades into a textured background over 120 pixels."""
    down, across = np.mgrid[0:300, 0:320].astype(np.float32)
    coverage = np.clip((150 - np.hypot(down - 150, across - 160)) / 120, 0, 1)
    texture = np.stack([np.sin(down / 9), np.cos(across / 7), np.sin((down + across) / 11)], axis=-1)
    foreground, background = 0.4 + 0.2 * texture, 0.3 - 0.2 * texture[::-1]
    return linear_to_srgb(coverage[..., None] * foreground + (1 - coverage[..., None]) * background), coverage


def test_a_wide_feather_has_no_seams_between_pieces(monkeypatch):
    """Pieces need no opaque and no background pixels of their own."""
    composite, coverage = wide_feather()
    darker = Look(np.array([-2, 0.3, *[0] * 8], np.float32), Look.identity().map)
    whole = darker.over(composite, coverage)
    monkeypatch.setattr(pieces, "PIXELS", 999)
    monkeypatch.setattr(pieces, "COLUMNS", 70)
    monkeypatch.setattr(pull_push, "RUN", 3)
    np.testing.assert_allclose(darker.over(composite, coverage), whole, atol=1e-6)


def test_threads_and_the_array_written_to_change_nothing(look, rng, monkeypatch):
    composite, mask = picture(rng, 200, 340)
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 1000)
    alone, several = (look.over(composite, mask, threads=n) for n in (1, 3))
    np.testing.assert_array_equal(alone, several)
    assert look.over(composite, mask, out=composite) is composite
    np.testing.assert_array_equal(composite, alone)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_whole_numbers_are_changed_as_the_floats_they_stand_for(look, rng, kind):
    composite, mask = picture(rng, 120, 150)
    white = np.iinfo(kind).max
    codes, coverage = (np.rint(array * white).astype(kind) for array in (composite, mask))
    found = look.over(codes, coverage)
    expected = look.over(codes / np.float32(white), coverage / np.float32(white)) * white
    assert found.dtype == kind
    np.testing.assert_allclose(found, expected, atol=0.51 if kind is np.uint8 else 1.5)
    np.testing.assert_array_equal(found[coverage == 0], codes[coverage == 0])


def test_small_gaps_and_thin_foregrounds_are_changed_and_nothing_else(look, rng):
    """Columns of one pixel, with gaps that are bridged and gaps that are not, in a picture wider than any piece."""
    composite = rng.random((40, 3000, 3), dtype=np.float32)
    mask = np.zeros((40, 3000), np.float32)
    for column in (0, 20, 53, 54, 700, 2999):
        mask[5:, column] = 1
    found, everywhere = look.over(composite, mask), look.apply(composite)
    np.testing.assert_array_equal(found[mask == 0], composite[mask == 0])
    np.testing.assert_allclose(found[mask > 0], everywhere[mask > 0], atol=1e-6)


@pytest.mark.parametrize("coverage", [(0.5, 1.0), (0.0, 0.5)], ids=["no background", "no foreground"])
def test_soft_pixels_that_nothing_explains_are_taken_as_they_are(look, rng, coverage):
    composite, mask = rng.random((40, 40, 3), dtype=np.float32), np.full((40, 40), coverage[0], np.float32)
    mask[:20] = coverage[1]
    np.testing.assert_array_equal(look.over(composite, mask), look.over(composite, mask, separated=False))


def test_scene_linear_light_has_no_ceiling_and_a_display_has():
    ramp = np.repeat(np.linspace(0.05, 4, 80, dtype=np.float32)[None, :, None], 3, axis=2)
    brighter, mask = Look(np.array([1, *[0] * 9], np.float32), Look.identity().map), np.ones((1, 80), np.float32)
    for found in (
        brighter.over(linear_to_srgb(ramp), mask, ceiling=None),
        brighter.apply(linear_to_srgb(ramp), ceiling=None),
    ):
        np.testing.assert_allclose(srgb_to_linear(found), 2 * ramp, rtol=1e-4)
    shown = srgb_to_linear(brighter.over(linear_to_srgb(ramp), mask))
    np.testing.assert_allclose(shown, np.minimum(2 * ramp, np.maximum(ramp, 1)), rtol=1e-4)


def test_looks_are_smoothed_over_time_in_their_own_numbers(look):
    frames = [look.scaled(s) for s in (0.0, 1.0, 0.0)]
    smooth = smooth_over_time(frames, 1.0)
    assert 0.3 < smooth[1].grade[0] / look.grade[0] < 0.7
    np.testing.assert_allclose(smooth[0].map, smooth[2].map, atol=1e-6)


@pytest.mark.parametrize("size", [(300, 530), (257, 100), (64, 64)])
def test_torch_and_the_runtime_look_at_the_same_view(size, rng):
    image = rng.random((*size, 3), dtype=np.float32)
    seen = charmnet_hr.viewed(planes(image), charmnet_hr.SIZE)[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(resize(image, (256, 256)), seen, atol=1e-5)


def test_a_composite_is_changed_through_its_look_by_the_common_function(look, rng):
    composite, mask = picture(rng, 50, 60)
    np.testing.assert_array_equal(apply_transform(look, composite, mask), look.over(composite, mask))
