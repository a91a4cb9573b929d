# SPDX-License-Identifier: Apache-2.0
"""What a run's folder says: nothing is written, nothing but the log or the config must be there, unknown keys stay."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harmonize_core.config import encode
from harmonize_core.errors import ConfigError
from harmonize_core.formats.lock import is_locked
from harmonize_core.train import samples, state
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.log import read_log

Row = Mapping[str, Any]
State = Literal["running", "finished", "stopped"]

DOMAINS = ("rendered", "photographic")


@dataclass(frozen=True)
class RunFacts:
    """One training run as its folder tells it; whatever is not there is empty."""

    folder: Path
    name: str
    train: tuple[Row, ...]
    """Lines of the log by ascending step, each step once; the same for `validations`."""
    validations: tuple[Row, ...]
    config: dict[str, Any]
    """By dotted name, as it was stored: an older version's fields, not ours."""
    environment: dict[str, Any]
    provenance: dict[str, str]
    """Of the finished network or the newest checkpoint."""
    total: int | None
    """Steps planned."""
    state: State
    samples: dict[int, dict[str, Any]]
    """`samples.json` by step, for steps that the log has a validation of."""
    left_out: tuple[str, ...]

    @property
    def step(self) -> int:
        """The last step that the log tells of."""
        return max((int(row["step"]) for row in (*self.train, *self.validations)), default=0)

    @property
    def seconds(self) -> float:
        return max((float(row.get("seconds", 0)) for row in (*self.train, *self.validations)), default=0.0)

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains with held-out numbers."""
        return tuple(d for d in DOMAINS if any(f"fmse_{d}" in row for row in self.validations))

    @property
    def best(self) -> Row | None:
        """The validation that left the smallest share of the composite's fMSE, all domains counted alike."""
        measured = [row for row in self.validations if remaining(row) is not None]
        return min(measured, key=lambda row: remaining(row) or 0.0, default=None)

    def images_per_s(self) -> list[tuple[int, float]]:
        """Training images a second between neighbouring lines of the log, validations not counted."""
        images = sum(self.config.get(d) is not None for d in DOMAINS) or 1
        images *= int(self.config.get("batch_size") or 0) * int(self.config.get("accumulate") or 1)
        order = {"train": 0, "validate": 1}
        rows = sorted((*self.train, *self.validations), key=lambda row: (row["step"], order[row["kind"]]))
        found = []
        for before, row in itertools.pairwise(rows):
            steps, seconds = row["step"] - before["step"], row.get("seconds", 0) - before.get("seconds", 0)
            if row["kind"] == "train" and steps > 0 and seconds > 0 and images:
                found.append((int(row["step"]), images * steps / seconds))
        return found


def read_run(folder: Path, *, ended: bool = False) -> RunFacts:
    """Read a run's folder: finished, going on, stopped or killed. `ended`: nobody works on it though it is locked.

    Raises:
        ConfigError: it is not the folder of a training run.
    """
    folder = Path(folder)
    if not (folder / "metrics.jsonl").is_file() and not (folder / "config.json").is_file():
        raise ConfigError(_no_run(folder))
    rows = {
        (row["kind"], row["step"]): row
        for row in read_log(folder)
        if isinstance(row, dict) and row.get("kind") in ("train", "validate") and isinstance(row.get("step"), int)
    }
    train, validations = (tuple(rows[key] for key in sorted(rows) if key[0] == kind) for kind in ("train", "validate"))
    config, plan = _json(folder / "config.json"), _json(folder / "plan.json")
    steps = config.get("steps") or plan.get("steps")
    provenance = _provenance(folder)
    going = not ended and is_locked(folder / ".lock")
    stored = {step: _json(samples.folder_of(folder, step) / "samples.json") for step in samples.saved(folder)}
    return RunFacts(
        folder,
        folder.resolve().name,
        train,
        validations,
        flat(config),
        _json(folder / "env.json"),
        provenance,
        int(steps) if isinstance(steps, int) and steps else None,
        "running"
        if going
        else "finished"
        if _is_newer(folder / "model.safetensors", folder / "metrics.jsonl")
        else "stopped",
        {s: facts for s, facts in stored.items() if ("validate", s) in rows and _has_strips(facts)},
        tuple(_lines(folder / "left_out.txt")),
    )


def read_runs(folders: Sequence[Path], *, ended: bool = False) -> list[RunFacts]:
    """Several runs, with as much of their paths in their names as tells them apart; see `read_run`."""
    runs = [read_run(folder, ended=ended) for folder in folders]
    for parts in itertools.count(2):
        names = [run.name for run in runs]
        paths = [run.folder.resolve().parts for run in runs]
        if len(set(names)) == len(runs) or parts > max(map(len, paths)):
            break
        runs = [replace(run, name="/".join(path[-parts:])) for run, path in zip(runs, paths, strict=True)]
    return runs


def remaining(row: Row, domain: str | None = None) -> float | None:
    """Share of the composite's held-out fMSE that is left, the mean over the domains or of one; None if unmeasured."""
    shares = [
        row[f"fmse_{d}"] / row[f"fmse_{d}_composite"]
        for d in ([domain] if domain else DOMAINS)
        if row.get(f"fmse_{d}") is not None and row.get(f"fmse_{d}_composite")
    ]
    share = float(np.mean(shares)) if shares else None
    return share if share is not None and np.isfinite(share) else None


def changed(config: Mapping[str, Any]) -> list[str]:
    """Names of the values that are not this version's defaults; what this version does not know counts as changed."""
    defaults = flat(encode(TrainConfig()))
    return [name for name, value in config.items() if name not in defaults or defaults[name] != value]


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts by dotted names."""
    values: dict[str, Any] = {}
    for key, value in tree.items():
        values |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return values


def names_of(rows: Sequence[Row]) -> list[str]:
    """Numbers that the rows hold, in the order of their first appearance."""
    return [
        name
        for name in dict.fromkeys(key for row in rows for key in row)
        if name not in ("step", "kind", "seconds")
        and any(isinstance(row.get(name), int | float) and not isinstance(row.get(name), bool) for row in rows)
    ]


def _no_run(folder: Path) -> str:
    if not folder.is_dir():
        return (
            f"{folder} should be the folder of a training run but {'is a file' if folder.exists() else 'is not there'}"
        )
    inside = sorted(path.parent.relative_to(folder).as_posix() for path in folder.glob("*/metrics.jsonl"))
    hint = f"; it holds runs: {', '.join(inside[:5])}" if inside else "; give what --run of harmonize train named"
    return f"{folder} should be the folder of a training run but holds neither metrics.jsonl nor config.json{hint}"


def _is_newer(path: Path, other: Path) -> bool:
    """A run writes its network after the last line of its log; a folder copied without its times counts as finished."""
    try:
        return not other.exists() or path.stat().st_mtime >= other.stat().st_mtime - 1
    except OSError:
        return False


def _has_strips(facts: Mapping[str, Any]) -> bool:
    return facts.get("format") == samples.FORMAT and isinstance(facts.get("domains"), dict)


def _json(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").splitlines()
    return []


def _provenance(folder: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    newest = [checkpoint / "model.safetensors" for checkpoint in reversed(state.checkpoints(folder))]
    for path in (folder / "model.safetensors", *newest):
        with contextlib.suppress(OSError, ValueError, SafetensorError, KeyError, TypeError, AttributeError):
            with safe_open(path, framework="np") as file:
                return {str(k): str(v) for k, v in json.loads(file.metadata()["provenance"]).items()}
    return {}
