# SPDX-License-Identifier: GPL-3.0-or-later
"""From the recipe of a data set to its render jobs: deterministic, without files and without Blender."""

from __future__ import annotations

from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.sampling.clip_pairs import clip_pairs
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.sampling.deal import Deck
from rdharmony_gen.spec.clip import ClipPlan
from rdharmony_gen.spec.dataset import DatasetSpec, places_for, styles_of, views_of
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.user_files import UserCharacter

FIRST_PLACE_STEP = 5
"""Each category begins so many places further down the list than the one before it."""

CAST = 12
"""A job names at most so many of the user's characters: who it shows comes first, then others to fall back on."""


def job_ids(spec: DatasetSpec) -> list[tuple[str, int, str]]:
    """(category, view, job id) of all jobs, category by category, view by view.

    The places that fit a category take turns, each category starting from another one, so that a few views of many
    categories show many places. View i is in variant (i // places) // views_per_scene of its place. A job does not
    depend on how many views or categories there are, so a set can grow.

    Raises:
        ConfigError: no scene of the recipe fits a category.
    """
    return [(c, view, _job_id(spec, c, view)) for c in spec.categories for view in range(views_of(spec, c))]


def plan_job(spec: DatasetSpec, category: str, view: int) -> RenderJob:
    """The job of one view; drawing its ten skies takes most of a second."""
    scene, variation = _place(spec, category, view)
    job_id = _job_id(spec, category, view)
    own = next((s for s in spec.user_scenes if s.name == scene), None)
    styles, clip = styles_of(spec), None
    if spec.clip:
        clip = ClipPlan(spec.clip, clip_pairs(spec.seed, job_id, [s.style_id for s in styles], spec.clip_pairs))
        styles = tuple(s for s in styles if any(s.style_id in pair for pair in clip.pairs))
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
        conditions=sample_conditions(spec.seed, scene, variation, view, styles, indoor=own.indoor if own else None),
        subjects=spec.subjects,
        characters=_cast(spec, category, view),
        user_scene=own,
        strategy=spec.strategy,
        renderer=spec.renderer,
        clip=clip,
    )


def _place(spec: DatasetSpec, category: str, view: int) -> tuple[str, int]:
    places = places_for(spec, category)
    first = FIRST_PLACE_STEP * tuple(CATEGORY_FOLDERS).index(category)
    return places[(first + view) % len(places)], view // len(places) // spec.views_per_scene


def _cast(spec: DatasetSpec, category: str, view: int) -> tuple[UserCharacter, ...]:
    """Who of the user's characters may appear in a view, in the order in which they are tried."""
    fit = {c.asset_id: c for c in spec.characters if c.category == category}
    if not fit:
        return ()
    deck = Deck(spec.seed, f"cast/{category}", dict.fromkeys(fit, 1.0))
    return tuple(fit[name] for name in deck.hand(view * spec.subjects, spec.subjects)[:CAST])


def _job_id(spec: DatasetSpec, category: str, view: int) -> str:
    scene, variation = _place(spec, category, view)
    return f"{CATEGORY_FOLDERS[category]}/{scene}_{variation:02d}_v{view:03d}"
