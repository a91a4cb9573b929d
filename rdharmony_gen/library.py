# SPDX-License-Identifier: GPL-3.0-or-later
"""The assets inside this package: what there is, under which licence, and whether the files are intact."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harmonize_core.errors import InputError

ASSETS = Path(__file__).resolve().parent / "assets"


@dataclass(frozen=True)
class Asset:
    """One entry of `assets/manifest.json`; entries there hold more keys than are used here."""

    id: str
    title: str
    file: str
    kind: str
    category: str
    licence: str
    """SPDX expression."""
    author: str
    source: str
    sha256: str
    bytes: int
    size_m: tuple[float, ...] | None = None
    """Width, depth and height in metres; textures and skies have none."""
    rigged: bool = False


@functools.cache
def assets() -> tuple[Asset, ...]:
    """All assets in manifest order.

    Raises:
        InputError: the package's manifest is missing or damaged.
    """
    path = ASSETS / "manifest.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Asset, ...])
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path} is missing or damaged ({error}); install rdharmony again") from None


def damaged(asset: Asset, folder: Path = ASSETS) -> str | None:
    """None if the asset's file has the checksum of the manifest, else what is wrong in one sentence."""
    path = folder / asset.file
    if not path.is_file():
        return f"{path} is missing from the installed package; install rdharmony again"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != asset.sha256:
        return (
            f"{path} should have the SHA-256 {asset.sha256[:12]}... but has {digest[:12]}...; install rdharmony again"
        )
    return None
