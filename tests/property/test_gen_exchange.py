# SPDX-License-Identifier: Apache-2.0
"""Exchange of foregrounds: the batched form equals the reference, and pixels outside the coverage stay."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonize_core.compositing import exchange_foreground
from harmonize_core.formats.images import to_uint8
from rdharmony_gen.compose.exchange import exchange, separate
from rdharmony_gen.compose.view_transform import display
from rdharmony_gen.spec.dataset import VIEW_TRANSFORMS
from rdharmony_gen.validate.checks import untouched_pixels


def _pictures(seed: int, height: int, width: int, softness: float):
    rng = np.random.default_rng(seed)
    real, donor = (4 * rng.random((2, height, width, 3)) ** 2).astype(np.float32)
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height * rng.random(), columns - width * rng.random())
    coverage = np.clip((min(height, width) / 3 - distance) / softness + 0.5, 0, 1).astype(np.float32)
    return real, donor, coverage


sizes = st.integers(8, 40)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), sizes, sizes, st.floats(0.5, 8), st.sampled_from(VIEW_TRANSFORMS))
def test_batched_exchange_equals_the_reference(seed, height, width, softness, view):
    real, donor, coverage = _pictures(seed, height, width, softness)
    batched = exchange(separate(real, coverage, view), separate(donor, coverage, view), coverage)
    reference = to_uint8(display(exchange_foreground(real, donor, coverage), view))
    assert np.abs(batched.astype(int) - reference).max() <= 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), sizes, sizes, st.floats(0.5, 8))
def test_background_and_opaque_foreground_are_untouched(seed, height, width, softness):
    real, donor, coverage = _pictures(seed, height, width, softness)
    composite = exchange(separate(real, coverage), separate(donor, coverage), coverage)
    assert np.array_equal(composite[coverage == 0], to_uint8(display(real, "standard"))[coverage == 0])
    assert np.array_equal(composite[coverage == 1], to_uint8(display(donor, "standard"))[coverage == 1])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(1, 8))
def test_exchange_with_itself_changes_little_even_of_noise(seed, softness):
    """The hardest texture, every pixel another colour: it would change by 60 levels if it were painted over."""
    real, _, coverage = _pictures(seed, 40, 40, softness)
    coverage = np.roll(coverage, (20 - np.argwhere(coverage >= coverage.max()).mean(axis=0)).astype(int), axis=(0, 1))
    layers = separate(real, coverage)
    again = exchange(layers, layers, coverage).astype(int)
    assert np.abs(again - layers.picture)[(coverage > 0) & (coverage < 1)].mean() < 20


def test_exchange_with_itself_changes_nothing_where_layers_are_flat():
    """A flat foreground on a flat background with an exact soft edge: separation is exact, so nothing moves."""
    _, _, coverage = _pictures(3, 32, 32, 6)
    linear = coverage[..., None] * np.float32([0.8, 0.3, 0.1]) + (1 - coverage[..., None]) * np.float32([0.1, 0.2, 0.5])
    layers = separate(linear, coverage)
    assert np.abs(exchange(layers, layers, coverage).astype(int) - layers.picture).max() <= 1


def test_no_rim_where_daylight_comes_before_night_though_coverage_is_a_bit_wrong():
    """Coverage is rendered apart from the picture, with few samples: its error times a bright day must not show."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :48]
    exact = np.clip(16 - np.hypot(rows - 24, columns - 24), 0, 1).astype(np.float32)
    seen = np.where((exact > 0) & (exact < 1), np.clip(exact + rng.normal(0, 0.05, exact.shape), 0.01, 0.99), exact)
    day, night, coat = np.float32([0.9, 1.0, 1.2]), np.float32([0.01, 0.01, 0.02]), np.float32([0.05, 0.06, 0.05])
    alpha = exact[..., None]
    bright = separate(alpha * coat + (1 - alpha) * day, seen.astype(np.float32))
    dark = separate(alpha * coat * 0.02 + (1 - alpha) * night, seen.astype(np.float32))
    shown = exchange(dark, bright, seen.astype(np.float32)).astype(int)
    coat_shown, night_shown = (to_uint8(display(c[None, None], "standard")).astype(int) for c in (coat, night))
    assert (shown >= np.minimum(coat_shown, night_shown) - 4).all()
    assert (shown <= np.maximum(coat_shown, night_shown) + 4).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), sizes, sizes)
def test_jpeg_blocks_without_coverage_are_the_only_ones_compared(seed, height, width):
    coverage = (np.random.default_rng(seed).random((height, width)) > 0.98).astype(float)
    untouched = untouched_pixels(coverage, "jpg")
    assert untouched.shape == coverage.shape
    for row in range(0, height, 8):
        for column in range(0, width, 8):
            block = (slice(row, row + 8), slice(column, column + 8))
            assert untouched[block].all() == (coverage[block] == 0).all()
            assert untouched[block].any() == untouched[block].all()
    assert np.array_equal(untouched_pixels(coverage, "png"), coverage == 0)
