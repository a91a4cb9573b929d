# SPDX-License-Identifier: Apache-2.0
"""Trained weights as the files that come with the package (`infer/shipped.py` reads them).

Weights are stored in fewer bits, the arithmetic stays float32: half floats, or integers of 8 and fewer bits with one
scale for each output channel (`onnx_weights.py`), which are worth compressing. Both branches of a network are put into
nearly one file: graphs are made equal and the few weights that differ go to the end.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from harmonize_core.checkpoint import Checkpoint
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.formats.images import write_bytes, write_text
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.export import export_onnx
from harmonize_core.infer.onnx_weights import Precision
from harmonize_core.infer.shipped import FORMAT, SUMS
from harmonize_core.models import lookup

DOMAINS: tuple[Domain, ...] = ("photographic", "rendered")

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""How weights are stored."""


def exported(checkpoint: Checkpoint, precision: Precision) -> dict[Domain, bytes]:
    """The ONNX files of both branches, the way `harmonize export` writes them (a look where the network gives one).

    They begin alike and differ at the end.

    Raises:
        ConfigError: no such precision.
        CheckpointError: an exported network disagrees with its checkpoint.
        EnvironmentFault: onnx or onnxscript is not installed.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"weights are stored as one of {', '.join(PRECISIONS)}, not as {precision!r}; choose one")
    import onnx

    entry = lookup(checkpoint.name)
    graphs: dict[Domain, Any] = {}
    with tempfile.TemporaryDirectory(prefix="rdharmony-") as folder:
        for domain in DOMAINS if "domains" in entry.features else DOMAINS[:1]:
            file = Path(folder, f"{domain}.onnx")
            export_onnx(
                checkpoint.model,
                file,
                name=checkpoint.name,
                domain=domain,
                size=checkpoint.input_spec.size,
                precision=precision,
                look="look" in entry.features,
                metadata={key: v for key, v in checkpoint.provenance.items() if key in ("step", "licence", "git")},
            )
            graphs[domain] = onnx.load(file)
    for graph in graphs.values():
        _without_names(graph, graphs)
    _differing_last(list(graphs.values()))
    return {domain: graph.SerializeToString(deterministic=True) for domain, graph in graphs.items()}


def write_weights(
    folder: Path,
    name: str,
    branches: Mapping[Domain, bytes],
    facts: Mapping[str, Any],
    *,
    checkpoint: bytes | None = None,
    compress: bool = False,
) -> list[Path]:
    """Write what `infer/shipped.py` reads, each file atomically and `SHA256SUMS` last; the paths, sums included.

    Args:
        folder: of all shipped weights; those of other networks stay.
        name: of the network; files of an earlier version of it are deleted.
        branches: the ONNX file of each branch, from `exported`.
        facts: what the card says besides.
        checkpoint: the content of `<name>.safetensors`.
        compress: the ONNX files.

    Raises:
        OutputError: the folder cannot be written to.
    """
    ending = ".gz" if compress else ""
    first, whole = next(iter(branches.items()))
    files = {f"{name}.onnx{ending}": _packed(whole, compress)}
    parts: dict[str, list[dict[str, Any]]] = {first: [{"file": f"{name}.onnx{ending}", "bytes": len(whole)}]}
    for domain, content in branches.items():
        if domain == first:
            continue
        alike = _alike(whole, content)
        own = f"{name}-{domain}.part{ending}"
        files[own] = _packed(content[alike:], compress)
        parts[domain] = [
            {"file": f"{name}.onnx{ending}", "bytes": alike},
            {"file": own, "bytes": len(content) - alike},
        ]
    if checkpoint is not None:
        files[f"{name}.safetensors"] = checkpoint
    sizes = {file: len(data) for file, data in files.items()}
    card = {"format": FORMAT, "name": name, **facts, "branches": parts, "bytes": sizes}
    files[f"{name}.json"] = (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode()
    for file, data in files.items():
        write_bytes(folder / file, data)
    old = [f for pattern in (f"{name}.*", f"{name}-*") for f in folder.glob(pattern) if f.name not in files]
    for file in old:
        file.unlink()
    known = sorted(file for file in folder.iterdir() if file.is_file() and file.name != SUMS)
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in known)
    write_text(folder / SUMS, sums)
    return [*(folder / file for file in files), folder / SUMS]


def _alike(first: bytes, second: bytes) -> int:
    """How many bytes two files have in common from their start."""
    size = min(len(first), len(second))
    differing = np.flatnonzero(np.frombuffer(first, np.uint8, size) != np.frombuffer(second, np.uint8, size))
    return int(differing[0]) if len(differing) else size


def _packed(data: bytes, compress: bool) -> bytes:
    if not compress:
        return data
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(data)
    return packed.getvalue()


def _without_names(model: Any, domains: Iterable[str]) -> None:
    """Take the domain out of the names of values and nodes, and what is not needed to run."""
    graph = model.graph
    del graph.value_info[:], graph.metadata_props[:]

    def plain(text: str) -> str:
        for domain in domains:
            text = text.replace(domain, "own")
        return text

    graph.name = plain(graph.name)
    for tensor in graph.initializer:
        tensor.name, tensor.doc_string = plain(tensor.name), ""
        del tensor.metadata_props[:]
    for node in graph.node:
        node.name = plain(node.name)
        node.input[:] = [plain(value) for value in node.input]
        node.output[:] = [plain(value) for value in node.output]


def _differing_last(models: Sequence[Any]) -> None:
    """Put the weights in which graphs differ at the end, in the same order.

    Raises:
        CheckpointError: the graphs differ in more than weights.
    """
    nodes = [[node.SerializeToString(deterministic=True) for node in model.graph.node] for model in models]
    names = [[tensor.name for tensor in model.graph.initializer] for model in models]
    if any(n != nodes[0] for n in nodes) or any(n != names[0] for n in names):
        raise CheckpointError(
            "the branches of this network should differ in weights alone; ship each in a file of its own"
        )
    same = [
        len({tensor.SerializeToString(deterministic=True) for tensor in tensors}) == 1
        for tensors in zip(*(model.graph.initializer for model in models), strict=True)
    ]
    for model in models:
        tensors = list(model.graph.initializer)
        order = [t for t, s in zip(tensors, same, strict=True) if s] + [
            t for t, s in zip(tensors, same, strict=True) if not s
        ]
        copies = []
        for tensor in order:
            copy = type(tensor)()
            copy.CopyFrom(tensor)
            copies.append(copy)
        del model.graph.initializer[:]
        model.graph.initializer.extend(copies)
