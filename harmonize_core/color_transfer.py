# SPDX-License-Identifier: Apache-2.0
"""Colour transfer: give one set of colours the statistics of another.

Colours are arrays whose last axis holds channels, in whatever space the caller chose; weights say how much each colour
counts (None: all alike). Everything is computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colors = NDArray[np.floating]
Weights = NDArray[np.floating]

FLAT_STD = 1e-3
"""Channels that vary less than this count as varying this much, so that flat colours do not blow up noise."""


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each channel, each (C,)."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def statistics(colors: Colors, weights: Weights | None = None) -> Statistics:
    """Statistics of colours (N, C), N >= 1, with weights (N,) >= 0 of a positive sum."""
    colors = np.asarray(colors, np.float64)
    mean = np.average(colors, axis=0, weights=weights)
    return Statistics(mean, np.sqrt(np.average((colors - mean) ** 2, axis=0, weights=weights)))


def match_statistics(
    colors: Colors, own: Statistics, donor: Statistics, *, ratio_limits: tuple[float, float] = (0.0, np.inf)
) -> NDArray[np.float64]:
    """Move and scale each channel so that mean and standard deviation `own` become those of `donor`.

    Reinhard et al., "Color Transfer between Images" (IEEE CG&A 2001), equations 10 and 11.

    Args:
        colors: (..., C).
        own: statistics of the colours that are to be changed.
        donor: statistics they are to have.
        ratio_limits: smallest and largest factor of a standard deviation.
    """
    ratio = np.clip(donor.std / np.maximum(own.std, FLAT_STD), *ratio_limits)
    return (np.asarray(colors, np.float64) - own.mean) * ratio + donor.mean


def match_histogram(
    values: Colors, donor: Colors, weights: Weights | None = None, donor_weights: Weights | None = None
) -> NDArray[np.float64]:
    """Map values (N,) monotonically so that their distribution becomes that of `donor` (M,).

    Gonzalez and Woods, "Digital Image Processing", histogram specification: each value goes to the donor's value of the
    same cumulative share, linear between the donor's values. Equals `skimage.exposure.match_histograms` where all
    weights are alike.
    """
    _, place, share = _cumulative(values, weights)
    donor_values, _, donor_share = _cumulative(donor, donor_weights)
    return np.interp(share, donor_share, donor_values)[place]


def _cumulative(values: Colors, weights: Weights | None) -> tuple[NDArray, NDArray, NDArray]:
    """Distinct values ascending, the place of each value among them, and their cumulative share of the weight."""
    distinct, place = np.unique(np.asarray(values, np.float64), return_inverse=True)
    share = np.bincount(place, weights=weights, minlength=distinct.size).cumsum()
    return distinct, place, share / share[-1]


def match_covariance(
    colors: Colors, donor: Colors, weights: Weights | None = None, donor_weights: Weights | None = None
) -> NDArray[np.float64]:
    """Map colours (N, C) by the affine transform that gives them the mean and covariance of `donor` (M, C) and moves
    them least (MKL).

    Pitié and Kokaram, "The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer" (CVMP
    2007): T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2 for covariances A of the colours and B of the donor.
    Changed: variances of A below FLAT_STD^2 in any direction count as that much.
    """
    transform, offset = affine_of_covariances(colors, donor, weights, donor_weights)
    return np.asarray(colors, np.float64) @ transform.T + offset


def affine_of_covariances(
    colors: Colors, donor: Colors, weights: Weights | None = None, donor_weights: Weights | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The map of `match_covariance` itself: a matrix (C, C) for column vectors, and an offset (C,)."""
    mean, own = _covariance(np.asarray(colors, np.float64), weights)
    donor_mean, other = _covariance(np.asarray(donor, np.float64), donor_weights)
    root, inverse = (_power(own, exponent, floor=FLAT_STD**2) for exponent in (0.5, -0.5))
    transform = inverse @ _power(root @ other @ root, 0.5) @ inverse
    return transform, donor_mean - transform @ mean


def _covariance(colors: NDArray[np.float64], weights: Weights | None) -> tuple[NDArray, NDArray]:
    mean = np.average(colors, axis=0, weights=weights)
    share = np.full(len(colors), 1 / len(colors)) if weights is None else weights / weights.sum()
    centred = colors - mean
    return mean, (centred * share[:, None]).T @ centred


def _power(matrix: NDArray[np.float64], exponent: float, floor: float = 0.0) -> NDArray[np.float64]:
    """A symmetric positive semi-definite matrix to a power, its eigenvalues at least `floor`."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, floor) ** exponent) @ vectors.T
