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


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), sizes, sizes, st.floats(0.5, 8), st.sampled_from(VIEW_TRANSFORMS))
def test_exchange_with_itself_changes_nothing(seed, height, width, softness, view):
    """Whatever the texture: a bottle of glass or a head of hair is the same before and after."""
    real, _, coverage = _pictures(seed, height, width, softness)
    layers = separate(real, coverage, view)
    assert np.abs(exchange(layers, layers, coverage).astype(int) - layers.picture).max() <= 1


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
