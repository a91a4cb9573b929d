# SPDX-License-Identifier: Apache-2.0
"""`Harmonizer`: an exported network (ONNX) and the colour transform it implies, for images of any size.

File contract "harmonize-onnx/1": inputs `composite` (1, 3, S, S) float32 sRGB in [0, 1] and `mask` (1, 1, S, S)
float32, 1 = foreground; output `harmonized` (1, 3, S, S) float32 sRGB in [0, 1]; S is the metadata entry `input_size`.
Needs numpy, and onnxruntime for speed (`engines.py`), so it runs inside Blender's Python.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import CheckpointError, InputError
from harmonize_core.runtime.checks import check_shapes
from harmonize_core.runtime.engines import Device, Engine, Runtime, open_engine
from harmonize_core.runtime.resize import Floats, resize
from harmonize_core.runtime.threads import workers
from harmonize_core.runtime.transform import ColorTransform, MaskEmpty, fit_transform

FORMAT = "harmonize-onnx/1"

Outputs = Mapping[str, tuple[int | str, ...]]
"""Shapes by name, "S" for the side of the input, "*" for any number."""

OUTPUTS: Outputs = {"harmonized": (1, 3, "S", "S")}

Run = Callable[[Floats, Floats], list[NDArray[np.float32]]]
"""(S, S, 3) sRGB in [0, 1] and (S, S) mask to the arrays of a file's outputs, in their order."""

Extent = tuple[float, float]
"""Smallest and largest value."""

_SCANNED = 1 << 17
"""Values that are looked at together: they stay in a core's second-level cache."""

MAX_INPUT_SIZE = 4096
"""Larger network inputs are refused: a file must not take the memory of the machine."""

Network = Callable[[Floats, Floats], Floats]
"""(S, S, 3) sRGB in [0, 1] and (S, S) mask to (S, S, 3) harmonized sRGB in [0, 1]."""


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says about itself."""

    name: str
    licence: str
    source: str
    input_size: int
    metadata: dict[str, str] = field(default_factory=dict)
    engine: str = ""
    """What runs a model file and where, for people ("ONNX Runtime 1.31.1 on the CPU"); empty for other networks."""


class ModelFile(ABC):
    """What a model file of one format becomes."""

    formats: ClassVar[Mapping[str, Outputs]]
    """The format, and the outputs that its files have."""
    info: ModelInfo

    @classmethod
    @abstractmethod
    def of(cls, run: Run, info: ModelInfo) -> Self:
        """From an opened file of this format."""

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        threads: int | None = None,
        device: Device = "cpu",
        runtime: Runtime = "auto",
    ) -> Self:
        """Open an ONNX file written by `harmonize export`.

        Args:
            path: the .onnx file.
            threads: CPU threads of ONNX Runtime; None lets it take all cores.
            device: where ONNX Runtime runs it.
            runtime: "onnxruntime", "numpy", or "auto": NumPy where onnxruntime cannot be loaded; `info.engine` says
                which it is.

        Raises:
            CheckpointError: the file is missing, damaged or of another format.
            EnvironmentFault: nothing here can run it, or there is no such device.
        """
        return cls.of(*open_model(Path(path), cls.formats, threads, device, runtime))


class Harmonizer(ModelFile):
    """A network of fixed input size, and from it one colour transform per image."""

    formats: ClassVar[Mapping[str, Outputs]] = {FORMAT: OUTPUTS}

    def __init__(self, network: Network, info: ModelInfo) -> None:
        self.network = network
        self.info = info

    @classmethod
    def of(cls, run: Run, info: ModelInfo) -> Harmonizer:
        """From an opened model of this format."""

        def network(composite: Floats, mask: Floats) -> Floats:
            (harmonized,) = run(composite, mask)
            return np.ascontiguousarray(harmonized[0].transpose(1, 2, 0))

        return cls(network, info)

    def estimate(self, composite: Floats, mask: Floats, *, checked: bool = False) -> ColorTransform:
        """The colour transform that makes the foreground of `composite` fit its background.

        Args:
            composite: (H, W, 3) float sRGB in [0, 1], any size.
            mask: (H, W) float in [0, 1], 1 = foreground.
            checked: they went through `check_arrays`.

        Raises:
            InputError: wrong shape, type or sizes, values that are not finite.
            MaskEmpty: the mask is 0 everywhere.
            CheckpointError: the network's result is not finite.
        """
        composite_low, mask_low = own_view(composite, mask, self.info.input_size, checked=checked)
        harmonized_low = self.network(composite_low, mask_low)
        refuse_nan(self.info, harmonized_low)
        return fit_transform(composite_low, harmonized_low, mask_low)


def own_view(composite: Floats, mask: Floats, size: int, *, checked: bool = False) -> tuple[Floats, Floats]:
    """What a network of side `size` sees of a picture, both in [0, 1]; `checked` arrays are not checked again.

    Raises:
        InputError: as `check_arrays`.
    """
    if not checked:
        check_arrays(composite, mask)
    return np.clip(resize(composite, (size, size)), 0, 1), np.clip(resize(mask, (size, size)), 0, 1)


def refuse_nan(info: ModelInfo, *results: Floats) -> None:
    """Raises: CheckpointError where a network gave values that are not finite."""
    if not all(np.isfinite(result).all() for result in results):
        raise CheckpointError(
            f"the network {info.name} gives values that are not finite for this image; use another checkpoint"
        )


def check_arrays(composite: Floats, mask: Floats) -> Extent:
    """Refuse arrays no network can use, with the reason.

    Returns:
        The smallest and the largest value of the composite.

    Raises:
        InputError: wrong shape or type, sizes that differ, values that are not finite or far outside [0, 1].
        MaskEmpty: the mask is 0 everywhere.
    """
    check_shapes(composite, mask)
    for name, array in (("composite", composite), ("mask", mask)):
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(f"the {name} should hold floats in [0, 1] but holds {array.dtype}; divide by its maximum")
    low, high = extent(mask)
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # also false for NaN
        raise InputError(f"the mask should hold values in [0, 1] but holds {low:g} to {high:g}; divide by its maximum")
    if high <= 0:
        raise MaskEmpty("the mask should mark the foreground with values above 0 but is 0 everywhere; choose another")
    found = extent(composite)
    if not np.isfinite(found).all():  # NaN where any value is
        raise InputError("the composite should hold finite numbers but holds NaN or infinity; render or save it again")
    return found


def extent(array: Floats) -> Extent:
    """The smallest and the largest value of an array that has any, NaN where one is; memory is read once."""
    rows = max(1, _SCANNED * len(array) // array.size)
    with workers(None, array.size) as each:
        parts = (array[top : top + rows] for top in range(0, len(array), rows))
        lows, highs = zip(*each(lambda part: (part.min(), part.max()), parts), strict=True)
    return float(np.min(lows)), float(np.max(highs))


def open_model(
    path: Path,
    formats: Mapping[str, Outputs],
    threads: int | None = None,
    device: Device = "cpu",
    runtime: Runtime = "auto",
) -> tuple[Run, ModelInfo]:
    """Open an ONNX file of ours; its metadata tell which format it has.

    Args:
        path: the .onnx file.
        formats: the outputs of each that is wanted.
        threads: CPU threads of ONNX Runtime; None lets it take all cores.
        device: where ONNX Runtime runs it.
        runtime: what runs it.

    Raises:
        CheckpointError: the file is missing, damaged or of another format.
        EnvironmentFault: nothing here can run it, or there is no such device.
    """
    engine = open_engine(path, threads, device, runtime)
    metadata = dict(engine.metadata)
    outputs = formats.get(metadata.get("format", ""))
    if outputs is None:
        raise CheckpointError(
            f"{path} should be a model of format {' or '.join(formats)} but says "
            f"{metadata.get('format', 'nothing')!r}; write it with `harmonize export`"
        )
    size = _input_size(engine, path, outputs)

    def run(composite: Floats, mask: Floats) -> list[NDArray[np.float32]]:
        feed = {
            "composite": np.ascontiguousarray(composite.transpose(2, 0, 1)[None], dtype=np.float32),
            "mask": np.ascontiguousarray(mask[None, None], dtype=np.float32),
        }
        results = engine.run(list(outputs), feed)
        found = {name: result.shape for name, result in zip(outputs, results, strict=True)}
        if not _fits(found, outputs, size):
            raise CheckpointError(f"{path} should give {dict(outputs)} but gives {found}; export it anew")
        return results

    name, licence, source = (metadata.get(key, "unknown") for key in ("name", "licence", "source"))
    return run, ModelInfo(name, licence, source, size, metadata, engine.label)


def _input_size(engine: Engine, path: Path, outputs: Outputs) -> int:
    """The side S of the network's input, after checking that inputs and outputs are those of the contract."""
    text = engine.metadata.get("input_size", "")
    size = int(text) if text.isdecimal() and len(text) < 6 else 0
    found = {**engine.inputs, **engine.outputs}
    wanted: dict[str, tuple[int | str, ...]] = {"composite": (1, 3, "S", "S"), "mask": (1, 1, "S", "S"), **outputs}
    if not 0 < size <= MAX_INPUT_SIZE or not _fits(found, wanted, size):
        raise CheckpointError(
            f"{path} should take composite (1, 3, S, S) and mask (1, 1, S, S) and give {' and '.join(outputs)}, S = "
            f"its input_size, but has {found} and input_size {text!r}; write it with `harmonize export`"
        )
    return size


def _fits(found: Mapping[str, tuple[Any, ...]], wanted: Outputs, size: int) -> bool:
    if found.keys() != wanted.keys() or any(len(found[name]) != len(shape) for name, shape in wanted.items()):
        return False
    pairs = [pair for name, shape in wanted.items() for pair in zip(found[name], shape, strict=True)]
    return all(
        have == (size if want == "S" else want) or (want == "*" and isinstance(have, int)) for have, want in pairs
    )
