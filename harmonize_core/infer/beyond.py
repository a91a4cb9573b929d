# SPDX-License-Identifier: Apache-2.0
"""Light above white and colours outside sRGB, around networks that were made for values from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.runtime.layers import apply_transform
from harmonize_core.runtime.look import Adjust
from harmonize_core.runtime.session import Extent, check_arrays, extent

Floats = NDArray[np.float32]


def in_range(composite: Floats, found: Extent | None = None) -> Floats:
    """What a network is shown of a composite: values in [0, 1]; the array itself where it holds no others.

    Its smallest and largest value are found by `check_arrays`; None: they are looked for here.
    """
    if not composite.size or composite.dtype.kind != "f":
        return composite
    low, high = found or extent(composite)
    return composite if low >= 0 and high <= 1 else np.clip(composite, 0, 1)


def apply_beyond(
    transform: Any,
    composite: Floats,
    mask: Floats,
    ceiling: float | None = 1.0,
    adjust: Adjust | None = None,
    found: Extent | None = None,
) -> Floats:
    """As `apply_transform`, where light above 1 is transformed too and what colours lack below 0 is kept.

    `found` is what `check_arrays` gave for the arrays; None: they are checked here.

    Raises:
        InputError: as `check_arrays`.
    """
    low, _ = found or check_arrays(composite, mask)
    if low >= 0:
        return apply_transform(transform, composite, mask, ceiling=ceiling, adjust=adjust, checked=True)
    below = np.minimum(composite, 0)
    return apply_transform(transform, composite - below, mask, ceiling=ceiling, adjust=adjust, checked=True) + below
