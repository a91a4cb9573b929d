# SPDX-License-Identifier: Apache-2.0
"""Means over images or clips, field by field, of what is defined for each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def mean_of(cls: type[T], scores: Sequence[T]) -> T:
    """Mean of each number, leaving out NaN and infinite ones; NaN where nothing is left."""
    values = {}
    for field in dataclasses.fields(cls):
        known = [v for s in scores if math.isfinite(v := getattr(s, field.name))]
        values[field.name] = float(np.mean(known)) if known else math.nan
    return cls(**values)
