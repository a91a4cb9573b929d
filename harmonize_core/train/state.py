# SPDX-License-Identifier: Apache-2.0
"""A run's state on disk: `checkpoints/step-00001000/{model.safetensors,trainer.pt}`, each folder whole or absent.

`model.safetensors` is the network as everything else loads it; `trainer.pt` holds what only training needs
(discriminator, classifiers, optimizers, step, seconds) and loads with `weights_only=True`.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from harmonize_core.checkpoint import load_model, save_model
from harmonize_core.errors import CheckpointError, OutputError
from harmonize_core.infer.shipped import shipped
from harmonize_core.models import HarmonizationModel, build, registered

TRAINER_FORMAT = "harmonize-trainer/1"


def save(
    run: Path,
    step: int,
    model: HarmonizationModel,
    name: str,
    trainer: dict[str, Any],
    provenance: dict[str, str],
    side: int = 0,
) -> Path:
    """Write the checkpoint of `step`: into a folder beside it first, renamed when whole.

    Raises:
        OutputError: the disk is full or the folder cannot be written to.
    """
    folder = _folder(run, step)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_model(partial / "model.safetensors", model, name, side=side, provenance=provenance)
        with open(partial / "trainer.pt", "wb") as file:
            torch.save({"format": TRAINER_FORMAT, "step": step, **trainer}, file)
            file.flush()
            os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except (OSError, RuntimeError, OutputError) as error:  # torch reports a full disk as RuntimeError
        shutil.rmtree(partial, ignore_errors=True)
        cause = error.__cause__ if isinstance(error, OutputError) and error.__cause__ else error
        reason = cause.strerror if isinstance(cause, OSError) else str(cause).strip().splitlines()[0]
        raise OutputError(
            f"the checkpoint {folder} could not be written ({reason}); free space and continue with --resume"
        ) from error
    return folder


def prune(run: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints, and what a killed run left half-written."""
    for folder in checkpoints(run)[:-keep]:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (run / "checkpoints").glob(".step-*.partial"):
        shutil.rmtree(folder, ignore_errors=True)


def checkpoints(run: Path) -> list[Path]:
    """Whole checkpoints of a run, oldest first."""
    pattern = re.compile(r"step-\d{8}")
    return sorted(p for p in (Path(run) / "checkpoints").glob("step-*") if pattern.fullmatch(p.name))


def load_trainer(folder: Path, device: torch.device) -> dict[str, Any]:
    """The training state of a checkpoint.

    Raises:
        CheckpointError: damaged, or not a training state of this format.
    """
    path = folder / "trainer.pt"
    try:
        trainer = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} is damaged or is not a training state; delete {folder} and resume") from error
    if not isinstance(trainer, dict) or trainer.get("format") != TRAINER_FORMAT:
        raise CheckpointError(f"{path} should be of format {TRAINER_FORMAT}; delete {folder} and resume")
    return trainer


def load_model_into(folder: Path, model: HarmonizationModel) -> None:
    """Fill `model` with a checkpoint's weights.

    Raises:
        CheckpointError: the file does not fit.
    """
    loaded = load_model(folder / "model.safetensors").model
    model.load_state_dict(loaded.state_dict())


def _folder(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"step-{step:08d}"


def weights_of(path: Path) -> Path:
    """The weights file meant by a path: the file itself, what a run's or a checkpoint's folder holds, or the name of
    a network whose weights come with the package, as it is.

    Raises:
        CheckpointError: nothing there, or a folder without weights; names of architectures get a hint. The name of a
            method that has nothing to learn is its own weights.
    """
    path = Path(path)
    if shipped(path):
        return path
    if path.is_dir():
        candidates = [path / "model.safetensors", *(c / "model.safetensors" for c in reversed(checkpoints(path)))]
        found = next((c for c in candidates if c.is_file()), None)
        if found is None:
            raise CheckpointError(f"{path} should be the folder of a training run but holds no model.safetensors")
        return found
    if not path.exists() and str(path) in registered() and any(True for _ in build(str(path)).parameters()):
        raise CheckpointError(
            f"{path} names an architecture, not weights, and none of it come with this version; give a run's folder, "
            ".safetensors or .onnx file"
        )
    return path


def checkpoint_of(path: Path) -> Path:
    """As `weights_of`, to train on from: of a network whose weights come with the package, its checkpoint.

    Raises:
        CheckpointError: as `weights_of`; or what comes with the package is only for use.
    """
    file = weights_of(path)
    if not (own := shipped(file, "cuda")):
        return file
    if own.suffix == ".json":
        raise CheckpointError(f"{path} comes with weights to use but not to train further; give a run or .safetensors")
    return own
