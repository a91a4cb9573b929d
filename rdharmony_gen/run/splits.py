# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a recipe whose views leave a split empty: better now than after a night of rendering."""

from __future__ import annotations

from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.dataset import SPLITS, TEST_SCENES, VAL_SCENES, DatasetSpec, places_for, split_of


def note_on_splits(spec: DatasetSpec) -> str:
    """One line on the splits that no planned view is in, and what to do; nothing if all have some."""
    scenes = {job_id.partition("/")[2].rsplit("_", 2)[0] for _, _, job_id in job_ids(spec)}
    filled = {split_of(spec, scene) for scene in scenes}
    empty = [split for split in SPLITS if split not in filled]
    if not empty:
        return ""
    places = {place for category in spec.categories for place in places_for(spec, category)}
    few = {split_of(spec, place) for place in places} >= set(empty)
    usual = f"if none are named, {TEST_SCENES[0]} is for test and {VAL_SCENES[0]} for val"
    wish = "ask for more --views" if few else f"begin a set with --test-scenes and --val-scenes of its places ({usual})"
    so = ", so training validates on test" if empty == ["val"] else ""
    return f"no view is in the {'splits' if len(empty) > 1 else 'split'} {' and '.join(empty)}{so}; {wish}"
