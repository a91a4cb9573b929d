# SPDX-License-Identifier: Apache-2.0
"""A cut-out over a background: what is seen of it is what the whole of it, resized, would show."""

import tracemalloc

import numpy as np
import pytest

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.formats.images import resize_area
from harmonize_core.web.placing import Place, placed


@pytest.mark.parametrize(
    "place", [Place(0.5, 0.5, 4), Place(0.1, 0.9, 1.7), Place(0.9, -0.4, 2.3), Place(0.2, 0.3, 0.4), Place(2, 0.5, 3)]
)
def test_what_is_seen_is_a_part_of_the_whole_resized(place):
    rng = np.random.default_rng(0)
    alpha = rng.random((40, 31, 1), dtype=np.float32)
    layer = np.concatenate([rng.random((40, 31, 3), dtype=np.float32) * alpha, alpha], axis=-1)
    background = rng.random((50, 60, 3), dtype=np.float32)
    rows, columns = round(place.height * 50), round(round(place.height * 50) * 31 / 40)
    top, left = round(place.y * 50 - rows / 2), round(place.x * 60 - columns / 2)
    canvas = np.zeros((1000, 1000, 4), np.float32)
    canvas[500 + top : 500 + top + rows, 500 + left : 500 + left + columns] = resize_area(layer, (rows, columns))
    seen = canvas[500:550, 500:560]
    composite, mask = placed(layer, background, place)
    np.testing.assert_allclose(mask, seen[..., 3], atol=1e-5)
    expected = linear_to_srgb(seen[..., :3] + (1 - seen[..., 3:]) * srgb_to_linear(background))
    np.testing.assert_allclose(composite, expected, atol=1e-4)


def test_memory_is_that_of_what_is_seen():
    tracemalloc.start()
    _, mask = placed(np.ones((4, 400, 4), np.float32), np.zeros((100, 100, 3), np.float32), Place(height=4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mask.all()
    assert peak < 10e6, "the whole of it would take 256 MB"
