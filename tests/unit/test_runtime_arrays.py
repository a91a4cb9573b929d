# SPDX-License-Identifier: Apache-2.0
"""Looks over arrays of any type: whole numbers end at white, what does not fit is refused, threads are used."""

import threading

import numpy as np
import pytest

from harmonize_core.errors import InputError
from harmonize_core.runtime import threads
from harmonize_core.runtime.look import Look

BRIGHTER = Look(np.array([2, *[0] * 9], np.float32), Look.identity().map)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("ceiling", [None, 2.0])
def test_whole_numbers_end_at_white_under_any_ceiling(kind, ceiling):
    white = np.iinfo(kind).max
    codes = np.full((8, 8, 3), int(0.8 * white), kind)
    assert (BRIGHTER.over(codes, np.ones((8, 8), np.float32), ceiling=ceiling) == white).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_ceiling_below_white_holds_for_whole_numbers(kind):
    white = np.iinfo(kind).max
    codes = np.array([[[0.3] * 3, [0.8] * 3]]) * white
    found = BRIGHTER.over(codes.astype(kind), np.ones((1, 2), np.float32), ceiling=0.5)
    np.testing.assert_allclose(found / white, [[[0.5] * 3, [0.8] * 3]], atol=0.005)


@pytest.mark.parametrize(
    ("composite", "mask", "said"),
    [
        (np.zeros((8, 9, 3), np.float32), np.ones((9, 8), np.float32), "size of its image"),
        (np.zeros((8, 9, 4), np.float32), np.ones((8, 9), np.float32), r"\(H, W, 3\)"),
        (np.zeros((8, 9, 3), np.float32), np.ones((8, 9, 1), np.float32), r"\(H, W\)"),
        (np.zeros((8, 9, 3), np.int64), np.ones((8, 9), np.float32), "int64"),
        (np.zeros((8, 9, 3), np.uint8), np.full((8, 9), 255, np.int32), "int32"),
    ],
    ids=["sizes", "channels", "mask", "composite of whole numbers", "mask of whole numbers"],
)
def test_arrays_that_do_not_fit_are_refused(composite, mask, said):
    with pytest.raises(InputError, match=said):
        BRIGHTER.over(composite, mask)


def test_boxes_and_arrays_to_write_into_that_do_not_fit_are_refused():
    composite, mask = np.zeros((8, 9, 3), np.float32), np.ones((8, 9), np.float32)
    with pytest.raises(InputError, match="box"):
        BRIGHTER.apply(composite, (0, 9, 0, 9))
    with pytest.raises(InputError, match=r"\(H, W, 3\)"):
        BRIGHTER.apply(composite[..., 0])
    for out in (np.zeros((9, 8, 3), np.float32), np.zeros((8, 9, 3), np.uint8)):
        with pytest.raises(InputError, match="out should"):
            BRIGHTER.over(composite, mask, out=out)


def test_without_a_number_of_threads_every_core_works(monkeypatch):
    """Three wait for each other: fewer would wait in vain."""
    monkeypatch.setattr(threads, "cores", lambda: 3)
    together = threading.Barrier(3, timeout=20)
    with threads.workers(None, 3 * threads.WORTH_A_THREAD) as each:
        assert set(each(lambda _: together.wait(), range(3))) == {0, 1, 2}
