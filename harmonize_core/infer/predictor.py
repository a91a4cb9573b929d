# SPDX-License-Identifier: Apache-2.0
"""`Predictor`: a checkpoint or ONNX file as a function from (composite, mask) arrays of any size to a harmonized one.

The network looks at 256x256 pixels; the colour transform it implies is applied at full resolution
(`harmonize_core/runtime/transform.py`), so the background stays bit for bit what it was. ONNX files need no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, EnvironmentFault
from harmonize_core.formats.triplet import Domain
from harmonize_core.runtime.layers import apply_transform
from harmonize_core.runtime.session import Harmonizer, ModelInfo, Network, check_arrays
from harmonize_core.runtime.transform import smooth_over_time

if TYPE_CHECKING:
    from harmonize_core.checkpoint import Checkpoint
    from harmonize_core.models import InferenceNetwork

Floats = NDArray[np.float32]
Pixels = NDArray[np.floating] | NDArray[np.uint8] | NDArray[np.bool_]


class Predictor:
    """Harmonizes images of any size with one network."""

    def __init__(self, harmonizer: Harmonizer) -> None:
        self.harmonizer = harmonizer

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu", domain: Domain | None = None) -> Predictor:
        """Open a .safetensors checkpoint (run by torch) or an .onnx file (run by ONNX Runtime).

        Args:
            path: the file.
            device: where torch runs a checkpoint, "cpu" or "cuda"; ONNX files run on the CPU.
            domain: what the foregrounds are, for checkpoints with parts of their own per domain (None: photographic);
                an ONNX file holds the branch it was exported with.

        Raises:
            CheckpointError: missing, damaged, a pickle, or of another format.
            EnvironmentFault: torch is needed and not installed, or has no such device.
            ConfigError: an ONNX file of another branch than asked for, or on another device than the CPU.
        """
        path = Path(path)
        if path.suffix == ".onnx":
            harmonizer = Harmonizer.from_file(path)
            held = harmonizer.info.metadata.get("domain", domain)
            if domain not in (None, held):
                raise ConfigError(
                    f"{path} holds the {held} branch, not the {domain} one; export it with --domain {domain}"
                )
            if device != "cpu":
                raise ConfigError(f"{path} runs on the CPU; use the .safetensors checkpoint with --device {device}")
            return cls(harmonizer)
        try:
            from harmonize_core.checkpoint import load_model
        except ImportError as error:
            raise EnvironmentFault(
                f"{path} needs {error.name}: install it with pip install 'rdharmony[train]', or use an .onnx export"
            ) from error
        return cls.from_checkpoint(load_model(path), device, domain or "photographic")

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str = "cpu", domain: Domain = "photographic") -> Predictor:
        """Use a checkpoint that is already in memory; its model is moved to the device and put in eval mode."""
        from harmonize_core.models import lookup

        entry = lookup(checkpoint.name)
        info = ModelInfo(
            checkpoint.name,
            checkpoint.provenance.get("licence", entry.licence),
            entry.source,
            checkpoint.input_spec.size,
            {**checkpoint.provenance, "domain": domain},
        )
        return cls(Harmonizer(torch_network(checkpoint.model.inference(domain), device), info))

    @property
    def info(self) -> ModelInfo:
        """Name, licence, source and input size of the network."""
        return self.harmonizer.info

    def __call__(self, composite: Pixels, mask: Pixels, strength: float = 1.0) -> Floats:
        """Harmonize the foreground of an image.

        Args:
            composite: (H, W, 3) sRGB, float in [0, 1] or uint8.
            mask: (H, W), float in [0, 1], uint8 0..255 or bool; 1 (255) = foreground.
            strength: 0 = unchanged, 1 = the network's opinion.

        Returns:
            (H, W, 3) float32 sRGB in [0, 1]; equal to the composite where the mask is 0.

        Raises:
            InputError: wrong shapes, sizes or values; MaskEmpty when there is no foreground.
        """
        composite_unit, mask_unit = as_unit(composite), as_unit(mask)
        transform = self.harmonizer.estimate(composite_unit, mask_unit).scaled(strength)
        return apply_transform(transform, composite_unit, mask_unit)

    def low_resolution(self, composite: Floats, mask: Floats) -> Floats:
        """The network's own output for arrays at its input size: (S, S, 3) sRGB in [0, 1], background included."""
        check_arrays(composite, mask)
        return self.harmonizer.network(composite, mask)

    def sequence(
        self, composites: Sequence[Pixels], masks: Sequence[Pixels], strength: float = 1.0, sigma_frames: float = 2.0
    ) -> list[Floats]:
        """Harmonize consecutive frames without flicker: transforms are estimated for all, smoothed, then applied.

        Args:
            composites: frames as for a single image, in order.
            masks: their masks; a frame without foreground is returned as it is.
            strength: 0 = unchanged, 1 = the network's opinion.
            sigma_frames: standard deviation of the temporal smoothing; 0 switches it off.

        Raises:
            InputError: as for a single image.
        """
        frames = [(as_unit(c), as_unit(m)) for c, m in zip(composites, masks, strict=True)]
        shown = [i for i, (_, mask) in enumerate(frames) if mask.any()]
        transforms = [self.harmonizer.estimate(*frames[i]) for i in shown]
        harmonized = [composite for composite, _ in frames]
        for i, transform in zip(shown, smooth_over_time(transforms, sigma_frames), strict=True):
            harmonized[i] = apply_transform(transform.scaled(strength), *frames[i])
        return harmonized


def torch_network(module: InferenceNetwork, device: str = "cpu") -> Network:
    """A torch inference network as the numpy function `Harmonizer` calls; the module is moved and put in eval mode.

    Raises:
        EnvironmentFault: torch has no such device here.
    """
    import torch

    try:
        module.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise EnvironmentFault(f"torch cannot use the device {device!r} on this machine; use --device cpu") from error

    def network(composite: Floats, mask: Floats) -> Floats:
        with torch.inference_mode():
            image = torch.from_numpy(np.ascontiguousarray(composite.transpose(2, 0, 1)[None])).to(device)
            harmonized = module(image, torch.from_numpy(np.ascontiguousarray(mask[None, None])).to(device))
            return np.ascontiguousarray(harmonized[0].float().cpu().numpy().transpose(1, 2, 0))

    return network


def as_unit(pixels: Pixels) -> Floats:
    """uint8 and bool to float32 in [0, 1], floats to float32; other types are left for `check_arrays` to refuse."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / 255
    if pixels.dtype == np.bool_ or np.issubdtype(pixels.dtype, np.floating):
        return pixels.astype(np.float32)
    return cast(Floats, pixels)
