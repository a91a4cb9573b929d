# SPDX-License-Identifier: Apache-2.0
"""Losses that convolve or multiply matrices, kept in float32 where networks compute in half precision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def in_float32(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same loss outside autocast, which would run its convolutions in bf16 or fp16: differences of squares and
    sums over thousands of pixels do not survive 8 or 11 bits. Tensors that come in another format are widened."""

    @functools.wraps(loss)
    def widened(*arguments: Any, **options: Any) -> Tensor:
        device = next(a.device.type for a in arguments if isinstance(a, Tensor))
        with torch.autocast(device, enabled=False):
            return loss(*(_wide(a) for a in arguments), **{name: _wide(a) for name, a in options.items()})

    return widened


def _wide(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    return [_wide(one) for one in value] if isinstance(value, list | tuple) else value
