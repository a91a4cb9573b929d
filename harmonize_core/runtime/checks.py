# SPDX-License-Identifier: Apache-2.0
"""What arrays must look like before anything is done to them; no value of them is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError

Pixels = NDArray[Any]


def check_shapes(composite: Pixels, mask: Pixels | None = None) -> None:
    """Refuse a composite that is not (H, W, 3), and a mask that is not (H, W) of the same size.

    Raises:
        InputError: a wrong or empty shape, or sizes that differ.
    """
    arrays = [("composite", composite, "(H, W, 3)")]
    if mask is not None:
        arrays.append(("mask", mask, "(H, W)"))
    for name, array, wanted in arrays:
        good_shape = array.ndim == wanted.count(",") + 1 and array.size and (array.ndim == 2 or array.shape[2] == 3)
        if not good_shape:
            raise InputError(f"the {name} should have shape {wanted} but has {array.shape}; reshape it")
    if mask is not None and composite.shape[:2] != mask.shape:
        raise InputError(
            f"the mask should have the size of its image: the mask is {mask.shape[1]}x{mask.shape[0]}, "
            f"the image is {composite.shape[1]}x{composite.shape[0]}"
        )


def check_types(composite: Pixels, mask: Pixels | None = None) -> None:
    """Refuse numbers that do not say what white is: all but floats, uint8, uint16 and, for masks, booleans.

    Raises:
        InputError: another type.
    """
    for name, array, more in (("composite", composite, ()), ("mask", mask, (np.bool_,))):
        if array is not None and array.dtype.type not in (np.uint8, np.uint16, *more) and array.dtype.kind != "f":
            raise InputError(
                f"the {name} should hold floats, uint8 or uint16 but holds {array.dtype}; divide by its maximum"
            )


def check_out(out: Pixels, composite: Pixels) -> None:
    """Refuse an array that cannot hold what becomes of a composite: whole numbers of its type, or floats for floats.

    Raises:
        InputError: another shape or type.
    """
    if composite.dtype.kind == "u":
        wanted, good_type = str(composite.dtype), out.dtype == composite.dtype
    else:
        wanted, good_type = "floats", out.dtype.kind == "f"
    if out.shape != composite.shape or not good_type:
        raise InputError(
            f"out should have shape {composite.shape} and hold {wanted}, as the composite, "
            f"but has {out.shape} and holds {out.dtype}"
        )


def check_box(box: tuple[int, int, int, int], composite: Pixels) -> None:
    """Refuse a box (top, bottom, left, right) that is not within a picture.

    Raises:
        InputError: as said.
    """
    (top, bottom, left, right), (height, width) = box, composite.shape[:2]
    if not (0 <= top <= bottom <= height and 0 <= left <= right <= width):
        raise InputError(
            f"the box (top, bottom, left, right) should be within 0 to {height} and 0 to {width} but is {tuple(box)}"
        )
