# SPDX-License-Identifier: Apache-2.0
"""A trained network to one ONNX file that `harmonize_core.runtime` runs, checked against the original.

The file contracts are written in `harmonize_core/runtime/session.py` and, for looks, `look_session.py`. How the two are
compared: `check_agreement`.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import math
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault
from harmonize_core.formats.images import atomic_path
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.export_quality import decibels, photographs
from harmonize_core.infer.onnx_weights import Precision, store
from harmonize_core.models import HarmonizationModel, lookup
from harmonize_core.models.charmnet_hr import LookNetwork
from harmonize_core.runtime.look_session import FORMAT as LOOK_FORMAT
from harmonize_core.runtime.look_session import LookHarmonizer, open_harmonizer
from harmonize_core.runtime.session import FORMAT, MAX_INPUT_SIZE, Harmonizer

OPSET = 18
"""Version of ONNX's operators that is written."""

INPUT_RULE = (
    "composite: sRGB in [0, 1], (1, 3, {size}, {size}); mask: 1 = foreground, (1, 1, {size}, {size}); pictures of "
    "other sizes are resized to it by averaging areas, whatever their shape, and the colour change is applied to them"
)
"""What a reader of the file needs to know of its inputs (`runtime/resize.py`)."""

TOLERANCE = 1e-4
"""A difference between torch and ONNX Runtime, in sRGB units of [0, 1], that is accepted of every network: 1/39 of a
step of 8 bits. Seen: mostly 1e-7 to 1e-5, 6e-5 in a network of instance norms over large maps."""

ROUNDING_MARGIN = 32.0
"""A larger difference is accepted up to this many times the error that float32 makes in torch itself. ONNX Runtime sums
large maps less exactly: one instance norm of 256x256 values is off 5 to 10 times as far, a network of many of them more
than 20 times."""

CEILING = 1 / 510
"""No difference above half a step of 8 bits is accepted, however a network amplifies the rounding of float32."""

LEAST_DECIBELS = 30.0
"""Between pictures of weights in fewer bits and of the same in float32, over foregrounds; seen: 44 and more."""

LEAST_SIZE = 16
"""Side of the smallest pictures a file is written for."""

LEAST_COMPARED = 0.01
"""Share of the values compared that must lie between 0 and 1: where both are clamped, no difference can show."""


@dataclass(frozen=True)
class Agreement:
    """How well an ONNX file agrees with the network it was written from, over the check pictures."""

    max_difference: float
    """Largest absolute difference of a pixel between torch and ONNX Runtime, sRGB in [0, 1]."""
    limit: float
    """What is accepted of this network."""
    compared: float
    """Share of the values that are not clamped."""


@dataclass(frozen=True)
class ExportReport:
    """What was written and how well it agrees with the network it was written from."""

    path: Path
    bytes: int
    max_difference: float
    """Largest absolute difference of a pixel, sRGB in [0, 1], over the check pictures."""
    limit: float
    """What `check_agreement` accepts of this network."""
    decibels: float
    """fPSNR between what the file makes of photographs and what it makes with float32 weights; infinite for these."""


def export_onnx(
    model: HarmonizationModel,
    path: Path,
    *,
    name: str,
    domain: Domain = "photographic",
    size: int | None = None,
    precision: Precision = "fp32",
    look: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> ExportReport:
    """Write the inference part of a model as ONNX, atomically, after comparing the two (`check_agreement`).

    Args:
        model: trained (or not) network; it is left as it was.
        path: the .onnx file to write.
        name: registered name of the model; its licence, source and input size go into the file.
        domain: what the foregrounds will be, for networks with parts of their own per domain; noted in the file.
        size: side of the square pictures the file will take, in pixels, instead of the size the network is made for.
        precision: how weights are stored; the arithmetic stays float32. The graph is compared with float32 weights;
            what fewer bits change is measured on photographs.
        look: write a network that gives its look instead of its picture (`runtime/look_session.py`).
        metadata: more entries for the file's metadata (provenance).

    Raises:
        CheckpointError: the exported network disagrees with the original, nothing can be compared, or fewer bits
            change pictures too much.
        ConfigError: the network is not one that can be exported, or cannot take this size.
        EnvironmentFault: onnx or onnxscript is not installed, or this version of torch fails to export the network.
        OutputError: the file cannot be written.
    """
    entry = lookup(name)
    if "onnx" not in entry.features:
        reason = entry.not_exported or "its entry does not declare the feature onnx"
        raise ConfigError(f"{name} cannot be exported to ONNX: {reason}")
    if look and "look" not in entry.features:
        raise ConfigError(f"{name} estimates no look; export it without --look")
    if look and size not in (None, entry.input_spec.size):
        raise ConfigError(f"{name} looks at {entry.input_spec.size} px and nothing else; leave out --size with --look")
    size = entry.input_spec.size if size is None else size
    if not LEAST_SIZE <= size <= MAX_INPUT_SIZE or size % model.divisor:
        raise ConfigError(
            f"{name} can be exported for sides of {LEAST_SIZE} to {MAX_INPUT_SIZE} px that are multiples of "
            f"{model.divisor}, but {size} was asked for"
        )
    network = copy.deepcopy(model.inference(domain)).cpu().eval()  # shares parameters with the model otherwise
    graph = _trace(LookNetwork(network), size, name, ["grade", "map"]) if look else _trace(network, size, name)
    entries = {
        **(metadata or {}),
        "format": LOOK_FORMAT if look else FORMAT,
        "name": name,
        "licence": entry.licence,
        "source": entry.source,
        "input_size": str(size),
        "input_rule": INPUT_RULE.format(size=size),
        "opset": str(OPSET),
        "precision": precision,
        "domain": domain,
    }
    _annotate(graph, entries)
    with atomic_path(path) as partial:
        partial.write_bytes(graph.SerializeToString())
        agreement = check_agreement(network, partial, shown=path)
        cost = math.inf
        if precision != "fp32":
            store(graph, precision)
            with tempfile.TemporaryDirectory(prefix="rdharmony-") as folder:
                full = Path(folder, "fp32.onnx")
                full.write_bytes(partial.read_bytes())
                partial.write_bytes(graph.SerializeToString())
                cost = _cost(full, partial, path)
        written = partial.stat().st_size
    return ExportReport(Path(path), written, agreement.max_difference, agreement.limit, cost)


def check_agreement(network: nn.Module, path: Path, *, shown: Path | None = None) -> Agreement:
    """Compare an ONNX file with the network it was written from, on noise under a soft mask and a smooth picture.

    Two correct programs differ by the rounding of float32, which a network amplifies as its weights make it: norms over
    nearly constant features, softmax over large products, ratios of deviations. So a difference above `TOLERANCE` is
    held against the network's own rounding error, the difference between torch in float32 and torch in float64: ONNX
    Runtime may be `ROUNDING_MARGIN` times as far from the float64 result, and never further than `CEILING`. An empty
    mask must give the composite back, bit for bit.

    Args:
        network: (1, 3, S, S) composite and (1, 1, S, S) mask to (1, 3, S, S) in [0, 1]; in eval mode, on the CPU.
        path: the ONNX file, of side S.
        shown: name of the file in messages, when it is written elsewhere for the time being.

    Raises:
        CheckpointError: they disagree, or nearly every value is clamped to 0 or 1 so that nothing can be compared.
    """
    shown = shown or path
    exported = open_harmonizer(path, threads=1)
    pairs = check_pictures(exported.info.input_size)
    in_onnx = [_run_onnx(exported, *pair) for pair in pairs]
    in_torch = [_run_torch(network, *pair) for pair in pairs]
    empty = torch.zeros_like(pairs[-1][1])
    if not torch.equal(_run_onnx(exported, pairs[-1][0], empty), _run_torch(network, pairs[-1][0], empty)):
        raise CheckpointError(f"{shown} should leave a picture with an empty mask as its network does; it was not kept")
    compared = min(share_inside(picture, mask) for picture, (_, mask) in zip(in_torch, pairs, strict=True))
    difference = _furthest(in_onnx, in_torch)
    error, limit = difference, TOLERANCE
    if not difference <= TOLERANCE:
        precise = copy.deepcopy(network).double()
        exact = [_run_torch(precise, composite.double(), mask.double()) for composite, mask in pairs]
        error, rounding = _furthest(in_onnx, exact), _furthest(in_torch, exact)
        limit = min(max(TOLERANCE, ROUNDING_MARGIN * rounding), CEILING)
    if not error <= limit:
        raise CheckpointError(
            f"{shown} should agree with its network within {limit:.1g} of sRGB in [0, 1] ({TOLERANCE:g}, or "
            f"{ROUNDING_MARGIN:g} times the network's own float32 rounding, {CEILING:.1g} at most) but differs by "
            f"{error:.1g}; it was not kept"
        )
    if compared < LEAST_COMPARED:
        raise CheckpointError(
            f"{shown} cannot be compared with its network, which gives nothing but 0 and 1 for {1 - compared:.1%} of "
            "the values; train it further or use another checkpoint"
        )
    return Agreement(difference, limit, compared)


def check_pictures(size: int) -> list[tuple[Tensor, Tensor]]:
    """Noise under a disc with a soft edge, and a smooth picture that is all foreground but for a border.

    Args:
        size: side S in pixels.

    Returns:
        Composites (1, 3, S, S), sRGB in [0, 1], and masks (1, 1, S, S) in [0, 1].
    """
    rng = np.random.default_rng(0)
    noise = rng.random((3, size, size), dtype=np.float32)
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    smooth = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.float32(0.5)))
    across, down = np.meshgrid(ramp - 0.5, ramp - 0.4)
    disc = np.clip((0.3 - np.hypot(across, down)) * 20 + 0.5, 0, 1)
    inner = np.zeros((size, size), np.float32)
    border = size // 8
    inner[border:-border, border:-border] = 1
    return [
        (torch.from_numpy(picture.astype(np.float32))[None], torch.from_numpy(mask.astype(np.float32))[None, None])
        for picture, mask in ((noise, disc), (smooth, inner))
    ]


@torch.no_grad()
def _run_torch(network: nn.Module, composite: Tensor, mask: Tensor) -> Tensor:
    return network(composite, mask)


def _run_onnx(exported: Harmonizer | LookHarmonizer, composite: Tensor, mask: Tensor) -> Tensor:
    harmonized = exported.network(composite[0].permute(1, 2, 0).numpy(), mask[0, 0].numpy())
    return torch.from_numpy(harmonized).permute(2, 0, 1)[None]


def _furthest(found: list[Tensor], expected: list[Tensor]) -> float:
    """Largest absolute difference; NaN if there is one anywhere."""
    return float(torch.stack([(f - e).abs().max() for f, e in zip(found, expected, strict=True)]).max())


def share_inside(picture: Tensor, mask: Tensor) -> float:
    """Share of the foreground's values that are neither 0 nor 1: picture (B, 3, H, W), mask (B, 1, H, W)."""
    values = picture[(mask > 0).expand_as(picture)]
    return float(((values > 0) & (values < 1)).double().mean())


def _cost(full: Path, path: Path, shown: Path) -> float:
    """What fewer bits change in pictures, decibels (`export_quality.decibels`).

    Raises:
        CheckpointError: less than `LEAST_DECIBELS` are left.
    """
    before, after = open_harmonizer(full, threads=1), open_harmonizer(path, threads=1)
    found = decibels(before, after, photographs(before.info.input_size))
    if not found >= LEAST_DECIBELS:
        raise CheckpointError(
            f"{shown} should make the pictures of its float32 weights within {LEAST_DECIBELS:g} dB but is {found:.1f} "
            "dB from them; export it with more bits"
        )
    return found


def _trace(network: nn.Module, size: int, name: str, outputs: Sequence[str] = ("harmonized",)):
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
                output_names=list(outputs),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        first = str(error).strip().partition("\n")[0]
        raise EnvironmentFault(f"torch {torch.__version__} cannot write {name} as ONNX: {first}") from error
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
