# SPDX-License-Identifier: Apache-2.0
"""In which number format the networks compute while they train; weights, losses and optimizers are float32 always.

Autocast runs convolutions and matrix products in bf16 or fp16 and keeps what needs range in float32 (Micikevicius et
al., "Mixed Precision Training", ICLR 2018). fp16's gradients would underflow, so its losses are scaled; a step whose
scaled gradients overflow is left out and the scale halved. bf16 has float32's range and needs none of that.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Literal

import torch

from harmonize_core.errors import EnvironmentFault

Choice = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Precision:
    """A format on a kind of device."""

    device: str
    dtype: torch.dtype | None
    """None: float32, no autocast."""

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Within it networks compute in this format."""
        return torch.autocast(self.device, dtype=self.dtype) if self.dtype else contextlib.nullcontext()

    def scaler(self) -> torch.amp.GradScaler:
        """A loss scaling of its own for each optimizer; it does nothing except in fp16."""
        return torch.amp.GradScaler(self.device, enabled=self.dtype is torch.float16)


def precision_on(device: torch.device, choice: Choice = "auto") -> Precision:
    """The format that a choice means on a device.

    Raises:
        EnvironmentFault: the device cannot train in it.
    """
    has_bf16 = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if choice == "auto":
        choice = "fp32" if device.type != "cuda" else "bf16" if has_bf16 else "fp16"
    if choice == "fp16" and device.type != "cuda":
        raise EnvironmentFault("--precision fp16 needs a CUDA device but the run is on the CPU; use bf16 or fp32")
    if choice == "bf16" and not has_bf16:
        name = torch.cuda.get_device_name(device)
        raise EnvironmentFault(f"--precision bf16 needs a CUDA device that has bfloat16 but {name} has not; use fp16")
    return Precision(device.type, {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[choice])
