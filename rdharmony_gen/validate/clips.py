# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of clips: every frame as a still, names, motion, renders, and the lists as their reader sees them."""

from __future__ import annotations

from collections.abc import Iterator

from harmonize_core.errors import HarmonizeError
from harmonize_core.formats import hyoutube
from harmonize_core.formats.images import read_lines
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.compose.collect import SPLITS, list_files
from rdharmony_gen.spec.clip import ClipNames, frame_folder
from rdharmony_gen.spec.dataset import DatasetSpec, split_of
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.records import ClipRecord
from rdharmony_gen.validate.checks import Problem, check_pictures, check_renders


def check_clip(layout: SetLayout, spec: DatasetSpec, record: ClipRecord) -> list[Problem]:
    """Everything about one view of clips: opens every frame of every video."""
    view = record.view
    problems = list(_names(spec, record))
    for index in range(view.frames):
        problems += check_pictures(layout.root, spec, record.still(index))
    for real in record.reals:
        if len(set(real.sha256)) < view.frames:
            problems.append(Problem(real.path, "should change from frame to frame but shows a frame twice"))
    folder = layout.renders(f"{CATEGORY_FOLDERS.get(view.category, '?')}/{view.scene_id}")
    if (folder / "view.json").is_file():
        styles = [r.condition.style for r in record.reals]
        for index in range(view.frames):
            problems += check_renders(folder / frame_folder(index), spec, styles)
    return problems


def check_lists(layout: SetLayout, spec: DatasetSpec, records: list[ClipRecord]) -> Iterator[Problem]:
    """The lists of clips and frames against the manifest; and clips as `harmonize_core.formats.hyoutube` finds them."""
    for record in records:
        view = record.view
        if view.split != split_of(spec, view.scene):
            yield Problem(view.alpha, f"belongs to the split {split_of(spec, view.scene)} but is in {view.split}")
    for file, wanted in list_files(layout, spec, records).items():
        name = file.relative_to(layout.root).as_posix()
        try:
            found = read_lines(file)
        except HarmonizeError as error:
            yield Problem(name, str(error))
            continue
        if found != wanted:
            known = set(wanted)
            extra = next((line for line in found if line not in known), "")
            what = f"names {extra[:200]}" if extra else f"has {len(found)} in another order"
            yield Problem(name, f"should list the {len(wanted)} lines of the manifest but {what}")
    for split in SPLITS:
        try:
            hyoutube.list_clips(layout.root, split)
        except HarmonizeError as error:
            yield Problem(hyoutube.clip_list(layout.root, split).name, str(error))


def _names(spec: DatasetSpec, record: ClipRecord) -> Iterator[Problem]:
    """Names as the layout has them, and as many frames and pairs of styles as the recipe asks for."""
    view = record.view
    names = ClipNames(CATEGORY_FOLDERS.get(view.category, "?"), view.scene_id)
    named = [(view.alpha, names.alpha()), *((r.path, names.real(r.style)) for r in record.reals)]
    for t in record.triplets:
        pair = (t.bg_style, t.fg_style)
        named += [(t.composite, names.composite(*pair)), (t.mask, names.mask(*pair)), (t.real, names.real(t.bg_style))]
    for path, wanted in named:
        if path != wanted:
            yield Problem(path, f"should be named {wanted}")
    if view.frames != spec.clip:
        yield Problem(view.alpha, f"should have {spec.clip} frames but has {view.frames}")
    pairs = [(t.bg_style, t.fg_style) for t in record.triplets]
    count = min(spec.clip_pairs, len(spec.styles) * (len(spec.styles) - 1))
    good = len(set(pairs)) == len(pairs) == count and all(a != b for a, b in pairs)
    if not good or {s for pair in pairs for s in pair} != {r.style for r in record.reals}:
        yield Problem(view.alpha, f"should have {count} ordered pairs of different styles, and real videos of these")
