# SPDX-License-Identifier: Apache-2.0
"""What a benchmark's folder belongs to: one choice of data, budget, seed and weights; and the weights given to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from harmonize_core.benchmark.tables import Plan, Row
from harmonize_core.checkpoint import SUFFIX
from harmonize_core.errors import CheckpointError, ConfigError, InputError
from harmonize_core.formats.images import write_text

NOTE = "benchmark.json"


def given_weights(folder: Path, rows: Iterable[Row], say: Callable[[str], None]) -> dict[tuple[str, Plan], Path]:
    """Weights files for rows, by network and plan: `<model>-<plan>.safetensors`, or `<model>.safetensors` for "all".

    A row of another plan never takes a file without that plan in its name: official weights saw all of iHarmony4, and a
    row trained on base categories must not have seen the novel one.

    Args:
        folder: of weights.
        rows: that are to be made.
        say: told which files no row takes.

    Raises:
        InputError: there is no such folder.
        CheckpointError: no row takes any of its files.
    """
    if not folder.is_dir():
        raise InputError(f"--checkpoints should name a folder of weights but {folder} is none; check the path")
    found: dict[tuple[str, Plan], Path] = {}
    wanted = [row for row in rows if row.plan != "nothing"]
    for row in wanted:
        names = [f"{row.model}-{row.plan}", *([row.model] if row.plan == "all" else [])]
        files = [path for name in names if (path := folder / f"{name}{SUFFIX}").is_file()]
        if files:
            found[row.model, row.plan] = files[0]
    unused = [path.name for path in sorted(folder.iterdir()) if path not in found.values()]
    if not found:
        example = f"{wanted[0].model}-{wanted[0].plan}{SUFFIX}" if wanted else "nothing: these rows have no weights"
        raise CheckpointError(
            f"no chosen row takes a file of {folder} ({', '.join(unused) or 'it is empty'}); they would take files "
            f"such as {example}"
        )
    if unused:
        say(f"{folder}: not used, because no chosen row trains that network on that data: {', '.join(unused)}")
    return found


def digest(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digests_of(folder: Path | None) -> dict[str, Any] | None:
    """A folder of weights and the SHA-256 of each file in it."""
    if folder is None:
        return None
    return {"folder": str(folder.resolve()), **{path.name: digest(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}}


def claim(out: Path, wanted: Mapping[str, Any], lists: Mapping[str, str]) -> None:
    """Let `out` belong to these choices, or refuse it when it belongs to others.

    Args:
        out: folder of runs and results.
        wanted: choices that every result depends on.
        lists: digests of the lists of data known now; later calls may know others besides.

    Raises:
        ConfigError: names what differs, or that `out` is the folder of a training run.
    """
    note = out / NOTE
    stored: dict[str, Any] = {}
    if note.is_file():
        stored = json.loads(note.read_text(encoding="utf-8"))
        unknown = "not known to the version that made it"
        differing = [
            f"{k}: {_short(stored.get(k, unknown))} -> {_short(v)}" for k, v in wanted.items() if stored.get(k) != v
        ]
        known = stored.get("lists", {})
        differing += [
            f"the list {name} of the data has changed" for name in lists if known.get(name, lists[name]) != lists[name]
        ]
        if differing:
            raise ConfigError(
                f"{out} holds a benchmark of other settings ({'; '.join(differing)}); choose another --out"
            )
    elif (out / "config.json").exists():
        raise ConfigError(f"{out} is the folder of a training run; choose another --out")
    facts = {**wanted, "lists": {**stored.get("lists", {}), **lists}}
    write_text(note, json.dumps(facts, indent=1) + "\n")


def _short(value: Any) -> Any:
    """Weights by the beginnings of their digests, anything else as it is."""
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{name} {text[:8]}" if name != "folder" else text for name, text in value.items())
