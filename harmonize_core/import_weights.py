# SPDX-License-Identifier: Apache-2.0
"""Official checkpoints of the published repositories as our `.safetensors` files, for networks proven equal to them.

Only tensors are read: a file that would run code is refused. Another precision becomes float32.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from harmonize_core.checkpoint import load_strictly, save_model
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.models import HarmonizationModel, lookup, registered
from harmonize_core.tensor_files import read_tensors

_COUNTERS = "num_batches_tracked"


def import_weights(file: Path, out: Path, name: str) -> int:
    """Write the official weights in `file` as a checkpoint of the network `name`; the number of tensors taken.

    Args:
        file: a .pth/.pt file holding a state dict (possibly inside a dict, possibly with "module." before its names),
            or a .safetensors file with the official names.
        out: a .safetensors file.
        name: registered network.

    Raises:
        UnknownName: no such network.
        ConfigError: the network has no official names to map from.
        CheckpointError: the file is missing, damaged, holds code, or does not fit the network.
        OutputError: `out` cannot be written.
    """
    entry = lookup(name)
    remap = getattr(sys.modules[type(entry.config).__module__], "remap_official", None)
    if remap is None:
        able = ", ".join(importable())
        raise ConfigError(f"{name} has no published checkpoint whose names are known here; those that have: {able}")
    model = entry.config.build()
    official = read_tensors(file, f"the official checkpoint of {name}")
    try:
        weights = dict(remap(official))
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(
            f"{file} should hold the official {name} but has names such as {next(iter(official), 'none')!r}; "
            f"choose the --model it was trained as"
        ) from error
    try:
        load_strictly(model, _with_counters(weights, model), file)
    except CheckpointError as error:
        fitting = _relatives_that_fit(name, weights)
        if not fitting:
            raise
        raise CheckpointError(f"{file} holds no {name} but fits {fitting[0]}; give --model {fitting[0]}") from error
    provenance = {
        "imported_from": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "licence": "as the original weights",
        "source": entry.source,
    }
    save_model(out, model, name, provenance=provenance)
    return len(official)


def importable() -> list[str]:
    """Names of the networks that official weights can be imported for."""
    return [
        name
        for name, entry in registered().items()
        if hasattr(sys.modules[type(entry.config).__module__], "remap_official")
    ]


def _with_counters(weights: Mapping[str, Tensor], model: HarmonizationModel) -> dict[str, Tensor]:
    """`weights` with just the batch counters that the model has: old files lack them, and nothing depends on them."""
    counters = {key: value for key, value in model.state_dict().items() if key.endswith(_COUNTERS)}
    return counters | {key: value for key, value in weights.items() if key in counters or not key.endswith(_COUNTERS)}


def _relatives_that_fit(name: str, weights: Mapping[str, Tensor]) -> list[str]:
    """Other networks of the same file whose weights have these names and shapes."""
    family = type(lookup(name).config)
    found = []
    for relative, entry in registered().items():
        if relative != name and type(entry.config) is family:
            with torch.device("meta"):
                model = entry.config.build()
            wanted = {key: value.shape for key, value in model.state_dict().items()}
            if wanted == {key: value.shape for key, value in _with_counters(weights, model).items()}:
                found.append(relative)
    return found
