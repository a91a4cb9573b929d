# SPDX-License-Identifier: Apache-2.0
"""A trained network to one ONNX file that `harmonize_core.runtime` runs, checked against the original.

The file contract is written in `harmonize_core/runtime/session.py`.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from harmonize_core.errors import CheckpointError, EnvironmentFault
from harmonize_core.formats.images import atomic_path
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import HarmonizationModel, lookup
from harmonize_core.runtime.session import FORMAT, Harmonizer

OPSET = 18

TOLERANCE = 1e-4
"""Largest difference allowed between torch and ONNX Runtime, in sRGB units of [0, 1]; seen: 2e-6."""

TOLERANCE_HALF = 2e-2
"""The same when weights are stored as half floats; seen: 1e-3."""


@dataclass(frozen=True)
class ExportReport:
    """What was written and how well it agrees with the network it was written from."""

    path: Path
    bytes: int
    max_difference: float
    """Largest absolute difference of a pixel, sRGB in [0, 1], over the check images."""


def export_onnx(
    model: HarmonizationModel,
    path: Path,
    *,
    name: str,
    domain: Domain = "photographic",
    half: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> ExportReport:
    """Write the inference part of a model as ONNX, atomically, after comparing the two on random images.

    Args:
        model: trained (or not) network; it is left as it was.
        path: the .onnx file to write.
        name: registered name of the model; its licence, source and input size go into the file.
        domain: what the foregrounds will be, for networks with parts of their own per domain; noted in the file.
        half: store weights as half floats: half the size, the arithmetic stays float32.
        metadata: more entries for the file's metadata (provenance).

    Raises:
        CheckpointError: the exported network disagrees with the original.
        EnvironmentFault: onnx or onnxscript is not installed.
        OutputError: the file cannot be written.
    """
    entry = lookup(name)
    network = copy.deepcopy(model.inference(domain)).cpu().eval()  # shares parameters with the model otherwise
    size = entry.input_spec.size
    graph = _trace(network, size)
    entries = {
        **(metadata or {}),
        "format": FORMAT,
        "name": name,
        "licence": entry.licence,
        "source": entry.source,
        "input_size": str(size),
        "domain": domain,
    }
    _annotate(graph, entries)
    if half:
        _store_half(graph)
    with atomic_path(path) as partial:
        partial.write_bytes(graph.SerializeToString())
        difference = _disagreement(network, partial, size)
        limit = TOLERANCE_HALF if half else TOLERANCE
        if not difference <= limit:
            raise CheckpointError(
                f"{path} should agree with its network within {limit:g} but differs by {difference:g}; it was not kept"
            )
        written = partial.stat().st_size
    return ExportReport(Path(path), written, difference)


def _trace(network: torch.nn.Module, size: int):
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise EnvironmentFault(f"export needs {error.name}; install it with: pip install 'rdharmony[train]'") from error
    composite = torch.zeros(1, 3, size, size)
    mask = torch.zeros(1, 1, size, size)
    chatter = logging.getLogger("torch.onnx")
    level = chatter.level
    chatter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network,
                (composite, mask),
                input_names=["composite", "mask"],
                output_names=["harmonized"],
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        chatter.setLevel(level)
    assert program is not None
    return program.model_proto


def _annotate(graph, entries: Mapping[str, str]) -> None:
    del graph.metadata_props[:]
    for key in sorted(entries):
        graph.metadata_props.add(key=key, value=str(entries[key]))
    for node in graph.graph.node:  # stack traces of this machine have no place in the file
        del node.metadata_props[:]
        node.doc_string = ""


def _store_half(graph) -> None:
    """Replace large float32 initializers by half-float ones followed by a Cast, which the runtime folds at load."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 1024:
            continue
        original = tensor.name
        stored = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{original}.half")
        tensor.CopyFrom(stored)
        casts.append(helper.make_node("Cast", [tensor.name], [original], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.graph.node.insert(0, node)
    # a value that is computed must not also be declared with the initializers' types
    names = {node.output[0] for node in casts}
    kept = [v for v in graph.graph.value_info if v.name not in names]
    del graph.graph.value_info[:]
    graph.graph.value_info.extend(kept)


def _disagreement(network: torch.nn.Module, path: Path, size: int) -> float:
    """Largest difference between torch and ONNX Runtime over noise, a smooth image and an empty mask."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    smooth = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], 0.5), axis=-1).astype(np.float32)
    disc = (np.hypot(*np.meshgrid(ramp - 0.5, ramp - 0.4)) < 0.3).astype(np.float32)
    cases = [
        (rng.random((size, size, 3), dtype=np.float32), disc),
        (smooth, disc),
        (smooth, np.zeros_like(disc)),
    ]
    exported = Harmonizer.from_file(path, threads=1)
    worst = 0.0
    for composite, mask in cases:
        with torch.no_grad():
            expected = network(
                torch.from_numpy(composite.transpose(2, 0, 1)[None].copy()), torch.from_numpy(mask[None, None])
            )
        found = exported.network(composite, mask).transpose(2, 0, 1)
        worst = max(worst, float(np.abs(found - expected[0].numpy()).max()))
    return worst
