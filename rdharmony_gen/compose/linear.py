# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept renders as linear views: the light that the pictures of a set are developed from, for training to compose anew.

What lies between a render and its picture and needs this program (air, metering, white balance) is done here; what
does not (separation of colours, exchange, view transform) is left to the reader (`harmonize_core.data`).
"""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from harmonize_core.errors import ConfigError, DatasetError
from harmonize_core.formats.linear_views import LinearView, path_of, write_view
from harmonize_core.formats.rdharmony import place_of
from rdharmony_gen.compose.develop import expose
from rdharmony_gen.compose.renders import Renders, read_geometry
from rdharmony_gen.compose.view import is_rendered, refuse_escape
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.dataset import DatasetSpec, split_of
from rdharmony_gen.spec.job import RenderJob, read_job
from rdharmony_gen.spec.layout import SetLayout


def linear_views(layout: SetLayout, spec: DatasetSpec, out: Path, *, quiet: bool = False) -> int:
    """Write the linear view of every rendered view of a set whose file is not there or older than its renders.

    Returns: how many views `out` has of the set.

    Raises:
        ConfigError: a set of clips.
        DatasetError: no renders were kept.
        InputError: a render is damaged.
        OutputError: `out` cannot be written to.
    """
    if spec.clip:
        raise ConfigError(f"{layout.root} should hold stills but holds clips; linear views are made of stills only")
    jobs = [read_job(layout.job(i)) for _, _, i in job_ids(spec) if layout.job(i).is_file()]
    for job in jobs:
        refuse_escape(layout, job)
    rendered = [job for job in jobs if is_rendered(layout, job)]
    if not rendered:
        raise DatasetError(f"{layout.root} should hold renders but has none; make the set with --keep-renders")
    missing = [job for job in rendered if not _is_made(layout, job, out)]
    for job in tqdm(missing, "writing", unit="view", disable=quiet, mininterval=0.5):
        _write(layout, spec, job, out)
    return len(rendered)


def _is_made(layout: SetLayout, job: RenderJob, out: Path) -> bool:
    file, note = path_of(out, job.job_id), layout.renders(job.job_id) / "view.json"
    return file.is_file() and file.stat().st_mtime >= note.stat().st_mtime


def _write(layout: SetLayout, spec: DatasetSpec, job: RenderJob, out: Path) -> None:
    folder = layout.renders(job.job_id)
    renders = Renders(folder, job)
    coverage = renders.coverage()
    air = renders.air(coverage, read_geometry(folder / "view.json"))
    exposed = [expose(renders.light(c, air), c, spec.view_transform, coverage)[0] for c in job.conditions]
    view = LinearView(
        path=path_of(out, job.job_id),
        scene_id=job.scene_id,
        place=place_of(job.scene_id),
        split=split_of(spec, job.scene),
        styles=tuple(c.style_id for c in job.conditions),
        view_transform=spec.view_transform,
    )
    write_view(view, exposed, coverage, renders.shares())
