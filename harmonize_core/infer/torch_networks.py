# SPDX-License-Identifier: Apache-2.0
"""Networks of torch as the functions on arrays that `runtime` works with, in place of ONNX files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from harmonize_core.errors import EnvironmentFault
from harmonize_core.models import InferenceNetwork
from harmonize_core.models.charmnet_hr import LookNetwork
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.look_session import Estimate
from harmonize_core.runtime.session import Network

Floats = NDArray[np.float32]


def torch_estimate(module: InferenceNetwork, device: str = "cpu") -> Estimate:
    """A torch inference network that estimates looks as the numpy function `LookHarmonizer` calls; moved, eval mode.

    Raises:
        EnvironmentFault: torch has no such device here.
    """
    run = _on_device(LookNetwork(module), device)

    def estimate(composite: Floats, mask: Floats) -> Look:
        grade, cells = run(composite, mask)
        return Look(grade[0], cells[0])

    return estimate


def torch_network(module: InferenceNetwork, device: str = "cpu") -> Network:
    """A torch inference network as the numpy function `Harmonizer` calls; the module is moved and put in eval mode.

    Raises:
        EnvironmentFault: torch has no such device here.
    """
    run = _on_device(module, device)

    def network(composite: Floats, mask: Floats) -> Floats:
        return np.ascontiguousarray(run(composite, mask)[0][0].transpose(1, 2, 0))

    return network


def _on_device(module: nn.Module, device: str) -> Callable[[Floats, Floats], list[Floats]]:
    """A module from (H, W, 3) and (H, W) arrays to the arrays of its outputs; "auto" is CUDA where there is any."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        module.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise EnvironmentFault(f"torch cannot use the device {device!r} on this machine; use --device cpu") from error

    def run(composite: Floats, mask: Floats) -> list[Floats]:
        with torch.inference_mode():
            image = torch.from_numpy(np.ascontiguousarray(composite.transpose(2, 0, 1)[None])).to(device)
            results = module(image, torch.from_numpy(np.ascontiguousarray(mask[None, None])).to(device))
            results = results if isinstance(results, tuple) else (results,)
            return [result.float().cpu().numpy() for result in results]

    return run
