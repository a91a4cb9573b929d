# SPDX-License-Identifier: Apache-2.0
"""Commands about networks and their files: models, import-weights, average, export."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from harmonize_core.commands.terminal import say
from harmonize_core.errors import ConfigError
from harmonize_core.formats.triplet import Domain


def models(quiet: bool = False) -> int:
    """List the networks: parameters in training and in use, input, abilities, licence, weights, source.

    Example: harmonize models

    Args:
        quiet: Only the names.
    """
    from harmonize_core.import_weights import importable
    from harmonize_core.infer.shipped import shipped
    from harmonize_core.models import parameter_count, registered

    official = importable()
    for name, entry in registered().items():
        if quiet:
            print(name)
            continue
        model = entry.config.build()
        total, used = parameter_count(model), parameter_count(model.inference())
        counts = f"{used / 1e6:.3f} M" + (f" ({total / 1e6:.3f} M to train)" if total != used else "")
        size = f"{entry.input_spec.size} px" + (", any size" if "any_size" in entry.features else "")
        others = [str(side) for side in entry.config.sides if side != entry.input_spec.size]
        size += f", built for {' '.join(others)} px too (--data.side)" if others else ""
        if not total:
            weights = "needs no weights"
        elif shipped(Path(name)):
            weights = "weights come with the package"
        elif name in official:
            weights = "no weights here, import-weights takes the official ones"
        else:
            weights = "no weights here, train it"
        onnx = "exports to ONNX" if "onnx" in entry.features else f"no ONNX: {entry.not_exported or 'not claimed'}"
        print(f"{name}\n    {counts}; {size}; {weights}; code {entry.licence}\n    {onnx}\n    {entry.source}")
    return 0


def import_weights(file: Positional[Path], out: Positional[Path], /, model: str, quiet: bool = False) -> int:
    """Turn an official checkpoint of a published network into one that every command here takes.

    Nothing in the file is run: only tensors are read. The licence of the weights stays the original's.

    Example: harmonize import-weights issam256.pth issam_256.safetensors --model issam_256

    Args:
        file: The official .pth, .pt or .safetensors file.
        out: The .safetensors file to write.
        model: Which network it is; `harmonize models` lists those that have official weights.
        quiet: Print nothing but errors.
    """
    from harmonize_core.import_weights import import_weights as run_import

    count = run_import(file, out, model)
    if not quiet:
        say(f"{out}: {model} with {count} official tensors")
    return 0


def average(
    first: Positional[Path], second: Positional[Path], out: Positional[Path], /, share: float = 0.5, quiet: bool = False
) -> int:
    """Write the weights between a network and what it became by further training: often better than both on new data.

    Example: harmonize average runs/before runs/after between.safetensors --share 0.6

    Args:
        first: A run's folder, a .safetensors file, or charmnet_hr for the weights that come with the package: the
            network as it was.
        second: The same of the network as it was trained on (--init.weights). From another start, nothing comes of it.
        out: The .safetensors file to write.
        share: How much of the second, between 0 and 1.
        quiet: Print nothing but errors.
    """
    from harmonize_core.train.averaging import average as run_average

    name = run_average(first, second, out, share)
    if not quiet:
        say(f"{out}: {name}, {1 - share:.12g} of {first} and {share:.12g} of {second}")
    return 0


def export(
    checkpoint: Positional[Path],
    out: Positional[Path],
    /,
    domain: Domain = "photographic",
    size: int | None = None,
    precision: Literal["fp32", "fp16", "int8"] = "fp32",
    look: bool = False,
    quiet: bool = False,
) -> int:
    """Write a network as one ONNX file for the Blender extension and `harmonize predict`, checked against it.

    Example: harmonize export runs/first charmnet.onnx

    Args:
        checkpoint: A run's folder, a .safetensors file, or charmnet_hr for the weights that come with the package.
        out: The .onnx file to write.
        domain: What the foregrounds will be: photographic cut-outs, or rendered characters.
        size: Side in pixels of the square pictures the file takes. Default: what the network is made for.
        precision: How weights are stored: as they are, in half the bytes (fp16) or in a quarter (int8, a scale for
            each output channel). The arithmetic stays float32; what it changes in photographs is measured and said.
        look: Write what charmnet_hr estimates, a grade and a map, instead of its picture at 256x256: `harmonize
            predict` applies both at full resolution. The Blender extension takes files without it.
        quiet: Print nothing but errors.
    """
    from harmonize_core.checkpoint import load_model
    from harmonize_core.infer.export import OPSET, export_onnx
    from harmonize_core.train.state import checkpoint_of

    if out.suffix != ".onnx":
        raise ConfigError(f"the file to export to should end in .onnx but is {out}")
    file = checkpoint_of(checkpoint)
    loaded = load_model(file)
    kept = ("step", "training_data", "git", "licence", "averaged")
    metadata = {key: value for key, value in loaded.provenance.items() if key in kept}
    metadata["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    size = loaded.input_spec.size if size is None else size
    report = export_onnx(
        loaded.model, out, name=loaded.name, domain=domain, size=size, precision=precision, look=look, metadata=metadata
    )
    if not quiet:
        what = f"{out} ({report.bytes / 1e6:.1f} MB, ONNX operators of version {OPSET})"
        bits = "" if precision == "fp32" else f"; {precision} weights make its pictures within {report.decibels:.0f} dB"
        say(f"wrote {what}, equal to the original within {report.max_difference:.0e}{bits}")
    return 0
