# SPDX-License-Identifier: Apache-2.0
"""Changes of consecutive frames made steady over time, in their own numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Transform = TypeVar("Transform", bound="DataclassInstance")
"""A dataclass of arrays."""


def smooth_over_time(transforms: Sequence[Transform], sigma_frames: float) -> list[Transform]:
    """Smooth the transforms of consecutive frames with a centred gaussian: no flicker and no lag.

    Args:
        transforms: one per frame, in order, all of one kind (`ColorTransform`, `look.Look`) and size.
        sigma_frames: standard deviation in frames; 0 returns the transforms unchanged. Frames near the ends use the
            neighbours there are.
    """
    if sigma_frames <= 0 or len(transforms) < 2:
        return list(transforms)
    distance = np.subtract.outer(np.arange(len(transforms)), np.arange(len(transforms)))
    weights = np.exp(-0.5 * (distance / sigma_frames) ** 2)
    weights[np.abs(distance) > 4 * sigma_frames + 1] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    names = [field.name for field in dataclasses.fields(transforms[0])]
    stacks = {name: np.stack([getattr(t, name) for t in transforms]) for name in names}
    smooth = {name: np.tensordot(weights, stack, axes=(1, 0)).astype(np.float32) for name, stack in stacks.items()}
    kind = type(transforms[0])
    return [kind(**{name: smooth[name][i] for name in names}) for i in range(len(transforms))]
