# SPDX-License-Identifier: Apache-2.0
"""3D LUTs as .cube files: Adobe, "Cube LUT Specification 1.0" (2013), which Resolve, Nuke and OpenColorIO read.

A .cube file does not say what its colours are. Ours take display-referred sRGB in [0, 1] and give sRGB, as their first
line says; what comes out above 1 is for the program that applies it to clip. For scene-linear light write a .cdl: it is
the same grade, exact and without an end.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from harmonize_core.errors import InputError
from harmonize_core.runtime.cube import Cube
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.transform import ColorTransform

POINTS = 33
"""On each side of a cube that is written."""

LARGEST = 129
"""On each side of a cube that is read; the specification allows 256, which takes 200 MB."""


def cube_of(transform: ColorTransform | Look | Cube, points: int = POINTS) -> Cube:
    """What a transform does to each colour, apart from where it is.

    Of a look that is its grade. A `ColorTransform` has no grade: its cells' mean is taken, where cells far from the
    foreground hold the transform of the whole foreground; with one cell (`--mode global`) it is exact.
    """
    if isinstance(transform, Cube):
        return transform
    grid = Cube(np.empty((points, points, points, 3), np.float32)).grid()
    if isinstance(transform, Look):
        same = transform.global_only()
    else:
        same = ColorTransform(transform.coefficients.mean(axis=(0, 1), keepdims=True))
    return Cube(same.apply(grid.reshape(1, -1, 3), ceiling=None).reshape(grid.shape))


def cube_text(cube: Cube, title: str) -> str:
    """A cube as the text of a file; red changes fastest."""
    lines = [
        "# Takes and gives display-referred sRGB (gamma encoded, Rec. 709 primaries, 1 = white), not linear light.",
        f'TITLE "{title.replace(chr(34), chr(39)).splitlines()[0] if title else "look"}"',
        f"LUT_3D_SIZE {len(cube.table)}",
    ]
    if (*cube.low, *cube.high) != (0, 0, 0, 1, 1, 1):  # what is the default is left out: Resolve has other words for it
        lines += [
            f"{name} {a:g} {b:g} {c:g}" for name, (a, b, c) in (("DOMAIN_MIN", cube.low), ("DOMAIN_MAX", cube.high))
        ]
    rows = cube.table.transpose(2, 1, 0, 3).reshape(-1, 3)
    return "\n".join([*lines, *(f"{r:.7g} {g:.7g} {b:.7g}" for r, g, b in rows.tolist())]) + "\n"


def parse_cube(data: bytes, path: Path) -> Cube:
    """The cube in the bytes of a .cube file.

    Raises:
        InputError: not a 3D LUT, or with another number of colours than it says.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} should be a .cube file, which is text, but is not; export it again") from None
    keys: dict[str, list[str]] = {}
    start = 0
    for start, line in enumerate(lines):  # noqa: B007
        words = line.split()
        if words and _is_number(words[0]):
            break
        if words and not words[0].startswith("#"):
            keys[words[0]] = words[1:]
    if "LUT_1D_SIZE" in keys or "LUT_3D_SIZE" not in keys:
        raise InputError(
            f"{path} should be a 3D LUT alone (LUT_3D_SIZE) but is not; export it without a 1D LUT or shaper"
        )
    (count,) = _header(keys, "LUT_3D_SIZE", [0.0], path)
    if count != int(count) or not 2 <= count <= LARGEST:
        raise InputError(f"{path} should have 2 to {LARGEST} points a side but says {count:g}; export a smaller one")
    size = int(count)
    low, high = _header(keys, "DOMAIN_MIN", [0.0] * 3, path), _header(keys, "DOMAIN_MAX", [1.0] * 3, path)
    if "LUT_3D_INPUT_RANGE" in keys:
        first, last = _header(keys, "LUT_3D_INPUT_RANGE", [0.0, 1.0], path)
        low, high = [first] * 3, [last] * 3
    with np.errstate(all="ignore"):  # in the precision that colours are looked up in
        steps = np.float32(size - 1) / (np.array(high, np.float32) - np.array(low, np.float32))
    if not (np.isfinite(steps) & (steps > 0)).all():
        raise InputError(
            f"{path} should have a domain that grows, within what 32-bit floats hold, but says {low} to {high}; "
            "correct it"
        )
    text = "\n".join(line for line in lines[start:] if not line.lstrip().startswith("#"))
    try:
        with np.errstate(over="ignore"):
            values = np.array(text.split(), np.float32)
    except ValueError:
        raise InputError(
            f"{path} should hold numbers after its header but holds other words; export it again"
        ) from None
    if values.size != 3 * size**3:
        raise InputError(
            f"{path} should hold {size**3} colours of 3 numbers but holds {values.size} "
            f"{'number' if values.size == 1 else 'numbers'}; export it again"
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"{path} should hold finite colours but holds NaN, infinity or more than 32-bit floats do; export it again"
        )
    table = values.reshape(size, size, size, 3).transpose(2, 1, 0, 3)
    return Cube(np.ascontiguousarray(table), (low[0], low[1], low[2]), (high[0], high[1], high[2]))


def _header(keys: dict[str, list[str]], name: str, default: list[float], path: Path) -> list[float]:
    words = keys.get(name)
    if words is None:
        return default
    if len(words) != len(default) or not all(_is_number(word) for word in words):
        wanted = "one number" if len(default) == 1 else f"{len(default)} numbers"
        raise InputError(
            f"{path} should have {wanted} after {name} but has {' '.join(words)[:40]!r}; correct it or export it again"
        )
    return [float(word) for word in words]


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
