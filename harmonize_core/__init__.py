# SPDX-License-Identifier: Apache-2.0
"""Models, losses, metrics, training and inference for image harmonization.

>>> import numpy as np
>>> import harmonize_core as hc
>>> composite, mask = np.random.default_rng(0).random((64, 96, 3)), np.zeros((64, 96))
>>> mask[16:48, 24:72] = 1  # the foreground
>>> model = hc.load("mkl")
>>> harmonized = model(composite, mask)
>>> look = model.estimate(composite, mask)
>>> half = look.scaled(0.5).apply(composite, mask)

docs/python.md says more.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harmonize_core.formats.triplet import Domain
    from harmonize_core.infer.controls import Controls as Controls
    from harmonize_core.infer.controls import apply_controls as apply_controls
    from harmonize_core.infer.look_files import SavedLooks as SavedLooks
    from harmonize_core.infer.look_files import load_look as load_look
    from harmonize_core.infer.look_files import load_looks as load_looks
    from harmonize_core.infer.look_files import save_look as save_look
    from harmonize_core.infer.look_files import save_looks as save_looks
    from harmonize_core.infer.predictor import Predictor as Predictor
    from harmonize_core.runtime.engines import Runtime
    from harmonize_core.runtime.look import Look as Look
    from harmonize_core.runtime.temporal import lock as lock
    from harmonize_core.runtime.temporal import smooth as smooth
    from harmonize_core.runtime.transform import ColorTransform as ColorTransform

_HOMES = {
    "harmonize_core.infer.controls": ("Controls", "apply_controls"),
    "harmonize_core.infer.look_files": ("SavedLooks", "load_look", "load_looks", "save_look", "save_looks"),
    "harmonize_core.infer.predictor": ("Predictor",),
    "harmonize_core.runtime.look": ("Look",),
    "harmonize_core.runtime.temporal": ("lock", "smooth"),
    "harmonize_core.runtime.transform": ("ColorTransform",),
}


def load(
    path: str | os.PathLike[str], device: str = "cpu", domain: Domain | None = None, runtime: Runtime = "auto"
) -> Predictor:
    """A trained network as a function: `harmonized = load("model.safetensors")(composite, mask)`.

    >>> load("reinhard").info.source
    'Reinhard et al., Color Transfer between Images, IEEE CG&A 2001'

    Args:
        path: a .safetensors checkpoint, an .onnx export, the name of a network whose weights come with the package
            ("charmnet_hr"), or of a method that has nothing to learn ("reinhard", "mkl", "histogram_match").
        device: "cpu", "cuda", or "auto" for what there is; .onnx files also with "coreml" and "directml".
        domain: what the foregrounds are, "photographic" cut-outs (also if None) or "rendered" characters, for networks
            with parts of their own for each.
        runtime: what runs .onnx files: "onnxruntime", "numpy", or "auto": NumPy where onnxruntime cannot be loaded.

    Raises:
        CheckpointError: missing, damaged, a pickle, or of another format.
        EnvironmentFault: nothing here can run it, or there is no such device.
    """
    from harmonize_core.infer.predictor import Predictor  # importing the package must not import torch

    return Predictor.load(path, device, domain, runtime)


def __getattr__(name: str) -> Any:
    """The public names, from where they live, when they are first asked for: importing the package loads none."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'harmonize_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *(name for names in _HOMES.values() for name in names)])
