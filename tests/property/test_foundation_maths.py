# SPDX-License-Identifier: Apache-2.0
"""Colour round trips, and what compositing promises for any image and coverage."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonize_core import color
from harmonize_core.compositing import exchange_foreground, over, unpremultiply

seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(st.integers(1, 23), st.integers(1, 23))


def _image(seed: int, size: tuple[int, int], peak: float = 4) -> np.ndarray:
    return (np.random.default_rng(seed).random((*size, 3)) * peak).astype(np.float32)


def _coverage(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Soft values with many exact zeros and ones, as a render has."""
    return np.clip(np.random.default_rng(seed + 1).normal(0.5, 1.5, size), 0, 1).astype(np.float32)


@given(seeds)
def test_transfer_functions_invert_each_other_beyond_the_display_range(seed):
    values = (np.random.default_rng(seed).random((50, 3)) * 6 - 1).astype(np.float32)
    assert np.allclose(color.srgb_to_linear(color.linear_to_srgb(values)), values, atol=1e-5)


def exact_code(light: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 in double precision, for values not below 0."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def test_the_curve_is_within_a_thousandth_of_an_8_bit_step_and_rises():
    values = np.linspace(0, 1, 2**20 + 1).astype(np.float32)  # more than once around a block
    encoded, decoded = color.linear_to_srgb(values), color.srgb_to_linear(values)
    assert np.abs(encoded - exact_code(values.astype(np.float64))).max() * 255 < 1e-3
    assert np.abs(exact_code(decoded.astype(np.float64)) - values).max() * 255 < 1e-3
    for curve in (encoded, decoded):
        assert curve[0] == 0
        assert (np.diff(curve) >= 0).all()
        assert (np.diff(curve[::16]) > 0).all()  # 65 536 levels stay apart


def test_the_curve_goes_on_beyond_white_and_below_black():
    for lowest, highest, steps in ((1, 4, 1e-3), (4, 16, 2e-3)):  # sRGB values, thousandths of an 8-bit step
        codes = np.linspace(lowest, highest, 2**16).astype(np.float32)
        light = (((codes.astype(np.float64) + 0.055) / 1.055) ** 2.4).astype(np.float32)
        assert np.abs(color.linear_to_srgb(light) - exact_code(light.astype(np.float64))).max() * 255 < steps
    bright = np.geomspace(1, 1e4, 1000).astype(np.float32)
    np.testing.assert_allclose(color.linear_to_srgb(bright), exact_code(bright.astype(np.float64)), rtol=1e-6)
    np.testing.assert_allclose(color.srgb_to_linear(color.linear_to_srgb(bright)), bright, rtol=1e-5)
    np.testing.assert_array_equal(color.linear_to_srgb(-bright), -color.linear_to_srgb(bright))
    odd = color.srgb_to_linear(np.array([-0.5, np.nan, np.inf]))
    np.testing.assert_allclose(odd, [-0.21404114, np.nan, np.inf], rtol=1e-6)


@given(seeds)
def test_oklab_inverts(seed):
    values = np.random.default_rng(seed).random((50, 3)).astype(np.float32)
    assert np.allclose(color.oklab_to_linear(color.linear_to_oklab(values)), values, atol=1e-5)


def test_known_colours():
    assert np.isclose(color.srgb_to_linear(np.array([0.5]))[0], 0.21404114, atol=1e-6)  # IEC 61966-2-1
    white = color.linear_to_oklab(np.ones((1, 3)))
    assert np.allclose(white, [[1, 0, 0]], atol=1e-5)
    red = color.linear_to_oklab(np.array([[1.0, 0, 0]]))
    assert np.allclose(red, [[0.627955, 0.224863, 0.125846]], atol=1e-4)  # Ottosson's table


@settings(max_examples=40, deadline=None)
@given(seeds, sizes)
def test_exchange_keeps_the_background_and_takes_the_donor_bit_for_bit(seed, size):
    real, donor, coverage = _image(seed, size), _image(seed + 2, size), _coverage(seed, size)
    composite = exchange_foreground(real, donor, coverage)
    assert np.array_equal(composite[coverage == 0], real[coverage == 0])
    assert np.array_equal(composite[coverage == 1], donor[coverage == 1])
    assert composite.min() >= 0
    assert composite.max() <= max(real.max(), donor.max()) + 1e-5


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_exchange_of_flat_colours_leaves_no_halo(seed):
    """A blend of two blends would carry the donor's background into the edge; here it must not appear."""
    rows, columns = np.mgrid[:40, :40]
    coverage = np.clip(12 - np.hypot(rows - 20, columns - 20), 0, 1).astype(np.float32)[..., None]
    fg_a, bg_a, fg_b, bg_b = np.random.default_rng(seed).random((4, 3)).astype(np.float32) * 5
    real = coverage * fg_a + (1 - coverage) * bg_a
    donor = coverage * fg_b + (1 - coverage) * bg_b
    wanted = coverage * fg_b + (1 - coverage) * bg_a
    assert np.allclose(exchange_foreground(real, donor, coverage[..., 0]), wanted, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_exchange_keeps_the_texture_of_glass_and_thin_things(seed):
    """Many colours in every pixel and coverage below 1 all over: what another light does to them is known exactly."""
    rng = np.random.default_rng(seed)
    coverage = np.where(rng.random((40, 40)) < 0.6, rng.uniform(0.8, 1, (40, 40)), 1).astype(np.float32)
    coverage[:, :8] = 0
    foreground, background = (rng.uniform(0.1, 1, (40, 40, 3)).astype(np.float32) for _ in range(2))
    alpha, light = coverage[..., None], np.array([0.9, 0.6, 0.4], np.float32)
    real = alpha * foreground + (1 - alpha) * background
    donor = real * light
    again = exchange_foreground(real, real, coverage)
    assert np.abs(again - real)[(coverage > 0) & (coverage < 1)].mean() < 0.01  # 0.2 where soft pixels are painted over
    wanted = alpha * foreground * light + (1 - alpha) * background
    error = np.abs(exchange_foreground(real, donor, coverage) - wanted)
    assert error[(coverage > 0) & (coverage < 1)].mean() < 0.02  # 0.14 where soft pixels are painted over


@given(seeds, sizes)
def test_over_of_an_unpremultiplied_layer_is_the_same_layer(seed, size):
    coverage, straight = _coverage(seed, size), _image(seed, size)
    premultiplied = straight * coverage[..., None]
    background = _image(seed + 3, size)
    again = unpremultiply(premultiplied, coverage) * coverage[..., None]
    assert np.allclose(over(again, coverage, background), over(premultiplied, coverage, background), atol=1e-4)
    assert np.array_equal(over(premultiplied, coverage, background)[coverage == 0], background[coverage == 0])
