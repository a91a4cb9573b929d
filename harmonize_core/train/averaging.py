# SPDX-License-Identifier: Apache-2.0
"""Weights between two checkpoints of a network, one of which was trained on from the other.

After Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022; WiSE-FT, eq. 1): the straight line between
weights before and after further training often holds networks that are better than both ends, on new data most of all.
Between networks from different starts it holds nothing of use. Theirs are classifiers; nothing else is changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from harmonize_core.checkpoint import Checkpoint, load_model, save_model
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.train.state import checkpoint_of


def average(first: Path, second: Path, out: Path, share: float) -> str:
    """Write (1 - share) `first` + share `second`; numbers that are no floats, such as counters, are `second`'s.

    Args:
        first: run's folder, .safetensors file or name of a network whose checkpoint comes with the package; the
            network as it was.
        second: the same of the network as it was trained on; where the result comes from is told as for this one.
        out: .safetensors file.
        share: how much of `second`, between 0 and 1.

    Returns:
        Name of the network.

    Raises:
        CheckpointError: unreadable, of different networks, or `out` is one of the two.
        ConfigError: a share that leaves one of the two out.
        OutputError: `out` cannot be written.
    """
    if not 0 < share < 1:
        raise ConfigError(f"--share should lie between 0 and 1, both left out, but is {share:g}")
    files = [checkpoint_of(path) for path in (first, second)]
    if out.resolve() in [file.resolve() for file in files]:
        raise CheckpointError(f"{out} is one of the two that are averaged; choose another name")
    before, after = (load_model(file) for file in files)
    if (before.name, before.config) != (after.name, after.config):
        raise CheckpointError(
            f"{files[0]} and {files[1]} should hold the same network but hold {_described(before)} and "
            f"{_described(after)}; average a network and what it became by further training"
        )
    weights = after.model.state_dict()
    for name, value in before.model.state_dict().items():
        if value.is_floating_point():
            weights[name] = torch.lerp(value, weights[name], share)
    after.model.load_state_dict(weights)
    parts = zip((1 - share, share), files, strict=True)
    told = " + ".join(f"{part:g} of sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}" for part, file in parts)
    provenance = {key: text for key, text in after.provenance.items() if not key.startswith("fmse")}
    side, provenance = after.input_spec.size, {**provenance, "averaged": told}
    save_model(out, after.model, after.name, config=after.config, side=side, provenance=provenance)
    return after.name


def _described(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.name} with {checkpoint.config}"
