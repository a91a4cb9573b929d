# SPDX-License-Identifier: Apache-2.0
"""What this machine has for harmonization and what it lacks, with the command that adds it."""

from __future__ import annotations

import importlib
import os
import platform
from dataclasses import dataclass
from importlib import metadata

from harmonize_core.runtime.engines import describe_runtimes

REQUIRED = {
    "numpy": "numpy",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "OpenEXR": "OpenEXR",
    "tifffile": "tifffile",
    "tqdm": "tqdm",
    "tyro": "tyro",
    "docstring_parser": "docstring-parser",
    "msgspec": "msgspec",
    "onnxruntime": "onnxruntime",
    "safetensors": "safetensors",
}
"""Module -> distribution: needed by every command."""

FOR_TRAINING = {"torch": "torch", "onnx": "onnx", "onnxscript": "onnxscript"}
"""Needed to train, evaluate checkpoints and export; `pip install 'rdharmony[train]'` brings them."""


@dataclass(frozen=True)
class Report:
    """The findings."""

    lines: tuple[str, ...]
    missing: tuple[str, ...]
    usable: bool
    """Nothing that every command needs is missing."""


def inspect() -> Report:
    """Import each package once and say its version, or what to install."""
    lines = [f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"]
    missing = []
    usable = True
    for packages, extra in ((REQUIRED, ""), (FOR_TRAINING, "[train]")):
        for module, distribution in packages.items():
            problem = _problem(module)
            if problem is None:
                lines.append(f"ok       {distribution} {metadata.version(distribution)}")
                continue
            line = f"missing  {distribution} ({problem}): pip install 'rdharmony{extra}'"
            lines.append(line)
            missing.append(line)
            usable = usable and bool(extra)
    lines += [describe_runtimes(), _accelerator()]
    return Report(tuple(lines), tuple(missing), usable)


def _problem(module: str) -> str | None:
    """Why a module cannot be imported, in a few words; None when it can."""
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken binary package raises all sorts of things
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None


def _accelerator() -> str:
    try:
        import torch
    except Exception:
        return "torch is not installed: training is not possible"
    if torch.cuda.is_available():
        return f"CUDA device {torch.cuda.get_device_name()}: training uses it with mixed precision"
    return f"no CUDA device: training runs on {torch.get_num_threads()} CPU threads"
