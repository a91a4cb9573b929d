# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the disk has room for what is planned, before a run and while it works."""

from __future__ import annotations

import shutil
from pathlib import Path

from harmonize_core.errors import OutputError
from rdharmony_gen.spec.dataset import DatasetSpec

RENDER_BYTES = 6.5
"""Bytes a pixel of a linear half-float EXR of three channels, uncompressed, with its share of coverage and rest."""
PICTURE_BYTES = {"jpg": 0.6, "png": 2.2}
"""Bytes a pixel of a real image or composite: above the mean of rendered sets, so a plan rather says too much."""
FILE_BYTES = 3000
"""What any file costs beside its pixels: headers, its manifest line, half a block of the disk."""
RESERVE = 64_000_000
"""Bytes that a run leaves free, beside room for the views at work."""


def view_bytes(spec: DatasetSpec, steps: str, keep_renders: bool) -> tuple[int, int]:
    """About how many bytes one view leaves on the disk, and how many more it takes while it is made."""
    pixels, styles = spec.width * spec.height, len(spec.styles)
    pictures = styles * styles
    if spec.clip:
        pairs = min(spec.clip_pairs, styles * (styles - 1))
        styles = clip_styles(spec)
        pictures = spec.clip * (styles + 2 * pairs)
    renders = styles * max(1, spec.clip) * (pixels * RENDER_BYTES + FILE_BYTES)
    pictures *= pixels * PICTURE_BYTES[spec.format] + FILE_BYTES
    made = pictures if "compose" in steps else 0
    stays = "render" in steps and (keep_renders or "compose" not in steps)
    return int(made + renders * stays), int(renders * ("render" in steps and not stays))


def clip_styles(spec: DatasetSpec) -> int:
    """How many styles a clip is rendered in, as `sampling.clip_pairs` chooses them."""
    styles = len(spec.styles)
    pairs = min(spec.clip_pairs, styles * (styles - 1))
    return next(n for n in range(2, styles + 1) if n * (n - 1) >= pairs)


def free_bytes(folder: Path) -> int:
    """Free bytes for this user on the disk of a folder."""
    return shutil.disk_usage(folder).free


def require_room(folder: Path, spec: DatasetSpec, steps: str, keep_renders: bool, views: int, workers: int) -> None:
    """Refuse a plan that does not fit.

    Raises:
        OutputError: less is free than the views that are still to be made will take.
    """
    kept, passing = view_bytes(spec, steps, keep_renders)
    need, free = views * kept + min(workers, views) * passing, free_bytes(folder)
    if free < need:
        raise OutputError(
            f"the disk of {folder} should have about {size(need)} free for {views} views but has {size(free)}; "
            "free space, choose another disk, or make fewer or smaller views"
        )


def require_reserve(folder: Path, spec: DatasetSpec, steps: str, keep_renders: bool, workers: int) -> None:
    """Stop before the disk is full, so that what is at work can still be written.

    Raises:
        OutputError: the disk is nearly full.
    """
    kept, passing = view_bytes(spec, steps, keep_renders)
    reserve = min(RESERVE, workers * (kept + passing))
    if (free := free_bytes(folder)) < reserve:
        raise OutputError(
            f"the disk of {folder} is nearly full ({size(free)} free); free space and run again, it goes on from here"
        )


def size(count: float) -> str:
    """`12.3 GB` and the like."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.3g} {units[0]}"
