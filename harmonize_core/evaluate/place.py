# SPDX-License-Identifier: Apache-2.0
"""Where a report goes: a report only ever replaces one of the same conditions, which `summary.json` holds."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

from harmonize_core.data.sources import resolve_split
from harmonize_core.errors import OutputError

Conditions = Mapping[str, str | int | bool | None]
"""Everything that decides a report's numbers, by name. Files that were changed in place, other than weights, are not
noticed."""


def conditions(
    method: Path, data: Path, split: str | None, **choices: str | int | bool | None
) -> dict[str, str | int | bool | None]:
    """What decides the numbers of a method (a weights file, a folder of pictures, or a name) on a data set."""
    known = resolve_split(data, split)
    return {
        "method": str(method.resolve()) if method.is_dir() else method.name,
        "weights_sha256": hashlib.sha256(method.read_bytes()).hexdigest() if method.is_file() else None,
        "data": str(Path(data).resolve()),
        "split": str(known.resolve()) if isinstance(known, Path) else known,
        **choices,
    }


def folder_beside(weights: Path, protocol: str, data: Path, wanted: Conditions) -> Path:
    """`eval/<what was chosen>` beside a weights file; `-2`, `-3` ... behind it where another report has that name.

    `protocol` is its short name, with what was changed in it.
    """
    parts = (
        "" if weights.stem == "model" else weights.stem,
        protocol,
        "direct" if wanted["at"] == "protocol" else "",
        data.resolve().name,
        Path(str(wanted["split"] or "")).stem,
        str(wanted["domain"] or ""),
        f"limit{wanted['limit']}" if wanted["limit"] else "",
        "skip-corrupt" if wanted["skip_corrupt"] else "",
        "" if wanted["device"] == "cpu" else str(wanted["device"]),
    )
    base = weights.parent / "eval" / "-".join(part for part in parts if part)
    numbered = (base.with_name(f"{base.name}-{number}") for number in itertools.count(2))
    return next(folder for folder in itertools.chain([base], numbered) if not _others(folder, wanted))


def refuse_occupied(out: Path, wanted: Conditions) -> None:
    """Refuse a folder with a report of other conditions, before anything is computed.

    Raises:
        OutputError: names what differs.
    """
    differing = _others(out, wanted)
    if differing:
        raise OutputError(f"{out} holds a report of other numbers ({differing}); choose another --out or delete it")


def _others(folder: Path, wanted: Conditions) -> str:
    """How the report in a folder differs from the wanted one; empty where there is none or it is the same."""
    try:
        stored = json.loads((folder / "summary.json").read_text(encoding="utf-8")).get("conditions")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError):
        stored = None
    if not isinstance(stored, dict):
        return "it does not say of which choices"
    names = [name for name in {**wanted, **stored} if stored.get(name) != wanted.get(name)]
    return "; ".join(f"{name}: {stored.get(name)} -> {wanted.get(name)}" for name in names)
