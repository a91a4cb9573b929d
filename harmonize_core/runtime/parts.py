# SPDX-License-Identifier: Apache-2.0
"""Rendered layers, each with a look of its own, over one background and under limits.

Layers are rendered so that each holds only what the camera sees of it (others cut holes into it): their coverages
add up to the coverage of all, and so do their premultiplied colours. Colours are changed straight, as in
`runtime/layers.py`; the limits are those of `runtime/controls.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime.controls import hue_keeper, limit_change, protect, skin_map
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.resize import Floats, resize
from harmonize_core.runtime.transform import ColorTransform


@dataclass(frozen=True)
class Limits:
    """What a look may not do to colours; the defaults forbid nothing."""

    one_grade: bool = False
    """One change for all of a layer, without the parts that differ from place to place."""
    keep_hue: bool = False
    """The hue of each colour stays; lightness and saturation change."""
    largest: float | None = None
    """No pixel changes by more than this (CIEDE2000; 1 is just visible, 5 to 10 is moderate)."""
    skin: float = 0.0
    """Share of the change, in [0, 1], that is taken back where colours are like human skin."""
    materials: float = 0.0
    """The same where a layer's protected materials are."""


@dataclass(frozen=True)
class Part:
    """One rendered layer and what is done to it."""

    rgb_linear: Floats
    """(H, W, 3) scene-linear, premultiplied by `alpha`; may exceed 1."""
    alpha: Floats
    """(H, W) coverage in [0, 1]."""
    transform: ColorTransform | Look
    protected: Floats | None = None
    """(H, W) coverage in [0, 1] of the materials in it that shall change less; None: there are none."""


def compose(
    parts: Sequence[Part], background_srgb: Floats, limits: Limits = Limits(), before: Floats | None = None
) -> Floats:
    """Transform layers and put them over a background.

    Args:
        parts: at least one; what is covered by several is the sum of their shares.
        background_srgb: (H, W, 3) display-referred sRGB in [0, 1].
        limits: what is kept to.
        before: `untouched` of the same layers and background, if it is at hand.

    Returns:
        (H, W, 3) float32 sRGB; where no part covers anything it equals the background bit for bit.

    Raises:
        InputError: sizes that differ.
    """
    picture = _laid_over(parts, background_srgb, limits)
    if not limits.skin and limits.largest is None:
        return picture
    before = untouched(parts, background_srgb) if before is None else before
    if limits.skin:
        protect(before, picture, skin_map(np.clip(before, 0, 1), total_coverage(parts)), limits.skin)
    if limits.largest is not None:
        limit_change(before, picture, limits.largest)
    return picture


def untouched(parts: Sequence[Part], background_srgb: Floats) -> Floats:
    """The composite without any change, as `compose`."""
    return _laid_over([replace(p, transform=ColorTransform.identity()) for p in parts], background_srgb, Limits())


def total_coverage(parts: Sequence[Part]) -> Floats:
    """What all parts cover, (H, W) in [0, 1]."""
    return np.minimum(np.sum([p.alpha for p in parts], axis=0, dtype=np.float32), 1)


def one_grade(transform: ColorTransform | Look, mask: Floats) -> ColorTransform | Look:
    """A transform that does the same everywhere: the grade of a look, the mean of a colour transform.

    Args:
        transform: what to simplify.
        mask: (H, W) in [0, 1], not empty: where the mean is taken.
    """
    if isinstance(transform, Look):
        return transform.global_only()
    grid = transform.coefficients
    shares = resize(mask.astype(np.float32), (grid.shape[0], grid.shape[1]))
    mean = np.tensordot(shares / shares.sum(), grid, axes=2)
    return ColorTransform(mean[None, None].astype(np.float32))


def _laid_over(parts: Sequence[Part], background_srgb: Floats, limits: Limits) -> Floats:
    composite = background_srgb.astype(np.float32, copy=True)
    size = (composite.shape[0], composite.shape[1])
    for part in parts:
        _check(part, size)
    total, several = np.minimum(parts[0].alpha, 1), np.zeros(size, dtype=bool)
    for part in parts[1:]:
        several |= (total > 0) & (part.alpha > 0)
        total = total + np.minimum(part.alpha, 1)
    mixed = np.flatnonzero((total > 0) & ((total < 1) | several))
    light = np.zeros((len(mixed), 3), dtype=np.float32)
    for part in parts:
        rows, columns = np.nonzero(part.alpha > 0)
        if not len(rows):
            continue
        color = _changed(part, rows, columns, size, limits)
        composite[rows, columns] = color
        alpha = part.alpha[rows, columns]
        soft = np.flatnonzero((alpha < 1) | several[rows, columns])
        rows, columns = rows[soft], columns[soft]
        share = np.minimum(alpha[soft], 1) / np.maximum(total[rows, columns], 1)
        places = np.searchsorted(mixed, rows * size[1] + columns)
        light[places] += share[:, None] * srgb_to_linear(color[soft])
    rows, columns = np.divmod(mixed, size[1])
    behind = np.maximum(1 - total[rows, columns], 0)[:, None]
    composite[rows, columns] = linear_to_srgb(light + behind * srgb_to_linear(background_srgb[rows, columns]))
    return composite


def _changed(part: Part, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int], limits: Limits) -> Floats:
    """Straight colours (N, 3) sRGB of some pixels of a layer after its transform."""
    coverage = np.minimum(part.alpha[rows, columns], 1).astype(np.float32)[:, None]
    straight = np.maximum(np.nan_to_num(part.rgb_linear[rows, columns]), 0) / coverage
    transform = one_grade(part.transform, part.alpha) if limits.one_grade else part.transform
    color = transform.apply_to(linear_to_srgb(straight), rows, columns, size)
    if limits.keep_hue:
        before, after = (np.ascontiguousarray(v.T) for v in (straight, srgb_to_linear(color)))
        color = linear_to_srgb(hue_keeper()(before, after).T).astype(np.float32)
    if part.protected is not None and limits.materials:
        share = np.clip(part.protected[rows, columns] / coverage[:, 0], 0, 1)
        held = np.flatnonzero(share)
        changed = srgb_to_linear(color[held])
        changed += limits.materials * share[held, None] * (straight[held] - changed)
        color[held] = linear_to_srgb(changed)
    return color


def _check(part: Part, size: tuple[int, int]) -> None:
    """Raises: InputError when a layer has another size than the background."""
    if part.alpha.ndim != 2:
        raise InputError(f"the alpha should have shape (H, W) but has {part.alpha.shape}; pass one channel")
    if part.alpha.shape != size:
        raise InputError(
            f"the background should have shape {(*part.alpha.shape, 3)} like the alpha but has {(*size, 3)}"
        )
    if part.rgb_linear.shape != (*size, 3):
        raise InputError(
            f"the foreground should have shape {(*size, 3)} like its alpha but has {part.rgb_linear.shape}"
        )
    if part.protected is not None and part.protected.shape != size:
        raise InputError(
            f"the protected coverage should have shape {size} like its alpha but has {part.protected.shape}"
        )
