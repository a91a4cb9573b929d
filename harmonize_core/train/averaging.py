# SPDX-License-Identifier: Apache-2.0
"""Weights between two checkpoints of a network, one of which was trained on from the other.

After Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022; WiSE-FT, eq. 1): the straight line between
weights before and after further training often holds networks that are better than both ends, on new data most of all.
Between networks from different starts it holds nothing of use. Theirs are classifiers. Running statistics of batch norm
are averaged with the weights, not measured anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
        second: the same of the network as it was trained on.
        out: .safetensors file.
        share: how much of `second`, between 0 and 1.

    Returns:
        Name of the network.

    Raises:
        CheckpointError: unreadable, of different networks, the same file, or `out` is one of the two.
        ConfigError: a share that leaves one of the two out.
        OutputError: `out` cannot be written.
    """
    if not 0 < share < 1:
        raise ConfigError(f"--share should be more than 0 and less than 1 but is {share:g}")
    files = [checkpoint_of(path) for path in (first, second)]
    if files[0].resolve() == files[1].resolve():
        raise CheckpointError(f"{first} and {second} are the same weights; give a network and what it became")
    if out.resolve() in [file.resolve() for file in files]:
        raise CheckpointError(f"{out} is one of the two that are averaged; choose another name")
    before, after = (load_model(file) for file in files)
    if (before.name, before.config) != (after.name, after.config):
        held = [c.name if before.name != after.name else f"{c.name} with {c.config}" for c in (before, after)]
        raise CheckpointError(
            f"{files[0]} and {files[1]} should hold the same network but hold {held[0]} and {held[1]}; average a "
            "network and what it became by further training"
        )
    weights = after.model.state_dict()
    for name, value in before.model.state_dict().items():
        if value.is_floating_point():
            weights[name] = torch.lerp(value, weights[name], share)
    after.model.load_state_dict(weights)
    side, provenance = after.input_spec.size, _provenance(before, after, files, share)
    save_model(out, after.model, after.name, config=after.config, side=side, provenance=provenance)
    return after.name


def _provenance(before: Checkpoint, after: Checkpoint, files: Sequence[Path], share: float) -> dict[str, str]:
    """The second's, with the first's data and licence, and of which parts the weights are; no numbers of one end."""
    told = {key: text for key, text in after.provenance.items() if not key.startswith("fmse")}
    for key, between in (("training_data", "; before that "), ("licence", " and ")):
        if known := dict.fromkeys(end.provenance[key] for end in (after, before) if key in end.provenance):
            told[key] = between.join(known)
    parts = zip((1 - share, share), (before, after), files, strict=True)
    told["averaged"] = " and ".join(
        f"{part:.12g} of step {end.provenance.get('step', 'unknown')} (sha256 {_digest(file)})"
        for part, end, file in parts
    )
    return told


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
