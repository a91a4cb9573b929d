# SPDX-License-Identifier: GPL-3.0-or-later
"""From the recipe of a data set to its render jobs: deterministic, without files and without Blender."""

from __future__ import annotations

from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.dataset import DatasetSpec, fitting_scenes, styles_of
from rdharmony_gen.spec.job import RenderJob


def job_ids(spec: DatasetSpec) -> list[tuple[str, int, str]]:
    """(category, view, job id) of all jobs, category by category, view by view.

    View i shows scene kind i modulo the number of kinds that fit its category, in that kind's variant
    (i // kinds) // views_per_scene. A job does not depend on how many views there are, so a set can grow.

    Raises:
        ConfigError: no scene of the recipe fits a category.
    """
    return [(c, view, _job_id(spec, c, view)) for c in spec.categories for view in range(spec.views)]


def plan_job(spec: DatasetSpec, category: str, view: int) -> RenderJob:
    """The job of one view; drawing its ten skies takes most of a second."""
    scene, variation = _place(spec, category, view)
    job_id = _job_id(spec, category, view)
    return RenderJob(
        job_id=job_id,
        category=category,
        scene=scene,
        scene_id=job_id.partition("/")[2],
        variation=variation,
        view=view,
        seed=spec.seed,
        width=spec.width,
        height=spec.height,
        samples=spec.samples,
        conditions=sample_conditions(spec.seed, scene, variation, view, styles_of(spec)),
    )


def _place(spec: DatasetSpec, category: str, view: int) -> tuple[str, int]:
    kinds = fitting_scenes(category, spec.scenes)
    return kinds[view % len(kinds)], view // len(kinds) // spec.views_per_scene


def _job_id(spec: DatasetSpec, category: str, view: int) -> str:
    scene, variation = _place(spec, category, view)
    return f"{CATEGORY_FOLDERS[category]}/{scene}_{variation:02d}_v{view:03d}"
