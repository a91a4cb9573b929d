# SPDX-License-Identifier: Apache-2.0
"""Cryptomatte: the coverage of objects by name, from an EXR file in which a renderer stored it.

Sources: J. Friedman and A. C. Jones, "Fully automatic ID mattes with support for motion blur and transparency"
(SIGGRAPH 2015 posters); Psyop, "Cryptomatte Specification" version 1.2.0 (github.com/Psyop/Cryptomatte): metadata in
section 4, hashing of names (MurmurHash3_x86_32 with seed 0; A. Appleby, public domain) and its conversion to a float in
sections 5 and 6, pairs of identity and coverage in sections 3 and 7.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.exr import Box, ExrFile

Floats = NDArray[np.float32]

Place = tuple[int, str]
"""Part and channel."""

_PREFIX = "cryptomatte/"
_SHOWN = 30


@dataclass(frozen=True)
class CryptoLayer:
    """One cryptomatte (objects, materials, assets) of a file."""

    name: str
    """As the metadata names it: the layer's channels are this with 00, 01 ... behind."""
    ranks: tuple[tuple[Place, Place], ...]
    """Where identity and coverage are, the largest coverage first."""
    manifest: dict[str, int]
    """Identity by name; empty where the renderer wrote none."""


def crypto_layers(file: ExrFile) -> list[CryptoLayer]:
    """All cryptomattes of a file; those of objects first, then as they stand.

    Raises:
        InputError: the metadata of one is damaged, or its hash or conversion is not that of the specification.
    """
    found = []
    for part in file.parts:
        text = part.text(_PREFIX)
        for key in sorted({name.split("/")[1] for name in text if name.count("/") >= 2}):
            about = {name.split("/", 2)[2]: value for name, value in text.items() if name.split("/")[1] == key}
            name = about.get("name", "")
            for entry, wanted in (("hash", "MurmurHash3_32"), ("conversion", "uint32_to_float32")):
                if about.get(entry, wanted) != wanted:
                    raise InputError(
                        f"{file.path}: the cryptomatte {name!r} uses the {entry} {about[entry]!r}, not {wanted}; "
                        "render it anew"
                    )
            ranks = _ranks(file, name)
            if ranks:
                found.append(CryptoLayer(name, ranks, _manifest(file.path, about)))
    return sorted(found, key=lambda layer: "object" not in layer.name.lower())


def crypto_mask(file: ExrFile, names: Sequence[str]) -> tuple[Floats, Box, Box]:
    """Coverage of some objects together.

    Args:
        file: as read.
        names: of objects, materials or assets; the first cryptomatte that knows a name is used, objects first.

    Returns:
        (H, W) in [0, 1], its data window and its display window.

    Raises:
        InputError: the file holds no cryptomatte, or a name is unknown; the message lists those there are.
    """
    layers = crypto_layers(file)
    if not layers:
        raise InputError(
            f"{file.path} holds no cryptomatte; switch it on where it is rendered, with 32-bit float channels"
        )
    part = file.parts[layers[0].ranks[0][0][0]]
    total = np.zeros((part.data.height, part.data.width), np.float32)
    for name in dict.fromkeys(names):
        coverage = _coverage(file, _knowing(file, layers, name), name)
        if coverage.shape != total.shape:
            raise InputError(f"{file.path} has cryptomattes of different windows; give a file that holds one of them")
        total += coverage
    return np.clip(total, 0, 1), part.data, part.display


def identity(name: str) -> int:
    """The 32 bits that stand for a name: its hash, with an exponent that no NaN, infinity or denormal has."""
    return _usable(murmur3_32(name.encode("utf-8")))


def murmur3_32(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32 of some bytes."""
    mask = 0xFFFFFFFF

    def mixed(block: int) -> int:
        block = block * 0xCC9E2D51 & mask
        return ((block << 15 | block >> 17) & mask) * 0x1B873593 & mask

    value, whole = seed, len(data) // 4 * 4
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        value ^= mixed(block)
        value = ((value << 13 | value >> 19) & mask) * 5 + 0xE6546B64 & mask
    if data[whole:]:
        value ^= mixed(int.from_bytes(data[whole:], "little"))
    value ^= len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & mask
    value = (value ^ value >> 13) * 0xC2B2AE35 & mask
    return value ^ value >> 16


def _usable(bits: int) -> int:
    return bits ^ 1 << 23 if bits >> 23 & 255 in (0, 255) else bits


def _coverage(file: ExrFile, layer: CryptoLayer, name: str) -> Floats:
    wanted = np.uint32(layer.manifest.get(name, identity(name)))
    total = np.zeros(_pixels(file, layer.ranks[0][0]).shape, np.float32)
    for identities, coverage in layer.ranks:
        same = _pixels(file, identities).view(np.uint32) == wanted
        total[same] += np.nan_to_num(_pixels(file, coverage)[same].astype(np.float32))
    return total


def _pixels(file: ExrFile, place: Place) -> NDArray:
    return file.parts[place[0]].channels[place[1]]


def _knowing(file: ExrFile, layers: Sequence[CryptoLayer], name: str) -> CryptoLayer:
    for layer in layers:
        if name in layer.manifest or (not layer.manifest and _coverage(file, layer, name).any()):
            return layer
    known = sorted({known for layer in layers for known in layer.manifest})
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    names = ", ".join(known[:_SHOWN]) + more if known else "no names (it has no manifest)"
    raise InputError(f"{file.path} holds no object named {name!r}; its cryptomatte knows: {names}")


def _ranks(file: ExrFile, name: str) -> tuple[tuple[Place, Place], ...]:
    """The pairs of a cryptomatte: red with green and blue with alpha of <name>00, <name>01 ..., in whatever part.

    Parts of one layer each may leave its name out of their channels' names.
    """
    places: dict[str, Place] = {}
    for index, part in enumerate(file.parts):
        for channel in part.channels:
            places.setdefault(f"{part.name}.{channel}".lower(), (index, channel))
            places[channel.lower()] = (index, channel)
    found: list[tuple[Place, Place]] = []
    for rank in range(100):
        stem = f"{name}{rank:02d}.".lower()
        long = f"{stem}red" in places
        four = [places.get(stem + c) for c in (("red", "green", "blue", "alpha") if long else "rgba")]
        pairs = [(a, b) for a, b in zip(four[::2], four[1::2], strict=True) if a and b]
        if not pairs:
            break
        found += pairs
    if any(_pixels(file, identities).dtype != np.float32 for identities, _ in found):
        raise InputError(
            f"{file.path}: the cryptomatte {name!r} is not stored as 32-bit floats, which its identities need; "
            "render it anew"
        )
    if len({file.parts[part].data for pair in found for part, _ in pair}) > 1:
        raise InputError(f"{file.path}: the cryptomatte {name!r} has parts of different windows; render it anew")
    return tuple(found)


def _manifest(path: Path, about: dict[str, str]) -> dict[str, int]:
    text = about.get("manifest")
    beside = about.get("manif_file")
    if not text and beside:
        file = path.parent / Path(beside).name  # only beside the picture: a header must not reach other folders
        text = file.read_text(encoding="utf-8") if file.is_file() else None
    if not text:
        return {}
    try:
        return {str(name): _usable(int(number, 16)) for name, number in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: the list of names of its cryptomatte is damaged; render it anew") from error
