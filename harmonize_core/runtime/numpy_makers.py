# SPDX-License-Identifier: Apache-2.0
"""How ONNX operators are made in NumPy.

A maker gets a node's attributes, its inputs as far as they are constant (`...` for one that is computed, None for one
that is left out) and the number of its outputs; it prepares what it can and gives the function of the computed inputs.
Sizes are checked before memory is taken, so that a file cannot ask for more than `LARGEST`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Attributes = Mapping[str, Any]
Fixed = Sequence[Array | EllipsisType | None]
Compute = Callable[..., Any]
"""Computed inputs to an array, or to a list of arrays for several outputs."""
Maker = Callable[[Attributes, Fixed, int], Compute]

LARGEST = 2**29
"""Numbers in one array: 2 GiB of float32."""


class Unsupported(Exception):
    """What is missing here, to follow "the NumPy executor lacks"."""


def allocated(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape, if there may be an array of it.

    Raises:
        ValueError: negative or too large.
    """
    if any(side < 0 for side in shape) or math.prod(shape) > LARGEST:
        raise ValueError(f"an array of {'x'.join(map(str, shape))} numbers")
    return tuple(int(side) for side in shape)


def bound(function: Compute, fixed: Fixed) -> Compute:
    """The function with its constant inputs filled in."""
    if all(value is ... for value in fixed):
        return function

    def compute(*computed: Array, **more: Any) -> Any:
        rest = iter(computed)
        return function(*(next(rest) if value is ... else value for value in fixed), **more)

    return compute


def plain(function: Callable[..., Any]) -> Maker:
    """An operator without attributes."""
    return lambda attributes, fixed, outputs: bound(function, fixed)


def with_attributes(function: Callable[..., Any]) -> Maker:
    """An operator that is called with its attributes first."""
    return lambda attributes, fixed, outputs: bound(lambda *inputs: function(attributes, *inputs), fixed)
