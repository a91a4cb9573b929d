# SPDX-License-Identifier: GPL-3.0-or-later
"""The samples of a pack: which files and facts one triplet becomes, and the order in which they are streamed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harmonize_core.errors import DatasetError
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS, soft_label
from rdharmony_gen.spec.codec import encode_line
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.records import RealLine, TripletLine, ViewRecord, asset_ids


@dataclass(frozen=True, slots=True)
class Sample:
    """One triplet as members of a tar file, all called `<key>.<field>`; holds no more than what the manifest said."""

    record: ViewRecord
    triplet: TripletLine

    @property
    def key(self) -> str:
        """Holds no dot: readers take what follows the first one as the field."""
        view = self.record.view
        folder = CATEGORY_FOLDERS.get(view.category, "S")
        return f"{folder}_{view.scene_id}-{self.triplet.bg_style}_{self.triplet.fg_style}"

    @property
    def files(self) -> tuple[tuple[str, str, str], ...]:
        """Field, path below the set's root, SHA-256."""
        real = _real(self.record, self.triplet.bg_style)
        suffix = real.path.rpartition(".")[2]
        return (
            (f"composite.{suffix}", self.triplet.composite, self.triplet.sha256),
            ("mask.png", self.triplet.mask, self.record.view.mask_sha256),
            (f"real.{suffix}", real.path, real.sha256),
        )


@dataclass(frozen=True)
class Facts:
    """What `<key>.json` says; the same keys and types in every sample."""

    key: str
    category: str
    scene: str
    scene_id: str
    split: str
    bg_style: int
    bg_style_name: str
    fg_style: int
    fg_style_name: str
    style_soft: tuple[float, ...]
    """Share of the composite's area under each style, by number from 1."""
    style_hard: int
    """Style number of the real image."""
    fg_ratio: float
    fg_change: float
    """Mean absolute difference of composite and real inside the mask, sRGB 0..1."""
    exposure_ev: float
    white_balance: tuple[float, ...]
    assets: tuple[str, ...]
    licences: tuple[str, ...]
    """SPDX expressions of the assets, each once."""


def samples_of(spec: DatasetSpec, records: Iterable[ViewRecord]) -> list[Sample]:
    """All triplets in the order of a shuffle that depends on the seed and the keys alone.

    Neighbours in a shard are thus of different views, as training wants them; adding views does not reorder the rest.
    """
    found = [Sample(record, triplet) for record in records for triplet in record.triplets]
    return sorted(found, key=lambda s: hashlib.sha256(f"{spec.seed}/{s.key}".encode()).digest())


def facts_text(sample: Sample, styles: int, licences: Mapping[str, str]) -> bytes:
    """The member `json`.

    Args:
        sample: The triplet.
        styles: Length of the soft label.
        licences: SPDX expression by asset id.

    Raises:
        DatasetError: a style has no real image, or a number beyond the label.
    """
    view, triplet = sample.record.view, sample.triplet
    real, donor = _real(sample.record, triplet.bg_style), _real(sample.record, triplet.fg_style)
    if max(triplet.bg_style, triplet.fg_style) > styles:
        raise DatasetError(f"{triplet.composite} should be of styles 1 to {styles} but is not; run rdharmony compose")
    used = asset_ids(view)
    facts = Facts(
        key=sample.key,
        category=view.category,
        scene=view.scene,
        scene_id=view.scene_id,
        split=view.split,
        bg_style=triplet.bg_style,
        bg_style_name=real.condition.style,
        fg_style=triplet.fg_style,
        fg_style_name=donor.condition.style,
        style_soft=tuple(round(v, 6) for v in soft_label(triplet.bg_style, triplet.fg_style, view.fg_ratio, styles)),
        style_hard=triplet.bg_style,
        fg_ratio=view.fg_ratio,
        fg_change=triplet.fg_change,
        exposure_ev=real.exposure_ev,
        white_balance=tuple(real.white_balance),
        assets=tuple(used),
        licences=tuple(sorted({licences[name] for name in used if name in licences})),
    )
    return encode_line(facts).encode()


def _real(record: ViewRecord, style: int) -> RealLine:
    found = next((r for r in record.reals if r.style == style), None)
    if found is None:
        raise DatasetError(f"{record.view.scene_id} should have a real image of style {style}; run rdharmony compose")
    return found
