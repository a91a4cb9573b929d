# SPDX-License-Identifier: Apache-2.0
"""Files of tensors that others wrote (official checkpoints, a VGG): only tensors are read, no code in them is run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harmonize_core.errors import CheckpointError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "netG", "params")


def read_tensors(path: Path, what: str) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU; numbers of another precision (half, double) become float32.

    Args:
        path: a .safetensors file, or a .pth/.pt with a state dict (possibly inside a dict, possibly with "module."
            before its names).
        what: what it should hold, for the message.

    Raises:
        CheckpointError: the file is missing, damaged, holds code, or something else than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}; give {what}")
    found = _safetensors(path, what) if path.suffix == ".safetensors" else _pickled(path, what)
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path} should hold {what}, tensors by name, but holds {type(found).__name__}")
    return {
        str(key).removeprefix("module."): value.float() if value.is_floating_point() else value
        for key, value in found.items()
    }


def _safetensors(path: Path, what: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} should hold {what} but is damaged or no .safetensors; copy it again") from error


def _pickled(path: Path, what: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path} should hold {what}, tensors only, but is damaged or holds code, which is never run; copy it again "
            "or save its state_dict() anew"
        ) from error
