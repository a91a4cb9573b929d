# SPDX-License-Identifier: Apache-2.0
"""Colour spaces on batches of pictures (B, 3, H, W) in torch: those of `harmonize_core.color`, with the same numbers.

Everything is computed in the tensor's own precision on its own device; unlike there, roots of negative values count as
0 in l-alpha-beta only.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harmonize_core.color import DARKEST_CONE, OKLAB_LAB, OKLAB_LMS, REC709_LUMINANCE, RUDERMAN_LAB, RUDERMAN_LMS


def mixed(rgb: Tensor, matrix: NDArray[np.floating]) -> Tensor:
    """Channels of (B, 3, H, W) mixed by a matrix (3, 3)."""
    return torch.einsum("ij,bjhw->bihw", torch.as_tensor(matrix, dtype=rgb.dtype, device=rgb.device), rgb)


def luminance(rgb_linear: Tensor) -> Tensor:
    """Relative luminance (B, 1, H, W)."""
    weights = torch.as_tensor(REC709_LUMINANCE, dtype=rgb_linear.dtype, device=rgb_linear.device)
    return (rgb_linear * weights[:, None, None]).sum(dim=1, keepdim=True)


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """IEC 61966-2-1, odd and unbounded."""
    magnitude = rgb.abs()
    curve = ((magnitude + 0.055) / 1.055) ** 2.4
    return torch.copysign(torch.where(magnitude <= 0.04045, magnitude / 12.92, curve), rgb)


def linear_to_srgb(rgb_linear: Tensor) -> Tensor:
    """The way back; nothing is clipped."""
    magnitude = rgb_linear.abs()
    curve = 1.055 * magnitude ** (1 / 2.4) - 0.055
    return torch.copysign(torch.where(magnitude <= 0.0031308, magnitude * 12.92, curve), rgb_linear)


def linear_to_oklab(rgb_linear: Tensor) -> Tensor:
    """Oklab: lightness in [0, 1] for displayable colours, a and b around 0."""
    lms = mixed(rgb_linear, OKLAB_LMS)
    return mixed(torch.copysign(lms.abs() ** (1 / 3), lms), OKLAB_LAB)


def oklab_to_linear(lab: Tensor) -> Tensor:
    """The way back; colours outside the gamut come out below 0 or above 1."""
    return mixed(mixed(lab, np.linalg.inv(OKLAB_LAB)) ** 3, np.linalg.inv(OKLAB_LMS))


def linear_to_lalphabeta(rgb_linear: Tensor) -> Tensor:
    """The decorrelated logarithmic space of Ruderman et al., as `harmonize_core.color` has it."""
    return mixed(torch.log10(mixed(rgb_linear, RUDERMAN_LMS).clamp_min(DARKEST_CONE)), RUDERMAN_LAB)


def lalphabeta_to_linear(lab: Tensor) -> Tensor:
    """The way back."""
    return mixed(10.0 ** mixed(lab, np.linalg.inv(RUDERMAN_LAB)), np.linalg.inv(RUDERMAN_LMS))
