# SPDX-License-Identifier: Apache-2.0
"""`model.safetensors`: weights, the architecture's config, what it expects as input, and where the weights come from.

One file that cannot execute code when it is read; pickles (.pt, .pth, .ckpt) are refused by name. Loading is strict:
another architecture, a missing, unexpected or misshapen tensor, and weights that are not finite are errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from harmonize_core.config import decode_text, encode_text
from harmonize_core.errors import CheckpointError, ConfigError, HarmonizeError, UnknownName
from harmonize_core.formats.images import write_bytes
from harmonize_core.models import HarmonizationModel, InputSpec, ModelConfig, lookup, lookup_at

FORMAT = "harmonize-checkpoint/1"

SUFFIX = ".safetensors"

HALF = "half floats"
"""What the header's "stored" says of files whose large tensors are half floats."""

LARGE = 1024
"""Elements of a large tensor."""

_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".tar")


@dataclass(frozen=True)
class Checkpoint:
    """A network with its weights and what its file says about it."""

    model: HarmonizationModel
    name: str
    config: ModelConfig
    input_spec: InputSpec
    provenance: dict[str, str]
    """Free text by key: data, steps, date, versions, protocol numbers, licence of the weights."""


def save_model(
    path: Path,
    model: HarmonizationModel,
    name: str,
    *,
    config: ModelConfig | None = None,
    side: int = 0,
    provenance: Mapping[str, str] | None = None,
    half: bool = False,
) -> None:
    """Write a model's weights with a header, atomically.

    Args:
        path: a .safetensors file.
        model: the network as trained; its tensors may live on any device.
        name: registered name.
        config: the architecture's config when it differs from the registered one.
        side: of the pictures it was built for (`lookup_at`); 0: its own.
        provenance: free text by key, kept in the header.
        half: store tensors of `LARGE` elements and more as half floats; they are float32 again when they are loaded.

    Raises:
        CheckpointError: another suffix than .safetensors.
        OutputError: the file cannot be written.
        UnknownName: no model has this name.
        ConfigError: the network cannot be built for this side.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise CheckpointError(f"weights should be saved as {SUFFIX} but {path} ends in {path.suffix or 'nothing'!r}")
    entry = lookup_at(name, side)
    header = {
        "format": FORMAT,
        "model": name,
        "config": encode_text(config or entry.config, indent=None),
        "input_spec": encode_text(entry.input_spec, indent=None),
        "provenance": json.dumps(dict(provenance or {}), sort_keys=True),
    }
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if half:
        header["stored"] = HALF
        floats = (key for key, value in weights.items() if value.dtype == torch.float32 and value.numel() >= LARGE)
        weights |= {key: weights[key].half() for key in list(floats)}
    write_bytes(path, _with_sorted_header(save(weights, metadata=header)))


def load_model(path: Path) -> Checkpoint:
    """Read a file written by `save_model`; the model comes on the CPU in eval mode.

    Raises:
        CheckpointError: missing, damaged, a pickle, of another format, or not fitting the architecture it names.
        UnknownName: the architecture it names is not registered here.
    """
    path = Path(path)
    _refuse_other_files(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or not a safetensors file; copy it again") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} should be of format {FORMAT} but says {header.get('format', 'nothing')!r}; "
            "save it with harmonize_core.checkpoint.save_model"
        )
    if header.get("stored") == HALF:
        weights = {key: value.float() if value.dtype == torch.float16 else value for key, value in weights.items()}
    try:
        name = header["model"]
        config = decode_text(header["config"], type(lookup(name).config))
        input_spec = decode_text(header["input_spec"], InputSpec)
        provenance = {str(k): str(v) for k, v in json.loads(header["provenance"]).items()}
        with torch.device("meta"):  # no memory is taken before the shapes are known to fit
            model = config.build()
    except UnknownName as error:
        raise UnknownName(f"{path}: {error}") from error
    except (KeyError, ConfigError, ValueError, AttributeError, RuntimeError) as error:
        reason = error if isinstance(error, HarmonizeError) else f"bad header: {error!r}"
        raise CheckpointError(f"{path} cannot be used, {reason}; export it anew") from error
    load_strictly(model, weights, path)
    if any(buffer.is_meta for buffer in model.buffers()):  # constants that are not stored, such as a blur's kernel
        model = config.build()
        load_strictly(model, weights, path)
    return Checkpoint(model.eval(), name, config, input_spec, provenance)


def load_strictly(model: torch.nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Copy weights into a model whose names and shapes must match exactly; `path` is for the message.

    Raises:
        CheckpointError: names the first tensors that do not fit, or one that is not finite.
    """
    wanted = model.state_dict()
    problems = [f"missing {key} {tuple(wanted[key].shape)}" for key in wanted.keys() - weights.keys()]
    problems += [f"unexpected {key} {tuple(weights[key].shape)}" for key in weights.keys() - wanted.keys()]
    for key in weights.keys() & wanted.keys():
        have, want = weights[key], wanted[key]
        if have.shape != want.shape:
            problems.append(f"{key}: file has {tuple(have.shape)}, model wants {tuple(want.shape)}")
        elif have.dtype != want.dtype:
            problems.append(f"{key}: file has {have.dtype}, model wants {want.dtype}")
    if problems:
        shown = "; ".join(sorted(problems)[:3])
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(f"{path} does not fit the model: {shown}{more}")
    for key, value in weights.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"{path} holds values that are not finite in {key}; use an earlier checkpoint")
    model.load_state_dict(dict(weights), assign=any(value.is_meta for value in wanted.values()))


def _refuse_other_files(path: Path) -> None:
    if path.is_dir():
        hint = path / "model.safetensors"
        raise CheckpointError(f"{path} is a folder, but a {SUFFIX} file was expected, such as {hint}")
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint at {path}; check the path")
    with open(path, "rb") as file:
        head = file.read(4)
    pickled = head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or head == b"PK\x03\x04"
    if pickled or path.suffix in _PICKLES:
        raise CheckpointError(
            f"{path} is a Python pickle, which could run code when opened, and is refused; "
            f"load it where you trust it and save it with harmonize_core.checkpoint.save_model as {SUFFIX}"
        )
    if path.suffix != SUFFIX:
        raise CheckpointError(f"a checkpoint should end in {SUFFIX} but {path} ends in {path.suffix or 'nothing'!r}")


def _with_sorted_header(data: bytes) -> bytes:
    """The same safetensors file with its metadata in alphabetical order: equal networks become equal bytes.

    A file is an 8-byte little-endian length, that much JSON padded with spaces, then the tensors at relative offsets.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]
