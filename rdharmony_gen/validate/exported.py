# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a set that the Blender extension exported: no recipe says what it should hold, so its manifest does.

Shots of several sizes may share such a set, and before a plate, whose light nobody can change, a view has one real
image. All other rules are those of generated sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from harmonize_core.errors import DatasetError, HarmonizeError, InputError
from harmonize_core.formats.images import image_size
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.compose.collect import list_files
from rdharmony_gen.spec.dataset import DatasetSpec, make_spec
from rdharmony_gen.spec.layout import SetLayout, inside
from rdharmony_gen.spec.records import ViewRecord, files_of, read_manifest
from rdharmony_gen.validate.checks import Problem, check_names, check_pictures
from rdharmony_gen.validate.dataset import (
    Validation,
    check_labels,
    check_splits,
    check_strays,
    check_summary,
    read_dataset_file,
)

STATE = ".harmonize"
"""What the extension knows of finished views; not part of the set."""


def is_exported(root: Path) -> bool:
    """Whether the extension wrote the set."""
    return (root / STATE).is_dir() and not SetLayout(root).spec.is_file()


def validate_exported(root: Path, *, quiet: bool = True) -> Validation:
    """Look at everything in the exported set at `root`.

    Raises:
        InputError: its lists cannot be read.
        DatasetError: dataset.json or manifest are broken as a whole.
    """
    layout = SetLayout(root)
    if not layout.manifest.is_file():
        raise InputError(
            f"{root} should have a list of its pictures, manifest.jsonl, but has none; export a frame again"
        )
    records = [*read_manifest(layout.manifest)]
    if not records:
        raise DatasetError(f"{layout.manifest} should list at least one view but is empty; export the shot again")
    for name in (name for record in records for name in files_of(record)):
        inside(layout.root, name)
    spec = _spec_of(records)
    problems = [*_dataset_file(layout, records)]
    for record in tqdm(records, desc="validate", unit="view", disable=quiet, leave=False):
        problems += _view(layout, spec, record)
    problems += [*check_labels(layout, spec, records), *check_splits(layout, spec, records)]
    problems += _strays(layout, spec, records)
    return Validation(len(records), sum(len(files_of(r)) for r in records), tuple(problems))


def _spec_of(records: list[ViewRecord]) -> DatasetSpec:
    """A recipe with what the manifest says of categories and of the part that each place is in; its sizes are none."""
    parts: dict[str, str] = {}
    for record in records:
        parts.setdefault(record.view.scene, record.view.split)
    held_out = {part: tuple(sorted(p for p, found in parts.items() if found == part)) for part in ("test", "val")}
    found = {record.view.category for record in records}
    categories = tuple(category for category in CATEGORY_FOLDERS if category in found)
    spec = make_spec(format="png")
    return replace(spec, categories=categories, test_scenes=held_out["test"], val_scenes=held_out["val"])


def _view(layout: SetLayout, spec: DatasetSpec, record: ViewRecord) -> Iterator[Problem]:
    mask = record.view.mask
    try:
        height, width = image_size(inside(layout.root, mask))
    except HarmonizeError as error:
        yield Problem(mask, str(error))
        return
    own = replace(spec, width=width, height=height)
    yield from check_names(record, own)
    styles = {real.style for real in record.reals}
    pairs = [(t.bg_style, t.fg_style) for t in record.triplets]
    exchanged = sorted(pairs) == sorted((a, b) for a in styles for b in styles if a != b)
    before_plate = len(styles) == 1 and {a for a, _ in pairs} == styles and all(a != b for a, b in pairs)
    if len(styles) != len(record.reals) or len(set(pairs)) != len(pairs) or not (before_plate or (exchanged and pairs)):
        rule = "all ordered pairs of its styles, or one real image and composites of other styles before it"
        yield Problem(mask, f"the view should have {rule}, each once")
    yield from check_pictures(layout.root, own, record)


def _dataset_file(layout: SetLayout, records: list[ViewRecord]) -> Iterator[Problem]:
    yield from check_summary(layout, read_dataset_file(layout, "export any frame again"), records)


def _strays(layout: SetLayout, spec: DatasetSpec, records: list[ViewRecord]) -> Iterator[Problem]:
    """Everything below the root that neither the manifest nor the layout knows; credits are the artist's to write."""
    whole = {layout.report, layout.state, layout.root / STATE}
    files = {layout.dataset, layout.manifest, layout.credits, *list_files(layout, spec, [])}
    files |= {layout.root / name for record in records for name in files_of(record)}
    yield from check_strays(layout.root, files, whole)
