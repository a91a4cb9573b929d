# SPDX-License-Identifier: Apache-2.0
"""Looks as JSON, "harmonize-looks/1": whole looks and colour transforms, for pictures and shots, to the last bit.

An object with `format`, `kind` ("look" or "color-transform"), `model`, `written_by` and `looks`: a list of objects with
`frame` (a number, or null for a picture) and what they hold: `grade` and `map` (12, h, w), or `coefficients`
(gh, gw, 3, 4). Units are those of `runtime.look.Look` and `runtime.transform.ColorTransform`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harmonize_core.config import decode_text
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.runtime.look import GRADE, MAP, Look
from harmonize_core.runtime.transform import ColorTransform

FORMAT = "harmonize-looks/1"

LARGEST_GRID = 256
"""Cells on a side of a map."""


@dataclass(frozen=True)
class GradeText:
    """The grade of a look in a file: units as `Look.grade`."""

    exposure: float = 0.0
    temperature: float = 0.0
    tint: float = 0.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    log_power: tuple[float, float, float] = (0.0, 0.0, 0.0)
    log_saturation: float = 0.0


@dataclass(frozen=True)
class LookText:
    """A look or colour transform in a file."""

    frame: int | None = None
    grade: GradeText | None = None
    map: list[list[list[float]]] | None = None
    coefficients: list[list[list[list[float]]]] | None = None


@dataclass(frozen=True)
class LookFile:
    """A .json file of looks."""

    format: str
    kind: Literal["look", "color-transform"]
    looks: list[LookText]
    model: str = ""
    written_by: str = ""


def json_text(looks: Sequence[tuple[int | None, ColorTransform | Look]], model: str) -> str:
    """Frames and looks, all of one kind, as the text of a file: one line for each, so that files can be compared."""
    kind = "look" if isinstance(looks[0][1], Look) else "color-transform"
    entries = []
    for frame, look in looks:
        entry: dict[str, object] = {"frame": frame}
        if isinstance(look, Look):
            g = _list(look.grade)
            entry["grade"] = dict(
                exposure=g[0], temperature=g[1], tint=g[2], offset=g[3:6], log_power=g[6:9], log_saturation=g[9]
            )
            entry["map"] = _list(look.map)
        else:
            entry["coefficients"] = _list(look.coefficients)
        entries.append(json.dumps(entry, allow_nan=False))
    head = {"format": FORMAT, "kind": kind, "model": model, "written_by": f"rdharmony {version('rdharmony')}"}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, '"looks": [', ",\n".join(entries), "]", "}"]) + "\n"


def parse_json(data: bytes, path: Path) -> tuple[list[tuple[int | None, ColorTransform | Look]], str]:
    """Frames with their looks and the name of the network, from the bytes of a file.

    Raises:
        InputError: not a file of looks, or one with other keys, types, shapes or numbers than it should have.
    """
    try:
        file = decode_text(data.decode(), LookFile, str(path))
    except (UnicodeDecodeError, RecursionError):
        raise InputError(f"{path} should be a file of looks ({FORMAT}) but is not; save it again") from None
    except ConfigError as error:
        raise InputError(str(error)) from error
    if file.format != FORMAT:
        raise InputError(f"{path} should be a file of looks ({FORMAT}) but says {file.format[:40]!r}; save it again")
    if not file.looks:
        raise InputError(f"{path} should hold at least one look but holds none; save it again")
    looks = [(entry.frame, _look(entry, file.kind, f"{path}, look {n}")) for n, entry in enumerate(file.looks, 1)]
    return looks, file.model


def _look(entry: LookText, kind: str, where: str) -> ColorTransform | Look:
    if kind == "look":
        g = entry.grade
        if g is None or entry.map is None or entry.coefficients is not None:
            raise InputError(f"{where} should have a grade and a map; save it again")
        numbers = [g.exposure, g.temperature, g.tint, *g.offset, *g.log_power, g.log_saturation]
        return Look(_array(numbers, (GRADE,), where), _array(entry.map, (MAP, None, None), where))
    if entry.coefficients is None or entry.grade is not None or entry.map is not None:
        raise InputError(f"{where} should have coefficients alone; save it again")
    return ColorTransform(_array(entry.coefficients, (None, None, 3, 4), where))


def _array(values: object, shape: tuple[int | None, ...], where: str) -> NDArray[np.float32]:
    """Numbers as an array; None in its shape stands for 1 to LARGEST_GRID."""
    wanted = ", ".join(str(side or f"1 to {LARGEST_GRID}") for side in shape)
    try:
        array = np.array(values, np.float64)
    except ValueError:
        array = np.empty(0)
    fits = array.ndim == len(shape) and all(
        n == side if side else 1 <= n <= LARGEST_GRID for n, side in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise InputError(f"{where} should have numbers of shape ({wanted}) but has others; save it again")
    if not (np.abs(array) <= np.finfo(np.float32).max).all():
        raise InputError(f"{where} should hold finite numbers but holds NaN or infinity; save it again")
    return array.astype(np.float32)


def _list(array: NDArray[np.float32]) -> list:
    """Nested lists of the shortest numbers that give the same float32."""
    return [_list(part) if part.ndim else float(str(part)) for part in array]
