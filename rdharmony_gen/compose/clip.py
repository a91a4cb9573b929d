# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose one rendered clip: its real videos, composite videos, masks and alphas frame by frame, and its record.

Exposure is measured in every frame and locked to the median over the clip, as a camera with locked exposure: nothing
flickers, and what the subject does changes no background.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.formats.images import write_alpha16, write_mask, write_text
from rdharmony_gen.compose.develop import expose_by, meter
from rdharmony_gen.compose.exchange import Layers, exchange, separate
from rdharmony_gen.compose.renders import Renders, read_geometry
from rdharmony_gen.compose.view import LUMA, refuse_escape, sha256_of, write_picture
from rdharmony_gen.spec.clip import FPS, ClipNames, frame_folder, frames_of
from rdharmony_gen.spec.codec import encode
from rdharmony_gen.spec.dataset import DatasetSpec, split_of
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.layout import SetLayout, inside
from rdharmony_gen.spec.records import ClipLine, ClipRealLine, ClipRecord, ClipTripletLine


def compose_clip(layout: SetLayout, spec: DatasetSpec, job: RenderJob, *, keep_renders: bool) -> ClipRecord:
    """Turn the renders of one job of a clip into video triplets; raises as `compose.view.compose_view`."""
    refuse_escape(layout, job)
    assert job.clip is not None
    count, names = job.clip.frames, ClipNames(job.folder, job.scene_id)
    folder = layout.renders(job.job_id)
    geometry = read_geometry(folder / "view.json")
    frames = [Renders(folder / frame_folder(i), job) for i in range(count)]
    moments = _moments(geometry, count, folder / "view.json")
    exposure = _locked_exposures(spec, job, frames, moments)

    styles = [c.style_id for c in job.conditions]
    reals: dict[int, list[str]] = {s: [] for s in styles}
    lumas: dict[int, list[float]] = {s: [] for s in styles}
    composites: dict[tuple[int, int], list[str]] = {pair: [] for pair in job.clip.pairs}
    changes: dict[tuple[int, int], list[float]] = {pair: [] for pair in job.clip.pairs}
    alphas, masks, ratios = [], [], []
    for number, (renders, moment) in enumerate(zip(frames, moments, strict=True)):
        coverage = renders.coverage()
        strict, air = coverage >= 0.5, renders.air(coverage, moment)
        path = inside(layout.root, frames_of(names.alpha(), count, ".png")[number])
        write_alpha16(path, coverage)
        alphas.append(sha256_of(path))
        layers: dict[int, Layers] = {}
        for condition in job.conditions:
            style = condition.style_id
            exposed = expose_by(exposure[style], renders.light(condition, air), condition)
            layer = layers[style] = separate(exposed, coverage, spec.view_transform)
            path = inside(layout.root, frames_of(names.real(style), count)[number])
            reals[style].append(write_picture(path, layer.picture))
            lumas[style].append(round(float((layer.picture @ LUMA).mean() / 255), 4))
        for bg_style, fg_style in job.clip.pairs:
            composite = exchange(layers[bg_style], layers[fg_style], coverage)
            path = inside(layout.root, frames_of(names.composite(bg_style, fg_style), count)[number])
            composites[bg_style, fg_style].append(write_picture(path, composite))
            changes[bg_style, fg_style].append(_change(composite, layers[bg_style].picture, strict))
            path = inside(layout.root, frames_of(names.mask(bg_style, fg_style), count, ".png")[number])
            write_mask(path, coverage)
        masks.append(sha256_of(path))
        ratios.append(round(float(strict.mean()), 6))

    view = ClipLine(
        kind="clip",
        scene_id=job.scene_id,
        category=job.category,
        scene=job.scene,
        variation=job.variation,
        split=split_of(spec, job.scene),
        frames=count,
        fps=FPS,
        alpha=names.alpha(),
        alpha_sha256=tuple(alphas),
        mask_sha256=tuple(masks),
        fg_ratio=tuple(ratios),
        geometry=geometry,
    )
    real_lines = [
        ClipRealLine(
            kind="clip_real",
            scene_id=job.scene_id,
            style=c.style_id,
            path=names.real(c.style_id),
            sha256=tuple(reals[c.style_id]),
            exposure_ev=exposure[c.style_id],
            white_balance=c.white_balance,
            luma=tuple(lumas[c.style_id]),
            condition=c,
        )
        for c in job.conditions
    ]
    triplet_lines = [
        ClipTripletLine(
            kind="clip_triplet",
            scene_id=job.scene_id,
            bg_style=bg_style,
            fg_style=fg_style,
            composite=names.composite(bg_style, fg_style),
            sha256=tuple(composites[bg_style, fg_style]),
            mask=names.mask(bg_style, fg_style),
            real=names.real(bg_style),
            fg_change=round(float(np.mean(changes[bg_style, fg_style])), 4),
        )
        for bg_style, fg_style in job.clip.pairs
    ]
    record = ClipRecord(view, tuple(real_lines), tuple(triplet_lines))
    write_text(layout.view_record(job.job_id), encode(record))
    if not keep_renders:
        shutil.rmtree(layout.renders(job.job_id))
    return record


def _moments(geometry: dict, count: int, path: Path) -> list[dict]:
    """What is known about each frame: the view, with the camera where it is then; a file without it is removed."""
    frames = geometry.get("frames")
    if not isinstance(frames, list) or len(frames) != count or not all(isinstance(f, dict) for f in frames):
        path.unlink(missing_ok=True)
        raise InputError(f"{path} should tell {count} frames but does not; render the view again")
    return [geometry | frame for frame in frames]


def _locked_exposures(
    spec: DatasetSpec, job: RenderJob, frames: Sequence[Renders], moments: Sequence[dict]
) -> dict[int, float]:
    """Stops of each style by its number."""
    metered: dict[int, list[float]] = {c.style_id: [] for c in job.conditions}
    for renders, moment in zip(frames, moments, strict=True):
        coverage = renders.coverage()
        air = renders.air(coverage, moment)
        for condition in job.conditions:
            light = renders.light(condition, air)
            metered[condition.style_id].append(meter(light, condition, spec.view_transform, coverage))
    return {style: round(float(np.median(found)), 4) for style, found in metered.items()}


def _change(composite: NDArray[np.uint8], real: NDArray[np.uint8], strict: NDArray[np.bool_]) -> float:
    """Mean absolute difference inside the mask, sRGB 0..1."""
    return float(np.abs(composite[strict].astype(np.int16) - real[strict]).mean() / 255)
