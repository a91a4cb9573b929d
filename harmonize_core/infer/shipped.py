# SPDX-License-Identifier: Apache-2.0
"""Weights that come with the package, found by the name of their network; written by `infer/shipping.py`.

`harmonize_core/weights/` holds for each network `<name>.json` (what it is, and of which parts a file is made), its ONNX
files, a checkpoint for PyTorch where there is room for one, and one `SHA256SUMS` for all. The branches of a network
differ in few of its weights: a branch's file is the beginning of another one and a part of its own. What ends in .gz is
compressed. NumPy and a runtime are enough to use them.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.formats.triplet import Domain

WEIGHTS = Path(__file__).parents[1] / "weights"

SUMS = "SHA256SUMS"
"""As `sha256sum` writes and checks it."""

FORMAT = "harmonize-weights/1"


def shipped(name: Path, device: str = "cpu") -> Path | None:
    """The file that a bare name ("charmnet_hr") means: the card of its weights (.json), or for CUDA its checkpoint.

    None for what is a file, or has no weights here. Every domain is in the same card (`branch_file`). Without a
    checkpoint, ONNX Runtime is asked for CUDA.

    Raises:
        CheckpointError: the checkpoint is damaged.
    """
    if name.exists() or name.suffix or len(name.parts) != 1:
        return None
    card = WEIGHTS / f"{name}.json"
    if not card.is_file():
        return None
    checkpoint = WEIGHTS / f"{name}.safetensors"
    if device != "cuda" or not checkpoint.is_file():
        return card
    checked(checkpoint)
    return checkpoint


def facts_of(card: Path) -> dict[str, Any]:
    """What a card says.

    Raises:
        CheckpointError: it is damaged or of another format.
    """
    try:
        facts = json.loads(checked(card))
    except ValueError as error:
        raise CheckpointError(f"{card} is damaged; install rdharmony again") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError(f"{card} should be of format {FORMAT} but is not; install rdharmony again")
    return facts


def content_of(card: Path, domain: Domain | None = None) -> bytes:
    """The ONNX file of a branch (None: photographic), put together from its parts.

    Raises:
        CheckpointError: a part is missing or damaged.
        ConfigError: the weights have no such branch.
    """
    branches = facts_of(card)["branches"]
    wanted = domain or next(iter(branches))
    if wanted not in branches:
        raise ConfigError(f"{card.stem} comes with {', '.join(branches)} and not with a {wanted} branch")
    pieces = []
    for part in branches[wanted]:
        data = checked(card.with_name(part["file"]))
        data = gzip.decompress(data) if part["file"].endswith(".gz") else data
        pieces.append(data[: part["bytes"]])
    return b"".join(pieces)


@contextlib.contextmanager
def branch_file(card: Path, domain: Domain | None = None) -> Generator[Path]:
    """A path with the ONNX file of a branch: the file itself where it is one, else a temporary one.

    Raises:
        CheckpointError, ConfigError: as `content_of`.
    """
    content = content_of(card, domain)
    parts = facts_of(card)["branches"][domain or "photographic"]
    whole = card.with_name(parts[0]["file"])
    if len(parts) == 1 and whole.suffix == ".onnx":
        yield whole
        return
    with tempfile.TemporaryDirectory(prefix="rdharmony-") as folder:
        file = Path(folder, f"{card.stem}.onnx")
        file.write_bytes(content)
        yield file


def checked(file: Path) -> bytes:
    """The bytes of a shipped file.

    Raises:
        CheckpointError: it is missing, or is not what was shipped.
    """
    try:
        data = file.read_bytes()
        sums = (file.parent / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CheckpointError(
            f"{error.filename} should be there but cannot be read; install rdharmony again"
        ) from error
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in sums)}
    if wanted.get(file.name) != hashlib.sha256(data).hexdigest():
        raise CheckpointError(f"{file} is not the file that {SUMS} lists beside it; install rdharmony again")
    return data
