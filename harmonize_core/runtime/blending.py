# SPDX-License-Identifier: Apache-2.0
"""A look over a flat composite, piece by piece and by several threads; soft edges are separated first.

Nothing that is as large as the picture is held beside the picture, its mask and the result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import srgb_to_linear
from harmonize_core.compositing import NEARLY_OPAQUE, OPAQUE, SoftEdges, soft_pixels
from harmonize_core.pull_push import Each
from harmonize_core.runtime.grading import MAP, Grading
from harmonize_core.runtime.pieces import PIXELS, ROWS, Box, Desk, Piece, Pixels, light_of, pieces_in, pieces_over

Floats = NDArray[np.float32]

Adjust = Callable[[Floats, Floats], Floats]
"""Foreground colours before and after a change, both linear (3, N), to what they shall become (`runtime.controls`)."""

FADE = 0.85
"""Soft edges begin to be separated where the most coverage of a mask is above this, and are at `NEARLY_OPAQUE`."""

FAR_STEP = 4
"""Far from soft edges one in 4 x 4 pixels is looked at: the first guesses owe those a few percent, as a mean."""


@dataclass(frozen=True)
class Blend:
    """What is done to every piece of one picture; several threads may do it to different pieces."""

    grading: Grading
    composite: Pixels
    """(H, W, 3)"""
    ceiling: float | None
    """As `Look.over`."""
    adjust: Adjust | None = None
    coverage: Floats | None = None
    """(H, W) in [0, 1]; None: everything is foreground."""
    edges: Edges | None = None
    """None: mixtures are taken for the foreground's colour."""
    desks: threading.local = field(default_factory=threading.local)

    def over(self, rows: slice, harmonized: Pixels) -> None:
        """Copy some rows, up to `ROWS`, and change what is foreground in them; the arrays may be one."""
        assert self.coverage is not None
        if harmonized is not self.composite:
            harmonized[rows] = self.composite[rows]
        pure = None
        if self.edges is not None:
            pure = self.edges.separated(rows, self.coverage[rows], self._desk)
        for piece in pieces_over(self.coverage, rows):
            self._change(piece, harmonized, piece, pure)

    @property
    def _desk(self) -> Desk:
        return self.desks.__dict__.setdefault("desk", Desk())

    def within(self, box: Box, result: Floats, each: Each) -> None:
        """Change all of (top, bottom, left, right) into an array of its size."""
        list(each(lambda piece: self._change(piece, result, piece.moved(-box[0], -box[2])), pieces_in(box)))

    def _change(self, piece: Piece, image: Pixels, place: Piece, separated: Separated | None = None) -> None:
        desk = self._desk
        light, brightest = desk.read(self.composite, piece)
        pixels = light.shape[1]
        weight, pure = None, light
        if self.coverage is not None:
            weight = desk.planes("weight", 1, pixels)
            piece.gather(self.coverage[..., None], weight.reshape(1, *piece.shape))
            weight = None if weight.min() >= 1 else weight
        if weight is not None:
            pure = desk.planes("pure", 3, pixels)
            pure[...] = light
            if separated is not None:
                separated.into(pure, piece, weight)
        changed = pure
        if weight is not None or self.adjust is not None:
            changed = desk.planes("changed", 3, pixels)
            changed[...] = pure
        cells = desk.planes("cells", MAP, pixels)
        enlarged = self.grading.enlarged(piece.rows, piece.runs, cells.reshape(MAP, *piece.shape))
        self.grading.change(changed, None if enlarged is None else cells, desk.planes("spare", 2, pixels))
        if self.adjust is not None:
            changed = self.adjust(pure, changed)
        if weight is not None:
            changed -= pure
            changed *= weight
            changed += light
            np.maximum(changed, 0, out=changed)
        ceiling, inside = self._ceiling(piece, brightest), None
        if weight is not None and not weight.all():
            inside = weight.reshape(piece.shape) > 0
        desk.write(changed, image, place, ceiling, inside)

    def _ceiling(self, piece: Piece, brightest: float) -> Floats | None:
        """What the values of a piece may not exceed, to broadcast to (3, N)."""
        if self.ceiling is None:
            return None
        if brightest <= self.ceiling:
            return np.full(piece.shape[0] * piece.shape[1], self.ceiling, np.float32)
        before = np.empty((3, *piece.shape), np.float32)
        piece.gather(self.composite, before)
        if self.composite.dtype.kind == "u":
            before /= np.iinfo(self.composite.dtype).max
        return np.maximum(before, self.ceiling).reshape(3, -1)


class Edges:
    """The soft pixels of a picture, without the background in them.

    They are explained from the frame, not from the box around them: its halved pictures would shift with the box, and
    edges at rest would flicker when something else moves.
    """

    def __init__(self, soft: SoftEdges, columns: slice, share: float) -> None:
        self._soft, self._columns, self._share = soft, columns, share

    @classmethod
    def of(cls, composite: Pixels, coverage: Floats, each: Each) -> Edges | None:
        """None where there are none, or nothing to explain them from: no background, or no foreground without it."""
        blocks = [slice(top, top + ROWS) for top in range(0, len(coverage), ROWS)]

        def extent(rows: slice) -> tuple[Floats, Floats, NDArray[np.bool_]]:
            """The least and the most coverage, and which columns hold soft pixels."""
            own = coverage[rows]
            least, most = own.min(axis=0), own.max(axis=0)
            soft = (most > 0) & (least < OPAQUE)
            mixed = np.flatnonzero(soft)
            if len(mixed):
                among = slice(mixed[0], mixed[-1] + 1)
                soft[among] = soft_pixels(own[:, among]).any(axis=0)
            return least.min(), most.max(), soft

        found: list[Any] = list(each(extent, blocks))
        least, most, soft = zip(*found, strict=True)
        columns = np.flatnonzero(np.logical_or.reduce(soft))
        share = min((float(max(most)) - FADE) / (NEARLY_OPAQUE - FADE), 1.0)
        if not len(columns) or min(least) > 0 or share <= 0:
            return None
        edges = SoftEdges(composite, coverage, decoder(composite.dtype), each, FAR_STEP)
        return cls(edges, slice(columns[0], columns[-1] + 1), share)

    def separated(self, rows: slice, coverage: Floats, desk: Desk) -> Separated | None:
        """Those of some rows of the picture with their coverage (rows, W); None if there are none."""
        soft = soft_pixels(coverage[:, self._columns])
        places = np.flatnonzero(soft)
        if not len(places):
            return None
        down, across = np.divmod(places, soft.shape[1])
        flat = desk.planes("separated", 3, soft.size)
        for start in range(0, len(places), PIXELS):
            part = slice(start, start + PIXELS)
            pure = self._soft.at(down[part] + rows.start, across[part] + self._columns.start)
            flat[:, places[part]] = pure.foreground.T
        return Separated(rows.start, self._columns.start, flat.reshape(3, *soft.shape), self._share)


@dataclass(frozen=True)
class Separated:
    """The pure colours of the soft pixels in some rows of a picture."""

    top: int
    left: int
    colors: Floats
    """(3, rows, columns) linear; other pixels hold anything."""
    share: float
    """How much of them is taken, of the mixtures the rest."""

    def into(self, light: Floats, piece: Piece, coverage: Floats) -> None:
        """Put them in the place of the mixtures in a piece's (3, N) linear colours."""
        soft = np.flatnonzero(soft_pixels(coverage))
        rows, columns = np.divmod(soft, piece.shape[1])
        pure = self.colors[:, rows + (piece.rows.start - self.top), piece.columns()[columns] - self.left]
        if self.share < 1:
            pure += (1 - np.float32(self.share)) * (light[:, soft] - pure)
        light[:, soft] = pure


def decoder(dtype: np.dtype[Any]) -> Callable[[Pixels], Floats]:
    """From sRGB values of a type, whole numbers from 0 to their largest or floats, to linear light."""
    return light_of(dtype).take if dtype.kind == "u" else srgb_to_linear


def as_coverage(mask: Pixels) -> Floats:
    """(H, W) up to 1 or, whole numbers, up to their largest, as floats in [0, 1]; the mask itself if it is that."""
    if mask.dtype.kind == "u":
        return mask / np.float32(np.iinfo(mask.dtype).max)
    if mask.dtype == np.float32 and mask.max(initial=0) <= 1:
        return mask
    return np.minimum(mask, 1).astype(np.float32)
