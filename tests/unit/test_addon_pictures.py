# SPDX-License-Identifier: Apache-2.0
"""What the add-on holds of a shot's frames: exact, in few bytes, and never more than it may."""

import numpy as np

from blender_addon.pictures import Held, Pictures, with_shadow
from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.runtime.exr_layer import Cut


def _pictures(rows=10):
    plate = np.zeros((rows, 10, 3), np.uint8)
    return Pictures({"characters": Cut.of(np.zeros((rows, 10, 3)), np.zeros((rows, 10)))}, plate, {})


def test_frames_whose_turn_comes_first_are_held():
    held = Held(most=1000)
    for index in range(5):
        held.keep(index, _pictures())
        assert held.get(index) is not None, "the newest is always held"
    assert [held.get(i) is not None for i in range(5)] == [True, True, False, False, True]
    held.drop(0)
    held.keep(5, _pictures())
    assert [held.get(i) is not None for i in range(6)] == [False, True, False, False, True, True]
    held.keep(6, _pictures(100))
    assert [i for i in range(7) if held.get(i)] == [6], "one that is larger than all it may is held alone"


def test_a_shadow_leaves_the_bits_around_it():
    plate = np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    alpha = np.zeros((12, 16), np.float32)
    alpha[4:8, 3:9] = 0.5
    shaded = with_shadow(plate, Cut.of(np.zeros((12, 16, 3), np.float32), alpha))
    assert np.array_equal(np.rint(shaded[alpha == 0] * 255), plate[alpha == 0])
    half = linear_to_srgb(0.5 * srgb_to_linear(plate / np.float32(255)))
    assert np.allclose(shaded[alpha > 0], half[alpha > 0], atol=1e-6)
    assert with_shadow(plate, Cut.of(np.zeros((12, 16, 3)), np.zeros((12, 16)))) is plate
