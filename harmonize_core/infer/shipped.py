# SPDX-License-Identifier: Apache-2.0
"""Weights that come with the package, by the name of their network: `harmonize_core/weights/<name>.onnx`, .safetensors.

The ONNX file is the photographic branch, for any machine; the checkpoint holds all branches and needs torch.
"""

from __future__ import annotations

from pathlib import Path

from harmonize_core.formats.triplet import Domain

WEIGHTS = Path(__file__).parents[1] / "weights"


def shipped(name: Path, device: str = "cpu", domain: Domain | None = None) -> Path | None:
    """The file that a bare name ("charmnet_hr") means; None for what is a file or has no weights here."""
    if name.exists() or name.suffix or len(name.parts) != 1:
        return None
    suffix = ".onnx" if device == "cpu" and domain in (None, "photographic") else ".safetensors"
    file = WEIGHTS / f"{name}{suffix}"
    return file if file.is_file() else None
