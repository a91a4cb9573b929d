# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the composed views into the set's own files: manifest, labels, splits, dataset.json, credits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from harmonize_core.formats import hyoutube
from harmonize_core.formats.images import write_text
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS, LabelLine, format_label_line, soft_label
from rdharmony_gen.compose.credits import (
    credits_text,
    published,
    published_condition,
    published_style,
    used_assets,
)
from rdharmony_gen.compose.view import composed_record
from rdharmony_gen.library import Asset
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.clip import SUFFIX, ClipNames
from rdharmony_gen.spec.codec import encode, encode_line
from rdharmony_gen.spec.dataset import SPLITS, DatasetSpec, label_length, styles_of
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.records import ClipRecord, Record, TripletLine, ViewRecord

FORMAT = "rdharmony/1"


@dataclass(frozen=True)
class Counts:
    """How much of everything the set holds."""

    views: int
    real_images: int
    composites: int


def composed_views(layout: SetLayout, spec: DatasetSpec) -> list[Record]:
    """Records of all views that are composed, in the order of the plan."""
    ids = [job_id for _, _, job_id in job_ids(spec)]
    return [record for i in ids if (record := composed_record(layout, i))]


def collect(layout: SetLayout, spec: DatasetSpec) -> Counts:
    """Write the files that speak of the whole set; they hold nothing that changes from run to run.

    Raises:
        OutputError: a file could not be written.
    """
    records = composed_views(layout, spec)
    write_text(layout.manifest, "".join(encode_line(line) + "\n" for r in records for line in _lines(r)))
    for path, lines in list_files(layout, spec, records).items():
        write_text(path, "".join(f"{line}\n" for line in lines))
    used = used_assets(records, spec)
    counts = counts_of(records)
    write_text(layout.dataset, encode(_dataset(spec, records, used, counts)))
    write_text(layout.credits, credits_text(used))
    return counts


def counts_of(records: Sequence[Record]) -> Counts:
    """Views and pictures; every frame of a clip is a picture."""
    frames = [r.view.frames if isinstance(r, ClipRecord) else 1 for r in records]
    reals = sum(n * len(r.reals) for n, r in zip(frames, records, strict=True))
    return Counts(len(records), reals, sum(n * len(r.triplets) for n, r in zip(frames, records, strict=True)))


def list_files(layout: SetLayout, spec: DatasetSpec, records: Sequence[Record]) -> dict[Path, list[str]]:
    """The lists that loaders read, and their lines: labels and splits of RdHarmony, root and subset lists of iHarmony4.

    The list of the whole set's split comes before those of its categories. Of clips: those of HYouTube.
    """
    if spec.layout == "hyoutube":
        return _clip_lists(layout, records)
    lists: dict[Path, list[str]] = {}
    if spec.layout == "rdharmony":
        for category in spec.categories:
            own = [r for r in records if isinstance(r, ViewRecord) and r.view.category == category]
            lists[layout.labels(CATEGORY_FOLDERS[category])] = [
                _label(t, r, label_length(spec)) for r in own for t in r.triplets
            ]
    for split in SPLITS:
        chosen = [(r, t.composite) for r in records if r.view.split == split for t in r.triplets]
        lists[split_list(layout, spec, split)] = [path for _, path in chosen]
        if spec.layout == "iharmony4":
            for category in spec.categories:
                names = [PurePosixPath(path).name for r, path in chosen if r.view.category == category]
                lists[layout.subset_list(CATEGORY_FOLDERS[category], split)] = names
    return lists


def _clip_lists(layout: SetLayout, records: Sequence[Record]) -> dict[Path, list[str]]:
    """Clips and frames of each split."""
    lists: dict[Path, list[str]] = {}
    for split in SPLITS:
        clips = lists[hyoutube.clip_list(layout.root, split)] = []
        frames = lists[hyoutube.frame_list(layout.root, split)] = []
        for record in records:
            if not isinstance(record, ClipRecord) or record.view.split != split:
                continue
            names = ClipNames(CATEGORY_FOLDERS.get(record.view.category, "S"), record.view.scene_id)
            for triplet in record.triplets:
                video, thing = names.video(triplet.bg_style), names.thing(triplet.fg_style)
                clips.append(hyoutube.clip_line(video, thing))
                frames += hyoutube.frame_lines(video, thing, record.view.frames, SUFFIX)
    return lists


def split_list(layout: SetLayout, spec: DatasetSpec, split: str) -> Path:
    """The file that lists the composites of a split of the whole set as paths."""
    return layout.split(split) if spec.layout == "rdharmony" else layout.root_list(split)


def engines_of(records: Sequence[Record]) -> list[str]:
    """Renderers and Blender versions of a set's views, for instance `["Cycles, Blender 4.5.15 LTS"]`."""
    names = {"cycles": "Cycles", "eevee": "EEVEE"}
    facts = [r.view.geometry for r in records]
    found = {(str(f.get("renderer", "cycles")), str(f.get("blender", "unknown"))) for f in facts}
    return sorted(f"{names.get(renderer, renderer)[:40]}, Blender {version[:40]}" for renderer, version in found)


def _lines(record: Record) -> list[object]:
    reals = [replace(real, condition=published_condition(real.condition)) for real in record.reals]
    return [record.view, *reals, *record.triplets]


def _label(triplet: TripletLine, record: ViewRecord, styles: int) -> str:
    soft = soft_label(triplet.bg_style, triplet.fg_style, record.view.fg_ratio, styles)
    return format_label_line(LabelLine(PurePosixPath(triplet.composite), soft, triplet.bg_style))


def _dataset(spec: DatasetSpec, records: Sequence[Record], used: list[Asset], counts: Counts) -> dict:
    scenes: dict[str, int] = {}
    for record in records:
        scenes[record.view.scene] = scenes.get(record.view.scene, 0) + 1
    return {
        "format": FORMAT,
        "generator": f"rdharmony {_own_version()}",
        "engine": engines_of(records),
        "seed": spec.seed,
        "spec": published(spec),
        "counts": asdict(counts) | {"views_by_scene": scenes},
        "splits": {s: counts_of([r for r in records if r.view.split == s]).composites for s in SPLITS},
        "styles": [published_style(style) for style in styles_of(spec)],
        "assets": [
            {"id": a.id, "title": a.title, "licence": a.licence, "author": a.author, "source": a.source} for a in used
        ],
    }


def _own_version() -> str:
    try:
        return version("rdharmony")
    except PackageNotFoundError:
        return "unknown"
