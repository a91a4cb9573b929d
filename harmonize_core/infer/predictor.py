# SPDX-License-Identifier: Apache-2.0
"""`Predictor`: a checkpoint or ONNX file as a function from (composite, mask) arrays of any size to a harmonized one.

A network of fixed size looks at 256x256 pixels; the colour transform it implies is applied at full resolution
(`harmonize_core/runtime/transform.py`), or the look that it estimates (`harmonize_core/runtime/look.py`). Networks made
for full resolution see the picture itself. Either way the background stays bit for bit what it was. ONNX files need no
torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault, InputError
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.beyond import apply_beyond, in_range
from harmonize_core.infer.shipped import branch_file, shipped
from harmonize_core.runtime.engines import Device, Runtime
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.look_session import LookHarmonizer, open_harmonizer
from harmonize_core.runtime.resize import limited
from harmonize_core.runtime.session import Harmonizer, ModelInfo, check_arrays
from harmonize_core.runtime.temporal import light_of, smooth
from harmonize_core.runtime.transform import ColorTransform

if TYPE_CHECKING:
    from harmonize_core.checkpoint import Checkpoint
    from harmonize_core.infer.controls import Controlled, Controls

Floats = NDArray[np.float32]
Pixels = NDArray[np.floating] | NDArray[np.uint8] | NDArray[np.bool_]


class Predictor:
    """Harmonizes images of any size with one network."""

    def __init__(
        self, harmonizer: Harmonizer | LookHarmonizer, *, any_size: bool = False, divisor: int | None = None
    ) -> None:
        """Args:
        harmonizer: the network and what it says about itself.
        any_size: it is made for full-resolution pictures, so it sees them as they are.
        divisor: other sizes than its own must be multiples of this; None: it runs at its own size only.
        """
        self.harmonizer = harmonizer
        self.any_size = any_size
        self.divisor = divisor

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        device: str = "cpu",
        domain: Domain | None = None,
        runtime: Runtime = "auto",
    ) -> Predictor:
        """Open a .safetensors checkpoint (run by torch) or an .onnx file (run by ONNX Runtime, or by NumPy).

        Args:
            path: the file, or the name of a network whose weights come with the package (`shipped`) or of a method
                that has nothing to learn ("reinhard").
            device: where it runs: "cpu", "cuda", or "auto" for what there is; ONNX files also with "coreml" and
                "directml".
            domain: what the foregrounds are, for checkpoints with parts of their own per domain (None: photographic);
                an ONNX file holds the branch it was exported with.
            runtime: what runs an ONNX file: "onnxruntime", "numpy", or "auto": NumPy where onnxruntime cannot be
                loaded; `info.engine` says which it is.

        Raises:
            CheckpointError: missing, damaged, a pickle, or of another format.
            EnvironmentFault: torch is needed and not installed, or what runs the file has no such device.
            ConfigError: an ONNX file of another branch than asked for, or a device or runtime that is not for the file.
        """
        path = Path(path)
        ours = shipped(path, device)
        if ours and ours.suffix == ".json":
            with branch_file(ours, domain) as file:
                return cls(open_harmonizer(file, None, cast(Device, device), runtime))
        path = ours or path
        if path.suffix == ".onnx":
            harmonizer = open_harmonizer(path, None, cast(Device, device), runtime)
            held = harmonizer.info.metadata.get("domain", domain)
            if domain not in (None, held):
                raise ConfigError(
                    f"{path} holds the {held} branch, not the {domain} one; export it with --domain {domain}"
                )
            return cls(harmonizer)
        if runtime != "auto" or device in ("coreml", "directml"):
            asked = f"--device {device}" if runtime == "auto" else f"--runtime {runtime}"
            raise ConfigError(
                f"{path} is run by torch and {asked} is for .onnx files; export it with `harmonize export`"
            )
        try:
            from harmonize_core.checkpoint import load_model
            from harmonize_core.models import registered
        except ImportError as error:
            raise EnvironmentFault(
                f"{path} needs {error.name}: install it with pip install 'rdharmony[train]', or use an .onnx export"
            ) from error
        if str(path) in registered() and not path.exists():
            return cls.untrained(str(path), device)
        return cls.from_checkpoint(load_model(path), device, domain or "photographic")

    @classmethod
    def untrained(cls, name: str, device: str = "cpu") -> Predictor:
        """A registered method that has nothing to learn: the composite itself, or classical colour transfer.

        Raises:
            UnknownName: no such name.
            CheckpointError: the name of a network, which needs weights.
        """
        from harmonize_core.infer.torch_networks import torch_network
        from harmonize_core.models import lookup

        entry = lookup(name)
        model = entry.config.build()
        if any(True for _ in model.parameters()):
            raise CheckpointError(
                f"{name} names an architecture, not weights, and none of it come with this version; give a run's "
                "folder or a weights file"
            )
        info = ModelInfo(name, entry.licence, entry.source, entry.input_spec.size)
        harmonizer = Harmonizer(torch_network(model.inference(), device), info)
        return cls(harmonizer, any_size="any_size" in entry.features, divisor=model.divisor)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str = "cpu", domain: Domain = "photographic") -> Predictor:
        """Use a checkpoint that is already in memory; its model is moved to the device and put in eval mode."""
        from harmonize_core.infer.torch_networks import torch_estimate, torch_network
        from harmonize_core.models import lookup

        entry = lookup(checkpoint.name)
        info = ModelInfo(
            checkpoint.name,
            checkpoint.provenance.get("licence", entry.licence),
            entry.source,
            checkpoint.input_spec.size,
            {**checkpoint.provenance, "domain": domain},
        )
        module = checkpoint.model.inference(domain)
        if "look" in entry.features:
            return cls(LookHarmonizer(torch_estimate(module, device), info))
        harmonizer = Harmonizer(torch_network(module, device), info)
        return cls(harmonizer, any_size="any_size" in entry.features, divisor=checkpoint.model.divisor)

    @property
    def info(self) -> ModelInfo:
        """Name, licence, source and input size of the network."""
        return self.harmonizer.info

    @property
    def label(self) -> str:
        """Name of the network, and of its branch where it has several."""
        from harmonize_core.models import registered

        entry = registered().get(self.info.name)
        has_branches = entry is None or "domains" in entry.features
        branch = self.info.metadata.get("domain") if has_branches else None
        return f"{self.info.name}, {branch} branch" if branch else self.info.name

    def __call__(
        self, composite: Pixels, mask: Pixels, strength: float = 1.0, *, ceiling: float | None = 1.0
    ) -> Floats:
        """Harmonize the foreground of an image.

        Args:
            composite: (H, W, 3) sRGB, float in [0, 1] or uint8. Encoded scene-linear light may exceed 1 and colours
                outside sRGB go below 0: the network sees them clipped, the result keeps what lies outside.
            mask: (H, W), float in [0, 1], uint8 0..255 or bool; 1 (255) = foreground.
            strength: 0 = unchanged, 1 = the network's opinion, above 1 = more than that.
            ceiling: the brightest that the foreground may become where it was not brighter; None for encoded
                scene-linear light. Networks that see the picture itself give nothing above 1.

        Returns:
            (H, W, 3) float32 sRGB; equal to the composite where the mask is 0.

        Raises:
            InputError: wrong shapes, sizes or values; MaskEmpty when there is no foreground.
        """
        composite_unit, mask_unit = as_unit(composite), as_unit(mask)
        if self.any_size and self.fits(composite_unit.shape[:2]):
            shown = in_range(composite_unit)
            harmonized = self.direct(shown, mask_unit)
            if strength != 1:
                harmonized = limited(shown + np.float32(strength) * (harmonized - shown), shown, 1.0)
            if shown is not composite_unit:
                harmonized = harmonized + (composite_unit - shown)
            return np.where(mask_unit[..., None] > 0, harmonized, composite_unit)
        found = check_arrays(composite_unit, mask_unit)
        transform = self.harmonizer.estimate(in_range(composite_unit, found), mask_unit, checked=True)
        return apply_beyond(transform.scaled(strength), composite_unit, mask_unit, ceiling, found=found)

    def estimate(self, composite: Pixels, mask: Pixels) -> ColorTransform | Look:
        """What makes the foreground of a picture fit, to look at, to change and to apply: `look.apply(image, mask)`.

        Args:
            composite: as for `__call__`.
            mask: as for `__call__`.

        Returns:
            A `Look` from networks that estimate looks (`charmnet_hr`), from others the `ColorTransform` that their
            picture implies. Both have `apply`, `scaled` and files (`infer/look_files.py`).

        Raises:
            InputError: as `__call__`.
        """
        return self.harmonizer.estimate(in_range(as_unit(composite)), as_unit(mask))

    def controlled(self, controls: Controls) -> Controlled:
        """This network under controls: with kept hues, a largest change, another reference; see `Controls`.

        Raises:
            InputError: the reference is missing or damaged.
        """
        from harmonize_core.infer.controls import Controlled  # which is built on this module

        return Controlled(self, controls)

    def apply(
        self,
        transform: ColorTransform | Look,
        composite: Floats,
        mask: Floats,
        strength: float = 1.0,
        ceiling: float | None = 1.0,
    ) -> Floats:
        """The harmonized picture, from what was estimated for it or smoothed over its neighbours; as `__call__`."""
        return apply_beyond(transform.scaled(strength), composite, mask, ceiling)

    def fits(self, size_hw: tuple[int, ...]) -> bool:
        """Whether the network itself can take pictures of that height and width."""
        if self.divisor is None:
            return tuple(size_hw) == (self.info.input_size,) * 2
        return all(side % self.divisor == 0 for side in size_hw)

    def direct(self, composite: Floats, mask: Floats) -> Floats:
        """The network's own output at the size of its arguments, background included: (H, W, 3) sRGB in [0, 1].

        Raises:
            InputError: wrong arrays (see `check_arrays`), or a size that does not fit the network.
        """
        check_arrays(composite, mask)
        if not self.fits(composite.shape[:2]):
            height, width = composite.shape[:2]
            wanted = (
                f"multiples of {self.divisor}" if self.divisor else f"{self.info.input_size}x{self.info.input_size}"
            )
            raise InputError(f"{self.info.name} takes pictures of {wanted} but was given {width}x{height}")
        return self.harmonizer.network(composite, mask)

    def sequence(
        self,
        composites: Sequence[Pixels],
        masks: Sequence[Pixels],
        strength: float = 1.0,
        sigma_frames: float = 2.0,
        *,
        ceiling: float | None = 1.0,
    ) -> list[Floats]:
        """Harmonize consecutive frames without flicker: transforms are estimated for all, smoothed, then applied.

        Args:
            composites: frames as for a single image, in order.
            masks: their masks; a frame without foreground is returned as it is.
            strength: 0 = unchanged, 1 = the network's opinion.
            sigma_frames: standard deviation of the temporal smoothing; 0 switches it off.
            ceiling: as for a single image.

        Raises:
            InputError: as for a single image.
        """
        frames = [(as_unit(c), as_unit(m)) for c, m in zip(composites, masks, strict=True)]
        shown = [i for i, (_, mask) in enumerate(frames) if mask.any()]
        transforms = [self.estimate(*frames[i]) for i in shown]  # all of one kind
        harmonized = [composite for composite, _ in frames]
        lights = np.stack([light_of(*frames[i]) for i in shown]) if shown else None
        for i, transform in zip(shown, smooth(transforms, sigma_frames, lights=lights), strict=True):
            harmonized[i] = self.apply(transform, *frames[i], strength, ceiling)
        return harmonized


def as_unit(pixels: Pixels) -> Floats:
    """uint8 and bool to float32 in [0, 1], floats to float32; other types are left for `check_arrays` to refuse."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / 255
    if pixels.dtype == np.bool_ or np.issubdtype(pixels.dtype, np.floating):
        return pixels.astype(np.float32, copy=False)
    return cast(Floats, pixels)
