# SPDX-License-Identifier: Apache-2.0
"""Characters out of a picture that holds more: which channels say where they are, and their light without the rest's.

Sources: Psyop, "Cryptomatte Specification" 1.2.0 (github.com/Psyop/Cryptomatte): metadata in section 4, pairs of
identity and coverage in sections 3 and 7. Blender manual, "Passes: Shader AOV, Cryptomatte". At soft pixels the light
is shared out by `harmonize_core.compositing.separate`.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harmonize_core.compositing import OPAQUE, separate, soft_pixels
from harmonize_core.errors import InputError

Floats = NDArray[np.float32]

_COLOR = "RGBA"
_SHOWN = 12
_NOTHING = 1e-3
"""Opacity behind the characters below which there is nothing: half-float files are no finer."""


@dataclass(frozen=True)
class Matte:
    """Where a file says how much of each pixel is the characters': one channel, or identities in ranks."""

    channel: str = ""
    ranks: tuple[tuple[str, str], ...] = ()
    """Channels of identity and of coverage."""
    identities: frozenset[int] = frozenset()

    @property
    def channels(self) -> tuple[str, ...]:
        """All that have to be read."""
        return (self.channel,) if self.channel else tuple(name for pair in self.ranks for name in pair)

    def coverage(self, channels: Mapping[str, NDArray]) -> Floats:
        """(H, W) in [0, 1] from channels as they were read."""
        if self.channel:
            return np.clip(np.nan_to_num(channels[self.channel]), 0, 1).astype(np.float32)
        wanted = np.array(sorted(self.identities), np.uint32)
        total = np.zeros(channels[self.ranks[0][0]].shape, np.float32)
        for identity, share in self.ranks:
            total += np.isin(channels[identity].view(np.uint32), wanted) * np.nan_to_num(channels[share])
        return np.clip(total, 0, 1)


def color_channels(names: Sequence[str], layer: str) -> tuple[str, ...]:
    """The channels R, G, B and, where there is one, A of the picture itself.

    Args:
        names: of all channels.
        layer: the view layer that is looked for first; then any other's combined pass, then a picture without layers,
            which Blender calls Combined when it saves one anew.

    Raises:
        InputError: there is none.
    """
    stems = [name[:-2] for name in names if name.endswith(".R")]
    combined = [s for s in stems if s.endswith(".Combined") and not s.startswith("Composite.")]
    order = [f"{layer}.Combined", *combined, *(s for s in stems if s.startswith("Composite"))]
    order += ["Combined"] * ("R" not in names)
    found = next((s for s in order if s in stems), None)
    prefix = "" if found is None else f"{found}."
    if not all(prefix + c in names for c in "RGB"):
        raise InputError(f"it has no combined pass and no plain R, G and B; it holds {_listed(stems)}")
    return tuple(prefix + c for c in _COLOR if prefix + c in names)


def find_matte(names: Sequence[str], text: Mapping[str, str], wanted: Sequence[str]) -> Matte:
    """The matte of some names: an AOV, or objects, materials or assets of a Cryptomatte.

    Args:
        names: of all channels of a file.
        text: its attributes.
        wanted: one AOV, or names in a Cryptomatte, in which * and ? stand for anything; objects come first.

    Raises:
        InputError: nothing has that name; the message lists what there is.
    """
    for name in wanted[:1]:
        for channel in names:
            stem, _, last = channel.rpartition(".")
            if last in ("X", "V", "Y", "R", "A") and (stem == name or stem.endswith(f".{name}")):
                return Matte(channel)
    known: dict[str, None] = {}
    for layer, manifest in _cryptomattes(text):
        known.update(dict.fromkeys(manifest))
        hit = {manifest[n] for n in manifest if any(fnmatch.fnmatchcase(n, pattern) for pattern in wanted)}
        ranks = _ranks(names, layer)
        if hit and ranks:
            return Matte(ranks=ranks, identities=frozenset(hit))
    aovs = sorted({n.rpartition(".")[0] for n in names if n.endswith((".X", ".V"))})
    raise InputError(
        f"it has no AOV and no Cryptomatte name {', '.join(repr(w) for w in wanted[:_SHOWN])}; "
        f"it holds the AOVs {_listed(aovs)} and the names {_listed(list(known))}"
    )


def find_shares(names: Sequence[str], text: Mapping[str, str], groups: Sequence[Sequence[str]]) -> list[Matte]:
    """The matte of each of some groups of objects in one Cryptomatte; a group that is in no picture covers nothing.

    Args:
        names: of all channels of a file.
        text: its attributes.
        groups: patterns of names, as in `find_matte`.

    Raises:
        InputError: there is no Cryptomatte of objects.
    """
    if not groups:
        return []
    manifest, ranks = cryptomatte(names, text, "Object")
    return [
        Matte(
            ranks=ranks,
            identities=frozenset(manifest[n] for n in manifest if any(fnmatch.fnmatchcase(n, p) for p in patterns)),
        )
        for patterns in groups
    ]


def cryptomatte(
    names: Sequence[str], text: Mapping[str, str], kind: str
) -> tuple[dict[str, int], tuple[tuple[str, str], ...]]:
    """The identities by name of one kind of Cryptomatte, and its channels of identity and of coverage, by rank.

    Args:
        names: of all channels of a file.
        text: its attributes.
        kind: how its name ends: "Object", "Material", "Asset".

    Raises:
        InputError: it has none.
    """
    for layer, manifest in _cryptomattes(text):
        ranks = _ranks(names, layer)
        if layer.lower().endswith(kind.lower()) and ranks:
            return manifest, ranks
    raise InputError(f"it has no Cryptomatte of the kind {kind}")


def split(rgb: Floats, alpha: Floats, coverage: Floats) -> tuple[Floats, Floats]:
    """Share a picture out between the characters and the rest.

    Args:
        rgb: (H, W, 3) linear, premultiplied by `alpha`.
        alpha: (H, W) in [0, 1], of everything in the picture.
        coverage: (H, W) in [0, 1], of the characters.

    Returns:
        The characters and what is beneath them, each (H, W, 4), linear and premultiplied: laid over each other, and
        over whatever background, they are the picture over that background.
    """
    color = np.maximum(np.nan_to_num(rgb, posinf=65504, neginf=0), 0).astype(np.float32)
    coverage = np.where(coverage >= OPAQUE, np.float32(1), np.minimum(coverage, alpha)).astype(np.float32)
    alone = (coverage > 0) & (alpha - coverage <= _NOTHING)  # opaque, or at an edge with nothing behind it
    own = color * alone[..., None]
    soft = soft_pixels(coverage)
    shared = soft & ~alone
    if shared.any():
        light = coverage[soft][:, None] * separate(color, coverage).foreground
        own[shared] = np.minimum(light[shared[soft]], color[shared])
    left = np.maximum(1 - coverage, np.float32(1e-6))
    beneath_alpha = np.where(alone, 0, np.clip((alpha - coverage) / left, 0, 1))
    beneath = np.where(beneath_alpha[..., None] > 0, (color - own) / left[..., None], 0)
    return np.dstack([own, coverage]), np.dstack([beneath, beneath_alpha]).astype(np.float32)


def share_out(characters: Floats, coverages: Sequence[Floats]) -> list[Floats]:
    """Share characters out between those of whom the coverage is known.

    Args:
        characters: (H, W, 4) linear, premultiplied, as `split` gives them.
        coverages: (H, W) in [0, 1], of each.

    Returns:
        (H, W, 4) of each; together they are `characters` wherever one of them is. A pixel of several has one colour,
        which each gets its share of.
    """
    total = np.maximum(np.sum(coverages, axis=0), np.float32(1e-6))
    return [(characters * (own / total)[..., None]).astype(np.float32) for own in coverages]


def _cryptomattes(text: Mapping[str, str]) -> list[tuple[str, dict[str, int]]]:
    """(name of the layer, identity by name) of all that have a manifest; those of objects first."""
    found = []
    for key, manifest in text.items():
        if not (key.startswith("cryptomatte/") and key.endswith("/manifest")):
            continue
        try:
            identities = {str(name): int(number, 16) for name, number in json.loads(manifest).items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError("the list of names of its Cryptomatte is damaged; render it anew") from error
        found.append((text.get(key.replace("/manifest", "/name"), ""), identities))
    return sorted(found, key=lambda layer: "object" not in layer[0].lower())


def _ranks(names: Sequence[str], layer: str) -> tuple[tuple[str, str], ...]:
    """Red with green and blue with alpha of <layer>00, <layer>01 ..."""
    places = {name.lower(): name for name in names}
    pairs: list[tuple[str, str]] = []
    for rank in range(100):
        four = [places.get(f"{layer}{rank:02d}.{c}".lower()) for c in _COLOR]
        there = [(a, b) for a, b in ((four[0], four[1]), (four[2], four[3])) if a and b]
        if not there:
            break
        pairs += there
    return tuple(pairs)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) + more) or "none"
