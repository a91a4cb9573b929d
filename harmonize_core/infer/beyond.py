# SPDX-License-Identifier: Apache-2.0
"""Light above white and colours outside sRGB, around networks that were made for values from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.runtime.layers import apply_transform
from harmonize_core.runtime.look import Adjust

Floats = NDArray[np.float32]


def in_range(composite: Floats) -> Floats:
    """What a network is shown of a composite: values in [0, 1]; the array itself where it holds no others."""
    if not composite.size or composite.dtype.kind != "f" or (composite.min() >= 0 and composite.max() <= 1):
        return composite
    return np.clip(composite, 0, 1)


def apply_beyond(
    transform: Any, composite: Floats, mask: Floats, ceiling: float | None = 1.0, adjust: Adjust | None = None
) -> Floats:
    """As `apply_transform`, where light above 1 is transformed too and what colours lack below 0 is kept."""
    if not (composite.size and composite.min() < 0):
        return apply_transform(transform, composite, mask, ceiling=ceiling, adjust=adjust)
    below = np.minimum(composite, 0)
    return apply_transform(transform, composite - below, mask, ceiling=ceiling, adjust=adjust) + below
