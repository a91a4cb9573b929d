# SPDX-License-Identifier: Apache-2.0
"""Applying a colour transform to pictures: a flat composite with its mask, or a rendered layer over a background.

Edges are treated as straight colour: unpremultiply, transform, premultiply, then over in linear light (Porter & Duff
1984). Pixels without foreground keep the background's bits.
"""

from __future__ import annotations

import numpy as np

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.runtime.look import Adjust, Look
from harmonize_core.runtime.parts import Part, compose
from harmonize_core.runtime.resize import Floats
from harmonize_core.runtime.session import Harmonizer, check_arrays
from harmonize_core.runtime.transform import ColorTransform


def harmonize(harmonizer: Harmonizer, composite: Floats, mask: Floats, strength: float = 1.0) -> Floats:
    """Harmonize the foreground of an image of any size.

    Args:
        harmonizer: the network.
        composite: (H, W, 3) float sRGB in [0, 1].
        mask: (H, W) float in [0, 1], 1 = foreground; soft edges are blended.
        strength: 0 leaves the composite as it is, 1 is the network's opinion.

    Returns:
        (H, W, 3) float32 sRGB; where the mask is 0 it equals the composite bit for bit.

    Raises:
        InputError: wrong shapes, types or values; MaskEmpty when the mask is 0 everywhere.
    """
    return apply_transform(harmonizer.estimate(composite, mask).scaled(strength), composite, mask)


def apply_transform(
    transform: ColorTransform | Look,
    composite: Floats,
    mask: Floats,
    *,
    ceiling: float | None = 1.0,
    adjust: Adjust | None = None,
    checked: bool = False,
) -> Floats:
    """Transform the foreground of a composite: mask * transformed + (1 - mask) * composite, shapes as `harmonize`.

    A look works in linear light and separates soft edges (`Look.over`). Values above `ceiling` are cut off where the
    composite has none; None for scene-linear pictures. `adjust` is as for `Look.over`.
    Arrays that went through `check_arrays` are `checked`.
    """
    if not checked:
        check_arrays(composite, mask)
    if isinstance(transform, Look):
        return transform.over(composite, mask, ceiling=ceiling, adjust=adjust)
    box = mask_box(mask)
    top, bottom, left, right = box
    harmonized = composite.astype(np.float32, copy=True)
    inside = harmonized[top:bottom, left:right]
    weight = np.clip(mask[top:bottom, left:right], 0, 1).astype(np.float32)[..., None]
    changed = transform.apply(composite, box, ceiling=ceiling)
    if adjust is not None:
        for before, after in zip(inside, changed, strict=True):  # row by row, in place
            after[:] = linear_to_srgb(adjust(srgb_to_linear(before).T, srgb_to_linear(after).T)).T
    blended = inside + weight * (changed - inside)
    np.copyto(inside, blended, where=weight > 0)
    return harmonized


def harmonize_layers(
    transform: ColorTransform | Look,
    foreground_premultiplied_linear: Floats,
    alpha: Floats,
    background_srgb: Floats,
) -> Floats:
    """Transform a rendered layer and put it over a background.

    Args:
        transform: from `Harmonizer.estimate`; `ColorTransform.identity()` gives the untouched composite.
        foreground_premultiplied_linear: (H, W, 3) scene-linear, premultiplied by `alpha`; may exceed 1.
        alpha: (H, W) coverage in [0, 1].
        background_srgb: (H, W, 3) display-referred sRGB in [0, 1].

    Returns:
        (H, W, 3) float32 sRGB composite; where alpha is 0 it equals the background bit for bit.

    Raises:
        InputError: sizes that differ.
    """
    return compose([Part(foreground_premultiplied_linear, alpha, transform)], background_srgb)


def mask_box(mask: Floats) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the pixels above 0, bottom and right excluded; the mask is not empty."""
    rows = np.flatnonzero(mask.max(axis=1) > 0)
    columns = np.flatnonzero(mask.max(axis=0) > 0)
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
