# SPDX-License-Identifier: GPL-3.0-or-later
"""What `rdharmony bench` measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchOptions:
    """Views, sizes and samples of a measurement of the rendering strategies."""

    views: int = 6
    """One a place, over all places in turn."""
    size: int = 512
    """Edge of the square pictures, pixels."""
    reference_samples: int = 1024
    """Paths a pixel of the references, which are not denoised."""
    shared_samples: tuple[int, ...] = (12,)
    """Of the strategy shared; several make a curve."""
    fresh_samples: tuple[int, ...] = (64,)
    """Of the strategy fresh; several make a curve."""
    compared: tuple[str, ...] = ()
    """Styles that are rendered from scratch and as reference, all if none; shared always renders all ten."""
    scenes: tuple[str, ...] = ()
    """Places of the views in turn, all if none."""
    seed: int = 7
    """Of the places and the light."""
