# SPDX-License-Identifier: Apache-2.0
"""A look: what `charmnet_hr` estimates from 256x256 pixels, and its application to pictures of any size, in NumPy.

The maths is that of `harmonize_core/models/look.py`, where the sources are; a test holds both to 1e-5. It is done in
`runtime/grading.py`, on pieces of a picture (`runtime/blending.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import REC709_LUMINANCE, linear_to_srgb, srgb_to_linear
from harmonize_core.runtime.blending import Adjust as Adjust
from harmonize_core.runtime.blending import Blend, Edges, as_coverage
from harmonize_core.runtime.checks import check_box, check_out, check_shapes, check_types
from harmonize_core.runtime.grading import DARKEST as DARKEST
from harmonize_core.runtime.grading import MAP as MAP
from harmonize_core.runtime.grading import TONE_GAMMA as TONE_GAMMA
from harmonize_core.runtime.grading import TONES as TONES
from harmonize_core.runtime.grading import Grading
from harmonize_core.runtime.pieces import PIXELS, ROWS, Box, Pixels
from harmonize_core.runtime.resize import limited
from harmonize_core.runtime.threads import workers

Floats = NDArray[np.float32]
Size = tuple[int, int]

GRADE = 10
"""Numbers of a grade: exposure, temperature, tint, offset (3), power (3), saturation."""

MIDDLE_GREY = 0.18


@dataclass(frozen=True)
class Cdl:
    """An ASC Color Decision List for linear light, BT.709 primaries: ((slope x + offset)^power), then saturation."""

    slope: Floats
    """(3,)"""
    offset: Floats
    """(3,)"""
    power: Floats
    """(3,)"""
    saturation: float

    def apply(self, rgb_linear: Floats) -> Floats:
        """Linear colours (3, ...), graded, not below 0."""
        slope, offset, power = (
            v.reshape(3, *(1,) * (rgb_linear.ndim - 1)) for v in (self.slope, self.offset, self.power)
        )
        darkest = np.where(power == 1, 0, np.float32(DARKEST))
        graded = np.maximum(rgb_linear * slope + offset, darkest) ** power
        luma = _luminance(graded)
        return np.maximum(luma + np.float32(self.saturation) * (graded - luma), 0)


@dataclass(frozen=True)
class Look:
    """A grade of the whole foreground and a smooth map of local gains, both in linear light."""

    grade: Floats
    """(10,) exposure in stops; temperature (half the log of red over blue); tint (log of green, negated); offset (3);
    log power (3); log saturation. Zeros are the identity."""
    map: Floats
    """(12, h, w) log gains of shadows (3), mid-tones (3) and highlights (3), offset (3); zeros are the identity."""

    @classmethod
    def identity(cls) -> Look:
        """The look that changes nothing."""
        return cls(np.zeros(GRADE, np.float32), np.zeros((MAP, 1, 1), np.float32))

    def scaled(self, strength: float) -> Look:
        """From the identity (0) to this look (1) and beyond, in stops and logarithms."""
        return Look(np.float32(strength) * self.grade, np.float32(strength) * self.map)

    def global_only(self) -> Look:
        """The grade without the map."""
        return Look(self.grade, Look.identity().map)

    def cdl(self) -> Cdl:
        """The grade as the list that grading tools take; white-balance gains keep the luminance of white."""
        exposure, temperature, tint = (float(v) for v in self.grade[:3])
        gains = np.exp(np.array([temperature, -tint, -temperature]))
        slope = 2.0**exposure * gains / (gains @ REC709_LUMINANCE.astype(np.float64))
        power = np.exp(self.grade[6:9].astype(np.float64))
        scale = MIDDLE_GREY ** (1 / power - 1)
        numbers = (slope * scale, self.grade[3:6] * scale, power)
        return Cdl(*(v.astype(np.float32) for v in numbers), saturation=float(np.exp(self.grade[9])))

    def apply(
        self,
        rgb_srgb: Floats,
        where: Floats | Box | None = None,
        *,
        ceiling: float | None = 1.0,
        threads: int | None = None,
    ) -> Floats:
        """Change a picture of any size whose frame is the one the look was estimated on.

        Args:
            rgb_srgb: (H, W, 3) float sRGB; 1 = white, values above it are allowed.
            where: a mask (H, W) in [0, 1]: its foreground is changed and the whole picture returned, as `over`, with
                arrays checked. A box (top, bottom, left, right) in pixels, bottom and right excluded: only this part
                is computed and returned. None: every pixel.
            ceiling: as `over`.
            threads: as `over`.

        Returns:
            (H, W, 3) float32 sRGB, not below 0; with a box (bottom - top, right - left, 3).

        Raises:
            InputError: a mask or picture of wrong shape, type or, with a mask, values; a box beyond the picture;
                MaskEmpty when the mask is 0 everywhere.
        """
        if isinstance(where, np.ndarray):
            from harmonize_core.runtime.layers import apply_transform  # which knows looks

            return apply_transform(self, rgb_srgb, where, ceiling=ceiling)
        check_shapes(rgb_srgb)
        check_types(rgb_srgb)
        height, width = rgb_srgb.shape[:2]
        box = top, bottom, left, right = where or (0, height, 0, width)
        check_box(box, rgb_srgb)
        result = np.empty((bottom - top, right - left, 3), dtype=np.float32)
        if self.is_identity and rgb_srgb.dtype.kind == "f":
            return np.maximum(rgb_srgb[top:bottom, left:right], 0, out=result, casting="same_kind")
        blend = Blend(Grading(self, (height, width)), rgb_srgb, ceiling)
        with workers(threads, (bottom - top) * (right - left)) as each:
            blend.within(box, result, each)
        return result

    def apply_to(self, colors_srgb: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], size_hw: Size) -> Floats:
        """Change single pixels (N, 3) of an image of `size_hw` at integer positions (rows, columns)."""
        result = np.empty((len(colors_srgb), 3), dtype=np.float32)
        if self.is_identity:
            return np.maximum(colors_srgb, 0, out=result, casting="same_kind")
        grading = Grading(self, size_hw)
        for start in range(0, len(rows), PIXELS):
            part = slice(start, start + PIXELS)
            source = np.asarray(colors_srgb[part], dtype=np.float32)
            light = np.ascontiguousarray(srgb_to_linear(source).T)
            grading.change(light, grading.cells_at(rows[part], columns[part]), np.empty_like(light[:2]))
            result[part] = limited(linear_to_srgb(light).T, source, 1.0)
        return result

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes under it."""
        return not self.grade.any() and not self.map.any()

    def over(
        self,
        composite: Pixels,
        mask: Pixels,
        *,
        separated: bool = True,
        ceiling: float | None = 1.0,
        adjust: Adjust | None = None,
        threads: int | None = None,
        out: Pixels | None = None,
    ) -> Pixels:
        """Change the foreground of a flat composite, in linear light.

        Args:
            composite: (H, W, 3) float sRGB, 1 = white; or uint8 or uint16, whose largest value is white.
            mask: (H, W) coverage in [0, 1], 1 = foreground; or uint8 or uint16.
            separated: at soft edges, change the foreground's own colour F in a F + (1 - a) B. Otherwise the mixture is
                taken for F, as PyTorch does it in training.
            ceiling: light above it is cut off, where the composite has none; None for scene-linear pictures, whose
                light has no end.
            adjust: what becomes of each changed colour of the foreground, before it is blended; it may be asked by
                several threads at once.
            threads: how many work at once; None: one for each core. The result does not depend on it.
            out: array to write into, which saves the memory of another; the composite itself to change it in place.

        Returns:
            (H, W, 3) sRGB, float32 or the composite's whole numbers, rounded; where the mask is 0 it equals the
            composite bit for bit, and everywhere if the look is the identity (strength 0).

        Raises:
            InputError: a composite, mask or `out` of wrong shape or type. Values are not looked at
                (`session.check_arrays` does that, for one reading of both): what a mask holds below 0 counts as 0,
                above 1 as 1, and near NaN in a mask or a composite anything may come out.
        """
        check_shapes(composite, mask)
        check_types(composite, mask)
        size = (mask.shape[0], mask.shape[1])
        if out is None:
            out = np.empty(composite.shape, composite.dtype if composite.dtype.kind == "u" else np.float32)
        check_out(out, composite)
        if adjust is None and self.is_identity:
            np.copyto(out, composite)
            return out
        with workers(threads, mask.size) as each:
            coverage = as_coverage(mask)
            edges = Edges.of(composite, coverage, each) if separated else None
            blend = Blend(Grading(self, size), composite, ceiling, adjust, coverage, edges)
            rows = (slice(top, min(top + ROWS, size[0])) for top in range(0, size[0], ROWS))
            list(each(lambda part: blend.over(part, out), rows))
        return out


def _luminance(rgb_linear: Floats) -> Floats:
    """(...,) of linear colours (3, ...)."""
    red, green, blue = REC709_LUMINANCE
    return red * rgb_linear[0] + green * rgb_linear[1] + blue * rgb_linear[2]
