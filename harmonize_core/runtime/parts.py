# SPDX-License-Identifier: Apache-2.0
"""Rendered layers, each with a look of its own, over one background and under limits.

Layers are rendered so that each holds only what the camera sees of it (others cut holes into it): their coverages
add up to the coverage of all, and so do their premultiplied colours. Colours are changed straight, as in
`runtime/layers.py`; the limits are those of `runtime/controls.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harmonize_core.runtime.controls import limit_change, protect, skin_map
from harmonize_core.runtime.laying import Limits as Limits
from harmonize_core.runtime.laying import Part as Part
from harmonize_core.runtime.laying import Patch as Patch
from harmonize_core.runtime.laying import coverage_of, laid_over, size_of, trimmed
from harmonize_core.runtime.laying import one_grade as one_grade
from harmonize_core.runtime.pieces import Pixels
from harmonize_core.runtime.resize import Floats
from harmonize_core.runtime.transform import ColorTransform

Size = tuple[int, int]

FREE = Limits()
"""Nothing is forbidden."""


def compose(
    parts: Sequence[Part], background_srgb: Pixels, limits: Limits = FREE, before: Floats | None = None
) -> Floats:
    """Transform layers and put them over a background.

    Args:
        parts: at least one; what is covered by several is the sum of their shares.
        background_srgb: (H, W, 3) display-referred sRGB in [0, 1]; or uint8 or uint16, whose largest value is white.
        limits: what is kept to.
        before: `untouched` of the same layers and background, if it is at hand.

    Returns:
        (H, W, 3) float32 sRGB; where no part covers anything it equals the background bit for bit.

    Raises:
        InputError: sizes that differ.
    """
    known = None
    if before is not None:
        known = Patch(trimmed(parts, size_of(background_srgb))[0], before)
        known = replace(known, picture=before[known.place])
    return patch(parts, background_srgb, limits, known).on(background_srgb)


def untouched(parts: Sequence[Part], background_srgb: Pixels) -> Floats:
    """The composite without any change, as `compose`."""
    return untouched_patch(parts, background_srgb).on(background_srgb)


def patch(parts: Sequence[Part], background_srgb: Pixels, limits: Limits = FREE, before: Patch | None = None) -> Patch:
    """What `compose` changes of a background, `before` being the `untouched_patch` if that is at hand."""
    after = laid_over(parts, background_srgb, limits)
    if not after.picture.size or (not limits.skin and limits.largest is None):
        return after
    before = untouched_patch(parts, background_srgb) if before is None else before
    if limits.skin:  # the map of skin is one of the whole frame
        old, new = before.on(background_srgb), after.on(background_srgb)
        mask = total_coverage(parts, size_of(background_srgb))
        protect(old, new, skin_map(np.clip(old, 0, 1), mask), limits.skin)
        after = replace(after, picture=new[after.place])
    if limits.largest is not None:
        limit_change(before.picture, after.picture, limits.largest)
    return after


def untouched_patch(parts: Sequence[Part], background_srgb: Pixels) -> Patch:
    """The same without any change."""
    return laid_over([replace(p, transform=ColorTransform.identity()) for p in parts], background_srgb, FREE)


def total_coverage(parts: Sequence[Part], size: Size) -> Floats:
    """What all parts cover of a picture, (H, W) in [0, 1]."""
    return np.minimum(coverage_of(parts, size), 1)
