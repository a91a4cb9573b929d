# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose one rendered view: its real images, composites, mask and alpha as files, and its lines of the manifest.

Names as `spec.naming` says, in the RdHarmony or the iHarmony4 layout; `alpha/` is ours in both.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harmonize_core.errors import DatasetError, HarmonizeError
from harmonize_core.formats.images import write_alpha16, write_bytes, write_mask, write_text
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.compose.develop import expose
from rdharmony_gen.compose.exchange import Layers, exchange, separate
from rdharmony_gen.compose.renders import Renders, read_geometry
from rdharmony_gen.spec.codec import decode, encode
from rdharmony_gen.spec.dataset import DatasetSpec, split_of
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.layout import SetLayout, inside
from rdharmony_gen.spec.naming import ViewNames
from rdharmony_gen.spec.records import (
    ClipRecord,
    RealLine,
    Record,
    SubjectAlpha,
    TripletLine,
    ViewLine,
    ViewRecord,
    files_of,
    read_clips,
    read_manifest,
)

JPEG_QUALITY = 95
LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float64)
SCENE_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def is_rendered(layout: SetLayout, job: RenderJob) -> bool:
    """Whether all renders of a job are there; `view.json` is the last file that a renderer writes."""
    folder = layout.renders(job.job_id)
    return all((folder / name).is_file() for name in job.renders)


def is_composed(layout: SetLayout, job_id: str) -> bool:
    """Whether a view's pictures are all there, by its record; a view with a missing file is composed again."""
    return composed_record(layout, job_id) is not None


def composed_record(layout: SetLayout, job_id: str) -> Record | None:
    """The record of a view whose pictures are all there, else None; a record that cannot be read counts as none."""
    record = _record(layout, job_id)
    with contextlib.suppress(HarmonizeError, IndexError):
        if record and all(inside(layout.root, name).is_file() for name in files_of(record)):
            return record
    return None


def _record(layout: SetLayout, job_id: str) -> Record | None:
    for kind in (ViewRecord, ClipRecord):
        with contextlib.suppress(HarmonizeError):
            return decode(layout.view_record(job_id), kind)
    return None


def restore_records(layout: SetLayout, job_ids: Iterable[str]) -> None:
    """Write the records that are missing or unreadable for these jobs as the manifest has them; without one, nothing.

    So a finished set whose `.rdharmony/` was deleted or damaged is not made again.
    """
    missing = [i for i in job_ids if _record(layout, i) is None]
    if not missing:
        return
    records: list[Record] = []
    for read in (read_manifest, read_clips):
        with contextlib.suppress(HarmonizeError):
            records += read(layout.manifest)
    known = {f"{CATEGORY_FOLDERS.get(r.view.category)}/{r.view.scene_id}": r for r in records}
    for job_id in missing:
        if job_id in known:
            write_text(layout.view_record(job_id), encode(known[job_id]))


def compose_view(layout: SetLayout, spec: DatasetSpec, job: RenderJob, *, keep_renders: bool) -> ViewRecord:
    """Turn the renders of one job into triplets; files of the same name are replaced, each atomically.

    Raises:
        InputError: a render is missing or damaged; a damaged one is removed, so that the next try renders it again.
        DatasetError: the job's names, or a link in the set, lead elsewhere.
        OutputError: a picture could not be written.
    """
    refuse_escape(layout, job)
    folder = layout.renders(job.job_id)
    renders = Renders(folder, job)
    coverage, geometry = renders.coverage(), read_geometry(folder / "view.json")
    names = ViewNames(spec.layout, job.folder, job.scene_id, f".{spec.format}")
    masks = list(dict.fromkeys(names.mask(c.style_id) for c in job.conditions))
    for name in masks:
        write_mask(inside(layout.root, name), coverage)
    write_alpha16(inside(layout.root, names.alpha()), coverage)
    subjects = _write_subjects(layout, renders.shares(), names)
    strict = coverage >= 0.5
    air = renders.air(coverage, geometry)

    layers: dict[int, Layers] = {}
    reals = []
    for condition in job.conditions:
        light = renders.light(condition, air)
        exposed, exposure_ev, gains = expose(light, condition, spec.view_transform, coverage)
        layer = layers[condition.style_id] = separate(exposed, coverage, spec.view_transform)
        path = names.real(condition.style_id)
        digest = write_picture(inside(layout.root, path), layer.picture)
        reals.append(
            RealLine(
                kind="real",
                scene_id=job.scene_id,
                style=condition.style_id,
                path=path,
                sha256=digest,
                exposure_ev=round(float(exposure_ev), 4),
                white_balance=gains,
                luma=round(float((layer.picture @ LUMA).mean() / 255), 4),
                condition=condition,
            )
        )
    real_of = {r.style: r.path for r in reals}
    triplets = []
    for bg_style, fg_style in permutations(layers, 2):
        real, donor = layers[bg_style], layers[fg_style]
        composite = exchange(real, donor, coverage)
        path = names.composite(bg_style, fg_style)
        change = np.abs(composite[strict].astype(np.int16) - real.picture[strict]).mean() / 255
        triplets.append(
            TripletLine(
                kind="triplet",
                scene_id=job.scene_id,
                bg_style=bg_style,
                fg_style=fg_style,
                composite=path,
                sha256=write_picture(inside(layout.root, path), composite),
                mask=names.mask(bg_style),
                real=real_of[bg_style],
                fg_change=round(float(change), 4),
            )
        )
    view = ViewLine(
        kind="view",
        scene_id=job.scene_id,
        category=job.category,
        scene=job.scene,
        variation=job.variation,
        split=split_of(spec, job.scene),
        mask=masks[0],
        mask_sha256=sha256_of(layout.root / masks[0]),
        alpha=names.alpha(),
        alpha_sha256=sha256_of(layout.root / names.alpha()),
        fg_ratio=round(float(strict.mean()), 6),
        geometry=geometry,
        subjects=subjects,
    )
    record = ViewRecord(view, tuple(reals), tuple(triplets))
    write_text(layout.view_record(job.job_id), encode(record))
    if not keep_renders:
        shutil.rmtree(layout.renders(job.job_id))
    return record


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_escape(layout: SetLayout, job: RenderJob) -> None:
    """A job names folders that are written to and removed: it must stay in the set and be called as jobs are."""
    folder, _, scene_id = job.job_id.partition("/")
    if folder not in CATEGORY_FOLDERS.values() or scene_id != job.scene_id or not SCENE_ID.fullmatch(scene_id):
        wanted = f"{CATEGORY_FOLDERS.get(job.category, 'SHuman')}/park_00_v000"
        raise DatasetError(f"the job {job.job_id[:200]!r} should be called like {wanted}; run rdharmony plan again")
    inside(layout.root, f"renders/{job.job_id}/view.json")


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> str:
    """Encode by suffix, write atomically, and return the SHA-256 of the file."""
    buffer = io.BytesIO()
    if path.suffix == ".jpg":
        Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=6)
    data = buffer.getvalue()
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def _write_subjects(layout: SetLayout, shares: list[NDArray[np.float64]], names: ViewNames) -> tuple[SubjectAlpha, ...]:
    """The alphas of the single subjects of a view that has several."""
    written = []
    for number, share in enumerate(shares, 1):
        name = names.alpha(number)
        write_alpha16(inside(layout.root, name), share)
        written.append(SubjectAlpha(name, sha256_of(layout.root / name)))
    return tuple(written)
