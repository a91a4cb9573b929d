# SPDX-License-Identifier: Apache-2.0
"""Layers laid over a background with the changes of their colours, as a patch of it.

Only the box around what is covered is worked on, piece by piece, and everything in linear light, so that each pixel is
encoded once. What is laid is told in `runtime/parts.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime.controls import hue_keeper
from harmonize_core.runtime.grading import MAP, Grading
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.pieces import ROWS, Box, Desk, Piece, Pixels, floats_of, pieces_over
from harmonize_core.runtime.resize import Floats, resize
from harmonize_core.runtime.transform import ColorTransform

Size = tuple[int, int]

NOWHERE = (0, 0, 0, 0)


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

    rgb_linear: NDArray[Any]
    """(h, w, 3) scene-linear floats, premultiplied by `alpha`; may exceed 1."""
    alpha: Floats
    """(h, w) coverage in [0, 1]."""
    transform: ColorTransform | Look
    protected: Floats | None = None
    """(h, w) coverage in [0, 1] of the materials in it that shall change less; None: there are none."""
    at: tuple[int, int] | None = None
    """Row and column of the picture at which the layer begins; it is empty around. None: it has the picture's size."""

    @property
    def place(self) -> tuple[slice, slice]:
        """Where in the picture the layer is."""
        down, across = self.at or (0, 0)
        return slice(down, down + self.alpha.shape[0]), slice(across, across + self.alpha.shape[1])


@dataclass(frozen=True)
class Patch:
    """What of a picture is another than its background."""

    box: Box
    """Top, bottom, left, right; bottom and right excluded."""
    picture: Floats
    """(bottom - top, right - left, 3) sRGB; where nothing is covered the background's values."""

    def on(self, background_srgb: Pixels) -> Floats:
        """The whole picture (H, W, 3)."""
        whole = floats_of(background_srgb)
        whole[self.place] = self.picture
        return whole

    @property
    def place(self) -> tuple[slice, slice]:
        """The box as an index."""
        top, bottom, left, right = self.box
        return slice(top, bottom), slice(left, right)


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


def coverage_of(parts: Sequence[Part], size: Size) -> Floats:
    """What all parts together cover of a picture, (H, W); their sum, which may exceed 1 a little."""
    total = np.zeros(size, np.float32)
    for part in parts:
        total[part.place] += np.minimum(part.alpha, 1)
    return total


def size_of(picture: Pixels) -> Size:
    """Rows and columns."""
    return picture.shape[0], picture.shape[1]


def trimmed(parts: Sequence[Part], size: Size) -> tuple[Box, list[Part]]:
    """The smallest box around what parts cover of a picture, and those that cover anything, without what is empty.

    Raises:
        InputError: a part does not fit into the picture.
    """
    found = []
    for part in parts:
        _check(part, size)
        rows, columns = (np.flatnonzero((part.alpha > 0).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        inner = np.s_[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
        down, across = part.at or (0, 0)
        held = None if part.protected is None else part.protected[inner]
        at = (down + inner[0].start, across + inner[1].start)
        found.append(replace(part, rgb_linear=part.rgb_linear[inner], alpha=part.alpha[inner], protected=held, at=at))
    places = [part.place for part in found]
    if not places:
        return NOWHERE, []
    rows, columns = zip(*places, strict=True)
    tops, bottoms, lefts, rights = (
        [getattr(s, end) for s in axis] for axis in (rows, columns) for end in ("start", "stop")
    )
    return (min(tops), max(bottoms), min(lefts), max(rights)), found


def laid_over(parts: Sequence[Part], background_srgb: Pixels, limits: Limits) -> Patch:
    """Layers with their changes over a background (H, W, 3): what is another than it.

    Raises:
        InputError: a layer does not fit into the picture.
    """
    size = size_of(background_srgb)
    box, parts = trimmed(parts, size)
    result = Patch(box, np.empty(0, np.float32))
    result = replace(result, picture=floats_of(background_srgb[result.place]))
    corner, shape = (box[0], box[2]), result.picture.shape[:2]
    total = coverage_of(parts, size)[result.place]
    light, desk = np.zeros((*shape, 3), np.float32), Desk()
    for part in parts:
        _add(part, light, total, corner, _Change.of(part, size, limits), desk)
    for piece in _pieces(total):
        share = desk.planes("weight", 1, piece.shape[0] * piece.shape[1])
        piece.gather(total[..., None], share.reshape(1, *piece.shape))
        covered = share > 0
        behind = np.maximum(1 - share, 0)
        own = desk.planes("own", 3, share.size)
        piece.gather(light, own.reshape(3, *piece.shape))
        if behind.any():
            own += behind * desk.read(background_srgb, piece.moved(*corner))[0]
        desk.write(own, result.picture, piece, None, covered.reshape(piece.shape))
    return result


def _add(part: Part, light: Floats, total: Floats, corner: tuple[int, int], change: _Change, desk: Desk) -> None:
    """Add the changed colours of a layer, by their share of each pixel, to the light of a box."""
    down, across = part.at or (0, 0)
    for piece in _pieces(part.alpha):
        shape, count = piece.shape, piece.shape[0] * piece.shape[1]
        alpha, pure, whole = (desk.planes(name, n, count) for name, n in (("weight", 1), ("pure", 3), ("spare", 3)))
        piece.gather(part.alpha[..., None], alpha.reshape(1, *shape))
        piece.gather(part.rgb_linear, pure.reshape(3, *shape))
        if not np.isfinite(pure).all():
            np.nan_to_num(pure, copy=False)
        np.minimum(alpha, 1, out=alpha)
        np.maximum(pure, 0, out=pure)
        pure /= np.where(alpha > 0, alpha, 1)
        changed = change.of_piece(pure, alpha, piece, piece.moved(down, across), desk)
        there = piece.moved(down - corner[0], across - corner[1])
        there.gather(total[..., None], whole[:1].reshape(1, *shape))
        alpha /= np.maximum(whole[:1], 1)
        there.gather(light, whole.reshape(3, *shape))
        changed *= alpha
        changed += whole
        there.scatter(changed.reshape(3, *shape), light, None)


@dataclass(frozen=True)
class _Change:
    """What is done to the straight colours of one layer."""

    part: Part
    transform: ColorTransform | Look
    grading: Grading | None
    """For pictures of this size; None where the transform is no look or changes nothing."""
    limits: Limits
    size: Size

    @classmethod
    def of(cls, part: Part, size: Size, limits: Limits) -> _Change:
        transform = part.transform
        if limits.one_grade and part.alpha.any():
            transform = one_grade(transform, coverage_of([part], size))
        grading = Grading(transform, size) if isinstance(transform, Look) and not transform.is_identity else None
        return cls(part, transform, grading, limits, size)

    def of_piece(self, pure: Floats, alpha: Floats, own: Piece, place: Piece, desk: Desk) -> Floats:
        """Linear colours (3, N) of a piece after the change, in an array that may be written to.

        Args:
            pure: (3, N) linear, straight.
            alpha: (1, N) coverage.
            own: the piece in the layer.
            place: the same in the picture.
            desk: to work on.
        """
        changed = desk.planes("changed", *pure.shape)
        changed[...] = pure
        if self.grading is not None:
            cells = desk.planes("cells", MAP, pure.shape[1])
            enlarged = self.grading.enlarged(place.rows, place.runs, cells.reshape(MAP, *place.shape))
            self.grading.change(changed, None if enlarged is None else cells, desk.planes("spare", 2, pure.shape[1]))
            np.minimum(changed, np.maximum(pure, 1), out=changed)
        elif isinstance(self.transform, ColorTransform) and not self.transform.is_identity:
            rows, columns = (grid.ravel() for grid in np.meshgrid(*place.places(), indexing="ij"))
            color = self.transform.apply_to(linear_to_srgb(pure).T, rows, columns, self.size)
            changed[...] = srgb_to_linear(color).T
        if self.limits.keep_hue:
            changed[...] = hue_keeper()(pure, changed)
        if self.part.protected is not None and self.limits.materials:
            held = desk.planes("held", *alpha.shape)
            own.gather(self.part.protected[..., None], held.reshape(1, *own.shape))
            held = np.clip(held / np.where(alpha > 0, alpha, 1), 0, 1)
            changed += self.limits.materials * held * (pure - changed)
        return changed


def _pieces(coverage: Floats) -> Iterator[Piece]:
    for top in range(0, len(coverage), ROWS):
        yield from pieces_over(coverage, slice(top, min(top + ROWS, len(coverage))))


def _check(part: Part, size: Size) -> None:
    """Raises: InputError when a layer does not fit into the picture, or its arrays into each other."""
    if part.alpha.ndim != 2:
        raise InputError(f"the alpha should have shape (H, W) but has {part.alpha.shape}; pass one channel")
    own = (part.alpha.shape[0], part.alpha.shape[1])
    if part.at is None and own != size:
        raise InputError(f"the background should have shape {(*own, 3)} like the alpha but has {(*size, 3)}")
    if part.at is not None and not all(0 <= p <= p + n <= s for p, n, s in zip(part.at, own, size, strict=True)):
        raise InputError(f"the layer of size {own} at {part.at} should lie in the background but that has size {size}")
    if part.rgb_linear.shape != (*own, 3):
        raise InputError(f"the foreground should have shape {(*own, 3)} like its alpha but has {part.rgb_linear.shape}")
    if part.protected is not None and part.protected.shape != own:
        raise InputError(
            f"the protected coverage should have shape {own} like its alpha but has {part.protected.shape}"
        )
