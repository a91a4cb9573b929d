# SPDX-License-Identifier: Apache-2.0
"""`Controls`: what an artist may ask of a harmonization, and pictures made under it.

A `Predictor` under controls is a `Controlled`: it estimates and applies as the predictor does, so that whoever works
through frames calls one or the other. `apply_controls` is the second half alone, for transforms from elsewhere
(smoothed over time, loaded from a file). Defaults change nothing. The maths of single pixels, with its sources, is in
`harmonize_core/runtime/controls.py`; the pictures are in docs/looks.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import OPAQUE, separate, soft_pixels
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats.picture import open_picture
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.beyond import apply_beyond, in_range
from harmonize_core.infer.look_files import Transform
from harmonize_core.infer.predictor import Pixels, Predictor, as_unit
from harmonize_core.runtime.controls import hue_keeper, limit_change, protect, skin_map
from harmonize_core.runtime.look import Adjust, Look
from harmonize_core.runtime.parts import one_grade
from harmonize_core.runtime.resize import limited, resize
from harmonize_core.runtime.session import check_arrays, own_view
from harmonize_core.runtime.transform import ColorTransform

Floats = NDArray[np.float32]

STRONGEST = 1.5


def _within(name: str, value: float, largest: float) -> None:
    if not 0 <= value <= largest:
        wanted = f"from 0 to {largest:g}" if np.isfinite(largest) else "0 or more"
        raise ConfigError(f"--{name} should be {wanted} but is {value:g}")


@dataclass(frozen=True)
class Controls:
    """What is asked of a harmonization beside the network's opinion.

    >>> Controls(strength=0.7, keep_hue=True)
    Controls(strength=0.7, mode='map', keep_hue=True, max_delta_e=None, protect_skin=0.0, invert=False, reference=None)

    Raises:
        ConfigError: a number outside its range.
    """

    strength: float = 1.0
    """From 0, the image as it is, over 1, the network's opinion, to 1.5, half as much again."""
    mode: Literal["map", "global"] = "map"
    """map: changes may differ from place to place; global: one grade for all of the foreground."""
    keep_hue: bool = False
    """The hue of each colour stays; lightness and saturation change."""
    max_delta_e: float | None = None
    """No pixel changes by more than this (CIEDE2000; 1 is just visible, 5 to 10 is moderate)."""
    protect_skin: float = 0.0
    """Colours like human skin change less: 0 as all others, 1 not at all."""
    invert: bool = False
    """Fit the background to the foreground: the mask's foreground stays bit for bit, all around it changes."""
    reference: Path | None = None
    """Picture that the foreground shall fit, instead of the background it stands before."""

    def __post_init__(self) -> None:
        _within("strength", self.strength, STRONGEST)
        _within("protect-skin", self.protect_skin, 1)
        if self.max_delta_e is not None:
            _within("max-delta-e", self.max_delta_e, np.inf)

    def changed(self, mask: Floats) -> Floats:
        """The share (H, W) of each pixel that may change, of a mask in [0, 1] that marks the foreground."""
        return 1 - mask if self.invert else mask

    def domain(self, foreground: Domain | None) -> Domain | None:
        """Where the changed pixels come from, if foregrounds are of that domain: inverted, it is the other one.

        A rendered character stands before a photograph as a rule, and a photographed one needs `--domain` only if it
        stands before a rendered world.
        """
        if not self.invert or foreground is None:
            return foreground
        return "photographic" if foreground == "rendered" else "rendered"


class Controlled:
    """A network under controls; what it says of arrays is what `Predictor` says of them."""

    def __init__(self, predictor: Predictor, controls: Controls = Controls(), *, as_look: bool = False) -> None:
        """Args:
        predictor: the network, loaded for `controls.domain(...)`.
        controls: what is asked of it.
        as_look: also networks that could see a picture itself change it by what `estimate` gives, so that a look file
            gives the same picture.

        Raises:
            InputError: the reference is missing or damaged.
        """
        self.predictor = predictor
        self.controls = controls
        self.as_look = as_look
        self._reference: Floats | None = None
        if controls.reference is not None:
            side = predictor.info.input_size
            self._reference = resize(in_range(open_picture(controls.reference).srgb), (side, side))

    def __call__(self, composite: Pixels, mask: Pixels, *, ceiling: float | None = 1.0) -> Floats:
        """The harmonized picture (H, W, 3) sRGB; where nothing may change it equals the composite bit for bit.

        Raises:
            InputError: as `Predictor.__call__`.
        """
        composite_unit, mask_unit = as_unit(composite), as_unit(mask)
        direct = self.controls.mode == "map" and self._reference is None and not self.as_look
        if not (direct and self.predictor.any_size and self.predictor.fits(composite_unit.shape[:2])):
            transform = self.estimate(composite_unit, mask_unit)
            return self.apply(transform, composite_unit, mask_unit, ceiling)
        check_arrays(composite_unit, mask_unit)
        changed, controls = _changed(mask_unit, self.controls), self.controls
        harmonized = self.predictor(composite_unit, changed, controls.strength, ceiling=ceiling)
        if controls.keep_hue:
            _adjust(hue_keeper(ceiling), composite_unit, harmonized, changed, ceiling)
        _hold_back(composite_unit, harmonized, changed, controls)
        return harmonized

    def estimate(self, composite: Pixels, mask: Pixels) -> Transform:
        """What makes the picture fit, before strength and limits: for `apply`, to smooth or to save.

        With a reference, the foreground is put over that picture, stretched to the composite's frame, at the
        network's own size and in linear light, and the network is asked what makes it fit there.

        Raises:
            InputError: as `Predictor.estimate`; the mask leaves nothing to change or nothing to fit to.
        """
        composite_unit, mask_unit = as_unit(composite), as_unit(mask)
        check_arrays(composite_unit, mask_unit)
        changed = _changed(mask_unit, self.controls)
        if self._reference is None:
            return self.predictor.estimate(composite_unit, changed)
        if changed.min() > 0:
            raise InputError(
                "with --reference the mask should leave a part of the frame, where the reference is seen, but covers "
                "all of it; give the picture a border, or a mask of its subject"
            )
        shown, coverage = own_view(in_range(composite_unit), changed, self.predictor.info.input_size)
        return self.predictor.estimate(_over(shown, coverage, self._reference), coverage)

    def apply(self, transform: Transform, composite: Floats, mask: Floats, ceiling: float | None = 1.0) -> Floats:
        """`apply_controls`."""
        return apply_controls(transform, composite, mask, self.controls, ceiling)


def apply_controls(
    transform: Transform,
    composite: Floats,
    mask: Floats,
    controls: Controls = Controls(),
    ceiling: float | None = 1.0,
) -> Floats:
    """The harmonized picture, from what was estimated for it.

    >>> image, mask = np.full((8, 8, 3), 0.5, np.float32), np.ones((8, 8), np.float32)
    >>> stop = Look(np.array([1, *[0] * 9], np.float32), Look.identity().map)
    >>> held = apply_controls(stop, image, mask, Controls(max_delta_e=3))
    >>> [round(float(v.mean()), 2) for v in (image, held, stop.apply(image, mask))]
    [0.5, 0.53, 0.69]

    Args:
        transform: as estimated, at full strength.
        composite: (H, W, 3) float sRGB, as `Predictor.__call__`.
        mask: (H, W) float in [0, 1], 1 = foreground, also where `controls.invert` is asked for.
        controls: what is asked for; `reference` has done its work when the transform was estimated.
        ceiling: as `Predictor.__call__`.

    Returns:
        (H, W, 3) float32 sRGB; where nothing may change it equals the composite bit for bit.

    Raises:
        InputError: wrong shapes, types or values; MaskEmpty when there is no foreground.
    """
    check_arrays(composite, mask)
    changed = _changed(mask, controls)
    adjust = hue_keeper(ceiling) if controls.keep_hue else None
    harmonized = apply_beyond(baked(transform, mask, controls), composite, changed, ceiling, adjust)
    _hold_back(composite, harmonized, changed, controls)
    return harmonized


def baked(transform: Transform, mask: Floats, controls: Controls) -> Transform:
    """A transform with the strength and mode of controls in it, for a foreground (H, W): what a look file should hold.

    global is the grade of a look, and the mean over the foreground of a colour transform.
    """
    if controls.mode == "global" and isinstance(transform, ColorTransform | Look):
        transform = one_grade(transform, controls.changed(mask))
    return transform.scaled(controls.strength)


def _changed(mask: Floats, controls: Controls) -> Floats:
    """Raises: InputError where nothing is left to change."""
    changed = controls.changed(mask)
    if not changed.max() > 0:
        raise InputError("with --invert the mask should leave a background to change but is 1 everywhere")
    return changed


def _over(foreground_srgb: Floats, coverage: Floats, background_srgb: Floats) -> Floats:
    """The foreground of a composite over another background, its own taken off soft edges; sRGB (S, S, 3)."""
    own, behind = srgb_to_linear(foreground_srgb), srgb_to_linear(background_srgb)
    pasted = np.where((coverage >= OPAQUE)[..., None], own, behind)
    soft = soft_pixels(coverage)
    if soft.any():
        share = coverage[soft][:, None]
        pasted[soft] = share * separate(own, coverage).foreground + (1 - share) * behind[soft]
    return np.clip(linear_to_srgb(pasted), 0, 1)


def _hold_back(composite: Floats, harmonized: Floats, changed: Floats, controls: Controls) -> None:
    """Keep to the limits of controls in a finished picture, in place."""
    if controls.protect_skin:
        protect(composite, harmonized, skin_map(in_range(composite), changed), controls.protect_skin)
    if controls.max_delta_e is not None:
        limit_change(composite, harmonized, controls.max_delta_e)


def _adjust(adjust: Adjust, composite: Floats, harmonized: Floats, changed: Floats, ceiling: float | None) -> None:
    """Adjust a finished picture in place, row by row: soft pixels as they are, foreground and background mixed."""
    for before, after, inside in zip(composite, harmonized, changed > 0, strict=True):
        if inside.any():
            light = srgb_to_linear(np.maximum(before[inside], 0)), srgb_to_linear(np.maximum(after[inside], 0))
            adjusted = linear_to_srgb(adjust(light[0].T, light[1].T)).T + np.minimum(before[inside], 0)
            after[inside] = limited(adjusted, before[inside], ceiling)
