# SPDX-License-Identifier: Apache-2.0
"""Continuing colours piece by piece gives what continuing them over the whole picture gives."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from harmonize_core.pull_push import Continuation, Source, extrapolate


def disc(height: int, width: int, softness: float) -> np.ndarray:
    """Coverage of a disc with an edge so many pixels wide."""
    down, across = np.mgrid[0:height, 0:width]
    return np.clip(0.5 - (np.hypot(down - height / 2, across - width / 2) - 0.35 * min(height, width)) / softness, 0, 1)


def source_of(image: np.ndarray, weight: np.ndarray, wanted: np.ndarray, step: int = 1) -> Source:
    def planes(part):
        return np.ascontiguousarray(image[part[0]][:, part[1]].transpose(2, 0, 1))

    def all_along(rows):
        own = weight[rows]
        uniform = ((own == own[0]) & np.isin(own, (0, 1)) & ~wanted[rows]).all(axis=0)
        return np.where(uniform, own[0], np.float32(-1))

    return Source(
        weight.shape,
        image.shape[2],
        planes,
        lambda p: weight[p[0]][:, p[1]],
        lambda p: wanted[p[0]][:, p[1]],
        all_along,
        step,
    )


@pytest.mark.parametrize(
    "coverage",
    [disc(300, 333, 6), disc(200, 231, 120), disc(513, 33, 5), disc(1, 80, 20), disc(40, 2, 9), disc(3, 5, 2)],
    ids=["narrow", "wide", "high", "line", "two columns", "tiny"],
)
def test_pieces_make_no_difference(coverage):
    rng = np.random.default_rng(0)
    image = rng.random((*coverage.shape, 2), dtype=np.float32)
    weight, wanted = (
        np.where(coverage > 0, 0.3 * (coverage > 0.9), 1).astype(np.float32),
        (coverage > 0) & (coverage < 1),
    )
    expected, places = extrapolate(image, weight), np.nonzero(wanted)
    with ThreadPoolExecutor(3) as pool:
        found = Continuation(source_of(image, weight, wanted), pool.map).at(*places).T
    own = weight[places][:, None]
    np.testing.assert_allclose(own * image[places] + (1 - own) * found, expected[places], atol=1e-5)


def test_what_is_far_from_all_wanted_pixels_may_be_read_coarsely():
    coverage = disc(600, 640, 6)
    smooth = np.stack(np.meshgrid(np.linspace(0, 1, 640), np.linspace(0, 1, 600)), axis=-1).astype(np.float32)
    weight, wanted = (coverage <= 0).astype(np.float32), (coverage > 0) & (coverage < 1)
    whole, coarse = (Continuation(source_of(smooth, weight, wanted, step)).at(*np.nonzero(wanted)) for step in (1, 4))
    np.testing.assert_allclose(coarse, whole, atol=1e-3)
