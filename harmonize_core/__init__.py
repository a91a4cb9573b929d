# SPDX-License-Identifier: Apache-2.0
"""Models, losses, metrics, training and inference for image harmonization."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harmonize_core.infer.predictor import Predictor


def load(path: str | os.PathLike[str], device: str = "cpu") -> Predictor:
    """A trained network as a function: `harmonized = load("model.safetensors")(composite, mask)`.

    Args:
        path: a .safetensors checkpoint, an .onnx export, or the name of a network whose weights come with the package.
        device: "cpu" or "cuda", for checkpoints.

    Raises:
        CheckpointError: missing, damaged, a pickle, or of another format.
    """
    from harmonize_core.infer.predictor import Predictor  # importing the package must not import torch

    return Predictor.load(path, device)
